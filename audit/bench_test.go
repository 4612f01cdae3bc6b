package audit_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/audit"
	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/parquet"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/predict"
	"github.com/bighead-ml/bighead/serve/servetest"
	"github.com/bighead-ml/bighead/store/memory"
	"github.com/bighead-ml/bighead/value"
)

// BenchmarkServed answers requests that are recorded, and the same that are not: one row of 250 features, and 100 rows of 50. What a request pays
// is the difference of ns and allocations; cpu-ns/op has the writing of files in it too.
func BenchmarkServed(b *testing.B) {
	v := servetest.BenchView(b)
	st := memory.New()
	servetest.BenchFill(b, st, v)
	for _, how := range []string{"alone", "copied", "recorded"} {
		for _, rows := range []int{1, 100} {
			b.Run(how+map[int]string{1: "/1x250", 100: "/100x50"}[rows], func(b *testing.B) { benchServed(b, st, v, how, rows) })
		}
	}
}

// copied takes records, and writes nothing: what a request pays.
type copied struct{ feature.Served }

func (c *copied) Samples(uint64) bool { return true }
func (c *copied) Begin(*feature.View, int) *feature.Served {
	c.Reset()
	return &c.Served
}
func (c *copied) Record(*feature.Served) {}

func benchServed(b *testing.B, st *memory.Store, v *feature.View, how string, rows int) {
	o := serve.Options{Clock: func() int64 { return servetest.BenchNow }, Deadline: time.Hour, Cache: 1}
	switch how {
	case "copied":
		o.Recorder = &copied{}
	case "recorded":
		l, err := audit.Open(audit.Options{Dir: b.TempDir(), Formats: []dataset.Format{parquet.Format{}}, Sample: 1, Cells: 16 << 20, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			b.Fatal(err)
		}
		defer l.Close(context.Background())
		o.Recorder = l
	}
	s, err := serve.Open(context.Background(), []*feature.View{v}, st, o)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	view, err := s.View("v")
	if err != nil {
		b.Fatal(err)
	}
	q := serve.Request{Rows: make([]serve.Row, rows)}
	if rows > 1 {
		for i, c := range v.Columns {
			if i%5 == 0 {
				q.Features = append(q.Features, c.Name)
			}
		}
	}
	for i := range q.Rows {
		q.Rows[i].Values = make([]value.Value, len(view.Asked()))
	}
	var out serve.Response
	b.ReportAllocs()
	n, before := int64(0), servetest.CPU()
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
	}
	b.ReportMetric(float64(servetest.CPU()-before)/float64(b.N), "cpu-ns/op")
}

// BenchmarkPredicted hands predictions over that are recorded: what a request pays is the ns and allocations of "copied", cpu-ns/op of "recorded" has the
// writing of files in it.
func BenchmarkPredicted(b *testing.B) {
	v := servetest.BenchView(b)
	for _, how := range []string{"copied", "recorded"} {
		for _, rows := range []int{1, 100} {
			b.Run(fmt.Sprintf("%s/%d", how, rows), func(b *testing.B) {
				l, err := audit.OpenPredictions(audit.Options{Dir: b.TempDir(), Formats: []dataset.Format{parquet.Format{}}, Cells: 16 << 20, Log: slog.New(slog.DiscardHandler)})
				if err != nil {
					b.Fatal(err)
				}
				defer l.Close(context.Background())
				id, kept, asked := newID(b), &predict.Predictions{}, []value.Value{}
				for i, k := range v.AskedKeys() {
					if !k.Type.Equal(value.Int) {
						b.Fatal(k)
					}
					asked = append(asked, value.OfInt(int64(i)))
				}
				b.ReportAllocs()
				before := servetest.CPU()
				for b.Loop() {
					p := kept
					if how == "recorded" {
						if p = l.Begin("e", v, rows); p == nil { // faster than files are written
							if err := l.Flush(context.Background()); err != nil {
								b.Fatal(err)
							}
							continue
						}
					}
					p.Endpoint, p.Model, p.View, p.Time, p.At = "e", "m", v, servetest.BenchNow, servetest.BenchNow
					for range rows {
						p.Add(predict.Prediction{ID: id, Version: 1, Scores: []float64{0.5}, Asked: asked})
					}
					if how == "recorded" {
						l.Record(p)
					} else {
						p.Reset()
					}
				}
				if err := l.Flush(context.Background()); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(servetest.CPU()-before)/float64(b.N), "cpu-ns/op")
			})
		}
	}
}
