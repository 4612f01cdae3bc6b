package plan

import (
	"fmt"
	"strings"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
)

// Backfill is the tiles that batch makes for some groups (docs/data-path.md §2): which folds of which source under which key. Groups
// of one source and key share their folds, and so do groups that take turns at a name: tiles are kept by fold (I1), not by group.
type Backfill struct {
	// From and To bound the days of event time, [From, To), in ms, both midnights of UTC; nil: as far as there are events.
	From, To *int64
	Sets     []*TileSet
	Raw      []Raw // what has no tiles
}

// TileSet is the folds over one source under one key.
type TileSet struct {
	Source *feature.Source
	Keys   []feature.Key
	Groups []string
	// Inputs, Wheres and Bys are the distinct expressions and columns that the folds read.
	Inputs []*expr.Expr
	Wheres []*expr.Expr
	Bys    []string
	Folds  []TileFold
}

// TileFold is one fold, whose ID is its fingerprint.
type TileFold struct {
	Fold
	// Step is the length of the tiles that batch makes, in ms: it divides a day and the grid of every window that reads the fold.
	Step     int64
	Features []string    // that read it, as group.feature
	Pos      feature.Pos // where the first of them is defined
}

// batchStep is the longest tile that batch makes. Keys with many events have few tiles beside their events at a minute, and keys with
// few have no more tiles than events at any length; in return a new window over a fold that there is finds tiles fine enough.
const batchStep = 60_000

// TileStep is the length of the tiles that batch makes for a window; false where it has none. Tiles of any length that divides it serve too.
func (w Window) TileStep() (step int64, ok bool) {
	start, end, ok := w.Grid()
	return gcd(gcd(batchStep, start), end), ok
}

// CommonStep is the length of the longest tiles that serve both.
func CommonStep(a, b int64) int64 { return gcd(a, b) }

// ForBackfill plans the tiles of groups.
func ForBackfill(groups []*feature.Group) *Backfill {
	b := backfillBuilder{plan: &Backfill{}, sets: map[string]*tileSetBuilder{}, sources: map[*feature.Source]int{}}
	for _, g := range groups {
		tiles := TilesOf(g)
		b.plan.Raw = append(b.plan.Raw, tiles.Raw...)
		if len(tiles.Levels) > 0 {
			b.add(g)
		}
	}
	return b.plan
}

// backfillBuilder finds what groups share by name, so that the time to plan many is in proportion to their number.
type backfillBuilder struct {
	plan    *Backfill
	sets    map[string]*tileSetBuilder // by source and keys
	sources map[*feature.Source]int
}

type tileSetBuilder struct {
	set    *TileSet
	folds  map[string]int // by ID
	inputs map[string]int // by text
	wheres map[string]int
	bys    map[string]int
}

// add puts a group's tiled features into the set of its source and keys.
func (b *backfillBuilder) add(g *feature.Group) {
	source, ok := b.sources[g.Source]
	if !ok {
		source = len(b.sources)
		b.sources[g.Source] = source
	}
	name := fmt.Sprintf("%d %q", source, keyNames(g.Keys))
	s := b.sets[name]
	if s == nil {
		s = &tileSetBuilder{&TileSet{Source: g.Source, Keys: g.Keys}, map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}}
		b.sets[name] = s
		b.plan.Sets = append(b.plan.Sets, s.set)
	}
	s.set.Groups = append(s.set.Groups, g.Name)
	for _, f := range g.Features {
		w := NewWindow(f.Window, g.Source.Delay)
		step, ok := w.TileStep()
		if !ok {
			continue
		}
		for k, id := range f.FoldFingerprints() {
			fold := s.fold(f, k, id)
			fold.Step = gcd(fold.Step, step)
			fold.Features = append(fold.Features, g.Name+"."+f.Name)
		}
	}
}

func keyNames(keys []feature.Key) []string {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.Name
	}
	return names
}

// fold finds the k-th fold of a feature in the set, or adds it. It is good until the next.
func (s *tileSetBuilder) fold(f *feature.Feature, k int, id string) *TileFold {
	if i, ok := s.folds[id]; ok {
		return &s.set.Folds[i]
	}
	in := value.Null
	if f.Input != nil {
		in = f.Input.Type()
	}
	t := TileFold{Step: batchStep, Fold: Fold{Fold: f.Agg.Folds(in, f.Params)[k], ID: id, Input: -1, Where: -1, By: -1}, Pos: f.Pos}
	if f.Input != nil {
		t.Input = place(s.inputs, &s.set.Inputs, f.Input, f.Input.String())
	}
	if f.Where != nil {
		t.Where = place(s.wheres, &s.set.Wheres, f.Where, f.Where.String())
	}
	if f.By != "" {
		t.By = place(s.bys, &s.set.Bys, f.By, f.By)
	}
	s.folds[id] = len(s.set.Folds)
	s.set.Folds = append(s.set.Folds, t)
	return &s.set.Folds[len(s.set.Folds)-1]
}

// place is where x, or what has the same text, stands among all; it is added where it does not.
func place[T any](places map[string]int, all *[]T, x T, text string) int {
	i, ok := places[text]
	if !ok {
		i = len(*all)
		places[text] = i
		*all = append(*all, x)
	}
	return i
}

// Ordered reports whether the order of events within a millisecond matters to a fold, so that order_by is read for it (E2).
func (f *TileFold) Ordered() bool { return f.Kind == agg.KindEdge || f.Kind == agg.KindEventList }

// Read is the columns that the folds at the indexes need of the source, in its order: keys, time, id, where, order_by where a fold asks for
// order, and the folds' own.
func (s *TileSet) Read(folds []int) []string {
	c := collector{}
	c.names(keyNames(s.Keys)...)
	c.names(s.Source.ID)
	c.exprs(s.Source.Time, s.Source.Where)
	for _, i := range folds {
		f := &s.Folds[i]
		if f.Ordered() {
			c.exprs(s.Source.OrderBy...)
		}
		if f.Input >= 0 {
			c.exprs(s.Inputs[f.Input])
		}
		if f.Where >= 0 {
			c.exprs(s.Wheres[f.Where])
		}
		if f.By >= 0 {
			c.names(s.Bys[f.By])
		}
	}
	return c.in(s.Source.Schema.Names())
}

// String is the plan as text.
func (b *Backfill) String() string {
	p := &printer{}
	p.line("backfill")
	p.in(func() {
		if b.From != nil {
			p.line("from %s", value.FormatTimestamp(*b.From))
		}
		if b.To != nil {
			p.line("before %s", value.FormatTimestamp(*b.To))
		}
		for _, s := range b.Sets {
			s.print(p)
		}
		for _, r := range b.Raw {
			p.line("no tiles for %s: %s", r.Name(), r.Reason)
		}
	})
	return p.b.String()
}

func (s *TileSet) print(p *printer) {
	p.line("tiles of %s by %s for %s", s.Source.Name, strings.Join(keyNames(s.Keys), ", "), strings.Join(s.Groups, ", "))
	p.in(func() {
		all := make([]int, len(s.Folds))
		for i := range all {
			all[i] = i
		}
		p.some("read", s.Read(all))
		for i, e := range s.Inputs {
			p.line("i%d %s", i, e)
		}
		for i, e := range s.Wheres {
			p.line("w%d %s", i, e)
		}
		for i, c := range s.Bys {
			p.line("b%d %s", i, c)
		}
		for i, f := range s.Folds {
			p.line("f%d %s%s in tiles of %s for %s", i, f.Fold.Fold.ID(), arguments(f.Input, f.Where, f.By), value.FormatDuration(f.Step), strings.Join(f.Features, ", "))
		}
	})
}
