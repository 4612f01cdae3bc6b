package project

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/bighead-ml/bighead/sdk"
)

// MinPython is the oldest Python that records definitions.
const MinPython = "3.10"

// KernelPython is the environment variable by which a notebook names its own interpreter.
const KernelPython = "BIGHEAD_KERNEL_PYTHON"

// Python says how definitions are recorded. The zero value is python3 with the default limits.
type Python struct {
	Path    string        // the interpreter; found by FindPython where empty
	Timeout time.Duration // for each unit; DefaultTimeout where zero
	Memory  int64         // bytes of address space; DefaultMemory where zero, no limit where negative
	Stderr  io.Writer     // gets what definitions print; discarded where nil
}

// Limits of a recording.
const (
	DefaultTimeout = 30 * time.Second
	DefaultMemory  = 4 << 30
)

// ErrNoPython is wrapped where there is no interpreter to record with.
var ErrNoPython = errors.New("no Python to record definitions with")

// FindPython chooses the interpreter: the configured one, else that of an active virtual environment, else the
// notebook's, else python3. getenv is os.Getenv or a test's.
func FindPython(configured string, getenv func(string) string) (string, error) {
	if configured != "" {
		return lookPath(configured, "[python] path")
	}
	if env := getenv("VIRTUAL_ENV"); env != "" {
		return lookPath(filepath.Join(env, "bin", "python"), "VIRTUAL_ENV")
	}
	if kernel := getenv(KernelPython); kernel != "" {
		return lookPath(kernel, KernelPython)
	}
	path, err := exec.LookPath("python3")
	if err != nil {
		return "", fmt.Errorf("%w: python3 is not on the PATH; install Python %s or later, or set [python] path in bighead.toml", ErrNoPython, MinPython)
	}
	return path, nil
}

func lookPath(path, from string) (string, error) {
	found, err := exec.LookPath(path)
	if err != nil {
		return "", fmt.Errorf("%w: %s names %s, which cannot be run (%w)", ErrNoPython, from, path, errors.Unwrap(err))
	}
	return found, nil
}

// WriteSDK puts the embedded SDK into a new archive that Python can import from; the caller removes it.
func WriteSDK() (path string, err error) {
	f, err := os.CreateTemp("", "bighead-sdk-*.zip")
	if err != nil {
		return "", fmt.Errorf("write the SDK for Python: %w", err)
	}
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	w := zip.NewWriter(f)
	files := sdk.Files()
	err = fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		// Stored, not packed: a bare Python may lack zlib, and the disk never sees these bytes.
		e, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err != nil {
			return err
		}
		_, err = e.Write(b)
		return err
	})
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return "", fmt.Errorf("write the SDK for Python: %w", err)
	}
	return f.Name(), nil
}
