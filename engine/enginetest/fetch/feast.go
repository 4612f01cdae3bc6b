package fetch

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
)

// feastPackages are Feast and what its client imports, each with its version. What Feast names beside them for its server and its tools
// (mypy, uvloop) is left out.
//
//go:embed feast.txt
var feastPackages []byte

// FeastHome is a Feast that can be imported.
type FeastHome struct {
	Python string // the interpreter
	Dir    string // to put in PYTHONPATH
}

// Feast returns the pinned client of Feast, fetched if need be: some 400 MB.
func Feast(ctx context.Context) (FeastHome, error) {
	python, dir, err := pythonPackages(ctx, "feast", "Feast", feastPackages, "feast/infra/online_stores/remote.py")
	return FeastHome{Python: python, Dir: dir}, err
}

// pythonPackages are the packages of a list, each pinned, in a folder of their own.
func pythonPackages(ctx context.Context, name, what string, list []byte, file string) (python, dir string, err error) {
	if python, err = findPython(ctx); err != nil {
		return "", "", err
	}
	if err := exec.CommandContext(ctx, python, "-c", "import sys; sys.exit(sys.version_info < (3, 11))").Run(); err != nil {
		return "", "", &UnavailableError{What: "Python 3.11 or newer", Cure: "install it, or put it first in PATH", Err: err}
	}
	root, err := cacheDir()
	if err != nil {
		return "", "", err
	}
	hash := sha256.Sum256(list)
	dir, err = once(ctx, root, name+"-"+hex.EncodeToString(hash[:4]), func(stage string) error {
		path := filepath.Join(stage, "requirements.txt")
		if err := os.WriteFile(path, list, 0o644); err != nil {
			return diskFull(err)
		}
		if err := client(ctx, what+" from the Python package index", stage, python,
			"-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:", "--target", stage, "-r", path); err != nil {
			return err
		}
		return present(stage, file)
	})
	return python, dir, err
}
