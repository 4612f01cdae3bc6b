package predict_test

import (
	"context"
	"errors"
	"testing"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/model/modeltest"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/predict"
)

// TestPredict asks for every row of two frameworks' fixtures and compares with what they answer.
func TestPredict(t *testing.T) {
	w := newWorld(t)
	w.version("lgb_binary", nil)
	w.version("xgb_binary", nil)
	w.deploy(all(1))
	w.start(predict.Options{})
	for number, tolerance := range map[int64]float64{1: 1e-14, 2: 3e-7} {
		f := modeltest.Fixture(t, map[int64]string{1: "lgb_binary", 2: "xgb_binary"}[number])
		w.deploy(all(number))
		out := w.ask(upTo(len(f.Answers))...)
		seen := map[string]bool{}
		for i, a := range out.Rows {
			if a.Problem != nil || a.Version != number || a.Degraded || len(a.Scores) != 1 || !near(a.Scores[0], f.Answers[i], tolerance) {
				t.Fatalf("version %d, row %d: %+v, want %v", number, i, a, f.Answers[i])
			}
			if seen[a.ID] || len(a.ID) != 36 {
				t.Fatalf("id %q", a.ID)
			}
			seen[a.ID] = true
		}
		if out.Model != "m" || out.Endpoint != "late" || out.At != now || len(out.Features) != 13 {
			t.Errorf("%+v", out)
		}
	}
}

// TestProblems asks what cannot be answered.
func TestProblems(t *testing.T) {
	w := newWorld(t)
	w.start(predict.Options{})
	var p *serve.Problem
	ask := func(r predict.Request) error { return w.Predict(context.Background(), r, &predict.Response{}) }
	if err := ask(predict.Request{Endpoint: "lat"}); !errors.As(err, &p) || p.Code != feature.CodeUnknownEndpoint || len(p.Near) != 1 || p.Near[0] != "late" {
		t.Errorf("%v", err)
	}
	if err := ask(predict.Request{Endpoint: "late"}); !errors.As(err, &p) || p.Code != feature.CodeNoVersion {
		t.Errorf("%v", err)
	}
	w.version("lgb_binary", nil)
	w.deploy(all(1))
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if err := w.Predict(ended, predict.Request{Endpoint: "late", Rows: []serve.Row{w.row(0)}}, &predict.Response{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that is gone: %v", err)
	}
	out := &predict.Response{}
	bad := w.row(1)
	bad.Values = bad.Values[1:]
	if err := w.Predict(context.Background(), predict.Request{Endpoint: "late", Rows: []serve.Row{w.row(0), bad}}, out); err != nil || out.Rows[0].Problem != nil || out.Rows[1].Problem == nil || out.Rows[1].ID != "" {
		t.Errorf("%v, %+v", err, out.Rows)
	}
}
