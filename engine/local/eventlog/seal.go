package eventlog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
)

// sealBytes is how much of the write-ahead log goes to one file, about; at a high rate an hour is several.
const sealBytes = 256 << 20

// Seal seals hours that are over, lets go what is older than Keep, and forgets ids that no copy can have any more.
func (l *eventLog) Seal(ctx context.Context) error {
	l.sealing.Lock()
	defer l.sealing.Unlock()
	if err := l.seal(ctx); err != nil {
		return fmt.Errorf("seal the event log %s: %w", l.dir, err)
	}
	return nil
}

func (l *eventLog) seal(ctx context.Context) error {
	if err := l.endHour(ctx); err != nil {
		return err
	}
	for {
		group := l.sealable()
		if len(group) == 0 {
			break
		}
		if err := l.sealGroup(ctx, group); err != nil {
			return err
		}
	}
	if err := l.letGo(); err != nil {
		return err
	}
	return l.writer.forget(l.o.Clock())
}

// endHour ends the last segment where its hour is over and it is released.
func (l *eventLog) endHour(ctx context.Context) error {
	now := hourOf(l.o.Clock())
	l.mu.Lock()
	s, closed := l.segments[len(l.segments)-1], l.closed
	due := s.end > s.base && s.end <= l.released && s.hour != now
	l.mu.Unlock()
	if closed {
		return ErrClosed
	}
	if !due {
		return nil
	}
	w := l.writer
	_, err := l.submit(ctx, &request{task: func() error {
		if w.seg != s { // an append was faster
			return nil
		}
		return w.turn()
	}})
	return err
}

// sealable are the oldest segments, where they make a file: ended, released, of one hour, and the hour over or as many as a file takes.
func (l *eventLog) sealable() []*segment {
	now := hourOf(l.o.Clock())
	l.mu.Lock()
	defer l.mu.Unlock()
	bytes := int64(0)
	for i, s := range l.segments {
		first := l.segments[0]
		if i > 0 && s.end > s.base && s.hour != first.hour || i > 0 && i == len(l.segments)-1 && now != first.hour {
			return slices.Clone(l.segments[:i])
		}
		if i == len(l.segments)-1 || s.end > l.released {
			return nil
		}
		if bytes += s.bytes; bytes >= sealBytes {
			return slices.Clone(l.segments[:i+1])
		}
	}
	return nil
}

// sealGroup writes the file of a group and drops its segments. The memories of ids have what is in them on disk before they go.
func (l *eventLog) sealGroup(ctx context.Context, group []*segment) error {
	from, to := group[0].base, group[len(group)-1].end
	if err := l.rememberUpTo(ctx, to); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(l.dir, sealedFolder), 0o777); err != nil {
		return err
	}
	format := l.o.Formats[0]
	path := sealedPath(l.dir, format.Extensions()[0], group[0].hour, from, to)
	schema := append(columnsOf(l.schema), value.Field{Name: recordColumn, Type: value.Int})
	w, err := dataset.Create(l.o.Formats, path, schema, dataset.Metadata{}, dataset.WriteOptions{Format: format.Name(), Parallel: 1})
	if err != nil {
		return err
	}
	defer w.Abort()
	all := make([]int, len(schema))
	for i := range all {
		all[i] = i
	}
	for _, s := range group {
		u := &unsealed{seg: *s, schema: l.schema, columns: schema}
		if err := u.Read(ctx, 0, all, dataset.DefaultBatchRows, &dataset.Counts{}, w.Write); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	l.mu.Lock()
	l.sealed = append(slices.Clone(l.sealed), sealedName{path, group[0].hour, from, to})
	l.segments = slices.Clone(l.segments[len(group):])
	l.mu.Unlock()
	return removeSegments(group)
}

// rememberUpTo has the memories of all records before a place on disk.
func (l *eventLog) rememberUpTo(ctx context.Context, place int64) error {
	if _, err := l.submit(ctx, &request{task: l.writer.freeze}); err != nil {
		return err
	}
	for _, m := range l.writer.memories() {
		if err := m.index.Wait(place); err != nil {
			return err
		}
	}
	return nil
}

func removeSegments(group []*segment) error {
	for _, s := range group {
		if err := os.Remove(s.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove a segment that was sealed: %w", err)
		}
	}
	return nil
}

// letGo removes the sealed files all of whose rows are older than Keep. Files go in the order of their records, so that what is left is
// without gaps; where the clock was wrong for a while, rows are as old as the oldest that came after them.
func (l *eventLog) letGo() error {
	if l.o.Keep == 0 {
		return nil
	}
	l.mu.Lock()
	sealed := l.sealed
	l.mu.Unlock()
	hours, hour := make([]int64, len(sealed)), int64(math.MaxInt64)
	for i := len(sealed) - 1; i >= 0; i-- {
		hour = min(hour, sealed[i].hour)
		hours[i] = hour
	}
	for i, s := range sealed {
		if (hours[i]+1)*3_600_000 > l.o.Clock()-l.o.Keep {
			return nil
		}
		l.mu.Lock()
		l.sealed = sealed[i+1:]
		l.mu.Unlock()
		if err := os.Remove(s.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("let go what is older than the log keeps: %w", err)
		}
	}
	return nil
}
