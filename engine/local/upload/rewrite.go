package upload

import (
	"context"

	"github.com/bighead-ml/bighead/agg/tile"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/store"
)

// Rewrite writes what a part of the store (the space itself, or a load of batch's) holds in other versions anew in one, so that a later
// bighead need not read them, and gives how many places that were. Nobody else may write to the part meanwhile. What cannot be read stays, and is
// refused when it is asked for. It may be ended and done again.
func Rewrite(ctx context.Context, st store.Store, epoch int64, s *plan.Space, part string, version byte) (int64, error) {
	out := &putter{store: st, epoch: epoch}
	walk := func(step int64, again func(b []byte) ([]byte, error)) error {
		return st.Scan(ctx, part, step, func(key string, start int64, b []byte) error {
			if tile.VersionOf(b) == version {
				return nil
			}
			bytes, err := again(b)
			if err != nil {
				return nil //nolint:nilerr // damaged, or of another layout: as before, its readers say so
			}
			return out.put(ctx, store.Put{Space: part, Key: key, Step: step, Start: start, Bytes: bytes})
		})
	}
	scratch := s.Layout().New()
	tiles := func(b []byte) ([]byte, error) {
		if err := s.Layout().DecodeInto(scratch, b); err != nil {
			return nil, err
		}
		return s.Layout().AppendAs(nil, scratch, version), nil
	}
	steps := []int64{}
	for _, l := range s.Levels {
		steps = append(steps, l.Step)
	}
	if s.Base {
		steps = append(steps, plan.BaseStep)
	}
	for _, step := range steps {
		if err := walk(step, tiles); err != nil {
			return out.Puts, err
		}
	}
	if s.Rows != nil {
		err := walk(s.Rows.RowStep(), func(b []byte) ([]byte, error) {
			t, err := s.RowLayout().Decode(b)
			if err != nil {
				return nil, err
			}
			return s.RowLayout().AppendAs(nil, t, version), nil
		})
		if err != nil {
			return out.Puts, err
		}
	}
	err := out.flush(ctx)
	return out.Puts, err
}
