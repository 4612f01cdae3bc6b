package spark_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/parquet"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/enginetest"
	"github.com/bighead-ml/bighead/engine/spark"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

const endlessPy = `e = bh.EventSource("e", columns={"k": bh.Int, "x": bh.Int}, time="ts")
g = bh.FeatureGroup("g", source=e, keys=["k"], features=[bh.count(), bh.count_distinct("x", max=100000)])
`

// oneKey is a group, and rows of one key: so many events and as many rows that ask after all of them.
func oneKey(t *testing.T, rows int64) (*plan.Batch, engine.Inputs) {
	t.Helper()
	b := planOf(definedText(t, endlessPy))
	at := func(ms int64) value.Value { return value.OfTimestamp(1_704_067_200_000 + ms) }
	var events, asks [][]value.Value
	for i := range rows {
		events = append(events, []value.Value{value.OfInt(7), value.OfInt(i * 7919 % rows), at(i * 1000)})
		asks = append(asks, []value.Value{at(rows*1000 - i), value.OfInt(7)})
	}
	return b, engine.Inputs{
		Spine: enginetest.NewTable(b.Spine.Schema, enginetest.Part{Rows: asks}),
		Open: func(_ context.Context, _ feature.Place, s value.Schema) (dataset.Table, error) {
			return enginetest.NewTable(s, enginetest.Part{Rows: events}), nil
		},
	}
}

// While Spark computes it is told how far it is, and when the run's context ends, its operation ends on the server.
func TestACancelledRunEndsOnTheServer(t *testing.T) {
	b, in := oneKey(t, 20_000) // 400 M pairs
	e := with(t, spark.Options{Stage: t.TempDir(), Parquet: parquet.Format{}, Hot: math.MaxInt64, Uncounted: true,
		Settings: map[string]string{"spark.connect.progress.reportInterval": "100ms", "spark.sql.shuffle.partitions": "2"}})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var running []string
	var told string
	in.Progress = func(done, total int64) {
		if total != 40_000 || done < 0 || done > total {
			t.Errorf("%d of %d rows are done", done, total)
		}
	}
	in.At = func(what string) {
		if told = what; strings.Contains(what, " 0 running") || running != nil {
			return
		}
		var err error
		if running, err = e.Session().Running(t.Context()); err != nil {
			t.Error(err)
		}
		cancel()
	}
	_, err := e.Run(ctx, b, in, discard)
	if !errors.Is(err, context.Canceled) || len(running) != 1 {
		t.Fatalf("the run says %v; %d operations ran when it was cancelled, %s", err, len(running), told)
	}
	for {
		left, err := e.Session().Running(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(left, running[0]) {
			break
		}
		select {
		case <-t.Context().Done():
			t.Fatalf("the server is still at %s", left)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
