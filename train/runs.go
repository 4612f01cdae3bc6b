package train

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Folder is a run's folder, held by the process that writes it, so that no other takes it for one that may go.
type Folder struct {
	Name    string // by the time and the model, so that runs are listed in their order
	Path    string
	release func()
}

// holdName is the file of a run's folder that its process has locked. The system gives the lock back when the process ends.
const holdName = ".writing"

// runName is what runs are called: a time, the model and a tail that keeps those of one second apart.
var runName = regexp.MustCompile(`^[0-9]{8}T[0-9]{6}-(.+)-[0-9a-f]{6}$`)

// gone begins the names of folders that are being removed.
const gone = ".removed-"

// Begin makes the folder of a run among the others.
func Begin(runs, model string, now time.Time) (*Folder, error) {
	var tail [3]byte
	_, _ = rand.Read(tail[:]) // never fails
	f := &Folder{Name: now.UTC().Format("20060102T150405") + "-" + model + "-" + hex.EncodeToString(tail[:])}
	f.Path = filepath.Join(runs, f.Name)
	if err := os.MkdirAll(f.Path, 0o755); err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	var err error
	if f.release, err = hold(filepath.Join(f.Path, holdName)); err != nil {
		return nil, errors.Join(fmt.Errorf("train: %w", err), os.RemoveAll(f.Path))
	}
	return f, nil
}

// Keep ends the run and leaves what it wrote.
func (f *Folder) Keep() { f.release() }

// Remove ends the run without a trace.
func (f *Folder) Remove() error {
	defer f.release()
	return os.RemoveAll(f.Path)
}

// Pruned is what Prune took away.
type Pruned struct {
	Runs  []string
	Bytes int64
}

// Prune removes the runs of a model but the newest, of which it keeps so many; runs that are being written are neither counted nor removed. No version needs
// a run: what it is made of is in its artifact, and the registry has its metrics. A folder is renamed before it is removed, so that none is ever
// there in part; what a process that was killed meanwhile has left goes with the next.
func Prune(runs, model string, keep int) (Pruned, error) {
	var out Pruned
	entries, err := os.ReadDir(runs)
	if errors.Is(err, fs.ErrNotExist) {
		return out, nil
	}
	if err != nil {
		return out, fmt.Errorf("prune runs: %w", err)
	}
	var ended []string
	for _, e := range entries {
		switch m := runName.FindStringSubmatch(e.Name()); {
		case !e.IsDir():
		case strings.HasPrefix(e.Name(), gone):
			err = errors.Join(err, os.RemoveAll(filepath.Join(runs, e.Name())))
		case m != nil && m[1] == model && free(filepath.Join(runs, e.Name(), holdName)):
			ended = append(ended, e.Name())
		}
	}
	slices.Sort(ended)
	for _, name := range ended[:max(0, len(ended)-keep)] {
		n, failed := removeRun(runs, name)
		if failed != nil {
			err = errors.Join(err, failed)
			continue
		}
		out.Runs, out.Bytes = append(out.Runs, name), out.Bytes+n
	}
	if err != nil {
		err = fmt.Errorf("prune runs: %w", err)
	}
	return out, err
}

// removeRun removes a run and says how large it was.
func removeRun(runs, name string) (bytes int64, err error) {
	to := filepath.Join(runs, gone+name)
	if err := os.Rename(filepath.Join(runs, name), to); errors.Is(err, fs.ErrNotExist) {
		return 0, nil // somebody else removes it
	} else if err != nil {
		return 0, err
	}
	err = filepath.WalkDir(to, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			bytes += info.Size()
		}
		return err
	})
	return bytes, errors.Join(err, os.RemoveAll(to))
}
