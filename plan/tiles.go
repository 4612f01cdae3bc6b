package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
)

// Tiles is which tiles a group keeps for each key (docs/data-path.md §1), from the windows that read them.
//
// The finest level is the greatest step on whose multiples all edges lie, and midnights, so that a window's cover can be cut at any
// edge and batch and stream can part at a day. Coarser levels are there to make covers short: every window's own resolution, a step
// of a sixtieth of it at most, and steps in between where two levels are further apart than maxRatio.
type Tiles struct {
	Levels []Level // finest first; each step is a multiple of the first
	// Base says that unbounded windows read a tile of all that lies before the kept days.
	Base bool
	// Raw are the features that no tile can answer: they read events.
	Raw []Raw
}

// Level is the tiles of one length.
type Level struct {
	Step int64 // ms
	// Keep is for how long after its beginning a tile is needed: for reads, and to make coarser ones of it when a late event comes.
	Keep int64
}

// Raw names a feature without tiles, and says why; a group is meant where Feature is "".
type Raw struct {
	Group   string `json:"group"`
	Feature string `json:"feature,omitempty"`
	Reason  string `json:"reason"`
}

// Name is group.feature, or the group.
func (r Raw) Name() string { return strings.TrimSuffix(r.Group+"."+r.Feature, ".") }

// maxRatio is the most tiles of one level that a cover should need before one of the next fits, and maxTiles the most tiles of one
// length in a cover, where the steps of W2 allow it.
const (
	maxRatio = 24
	maxTiles = 120
)

// TilesOf plans the tiles of a group that batch can make.
func TilesOf(g *feature.Group) *Tiles { return tilesOf(g, untiled(g.Source)) }

// OnlineTilesOf plans the tiles of a group that a stream keeps. Online, what is not known yet is not in a tile yet, so that known_at is no
// hindrance there.
func OnlineTilesOf(g *feature.Group) *Tiles {
	if g.Source.Kind == feature.Events {
		return tilesOf(g, "")
	}
	return tilesOf(g, untiled(g.Source))
}

func tilesOf(g *feature.Group, reason string) *Tiles {
	t := &Tiles{}
	if reason != "" {
		t.Raw = []Raw{{g.Name, "", reason}}
		return t
	}
	var windows []Window
	for _, f := range g.Features {
		w := NewWindow(f.Window, g.Source.Delay)
		if _, _, ok := w.Grid(); !ok {
			t.Raw = append(t.Raw, Raw{g.Name, f.Name, rawReason(w)})
			continue
		}
		windows = append(windows, w)
		t.Base = t.Base || w.Unbounded
	}
	steps := levelSteps(windows)
	for i := range steps {
		t.Levels = append(t.Levels, Level{steps[i], keepOf(steps, i, windows) + g.Source.Lateness})
	}
	return t
}

// untiled says why nothing over a source has tiles, or "".
func untiled(s *feature.Source) string {
	switch {
	case s.Kind == feature.Entities:
		return "rows of an entity source are kept whole, by key"
	case s.Kind == feature.Snapshots:
		return "a snapshot table is loaded whole"
	case s.KnownAt != nil:
		return "what counts of a source with known_at depends on when it is asked, so its events are read"
	}
	return ""
}

func rawReason(w Window) string {
	if w.Tumbling {
		return "its tumbling grid is finer than a second, so events are read"
	}
	return "an exact window ends anywhere, so events are read"
}

