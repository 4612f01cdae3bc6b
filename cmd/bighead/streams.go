package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/term"
)

// watched is a stream that remembers the first error of writing to it, so that output which is lost to a full disk is no success.
type watched struct {
	io.Writer
	name string

	mu  sync.Mutex
	err error
}

func (w *watched) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	if err != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.err == nil {
			w.err = fmt.Errorf("%s: %w", w.name, err)
		}
	}
	return n, err
}

// failed is the first error of writing.
func (w *watched) failed() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// descriptor is that of a stream which is a file, of a watched one that of what it watches.
func descriptor(w io.Writer) (int, bool) {
	if under, ok := w.(*watched); ok {
		w = under.Writer
	}
	f, ok := w.(interface{ Fd() uintptr })
	if !ok {
		return 0, false
	}
	return int(f.Fd()), true
}

// terminal reports whether w is one, so that bars and colours stay out of pipes and files.
func terminal(w io.Writer) bool {
	fd, ok := descriptor(w)
	return ok && term.IsTerminal(fd)
}

// defect is a mistake of ours that ended a command: what went wrong in a line, and the stack for those who ask for it.
type defect struct{ what, stack string }

func (d *defect) Error() string {
	return "this is our bug, not yours: " + d.what + " (--traceback shows where; please report it)"
}

// asDefect finds what a room reported as a defect of its own; its text has the stack in the lines after the first.
func asDefect(err error) (*defect, bool) {
	var d *defect
	if errors.As(err, &d) {
		return d, true
	}
	const mark = "a defect of bighead: "
	text := err.Error()
	at := strings.Index(text, mark)
	if at < 0 {
		return nil, false
	}
	what, stack, _ := strings.Cut(text[at+len(mark):], "\n")
	return &defect{text[:at] + what, stack}, true
}

// writeWhole replaces a file by another whole one, or leaves it as it is.
func writeWhole(path string, text []byte) error {
	mode := fs.FileMode(0o644)
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".bighead-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(mode), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", path, err), os.Remove(f.Name()))
	}
	return nil
}
