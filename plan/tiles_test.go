package plan_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

func TestTileLevels(t *testing.T) {
	runScripts(t, "testdata/tiles.txt", func(p *feature.Project) string {
		var out []string
		for _, g := range p.Groups {
			out = append(out, plan.TilesOf(g).String())
		}
		return strings.Join(out, "\n")
	})
}

// group draws windows over one source.
func drawGroup(t *rapid.T) *feature.Group {
	g := &feature.Group{Name: "g", Source: &feature.Source{Name: "s", Delay: rapid.SampledFrom([]int64{0, 0, second, 59 * minute, 2 * day}).Draw(t, "delay")}}
	g.Source.Lateness = rapid.Int64Range(0, 3).Draw(t, "lateness") * day
	for range rapid.IntRange(1, 4).Draw(t, "features") {
		f := &feature.Feature{Name: "f", Group: g}
		w := &f.Window
		w.Size = rapid.SampledFrom([]int64{minute, 7 * minute, hour, 10 * hour, day, 7 * day, 30 * day}).Draw(t, "size")
		switch rapid.IntRange(0, 4).Draw(t, "form") {
		case 0:
			*w = feature.Window{Unbounded: true}
		case 1:
			w.Tumbling, w.Origin = true, rapid.Int64Range(0, 6).Draw(t, "origin")*30*minute
		case 2:
			for _, r := range []int64{10 * minute, 15 * minute, 7 * day} {
				if w.Size%r == 0 && rapid.Bool().Draw(t, "this") {
					w.Resolution = r
				}
			}
		default:
			w.Resolution = feature.DefaultResolution(w.Size)
		}
		w.Daily = rapid.IntRange(0, 4).Draw(t, "daily") == 0
		w.Offset = rapid.SampledFrom([]int64{0, 0, second, 3 * hour}).Draw(t, "offset")
		g.Features = append(g.Features, f)
	}
	return g
}

// Every window can be covered: its edges lie on the finest level (an end at u alone does not have to), and so do midnights; each tile of
// the cover is one that is still kept, and there are few of them.
func TestEveryWindowIsCovered(t *testing.T) {
	drawn, covered := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		drawn++
		g := drawGroup(t)
		tiles := plan.TilesOf(g)
		now := rapid.Int64Range(-2000, 2000).Draw(t, "days")*day + rapid.Int64Range(0, day).Draw(t, "t")
		raw := 0
		for _, f := range g.Features {
			w := plan.NewWindow(f.Window, g.Source.Delay)
			_, step, ok := w.Grid()
			if !ok {
				raw++
				continue
			}
			finest := tiles.Levels[0].Step
			start, end := w.Bounds(now)
			if step == 0 {
				end = value.Floor(end, finest)
			}
			if start == plan.MinTime {
				start = value.Floor(now-g.Source.Lateness-g.Source.Delay-f.Window.Offset, day) // the base tile's end
				if start > end {
					continue
				}
			}
			if value.Floor(start, finest) != start || value.Floor(end, finest) != end || day%finest != 0 {
				t.Fatalf("%s at %d: [%d, %d) does not lie on tiles of %d", w.Text(), now, start, end, finest)
			}
			if start < end {
				covered++
				checkCover(t, tiles, w, now, start, end)
			}
		}
		if raw != len(tiles.Raw) {
			t.Fatalf("%d features have no tiles, %d are named", raw, len(tiles.Raw))
		}
	})
	if covered < drawn/2 { // under -short fewer groups are drawn
		t.Fatalf("of %d groups only %d windows were covered", drawn, covered)
	}
}

func checkCover(t *rapid.T, tiles *plan.Tiles, w plan.Window, now, start, end int64) {
	n := int64(0)
	at := start
	for _, r := range tiles.Cover(start, end) {
		i := slices.IndexFunc(tiles.Levels, func(l plan.Level) bool { return l.Step == r.Step })
		if i < 0 || r.From != at || r.To <= r.From || value.Floor(r.From, r.Step) != r.From || (r.To-r.From)%r.Step != 0 {
			t.Fatalf("%s at %d: %+v after %d", w.Text(), now, r, at)
		}
		if back := now - r.From; back > tiles.Levels[i].Keep {
			t.Fatalf("%s at %d: a tile of %d from %d on is needed, %d ms after its beginning, and kept for %d", w.Text(), now, r.Step, r.From, back, tiles.Levels[i].Keep)
		}
		n += (r.To - r.From) / r.Step
		at = r.To
	}
	if at != end {
		t.Fatalf("%s at %d: [%d, %d) is covered up to %d", w.Text(), now, start, end, at)
	}
	if n > tiles.PerKey() {
		t.Fatalf("%s: a cover of %d tiles, a key has %d", w.Text(), n, tiles.PerKey())
	}
}

// Steps that follow each other closely make covers of some tens of tiles, whatever the windows are.
func TestCoversAreShort(t *testing.T) {
	for _, c := range []struct {
		sizes []int64
		most  int64
	}{{[]int64{hour, day, 7 * day, 30 * day}, 160}, {[]int64{10 * minute, 365 * day}, 500}, {[]int64{7 * day}, 90}} {
		g := &feature.Group{Name: "g", Source: &feature.Source{Name: "s"}}
		for _, s := range c.sizes {
			g.Features = append(g.Features, &feature.Feature{Group: g, Window: feature.Window{Size: s, Resolution: feature.DefaultResolution(s)}})
		}
		tiles := plan.TilesOf(g)
		for _, f := range g.Features {
			w := plan.NewWindow(f.Window, 0)
			for i := range int64(97) {
				start, end := w.Bounds(1000*day + i*day/97 + i)
				n := int64(0)
				for _, r := range tiles.Cover(start, value.Floor(end, tiles.Levels[0].Step)) {
					n += (r.To - r.From) / r.Step
				}
				if n > c.most {
					t.Errorf("%s of %v: a cover of %d tiles", w.Text(), tiles, n)
				}
			}
		}
	}
}
