package predict_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bighead-ml/bighead/catalog"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/modeltest"
	"github.com/bighead-ml/bighead/serve/predict"
)

// canarying is a world whose version 1 is asked, and whose version 2, in a test's hands, is a canary that gets half of the requests at first.
func canarying(t *testing.T, fixture string, odd func(w *world) func(context.Context, *model.Batch, [][]float64, model.Model) error) *world {
	t.Helper()
	w := newWorld(t)
	w.version("lgb_binary", nil)
	w.version(fixture, python)
	w.oddly(odd(w))
	w.deploy(all(1))
	next := all(1)
	next.Canary = &catalog.Canary{Number: 2, Steps: []float64{0.25, 0.5, 1}, Since: time.UnixMilli(now)}
	w.deploy(next)
	w.start(predict.Options{Canary: predict.Rules{Requests: 300, Hold: time.Minute}})
	return w
}

func fine(*world) func(context.Context, *model.Batch, [][]float64, model.Model) error {
	return func(ctx context.Context, in *model.Batch, out [][]float64, real model.Model) error {
		return real.Predict(ctx, in, out)
	}
}

// decide asks so often for all rows, and gives what is decided then.
func (w *world) decide(times int) string {
	w.t.Helper()
	for range times {
		for from := 0; from < 240; from += 8 { // never as many as there are rows of check
			rows := upTo(8)
			for i := range rows {
				rows[i] += from
			}
			w.ask(rows...)
		}
	}
	decided, err := w.Decide(context.Background(), w.models, "test")
	if err != nil {
		w.t.Fatal(err)
	}
	w.refresh()
	return strings.Join(decided, "\n")
}

// TestCanary has a version that does as well as the other take all requests, step by step.
func TestCanary(t *testing.T) {
	w := canarying(t, "lgb_binary", fine)
	if d := w.decide(1); d != "" {
		t.Errorf("decided on after 240 rows: %s", d)
	}
	if d := w.decide(6); d != "" {
		t.Errorf("decided on before the step's least time: %s", d)
	}
	w.pass(time.Minute)
	if d := w.decide(0); d != "endpoint late: canary m@2 stepped up to a share of 0.5" {
		t.Errorf("%q", d)
	}
	if !w.Trying() || w.Statuses()[0].Canary.Requests != 0 {
		t.Errorf("the next step has the counts of the last: %+v", w.Statuses()[0].Canary)
	}
	if d := w.decide(5); d != "" {
		t.Errorf("decided on before the second step's least time: %s", d)
	}
	w.pass(time.Minute)
	if d := w.decide(0); d != "endpoint late: canary m@2 has all requests now" {
		t.Errorf("%q", d)
	}
	for _, a := range w.ask(upTo(20)...).Rows {
		if a.Version != 2 {
			t.Errorf("%+v", a)
		}
	}
	history, err := w.models.TrafficHistory(context.Background(), "late")
	if err != nil || len(history) != 4 || history[0].By != "test" || history[0].Rollback != nil || history[1].Rollback != nil || w.Trying() {
		t.Errorf("%v %+v", err, history)
	}
}

// TestCanarySlowNowAndThen has a canary of which one call in a hundred is slow: of few calls the slowest is their 99th percentile, and says nothing.
func TestCanarySlowNowAndThen(t *testing.T) {
	slow := 0
	w := canarying(t, "lgb_binary", func(w *world) func(context.Context, *model.Batch, [][]float64, model.Model) error {
		calls := 0
		return func(ctx context.Context, in *model.Batch, out [][]float64, real model.Model) error {
			if calls++; calls%100 == 7 {
				slow++
				w.pass(8 * time.Millisecond)
			}
			return real.Predict(ctx, in, out)
		}
	})
	for range 6 {
		if d := w.decide(1); strings.Contains(d, "rolled back") {
			t.Fatalf("%q after %d slow calls", d, slow)
		}
	}
	if slow == 0 {
		t.Error("no call was slow: nothing is tested")
	}
}

