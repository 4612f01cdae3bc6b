//go:build unix

package project

import (
	"os/exec"
	"syscall"
)

// OwnGroup starts the child in a process group of its own, and ends all of the group when it is cancelled: what a
// definition file starts must not outlive it.
func OwnGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithUs(cmd)
	cmd.Cancel = func() error { return KillGroup(cmd) }
}

// KillGroup ends all of the group that OwnGroup gave the child.
func KillGroup(cmd *exec.Cmd) error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
