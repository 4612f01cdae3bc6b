package python

import (
	"os/exec"
	"syscall"
)

// dieWithUs ends a worker also where this process is killed and cannot end it.
func dieWithUs(cmd *exec.Cmd) { cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL }
