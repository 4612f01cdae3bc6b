package http_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	nethttp "net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/http"
	"github.com/bighead-ml/bighead/serve/predict"
	"github.com/bighead-ml/bighead/serve/servetest"
	"github.com/bighead-ml/bighead/value"
)

const now = 1_700_000_000_000 // 2023-11-14T22:13:20Z

const oneView = `
flights = bh.EventSource("flights", columns={"carrier": bh.String, "dep_delay": bh.Float}, time="ts")
carrier = bh.FeatureGroup("carrier", source=flights, keys=["carrier"], deadline="10m",
    features=[bh.avg("dep_delay", windows=["1h"]), bh.count(windows=["1d"]), bh.last("dep_delay", default=0.0)])
departure = bh.FeatureView("departure", groups=[carrier], request={"distance": bh.Int, "sched": bh.optional(bh.Timestamp), "share": bh.optional(bh.Float),
    "day": bh.optional(bh.Date), "raw": bh.optional(bh.Bytes), "tags": bh.optional(bh.List(bh.String)), "wet": bh.optional(bh.Bool)},
    derive={"far": "distance > 1000"})
`

// served is a handler over one view, and what it stands on.
type served struct {
	*http.Handler
	store       *servetest.Store
	server      *serve.Server
	predictions *predict.Server // nil: there are no endpoints
}

// still is a clock that stands: what fails fails within ten seconds, and is not tried again, however long a test takes.
func still() time.Time { return time.UnixMilli(now) }

// with is a handler over the same server that answers endpoints too.
func (s *served) with(o http.Options, p *predict.Server) *served {
	o.Registry, o.Server, o.Predictions = prometheus.NewRegistry(), s.server, p
	o.Metrics = serve.NewMetrics(o.Registry)
	return &served{http.New(o), s.store, s.server, p}
}

func newServed(t testing.TB, o http.Options) *served {
	t.Helper()
	p, st := servetest.Definitions(t, oneView), servetest.NewStore()
	row := func(carrier string, delay float64, before int64) []value.Value {
		return []value.Value{value.OfString(carrier), value.OfFloat(delay), value.OfTimestamp(now - before)}
	}
	servetest.Fill(t, st, p.Groups[0], [][]value.Value{row("UA", 10, 60_000), row("UA", 20, 30_000), row("AA", 1.5, 7_200_000)}, now, plan.NoMarks, plan.MinTime)
	o.Registry = prometheus.NewRegistry()
	o.Metrics = serve.NewMetrics(o.Registry)
	server, err := serve.Open(context.Background(), p.Views, st, serve.Options{Clock: func() int64 { return now }, Now: still, Deadline: time.Hour, Metrics: o.Metrics})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	o.Server = server
	return &served{http.New(o), st, server, nil}
}

// call sends a request and gives what came back.
func (s *served) call(t testing.TB, method, path, body string, header ...string) (int, nethttp.Header, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	b, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Code, w.Result().Header, string(b)
}

func TestFeatures(t *testing.T) {
	s := newServed(t, http.Options{})
	code, header, body := s.call(t, "POST", "/v1/features/departure", `{"rows": [{"carrier": "UA", "distance": 1400}, {"carrier": null, "distance": null}, {"carrier": "AA", "distance": "9007199254740993"}]}`)
	want := `{"view":"departure","fingerprint":"` + fingerprint(t, s) + `","at":"2023-11-14T22:13:20Z","features":["carrier__dep_delay_avg_1h","carrier__count_1d","carrier__dep_delay_last","distance","sched","share","day","raw","tags","wet","far"],"rows":[` +
		`{"values":[15.0,2,20.0,1400,null,null,null,null,null,null,true],"status":"present"},` +
		`{"values":[null,0,0.0,null,null,null,null,null,null,null,null],"status":["empty","empty","default","present","present","present","present","present","present","present","present"]},` +
		`{"values":[null,1,1.5,9007199254740993,null,null,null,null,null,null,true],"status":["empty","present","present","present","present","present","present","present","present","present","present"]}]}`
	if code != 200 || strings.TrimSpace(body) != want || header.Get("Content-Type") != "application/json" {
		t.Errorf("%d %v\n got %s\nwant %s", code, header, body, want)
	}
}

func fingerprint(t testing.TB, s *served) string {
	v, err := s.server.View("departure")
	if err != nil {
		t.Fatal(err)
	}
	return v.Fingerprint()
}

// problem reads a problem document.
func problem(t *testing.T, body string) map[string]any {
	t.Helper()
	var p map[string]any
	d := json.NewDecoder(bytes.NewReader([]byte(body)))
	if err := d.Decode(&p); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return p
}
