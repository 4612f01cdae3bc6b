//go:build !unix

package eventlog

import (
	"errors"
	"os"
)

// lockFile refuses: a log that two processes write to would lose events, and where there are no locks that end with their process
// nobody can tell that there is one alone.
func lockFile(*os.File) error {
	return errors.New("this system has no file locks that end with their process: keep the event log on Linux or macOS")
}
