package project

import (
	"os/exec"
	"syscall"
)

// dieWithUs ends the child also where this process is killed and cannot end it: a definition file that loops must not outlive us.
func dieWithUs(cmd *exec.Cmd) { cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL }
