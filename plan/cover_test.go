package plan_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/project"
	"github.com/bighead-ml/bighead/value"
)

const coverDefinitions = `import bighead as bh
e = bh.EventSource("e", columns={"k": bh.String, "x": bh.Float}, time="ts", delay="90s", lateness="1h")
n = bh.EventSource("n", columns={"k": bh.String, "x": bh.Float}, time="ts", lateness="2h")
def features():
    return [
        bh.sum("x", windows=["1h", "1d", "7d", "30d"]), bh.count(windows=["90s", "10m", "6h"]), bh.max("x"),
        bh.avg("x", windows=["2d"], offset="3d", name="before"), bh.sum("x", windows=["7d"], tumbling=True, name="week"),
        bh.min("x", windows=["1d"], tumbling=True, origin="1970-01-01T05:00:00Z", name="five"),
        bh.sum("x", windows=["3d"], refresh="daily", name="daily"), bh.sum("x", windows=["45m"], resolution="5m", name="own"),
        bh.sum("x", windows=["7s", "90m"], resolution="exact", name="exact"), bh.last("x", offset="2h", name="then"),
    ]
a = bh.FeatureGroup("a", source=e, keys=["k"], features=features())
b = bh.FeatureGroup("b", source=n, keys=["k"], features=features())
c = bh.FeatureGroup("c", source=n, keys=["k"], features=[
    bh.max("x", offset="30s", name="fine"), bh.min("x"), bh.sum("x", windows=["60d"], resolution="2d"), bh.first("x", windows=["1h"]),
    bh.last("x", windows=["21d"], resolution="7d"), bh.kurtosis("x", windows=["10s"], resolution="5s", offset="1m"),
])
d = bh.FeatureGroup("d", source=n, keys=["k"], features=[
    bh.first("x", windows=["90s", "7m"], tumbling=True), bh.time_since_first(windows=["1h"]), bh.max("x", windows=["54m"], resolution="27s"),
    bh.min("x", windows=["60d"], resolution="2d"), bh.sum("x"),
])
f = bh.FeatureGroup("f", source=n, keys=["k"], features=[bh.variance("x", windows=["60d"], resolution="3d")])
g = bh.FeatureGroup("g", source=n, keys=["k"], features=[bh.sum("x", windows=["30d"], resolution="2d"), bh.count(windows=["1h"])])
h = bh.FeatureGroup("h", source=e, keys=["k"], features=[bh.sum("x", windows=["14d"], tumbling=True)])
`

func coverGroups(t *testing.T) []*feature.Group {
	t.Helper()
	return checkedGroups(t, coverDefinitions)
}

// checkedGroups records and checks definitions, and gives their groups.
func checkedGroups(t *testing.T, text string) []*feature.Group {
	t.Helper()
	defs, err := project.RecordUnits(t.Context(), project.Python{}, []project.Unit{{Name: "features.py", Text: &text}})
	if err != nil {
		t.Fatal(err)
	}
	p, problems := feature.Check(defs[0], feature.Options{})
	if problems.Failed() {
		t.Fatal(problems)
	}
	return p.Groups
}

// span is a stretch of event time that a use stands for.
type span struct{ from, to int64 }

// TestACoverIsTheWindow draws times and marks, and demands of each value that its uses stand for its window, once each, all that lies
// before B from batch and all that lies behind from the stream, and nothing else but what no event can be in.
func TestACoverIsTheWindow(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	seen := 0
	for _, g := range coverGroups(t) {
		s := plan.SpaceOf(g)
		all := make([]int, len(s.Values))
		for i := range all {
			all[i] = i
		}
		for range 2000 {
			at := 1_700_000_000_000 + r.Int64N(40*value.DayMS)
			if r.IntN(3) == 0 {
				at = value.Floor(at, []int64{1000, 60_000, 3_600_000, value.DayMS}[r.IntN(4)]) + r.Int64N(3) - 1
			}
			m := plan.NoMarks
			if r.IntN(3) == 0 {
				m.Rolled = value.Floor(at, value.DayMS) - (r.Int64N(40)-2)*value.DayMS // the window may end before it
			}
			if r.IntN(3) > 0 {
				m.Batch = value.Floor(at, value.DayMS) - r.Int64N(40)*value.DayMS
			}
			c := s.Cover(at, m, all)
			for i := range all {
				checkUses(t, s, c, i)
				seen++
			}
			if !c.Holds(s, at, m) || c.Holds(s, at, plan.Marks{Batch: m.Batch - 1, Complete: m.Complete}) {
				t.Fatal("a cover does not know its own time and marks")
			}
		}
	}
	if seen < 10_000 {
		t.Fatalf("only %d covers", seen)
	}
}

func checkUses(t *testing.T, s *plan.Space, c *plan.Cover, i int) {
	t.Helper()
	v, from, to := s.Values[c.Values[i]], c.Starts[i], c.Ends[i]
	fail := func(format string, args ...any) {
		t.Helper()
		t.Errorf("%s as of %s, %+v: uses %v of %v", v.Name, value.FormatTimestamp(c.T), c.Marks, c.Uses[i], c.Needs)
		t.Fatalf(format, args...)
	}
	var spans []span
	longest := int64(value.DayMS)
	for _, f := range v.Folds {
		if s.FromTiles(c.Values[i]) {
			longest = min(longest, s.BatchStep(f))
		}
	}
	for _, u := range c.Uses[i] {
		n := c.Needs[u.Need]
		if u.From < n.From || u.To > n.To {
			fail("a use outside its need")
		}
		if n.Batch && n.Step > 0 && n.Step%longest != 0 {
			fail("batch has tiles of %d ms, and the use is of %d ms", longest, n.Step)
		}
		if n.Step > 0 && !isKept(s, c, n.Batch, n.Step, u.From) {
			fail("the tile of %d ms at %d may have been let go", n.Step, u.From)
		}
		x := span{u.From, u.To}
		switch {
		case n.Step == plan.BaseStep && n.Batch:
			x = span{plan.MinTime, s.BaseEnd(c.Marks.Batch)}
		case n.Step == plan.BaseStep:
			x = span{plan.MinTime, max(c.Marks.Rolled, plan.FirstDay)} // what it has of later days is left out by its header
			if x.to > to {
				x.to = value.Floor(to, value.DayMS)
			}
		case n.Step < 0:
			x = span{max(u.From, from), min(u.To, to)} // rows are looked at one by one
			if n.Batch {
				x.to = min(x.to, c.Marks.Batch)
			} else if c.Marks.Batch > plan.MinTime {
				x.from = max(x.from, c.Marks.Batch)
			}
		}
		if n.Batch && x.to > c.Marks.Batch || !n.Batch && x.from < c.Marks.Batch && c.Marks.Batch > plan.MinTime {
			fail("[%d, %d) is not the owner's", x.from, x.to)
		}
		spans = append(spans, x)
	}
	slices.SortFunc(spans, func(a, b span) int {
		if a.from < b.from {
			return -1
		}
		return 1
	})
	at := from
	for _, x := range spans {
		if x.from != at {
			fail("a gap or an overlap at %d: next is [%d, %d)", at, x.from, x.to)
		}
		at = x.to
	}
	if at != to && !(at > to && v.Window.Open()) {
		fail("covers up to %d, the window ends at %d", at, to)
	}
}

// isKept reports whether a tile is sure to be in the store: those of a level are for as long as it says, and the stream's days until they are in a
// base tile or batch's.
func isKept(s *plan.Space, c *plan.Cover, batch bool, step, start int64) bool {
	now := c.T
	if batch {
		now = c.Marks.Batch // when it was loaded; nothing of it goes
	}
	for _, l := range s.Levels {
		if l.Step == step && start >= value.Floor(now-l.Keep, step) {
			return true
		}
	}
	return !batch && s.Base && step == value.DayMS && (c.Marks.Batch == plan.MinTime || start >= c.Marks.Batch)
}

// TestNeedsAreFew bounds what a request has to read: the point of having levels.
func TestNeedsAreFew(t *testing.T) {
	for _, g := range coverGroups(t) {
		s := plan.SpaceOf(g)
		for i, v := range s.Values {
			if !s.FromTiles(i) || v.Window.Unbounded {
				continue
			}
			c := s.Cover(1_700_000_123_456, plan.NoMarks, []int{i})
			tiles := int64(0)
			for _, n := range c.Needs {
				tiles += (n.To - n.From) / n.Step
			}
			if tiles > 150 {
				t.Errorf("%s reads %d tiles: %v", v.Name, tiles, c.Needs)
			}
		}
	}
}