// TestCanaryBack has canaries that fail, are slow, and answer otherwise, each rolled back with its reason.
func TestCanaryBack(t *testing.T) {
	for _, c := range []struct {
		name, fixture, want string
		odd                 func(*world) func(context.Context, *model.Batch, [][]float64, model.Model) error
	}{
		{"fails", "lgb_binary", "error share 0.", func(*world) func(context.Context, *model.Batch, [][]float64, model.Model) error {
			calls := 0
			return func(ctx context.Context, in *model.Batch, out [][]float64, real model.Model) error {
				if calls++; calls%5 == 0 {
					return errors.New("a bad day")
				}
				return real.Predict(ctx, in, out)
			}
		}},
		{"refuses", "lgb_binary", "refused share 1 over ", func(*world) func(context.Context, *model.Batch, [][]float64, model.Model) error {
			return func(context.Context, *model.Batch, [][]float64, model.Model) error {
				return &model.RowError{Input: "f0", Reason: "is not of this world"}
			}
		}},
		{"panics", "lgb_binary", "error share 1 over ", func(*world) func(context.Context, *model.Batch, [][]float64, model.Model) error {
			return func(context.Context, *model.Batch, [][]float64, model.Model) error { panic("a defect") }
		}},
		{"slow", "lgb_binary", " calls took longer than ", func(w *world) func(context.Context, *model.Batch, [][]float64, model.Model) error {
			return func(ctx context.Context, in *model.Batch, out [][]float64, real model.Model) error {
				w.pass(8 * time.Millisecond)
				return real.Predict(ctx, in, out)
			}
		}},
		{"shifted", "lgb_binary", "scores shifted: the distributions are ", func(*world) func(context.Context, *model.Batch, [][]float64, model.Model) error {
			return func(ctx context.Context, in *model.Batch, out [][]float64, real model.Model) error {
				err := real.Predict(ctx, in, out)
				for i := range out[0] {
					out[0][i] /= 2
				}
				return err
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := canarying(t, c.fixture, c.odd)
			if d := w.decide(6); !strings.HasPrefix(d, "endpoint late: canary m@2 rolled back: ") || !strings.Contains(d, c.want) {
				t.Fatalf("%q", d)
			}
			now, err := w.models.Traffic(context.Background(), "late")
			if err != nil || now.Canary != nil || len(now.Routes) != 1 || now.Routes[0].Number != 1 || !strings.Contains(now.Reason, c.want) || now.Rollback == nil || !slices.Equal(now.Rollback.Versions, []int64{2}) {
				t.Errorf("%v %+v", err, now)
			}
			for _, a := range w.ask(upTo(24)...).Rows {
				if a.Version != 1 {
					t.Errorf("%+v", a)
				}
			}
		})
	}
}

// TestCanaryOfOtherColumns has a canary that the view's columns are foreign to now: it answers nobody, which is a failure like others.
func TestCanaryOfOtherColumns(t *testing.T) {
	w := newWorld(t)
	w.version("lgb_binary", nil)
	w.version("lgb_binary", func(f *model.Manifest) { f.Columns[0].Fingerprint = "another" })
	next := all(1)
	next.Canary = &catalog.Canary{Number: 2, Steps: []float64{0.25, 1}}
	w.deploy(next)
	w.start(predict.Options{})
	if d := w.decide(6); !strings.HasPrefix(d, "endpoint late: canary m@2 rolled back: error share 1 over ") {
		t.Errorf("%q", d)
	}
}

// TestCanaryOfOneKey has every request ask for one key, so that one of two equal versions answers all of them: there is nothing to compare it with, which
// is said, once, and not taken for good.
func TestCanaryOfOneKey(t *testing.T) {
	for _, c := range []struct {
		share float64
		waits string
	}{{0.999999, "the others were asked 0 requests"}, {0.000001, "asked 0 of the 500 requests"}} {
		w := newWorld(t)
		w.version("lgb_binary", nil)
		w.version("lgb_binary", nil)
		next := all(1)
		next.Canary = &catalog.Canary{Number: 2, Steps: []float64{c.share, 1}}
		w.deploy(next)
		var log bytes.Buffer
		w.start(predict.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
		for range 3 {
			for range 100 {
				w.ask(7, 7, 7, 7, 7, 7)
			}
			if d := w.decide(0); d != "" {
				t.Errorf("%q", d)
			}
		}
		if k := w.Statuses()[0].Canary; !strings.Contains(k.Waits, c.waits) {
			t.Errorf("%+v", k)
		}
		if stuck := c.share > 0.5; strings.Count(log.String(), "a canary waits for what may never come") != map[bool]int{true: 1}[stuck] || stuck && !strings.Contains(log.String(), "sticky=") {
			t.Errorf("share %g: %s", c.share, log.String())
		}
	}
}

// TestCanaryOfTwoKeys has either of two equal versions answer one key: many rows, that say what one does.
func TestCanaryOfTwoKeys(t *testing.T) {
	w := newWorld(t)
	w.version("lgb_binary", nil)
	w.version("lgb_binary", nil)
	next := all(1)
	next.Canary = &catalog.Canary{Number: 2, Steps: []float64{0.5, 1}}
	w.deploy(next)
	w.start(predict.Options{})
	of := map[int64]int{}
	for i := 0; len(of) < 2; i++ {
		of[w.ask(i).Rows[0].Version] = i
	}
	rows := slices.Concat(slices.Repeat([]int{of[1]}, 60), slices.Repeat([]int{of[2]}, 60))
	for range 12 {
		w.ask(rows...)
	}
	if d := w.decide(0); d != "" {
		t.Errorf("%q", d)
	}
	if k := w.Statuses()[0].Canary; k.Requests < 720 || !strings.Contains(k.Waits, "are of so few keys that they say what 1 would") {
		t.Errorf("%+v", k)
	}
}

// TestCanaryOfSeveralProcesses has one server answer and another decide, by what it is told: once, and both follow.
func TestCanaryOfSeveralProcesses(t *testing.T) {
	w := canarying(t, "lgb_binary", fine)
	answering := w.Server
	w.registry = prometheus.NewRegistry()
	w.start(predict.Options{Canary: predict.Rules{Requests: 300, Hold: time.Minute}})
	deciding := w.Server
	hand := func() {
		t.Helper()
		text, err := json.Marshal(answering.Count())
		if err != nil {
			t.Fatal(err)
		}
		var counted []predict.Counted
		if err := json.Unmarshal(text, &counted); err != nil || len(counted) != 1 {
			t.Fatalf("%v %s", err, text)
		}
		deciding.Add(counted)
		deciding.Add([]predict.Counted{{Traffic: counted[0].Traffic + 1, Canary: counted[0].Canary}}) // of a step that is over
		if len(answering.Count()) > 0 {
			t.Error("what was handed on is handed on again")
		}
	}
	ask := func(times int) {
		t.Helper()
		w.Server = answering
		for range times {
			for from := 0; from < 240; from += 8 {
				rows := upTo(8)
				for i := range rows {
					rows[i] += from
				}
				w.ask(rows...)
			}
		}
		w.Server = deciding
	}
	w.pass(time.Minute)
	ask(4)
	if d := w.decide(0); d != "" {
		t.Errorf("decided on what it was not told: %s", d)
	}
	hand()
	if got := deciding.Statuses()[0].Canary; got.Requests+got.Others != 4*240 || got.Shift != 0 && got.Requests == 0 {
		t.Errorf("%+v", got)
	}
	ask(6)
	hand()
	if d := w.decide(0); d != "endpoint late: canary m@2 stepped up to a share of 0.5" {
		t.Fatalf("%q", d)
	}
	if decided, err := answering.Decide(t.Context(), w.models, "test"); err != nil || len(decided) > 0 {
		t.Errorf("%v %v", decided, err)
	}
	w.Server = answering
	w.refresh()
	if got := answering.Statuses()[0].Canary; got.Share != 0.5 || got.Requests != 0 {
		t.Errorf("%+v", got)
	}
	if history, err := w.models.TrafficHistory(t.Context(), "late"); err != nil || len(history) != 3 {
		t.Errorf("%v %+v", err, history)
	}
}

// TestCanaryStale has somebody else change the traffic before a decision is written: theirs stands.
func TestCanaryStale(t *testing.T) {
	w := canarying(t, "lgb_binary", fine)
	w.pass(time.Hour)
	s := w.Server
	w.Server = nil // which does not hear of it
	w.deploy(all(1))
	w.Server = s
	if d := w.decide(6); d != "" {
		t.Errorf("%q", d)
	}
	if now, err := w.models.Traffic(context.Background(), "late"); err != nil || now.Canary != nil || now.Routes[0].Number != 1 || w.Trying() {
		t.Errorf("%v %+v", err, now)
	}
}

// TestShadow compares what a shadow answers with what was answered, and answers without it.
func TestShadow(t *testing.T) {
	predict.Patient(t)
	w := newWorld(t)
	w.version("lgb_binary", nil)
	w.version("lgb_binary", nil)
	w.version("lgb_binary", python)
	held, let := make(chan struct{}), make(chan struct{})
	w.oddly(func(ctx context.Context, in *model.Batch, out [][]float64, real model.Model) error {
		held <- struct{}{}
		<-let
		if err := real.Predict(ctx, in, out); err != nil {
			return err
		}
		out[0][0] += 0.25
		return nil
	})
	next := all(1)
	next.Shadows = []int64{2, 3}
	w.deploy(next)
	kept := &shadowRecord{}
	w.endpoint.DegradedWhen = degradedWhen(t, "share_defaulted > 0.05")
	w.start(predict.Options{Shadows: 1, Recorder: kept})
	w.vectors.hears = true
	f := modeltest.Fixture(t, "lgb_binary")
	var ids []string
	ask := func() {
		t.Helper()
		if kept.not = 0; len(ids) == 2 { // of the second request's rows the first is not sampled
			kept.not = w.vectors.keys[0]
		}
		for i, a := range w.ask(0, 1).Rows {
			if a.Version != 1 || !near(a.Scores[0], f.Answers[i], 1e-14) {
				t.Fatalf("%+v", a)
			}
			ids = append(ids, a.ID)
		}
	}
	ask()
	<-held // version 3 holds the first request up
	ask()  // waits for its turn
	ask()  // has no room
	let <- struct{}{}
	<-held
	let <- struct{}{}
	w.deploy(all(1))
	close(let)
	for w.metric("bighead_shadow_difference_total", "late", "3") < 0.49 { // it is counted last
		time.Sleep(time.Millisecond)
	}
	for labels, n := range map[string]float64{"late,same,2": 4, "late,differs,3": 2, "late,same,3": 2, "late,dropped,2": 2, "late,dropped,3": 2} {
		if got := w.metric("bighead_shadow_total", strings.Split(labels, ",")...); got != n {
			t.Errorf("%s: %v, want %v", labels, got, n)
		}
	}
	if got := w.metric("bighead_shadow_difference_total", "late", "3"); !near(got, 0.5, 1e-9) {
		t.Errorf("the sum of differences is %v", got)
	}
	want := []string{}
	for i, id := range ids[:4] {
		for _, version := range []int64{2, 3} {
			score := f.Answers[i%2]
			if version == 3 && i%2 == 0 {
				score += 0.25
			}
			if i != 2 {
				want = append(want, fmt.Sprintf("%s late m@%d %d %.9f false 0 r%[5]d n%[5]d", id, version, now, score, i%2))
			}
		}
	}
	slices.Sort(want)
	if got := kept.sorted(); !slices.Equal(got, want) {
		t.Errorf("recorded of shadows:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestShadowPanics has a shadow that panics, and a recorder that does for another: both are counted and logged, and the next are asked.
func TestShadowPanics(t *testing.T) {
	predict.Patient(t)
	w := newWorld(t)
	w.version("lgb_binary", nil)
	w.version("lgb_binary", python)
	w.version("lgb_binary", nil)
	w.oddly(func(context.Context, *model.Batch, [][]float64, model.Model) error { panic("a defect of a library") })
	next := all(1)
	next.Shadows = []int64{2, 3}
	w.deploy(next)
	var log lockedBuffer
	kept := &shadowRecord{panics: true}
	w.start(predict.Options{Recorder: kept, Log: slog.New(slog.NewTextHandler(&log, nil))})
	for want := 2.0; want <= 4; want += 2 {
		w.ask(0, 1)
		for w.metric("bighead_shadow_total", "late", "failed", "3") < want { // it is asked last
			time.Sleep(time.Millisecond)
		}
		if got := w.metric("bighead_shadow_total", "late", "failed", "2"); got != want {
			t.Errorf("%v rows of version 2 failed, want %v", got, want)
		}
	}
	if text := log.String(); !strings.Contains(text, "version=m@2 rows=2 error=\"a defect of bighead: a defect of a library") || !strings.Contains(text, "version=m@3 rows=2 error=\"a defect of bighead: no room") {
		t.Errorf("the log says %s", text)
	}
}

// lockedBuffer is what several goroutines write.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// shadowRecord is a recorder of what shadows say.
type shadowRecord struct {
	not    uint64 // the hash of a row that is not sampled
	panics bool   // where it is given what a shadow says
	mu     sync.Mutex
	rows   []string
}

func (r *shadowRecord) Samples(key uint64) bool { return key != r.not }

func (r *shadowRecord) Begin(string, *feature.View, int) *predict.Predictions {
	return &predict.Predictions{}
}

func (r *shadowRecord) Record(p *predict.Predictions) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, x := range p.Rows {
		if x.Shadow && r.panics {
			panic("no room")
		}
		if x.Shadow {
			r.rows = append(r.rows, fmt.Sprintf("%s %s %s@%d %d %.9f %t %g %s", x.ID, p.Endpoint, p.Model, x.Version, p.At, x.Scores[0], x.Degraded, x.ShareDefaulted, askedText(x)))
		}
	}
}

func (r *shadowRecord) sorted() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := slices.Clone(r.rows)
	slices.Sort(out)
	return out
}
