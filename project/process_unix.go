//go:build unix

package project

import (
	"os/exec"
	"syscall"
)

// ownGroup starts the child in a process group of its own, and ends all of the group when it is cancelled: what a
// definition file starts must not outlive it.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithUs(cmd)
	cmd.Cancel = func() error { return killGroup(cmd) }
}

func killGroup(cmd *exec.Cmd) error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
