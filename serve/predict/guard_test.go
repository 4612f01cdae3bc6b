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
	"github.com/bighead-ml/bighead/serve/breaker"
	"github.com/bighead-ml/bighead/serve/predict"
	"github.com/bighead-ml/bighead/serve/servetest"
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
	how     atomic.Value // of string: "hangs", "is away", "is wrong", "answers"
	asked   atomic.Int64
	ended   atomic.Int64
	entered chan time.Time // where it hangs: until when it may
	end     chan struct{}  // has what hangs end, as it does then
}

func (h *hanging) predict(ctx context.Context, in *model.Batch, out [][]float64, real model.Model) error {
	h.asked.Add(1)
	defer h.ended.Add(1)
	switch h.how.Load() {
	case "hangs":
		until, _ := ctx.Deadline()
		h.entered <- until
		<-h.end
		return context.DeadlineExceeded
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
	h := &hanging{entered: make(chan time.Time), end: make(chan struct{})}
	w.elsewhere(h.predict)
	w.version("xgb_binary", python)
	w.deploy(all(1))
	w.endpoint.Fallback = value.OfFloat(0.125)
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
		before, ctx := h.asked.Load(), t.Context()
		if how == "hangs" { // until the request's time is over, and then for as long as an answer may be late
			told := servetest.NewTold(ctx)
			ctx = told
			go func() {
				if until := <-h.entered; until != told.Until.Add(breaker.LateFor) {
					t.Errorf("a model may take until %v for a request until %v", until, told.Until)
				}
				close(told.Over)
			}()
		}
		out := &predict.Response{}
		if err := w.Predict(ctx, predict.Request{Endpoint: "late", Rows: []serve.Row{w.row(0)}}, out); err != nil {
			t.Fatal(err)
		}
		a := out.Rows[0]
		if a.Problem != nil || (reason == "") == a.Degraded || a.Reason != reason || a.Degraded && a.Scores[0] != 0.125 || h.asked.Load()-before != asked {
			t.Fatalf("%s: %+v, asked %d times", how, a, h.asked.Load()-before)
		}
		if how == "hangs" {
			h.end <- struct{}{}
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
	entered, let := make(chan struct{}), make(chan struct{})
	w.elsewhere(func(ctx context.Context, in *model.Batch, out [][]float64, real model.Model) error {
		select {
		case entered <- struct{}{}:
		case <-let:
		}
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
	request := predict.Request{Endpoint: "late", Rows: []serve.Row{w.row(0)}}
	for range 10 {
		ctx, gone := context.WithCancel(t.Context())
		go func() { <-entered; gone() }()
		if err := w.Predict(ctx, request, &predict.Response{}); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	for range 5 { // as many as would have it left alone
		ctx, out := servetest.NewTold(t.Context()), &predict.Response{}
		go func() { <-entered; close(ctx.Over) }()
		if err := w.Predict(ctx, request, out); err != nil || out.Rows[0].Reason != "m@1 could not answer" {
			t.Fatalf("%v, %+v", err, out.Rows)
		}
	}
	close(let)
	for range 20 {
		if a := w.ask(0).Rows[0]; a.Version != 1 || len(w.Degraded()) > 0 {
			t.Fatalf("%+v, %q", a, w.Degraded())
		}
	}
}

// far is a server of the Open Inference Protocol in a test's hands: it answers with a tree, hangs, or lies about what it answers.
type far struct {
	*httptest.Server
	asked   atomic.Int64 // how often a version has asked it to predict
	healths atomic.Int64 // and whether it is ready
	inside  atomic.Int64 // requests to predict that hang: until who asks goes away

	mu      sync.Mutex
	how     string
	changed chan struct{} // closed when it is another way
}

// be has it answer otherwise from now on. Who hangs because of its health is answered by what it is then.
func (f *far) be(how string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.changed)
	f.how, f.changed = how, make(chan struct{})
}

func (f *far) is() (how string, changed chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.how, f.changed
}

// asking counts what is asked of a far model where it is asked: when it comes there is another matter.
type asking struct {
	model.Model
	f *far
}

func (a asking) Predict(ctx context.Context, in *model.Batch, out [][]float64) error {
	a.f.asked.Add(1)
	return a.Model.Predict(ctx, in, out)
}

func (a asking) Health(ctx context.Context) error {
	a.f.healths.Add(1)
	return a.Model.Health(ctx)
}

func newFar(t *testing.T, w *world) *far {
	t.Helper()
	f := &far{how: "answers", changed: make(chan struct{})}
	var real atomic.Pointer[tree.Model]
	f.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		how, changed := f.is()
		if strings.HasSuffix(r.URL.Path, "/ready") {
			switch how {
			case "hangs":
				select {
				case <-r.Context().Done():
				case <-changed:
				}
			case "unwell":
				rw.WriteHeader(http.StatusServiceUnavailable)
			}
		}
		if !strings.HasSuffix(r.URL.Path, "/infer") {
			fmt.Fprint(rw, "{}")
			return
		}
		var q struct {
			Inputs []struct {
				Shape []int
				Data  []*float64
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil { // who asked may have gone
			rw.WriteHeader(http.StatusBadRequest)
			return
		}
		if how == "hangs" {
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
		if err := real.Load().Predict(context.WithoutCancel(r.Context()), &in, [][]float64{out}); err != nil {
			t.Error(err)
		}
		if how == "lies" {
			out[0] = 2.5 // which is no probability
		}
		text, _ := json.Marshal(out)
		fmt.Fprintf(rw, `{"outputs": [{"name": "y", "datatype": "FP64", "shape": [%d], "data": %s}]}`, in.Rows, text)
	}))
	t.Cleanup(func() { f.be("closed"); f.Close() })
	w.opens["python"] = func(ctx context.Context, path string) (model.Model, error) {
		m, err := tree.Open(ctx, path)
		if err != nil {
			return nil, err
		}
		real.Store(m.(*tree.Model))
		there, err := remote.Options{}.Open(ctx, f.URL+"/v2/models/m?input=x:FP64:-1,13&output=y:FP64:-1")
		if err != nil {
			return nil, err
		}
		return asking{there, f}, nil
	}
	return f
}

// TestHangsLiesAndComesBack asks an endpoint with fallback="last" from eight goroutines while its model elsewhere hangs, lies and comes back: each request has
// its answer, of the model or of the version before it, and soon nobody waits for it.
func TestHangsLiesAndComesBack(t *testing.T) {
	// Of an hour the model gets some seconds, and the version before it all that a machine may stand still for.
	predict.LeaveToOthers(t, 0.999)
	w := newWorld(t)
	f := newFar(t, w)
	w.version("xgb_binary", nil)
	w.version("lgb_binary", python)
	w.deploy(all(1))
	w.deploy(all(2))
	w.endpoint.Deadline, w.endpoint.FallbackLast = 3_600_000, true
	w.start(predict.Options{})
	want := map[int64][]float64{1: modeltest.Fixture(t, "xgb_binary").Answers, 2: modeltest.Fixture(t, "lgb_binary").Answers}
	var answered, stoodIn atomic.Int64
	var rounds [8]atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	var going sync.WaitGroup
	for g := range rounds {
		going.Go(func() {
			for i := g; ctx.Err() == nil; i = (i + 8) % 200 {
				out := &predict.Response{}
				if err := w.Predict(ctx, predict.Request{Endpoint: "late", Rows: []serve.Row{w.row(i)}}, out); err != nil {
					if ctx.Err() == nil {
						t.Error(err)
					}
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
				rounds[g].Add(1)
			}
		})
	}
	defer going.Wait()
	defer stop()
	more := func(what string, of *atomic.Int64, n int64) {
		t.Helper()
		from := of.Load()
		until(t, what, func() bool { return of.Load() >= from+n || t.Failed() })
	}
	answers := func(what string, n int64) { // also where it was left alone meanwhile, because the machine stood still for longer than it may take
		t.Helper()
		from := answered.Load()
		until(t, what, func() bool { w.pass(time.Second); return answered.Load() >= from+n || t.Failed() })
	}
	answers("the model answers", 50)
	f.be("hangs")
	until(t, "it is left alone", func() bool { return len(w.Statuses()[0].LeftAlone) > 0 || t.Failed() })
	for g := range rounds {
		more("those that it was asked before have their answers", &rounds[g], 1)
	}
	until(t, "and have given up", func() bool { return f.inside.Load() == 0 && len(w.Statuses()[0].LeftAlone) > 0 || t.Failed() })
	before := f.asked.Load()
	more("the version before answers", &stoodIn, 500)
	if n := f.asked.Load() - before; n > 0 {
		t.Errorf("it was asked %d times while it was left alone", n)
	}
	w.pass(time.Second)
	until(t, "one request tries it", func() bool { return f.asked.Load() > before || t.Failed() })
	more("the others do not wait for that", &stoodIn, 500)
	if n := f.asked.Load() - before; n != 1 {
		t.Errorf("it was tried by %d requests", n)
	}
	f.be("lies")
	until(t, "it is asked again", func() bool { w.pass(time.Second); return len(w.Statuses()[0].LeftAlone) == 0 || t.Failed() })
	more("the version before answers in place of lies", &stoodIn, 50)
	f.be("answers")
	answers("the model answers again", 200)
	if w.metric("bighead_predictions_total", "late", "failed", "0") != 0 {
		t.Error("requests failed")
	}
}
