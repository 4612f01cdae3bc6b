package sift_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/bighead-ml/bighead/engine/local/sift"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

var schema = value.Schema{
	{Name: "a", Type: value.String}, {Name: "b", Type: value.Int}, {Name: "ts", Type: value.Timestamp},
	{Name: "known", Type: value.Timestamp}, {Name: "x", Type: value.Int}, {Name: "gone", Type: value.Bool},
}

func parse(t *testing.T, text string) *expr.Expr {
	t.Helper()
	e, errs := expr.Check(text, schema)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return e
}

func source(t *testing.T) *feature.Source {
	return &feature.Source{Name: "s", Schema: schema, Time: parse(t, "ts"), Where: parse(t, "x <> 3"), KnownAt: parse(t, "known")}
}

// draw makes rows with a null in any column now and then.
func draw(r *rand.Rand, n int) *value.Batch {
	rows := make([][]value.Value, n)
	for i := range rows {
		rows[i] = []value.Value{
			value.OfString(string(rune('a' + r.IntN(3)))), value.OfInt(r.Int64N(3)), value.OfTimestamp(r.Int64N(1000)),
			value.OfTimestamp(r.Int64N(1000)), value.OfInt(r.Int64N(5)), value.OfBool(r.IntN(2) == 0),
		}
		for c := range rows[i] {
			if r.IntN(8) == 0 {
				rows[i][c] = value.Value{}
			}
		}
	}
	return value.BatchOf(schema, rows)
}

// want applies E1 to one row in its own words: why it is no event, "" where it is one.
func want(b *value.Batch, row int, keys []int, deletions bool) string {
	x, gone := b.Column("x").At(row), b.Column("gone").At(row)
	switch {
	case b.Column("ts").IsNull(row):
		return "time"
	case slices.ContainsFunc(keys, func(k int) bool { return b.Columns[k].IsNull(row) }):
		return "key"
	case (x.IsNull() || x.Int() == 3) && !(deletions && !gone.IsNull() && gone.Bool()):
		return "where"
	case b.Column("known").IsNull(row):
		return "known_at"
	}
	return ""
}

func TestRandomRowsByTheirFirstReason(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for round := range 200 {
		s := source(t)
		if round%2 == 1 {
			s.Kind, s.Deleted = feature.Entities, "gone"
		}
		b := draw(r, r.IntN(150))
		f := sift.New(s, schema, nil)
		timed := f.Timed(b)
		for _, names := range [][]string{{"a"}, {"b"}, {"b", "a"}} { // the keys of one source, one after the other
			keys := f.Columns(names)
			var counts sift.Counts
			got := f.Events(timed, keys, &counts)
			reasons := map[string]int64{}
			var rows []int
			for i := range b.N {
				why := want(b, i, keys, s.Deleted != "")
				reasons[why]++
				if why == "" {
					rows = append(rows, i)
				}
			}
			if n := int64(b.N - timed.N); n != reasons["time"] {
				t.Fatalf("%d rows without a time, want %d", n, reasons["time"])
			}
			if w := (sift.Counts{NullKey: reasons["key"], Where: reasons["where"], NullKnownAt: reasons["known_at"]}); counts != w {
				t.Fatalf("counts %+v, want %+v", counts, w)
			}
			if got.N != len(rows) || len(got.Times) != len(rows) || len(got.Known) != len(rows) {
				t.Fatalf("%d events, %d times, %d known_at, want %d", got.N, len(got.Times), len(got.Known), len(rows))
			}
			for i, row := range rows {
				if got.Row(i) != row || got.Times[i] != b.Column("ts").Ints[row] || got.Known[i] != b.Column("known").Ints[row] || fmt.Sprint(got.Batch.Row(i)) != fmt.Sprint(b.Row(row)) {
					t.Fatalf("event %d is row %d, %v of %d known at %d; want row %d, %v", i, got.Row(i), got.Batch.Row(i), got.Times[i], got.Known[i], row, b.Row(row))
				}
			}
		}
	}
}

func TestNothingLeftOutIsNotCopied(t *testing.T) {
	b := value.BatchOf(schema, [][]value.Value{{value.OfString("a"), value.OfInt(1), value.OfTimestamp(5), value.OfTimestamp(6), value.OfInt(1), value.OfBool(false)}})
	f := sift.New(source(t), schema, nil)
	var counts sift.Counts
	if got := f.Events(f.Timed(b), []int{0, 1}, &counts); got.Batch != b || got.From != nil || counts != (sift.Counts{}) {
		t.Fatalf("%+v, %+v", got, counts)
	}
}

func TestSourcesWithoutATime(t *testing.T) {
	b := value.BatchOf(value.Schema{{Name: "k", Type: value.Int}, {Name: "ds", Type: value.String}}, [][]value.Value{
		{value.OfInt(1), value.OfString("2024-01-01")}, {value.OfInt(2), value.OfString("no date")}, {value.OfInt(3), value.OfString("2024-01-01-05")}})
	ever := sift.New(&feature.Source{Name: "s", Kind: feature.Entities}, b.Schema, nil).Timed(b)
	if ever.N != 3 || ever.Times[2] != plan.MinTime {
		t.Errorf("true since ever: %v", ever.Times)
	}
	snapshots := sift.New(&feature.Source{Name: "s", Kind: feature.Snapshots, Snapshot: "ds"}, b.Schema, nil).Timed(b)
	day := int64(19_723) * value.DayMS
	if !slices.Equal(snapshots.Times, []int64{day + value.DayMS, day + 6*3_600_000}) || snapshots.Row(1) != 2 {
		t.Errorf("ends of partitions: %v of rows %v", snapshots.Times, snapshots.From)
	}
}

func TestNullsThatExpressionsMakeAreCountedOnceForAllKeys(t *testing.T) {
	s := source(t)
	s.Where = parse(t, "x % 0 = 1")
	row := []value.Value{value.OfString("a"), value.OfInt(1), value.OfTimestamp(5), value.OfTimestamp(6), value.OfInt(1), value.OfBool(false)}
	var nulls, all sift.Nulls
	f := sift.New(s, schema, &nulls)
	timed := f.Timed(value.BatchOf(schema, [][]value.Value{row, row}))
	var counts sift.Counts
	f.Events(timed, []int{0}, &counts)
	f.Events(timed, []int{1}, &counts)
	all.Merge(&nulls)
	made := all.All()["s: where"]
	if made.Total() != 2 || nulls.All() != nil {
		t.Fatalf("%v; %v left", all.All(), nulls.All())
	}
}
