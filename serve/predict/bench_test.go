package predict_test

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/catalog"
	"github.com/bighead-ml/bighead/catalog/sqlite"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/modeltest"
	"github.com/bighead-ml/bighead/model/tree"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/predict"
	"github.com/bighead-ml/bighead/serve/servetest"
	"github.com/bighead-ml/bighead/value"
)

// wide is a tree model of as many inputs as are asked of it, of which the real one reads the first.
type wide struct {
	model.Model
	info    *model.Info
	numbers []float64 // for one call at a time
}

func (w *wide) Info() *model.Info { return w.info }

func (w *wide) Predict(ctx context.Context, in *model.Batch, out [][]float64) error {
	real, n := len(w.Model.Info().Inputs), len(w.info.Inputs)
	w.numbers = w.numbers[:0]
	for row := range in.Rows {
		w.numbers = append(w.numbers, in.Numbers[row*n:row*n+real]...)
	}
	return w.Model.Predict(ctx, &model.Batch{Rows: in.Rows, Numbers: w.numbers}, out)
}

// BenchmarkPredict is P7's view of 250 features, one row at a time and a hundred, with a model that reads those of them that are numbers: features
// alone, and predictions.
func BenchmarkPredict(b *testing.B) {
	v, st := servetest.BenchView(b), servetest.NewStore()
	servetest.BenchFill(b, st, v)
	server, err := serve.Open(context.Background(), []*feature.View{v}, serve.Watch(st), serve.Options{Clock: func() int64 { return servetest.BenchNow }, Deadline: time.Hour})
	if err != nil {
		b.Fatal(err)
	}
	defer server.Close()
	var columns []model.ManifestColumn
	for _, c := range v.Columns {
		if c.Type.Kind == value.KindFloat || c.Type.Kind == value.KindInt {
			columns = append(columns, model.ManifestColumn{Name: c.Name, Type: c.Type, Fingerprint: c.Fingerprint})
		}
	}
	cat, err := sqlite.Open(context.Background(), filepath.Join(b.TempDir(), "catalog.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer cat.Close()
	root, f := b.TempDir(), modeltest.Fixture(b, "lgb_numeric")
	artifact := f.Write(b, root, model.Binary, func(m *model.Manifest) {
		m.Model, m.View, m.Columns, m.Inputs = "m", v.Name, columns, nil
		for _, c := range columns {
			m.Inputs = append(m.Inputs, c.Name)
		}
		for i := range m.Check {
			for len(m.Check[i].Numbers) < len(columns) {
				m.Check[i].Numbers = append(m.Check[i].Numbers, nil)
			}
		}
	})
	if err := cat.RegisterModel(context.Background(), &catalog.ModelVersion{Model: "m", Artifact: artifact, View: v.Name, At: time.UnixMilli(now), Schema: []byte("{}")}); err != nil {
		b.Fatal(err)
	}
	if err := cat.SetTraffic(context.Background(), 0, &catalog.Traffic{Endpoint: "e", Model: "m", Routes: []catalog.Route{{Number: 1, Weight: 1}}, At: time.UnixMilli(now)}); err != nil {
		b.Fatal(err)
	}
	open := func(ctx context.Context, artifact string) (*model.Artifact, error) {
		return model.OpenArtifact(ctx, filepath.Join(root, artifact), func(string) (model.Open, error) {
			return func(ctx context.Context, path string) (model.Model, error) {
				m, err := tree.Open(ctx, path)
				if err != nil {
					return nil, err
				}
				info := *m.Info()
				info.Inputs = nil
				for i := range columns {
					info.Inputs = append(info.Inputs, model.Input{Name: fmt.Sprint(i), Type: value.Float})
				}
				return &wide{Model: m, info: &info}, nil
			}, nil
		})
	}
	d := &feature.Endpoint{Name: "e", Model: &feature.Model{Name: "m", Task: model.Binary, TrainingSet: &feature.TrainingSet{View: v}}}
	p, err := predict.Open(context.Background(), server, []*feature.Endpoint{d}, cat, open, predict.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	for _, n := range []int{1, 100} {
		rows := make([][]serve.Row, 64)
		for i := range rows {
			for k := range n {
				row := serve.Row{}
				for j := range 5 {
					row.Values = append(row.Values, value.OfInt(int64((i*n+k+j)*7919%servetest.BenchKeys)))
				}
				rows[i] = append(rows[i], row)
			}
		}
		b.Run(fmt.Sprintf("features/%d", n), func(b *testing.B) {
			view, err := server.View(v.Name)
			if err != nil {
				b.Fatal(err)
			}
			names := make([]string, len(columns))
			for i, c := range columns {
				names[i] = c.Name
			}
			out, began := &serve.Response{}, servetest.CPU()
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if err := view.Answer(context.Background(), serve.Request{Rows: rows[i%64], Features: names}, out); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(servetest.CPU()-began)/float64(b.N)/1000, "cpu-µs/op")
		})
		b.Run(fmt.Sprintf("predict/%d", n), func(b *testing.B) {
			out, began := &predict.Response{}, servetest.CPU()
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if err := p.Predict(context.Background(), predict.Request{Endpoint: "e", Rows: rows[i%64]}, out); err != nil {
					b.Fatal(err)
				}
				if a := &out.Rows[0]; a.Problem != nil || math.IsNaN(a.Scores[0]) {
					b.Fatal(a.Problem)
				}
			}
			b.ReportMetric(float64(servetest.CPU()-began)/float64(b.N)/1000, "cpu-µs/op")
		})
	}
}