// levelSteps are the lengths of the tiles that the windows need, ascending.
func levelSteps(windows []Window) []int64 {
	if len(windows) == 0 {
		return nil
	}
	finest := int64(value.DayMS)
	var out []int64
	add := func(s int64) {
		if s > 0 && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	for _, w := range windows {
		start, end, _ := w.Grid()
		finest = gcd(gcd(finest, start), end)
		add(start)
		add(end)
		add(w.coverStep())
		if w.Unbounded {
			add(value.DayMS)
		}
	}
	add(finest)
	for _, w := range windows {
		add(bodyStep(w, out))
	}
	slices.Sort(out)
	return fill(out)
}

// coverStep is the step whose multiples a cover of the window is made of, cut at midnights or not.
func (w Window) coverStep() int64 {
	start, end, _ := w.Grid()
	return gcd(gcd(value.DayMS, start), end)
}

// bodyStep is a step that a window needs beside those there are, so that its cover is short: 0 where it needs none, or none helps.
func bodyStep(w Window, levels []int64) int64 {
	start, _, _ := w.Grid()
	short := func(s int64) bool { return start > 0 && s%start == 0 && s <= w.Size && w.Size/s <= maxTiles }
	if w.Unbounded || slices.ContainsFunc(levels, short) {
		return 0
	}
	for _, s := range steps {
		if short(s) {
			return s
		}
	}
	if last := steps[len(steps)-1]; last%start == 0 {
		return last
	}
	return 0
}

// fill adds steps where two levels are further apart than maxRatio, if there are any that divide the one and are divided by the other.
func fill(levels []int64) []int64 {
	out := levels[:1:1]
	for _, next := range levels[1:] {
		for {
			last, between := out[len(out)-1], int64(0)
			for _, s := range steps {
				if s > last && s <= maxRatio*last && s < next && s%last == 0 && next%s == 0 {
					between = s
				}
			}
			if next <= maxRatio*last || between == 0 {
				break
			}
			out = append(out, between)
		}
		out = append(out, next)
	}
	return out
}

// keepOf is how long tiles of level i are needed for reads. A level finer than a window's resolution serves its end alone, until a tile
// of the next level fits; where levels do not divide each other a cover may come back to any of them. A resolution that a midnight need not be
// a multiple of is parted by batch's watermark too, which may lie anywhere in the window.
func keepOf(steps []int64, i int, windows []Window) int64 {
	chain := true
	for k := 1; k < len(steps); k++ {
		chain = chain && steps[k]%steps[k-1] == 0
	}
	keep := int64(0)
	for _, w := range windows {
		start, _, _ := w.Grid()
		back := w.Reach().Back
		if w.Unbounded {
			start, back = value.DayMS, w.Lag()+value.DayMS // from the base tile on
		}
		if parted := start > 0 && value.DayMS%start != 0 && steps[i] >= w.coverStep(); chain && steps[i] < start && !parted {
			back = w.Lag() + steps[i+1]
		}
		keep = max(keep, back)
	}
	return keep
}

// PerKey is how many tiles a key has at most at a time.
func (t *Tiles) PerKey() int64 {
	n := int64(0)
	for _, l := range t.Levels {
		n += (l.Keep+l.Step-1)/l.Step + 1
	}
	if t.Base {
		n++
	}
	return n
}

// Run is tiles of one length, one after the other, that begin in [From, To).
type Run struct{ Step, From, To int64 }

// Cover is the tiles that make up [from, to), both multiples of the finest level: at each place the coarsest that begins there and fits.
func (t *Tiles) Cover(from, to int64) []Run {
	var runs []Run
	for from < to {
		step := t.Levels[0].Step
		for _, l := range t.Levels[1:] {
			if value.Floor(from, l.Step) == from && from+l.Step <= to {
				step = l.Step
			}
		}
		if n := len(runs); n > 0 && runs[n-1].Step == step {
			runs[n-1].To += step
		} else {
			runs = append(runs, Run{step, from, from + step})
		}
		from += step
	}
	return runs
}

// String lists the levels, finest first, and what is left out.
func (t *Tiles) String() string {
	var b strings.Builder
	for _, l := range t.Levels {
		fmt.Fprintf(&b, "tiles of %s for %s\n", value.FormatDuration(l.Step), value.FormatDuration(l.Keep))
	}
	if t.Base {
		b.WriteString("a base tile of all before\n")
	}
	for _, r := range t.Raw {
		fmt.Fprintf(&b, "no tiles for %s: %s\n", r.Name(), r.Reason)
	}
	return b.String()
}

// gcd is the greatest common divisor, never negative; of 0 and x it is x.
func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	if a < 0 {
		return -a
	}
	return a
}
