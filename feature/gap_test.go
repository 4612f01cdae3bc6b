package feature

import (
	"testing"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/value"
)

func TestGapOf(t *testing.T) {
	schema := value.Schema{{Name: "x", Type: value.Timestamp}, {Name: "y", Type: value.Timestamp}, {Name: "z", Type: value.Timestamp}, {Name: "n", Type: value.Int}, {Name: "w", Type: value.Timestamp}}
	const hour, day = 3_600_000, 86_400_000
	for _, c := range []struct {
		a, b string
		sign string // "after", "before", "same", "either", "unknown"
		most int64  // 0: not looked at
	}{
		{"x", "x", "same", 0},
		{"x + interval '2 hours'", "x", "after", 2 * hour},
		{"x - interval '2 hours'", "x", "before", 0},
		{"x", "y", "either", 0},
		{"date_trunc('day', x) + interval '1 day'", "x", "after", day},
		{"date_trunc('day', x)", "x", "either", 0}, // at midnight they are the same
		{"greatest(x, y) + interval '1 hour'", "y", "after", 0},
		{"greatest(x, y, z)", "least(x, y, z)", "either", 0},
		{"x + interval '1 hour'", "x + interval '1 hour'", "same", 0},
		{"local(x, 'America/New_York')", "x", "before", 0},
		{"case when n > 1 then x else y end", "x", "unknown", 0},
		{"greatest(x, y, z, w)", "x", "unknown", 0},
		{"timestamp '2024-01-01T00:00:00Z'", "timestamp '2023-01-01T00:00:00Z'", "unknown", 0},
		{"timestamp '2024-01-01T00:00:00Z'", "x", "either", 0},
		{"cast(null as timestamp)", "x", "unknown", 0},
	} {
		a, errs := expr.Check(c.a, schema)
		if len(errs) > 0 {
			t.Fatal(c.a, errs)
		}
		b, errs := expr.Check(c.b, schema)
		if len(errs) > 0 {
			t.Fatal(c.b, errs)
		}
		g := gapOf(a, b, schema)
		got := "either"
		switch {
		case !g.known:
			got = "unknown"
		case g.least == 0 && g.most == 0:
			got = "same"
		case g.least > 0:
			got = "after"
		case g.most < 0:
			got = "before"
		}
		if got != c.sign || c.most != 0 && g.most != c.most {
			t.Errorf("%s is %s %s (%+v), want %s", c.a, got, c.b, g, c.sign)
		}
	}
}

func TestMayHold(t *testing.T) {
	const hour, day = 3_600_000, 86_400_000
	for _, c := range []struct {
		name   string
		w      Window
		before int64
		want   bool
	}{
		{"the end is exclusive (W1)", Window{Size: hour}, 0, false},
		{"later than asked", Window{Size: hour}, -1, false},
		{"inside", Window{Size: hour}, 1, true},
		{"the start is inclusive (W1)", Window{Size: hour}, hour, true},
		{"older", Window{Size: hour}, hour + 1, false},
		{"unbounded", Window{Unbounded: true}, 400 * day, true},
		{"before an offset", Window{Size: hour, Offset: hour}, hour, false},
		{"beyond an offset", Window{Size: hour, Offset: hour}, hour + 1, true},
		{"the tile before", Window{Size: day, Tumbling: true}, day + 1, true},
		{"two tiles before", Window{Size: day, Tumbling: true}, 2*day + 1, false},
		{"yesterday's refresh", Window{Size: hour, Daily: true}, day, true},
	} {
		if got := c.w.mayHold(c.before); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
