package sweep

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/value"
)

// aggregation is one aggregation over a column of events, as it prints on each engine, grouped by k. x is the input.
type aggregation struct {
	name  string
	input string // column
	spark string
	flink string
}

// The sum of ints is exact and null where the total does not fit 64 bits, whatever its parts did on the way: Spark adds the
// upper and the lower halves, Flink decimals of 38 digits. Its mean divides the nearest float of that sum.
const (
	sparkTotal = "(cast(sum(shiftright(x, 32)) as decimal(38, 0)) * 4294967296 + cast(sum(x & 4294967295L) as decimal(20, 0)))"
	flinkTotal = "SUM(CAST(x AS DECIMAL(38, 0)))"
)

// last is the value of the greatest (ts, tie, value), nulls least, over the rows with a value. Flink has no maximum of rows,
// so the three are one text that sorts as they do: twenty digits each after a mark that a null lacks.
const (
	sparkLast  = "max(struct(ts, tie, x)) filter (where x is not null).x"
	flinkOrder = "'1' || LPAD(CAST(CAST(%[1]s AS DECIMAL(20, 0)) - (-9223372036854775808) AS STRING), 20, '0')"
)

func flinkLast(encode, decode string) string {
	key := "(" + fmt.Sprintf(flinkOrder, "ts") + ") || COALESCE(" + fmt.Sprintf(flinkOrder, "tie") + ", '0" + strings.Repeat(" ", 20) + "') || " + encode
	return strings.ReplaceAll(decode, "?", "SUBSTR(MAX(CASE WHEN x IS NOT NULL THEN "+key+" END), 43)")
}

var aggregations = []aggregation{
	{"count", "n", "count(x)", "COUNT(x)"},
	{"count", "s", "count(x)", "COUNT(x)"},
	{"sum", "n", "try_cast(" + sparkTotal + " as bigint)",
		"CASE WHEN " + flinkTotal + " BETWEEN -9223372036854775808 AND 9223372036854775807 THEN CAST(" + flinkTotal + " AS BIGINT) END"},
	{"avg", "n", "cast(" + sparkTotal + " as double) / nullif(cast(count(x) as double), 0d)", "CAST(" + flinkTotal + " AS DOUBLE) / CAST(COUNT(x) AS DOUBLE)"},
	{"avg", "f", "if(abs(sum(x)) < double('Infinity'), sum(x) / count(x), null)", "CASE WHEN SUM(x) BETWEEN -1.7976931348623157e308 AND 1.7976931348623157e308 THEN SUM(x) / CAST(COUNT(x) AS DOUBLE) END"},
	{"last", "n", sparkLast, flinkLast(fmt.Sprintf(flinkOrder, "x"), "CAST(CAST(SUBSTR(?, 2) AS DECIMAL(20, 0)) + (-9223372036854775808) AS BIGINT)")},
	{"last", "s", sparkLast, flinkLast("HEX(x)", "DECODE(UNHEX(?), 'UTF-8')")},
	{"count_distinct", "n", "least(count(distinct x), 1000L)", "LEAST(COUNT(DISTINCT x), 1000)"},
	{"count_distinct", "f", "least(count(distinct x), 1000L)", "LEAST(COUNT(DISTINCT x), 1000)"},
	{"count_distinct", "s", "least(count(distinct x), 1000L)", "LEAST(COUNT(DISTINCT x), 1000)"},
}

