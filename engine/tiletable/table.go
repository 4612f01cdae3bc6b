package tiletable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/dataset"
)

// Table is the folder of a project's tiles. It holds nothing open, and may be used by many at once.
type Table struct{ dir string }

// Open makes a Table of a folder, which is made when something is first written.
func Open(dir string) *Table { return &Table{dir} }

// Dir is the table's folder.
func (t *Table) Dir() string { return t.dir }

// Set reads what there is of a source and key, as of now.
func (t *Table) Set(id ID) (*Set, error) {
	s := &Set{id: id, dir: filepath.Join(t.dir, id.folder())}
	if err := s.readManifest(); err != nil {
		return nil, err
	}
	s.index = s.makeIndex()
	return s, nil
}

// Lock is the right to write to a table, which one process has at a time.
type Lock struct {
	table *Table
	file  *os.File
}

// ErrLocked says that another process writes.
var ErrLocked = errors.New("another bighead is making tiles here: wait until it is done")

// Lock takes the right to write; the folder is made where it is missing. A process that ends, however it does, gives it back.
func (t *Table) Lock() (*Lock, error) {
	if err := os.MkdirAll(t.dir, 0o777); err != nil {
		return nil, fmt.Errorf("make the folder of tiles: %w", err)
	}
	path := filepath.Join(t.dir, "lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, fmt.Errorf("lock the tiles: %w", err)
	}
	if err := lockFile(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", t.dir, err)
	}
	return &Lock{t, f}, nil
}

// Close gives the right back.
func (l *Lock) Close() error { return l.file.Close() }

// Edit starts changing a set. Leftovers of a writer that was ended are removed first.
func (l *Lock) Edit(id ID) (*Edit, error) {
	s, err := l.table.Set(id)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(s.dir, 0o777); err != nil {
		return nil, fmt.Errorf("make the folder of tiles: %w", err)
	}
	if err := s.removeLeftovers(); err != nil {
		return nil, err
	}
	return &Edit{Set: s, folder: s.dir}, nil
}

const (
	fileSuffix = ".tiles"
	tempSuffix = ".tmp"
)

// removeLeftovers removes files of ours that the manifest does not name.
func (s *Set) removeLeftovers() error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return fmt.Errorf("look for leftovers: %w", err)
	}
	named := map[string]bool{}
	for _, c := range s.cells {
		named[c.File] = true
	}
	for _, e := range entries {
		name := e.Name()
		staged := strings.HasPrefix(name, ".") && strings.HasSuffix(name, tempSuffix)
		if staged || strings.HasSuffix(name, fileSuffix) && !named[name] {
			if err := os.Remove(filepath.Join(s.dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("remove a leftover: %w", err)
			}
		}
	}
	return s.forgetMissing(entries)
}

// forgetMissing drops cells whose file is not there or not of the size that was written, so that they are made again.
func (s *Set) forgetMissing(entries []os.DirEntry) error {
	sizes := make(map[string]int64, len(entries))
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			sizes[e.Name()] = info.Size()
		}
	}
	before := len(s.cells)
	s.cells = slices.DeleteFunc(slices.Clone(s.cells), func(c *Cell) bool {
		size, ok := sizes[c.File]
		return c.File != "" && (!ok || size != c.Bytes)
	})
	if len(s.cells) != before {
		s.index = s.makeIndex()
	}
	return nil
}

// replace writes a file of the set's folder anew: staged, synced, renamed.
func (s *Set) replace(name string, b []byte) error {
	staged, err := dataset.Stage(filepath.Join(s.dir, name))
	if err != nil {
		return err
	}
	if _, err := staged.Write(b); err != nil {
		staged.Abort()
		return fmt.Errorf("write %s: %w", filepath.Join(s.dir, name), err)
	}
	if err := hook("staged " + name); err != nil {
		return err
	}
	return staged.Commit()
}

// hook is where tests end a writer. It does nothing otherwise.
var hook = func(at string) error { return nil }
