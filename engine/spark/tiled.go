package spark

import (
	"fmt"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/value"
)

// tiled is a fold in two steps: a state of a tile's events, and what many states come to. Both are aggregates; as with agg's states it does not
// matter how the events are split, but for sums of floats and what is built on them.
type tiled struct {
	state func(f agg.Fold, x, filter string) string // one value of a tile's events; null where none of them counts, or not
	merge func(f agg.Fold, st, filter string) string
	// read is the fold's columns, as aggregate.sql has them, of one merged state.
	read func(f agg.Fold, merged string) []string
}

func itself(_ agg.Fold, merged string) []string { return []string{merged} }

var countTile = tiled{
	func(f agg.Fold, x, filter string) string { return counted(f, x, filter)[0] },
	func(_ agg.Fold, st, filter string) string { return countsMerged(st, filter) },
	itself,
}

// countsMerged adds counts.
func countsMerged(st, filter string) string { return "coalesce(sum(" + st + ")" + filter + ", 0L)" }

var intSumTile = tiled{
	func(f agg.Fold, x, filter string) string {
		if f.In.Kind == value.KindBool {
			x = "cast(" + x + " as bigint)"
		}
		return fmt.Sprintf("struct(sum(shiftright(%s, 32))%s as upper, sum(%s & 4294967295L)%s as lower)", x, filter, x, filter)
	},
	func(_ agg.Fold, st, filter string) string {
		return fmt.Sprintf("struct(sum(%s.upper)%s as upper, sum(%s.lower)%s as lower)", st, filter, st, filter)
	},
	func(_ agg.Fold, merged string) []string { return halves(merged+".upper", merged+".lower") },
}

var floatSumTile = tiled{
	func(_ agg.Fold, x, filter string) string { return "sum(" + x + ")" + filter },
	func(_ agg.Fold, st, filter string) string { return "sum(" + st + ")" + filter },
	func(_ agg.Fold, merged string) []string { return []string{finite(merged)} },
}

// pebay merges two states of moments, from the heavier side, by the formulas of agg's MomentsState.
const pebay = `(s, o) -> if(o.n = 0L, s, if(s.n = 0L, o, get(transform(transform(transform(array(if(s.n < o.n, struct(o as a, s as b), struct(s as a, o as b))), p -> struct(p.a as a, p.b as b, cast(p.a.n as double) as na, cast(p.b.n as double) as nb, (p.b.mean - p.a.mean) / (p.a.n + p.b.n) as step)), p -> struct(p.a as a, p.b as b, p.na as na, p.nb as nb, p.step as step, (p.b.mean - p.a.mean) * (p.step * p.na * p.nb) as square)), p -> named_struct(
      'n', p.a.n + p.b.n,
      'mean', p.a.mean + p.step * p.nb,
      'm2', p.a.m2 + p.b.m2 + p.square,
      'm3', p.a.m3 + p.b.m3 + p.square * p.step * (p.na - p.nb) + 3d * p.step * (p.na * p.b.m2 - p.nb * p.a.m2),
      'm4', p.a.m4 + p.b.m4 + p.square * p.step * p.step * (p.na * p.na - p.na * p.nb + p.nb * p.nb) + 6d * p.step * p.step * (p.na * p.na * p.b.m2 + p.nb * p.nb * p.a.m2) + 4d * p.step * (p.na * p.b.m3 - p.nb * p.a.m3))), 0)))`

// The moments of a tile are taken in one by one: Spark does not tell the mean about which its own variance is.
var momentsTile = tiled{
	func(_ agg.Fold, x, filter string) string {
		return "aggregate(collect_list(cast(" + x + " as double))" + filter + ", " + noMoments + ", " + welford + ")"
	},
	func(_ agg.Fold, st, filter string) string {
		return "aggregate(collect_list(" + st + ")" + filter + ", " + noMoments + ", " + pebay + ")"
	},
	momentsOf,
}

var extremeTile = tiled{
	func(f agg.Fold, x, filter string) string { return least("min", "max", f.Last) + "(" + x + ")" + filter },
	func(f agg.Fold, st, filter string) string {
		return least("min", "max", f.Last) + "(" + st + ")" + filter
	},
	itself,
}

var timeBoundTile = tiled{
	func(f agg.Fold, x, filter string) string { return timeBound(f, x, filter)[0] },
	func(f agg.Fold, st, filter string) string {
		return least("min", "max", f.Last) + "(" + st + ")" + filter
	},
	itself,
}

// placed is a value with its place among the events (E2).
func placed(f agg.Fold, x string) string {
	return "struct(" + inOrder(f, x) + " as o, " + x + " as x)"
}

var edgeTile = tiled{
	func(f agg.Fold, x, filter string) string {
		if !f.Rows {
			filter = and(filter, x+" is not null")
		}
		return least("min_by", "max_by", f.Last) + "(" + placed(f, x) + ", " + inOrder(f, x) + ")" + filter
	},
	func(f agg.Fold, st, filter string) string {
		return least("min_by", "max_by", f.Last) + "(" + st + ".x, " + st + ".o)" + filter
	},
	itself,
}

var eventListTile = tiled{
	func(f agg.Fold, x, filter string) string {
		return fmt.Sprintf("%s(%s, %s, %d)", least("min_by", "max_by", f.Last), placed(f, x), inOrder(f, x), f.K) + and(filter, x+" is not null")
	},
	func(f agg.Fold, st, filter string) string {
		first := least("-1", "1", f.Last)
		last := least("1", "-1", f.Last)
		sorted := "array_sort(flatten(collect_list(" + st + ")" + filter + "), (a, b) -> case when a.o < b.o then " + first + " when a.o > b.o then " + last + " else 0 end)"
		return fmt.Sprintf("transform(slice(%s, 1, %d), e -> e.x)", sorted, f.K)
	},
	itself,
}

var valueListTile = tiled{
	func(f agg.Fold, x, filter string) string { return valueList(f, x, filter)[0] },
	func(f agg.Fold, st, filter string) string {
		all := "flatten(collect_list(" + st + ")" + filter + ")"
		if f.Distinct {
			all = "array_distinct(" + all + ")"
		}
		return fmt.Sprintf("slice(sort_array(%s, %t), 1, %d)", all, !f.Last, f.K)
	},
	itself,
}

var textCountsTile = tiled{
	func(_ agg.Fold, x, filter string) string { return "map_from_entries(" + runs(x, filter) + ")" },
	func(_ agg.Fold, st, filter string) string {
		return "aggregate(collect_list(" + st + ")" + filter + ", cast(map() as map<string, bigint>), (s, o) -> map_zip_with(s, o, (k, a, b) -> coalesce(a, 0L) + coalesce(b, 0L)))"
	},
	func(_ agg.Fold, merged string) []string {
		return []string{"sort_array(transform(map_entries(" + merged + "), e -> struct(e.key as v, e.value as n)))"}
	},
}

var bucketCountsTile = tiled{
	func(f agg.Fold, x, filter string) string { return runs(midpoint(f, x), filter) },
	func(_ agg.Fold, st, filter string) string {
		return "sort_array(flatten(collect_list(" + st + ")" + filter + "))"
	},
	itself,
}

var registersTile = tiled{
	func(f agg.Fold, x, filter string) string { return "collect_set(" + register(f, x) + ")" + filter },
	func(_ agg.Fold, st, filter string) string {
		return "sort_array(array_distinct(flatten(collect_list(" + st + ")" + filter + ")))"
	},
	itself,
}
