package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/agg/tile"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/fault"
)

// Stream is what is kept online of one source: a space for each group over it.
type Stream struct {
	Source *feature.Source
	Spaces []*Space
}

// Steps of a space that are no lengths of tiles. Chunks of rows stand at minus their length.
const (
	// BaseStep is that of base tiles. The stream's stands at 0 and says in its header through when it goes; batch's stands at B.
	BaseStep = 0
	// WholeStep is that of rows which are kept in one place, at 0: an entity's versions.
	WholeStep = -1
)

// Space is what one group keeps online for each key, under an identity that is a hash of what the bytes mean: another set of folds or
// levels is another space, which is filled beside the old one until readers switch (docs/data-path.md §4).
type Space struct {
	ID    string
	Group *feature.Group
	// Inputs, Wheres and Bys are the distinct expressions and columns that the folds read.
	Inputs []*expr.Expr
	Wheres []*expr.Expr
	Bys    []string
	// Folds are those of all values, each under its fingerprint as ID; the first Tiled of them are in tiles, the others are folded of rows
	// when asked.
	Folds []Fold
	Tiled int
	// Levels are the tiles, finest first; every event is folded into one tile of each.
	Levels []Level
	// Base says that unbounded windows read a tile of all that lies before the kept days.
	Base bool
	// Rows is how rows are kept for what no tile can answer; nil: none are.
	Rows *KeptRows
	// Values are the group's features in its order; Value.Folds index Folds.
	Values []Value

	tiles  *tile.Layout
	rows   *tile.RowLayout
	slack  int64 // how far the end of an unbounded window lies before t at most
	window []bool
}

// KeptRows is how rows of a key are kept: for exact windows in chunks of event time, of entities all versions in one place.
type KeptRows struct {
	// Step is the length of a chunk in ms; 0: all of a key in one place.
	Step int64
	// Keep is for how long after its beginning a chunk is needed; of versions, how long one is needed after the next became true.
	Keep int64
	// Inputs, Wheres and Bys are which of the space's a row's cells hold, in this order: Inputs, then Wheres, then Bys.
	Inputs, Wheres, Bys []int
	// Tie is what decides between rows of one time: order_by, then known_at, and of entities all columns in name order as one value.
	Tie     []*expr.Expr
	AllTied bool
}

// ForStream plans what is kept online for groups, by source in the order of first use.
func ForStream(groups []*feature.Group) []*Stream {
	var out []*Stream
	for _, g := range groups {
		i := slices.IndexFunc(out, func(s *Stream) bool { return s.Source == g.Source })
		if i < 0 {
			i = len(out)
			out = append(out, &Stream{Source: g.Source})
		}
		out[i].Spaces = append(out[i].Spaces, SpaceOf(g))
	}
	return out
}

// SpaceOf plans what is kept online for a group.
func SpaceOf(g *feature.Group) *Space {
	s := &Space{Group: g}
	t := OnlineTilesOf(g)
	s.Levels, s.Base = t.Levels, t.Base
	s.window = make([]bool, len(g.Features))
	for i, f := range g.Features {
		w := NewWindow(f.Window, g.Source.Delay)
		_, _, grid := w.Grid()
		s.window[i] = grid && len(t.Levels) > 0
		s.Values = append(s.Values, Value{Name: f.Name, Feature: f, Window: w, Input: -1, Where: -1, By: -1})
		if w.Unbounded {
			s.slack = max(s.slack, w.Lag())
		}
	}
	for _, tiled := range []bool{true, false} {
		for i := range s.Values {
			if s.window[i] == tiled {
				s.add(&s.Values[i])
			}
		}
		if tiled {
			s.Tiled = len(s.Folds)
		}
	}
	s.keepRows()
	s.identify()
	return s
}

// add finds or adds what a value is made of.
func (s *Space) add(v *Value) {
	f := v.Feature
	in := value.Null
	if f.Input != nil {
		in = f.Input.Type()
		v.Input = indexOf(&s.Inputs, f.Input, (*expr.Expr).String)
	}
	if f.Where != nil {
		v.Where = indexOf(&s.Wheres, f.Where, (*expr.Expr).String)
	}
	if f.By != "" {
		v.By = indexOf(&s.Bys, f.By, strings.Clone)
	}
	folds := f.Agg.Folds(in, f.Params)
	for k, id := range f.FoldFingerprints() {
		i := slices.IndexFunc(s.Folds, func(x Fold) bool { return x.ID == id })
		if i < 0 {
			i = len(s.Folds)
			s.Folds = append(s.Folds, Fold{Fold: folds[k], Input: v.Input, Where: v.Where, By: v.By, ID: id})
		}
		v.Folds = append(v.Folds, i)
	}
}

// indexOf is where x, or what has the same text, stands among all; it is added where it does not.
func indexOf[T any](all *[]T, x T, text func(T) string) int {
	i := slices.IndexFunc(*all, func(y T) bool { return text(x) == text(y) })
	if i < 0 {
		i = len(*all)
		*all = append(*all, x)
	}
	return i
}

// rowsPerWindow is into how many chunks an exact window is cut at least, where a chunk of a second allows it: what is read beside the
// window at its edges is then little.
const rowsPerWindow = 8

