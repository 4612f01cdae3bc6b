package audit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
)

// write makes a file of what waits. Where that fails the records are lost, and counted.
func (l *journal[R]) write(p *pending[R]) error {
	delete(l.pending, p.slot)
	defer func() {
		p.rows.empty()
		l.spare[p.group] = p.rows
	}()
	rows := p.rows.count()
	if rows == 0 { // of broken records alone
		return nil
	}
	err := l.writePart(p)
	l.held.Add(-p.cells)
	return l.wrote(p.group, rows, err)
}

// wrote counts what became of rows.
func (l *journal[R]) wrote(g group, rows int, err error) error {
	result := "logged"
	if err != nil {
		result, err = "failed", fmt.Errorf("%s %s: %w", l.kind.noun, g.folder, err)
		if !l.failing {
			l.o.Log.Warn(l.kind.was+" could not be recorded", "folder", l.o.Dir, "error", err)
		}
	}
	l.kind.count(g, result, rows)
	if l.failing = err != nil; !l.failing {
		l.dropping.Store(false)
	}
	return err
}

func (l *journal[R]) writePart(p *pending[R]) (err error) {
	defer func() { // whatever is wrong with what it was given, it must not end the server
		if x := recover(); x != nil {
			err = fmt.Errorf("a defect of bighead: %v\n%s", x, debug.Stack())
		}
	}()
	dir := filepath.Join(l.o.Dir, p.folder)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	n := name{hour: p.hour, fingerprint: feature.Short(p.view.Fingerprint), process: l.process, from: l.parts, to: l.parts + 1}
	path := filepath.Join(dir, n.String()+l.o.Formats[0].Extensions()[0])
	b := p.rows.whole()
	keys := map[string]string{l.kind.key(): p.folder, viewKey: p.view.Name, fingerprintKey: p.view.Fingerprint}
	w, err := l.create(path, b.Schema, keys, l.pace())
	if err != nil {
		return err
	}
	defer w.Abort()
	if err := w.Write(b); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	l.parts++
	l.written = append(l.written, written{p.folder, n, path})
	return nil
}

// The keys of a file's metadata.
const (
	viewKey        = "bighead.view"
	endpointKey    = "bighead.endpoint"
	fingerprintKey = "bighead.fingerprint"
)

// key is that of a group's own name.
func (k *kind[R]) key() string { return "bighead." + k.noun }

func (l *journal[R]) create(path string, schema value.Schema, keys map[string]string, pace func()) (dataset.Writer, error) {
	return dataset.Create(l.o.Formats, path, schema, dataset.Metadata{Keys: keys}, dataset.WriteOptions{Parallel: 1, Pause: pace})
}

// turnHour makes one file of each group's parts of hours that are over, and lets go what is older than Keep.
func (l *journal[R]) turnHour(now time.Time) {
	hour := now.Add(-2*l.o.Every).UnixMilli() / hourMS // what was answered in the last hour's end may have waited
	if hour == l.lastHour {
		return
	}
	l.lastHour = hour
	clear(l.spare) // so that views that are served no more are not kept
	for {
		i := slices.IndexFunc(l.written, func(w written) bool { return w.name.hour < hour })
		if i < 0 {
			break
		}
		first := l.written[i]
		same := func(w written) bool {
			return w.folder == first.folder && w.name.hour == first.name.hour && w.name.fingerprint == first.name.fingerprint
		}
		var group []written
		for _, w := range l.written {
			if same(w) {
				group = append(group, w)
			}
		}
		l.written = slices.DeleteFunc(l.written, same)
		if err := l.merge(context.Background(), group); err != nil {
			l.o.Log.Warn("an hour of "+l.kind.was+" stays in several files", "folder", l.o.Dir, "error", err)
		}
	}
	if err := l.tidy(now); err != nil {
		l.o.Log.Warn("what is older than the log of "+l.kind.what+" keeps could not be removed", "folder", l.o.Dir, "error", err)
	}
}

// merge makes one file of several. Whatever ends it, each record is shown once: the new file's name says which parts it has.
//
// Parts of other groups lie between those of one, so a name may cover numbers that were never this one's.
func (l *journal[R]) merge(ctx context.Context, group []written) error {
	if len(group) < 2 {
		return nil
	}
	n := group[0].name
	n.to = group[len(group)-1].name.to
	path := filepath.Join(filepath.Dir(group[0].path), n.String()+l.o.Formats[0].Extensions()[0])
	var w dataset.Writer
	pace := l.pace()
	for _, part := range group {
		t, err := dataset.Open(ctx, l.o.Formats, part.path, dataset.Options{})
		if err != nil {
			return err
		}
		if w == nil {
			if w, err = l.create(path, t.Schema(), t.Parts()[0].Metadata.Keys, pace); err != nil {
				return err
			}
			defer w.Abort()
		}
		if err := eachBatch(ctx, t, dataset.Scan{Parallel: 1}, w.Write); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	for _, part := range group {
		if err := os.Remove(part.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// staleTemp is how old an unfinished file is that nobody finishes any more.
const staleTemp = time.Hour

// tidy removes what is older than Keep, leftovers of merging, and what processes that were killed had begun.
func (l *journal[R]) tidy(now time.Time) error {
	folders, err := os.ReadDir(l.o.Dir)
	if err != nil {
		return err
	}
	for _, f := range folders {
		if !f.IsDir() {
			continue
		}
		dir := filepath.Join(l.o.Dir, f.Name())
		entries, err := os.ReadDir(dir)
		if err != nil {
			return err
		}
		names := namesOf(entries)
		for _, e := range entries {
			if l.outlived(e, names, now) {
				if err := os.Remove(filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
					return err
				}
			}
		}
	}
	return nil
}

func (l *journal[R]) outlived(e fs.DirEntry, names []name, now time.Time) bool {
	if n, ok := parseName(e.Name()); ok {
		old := l.o.Keep > 0 && (n.hour+1)*hourMS < now.UnixMilli()-l.o.Keep
		return old || leftover(n, names)
	}
	if !strings.HasPrefix(e.Name(), ".") || !strings.HasSuffix(e.Name(), ".tmp") {
		return false
	}
	info, err := e.Info()
	return err == nil && now.Sub(info.ModTime()) > staleTemp
}

func namesOf(entries []fs.DirEntry) []name {
	var out []name
	for _, e := range entries {
		if n, ok := parseName(e.Name()); ok {
			out = append(out, n)
		}
	}
	return out
}

// leftover reports whether another file has all that one has.
func leftover(n name, names []name) bool {
	return slices.ContainsFunc(names, func(m name) bool { return m != n && m.covers(n) })
}
