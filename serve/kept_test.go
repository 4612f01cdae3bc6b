package serve_test

import (
	"context"
	"strings"
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

// Where nothing of the store is asked for, as of an endpoint that has no version yet, the time is the view's all the same: batch's end, under a clock of
// events that has seen none.
func TestTheTimeOfNoFeatures(t *testing.T) {
	const batch = 1_700_000_000_000
	p, st := servetest.Definitions(t, `
flights = bh.EventSource("flights", columns={"carrier": bh.String}, time="ts")
carrier = bh.FeatureGroup("carrier", source=flights, keys=["carrier"], features=[bh.count(windows=["1d"])])
departure = bh.FeatureView("departure", groups=[carrier])
`), servetest.NewStore()
	marks := plan.NoMarks
	marks.Batch = batch
	servetest.Fill(t, st, p.Groups[0], [][]value.Value{{value.OfString("UA"), value.OfTimestamp(batch - 1)}}, batch, marks, plan.MinTime)
	server := open(t, st, p.Views, serve.Options{Clock: func() int64 { return plan.MinTime }, Deadline: time.Hour})
	for at, refused := range map[*int64]string{
		nil: "", new(int64(batch)): "", new(int64(batch + 1000)): "",
		new(int64(batch - 1)):              "at 2023-11-14T22:13:19.999Z is before 2023-11-14T22:13:20Z, up to which batch has filled the store",
		new(int64(batch + 10*value.DayMS)): "at 2023-11-24T22:13:20Z lies ahead of the server's clock, the time before the first event",
	} {
		var answers [2]*serve.Response
		for i, features := range [][]string{nil, {}} {
			r, err := server.Features(t.Context(), serve.Request{View: "departure", Rows: []serve.Row{{Values: []value.Value{value.OfString("UA")}}}, Features: features, At: at})
			if err != nil {
				t.Fatal(err)
			}
			answers[i] = r
		}
		for _, r := range answers {
			if p := r.Rows[0].Problem; (p == nil) != (refused == "") || p != nil && !strings.HasPrefix(p.Detail, refused) {
				t.Errorf("at %d: %v, not %q", r.At, p, refused)
			}
			if at == nil && r.At != batch {
				t.Errorf("at %d, where batch ends at %d", r.At, int64(batch))
			}
		}
	}
}
