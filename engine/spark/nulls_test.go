package spark_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/enginetest"
	"github.com/bighead-ml/bighead/engine/local"
	"github.com/bighead-ml/bighead/engine/spark"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

const nullsPy = `import bighead as bh

e = bh.EventSource("e", columns={"k": bh.Int, "ts": bh.Timestamp, "text": bh.String, "x": bh.Int, "n": bh.Int}, time="ts", where="cast(text as int) is null or x % n < 100")
s = bh.EventSource("s", columns={"k": bh.Int, "told": bh.String, "a": bh.Int, "b": bh.Int}, time="try_cast(told as timestamp)")
g = bh.FeatureGroup("g", source=e, keys=["k"], features=[
    bh.sum("cast(text as int) div n", name="sum", windows=["1h"]), bh.max("x", name="max", windows=["1h"], default=0), bh.avg("x", name="avg", where="x % n is null", windows=["1h"]),
    bh.count(name="n", windows=["1h"]),
])
v = bh.FeatureView("v", groups=[g], derive={"rate": "g__n_1h div q"}, request={"q": bh.Int})
t = bh.TrainingSet("t", view=v, spine=bh.Spine(s, at="try_cast(told as timestamp)", where="a div b > 0 or b >= 0", columns={"q": "b % a"}), labels={"y": "a / b"}, start="2024-01-01")
`

// What the embedded engine counts of nulls Spark counts too: those that expressions make, by what and why, of rows that ask to the last one,
// wherever the row goes; and of empty values whether the key is known.
func TestNullsAreCountedAlike(t *testing.T) {
	b := plan.ForTrainingSet(definedText(t, nullsPy).TrainingSets[0])
	hour := int64(3_600_000)
	at := func(h int64) string { return value.FormatTimestamp(1_704_067_200_000 + h*hour) }
	asks, events := [][]value.Value{}, [][]value.Value{}
	for i := range int64(40) {
		told := value.OfString([]string{at(i % 5), at(-3), at(2)}[i/2%3])
		asks = append(asks, []value.Value{value.OfInt(i % 7), told, value.OfInt(i % 4), value.OfInt(i%6 - 1)})
		x := value.OfInt(i)
		if i%9 == 0 {
			x = value.Value{}
		}
		events = append(events, []value.Value{value.OfInt(i % 5), value.OfTimestamp(1_704_067_200_000 + i*hour/8), value.OfString([]string{"12", "1e3", "-7", ""}[i%4]), x, value.OfInt(i % 3)})
	}
	in := engine.Inputs{Open: func(_ context.Context, place feature.Place, s value.Schema) (dataset.Table, error) {
		rows := events
		if s.Index("told") >= 0 {
			rows = asks
		}
		return enginetest.NewTable(s, enginetest.Part{Rows: rows}), nil
	}}
	want, err := enginetest.Ask(t.Context(), local.New(local.Options{}), b, in)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []engine.Engine{with(t, spark.Options{Settings: quick}), with(t, spark.Options{Settings: quick, Hot: -1})} {
		got, err := enginetest.Ask(t.Context(), e, b, in)
		if err != nil {
			t.Fatal(err)
		}
		nulls := got.Report.ExpressionNulls
		for what, n := range want.Report.ExpressionNulls {
			is := nulls[what]
			for _, why := range expr.Reasons() {
				// Of what an event is aggregated by Spark counts all rows, and the embedded engine leaves out those that no answer can see.
				if is[why] != n[why] && !(strings.HasPrefix(what, "g: ") && is[why] > n[why] && n[why] > 0) {
					t.Errorf("Spark counts %v of %s, the embedded engine %v", is, what, n)
				}
			}
		}
		if len(nulls) != len(want.Report.ExpressionNulls) {
			t.Errorf("Spark counts %v, the embedded engine %v", nulls, want.Report.ExpressionNulls)
		}
		if len(nulls) < 6 {
			t.Errorf("only %v make nulls: the case is too small", slices.Sorted(maps.Keys(nulls)))
		}
		for i, v := range want.Report.Values {
			if is := got.Report.Values[i]; *is != *v {
				t.Errorf("Spark counts %+v\nthe embedded engine %+v", *is, *v)
			}
			if v.Name == "g__sum_1h" && (v.UnknownKey == 0 || v.NoEvent == 0) {
				t.Errorf("the case has no unknown keys, or no empty windows: %+v", *v)
			}
		}
		if !maps.Equal(got.Report.Dropped, want.Report.Dropped) || got.Report.Uncounted != nil {
			t.Errorf("Spark leaves out %v, the embedded engine %v; %v is uncounted", got.Report.Dropped, want.Report.Dropped, got.Report.Uncounted)
		}
	}
}

// What is too long to be counted is named, and computed all the same.
func TestWhatCannotBeCountedIsNamed(t *testing.T) {
	text := strings.ReplaceAll(nullsPy, `"rate": "`, `"long": "g__n_1h`+strings.Repeat(" + g__n_1h", 190)+`", "rate": "`)
	b := plan.ForTrainingSet(definedText(t, text).TrainingSets[0])
	q, err := spark.Print(b, spark.Tables{Joins: make([]spark.Table, len(b.Joined()))}, spark.Shape{})
	if err != nil {
		t.Fatal(err)
	}
	if got := q.Uncounted(); !slices.Equal(got, []string{"derived long"}) {
		t.Errorf("uncounted are %q", got)
	}
}
