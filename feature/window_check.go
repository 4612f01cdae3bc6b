package feature

import (
	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/fault"
)

// Steps is the list of W2, ascending, in ms: the resolutions that a window can get by itself, and the edges that W3 cuts at.
var Steps = []int64{1000, 5000, 15_000, 60_000, 300_000, 900_000, 3_600_000, 3 * 3_600_000, 6 * 3_600_000, value.DayMS}

// DefaultResolution is W2's for a window of that many ms: the largest step that divides it and is at most a sixtieth of it; 0: exact.
func DefaultResolution(window int64) int64 {
	r := int64(0)
	for _, s := range Steps {
		if window%s == 0 && (60*s <= window || fault.Planted("feature: a default resolution may be a thirtieth") && 30*s <= window) {
			r = s
		}
	}
	return r
}

// exactResolution is the word for raw events.
const exactResolution = "exact"

// windowSpec is one window and the text that its author wrote, which becomes part of the name.
type windowSpec struct {
	text   string
	window Window
}

// windows checks a feature's windows: one feature comes of each. None: something is wrong, which has been reported.
func (c *checker) windows(d *FeatureDef) []windowSpec {
	common := Window{}
	common.Offset, _ = c.duration(d.Offset, "offset", 0)
	common.Daily = c.word(d.Refresh, "refresh", "daily") != ""
	common.Tumbling = d.Tumbling != nil && d.Tumbling.Value
	if len(d.Windows) == 0 {
		return c.unbounded(d, common)
	}
	origin := c.origin(d)
	if common.Tumbling && d.Resolution != nil {
		c.meaningless(d.Resolution.At, "resolution", "beside tumbling=True, where each window is one tile", "leave it out")
	}
	r, explicit := c.resolution(d.Resolution)
	var out []windowSpec
	seen := map[int64]Text{}
	for _, t := range d.Windows {
		size, ok := c.duration(&t, "window", 0)
		if !ok {
			continue
		}
		if size == 0 {
			c.zeroWindow(t, "window")
			continue
		}
		if first, twice := seen[size]; twice {
			c.windowTwice(t, first)
			continue
		}
		seen[size] = t
		w := common
		w.Size = size
		switch {
		case w.Tumbling:
			w.Origin = origin - value.Floor(origin, size) // the grid, whichever of its edges was named
		case explicit:
			w.Resolution = c.divides(d.Resolution, r, t, size)
		case c.o.Resolution != exactResolution:
			w.Resolution = DefaultResolution(size)
		}
		out = append(out, windowSpec{t.Value, w})
	}
	return out
}

// unbounded is the window of a feature without windows.
func (c *checker) unbounded(d *FeatureDef, w Window) []windowSpec {
	if d.Flawed.Has("windows") {
		return nil
	}
	if d.Windows != nil {
		c.noWindows(d.At, d.Aggregation)
		return nil
	}
	const without, cure = "without windows=", "leave it out, or say which windows"
	if d.Resolution != nil {
		c.meaningless(d.Resolution.At, "resolution", without, cure)
	}
	if w.Tumbling {
		c.meaningless(d.Tumbling.At, "tumbling", without, cure)
	}
	if d.Origin != nil {
		c.meaningless(d.Origin.At, "origin", without, cure)
	}
	w.Unbounded, w.Tumbling = true, false
	return []windowSpec{{"", w}}
}

func (c *checker) origin(d *FeatureDef) int64 {
	if d.Origin == nil {
		return 0
	}
	if d.Tumbling == nil || !d.Tumbling.Value {
		if !d.Flawed.Has("tumbling") {
			c.meaningless(d.Origin.At, "origin", "without tumbling=True", "add tumbling=True, or leave origin out")
		}
		return 0
	}
	if ms := c.instant(d.Origin, "origin"); ms != nil {
		return *ms
	}
	return 0
}

// resolution reads resolution=; 0 is exact. explicit is false where there is none, or none that can be used.
func (c *checker) resolution(t *Text) (r int64, explicit bool) {
	if t == nil {
		return 0, false
	}
	if t.Value == exactResolution {
		return 0, true
	}
	r, err := value.ParseDuration(t.Value)
	if err != nil || r <= 0 || r%1000 != 0 || value.DayMS%r != 0 && r%value.DayMS != 0 {
		c.badResolution(*t)
		return 0, false
	}
	return r, true
}

// divides holds a resolution against one window.
func (c *checker) divides(t *Text, r int64, window Text, size int64) int64 {
	if r == 0 || size%r == 0 {
		return r
	}
	chosen := "exact edges"
	if s := DefaultResolution(size); s > 0 {
		chosen = value.FormatDuration(s)
	}
	c.unevenResolution(*t, window.Value, chosen)
	return 0
}
