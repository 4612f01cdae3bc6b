//go:build !unix

package train

import (
	"context"
	"errors"
)

// lock refuses: without locks that end with their process, nobody can tell an environment that is being made from one that was left half-made.
func lock(context.Context, string) (func(), error) {
	return nil, errors.New("this system has no file locks that end with their process: train on Linux or macOS, or with the project's own Python")
}

// hold has nothing to lock a file with.
func hold(string) (release func(), err error) { return func() {}, nil }

// free reports that a run may be written still: nobody can tell, and so none is removed.
func free(string) bool { return false }
