package pebble

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/bighead-ml/bighead/store"
)

// Write implements store.Store.
func (s *Store) Write(ctx context.Context, w *store.Write) error {
	if err := w.Check(); err != nil {
		return err
	}
	return s.commit(ctx, "write to", w.Sync, size(w), func(b *pebble.Batch) (func(), error) {
		if w.Epoch < s.epoch {
			return nil, store.ErrFenced
		}
		err := fill(b, w)
		if w.Epoch > s.epoch {
			err = errors.Join(err, b.Set(epochKey, appendInt(nil, w.Epoch), nil))
		}
		s.unexpire(w.Puts)
		epoch := w.Epoch // w is the caller's again where its context ends
		return func() { s.epoch = epoch }, err
	})
}

// size is about how many bytes a batch of the write takes: who knows it does not move what is in it while it grows.
func size(w *store.Write) (bytes int) {
	const head = 1 + 2*5 + 3 + 3*8 + 2 // a record's kind and lengths, and what a place has beside space and key
	for i := range w.Puts {
		bytes += head + len(w.Puts[i].Space) + len(w.Puts[i].Key) + len(w.Puts[i].Bytes)
	}
	for i := range w.Meta {
		bytes += head + len(w.Meta[i].Name) + len(w.Meta[i].Bytes)
	}
	return bytes
}

// fill puts a write into a batch, which copies it.
func fill(b *pebble.Batch, w *store.Write) error {
	var key []byte
	set := func(bytes []byte) error {
		if bytes == nil {
			return b.Delete(key, nil)
		}
		return b.Set(key, bytes, nil)
	}
	for i := range w.Puts {
		p := &w.Puts[i]
		key = appendInt(appendLine(key[:0], p.Space, p.Step, store.Period(p.Step, p.Start), p.Key), p.Start)
		if err := set(p.Bytes); err != nil {
			return err
		}
	}
	for i := range w.Meta {
		key = append(append(key[:0], kindMeta), w.Meta[i].Name...)
		if err := set(w.Meta[i].Bytes); err != nil {
			return err
		}
	}
	return nil
}

// Fence implements store.Store. It is synced: whoever calls it relies on it.
func (s *Store) Fence(ctx context.Context, epoch int64) error {
	return s.commit(ctx, "fence", true, 0, func(b *pebble.Batch) (func(), error) {
		switch {
		case epoch < s.epoch:
			return nil, store.ErrFenced
		case epoch == s.epoch:
			return func() {}, nil
		}
		return func() { s.epoch = epoch }, b.Set(epochKey, appendInt(nil, epoch), nil)
	})
}

// retained is up to how many bytes of a batch's memory are kept for the next: a stream writes some megabytes a few times a second.
const retained = 16 << 20

// commit commits what fill makes, of about so many bytes. Fill runs where the writer's state may be used, before commit returns, and gives what is to be done
// with that state after a success. The commit itself runs beside: where pebble holds it up (its compactions are behind, the disk is
// slow) and the context ends, the caller is let go, and the next commit waits for this one.
func (s *Store) commit(ctx context.Context, what string, sync bool, size int, fill func(b *pebble.Batch) (func(), error)) error {
	if err := s.ended(ctx, what); err != nil {
		return err
	}
	select {
	case s.writer <- struct{}{}:
	case <-ctx.Done():
		return s.ended(ctx, what)
	}
	if err := s.state.writable(); err != nil {
		<-s.writer
		return fmt.Errorf("%s: %w", s.doing(what), err)
	}
	b := s.db.NewBatchWithSize(size, pebble.WithMaxRetainedSizeBytes(retained))
	then, err := guarded(func() (func(), error) { return fill(b) })
	if err != nil {
		b.Close()
		<-s.writer
		if errors.Is(err, store.ErrFenced) {
			return err
		}
		return s.fail(what, err)
	}
	done := make(chan error, 1)
	go func() {
		err := s.apply(b, sync)
		if err == nil {
			then()
		}
		<-s.writer
		done <- err
	}()
	select {
	case err := <-done:
		if err != nil {
			return s.fail(what, err)
		}
		return nil
	case <-ctx.Done():
		return s.ended(ctx, what)
	}
}

// apply commits a batch. What goes wrong in it fails the store.
func (s *Store) apply(b *pebble.Batch, sync bool) error {
	s.disk.synced.Store(sync)
	_, err := guarded(func() (struct{}, error) { return struct{}{}, errors.Join(b.Commit(pebble.Sync), b.Close()) })
	if err != nil {
		s.state.fail(err)
	}
	return s.state.failure()
}

