package eventlog

import (
	"os"
	"syscall"
)

// walOnDisk is a segment's file. Sync leaves out what nobody reads after a crash, the time of modification.
type walOnDisk struct{ *os.File }

func (f walOnDisk) Sync() error {
	for {
		if err := syscall.Fdatasync(int(f.Fd())); err != syscall.EINTR {
			return os.NewSyscallError("fdatasync", err)
		}
	}
}
