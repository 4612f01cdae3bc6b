package audit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
)

// logFile is a file of served vectors, or of predictions.
type logFile struct {
	name        name
	path        string
	view        string
	fingerprint string // of the view
	table       dataset.Table
}

// Views are the names of the views of which a folder has served vectors, or of the endpoints of which it has predictions, sorted.
func Views(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the log of what was served: %w", err)
	}
	var out []string
	for _, e := range entries {
		if e.IsDir() {
			out = append(out, e.Name())
		}
	}
	return out, nil
}

// openLog finds the files of a view (viewKey), or of an endpoint, that may have rows answered in [since, until), oldest first. A file that cannot be
// read is in damaged, with the reason, and not among them: it was not written by a log of ours, or something has happened to it since.
func openLog(ctx context.Context, dir, key, name string, formats []dataset.Format, since, until int64) (files []*logFile, damaged []string, err error) {
	dir = filepath.Join(dir, name)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read the log of what was served: %w", err)
	}
	names := namesOf(entries)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") { // somebody is writing it
			continue
		}
		f := &logFile{path: filepath.Join(dir, e.Name())}
		ok := false
		if f.name, ok = parseName(e.Name()); !ok {
			damaged = append(damaged, f.path+": it is no file of what was served")
			continue
		}
		if (f.name.hour+1)*hourMS <= since || f.name.hour*hourMS >= until || leftover(f.name, names) {
			continue
		}
		f.table, err = dataset.Open(ctx, formats, f.path, dataset.Options{})
		if errors.Is(err, fs.ErrNotExist) { // merged meanwhile: its hour is over
			continue
		}
		if err == nil {
			keys := f.table.Parts()[0].Metadata.Keys
			if f.view, f.fingerprint = keys[viewKey], keys[fingerprintKey]; f.fingerprint == "" || keys[key] != name {
				err = fmt.Errorf("it does not say that it is of %s %s", strings.TrimPrefix(key, "bighead."), name)
			}
		}
		if err != nil {
			damaged = append(damaged, fmt.Sprintf("%s: %v", f.path, err))
			continue
		}
		files = append(files, f)
	}
	slices.SortStableFunc(files, func(a, b *logFile) int { return strings.Compare(a.name.String(), b.name.String()) })
	return files, damaged, nil
}

// eachBatch reads a table.
func eachBatch(ctx context.Context, t dataset.Table, s dataset.Scan, do func(*value.Batch) error) error {
	r, err := t.Scan(ctx, s)
	if err != nil {
		return err
	}
	defer r.Close()
	for {
		b, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := do(b); err != nil {
			return err
		}
	}
}

// eachNamed reads columns of a file of a log, after the one that names predictions: of every row that names one. An error says which file it is of.
func eachNamed(ctx context.Context, f *logFile, name string, columns []string, do func(id uuid.UUID, of []*value.Column, i int) error) error {
	err := eachBatch(ctx, f.table, dataset.Scan{Columns: append([]string{name}, columns...)}, func(b *value.Batch) error {
		for i := range b.N {
			if b.Columns[0].IsNull(i) {
				continue
			}
			id, err := uuid.Parse(b.Columns[0].Strs[i])
			if err != nil {
				continue
			}
			if err := do(id, b.Columns[1:], i); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	return nil
}