// Expire implements store.Store.
func (s *Store) Expire(ctx context.Context, space string, step, before int64) error {
	if step <= 0 {
		return s.expireWalk(ctx, space, step, before)
	}
	at, period := stepOf{space, step}, store.Expired(step, before)
	return s.deleteRange(ctx, "expire in", layEvery, func(b *pebble.Batch) (func(), error) {
		if last, ok := s.expired[at]; ok && period <= last {
			return func() {}, nil // nothing new, and each range deletion costs reads
		}
		from, to := expired(space, step, before)
		return func() { s.expired[at] = period }, b.DeleteRange(from, to, nil)
	})
}

// unexpire notes that something is written in periods that were expired.
func (s *Store) unexpire(puts []store.Put) {
	if len(s.expired) == 0 {
		return
	}
	for i := range puts {
		p := &puts[i]
		at := stepOf{p.Space, p.Step}
		if last, ok := s.expired[at]; ok && store.Period(p.Step, p.Start) < last {
			delete(s.expired, at)
		}
	}
}

// expireWalk deletes what starts before a time one by one.
func (s *Store) expireWalk(ctx context.Context, space string, step, before int64) error {
	const batch = 1000
	w := store.Write{Puts: make([]store.Put, 0, batch)}
	flush := func() error {
		defer func() { w.Puts = w.Puts[:0] }()
		return s.commit(ctx, "expire in", false, size(&w), func(b *pebble.Batch) (func(), error) { return func() {}, fill(b, &w) })
	}
	err := s.Scan(ctx, space, step, func(key string, start int64, _ []byte) error {
		if start >= before {
			return nil
		}
		if w.Puts = append(w.Puts, store.Put{Space: space, Key: key, Step: step, Start: start}); len(w.Puts) == batch {
			return flush()
		}
		return nil
	})
	if err != nil || len(w.Puts) == 0 {
		return err
	}
	return flush()
}

// Drop implements store.Store.
func (s *Store) Drop(ctx context.Context, space string) error {
	return s.deleteRange(ctx, "drop from", 0, func(b *pebble.Batch) (func(), error) {
		from, to := spaceBounds(space)
		forget := func() {
			for at := range s.expired {
				if at.space == space {
					delete(s.expired, at)
				}
			}
		}
		return forget, b.DeleteRange(from, to, nil)
	})
}

// layEvery is how often what is in memory is laid down for what expires: one level does so after the other, and to lay down for each would fill
// the queue of what is to be laid down, in which writes wait then.
const layEvery = time.Minute

// deleteRange commits a range deletion and has what is in memory laid down, since only then compactions know of it; where that was done within
// a while, the next time.
func (s *Store) deleteRange(ctx context.Context, what string, while time.Duration, fill func(b *pebble.Batch) (func(), error)) error {
	return s.commit(ctx, what, false, 0, func(b *pebble.Batch) (func(), error) {
		then, err := fill(b)
		if err != nil || b.Empty() {
			return then, err
		}
		return func() {
			then()
			if time.Since(s.laid) < while {
				return
			}
			s.laid = time.Now()
			if _, err := guarded(s.db.AsyncFlush); err != nil {
				s.state.fail(err)
			}
		}, nil
	})
}

// Sizes implements store.Store: what each space takes on disk, estimated. What lies only in memory and the log counts nothing.
func (s *Store) Sizes(ctx context.Context) (map[string]int64, error) {
	if err := s.ended(ctx, "size"); err != nil {
		return nil, err
	}
	it, err := s.db.NewIterWithContext(ctx, &pebble.IterOptions{LowerBound: []byte{kindValue}, UpperBound: []byte{kindValue + 1}})
	if err != nil {
		return nil, s.fail("size", err)
	}
	sizes := map[string]int64{}
	for ok := it.First(); ok && err == nil; {
		var space string
		if space, err = spaceOf(it.Key()); err != nil {
			break
		}
		from, to := spaceBounds(space)
		var n uint64
		n, err = s.db.EstimateDiskUsage(from, to)
		sizes[space] = int64(n)
		ok = it.SeekGE(to)
	}
	if err := errors.Join(err, it.Close()); err != nil {
		return nil, s.fail("size", err)
	}
	return sizes, nil
}
