package feature

import (
	"slices"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/value"
)

// gap is how far one time lies after another, in ms, over rows of one table.
type gap struct {
	known       bool
	least, most int64
}

func (g gap) text(other string) string {
	if g.least == g.most {
		return value.FormatDuration(g.least) + " after " + other
	}
	return "always after " + other
}

// maxGapColumns is how many columns two times may read for a gap to be found.
const maxGapColumns = 3

// gapOf finds how far a lies after b by trying both on some hundred rows: times of every century, at edges of days, months and
// daylight saving, and for several columns all kinds of distances between them. Two times that keep an order on all of these keep it by
// what they say (`x + interval '2 hours'` and `x`, `date_trunc('day', x)` and `x`, `greatest(x, y)` and `x`), not by what the data
// happen to be: other columns than times are not tried, and nothing is known then.
func gapOf(a, b *expr.Expr, schema value.Schema) gap {
	var columns value.Schema
	for _, e := range []*expr.Expr{a, b} {
		for _, name := range e.Columns() {
			t, ok := schema.Lookup(name)
			if !ok || t.Kind != value.KindTimestamp {
				return gap{}
			}
			if columns.Index(name) < 0 {
				columns = append(columns, value.Field{Name: name, Type: t})
			}
		}
	}
	if len(columns) == 0 || len(columns) > maxGapColumns || a.Type().Kind != value.KindTimestamp || b.Type().Kind != value.KindTimestamp {
		return gap{}
	}
	fa, fb := a.Compile(columns), b.Compile(columns)
	g := gap{}
	for _, row := range trials(len(columns)) {
		x, y := fa(row, nil), fb(row, nil)
		if x.IsNull() || y.IsNull() {
			continue
		}
		d := x.Int() - y.Int()
		if !g.known {
			g = gap{true, d, d}
		}
		g.least, g.most = min(g.least, d), max(g.most, d)
	}
	return g
}

// distances are those between the columns of a trial row, ms.
var distances = []int64{0, 1, -1, 1000, -1000, 3_599_999, -3_600_001, value.DayMS, -value.DayMS, 400 * value.DayMS, -400 * value.DayMS, 9000 * value.DayMS, -9000 * value.DayMS}

// trials are rows of n times.
func trials(n int) [][]value.Value {
	var out [][]value.Value
	var grow func(row []int64)
	grow = func(row []int64) {
		if len(row) == n {
			cells := make([]value.Value, n)
			for i, ms := range row {
				cells[i] = value.OfTimestamp(ms)
			}
			out = append(out, cells)
			return
		}
		for _, d := range distances {
			grow(append(slices.Clone(row), row[0]+d))
		}
	}
	for _, base := range instants() {
		grow([]int64{base})
	}
	return out
}

// instants are times of every kind: each begins at an edge and goes on irregularly.
func instants() []int64 {
	var out []int64
	for _, text := range []string{
		"1901-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z", "1970-01-01T00:00:00Z", "2000-02-29T12:00:00Z", "2012-12-31T23:59:59.999Z",
		"2013-03-10T06:59:59.999Z", "2013-11-03T05:00:00Z", "2024-02-29T00:00:00Z", "2024-12-30T00:00:00Z", "2099-06-15T13:37:11.123Z",
	} {
		ms, _ := value.ParseTimestamp(text)
		out = append(out, ms, ms+17*3_600_000+61_003, ms+11*value.DayMS+1)
	}
	return out
}