// keepRows plans the rows of values that no tile answers.
func (s *Space) keepRows() {
	r := &KeptRows{}
	for i := range s.Values {
		if s.window[i] {
			continue
		}
		v := &s.Values[i]
		r.Inputs, r.Wheres, r.Bys = with(r.Inputs, v.Input), with(r.Wheres, v.Where), with(r.Bys, v.By)
		step := steps[0]
		for _, x := range steps {
			if x*rowsPerWindow <= v.Window.Size {
				step = x
			}
		}
		if r.Step == 0 || step < r.Step {
			r.Step = step
		}
		r.Keep = max(r.Keep, v.Window.Reach().Back)
		s.Rows = r
	}
	if s.Rows == nil {
		return
	}
	src := s.Group.Source
	r.Tie = slices.Clone(src.OrderBy)
	if src.KnownAt != nil {
		r.Tie = append(r.Tie, src.KnownAt)
	}
	if src.Kind == feature.Events {
		r.Keep += src.Lateness + r.Step
		return
	}
	r.Step, r.AllTied = 0, true
	r.Keep = src.Delay + src.Lateness
	for _, v := range s.Values {
		r.Keep = max(r.Keep, v.Window.Lag()+src.Lateness)
	}
}

func with(all []int, i int) []int {
	if i < 0 || slices.Contains(all, i) {
		return all
	}
	return append(all, i)
}

// identify makes the layouts and the identity of what they mean.
func (s *Space) identify() {
	var text strings.Builder
	folds, ids := make([]agg.Fold, s.Tiled), make([]string, s.Tiled)
	for i, f := range s.Folds[:s.Tiled] {
		folds[i], ids[i] = f.Fold, f.ID
		fmt.Fprintln(&text, "fold", f.ID)
	}
	for _, l := range s.Levels {
		fmt.Fprintln(&text, "level", l.Step)
	}
	fmt.Fprintln(&text, "base", s.Base)
	s.tiles = tile.NewLayout(folds, ids)
	if r := s.Rows; r != nil {
		of := s.rowsText()
		s.rows = tile.NewRowLayout(of, len(r.Tie)+b2i(r.AllTied), len(r.Inputs)+len(r.Wheres)+len(r.Bys))
		text.WriteString(of)
	}
	sum := sha256.Sum256([]byte(text.String()))
	s.ID = s.Group.Name + "-" + hex.EncodeToString(sum[:6])
}

// rowsText is what kept rows mean.
func (s *Space) rowsText() string {
	var b strings.Builder
	r := s.Rows
	fmt.Fprintln(&b, "rows of", s.Group.Source.Fingerprint, "in", r.Step, "tied", r.AllTied)
	for _, k := range s.Group.Keys {
		fmt.Fprintln(&b, "key", k.Name, k.Type)
	}
	for _, e := range r.Tie {
		fmt.Fprintln(&b, "tie", e, e.Versions())
	}
	for _, i := range r.Inputs {
		fmt.Fprintln(&b, "input", s.Inputs[i], s.Inputs[i].Versions(), s.Inputs[i].Type())
	}
	for _, i := range r.Wheres {
		fmt.Fprintln(&b, "where", s.Wheres[i], s.Wheres[i].Versions())
	}
	for _, i := range r.Bys {
		fmt.Fprintln(&b, "by", s.Bys[i])
	}
	return b.String()
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Layout is that of the space's tiles: the first Tiled of its folds.
func (s *Space) Layout() *tile.Layout { return s.tiles }

// RowLayout is that of kept rows; nil where none are kept.
func (s *Space) RowLayout() *tile.RowLayout { return s.rows }

// FromTiles reports whether value i is made of tiles, and not of rows.
func (s *Space) FromTiles(i int) bool { return s.window[i] }

// Ordered reports whether the order of events within a millisecond matters to a tiled fold, so that order_by is read (E2).
func (s *Space) Ordered() bool {
	return slices.ContainsFunc(s.Folds[:s.Tiled], func(f Fold) bool { return f.Kind == agg.KindEdge || f.Kind == agg.KindEventList })
}

// BatchStep is the length of the tiles that batch makes of a fold for the space, or of longer ones that it divides: the fold's windows
// read none of batch's at a level that is no multiple of it, which may be there for other folds.
func (s *Space) BatchStep(fold int) int64 {
	step := int64(batchStep)
	for i := range s.Values {
		if v := &s.Values[i]; s.window[i] && slices.Contains(v.Folds, fold) {
			own, _ := v.Window.TileStep()
			step = gcd(step, own)
		}
	}
	return step
}

// RowStep is the store's step of kept rows.
func (r *KeptRows) RowStep() int64 {
	if r.Step == 0 {
		return WholeStep
	}
	return -r.Step
}

// Start is where an event of time ts has its chunk.
func (r *KeptRows) Start(ts int64) int64 {
	if r.Step == 0 {
		return 0
	}
	return value.Floor(ts, r.Step)
}

// BaseEnd is the time before which batch's base tile at a watermark holds all events: the midnight before which no unbounded window ends
// any more.
func (s *Space) BaseEnd(watermark int64) int64 {
	if fault.Planted("online: batch's base holds what windows in the past end before") {
		return watermark
	}
	return value.Floor(watermark-s.slack, value.DayMS)
}

// RollEnd is the time before which the stream may merge days into its base tile as of now: no event may come, and no window end, before it.
func (s *Space) RollEnd(now int64) int64 {
	if fault.Planted("online: the stream's base takes in days whose events may still come") {
		return value.Floor(now, value.DayMS) + value.DayMS
	}
	return value.Floor(now-s.Group.Source.Lateness-s.slack, value.DayMS)
}