// events draws rows of a few keys with ties, nulls, duplicates and sums that leave 64 bits, some of them only on the way.
func events() Table {
	rng := rand.New(rand.NewPCG(seed, 7))
	t := Table{Columns: value.Schema{{Name: "k", Type: value.String}, {Name: "ts", Type: value.Timestamp}, {Name: "tie", Type: value.Int},
		{Name: "n", Type: value.Int}, {Name: "f", Type: value.Float}, {Name: "s", Type: value.String}}}
	add := func(row ...Cell) { t.Rows = append(t.Rows, row) }
	ties := []Cell{nil, int64(0), int64(1), int64(-1), int64(math.MinInt64), int64(math.MaxInt64)}
	for range 3000 {
		key := fmt.Sprintf("k%d", rng.IntN(7))
		ts := value.Floor(rng.Int64N(4_000)-2_000, 50)
		n, f, s := Cell(int64(rng.IntN(200)-100)), Cell(rng.NormFloat64()), edgeStrings[rng.IntN(len(edgeStrings))]
		if rng.IntN(20) == 0 {
			n, f = edgeInts[rng.IntN(len(edgeInts))], edgeFloats[rng.IntN(20)]
		}
		add(key, ts, ties[rng.IntN(len(ties))], n, f, s)
	}
	for i := range int64(1500) {
		add("many", i, nil, i, float64(i)/2, fmt.Sprint(i)) // more distinct values than are counted
	}
	add("full", int64(0), nil, int64(math.MaxInt64), 1.0, "a")
	add("full", int64(1), nil, int64(0), -1.0, "b")
	add("back", int64(0), nil, int64(math.MaxInt64), math.MaxFloat64, "a")
	add("back", int64(1), nil, int64(math.MaxInt64), 0.0, "b")
	add("back", int64(2), nil, int64(math.MinInt64), -math.MaxFloat64, "c")
	add("over", int64(0), nil, int64(math.MaxInt64), math.MaxFloat64, "a")
	add("over", int64(1), nil, int64(1), math.MaxFloat64, "b")
	add("under", int64(0), nil, int64(math.MinInt64), 0.0, "a")
	add("under", int64(1), nil, int64(-1), math.Copysign(0, -1), "a")
	add("none", int64(0), nil, nil, nil, nil)
	add("none", int64(1), nil, nil, math.NaN(), nil)
	add("", int64(0), nil, int64(1), math.Inf(1), "𝒳")
	add("", int64(0), nil, int64(2), 0.5, "ﬁ")
	return t
}

// TestAggregationsGroupedByKey holds both engines against the plain definitions.
func TestAggregationsGroupedByKey(t *testing.T) {
	table := events()
	onBoth(t, table, func(t *testing.T, e Engine) {
		items := []string{"k"}
		for i, a := range aggregations {
			text := [...]string{a.spark, a.flink}[e.Dialect()]
			items = append(items, replaceWord(text, "x", Quote(a.input))+fmt.Sprintf(" AS a%d", i))
		}
		res, err := e.Query(t.Context(), "SELECT "+strings.Join(items, ", ")+" FROM edges GROUP BY k")
		if err != nil {
			t.Fatal(err)
		}
		groups := grouped(t, table)
		if len(res.Rows) != len(groups) {
			t.Fatalf("%d groups, want %d", len(res.Rows), len(groups))
		}
		for i, row := range res.Rows {
			for c, a := range aggregations {
				check(t, a, row[0].Str(), groups[row[0].Str()], row[c+1], res.Altered[[2]int{i, c + 1}])
			}
		}
	})
}

func check(t *testing.T, a aggregation, key string, rows [][]value.Value, got value.Value, altered bool) {
	t.Helper()
	def, ok := agg.Lookup(a.name)
	if !ok {
		t.Fatalf("no aggregation %s", a.name)
	}
	column := events().Columns.Index(a.input)
	in := events().Columns[column].Type
	_, params, err := def.Check(in, true, agg.Args{Input: a.input})
	if err != nil {
		t.Fatal(err)
	}
	var list []agg.Event
	for _, r := range rows {
		list = append(list, agg.Event{TS: r[1].Int(), Tie: []value.Value{r[2]}, Value: r[column]})
	}
	agg.SortEvents(list)
	want := def.Plain(in, params, list, 0)
	if err := def.Same(in, params, want, got, list); err != nil || altered {
		t.Errorf("%s(%s) of key %q: got %v (mended: %v), want %v: %v", a.name, a.input, key, got, altered, want, err)
	}
}

// grouped is the rows of each key, as the contract reads them.
func grouped(t *testing.T, table Table) map[string][][]value.Value {
	t.Helper()
	groups := map[string][][]value.Value{}
	for i := range table.Rows {
		row := table.Values(i)
		groups[row[0].Str()] = append(groups[row[0].Str()], row)
	}
	return groups
}

// replaceWord puts a column in the place of the name x, which stands as a word of its own.
func replaceWord(text, word, by string) string {
	var b strings.Builder
	letter := func(i int) bool {
		return i >= 0 && i < len(text) && (text[i] == '_' || text[i] >= 'a' && text[i] <= 'z' || text[i] >= 'A' && text[i] <= 'Z')
	}
	for i := 0; i < len(text); i++ {
		if strings.HasPrefix(text[i:], word) && !letter(i-1) && !letter(i+len(word)) {
			b.WriteString(by)
			i += len(word) - 1
			continue
		}
		b.WriteByte(text[i])
	}
	return b.String()
}
