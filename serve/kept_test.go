package serve_test

import (
	"context"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/servetest"
	"github.com/bighead-ml/bighead/value"
)

// A store that has let go of nothing yet answers as of any time; one that has answers as of what is left.
func TestWhatWasLetGo(t *testing.T) {
	const now = 1_700_000_000_000
	p, st := servetest.Definitions(t, `
flights = bh.EventSource("flights", columns={"carrier": bh.String}, time="ts")
carrier = bh.FeatureGroup("carrier", source=flights, keys=["carrier"], features=[bh.count(windows=["1d"])])
departure = bh.FeatureView("departure", groups=[carrier])
`), servetest.NewStore()
	servetest.Fill(t, st, p.Groups[0], [][]value.Value{{value.OfString("UA"), value.OfTimestamp(now - 1)}}, now, plan.NoMarks, plan.MinTime)
	for kept, refused := range map[int64]bool{plan.MinTime: false, now: false, plan.MaxTime: true} {
		server, err := serve.Open(t.Context(), p.Views, st, serve.Options{Clock: func() int64 { return now }, Kept: func() int64 { return kept }, Deadline: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		got, err := server.Features(context.Background(), serve.Request{View: "departure", Rows: []serve.Row{{Values: []value.Value{value.OfString("UA")}}}})
		if err != nil || (got.Rows[0].Problem != nil) != refused {
			t.Errorf("kept %d: %v %v", kept, got.Rows, err)
		}
		server.Close()
	}
}
