package eventlog

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/bighead-ml/bighead/value"
)

// recover finds out what the log holds, and makes it ready to be written to.
func (l *eventLog) recover() error {
	wal := filepath.Join(l.dir, walFolder)
	if err := removeStaged(wal); err != nil {
		return err
	}
	segments, sealedTo, err := l.listUnsealed(wal)
	if err != nil {
		return err
	}
	for _, s := range segments {
		if err := agree(s, l.schema); err != nil {
			return err
		}
	}
	l.positions = map[int32]int64{}
	if n := len(segments); n > 0 {
		last := segments[n-1]
		if err := last.recover(); err != nil {
			return err
		}
		maps.Copy(l.positions, last.before)
		if err := last.replay(last.base, func(h *head) error {
			l.positions[h.Partition] = h.last()
			return nil
		}); err != nil {
			return err
		}
	}
	if l.segments = segments; len(segments) == 0 {
		l.next = sealedTo
	} else {
		l.next = segments[len(segments)-1].end
	}
	l.writer, err = newWriter(l)
	return err
}

// listUnsealed are the segments whose records are not sealed; those whose are, which a process was ended over before it had removed them,
// are removed. sealedTo is the first record that is not sealed.
func (l *eventLog) listUnsealed(wal string) (segments []*segment, sealedTo int64, err error) {
	if segments, err = listSegments(wal); err != nil {
		return nil, 0, err
	}
	sealed, err := listSealed(l.dir)
	if err != nil {
		return nil, 0, err
	}
	l.sealed = sealed
	sealedTo = 1
	if n := len(sealed); n > 0 {
		sealedTo = sealed[n-1].to
	}
	if err := removeStaged(filepath.Join(l.dir, sealedFolder)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, 0, err
	}
	done := 0
	for done < len(segments)-1 && segments[done].end <= sealedTo { // the last is never sealed
		done++
	}
	if len(segments) > done && len(sealed) > 0 && segments[done].base != sealedTo {
		return nil, 0, damaged(segments[done].path, 0, fmt.Errorf("it begins with record %d, and what is sealed ends with %d", segments[done].base, sealedTo-1))
	}
	return segments[done:], sealedTo, removeSegments(segments[:done])
}

// removeStaged removes what a process that was ended left half written.
func removeStaged(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") && strings.HasSuffix(e.Name(), ".tmp") {
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("remove a leftover: %w", err)
			}
		}
	}
	return nil
}

// agree refuses a segment that has a column in another type than the log is opened with.
func agree(s *segment, schema value.Schema) error {
	for _, f := range s.schema {
		if t, ok := schema.Lookup(f.Name); ok && !t.Equal(f.Type) {
			return fmt.Errorf("%s has column %q as %s, and the source as %s: give the column another name, or move the folder away to begin anew", s.path, f.Name, f.Type, t)
		}
	}
	return nil
}

// recover reads the last segment through, and cuts off an end that a crash tore.
func (s *segment) recover() error {
	cut, err := s.measure()
	if err != nil || !cut {
		return err
	}
	return truncate(s.path, s.bytes)
}

// measure reads the last segment through, and says whether something torn lies behind its last whole frame.
func (s *segment) measure() (cut bool, err error) {
	if err := s.stat(); err != nil {
		return false, err
	}
	r, err := s.frames(s.bytes)
	if err != nil {
		return false, err
	}
	defer r.Close()
	err = r.each(func(*head) error { return nil })
	s.end, s.bytes = r.next, r.at
	if !errors.Is(err, ErrDamaged) {
		return false, err
	}
	cut, e := torn(s.path, r.at)
	if e != nil || !cut {
		return false, errors.Join(err, e)
	}
	return true, nil
}

// truncate cuts a file, durably.
func truncate(path string, size int64) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	err = f.Truncate(size)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

// replay calls f with the records of a segment from a sequence number on.
func (s *segment) replay(from int64, f func(*head) error) error {
	r, err := s.frames(s.bytes)
	if err != nil {
		return err
	}
	defer r.Close()
	err = r.each(func(h *head) error {
		if h.Sequence < from {
			return nil
		}
		return f(h)
	})
	if err == nil && r.next != s.end {
		err = damaged(s.path, r.at, fmt.Errorf("it ends with record %d, and %d is missing", r.next-1, r.next))
	}
	return err
}
