package pebble

import (
	"bytes"
	"context"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"github.com/bighead-ml/bighead/store"
)

// skipFrom is from how many periods on a read looks which ones there are: up to there, a Bloom filter says faster that there is
// nothing than a seek finds what there is instead.
const skipFrom = 5

// A reader is the state of one Read.
type reader struct {
	it    *pebble.Iterator
	key   []byte // of the last seek
	found func(i int, start int64, bytes []byte) error
}

var readers = sync.Pool{New: func() any { return &reader{} }}

// Read implements store.Store. All ranges are read through one iterator, which sees the store as it was when it was made.
func (s *Store) Read(ctx context.Context, ranges []store.Range, found func(i int, start int64, bytes []byte) error) error {
	if err := s.ended(ctx, "read"); err != nil {
		return err
	}
	if err := store.CheckRanges(ranges); err != nil || len(ranges) == 0 {
		return err
	}
	it, err := s.db.NewIterWithContext(ctx, nil)
	if err != nil {
		return s.fail("read", err)
	}
	r := readers.Get().(*reader)
	r.it, r.found = it, found
	for i := 0; i < len(ranges) && err == nil && it.Error() == nil; i++ {
		if i%64 == 63 {
			err = s.ended(ctx, "read")
		}
		if err == nil {
			err = r.read(i, &ranges[i])
		}
	}
	failed := it.Close() // with what it met, if anything
	r.it, r.found = nil, nil
	readers.Put(r)
	switch {
	case err != nil:
		return err
	case failed != nil:
		return s.fail("read", failed)
	}
	return nil
}

// read reads one range. An error is one of found; the iterator's own is left in it.
func (r *reader) read(i int, at *store.Range) error {
	first, last := at.Periods()
	if last-first >= skipFrom {
		return r.skip(i, at, first, last)
	}
	for p := first; p <= last; p++ {
		line := r.seekKey(at, p)
		for ok := r.it.SeekPrefixGE(r.key); ok; ok = r.it.Next() {
			more, err := r.show(i, at, line)
			if err != nil {
				return err
			}
			if !more {
				return nil // ended within this period, so none is in a later one
			}
		}
		if r.it.Error() != nil {
			return nil
		}
	}
	return nil
}

// seekKey sets key to the first place of the range in a period, and gives the length of its line.
func (r *reader) seekKey(at *store.Range, period int64) int {
	r.key = appendLine(r.key[:0], at.Space, at.Step, period, at.Key)
	line := len(r.key)
	r.key = appendInt(r.key, at.From)
	return line
}

// show hands the value under the iterator to found; false where it lies behind the range.
func (r *reader) show(i int, at *store.Range, line int) (more bool, err error) {
	start := readInt(r.it.Key()[line:])
	if start >= at.To {
		return false, nil
	}
	value, err := r.it.ValueAndErr()
	if err != nil {
		return false, nil // the iterator keeps it
	}
	return true, r.found(i, start, value)
}

// skip reads a range of many periods, of which few may be there: a seek that finds nothing in its period says which is the next.
func (r *reader) skip(i int, at *store.Range, first, last int64) error {
	for p := first; ; {
		line := r.seekKey(at, p)
		ok := r.it.SeekGE(r.key)
		for ok && bytes.HasPrefix(r.it.Key(), r.key[:line]) {
			more, err := r.show(i, at, line)
			if err != nil || !more {
				return err
			}
			ok = r.it.Next()
		}
		if !ok {
			return nil
		}
		next, same := periodAt(r.it.Key(), r.key[:headLen(at.Space)])
		if next == p {
			next++
		}
		if !same || next > last {
			return nil
		}
		p = next
	}
}

// Meta implements store.Store.
func (s *Store) Meta(ctx context.Context, prefix string, found func(name string, bytes []byte) error) error {
	from := append([]byte{kindMeta}, prefix...)
	return s.walk(ctx, "read meta from", from, after(from), func(key, value []byte) error { return found(string(key[1:]), value) })
}

// Scan implements store.Store. It shows one moment, by period, key and start.
func (s *Store) Scan(ctx context.Context, space string, step int64, found func(key string, start int64, bytes []byte) error) error {
	head := appendStep(nil, space, step)
	var key []byte
	var last string
	return s.walk(ctx, "scan", bound(bytes.Clone(head)), bound(after(head)), func(k, value []byte) error {
		var start int64
		var err error
		if key, start, err = keyOf(key[:0], k, len(head)+8); err != nil {
			return s.fail("scan", err)
		}
		if last != string(key) {
			last = string(key)
		}
		return found(last, start, value)
	})
}

// walk calls found for each key in [from, to). An error of found is returned as it is.
func (s *Store) walk(ctx context.Context, what string, from, to []byte, found func(key, value []byte) error) (err error) {
	if err := s.ended(ctx, what); err != nil {
		return err
	}
	it, err := s.db.NewIterWithContext(ctx, &pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return s.fail(what, err)
	}
	defer func() {
		if cerr := it.Close(); err == nil && cerr != nil {
			err = s.fail(what, cerr)
		}
	}()
	n := 0
	for ok := it.First(); ok; ok = it.Next() {
		if n++; n%1024 == 0 {
			if err := s.ended(ctx, what); err != nil {
				return err
			}
		}
		value, err := it.ValueAndErr()
		if err != nil {
			return s.fail(what, err)
		}
		if err := found(it.Key(), value); err != nil {
			return err
		}
	}
	return nil
}
