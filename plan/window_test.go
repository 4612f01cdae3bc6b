package plan_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

const (
	second = int64(1000)
	minute = 60 * second
	hour   = 60 * minute
	day    = 24 * hour
)

func ms(t *testing.T, text string) int64 {
	t.Helper()
	if text == "-∞" {
		return plan.MinTime
	}
	v, ok := value.ParseTimestamp(text)
	if !ok {
		t.Fatalf("bad time %q", text)
	}
	return v
}

// Each line is the table of §4 worked out by hand.
func TestBounds(t *testing.T) {
	for _, c := range []struct {
		name       string
		w          plan.Window
		t          string
		start, end string
	}{
		{"unbounded", plan.NewWindow(feature.Window{Unbounded: true}, 0), "2024-01-31T10:00:00.5Z", "-∞", "2024-01-31T10:00:00.500Z"},
		{"unbounded with a delay ends at a step of at most a sixtieth", plan.NewWindow(feature.Window{Unbounded: true}, hour), "2024-01-31T10:00:59Z", "-∞", "2024-01-31T09:00:00Z"},
		{"exact", plan.NewWindow(feature.Window{Size: hour}, 0), "2024-01-31T10:00:00.001Z", "2024-01-31T09:00:00.001Z", "2024-01-31T10:00:00.001Z"},
		{"exact with a delay is not floored", plan.NewWindow(feature.Window{Size: hour}, 7*minute), "2024-01-31T10:00:00.001Z", "2024-01-31T08:53:00.001Z", "2024-01-31T09:53:00.001Z"},
		{"resolution floors the start alone", plan.NewWindow(feature.Window{Size: hour, Resolution: minute}, 0), "2024-01-31T10:00:59Z", "2024-01-31T09:00:00Z", "2024-01-31T10:00:59Z"},
		{"resolution with a delay of an hour: g is a minute", plan.NewWindow(feature.Window{Size: hour, Resolution: minute}, hour), "2024-01-31T10:00:59Z", "2024-01-31T08:00:00Z", "2024-01-31T09:00:00Z"},
		{"a delay of 59 minutes: g is 15 s", plan.NewWindow(feature.Window{Size: hour, Resolution: minute}, 59*minute), "2024-01-31T10:00:59Z", "2024-01-31T08:01:00Z", "2024-01-31T09:01:45Z"},
		{"a delay of a second: no step is short enough, g is 1 s", plan.NewWindow(feature.Window{Size: hour, Resolution: minute}, second), "2024-01-31T10:00:59.900Z", "2024-01-31T09:00:00Z", "2024-01-31T10:00:58Z"},
		{"g divides the resolution", plan.NewWindow(feature.Window{Size: 10 * hour, Resolution: 10 * minute}, 10*day), "2024-01-31T10:09:59Z", "2024-01-21T00:00:00Z", "2024-01-21T10:05:00Z"},
		{"an offset reaches further back", plan.NewWindow(feature.Window{Size: hour, Resolution: minute, Offset: day}, 0), "2024-01-31T10:00:59Z", "2024-01-30T09:00:00Z", "2024-01-30T10:00:00Z"},
		{"an offset of an exact window is exact", plan.NewWindow(feature.Window{Size: hour, Offset: 1}, 0), "2024-01-31T10:00:00Z", "2024-01-31T08:59:59.999Z", "2024-01-31T09:59:59.999Z"},
		{"daily ends at midnight", plan.NewWindow(feature.Window{Size: 7 * day, Resolution: hour, Daily: true}, 0), "2024-01-31T10:00:59Z", "2024-01-24T00:00:00Z", "2024-01-31T00:00:00Z"},
		{"daily after a delay takes the midnight before", plan.NewWindow(feature.Window{Size: 7 * day, Resolution: hour, Daily: true}, 2*hour), "2024-01-31T01:00:00Z", "2024-01-23T00:00:00Z", "2024-01-30T00:00:00Z"},
		{"tumbling is the last whole window", plan.NewWindow(feature.Window{Size: hour, Tumbling: true}, 0), "2024-01-31T10:59:59Z", "2024-01-31T09:00:00Z", "2024-01-31T10:00:00Z"},
		{"tumbling at its own edge", plan.NewWindow(feature.Window{Size: hour, Tumbling: true}, 0), "2024-01-31T10:00:00Z", "2024-01-31T09:00:00Z", "2024-01-31T10:00:00Z"},
		{"seven-day tumbling windows begin on Thursdays", plan.NewWindow(feature.Window{Size: 7 * day, Tumbling: true}, 0), "2024-01-31T10:00:00Z", "2024-01-18T00:00:00Z", "2024-01-25T00:00:00Z"},
		{"an origin shifts the grid to Mondays", plan.NewWindow(feature.Window{Size: 7 * day, Tumbling: true, Origin: 4 * day}, 0), "2024-01-31T10:00:00Z", "2024-01-22T00:00:00Z", "2024-01-29T00:00:00Z"},
		{"an origin after the time floors toward −∞ too", plan.NewWindow(feature.Window{Size: 7 * day, Tumbling: true, Origin: 22000 * day}, 0), "2024-01-31T10:00:00Z", "2024-01-24T00:00:00Z", "2024-01-31T00:00:00Z"},
		{"before the epoch floors go toward −∞", plan.NewWindow(feature.Window{Size: hour, Resolution: minute}, 0), "1969-12-31T23:59:59.999Z", "1969-12-31T22:59:00Z", "1969-12-31T23:59:59.999Z"},
		{"a label looks forward from its own time", plan.NewForward(7 * day), "2024-01-31T10:00:00Z", "2024-01-31T10:00:00Z", "2024-02-07T10:00:00Z"},
	} {
		start, end := c.w.Bounds(ms(t, c.t))
		if start != ms(t, c.start) || end != ms(t, c.end) {
			t.Errorf("%s: %s at %s is [%s, %s), want [%s, %s)", c.name, c.w.Text(), c.t, value.FormatTimestamp(start), value.FormatTimestamp(end), c.start, c.end)
		}
	}
}

