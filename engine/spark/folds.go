package spark

import (
	"fmt"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/value"
)

// aggregate is how Spark keeps a fold: an aggregate for each of its columns, in the order of columns.
//
// x is SQL for the input, filter stands behind each aggregate. What is aggregated is rows of pairs: `#ts` is an event's time, `#place` what
// decides before its value (E2).
type aggregate struct {
	columns []string // as the finish's text calls them
	sql     func(f agg.Fold, x, filter string) []string
	tile    tiled // the same by way of states that merge
}

// aggregates is the one table of folds. The last three keep what the SQL of a finish reads (agg: Aggregation.Spark).
var aggregates = [...]aggregate{
	agg.KindCount:    {[]string{"n"}, counted, countTile},
	agg.KindIntSum:   {[]string{"sum", "total"}, intSum, intSumTile},
	agg.KindFloatSum: {[]string{"total"}, func(_ agg.Fold, x, filter string) []string { return []string{finite("sum(" + x + ")" + filter)} }, floatSumTile},
	agg.KindMoments:  {[]string{"n", "mean", "m2", "m3", "m4"}, moments, momentsTile},
	agg.KindExtreme: {[]string{"value"}, func(f agg.Fold, x, filter string) []string {
		return []string{least("min", "max", f.Last) + "(" + x + ")" + filter}
	}, extremeTile},
	agg.KindTimeBound: {[]string{"ts"}, timeBound, timeBoundTile},
	agg.KindEdge:      {[]string{"value"}, edge, edgeTile},
	agg.KindEventList: {[]string{"list"}, eventList, eventListTile},
	agg.KindValueList: {[]string{"list"}, valueList, valueListTile},
	// Each distinct string with how often it came, in order.
	agg.KindTextCounts: {[]string{"list"}, func(_ agg.Fold, x, filter string) []string { return []string{runs(x, filter)} }, textCountsTile},
	// The midpoint of each bucket with how many numbers lie in it, in order.
	agg.KindBucketCounts: {[]string{"list"}, func(f agg.Fold, x, filter string) []string {
		return []string{runs(midpoint(f, x), filter)}
	}, bucketCountsTile},
	// Each distinct register · 256 + rank, in order: the last of a register is its greatest rank.
	agg.KindRegisters: {[]string{"list"}, func(f agg.Fold, x, filter string) []string {
		return []string{"sort_array(collect_set(" + register(f, x) + ")" + filter + ")"}
	}, registersTile},
}

// finite is x as a value: null where infinite or NaN, no −0.0 (V2).
func finite(x string) string {
	text, _ := dialect.Normalised(x, value.Float) // a float can always be said
	return text
}

func least(first, last string, isLast bool) string {
	if isLast {
		return last
	}
	return first
}

// and adds a condition to a filter.
func and(filter, condition string) string {
	if filter == "" {
		return " filter (where " + condition + ")"
	}
	return filter[:len(filter)-1] + " and " + condition + ")"
}

func counted(f agg.Fold, x, filter string) []string {
	if f.Rows {
		return []string{"count(*)" + filter}
	}
	return []string{"count(" + x + ")" + filter}
}

// intSum adds the upper and the lower halves, neither of which overflows, and puts them together in a decimal of 38 digits.
func intSum(f agg.Fold, x, filter string) []string {
	if f.In.Kind == value.KindBool {
		x = "cast(" + x + " as bigint)"
	}
	return halves(fmt.Sprintf("sum(shiftright(%s, 32))%s", x, filter), fmt.Sprintf("sum(%s & 4294967295L)%s", x, filter))
}

// halves puts the sums of the upper and of the lower halves together.
func halves(upper, lower string) []string {
	total := fmt.Sprintf("(cast(%s as decimal(38, 0)) * 4294967296 + cast(%s as decimal(20, 0)))", upper, lower)
	return []string{"try_cast(" + total + " as bigint)", "cast(" + total + " as double)"}
}

// welford takes x into a state of moments, by the formulas of agg's MomentsState: about the mean, never from sums of squares.
const welford = `(s, v) -> if(s.n = 0L, named_struct('n', 1L, 'mean', v, 'm2', 0d, 'm3', 0d, 'm4', 0d), get(transform(transform(array(struct((v - s.mean) / (s.n + 1L) as step, cast(s.n + 1L as double) as n)), q -> struct(q.step as step, q.n as n, (v - s.mean) * (q.step * (q.n - 1d)) as square)), q -> named_struct(
      'n', s.n + 1L,
      'mean', s.mean + q.step,
      'm2', s.m2 + q.square,
      'm3', s.m3 + (q.square * q.step * (q.n - 2d) - 3d * q.step * s.m2),
      'm4', s.m4 + (q.square * q.step * q.step * (q.n * q.n - 3d * q.n + 3d) + 6d * q.step * q.step * s.m2 - 4d * q.step * s.m3))), 0))`

