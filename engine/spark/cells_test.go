package spark_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/enginetest"
	"github.com/bighead-ml/bighead/engine/enginetest/random"
	"github.com/bighead-ml/bighead/engine/local"
	"github.com/bighead-ml/bighead/engine/spark"
	"github.com/bighead-ml/bighead/engine/tiletable"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// filled is the road of tiles that Spark makes: it has them made of what is asked, holds them against the embedded engine's, byte for byte but
// for floats, and has the embedded engine answer with them, which the oracle then judges by the promise.
type filled struct {
	engine.Engine // that answers
	spark         *spark.Engine
	dir           string
	states        *atomic.Int64 // compared
}

func (r *filled) Name() string { return "tiles of spark" }

func (r *filled) Run(ctx context.Context, p *plan.Batch, in engine.Inputs, out func(*value.Batch) error) (*engine.Report, error) {
	dir, err := os.MkdirTemp(r.dir, "tiles")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	b := plan.ForBackfill(groupsOf(p))
	in.Tiles = tiletable.Open(dir + "/spark")
	own := tiletable.Open(dir + "/local")
	got, err := r.spark.Backfill(ctx, b, in, in.Tiles)
	if err != nil {
		return nil, err
	}
	want, err := local.New(local.Options{Threads: 1}).Backfill(ctx, b, in, own)
	if err != nil {
		return nil, err
	}
	if err := sameCounts(got, want); err != nil {
		return nil, err
	}
	for _, s := range b.Sets {
		n, err := sameTiles(ctx, s, in, in.Tiles, own)
		if err != nil {
			return nil, err
		}
		r.states.Add(int64(n))
	}
	return r.Engine.Run(ctx, p, in, out)
}

// groupsOf are the groups that a plan joins.
func groupsOf(p *plan.Batch) []*feature.Group {
	var out []*feature.Group
	for _, j := range p.Joins {
		for _, v := range j.Values {
			if g := v.Feature.Group; !slices.Contains(out, g) {
				out = append(out, g)
			}
		}
	}
	return out
}

// sameCounts holds what two backfills say of the rows against each other.
func sameCounts(got, want *engine.BackfillReport) error {
	text := func(r *engine.BackfillReport) string {
		out := ""
		for _, s := range r.Sets {
			out += fmt.Sprintf("%s by %v %s: %v; made %d of %d rows, %d tiles of %d keys; null key %d, where %d, copies %d\n", s.Source, s.Keys, s.Days, s.Cells, s.Made, s.Used, s.Tiles, s.Keyed, s.NullKey, s.Where, s.Copies)
		}
		for _, s := range r.Sources {
			out += fmt.Sprintf("%s: null time %d, %d rows of %d of %d files\n", s.Source, s.NullTime, s.Read.Rows, s.Files, s.AllFiles)
		}
		return out
	}
	if g, w := text(got), text(want); g != w {
		return fmt.Errorf("the reports differ: spark\n%slocal\n%s", g, w)
	}
	return nil
}

// sameTiles compares the states of a set, and says how many there are.
func sameTiles(ctx context.Context, s *plan.TileSet, in engine.Inputs, a, b *tiletable.Table) (int, error) {
	table, err := in.Rows(ctx, s.Source)
	if err != nil {
		return 0, err
	}
	got, err := enginetest.TilesIn(a, s, table)
	if err != nil {
		return 0, fmt.Errorf("spark: %w", err)
	}
	want, err := enginetest.TilesIn(b, s, table)
	if err != nil {
		return 0, fmt.Errorf("local: %w", err)
	}
	for _, m := range []map[enginetest.Tile]string{want, got} {
		for t := range m {
			f := &s.Folds[t.Fold]
			if err := sameState(f.Fold.Fold, want[t], got[t]); err != nil {
				return 0, fmt.Errorf("%s of key %x at %s: %w", f.Fold.Fold.ID(), t.Key, value.FormatTimestamp(t.At), err)
			}
		}
	}
	return len(want), nil
}

// sameState compares two encoded states: bytes, but of sums of floats and of moments, of which the numbers are for the oracle to judge.
func sameState(f agg.Fold, want, got string) error {
	if want == got || f.Kind == agg.KindFloatSum {
		return nil
	}
	states := make([]agg.State, 2)
	for i, text := range []string{want, got} {
		states[i] = f.New()
		if text == "" {
			continue
		}
		var err error
		if states[i], _, err = f.DecodeState([]byte(text)); err != nil {
			return err
		}
	}
	if f.Kind != agg.KindMoments {
		return fmt.Errorf("local has %x, spark %x", want, got)
	}
	if a, b := states[0], states[1]; f.By {
		for k, s := range a.(*agg.ByState).Groups {
			if o := b.(*agg.ByState).Groups[k]; o == nil || o.(*agg.MomentsState).N != s.(*agg.MomentsState).N {
				return fmt.Errorf("under %q local has %v, spark %v", k, s, o)
			}
		}
		if len(a.(*agg.ByState).Groups) != len(b.(*agg.ByState).Groups) {
			return fmt.Errorf("local has %d entries, spark %d", len(a.(*agg.ByState).Groups), len(b.(*agg.ByState).Groups))
		}
	} else if a.(*agg.MomentsState).N != b.(*agg.MomentsState).N {
		return fmt.Errorf("local has %+v, spark %+v", a, b)
	}
	return nil
}

// TestRandomTiles draws definitions and events, and compares the tiles that Spark makes of them.
func TestRandomTiles(t *testing.T) {
	var states atomic.Int64
	dir := t.TempDir()
	engines := []*spark.Engine{onSpark(t, quick, true), inFiles(t), onSpark(t, map[string]string{"spark.sql.shuffle.partitions": "3", "spark.sql.adaptive.enabled": "false"}, true)}
	words := []string{"in the query", "in files", "three partitions"}
	road := random.Road{Name: "tiles of spark", Open: func(r *rand.Rand) (engine.Engine, string) {
		i := r.IntN(len(engines))
		return &filled{local.New(local.Options{AnyTiles: true, TempDir: dir}), engines[i], dir, &states}, words[i]
	}}
	t.Logf("seeds %d to %d", *seed, *seed+uint64(*cases)-1)
	r, err := random.Run(t.Context(), random.Options{Seed: *seed, Cases: *cases, Roads: []random.Road{road}, Workers: 2, Failures: 3})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Failures {
		t.Error(f.String())
	}
	if states.Load() < int64(*cases) {
		t.Errorf("%d states were compared in %d cases", states.Load(), *cases)
	}
	t.Logf("%d states compared", states.Load())
}
