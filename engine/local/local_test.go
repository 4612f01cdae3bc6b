package local_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/local"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// example is a source of a few rows with an id and what happens to them, asked by a spine of four rows.
func example(t *testing.T) *testCase {
	t.Helper()
	s := &feature.Source{Name: "e", Place: feature.Place{Path: "e"}, ID: "id", Delay: 0}
	s.Schema = value.Schema{{Name: "k", Type: value.String}, {Name: "ts", Type: value.Timestamp}, {Name: "id", Type: value.Int}, {Name: "x", Type: value.Int}}
	s.Time = must(exprOf("ts", s.Schema))
	s.Where = must(exprOf("x <> 99", s.Schema))
	row := func(k string, minute, id int64, x int64) []value.Value {
		v := value.OfString(k)
		if k == "-" {
			v = value.Value{}
		}
		ts := value.OfTimestamp(day0 + minute*60_000)
		if minute < 0 {
			ts = value.Value{}
		}
		return []value.Value{v, ts, value.OfInt(id), value.OfInt(x)}
	}
	rows := [][]value.Value{
		row("a", 1, 1, 1), row("a", 1, 1, 1), // a copy
		row("a", 2, 1, 5),                    // the same id at another time
		row("a", 3, 2, 7), row("a", 3, 2, 4), // a revision: the least counts
		row("a", 3, 3, 6),  // a tie
		row("-", 4, 4, 1),  // no key
		row("a", -1, 5, 1), // no time
		row("a", 5, 6, 99), // where
		row("z", 6, 7, 1),  // a key that nobody asks for
	}
	sum, _ := agg.Lookup("sum")
	f := &feature.Feature{Name: "x_sum", Agg: sum, Input: must(exprOf("x", s.Schema)), Type: value.Int, Window: feature.Window{Size: 3_600_000}}
	g := &feature.Group{Name: "g", Source: s, Keys: []feature.Key{{Name: "k", Type: value.String}}, Features: []*feature.Feature{f}}
	spine := &memory{schema: value.Schema{{Name: "k", Type: value.String}, {Name: "at", Type: value.Timestamp}}}
	for _, r := range []struct {
		k string
		m int64
	}{{"a", 3}, {"b", 3}, {"a", 0}, {"a", 10}} {
		spine.rows = append(spine.rows, []value.Value{value.OfString(r.k), value.OfTimestamp(day0 + r.m*60_000)})
	}
	return &testCase{plan: plan.ForGroup(g, nil), spine: spine, tables: map[string]*memory{"e": {s.Schema, rows}}}
}

func TestTheReportCountsWhatBecameOfEachRow(t *testing.T) {
	c := example(t)
	got, err := ask(local.New(local.Options{}), c, c.inputs(newDraw(1).Rand))
	if err != nil {
		t.Fatal(err)
	}
	want := []value.Value{value.OfInt(6), {}, {}, value.OfInt(16)}
	for i, row := range got.rows {
		if !value.Equal(row[0], want[i]) {
			t.Errorf("row %d is %v, want %v", i, row[0], want[i])
		}
	}
	r := got.report.Sources[0]
	r.Read = dataset.Counts{}
	if w := (engine.SourceReport{
		Join: "g", Source: "e", Rows: 10, NullTime: 1, NullKey: 1, Where: 1, Duplicates: 2, Conflicts: 1, Revised: 1, OtherKeys: 1,
		Ties: 2, Used: 4, Earliest: day0 + 60_000, Latest: day0 + 3*60_000, First: day0 + 60_000, RowsBefore: 1,
	}); fmt.Sprintf("%+v", *r) != fmt.Sprintf("%+v", w) {
		t.Errorf("report\n%+v, want\n%+v", *r, w)
	}
	if v := *got.report.Values[0]; v != (engine.ValueReport{Name: "x_sum", Nulls: 2, UnknownKey: 1, NoEvent: 1}) {
		t.Errorf("values %+v", v)
	}
	if got.report.EarliestAt != day0 {
		t.Errorf("the spine begins at %d", got.report.EarliestAt)
	}
}

func TestANullAtIsRefusedByItsRow(t *testing.T) {
	c := example(t)
	c.spine.rows[2][1] = value.Value{}
	_, err := ask(local.New(local.Options{BatchRows: 1}), c, c.inputs(newDraw(1).Rand))
	if err == nil || !strings.Contains(err.Error(), "row 3: at is null") {
		t.Fatal(err)
	}
}

func TestKeysOfOtherTypesAreRefused(t *testing.T) {
	c := example(t)
	c.plan.Joins[0].Scan.Source.Schema[0].Type = value.Int
	_, err := ask(local.New(local.Options{}), c, c.inputs(newDraw(1).Rand))
	if err == nil || !strings.Contains(err.Error(), `key "k" is int in source "e", and "k" is string in the spine`) {
		t.Fatal(err)
	}
}

func TestAnErrorOfOutEndsTheRun(t *testing.T) {
	c := example(t)
	full := errors.New("disk full")
	calls := 0
	_, err := local.New(local.Options{BatchRows: 1}).Run(context.Background(), c.plan, c.inputs(newDraw(1).Rand), func(*value.Batch) error {
		calls++
		return full
	})
	if !errors.Is(err, full) || calls != 1 {
		t.Fatal(err, calls)
	}
}

func TestASourceThatCannotBeOpenedIsNamed(t *testing.T) {
	c := example(t)
	delete(c.tables, "e")
	_, err := ask(local.New(local.Options{}), c, c.inputs(newDraw(1).Rand))
	if err == nil || !strings.Contains(err.Error(), `source "e"`) {
		t.Fatal(err)
	}
}

// TestAnswersSpill asks many rows about few events, so that what does not fit the limit is the answers.
func TestAnswersSpill(t *testing.T) {
	const rows = 50_000
	c := example(t)
	asked := c.spine.rows
	for len(c.spine.rows) < rows {
		c.spine.rows = append(c.spine.rows, asked...)
	}
	want, err := ask(local.New(local.Options{}), c, c.inputs(newDraw(1).Rand))
	if err != nil || want.report.Spilled != 0 {
		t.Fatal(err, want.report.Spilled)
	}
	dir := t.TempDir()
	got, err := ask(local.New(local.Options{Buckets: 8, Memory: 4 * rows, TempDir: dir}), c, c.inputs(newDraw(1).Rand))
	if err != nil {
		t.Fatal(err)
	}
	if got.report.Spilled < 8*rows {
		t.Errorf("%d bytes went to disk, of %d answers", got.report.Spilled, rows)
	}
	for i := range want.rows {
		if !value.Equal(got.rows[i][0], want.rows[i][0]) {
			t.Fatalf("row %d is %v, and %v without a limit", i, got.rows[i][0], want.rows[i][0])
		}
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Fatalf("%v is left", left)
	}
}

// TestACancelledRunLeavesNothing cancels while the source is read, with part of it on disk.
func TestACancelledRunLeavesNothing(t *testing.T) {
	c := example(t)
	m := c.tables["e"]
	for len(m.rows) < 20_000 {
		m.rows = append(m.rows, m.rows[:10]...)
	}
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	in := c.inputs(newDraw(1).Rand)
	in.Progress = func(done, _ int64) {
		if done > 10_000 {
			cancel()
		}
	}
	_, err := local.New(local.Options{BatchRows: 100, Memory: 1000, TempDir: dir}).Run(ctx, c.plan, in, func(*value.Batch) error { return nil })
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Fatalf("%v is left", left)
	}
}
