package random

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/local"
	"github.com/bighead-ml/bighead/engine/local/backfill"
	"github.com/bighead-ml/bighead/engine/tiletable"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// tiledRoad is the local engine over tiles: it first makes tiles of what is asked, once or twice, of some files or all, of some days or all,
// and then answers with them.
type tiledRoad struct {
	engine.Engine
	dir     string
	options backfill.Options
	seed    uint64
	used    *[3]atomic.Int64 // runs, joins with tiles, tiles
}

func (r *tiledRoad) Name() string { return "local with tiles" }

func (r *tiledRoad) Run(ctx context.Context, p *plan.Batch, in engine.Inputs, out func(*value.Batch) error) (*engine.Report, error) {
	dir, err := os.MkdirTemp(r.dir, "tiles")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	d := rand.New(rand.NewPCG(r.seed, 5))
	in.Tiles = tiletable.Open(dir)
	b := plan.ForBackfill(groupsOf(p))
	if d.IntN(2) == 0 {
		if err := r.fill(ctx, b, in, d, d.IntN(2) == 0); err != nil {
			return nil, err
		}
	}
	if err := r.fill(ctx, b, in, d, false); err != nil {
		return nil, err
	}
	rep, err := r.Engine.Run(ctx, p, in, out)
	if err == nil {
		r.used[0].Add(1)
		for _, s := range rep.Sources {
			r.used[1].Add(min(s.TileRows, 1))
			r.used[2].Add(s.Tiles)
		}
	}
	return rep, err
}

// fill makes tiles of some days, of all files or of some.
func (r *tiledRoad) fill(ctx context.Context, b *plan.Backfill, in engine.Inputs, d *rand.Rand, some bool) error {
	bounded := *b
	if len(b.Sets) > 0 && d.IntN(2) == 0 {
		source := b.Sets[d.IntN(len(b.Sets))].Source
		t, err := in.Open(ctx, source.Place, source.Schema)
		if err != nil {
			return err
		}
		if first, last := tiletable.Days(in.Tiles.Parts(t, source)); first > math.MinInt64 && first < last {
			from := (first + d.Int64N(last-first)) * value.DayMS
			to := from + d.Int64N(last-first+1)*value.DayMS
			bounded.From, bounded.To = &from, &to
		}
	}
	if some {
		open := in.Open
		in.Open = func(ctx context.Context, at feature.Place, schema value.Schema) (dataset.Table, error) {
			t, err := open(ctx, at, schema)
			if err != nil {
				return nil, err
			}
			s := &subset{Table: t}
			for i := range t.Parts() {
				if d.IntN(3) > 0 || i == 0 {
					s.keep = append(s.keep, i)
				}
			}
			return s, nil
		}
	}
	_, err := backfill.Backfill(ctx, r.options, &bounded, in, in.Tiles)
	return err
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

// subset is a table with some of another's parts.
type subset struct {
	dataset.Table
	keep []int
}

func (s *subset) Parts() []dataset.Part {
	var out []dataset.Part
	for _, i := range s.keep {
		out = append(out, s.Table.Parts()[i])
	}
	return out
}

func (s *subset) Scan(ctx context.Context, scan dataset.Scan) (dataset.Reader, error) {
	parts := []int{}
	for i, of := range s.keep {
		if scan.Parts == nil || slices.Contains(scan.Parts, i) {
			parts = append(parts, of)
		}
	}
	scan.Parts = parts
	r, err := s.Table.Scan(ctx, scan)
	return &subsetReader{r, s.keep}, err
}

type subsetReader struct {
	dataset.Reader
	keep []int
}

func (r *subsetReader) Part() int { return slices.Index(r.keep, r.Reader.Part()) }

// TestRandomCasesWithTiles compares answers from tiles and rows with the oracle's.
func TestRandomCasesWithTiles(t *testing.T) {
	dir := t.TempDir()
	var used [3]atomic.Int64
	road := Road{Name: "local with tiles", Open: func(r *rand.Rand) (engine.Engine, string) {
		o := backfill.Options{Threads: 1 + r.IntN(3), TempDir: dir, BatchRows: []int{0, 1, 3, 64}[r.IntN(4)], Slots: []int{0, 1, 3}[r.IntN(3)], CommitDays: []int{0, 1, 3}[r.IntN(3)]}
		o.BucketRows = []int64{0, 1, 5}[r.IntN(3)]
		if r.IntN(4) == 0 {
			o.Memory = []int64{1, 1000, 20_000}[r.IntN(3)]
		}
		e := local.New(local.Options{Threads: o.Threads, TempDir: dir, Memory: o.Memory, BatchRows: o.BatchRows, Buckets: 1 << r.IntN(4), AnyTiles: true})
		return &tiledRoad{e, dir, o, r.Uint64(), &used}, fmt.Sprintf("%+v", o)
	}}
	n := *cases / 4
	r, err := Run(t.Context(), Options{Seed: *seed, Cases: n, Roads: []Road{road}, Workers: runtime.GOMAXPROCS(0), Failures: 3})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Failures {
		t.Errorf("%s", f)
	}
	t.Logf("seeds %d to %d: %d runs, %d joins used %d tiles", *seed, *seed+uint64(r.Cases)-1, used[0].Load(), used[1].Load(), used[2].Load())
	if n >= 200 && used[1].Load() < int64(n/4) {
		t.Errorf("tiles were used in %d joins of %d runs", used[1].Load(), used[0].Load())
	}
}