func drawWindow(t *rapid.T) plan.Window {
	w := feature.Window{Size: rapid.Int64Range(1, 40).Draw(t, "size") * hour}
	switch rapid.IntRange(0, 3).Draw(t, "form") {
	case 0:
		w = feature.Window{Unbounded: true}
	case 1:
		w.Resolution = rapid.SampledFrom([]int64{second, 5 * second, minute, 15 * minute, hour}).Draw(t, "resolution")
	case 2:
		w.Tumbling, w.Origin = true, rapid.Int64Range(-40, 40).Draw(t, "origin")*minute
	}
	w.Daily = rapid.Bool().Draw(t, "daily")
	w.Offset = rapid.SampledFrom([]int64{0, 0, 1, minute, 3 * hour}).Draw(t, "offset")
	return plan.NewWindow(w, rapid.SampledFrom([]int64{0, 0, 1, second, 59 * minute, 2 * day}).Draw(t, "delay"))
}

func TestBoundsNeverGoBackAndNeverLookForward(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWindow(t)
		at := rapid.Int64Range(-100*day, 100*day).Draw(t, "t")
		later := at + rapid.Int64Range(0, 3*day).Draw(t, "later")
		start, end := w.Bounds(at)
		startLater, endLater := w.Bounds(later)
		if startLater < start || endLater < end {
			t.Fatalf("%s: [%d, %d) at %d, then [%d, %d) at %d", w.Text(), start, end, at, startLater, endLater, later)
		}
		if end > at-w.Delay-w.Offset || start > end {
			t.Fatalf("%s: [%d, %d) at %d sees what cannot be known", w.Text(), start, end, at)
		}
		if r := w.Reach(); r.Back >= 0 && start < at-r.Back || r.Back < 0 && !w.Unbounded {
			t.Fatalf("%s: start %d lies before the reach %s of %d", w.Text(), start, r, at)
		}
		if !w.Unbounded && !w.Tumbling && w.Resolution > 0 && end-start > w.Size+w.Resolution {
			t.Fatalf("%s: [%d, %d) is longer than asked by more than the resolution", w.Text(), start, end)
		}
	})
}

// text writes a time as the sums and floors that it is made of.
type text struct{}

func (text) Add(x string, ms int64) string   { return fmt.Sprintf("(%s %+d)", x, ms) }
func (text) Floor(x string, ms int64) string { return fmt.Sprintf("[%s / %d]", x, ms) }

// An engine that computes edges itself gets them from here, as text over t.
func TestBoundsInText(t *testing.T) {
	w := plan.NewWindow(feature.Window{Size: hour, Resolution: minute, Daily: true, Offset: minute}, second)
	start, end := plan.BoundsIn(w, "t", text{})
	if start != "[(([(t -1000) / 86400000] -60000) -3600000) / 60000]" {
		t.Errorf("the start is %s", start)
	}
	if end != "[([(t -1000) / 86400000] -60000) / 1000]" {
		t.Errorf("the end is %s", end)
	}
}
