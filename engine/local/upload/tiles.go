package upload

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/agg/tile"
	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine/tiletable"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/fault"
)

// Load is one load of a space: where it goes, and up to when it holds what happened.
type Load struct {
	Space      *plan.Space
	Store      store.Store
	Epoch      int64
	Watermark  int64 // B: a midnight, ms
	Generation int64
	Version    byte // in which tiles are written; 0: the newest
}

func (l *Load) version() byte {
	if l.Version == 0 {
		return tile.Version
	}
	return l.Version
}

// ErrOutdated says that the table of tiles lacks some, or has some of files that have changed since. A log that is sealed is such a change.
var ErrOutdated = errors.New("not up to date")

// Report is what a load wrote.
type Report struct {
	Space       string
	Keys        int64
	Puts, Bytes int64
}

// All writes what batch has of the space: tiles out of a backfill, which must be up to date with the source's table but for what came into its log since, and rows out of the
// table itself. earliest is when it is asked for at the earliest, ms.
func (l *Load) All(ctx context.Context, tiles *tiletable.Table, table dataset.Table, earliest int64) (*Report, error) {
	total := &Report{Space: l.Space.ID}
	if len(l.Space.Levels) > 0 {
		keys := make(value.Schema, len(l.Space.Group.Keys))
		for i, k := range l.Space.Group.Keys {
			keys[i] = value.Field{Name: k.Name, Type: k.Type}
		}
		set, err := tiles.Set(tiletable.ID{Source: l.Space.Group.Source.Name, Keys: keys})
		if err != nil {
			return nil, err
		}
		if total, err = l.Tiles(ctx, set, set.AsRead(tiles.Parts(table, l.Space.Group.Source, set))); err != nil {
			return nil, err
		}
	}
	if l.Space.Rows != nil {
		rows, err := l.Rows(ctx, table, earliest)
		if err != nil {
			return nil, err
		}
		total.Keys, total.Puts, total.Bytes = max(total.Keys, rows.Keys), total.Puts+rows.Puts, total.Bytes+rows.Bytes
	}
	return total, nil
}

// Tiles writes the tiles of a space up to its watermark. The table's tiles must be up to date with the parts, or there is an error that
// says what to do. An unbounded window's base holds all days; other levels as far back as they are kept.
func (l *Load) Tiles(ctx context.Context, set *tiletable.Set, parts []tiletable.Part) (*Report, error) {
	t := &tiler{Load: l, set: set, out: &putter{store: l.Store, epoch: l.Epoch}, report: &Report{Space: l.Space.ID}}
	for k := range l.Space.Tiled {
		t.steps = append(t.steps, l.Space.BatchStep(k))
	}
	if err := t.find(parts); err != nil {
		return nil, err
	}
	defer t.close()
	if err := t.open(); err != nil {
		return nil, err
	}
	for b := range 1 << t.bits {
		if err := t.bucket(ctx, uint64(b)); err != nil {
			return nil, err
		}
	}
	err := t.out.flush(ctx)
	t.report.Puts, t.report.Bytes = t.out.Puts, t.out.Bytes
	return t.report, err
}

// tiler makes the tiles of a space, a bucket of keys after the other.
type tiler struct {
	*Load
	set    *tiletable.Set
	out    *putter
	report *Report
	files  []*source
	steps  []int64 // of each fold: the length of its tiles in the table
	bits   int     // there are 2^bits buckets of keys

	keys map[string]*keyTiles
	one  []agg.State // scratch, by fold
}

// source is one file of the table, and which folds of the space it has.
type source struct {
	cell    *tiletable.Cell
	folds   []int // of the space
	file    *tiletable.File
	columns []int
}

// keyTiles are the tiles of one key by level and start, and its base.
type keyTiles struct {
	levels []map[int64]*tile.Tile
	base   *tile.Tile
}

// find looks up the cells of all folds on all days that are needed.
func (t *tiler) find(parts []tiletable.Part) error {
	s := t.Space
	from, to := tiletable.Days(parts)
	to = min(to, value.FloorDiv(t.Watermark, value.DayMS))
	if !s.Base {
		from = max(from, value.FloorDiv(t.from(len(s.Levels)-1), value.DayMS))
		for i := range s.Levels {
			from = min(from, max(from, value.FloorDiv(t.from(i), value.DayMS)))
		}
	}
	if from >= to {
		return nil
	}
	byFile := map[string]*source{}
	for _, span := range t.set.Spans(parts, from, to) {
		for k, f := range s.Folds[:s.Tiled] {
			cell, verdict := t.set.Look(&span, tiletable.Column{Fingerprint: f.ID, Fold: f.Fold.ID()}, t.steps[k])
			if verdict != tiletable.Good {
				return fmt.Errorf("group %q: the tiles of %s are %w (%s): run `bighead backfill %s` first", s.Group.Name, value.FormatDate(span.From), ErrOutdated, verdict, s.Group.Name)
			}
			if cell == nil || cell.File == "" {
				continue // no events
			}
			x := byFile[cell.File]
			if x == nil {
				x = &source{cell: cell}
				byFile[cell.File] = x
				t.files = append(t.files, x)
			}
			if !slices.Contains(x.folds, k) {
				x.folds = append(x.folds, k)
			}
		}
	}
	slices.SortStableFunc(t.files, func(a, b *source) int { return strings.Compare(a.cell.File, b.cell.File) })
	return nil
}

// from is the start of the earliest tile of a level that is needed as of the watermark.
func (t *tiler) from(level int) int64 {
	l := t.Space.Levels[level]
	return value.Floor(t.Watermark-l.Keep, l.Step)
}

// openFiles is how many files may be open at a time: days are many.
const openFiles = 256