// moments of the second order are Spark's own, about the mean, and 0 of equal numbers; those of the third and fourth are collected and taken in
// one by one, because its skewness and kurtosis cube and square what then overflows.
func moments(f agg.Fold, x, filter string) []string {
	x = "cast(" + x + " as double)"
	if f.Order == 2 {
		return []string{"count(" + x + ")" + filter, finite("avg(" + x + ")" + filter), finite("var_pop(" + x + ")" + filter + " * count(" + x + ")" + filter)}
	}
	return momentsOf(f, "aggregate(collect_list("+x+")"+filter+", "+noMoments+", "+welford+")")
}

// noMoments is the state of no number.
const noMoments = "named_struct('n', 0L, 'mean', 0d, 'm2', 0d, 'm3', 0d, 'm4', 0d)"

// momentsOf are the columns of a state.
func momentsOf(f agg.Fold, state string) []string {
	out := []string{state + ".n"}
	for _, c := range []string{"mean", "m2", "m3", "m4"}[:f.Order] {
		out = append(out, finite(state+"."+c))
	}
	return out
}

func timeBound(f agg.Fold, x, filter string) []string {
	if !f.Rows {
		filter = and(filter, x+" is not null")
	}
	return []string{least("min", "max", f.Last) + "(`#ts`)" + filter}
}

// inOrder is the place of an event with its value (E2).
func inOrder(f agg.Fold, x string) string { return "struct(`#place`, " + ordered(x, f.In) + " as v)" }

func edge(f agg.Fold, x, filter string) []string {
	if !f.Rows {
		filter = and(filter, x+" is not null")
	}
	return []string{least("min_by", "max_by", f.Last) + "(" + x + ", " + inOrder(f, x) + ")" + filter}
}

func eventList(f agg.Fold, x, filter string) []string {
	list := fmt.Sprintf("%s(%s, %s, %d)", least("min_by", "max_by", f.Last), x, inOrder(f, x), f.K)
	return []string{orEmpty(list+and(filter, x+" is not null"), f.In)}
}

func valueList(f agg.Fold, x, filter string) []string {
	if f.Distinct {
		return []string{fmt.Sprintf("slice(sort_array(collect_set(%s)%s, %t), 1, %d)", x, filter, !f.Last, f.K)}
	}
	list := fmt.Sprintf("%s(%s, %s, %d)", least("min_by", "max_by", f.Last), x, x, f.K)
	return []string{orEmpty(list+and(filter, x+" is not null"), f.In)}
}

// orEmpty is a list, empty where there is none.
func orEmpty(list string, elem value.Type) string {
	t := value.ListOf(elem)
	return "coalesce(" + list + ", " + dialect.Literal(t, value.OfList(nil)) + ")"
}

// register is a value's register · 256 + rank by A1.
func register(f agg.Fold, x string) string {
	hash, digits := "md5(cast("+x+" as string))", f.Bits/4
	rest := fmt.Sprintf("cast(conv(substr(%s, %d, %d), 16, 10) as bigint)", hash, digits+1, 16-digits)
	rank := fmt.Sprintf("%d - if(%s = 0L, 0, length(bin(%s)))", 64-f.Bits+1, rest, rest)
	return fmt.Sprintf("cast(conv(substr(%s, 1, %d), 16, 10) as bigint) * 256L + %s", hash, digits, rank)
}

// runs counts how often each x came: distinct ones as v with n, ascending. In a sorted list equal ones stand together, and each run ends where
// the next begins.
func runs(x, filter string) string {
	return "get(transform(transform(array(sort_array(collect_list(" + x + ")" + filter + ")), l -> struct(l as l, filter(transform(l, (v, i) -> struct(v as v, i as i)), e -> coalesce(get(l, e.i + 1) <> e.v, true)) as ends)), q -> transform(q.ends, (e, j) -> struct(e.v as v, cast(e.i - coalesce(get(q.ends, j - 1).i, -1) as bigint) as n))), 0)"
}

// midpoint is that of a number's bucket by A2: the power of two below the number, which log2 tells to one and comparing tells for sure, cut into
// equal parts; powers of two and their products are exact.
func midpoint(f agg.Fold, x string) string {
	half := "0.5d"
	if f.Bits == 52 {
		half = "0d"
	}
	about := "transform(array(cast(" + x + " as double)), x -> struct(x as x, floor(log2(abs(x))) as e))"
	step := fmt.Sprintf("transform(%s, s -> struct(s.x as x, pow(2d, s.e - if(pow(2d, s.e) > abs(s.x), 1, 0) + if(pow(2d, s.e + 1) <= abs(s.x), 1, 0) - %d) as step))", about, f.Bits)
	return "get(transform(" + step + ", s -> if(abs(s.x) < 2.2250738585072014E-308d, 0d, sign(s.x) * (floor(abs(s.x) / s.step) + " + half + ") * s.step)), 0)"
}
