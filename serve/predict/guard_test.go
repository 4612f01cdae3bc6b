package predict_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/modeltest"
	"github.com/bighead-ml/bighead/model/remote"
	"github.com/bighead-ml/bighead/model/tree"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/predict"
	"github.com/bighead-ml/bighead/value"
)

// away is a model of another process.
type away struct {
	model.Model
	info model.Info
}

func (a *away) Info() *model.Info { return &a.info }

// elsewhere is oddly, of a model in another process.
func (w *world) elsewhere(f func(ctx context.Context, in *model.Batch, out [][]float64, real model.Model) error) {
	w.oddly(f)
	open := w.opens["python"]
	w.opens["python"] = func(ctx context.Context, path string) (model.Model, error) {
		m, err := open(ctx, path)
		if err != nil {
			return nil, err
		}
		a := &away{m, *m.Info()}
		a.info.Elsewhere = true
		return a, nil
	}
}

// hanging is a model that a test has hang, fail or answer.
type hanging struct {
	how   atomic.Value // of string: "hangs", "is away", "is wrong", "answers"
	asked atomic.Int64
	ended atomic.Int64
}

func (h *hanging) predict(ctx context.Context, in *model.Batch, out [][]float64, real model.Model) error {
	h.asked.Add(1)
	defer h.ended.Add(1)
	switch h.how.Load() {
	case "hangs":
		<-ctx.Done()
		return ctx.Err()
	case "is away":
		return fmt.Errorf("%w: connection refused", model.ErrUnavailable)
	case "is wrong":
		return errors.New("the answer has three legs")
	case "panics":
		panic("a leg fell off")
	}
	return real.Predict(ctx, in, out)
}

// until waits for what comes by itself.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	for began := time.Now(); !so(); time.Sleep(time.Millisecond) {
		if time.Since(began) > 5*time.Minute {
			t.Fatalf("it never comes that %s", what)
		}
	}
}

// TestLeftAlone has a model elsewhere hang: after five requests that had to wait it is left alone, but for one that tries it when a second is over. One that
// answers wrongly answers, and is asked on.
func TestLeftAlone(t *testing.T) {
	w := newWorld(t)
	h := &hanging{}
	w.elsewhere(h.predict)
	w.version("xgb_binary", python)
	w.deploy(all(1))
	w.endpoint.Deadline, w.endpoint.Fallback = 20, value.OfFloat(0.125)
	w.start(predict.Options{})
	stand := func(state float64) {
		t.Helper()
		alone := []string{"m@1"}
		if state == 0 {
			alone = nil
		}
		if got := w.metric("bighead_model_breaker_state", "m", "1"); got != state || !slices.Equal(w.Statuses()[0].LeftAlone, alone) || (len(w.Degraded()) > 0) != (state > 0) {
			t.Fatalf("state %v, %v, %v", got, w.Statuses()[0].LeftAlone, w.Degraded())
		}
	}
	ask := func(how, reason string, asked int64) {
		t.Helper()
		h.how.Store(how)
		before := h.asked.Load()
		a := w.ask(0).Rows[0]
		if a.Problem != nil || (reason == "") == a.Degraded || a.Reason != reason || a.Degraded && a.Scores[0] != 0.125 || h.asked.Load()-before != asked {
			t.Fatalf("%s: %+v, asked %d times", how, a, h.asked.Load()-before)
		}
		until(t, "the calls end", func() bool { return h.ended.Load() == h.asked.Load() })
	}
	const failed, alone = "m@1 could not answer", "m@1 could not answer: it does not answer, and is left alone but for a request a second that tries it"
	for i := range 5 {
		stand(0)
		ask("hangs", failed, 1)
		if i == 3 { // answers between do not matter
			ask("answers", "", 1)
			ask("is wrong", failed, 1)
		}
	}
	until(t, "the breaker hears of it", func() bool { return len(w.Degraded()) > 0 })
	stand(2)
	for range 20 {
		ask("answers", alone, 0)
	}
	w.pass(time.Second)
	stand(1)
	ask("is away", failed, 1)
	until(t, "the breaker hears of it", func() bool { return w.metric("bighead_model_breaker_state", "m", "1") == 2 })
	ask("answers", alone, 0)
	w.pass(time.Second)
	ask("is wrong", failed, 1)
	until(t, "the breaker hears of it", func() bool { return len(w.Degraded()) == 0 })
	ask("answers", "", 1)
	for range 5 {
		ask("is away", failed, 1)
	}
	until(t, "the breaker hears of it", func() bool { return len(w.Degraded()) > 0 })
	w.pass(time.Second)
	ask("panics", failed, 1)
	until(t, "the breaker hears of it", func() bool { return len(w.Degraded()) == 0 })
	for range 20 { // who is wrong about a row is not away
		ask("is wrong", failed, 1)
	}
	stand(0)
	for range 5 {
		ask("is away", failed, 1)
	}
	until(t, "the breaker hears of it", func() bool { return len(w.Degraded()) > 0 })
	w.endpoint.Fallback = value.Value{}
	w.refresh()
	if p := w.ask(0).Rows[0].Problem; p == nil || p.Code != feature.CodeModelFailed || !strings.Contains(p.Detail, "version 1 of model m does not answer, and is left alone") || p.After == 0 {
		t.Errorf("%+v", p)
	}
	w.endpoint.MaxBatch, w.endpoint.MaxDelay = 8, 600_000 // that nobody waits for what is left alone
	w.refresh()
	if p := w.ask(0).Rows[0].Problem; p == nil || !strings.Contains(p.Detail, "is left alone") {
		t.Errorf("%+v", p)
	}
}

