package spark_test

import (
	"context"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/parquet"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/enginetest"
	"github.com/bighead-ml/bighead/engine/local"
	"github.com/bighead-ml/bighead/engine/spark"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// Of the three sources one has a hot key, one as many events and none, and one so few that it need not be asked.
const hotPy = `hot = bh.EventSource("hot", columns={"k": bh.Int, "x": bh.Int}, time="ts")
even = bh.EventSource("even", columns={"k": bh.Int, "y": bh.Int}, time="ts")
few = bh.EventSource("few", columns={"k": bh.Int, "z": bh.Int}, time="ts")
a = bh.FeatureGroup("a", source=hot, keys=["k"], features=[bh.count(windows=["1h"]), bh.sum("x"), bh.avg("x", windows=["1d"]), bh.last("x"), bh.count_distinct("x", max=100)])
b = bh.FeatureGroup("b", source=even, keys=["k"], features=[bh.count(), bh.sum("y", windows=["1h"])])
c = bh.FeatureGroup("c", source=few, keys=["k"], features=[bh.count(), bh.max("z")])
v = bh.FeatureView("v", groups=[a.prefix("a"), b.prefix("b"), c.prefix("c")])
`

const (
	hotKey   = 7
	ofHotKey = 20_000 // events, and rows that ask
	ofOthers = 2_000
)

// aHotKey is a view, and rows of which most are of one key, as are the events of one of its sources.
func aHotKey(t *testing.T) (*plan.Batch, engine.Inputs) {
	b := planOf(definedText(t, hotPy))
	at := func(ms int64) value.Value { return value.OfTimestamp(1_704_067_200_000 + ms) }
	// key is the hot one's for all but the last rows, where there is one.
	key := func(i int64, hot bool) value.Value {
		if hot && i < ofHotKey {
			return value.OfInt(hotKey)
		}
		return value.OfInt(i % ofOthers)
	}
	events := map[string][][]value.Value{} // by the column that only this source has
	var asks [][]value.Value
	for i := range int64(ofHotKey + ofOthers) {
		row := func(hot bool) []value.Value {
			return []value.Value{key(i, hot), value.OfInt(i * 7919 % 500), at(i * 4001)}
		}
		events["x"], events["y"] = append(events["x"], row(true)), append(events["y"], row(false))
		if i < 100 {
			events["z"] = append(events["z"], row(false))
		}
		asks = append(asks, []value.Value{at(i * 4003), key(i, true)})
	}
	return b, engine.Inputs{
		Spine: enginetest.NewTable(b.Spine.Schema, enginetest.Part{Rows: asks}),
		Open: func(_ context.Context, _ feature.Place, s value.Schema) (dataset.Table, error) {
			return enginetest.NewTable(s, enginetest.Part{Rows: events[s[1].Name]}), nil
		},
	}
}

// A key of 400 M pairs is found by itself, is answered by tiles, and what has no such key is not.
func TestAHotKeyIsFound(t *testing.T) {
	b, in := aHotKey(t)
	stage := t.TempDir()
	e := with(t, spark.Options{Stage: stage, Parquet: parquet.Format{}})
	q, err := e.Printed(t.Context(), b, in)
	if err != nil {
		t.Fatal(err)
	}
	text := q.String()
	for step, want := range map[string]bool{"j0_hot as (": true, "j0_spans as (": true, "j1_hot as (": false, "j1_pairs as (": true, "j2_hot as (": false, "j2_pairs as (": true} {
		if strings.Contains(text, step) != want {
			t.Errorf("the query has %q: %v, want %v", step, !want, want)
		}
	}
	got, err := enginetest.Ask(t.Context(), e, b, in)
	if err != nil {
		t.Fatal(err)
	}
	want, err := enginetest.Ask(t.Context(), local.New(local.Options{}), b, in)
	if err != nil {
		t.Fatal(err)
	}
	if len(want.Rows) != ofHotKey+ofOthers {
		t.Fatalf("the embedded engine has %d rows", len(want.Rows))
	}
	sameRows(t, got, want)
	empty(t, stage)
}
