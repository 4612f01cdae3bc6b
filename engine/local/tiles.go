package local

import (
	"context"
	"fmt"
	"slices"

	"github.com/bighead-ml/bighead/engine/local/exchange"
	"github.com/bighead-ml/bighead/engine/local/tiled"
	"github.com/bighead-ml/bighead/value"
)

// tileUse is a join's use of tiles: what they stand for, and those of the keys that are asked about, by bucket.
type tileUse struct {
	*tiled.Cover
	store *exchange.Store
}

// leastSaved is the share of a join's rows that tiles must save: windows that mix tiles and rows are worked out fold by fold, state by
// state, which costs more than the kernels over rows do.
const leastSaved = 0.5

// rowsPerTile is how many rows a tile must stand for on average: reading it costs more than reading a row of a few columns.
const rowsPerTile = 2

// useTiles decides which joins use tiles. Where another join reads the same rows anyway, nothing is saved.
func (r *run) useTiles() error {
	if r.in.Tiles == nil || r.spine.n == 0 {
		return nil
	}
	for _, j := range r.jobs {
		c, err := tiled.Choose(r.in.Tiles, j.plan, j.table, r.spine.at, j.bounds.from, j.bounds.to)
		if err != nil {
			return fmt.Errorf("tiles of %s: %w", j.plan.Name, err)
		}
		if c != nil {
			j.tiles = &tileUse{Cover: c}
		}
	}
	for changed := !r.options.AnyTiles; changed; {
		changed = false
		for _, j := range r.jobs {
			if j.tiles != nil && !r.saves(j) {
				j.tiles, changed = nil, true
			}
		}
	}
	for _, j := range r.jobs {
		if j.tiles != nil {
			j.tiles.store = r.pool.NewStore(j.tileTypes(), j.asking.buckets)
		}
	}
	return nil
}

// saves reports whether a join's tiles save enough rows, those left out that other joins read.
func (r *run) saves(j *job) bool {
	saved := j.tiles.Saved(j.table, func(from, to int64) bool {
		return slices.ContainsFunc(r.jobs, func(o *job) bool {
			return o.source == j.source && o.tiles == nil && o.bounds.from < to && from < o.bounds.to
		})
	})
	return saved >= rowsPerTile*max(1, j.tiles.Stored()) && float64(saved) >= leastSaved*float64(saved+j.tiles.RowsLeft(j.table))
}

// loadTiles reads the tiles, before rows are, since days whose tiles are damaged are left to rows.
func (j *job) loadTiles(ctx context.Context) error {
	if j.tiles == nil || j.wide {
		return nil
	}
	err := j.tiles.Load(ctx, j.run.options.Threads, j.asking.table.Lookup, func(ctx context.Context, number int, p *exchange.Packet) error {
		return j.tiles.store.Put(ctx, number, j.byBucket(p))
	})
	if err != nil {
		return fmt.Errorf("tiles of %s: %w", j.plan.Name, err)
	}
	j.tiles.store.Seal()
	from, to := j.tiles.Bounds()
	if j.bounds.from, j.bounds.to = max(j.bounds.from, from), min(j.bounds.to, to); from >= to {
		j.bounds = timeBounds{}
	}
	return nil
}

// byBucket arranges tiles by the buckets of their keys.
func (j *job) byBucket(p *exchange.Packet) *exchange.Packet {
	bucketOf := make([]int32, len(p.Codes))
	for i, c := range p.Codes {
		bucketOf[i] = c & int32(j.asking.buckets-1)
	}
	order, from := exchange.Arrange(bucketOf, j.asking.buckets)
	out := &exchange.Packet{From: from, Codes: j.numbers(p.Codes, order), Times: taken(p.Times, order)}
	for _, c := range p.Columns {
		out.Columns = append(out.Columns, c.Take(order))
	}
	return out
}

// sees reports whether rows of that time are read: a window can see it, and no tile stands for it.
func (j *job) sees(t int64) bool {
	return t >= j.bounds.from && t < j.bounds.to && (j.tiles == nil || !j.tiles.Has(t))
}

// parts are the files that the job reads; nil: all.
func (j *job) parts() []int {
	if j.tiles == nil {
		return nil
	}
	return j.tiles.Parts()
}

// reportTiles says what was read of tiles.
func (j *job) reportTiles() {
	if j.tiles != nil {
		j.report.TileDays, j.report.TileRows, j.report.Tiles, j.report.TileBytes = j.tiles.Used()
		j.report.Notes = j.tiles.Notes
	}
}

// tileRows are the tiles of a bucket in the order (key, beginning).
type tileRows struct {
	keys   []int32 // tiles of key l are [keys[l], keys[l+1])
	times  []int64
	states []*value.Column // by fold of the cover
}

// loadTileRows brings the tiles of a bucket together.
func (j *job) loadTileRows(b int) (*tileRows, int64, error) {
	runs, bytes, err := j.tiles.store.Runs(b)
	if err != nil {
		return nil, 0, err
	}
	p := exchange.Join(runs, j.tileTypes())
	order := make([]int32, len(p.Codes))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(x, y int32) int {
		if c := int(p.Codes[x]) - int(p.Codes[y]); c != 0 {
			return c
		}
		return int(min(max(p.Times[x]-p.Times[y], -1), 1))
	})
	t := &tileRows{keys: make([]int32, j.asking.perKeys+1), times: taken(p.Times, order)}
	for _, c := range p.Codes {
		t.keys[c+1]++
	}
	for l := range j.asking.perKeys {
		t.keys[l+1] += t.keys[l]
	}
	for _, c := range p.Columns {
		t.states = append(t.states, c.Take(order))
	}
	return t, bytes + p.Bytes(), nil
}

func (j *job) tileTypes() []value.Type {
	types := make([]value.Type, len(j.tiles.Folds))
	for i := range types {
		types[i] = value.Bytes
	}
	return types
}

// place is where a fold stands among those that tiles have, or −1.
func (u *tileUse) place(fold int) int { return slices.Index(u.Folds, fold) }