// TestLateIsNotAway has a model elsewhere answer after the request's time is over, and callers go away: neither says that it does not answer.
func TestLateIsNotAway(t *testing.T) {
	w := newWorld(t)
	let := make(chan struct{})
	w.elsewhere(func(ctx context.Context, in *model.Batch, out [][]float64, real model.Model) error {
		select {
		case <-let:
			return real.Predict(ctx, in, out)
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	w.version("xgb_binary", python)
	w.deploy(all(1))
	w.endpoint.Fallback = value.OfFloat(0.125)
	w.start(predict.Options{})
	ctx, gone := context.WithCancel(t.Context())
	time.AfterFunc(time.Millisecond, gone)
	for range 10 {
		if err := w.Predict(ctx, predict.Request{Endpoint: "late", Rows: []serve.Row{w.row(0)}}, &predict.Response{}); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	w.endpoint.Deadline = 1
	w.refresh()
	for range 4 {
		if a := w.ask(0).Rows[0]; a.Reason != "m@1 could not answer" {
			t.Fatalf("%+v", a)
		}
	}
	close(let)
	until(t, "the late calls are answered", func() bool { return len(w.Degraded()) == 0 && w.ask(0).Rows[0].Version == 1 })
}

// far is a server of the Open Inference Protocol in a test's hands: it answers with a tree, hangs, or lies about what it answers.
type far struct {
	*httptest.Server
	how     atomic.Value
	hits    atomic.Int64
	healths atomic.Int64 // how often it was asked whether it is ready
	inside  atomic.Int64 // requests that hang
}

func newFar(t *testing.T, w *world) *far {
	t.Helper()
	f := &far{}
	f.how.Store("answers")
	var real atomic.Pointer[tree.Model]
	f.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/ready") {
			f.healths.Add(1)
			switch f.how.Load() {
			case "hangs":
				<-r.Context().Done()
			case "unwell":
				rw.WriteHeader(http.StatusServiceUnavailable)
			}
		}
		if !strings.HasSuffix(r.URL.Path, "/infer") {
			fmt.Fprint(rw, "{}")
			return
		}
		f.hits.Add(1)
		var q struct {
			Inputs []struct {
				Shape []int
				Data  []*float64
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
			t.Error(err)
		}
		if f.how.Load() == "hangs" {
			f.inside.Add(1)
			defer f.inside.Add(-1)
			<-r.Context().Done()
			return
		}
		in := model.Batch{Rows: q.Inputs[0].Shape[0], Numbers: make([]float64, len(q.Inputs[0].Data))}
		for i, x := range q.Inputs[0].Data {
			if in.Numbers[i] = nan; x != nil {
				in.Numbers[i] = *x
			}
		}
		out := make([]float64, in.Rows)
		if err := real.Load().Predict(r.Context(), &in, [][]float64{out}); err != nil {
			t.Error(err)
		}
		if f.how.Load() == "lies" {
			out[0] = 2.5 // which is no probability
		}
		text, _ := json.Marshal(out)
		fmt.Fprintf(rw, `{"outputs": [{"name": "y", "datatype": "FP64", "shape": [%d], "data": %s}]}`, in.Rows, text)
	}))
	t.Cleanup(f.Close)
	w.opens["python"] = func(ctx context.Context, path string) (model.Model, error) {
		m, err := tree.Open(ctx, path)
		if err != nil {
			return nil, err
		}
		real.Store(m.(*tree.Model))
		return remote.Options{}.Open(ctx, f.URL+"/v2/models/m?input=x:FP64:-1,13&output=y:FP64:-1")
	}
	return f
}

// TestHangsLiesAndComesBack asks an endpoint with fallback="last" from eight goroutines while its model elsewhere hangs, lies and comes back: each request has
// its answer, of the model or of the version before it, and soon nobody waits for it.
func TestHangsLiesAndComesBack(t *testing.T) {
	w := newWorld(t)
	f := newFar(t, w)
	w.version("xgb_binary", nil)
	w.version("lgb_binary", python)
	w.deploy(all(1))
	w.deploy(all(2))
	w.endpoint.Deadline, w.endpoint.FallbackLast = 10_000, true // of which two seconds are left to the version before, on a busy machine
	w.start(predict.Options{})
	want := map[int64][]float64{1: modeltest.Fixture(t, "xgb_binary").Answers, 2: modeltest.Fixture(t, "lgb_binary").Answers}
	var answered, stoodIn atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	var asking sync.WaitGroup
	for g := range 8 {
		asking.Go(func() {
			for i := g; ctx.Err() == nil; i = (i + 8) % 200 {
				out := &predict.Response{}
				if err := w.Predict(context.Background(), predict.Request{Endpoint: "late", Rows: []serve.Row{w.row(i)}}, out); err != nil {
					t.Error(err)
					return
				}
				a := &out.Rows[0]
				switch {
				case a.Problem != nil || !near(a.Scores[0], want[a.Version][i], 3e-7) || a.Degraded != (a.Version == 1) || a.Degraded && !strings.HasPrefix(a.Reason, "m@2 could not answer"):
					t.Errorf("%+v", a)
					return
				case a.Degraded:
					stoodIn.Add(1)
				default:
					answered.Add(1)
				}
			}
		})
	}
	defer asking.Wait()
	defer stop()
	more := func(what string, of *atomic.Int64, n int64) {
		t.Helper()
		from := of.Load()
		until(t, what, func() bool { return of.Load() >= from+n || t.Failed() })
	}
	more("the model answers", &answered, 50)
	f.how.Store("hangs")
	until(t, "it is left alone", func() bool { return len(w.Statuses()[0].LeftAlone) > 0 || t.Failed() })
	until(t, "those that it was asked before have given up", func() bool { return f.inside.Load() == 0 && len(w.Statuses()[0].LeftAlone) > 0 || t.Failed() })
	more("and have their answers", &stoodIn, 500)
	hits := f.hits.Load()
	more("the version before answers", &stoodIn, 500)
	if n := f.hits.Load() - hits; n > 0 {
		t.Errorf("it was asked %d times while it was left alone", n)
	}
	w.pass(time.Second)
	until(t, "one request tries it", func() bool { return f.hits.Load() > hits || t.Failed() })
	more("the others do not wait for that", &stoodIn, 500)
	if n := f.hits.Load() - hits; n != 1 {
		t.Errorf("it was tried by %d requests", n)
	}
	f.how.Store("lies")
	until(t, "it is asked again", func() bool { w.pass(time.Second); return len(w.Statuses()[0].LeftAlone) == 0 || t.Failed() })
	more("the version before answers in place of lies", &stoodIn, 50)
	f.how.Store("answers")
	more("the model answers again", &answered, 200)
	if w.metric("bighead_predictions_total", "late", "failed", "0") != 0 {
		t.Error("requests failed")
	}
}
