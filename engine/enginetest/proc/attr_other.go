//go:build unix && !linux

package proc

import "syscall"

// ownGroup puts the child into its own process group. No parent-death signal exists here: after kill -9 of the test the
// servers stay and have to be ended by hand.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
