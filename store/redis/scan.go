package redis

import (
	"context"
	"errors"

	"github.com/redis/rueidis"
)

// batch is how many names the server looks at in one step of a walk.
const batch = 1000

// scanNames walks through the names of all masters that a pattern matches. While names are added or go, one may come twice.
func (s *Store) scanNames(ctx context.Context, pattern string, each func(node rueidis.Client, names []string) error) error {
	return s.masters(ctx, func(node rueidis.Client, _ string) error {
		for cursor := uint64(0); ; {
			entry, err := s.do(ctx, node, node.B().Scan().Cursor(cursor).Match(pattern).Count(batch).Build()).AsScanEntry()
			if err != nil {
				return err
			}
			if len(entry.Elements) > 0 {
				if err := each(node, entry.Elements); err != nil {
					return err
				}
			}
			if cursor = entry.Cursor; cursor == 0 {
				return nil
			}
		}
	})
}

// eachHash walks through the hashes of a space of which want is true.
func (s *Store) eachHash(ctx context.Context, space string, want func(hashed) bool, each func(names []string) error) error {
	return s.scanNames(ctx, glob(s.names.space(space)), func(_ rueidis.Client, names []string) error {
		those := names[:0]
		for _, name := range names {
			if h, ok := s.names.parse(name); ok && h.space == space && want(h) {
				those = append(those, name)
			}
		}
		if len(those) == 0 {
			return nil
		}
		return each(those)
	})
}

// stop carries an error of found through what would wrap it.
type stop struct{ err error }

func (s stop) Error() string { return s.err.Error() }

// Scan implements store.Store. It walks through all names of the server.
func (s *Store) Scan(ctx context.Context, space string, step int64, found func(key string, start int64, bytes []byte) error) error {
	if err := s.ended(ctx, "scan"); err != nil {
		return err
	}
	err := s.eachHash(ctx, space, func(h hashed) bool { return h.step == step }, func(names []string) error {
		// A hundred at a time: their values are in memory together.
		for len(names) > 0 {
			n := min(len(names), 100)
			if err := s.scanHashes(ctx, names[:n], found); err != nil {
				return err
			}
			names = names[n:]
		}
		return nil
	})
	if s := (stop{}); errors.As(err, &s) {
		return s.err
	}
	if err != nil {
		return s.fail(ctx, "scan", err)
	}
	return nil
}

func (s *Store) scanHashes(ctx context.Context, names []string, found func(key string, start int64, bytes []byte) error) error {
	parts := make([]*part, len(names))
	for i, name := range names {
		parts[i] = &part{name: name}
	}
	if err := s.again(ctx, func() error { return s.exchange(ctx, parts, false) }); err != nil {
		return err
	}
	for _, p := range parts {
		h, _ := s.names.parse(p.name)
		cells, err := cellsOf(&p.answer, p.name, nil, func(int64) bool { return true })
		if err != nil {
			return err
		}
		for _, c := range cells {
			if err := found(h.key, c.start, c.bytes); err != nil {
				return stop{err}
			}
		}
	}
	return nil
}

// sample is of how many names Sizes asks how large they are, on each master.
const sample = 10_000

// Sizes implements store.Store. Where a server has more than sample names, it asks for the first ones that a walk comes upon, which are
// as good as drawn by lot, and takes the rest to be like them; a space that has few of very many may be missing.
func (s *Store) Sizes(ctx context.Context) (map[string]int64, error) {
	if err := s.ended(ctx, "size"); err != nil {
		return nil, err
	}
	sizes := map[string]int64{}
	err := s.masters(ctx, func(node rueidis.Client, _ string) error {
		total, err := s.do(ctx, node, node.B().Dbsize().Build()).AsInt64()
		if err != nil {
			return err
		}
		seen, those := int64(0), map[string]int64{}
		for cursor := uint64(0); ; {
			entry, err := s.do(ctx, node, node.B().Scan().Cursor(cursor).Count(batch).Build()).AsScanEntry()
			if err != nil {
				return err
			}
			seen += int64(len(entry.Elements))
			if err := s.weigh(ctx, node, entry.Elements, those); err != nil {
				return err
			}
			if cursor = entry.Cursor; cursor == 0 || seen >= sample {
				break
			}
		}
		for space, n := range those {
			sizes[space] += int64(float64(n) * max(1, float64(total)/float64(seen)))
		}
		return nil
	})
	if err != nil {
		return nil, s.fail(ctx, "size", err)
	}
	return sizes, nil
}

// weigh adds the bytes of those of the names that are hashes of ours.
func (s *Store) weigh(ctx context.Context, node rueidis.Client, names []string, into map[string]int64) error {
	var cmds rueidis.Commands
	var spaces []string
	for _, name := range names {
		if h, ok := s.names.parse(name); ok {
			cmds, spaces = append(cmds, node.B().MemoryUsage().Key(name).Build()), append(spaces, h.space)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	for i, r := range node.DoMulti(ctx, cmds...) {
		n, err := r.AsInt64()
		if rueidis.IsRedisNil(err) {
			continue // it went meanwhile
		}
		if err != nil {
			return err
		}
		into[spaces[i]] += n
	}
	return nil
}
