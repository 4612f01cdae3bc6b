package serve_test

import (
	"context"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/servetest"
	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/store/memory"
	"github.com/bighead-ml/bighead/store/pebble"
	"github.com/bighead-ml/bighead/value"
)

// BenchmarkServe answers requests in process: P7 is one row of 250 features of 5 groups, P8 100 rows of 50 features.
func BenchmarkServe(b *testing.B) {
	p, err := pebble.Open(pebble.Options{Path: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	v := servetest.BenchView(b)
	for _, st := range []store.Store{memory.New(), p} {
		servetest.BenchFill(b, st, v)
		options := serve.Options{Clock: func() int64 { return servetest.BenchNow }, Deadline: time.Hour}
		known := open(b, serve.Watch(st), []*feature.View{v}, options)
		options.Cache = 1 // nothing has room
		fresh := open(b, st, []*feature.View{v}, options)
		var some []string
		for i, c := range v.Columns {
			if i%5 == 0 {
				some = append(some, c.Name)
			}
		}
		for _, c := range []struct {
			name     string
			rows     int
			features []string
		}{{"P7", 1, nil}, {"P8", 100, some}} {
			b.Run(st.Traits().Name+"/read/"+c.name, func(b *testing.B) { benchServe(b, fresh, c.rows, c.features) })
			b.Run(st.Traits().Name+"/known/"+c.name, func(b *testing.B) { benchServe(b, known, c.rows, c.features) })
		}
	}
}

func benchServe(b *testing.B, server *serve.Server, rows int, features []string) {
	view, err := server.View("v")
	if err != nil {
		b.Fatal(err)
	}
	q := serve.Request{Rows: make([]serve.Row, rows), Features: features}
	for i := range q.Rows {
		q.Rows[i].Values = make([]value.Value, len(view.Asked()))
	}
	var out serve.Response
	b.ReportAllocs()
	n, before := int64(0), servetest.CPU()
	defer func() { b.ReportMetric(float64(servetest.CPU()-before)/float64(b.N), "cpu-ns/op") }()
	for b.Loop() {
		for i := range q.Rows {
			for k := range q.Rows[i].Values {
				n++
				q.Rows[i].Values[k] = value.OfInt(n * 7919 % servetest.BenchKeys)
			}
		}
		if err := view.Answer(context.Background(), q, &out); err != nil {
			b.Fatal(err)
		}
		if out.Rows[0].Problem != nil || out.Rows[0].Statuses[3] == serve.Failed {
			b.Fatal(out.Rows[0].Problem, out.Rows[0].Statuses)
		}
	}
}