// open reads what the files say of themselves: how finely their keys are cut.
func (t *tiler) open() error {
	for _, x := range t.files {
		if err := t.header(x); err != nil {
			return err
		}
		t.bits = max(t.bits, x.file.Bits)
		if len(t.files) > openFiles {
			x.shut()
		}
	}
	t.one = make([]agg.State, t.Space.Tiled)
	for i, f := range t.Space.Folds[:t.Space.Tiled] {
		t.one[i] = f.New()
	}
	return nil
}

func (t *tiler) header(x *source) (err error) {
	if x.file != nil {
		return nil
	}
	if x.file, err = t.set.Open(x.cell); err != nil {
		return err
	}
	x.columns = x.columns[:0]
	for _, k := range x.folds {
		c := x.file.Column(t.Space.Folds[k].ID)
		if c < 0 {
			return fmt.Errorf("%s has no fold %s as the manifest says: %w", x.cell.File, t.Space.Folds[k].ID, tiletable.ErrDamaged)
		}
		x.columns = append(x.columns, c)
	}
	return nil
}

func (x *source) shut() {
	if x.file != nil {
		x.file.Close()
		x.file = nil
	}
}

func (t *tiler) close() {
	for _, x := range t.files {
		x.shut()
	}
}

// bucket makes and writes the tiles of the keys whose hash begins with the bits of b.
func (t *tiler) bucket(ctx context.Context, b uint64) error {
	t.keys = map[string]*keyTiles{}
	for _, x := range t.files {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if err := t.header(x); err != nil {
			return err
		}
		err := t.file(x, b)
		if len(t.files) > openFiles {
			x.shut()
		}
		if err != nil {
			return fmt.Errorf("tiles of group %q: %w", t.Space.Group.Name, err)
		}
	}
	for _, key := range slices.Sorted(mapKeys(t.keys)) {
		if err := t.write(ctx, key, t.keys[key]); err != nil {
			return err
		}
		t.report.Keys++
	}
	return nil
}

func mapKeys[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// file adds the tiles of one file.
func (t *tiler) file(x *source, b uint64) error {
	bucket, err := x.file.Load(int(b>>(t.bits-x.file.Bits)), x.columns)
	if err != nil {
		return err
	}
	for k, key := range bucket.Keys {
		if t.bits > 0 && tiletable.Hash(key)>>(64-t.bits) != b {
			continue
		}
		for row := bucket.From[k]; row < bucket.From[k+1]; row++ {
			if err := t.add(string(key), bucket.Times[row], x, bucket, int(row)); err != nil {
				return err
			}
		}
	}
	return nil
}

// add merges one tile of the table into those of the space that it is a part of.
func (t *tiler) add(key string, ts int64, x *source, b *tiletable.Bucket, row int) error {
	for i, k := range x.folds {
		t.one[k].Reset()
		if s := b.States[i][row]; len(s) > 0 {
			if _, err := t.Space.Folds[k].DecodeInto(t.one[k], s); err != nil {
				return fmt.Errorf("%s: %w", x.cell.File, err)
			}
		}
	}
	kt := t.keys[key]
	if kt == nil {
		kt = &keyTiles{levels: make([]map[int64]*tile.Tile, len(t.Space.Levels))}
		t.keys[key] = kt
	}
	for i, l := range t.Space.Levels {
		start := value.Floor(ts, l.Step)
		if start < t.from(i) || start+l.Step > t.Watermark || fault.Planted("upload: a tile that ends at the watermark is left out") && start+l.Step == t.Watermark {
			continue
		}
		if kt.levels[i] == nil {
			kt.levels[i] = map[int64]*tile.Tile{}
		}
		if kt.levels[i][start] == nil {
			kt.levels[i][start] = t.tile(start+l.Step-1, tile.None)
		}
		t.merge(kt.levels[i][start], x.folds, l.Step)
	}
	if end := t.Space.BaseEnd(t.Watermark); t.Space.Base && ts < end {
		if kt.base == nil {
			kt.base = t.tile(end-1, end)
		}
		t.merge(kt.base, x.folds, value.DayMS)
	}
	return nil
}

// tile is one of no event. The table does not say when in a tile the newest event lies, so that its last millisecond stands for it: what
// is asked for a time before the watermark is refused in any case.
func (t *tiler) tile(newest, through int64) *tile.Tile {
	x := t.Space.Layout().New()
	x.Newest, x.Through = min(newest, t.Watermark-1), through
	return x
}

// merge adds the folds that are wanted at a level: one whose tiles in the table are longer than the level's is read from longer ones.
func (t *tiler) merge(into *tile.Tile, folds []int, level int64) {
	for _, k := range folds {
		if level%t.steps[k] == 0 {
			into.State(k).Merge(t.one[k])
		}
	}
}

func (t *tiler) write(ctx context.Context, key string, kt *keyTiles) error {
	space := t.Space.BatchSpace(t.Generation)
	put := func(step, start, keep int64, x *tile.Tile) error {
		return t.out.put(ctx, store.Put{Space: space, Key: key, Step: step, Start: start, Bytes: t.Space.Layout().AppendAs(nil, x, t.version()), Keep: keep})
	}
	if kt.base != nil {
		if err := put(plan.BaseStep, t.Watermark, 0, kt.base); err != nil {
			return err
		}
	}
	for i, level := range kt.levels {
		starts := make([]int64, 0, len(level))
		for start := range level {
			starts = append(starts, start)
		}
		slices.Sort(starts)
		for _, start := range starts {
			if err := put(t.Space.Levels[i].Step, start, 0, level[start]); err != nil {
				return err
			}
		}
	}
	return nil
}
