package proc

import "syscall"

// ownGroup puts the child into its own process group and has the kernel kill it when the thread that forked it ends.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
