//go:build unix

package eventlog

import (
	"errors"
	"os"
	"syscall"
)

// lockFile takes an advisory lock, which the system gives back when the process ends.
func lockFile(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return ErrOpen
	}
	return err
}
