package predict_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/tree"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/predict"
	"github.com/bighead-ml/bighead/serve/servetest"
)

// saying is a model that tells that it has said how it is, once until that is heard.
type saying struct {
	model.Model
	told chan struct{}
}

func (s saying) Health(ctx context.Context) error {
	defer func() {
		select {
		case s.told <- struct{}{}:
		default:
		}
	}()
	return s.Model.Health(ctx)
}

// TestReady asks whether versions are ready while the model of one, which is elsewhere, answers, hangs, is unwell and comes back.
func TestReady(t *testing.T) {
	predict.Patient(t)
	w := newWorld(t)
	f := newFar(t, w)
	here := make(chan struct{}, 1) // hears that a model in this process has said how it is
	w.opens["tree"] = func(ctx context.Context, path string) (model.Model, error) {
		m, err := tree.Open(ctx, path)
		return saying{m, here}, err
	}
	w.version("lgb_binary", python)
	w.version("xgb_binary", nil)
	w.version("xgb_binary", func(m *model.Manifest) { m.Runtime = "gone" })
	both := all(1)
	both.Shadows = []int64{2}
	w.deploy(both)
	w.endpoint.Deadline = 20
	w.start(predict.Options{})
	of := predict.Inference{Server: w.Server}
	ready := func(version, want string) {
		t.Helper()
		m, err := of.Model("m", version)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Release()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		if want == "" {
			ctx = t.Context()
		}
		var p *serve.Problem
		if err := m.Ready(ctx); (err == nil) != (want == "") || err != nil && (!errors.As(err, &p) || p.Code != feature.CodeModelFailed || !strings.Contains(p.Detail, want)) {
			t.Fatalf("version %s: %v, want %q", version, err, want)
		}
	}
	index := func(ctx context.Context, want string) {
		t.Helper()
		var got []string
		for _, s := range of.Index(ctx) {
			state := "READY"
			if !s.Ready {
				state, _, _ = strings.Cut(s.Reason, ", or")
			}
			got = append(got, fmt.Sprintf("%s@%s %s", s.Name, s.Version, state))
		}
		if !strings.HasPrefix(strings.Join(got, "; "), want) {
			t.Fatalf("%v, want %s", got, want)
		}
	}
	asked := func(want int64, do func()) {
		t.Helper()
		before := f.healths.Load()
		do()
		until(t, "the model is asked", func() bool { return f.healths.Load()-before >= want }) // by nobody who waits for it
		if n := f.healths.Load() - before; n != want {
			t.Fatalf("the model was asked %d times, want %d", n, want)
		}
	}
	asked(1, func() { ready("1", "") })
	asked(0, func() { // for a second it is not asked again
		for range 10 {
			ready("1", "")
			index(t.Context(), "m@1 READY; m@2 READY")
		}
	})
	f.be("hangs")
	w.pass(time.Second)
	asked(1, func() { // for all who wait
		const late = "version 1 of model m is not ready: its model does not say in time"
		ready("1", late)
		ready("1", late)
		ready("2", "")
		select {
		case <-here: // of before
		default:
		}
		ctx := servetest.NewTold(t.Context())
		go func() { <-here; close(ctx.Over) }()
		index(ctx, "m@1 its model does not say in time whether it is ready; m@2 READY")
	})
	f.be("answers")
	until(t, "it is ready again", func() bool {
		w.pass(time.Second)
		m, err := of.Model("m", "1")
		if err != nil {
			t.Fatal(err)
		}
		defer m.Release()
		return m.Ready(t.Context()) == nil
	})
	f.be("unwell")
	w.pass(time.Second)
	until(t, "it says so", func() bool { return of.Index(t.Context())[0].Reason != "" })
	ready("1", "its model cannot be reached")

	f.be("hangs") // and is left alone
	until(t, "it is left alone", func() bool { w.ask(0); return len(w.Statuses()[0].LeftAlone) > 0 })
	until(t, "nobody is there any more", func() bool { return f.inside.Load() == 0 })
	f.be("answers")
	asked(0, func() { ready("1", "is left alone") })
	w.pass(time.Second) // and one request is to try it: who sends requests only to what is ready must hear that it is
	until(t, "it is ready to be tried", func() bool {
		w.pass(time.Second)
		return of.Index(t.Context())[0].Ready
	})
	if len(w.Statuses()[0].LeftAlone) != 1 {
		t.Error("what it says of its health is taken for an answer to a request")
	}
	w.endpoint.Deadline = 0
	w.refresh()
	until(t, "it answers", func() bool { w.pass(time.Second); return w.ask(0).Rows[0].Version == 1 })

	w.deploy(all(3)) // which nothing here opens: the versions before it are asked on
	index(t.Context(), `m@1 READY; m@2 READY; m@3 m@3 cannot be opened: open artifact `)
	var p *serve.Problem
	if _, err := of.Model("m", "3"); !errors.As(err, &p) || p.Code != feature.CodeNoVersion || !strings.Contains(p.Detail, `version 3 of model m is not there: m@3 cannot be opened`) {
		t.Errorf("%v", err)
	}
	if !of.Has("m") || of.Has("late") {
		t.Error("the model is called m, the endpoint late")
	}
}
