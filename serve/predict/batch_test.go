package predict_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/modeltest"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/predict"
	"github.com/bighead-ml/bighead/value"
)

// TestTreesAreNotBatched has an endpoint that waits an hour for a second row: its tree answers the first at once, as it would cost more to wait than to
// answer; a heavier version beside it waits.
func TestTreesAreNotBatched(t *testing.T) {
	w := newWorld(t)
	w.version("xgb_binary", nil)
	w.version("xgb_binary", python)
	w.oddly(func(ctx context.Context, in *model.Batch, out [][]float64, real model.Model) error {
		return real.Predict(ctx, in, out)
	})
	w.deploy(all(1))
	w.endpoint.MaxBatch, w.endpoint.MaxDelay = 2, 3_600_000
	w.start(predict.Options{})
	f := modeltest.Fixture(t, "xgb_binary")
	if a := w.ask(5).Rows[0]; a.Problem != nil || a.Version != 1 || !near(a.Scores[0], f.Answers[5], 3e-7) {
		t.Errorf("%+v", a)
	}
	w.deploy(all(2))
	answers := make(chan *predict.Response, 2)
	ask := func(i int) {
		out := &predict.Response{}
		if err := w.Predict(context.Background(), predict.Request{Endpoint: "late", Rows: []serve.Row{w.row(i)}}, out); err != nil {
			t.Error(err)
		}
		answers <- out
	}
	go ask(5)
	go ask(6)
	for range 2 { // each waits for the other
		if a := (<-answers).Rows[0]; a.Problem != nil || a.Version != 2 {
			t.Errorf("%+v", a)
		}
	}
}

// TestBatching asks from as many goroutines as rows are answered together: one call of the model answers them all, each with its own; and a row
// that is refused is nobody else's.
func TestBatching(t *testing.T) {
	const together = 8
	w := newWorld(t)
	w.version("xgb_binary", python)
	var calls, rows atomic.Int64
	w.oddly(func(ctx context.Context, in *model.Batch, out [][]float64, real model.Model) error {
		calls.Add(1)
		rows.Add(int64(in.Rows))
		return real.Predict(ctx, in, out)
	})
	w.deploy(all(1))
	w.endpoint.MaxBatch, w.endpoint.MaxDelay = together, 3_600_000
	w.start(predict.Options{})
	f := modeltest.Fixture(t, "xgb_binary")
	for _, bad := range []int{-1, 3} {
		calls.Store(0)
		rows.Store(0)
		var wg sync.WaitGroup
		for i := range together {
			wg.Go(func() {
				row := w.row(i)
				if i == bad {
					row.Values[3] = value.OfFloat(1e300)
				}
				out := &predict.Response{}
				if err := w.Predict(context.Background(), predict.Request{Endpoint: "late", Rows: []serve.Row{row}}, out); err != nil {
					t.Error(err)
					return
				}
				a := out.Rows[0]
				if i == bad {
					if a.Problem == nil || a.Problem.Code != feature.CodeModelRefuses {
						t.Errorf("%+v", a)
					}
				} else if a.Problem != nil || !near(a.Scores[0], f.Answers[i], 3e-7) {
					t.Errorf("row %d: %+v, want %v", i, a, f.Answers[i])
				}
			})
		}
		wg.Wait()
		want := map[int]int64{-1: 1, 3: 1 + together}[bad]
		if calls.Load() != want || bad < 0 && rows.Load() != together {
			t.Errorf("row %d bad: %d calls for %d rows, want %d", bad, calls.Load(), rows.Load(), want)
		}
	}
	w.endpoint.MaxDelay = 1 // fewer do not wait for ever
	w.refresh()
	if a := w.ask(5).Rows[0]; a.Problem != nil || !near(a.Scores[0], f.Answers[5], 3e-7) {
		t.Errorf("%+v", a)
	}
}

// TestPanics has a model panic where requests wait together, with a row that it refuses beside and alone: those rows fail, with a problem each, the
// log says where, and the next ones are answered.
func TestPanics(t *testing.T) {
	const together = 3
	var log lockedBuffer
	w := newWorld(t)
	w.version("xgb_binary", python)
	var panics atomic.Int64 // calls from this one on
	w.oddly(func(ctx context.Context, in *model.Batch, out [][]float64, real model.Model) error {
		if panics.Add(-1) < 0 {
			panic("a defect of a library")
		}
		return real.Predict(ctx, in, out)
	})
	w.deploy(all(1))
	w.endpoint.MaxBatch, w.endpoint.MaxDelay = together, 3_600_000
	w.start(predict.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	for _, c := range []struct {
		well, bad, delay int64
		answered         int64
	}{{0, -1, 3_600_000, 0}, {1, 1, 3_600_000, 0}, {2, 1, 3_600_000, 0}, {1 << 40, -1, 3_600_000, together}} { // of a row that is refused all are asked one by one
		panics.Store(c.well)
		var wg sync.WaitGroup
		var answered, failed atomic.Int64
		for i := range together {
			wg.Go(func() {
				row := w.row(i)
				if int64(i) == c.bad {
					row.Values[3] = value.OfFloat(1e300)
				}
				out := &predict.Response{}
				err := w.Predict(context.Background(), predict.Request{Endpoint: "late", Rows: []serve.Row{row}}, out)
				switch {
				case err != nil:
					t.Error(err)
				case out.Rows[0].Problem == nil:
					answered.Add(1)
				case out.Rows[0].Problem.Code == feature.CodeModelFailed:
					failed.Add(1)
				}
			})
		}
		wg.Wait()
		if c.bad < 0 && (answered.Load() != c.answered || failed.Load() != together-c.answered) || c.bad >= 0 && failed.Load() == 0 {
			t.Errorf("%+v: %d answered, %d failed", c, answered.Load(), failed.Load())
		}
	}
	if text := log.String(); !strings.Contains(text, "a defect of bighead: a defect of a library") || !strings.Contains(text, "batch_test.go") {
		t.Errorf("the log says %s", text)
	}
	w.endpoint.MaxBatch = 100 // who waits alone is asked for by a timer
	w.endpoint.MaxDelay = 1
	w.refresh()
	panics.Store(0)
	if a := w.ask(5).Rows[0]; a.Problem == nil || a.Problem.Code != feature.CodeModelFailed {
		t.Errorf("%+v", a)
	}
	if got := w.metric("bighead_predictions_total", "late", "failed", "0"); got < together+1 {
		t.Errorf("%v predictions failed", got)
	}
}
