package predict_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/catalog"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/modeltest"
	"github.com/bighead-ml/bighead/model/transform"
	"github.com/bighead-ml/bighead/model/tree"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/predict"
	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/value"
)

// odd is a model in a test's hands, not as light as the tree that it is.
type odd struct {
	model.Model
	info    model.Info
	predict func(ctx context.Context, in *model.Batch, out [][]float64, real model.Model) error
	closed  func()
}

func (o *odd) Info() *model.Info { return &o.info }

func (o *odd) Predict(ctx context.Context, in *model.Batch, out [][]float64) error {
	return o.predict(ctx, in, out, o.Model)
}

func (o *odd) Close() error {
	if o.closed != nil {
		o.closed()
	}
	return o.Model.Close()
}

func openOdd(ctx context.Context, path string, predict func(context.Context, *model.Batch, [][]float64, model.Model) error, closed func()) (model.Model, error) {
	m, err := tree.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	o := &odd{Model: m, info: *m.Info(), predict: predict, closed: closed}
	o.info.Light = false
	return o, nil
}

// checks is more rows than any test asks for at a time: those of check.
const checks = 25

// oddly makes the runtime "python" a tree that a test has in its hands, its rows of check excepted.
func (w *world) oddly(f func(ctx context.Context, in *model.Batch, out [][]float64, real model.Model) error) {
	w.opens["python"] = func(ctx context.Context, path string) (model.Model, error) {
		return openOdd(ctx, path, func(ctx context.Context, in *model.Batch, out [][]float64, real model.Model) error {
			if in.Rows == checks {
				return real.Predict(ctx, in, out)
			}
			return f(ctx, in, out, real)
		}, nil)
	}
}

func python(f *model.Manifest) { f.Runtime = "python" }

// TestSwitching asks from two goroutines while versions are switched a hundred times, and closed as soon as nobody asks them: every request is
// answered, each row as one version answers it to the last bit, and all rows of a request by the same one.
func TestSwitching(t *testing.T) {
	w := newWorld(t)
	var open, closed atomic.Int64
	w.opens["python"] = func(ctx context.Context, path string) (model.Model, error) {
		var gone atomic.Bool
		open.Add(1)
		return openOdd(ctx, path, func(ctx context.Context, in *model.Batch, out [][]float64, real model.Model) error {
			if gone.Load() {
				t.Error("a version was asked after it was closed")
			}
			return real.Predict(ctx, in, out)
		}, func() { gone.Store(true); closed.Add(1) })
	}
	fixtures := []string{"lgb_binary", "xgb_binary"}
	want := map[int64][]float64{}
	for _, f := range fixtures {
		want[w.version(f, python)] = modeltest.Fixture(t, f).Answers
	}
	w.deploy(all(1))
	t.Cleanup(func() { // behind the server's end
		if open.Load() < 100 || closed.Load() != open.Load() {
			t.Errorf("%d versions were opened, %d closed", open.Load(), closed.Load())
		}
	})
	w.start(predict.Options{})
	exact := map[int64][]float64{}
	for n := range want {
		w.deploy(all(n))
		for i, a := range w.ask(upTo(20)...).Rows {
			if a.Version != n || !near(a.Scores[0], want[n][i], 3e-7) {
				t.Fatalf("version %d, row %d: %+v", n, i, a)
			}
			exact[n] = append(exact[n], a.Scores[0])
		}
	}
	done, asked := make(chan struct{}), atomic.Int64{}
	var wg sync.WaitGroup
	for g := range 2 {
		wg.Go(func() {
			out := &predict.Response{}
			for n := g; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				rows := []int{n % 20, (n + 7) % 20}
				if err := w.Predict(context.Background(), predict.Request{Endpoint: "late", Rows: []serve.Row{w.row(rows[0]), w.row(rows[1])}}, out); err != nil {
					t.Error(err)
					return
				}
				for k, a := range out.Rows {
					if a.Problem != nil || a.Degraded || a.Version != out.Rows[0].Version || a.Scores[0] != exact[a.Version][rows[k]] {
						t.Errorf("row %d: %+v", rows[k], a)
						return
					}
				}
				asked.Add(1)
			}
		})
	}
	for i := range 100 {
		w.deploy(all(int64(i%2 + 1)))
		for before := asked.Load(); asked.Load() == before && !t.Failed(); { // one request at least in each state
			time.Sleep(time.Microsecond)
		}
	}
	close(done)
	wg.Wait()
}

// TestDamagedVersion deploys a version whose files are damaged: the one before it is asked on, and the endpoint says so until it is whole.
func TestDamagedVersion(t *testing.T) {
	w := newWorld(t)
	w.version("lgb_binary", nil)
	w.version("xgb_binary", nil)
	w.deploy(all(1))
	w.start(predict.Options{})
	v, err := w.models.ModelVersion(context.Background(), "m", 2)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(w.root, v.Artifact, "manifest.json")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text[:len(text)/2], 0o666); err != nil {
		t.Fatal(err)
	}
	w.deploy(all(2))
	if a := w.ask(0).Rows[0]; a.Version != 1 || a.Degraded {
		t.Errorf("%+v", a)
	}
	if d := strings.Join(w.Degraded(), "\n"); !strings.Contains(d, "endpoint late: m@2 cannot be opened") || !strings.Contains(d, "is damaged") || !strings.Contains(d, "asked on") {
		t.Errorf("%q", d)
	}
	if err := os.WriteFile(path, text, 0o666); err != nil {
		t.Fatal(err)
	}
	w.refresh()
	if a := w.ask(0).Rows[0]; a.Version != 2 || len(w.Degraded()) > 0 {
		t.Errorf("%+v, %q", a, w.Degraded())
	}
}

// TestAliases has an endpoint follow an alias, first by its definition, then as deployed.
func TestAliases(t *testing.T) {
	w := newWorld(t)
	w.endpoint.Traffic = []feature.Weighted{{Version: "champion", Weight: 1}}
	w.version("lgb_binary", nil)
	w.version("xgb_binary", nil)
	w.start(predict.Options{})
	alias := func(n int64) {
		t.Helper()
		if err := w.models.SetAlias(context.Background(), &catalog.AliasChange{Model: "m", Alias: "champion", Number: n, At: time.UnixMilli(now), By: "test"}); err != nil {
			t.Fatal(err)
		}
		w.refresh()
	}
	if d := strings.Join(w.Degraded(), ""); !strings.Contains(d, "model m has no version that is called champion") {
		t.Error(d)
	}
	for _, n := range []int64{1, 2, 1} {
		if alias(n); w.ask(0).Rows[0].Version != n {
			t.Errorf("by definition: %+v, want %d", w.ask(0).Rows[0], n)
		}
	}
	w.deploy(catalog.Traffic{Routes: []catalog.Route{{Number: 1, Alias: "champion", Weight: 1}}})
	if alias(2); w.ask(0).Rows[0].Version != 2 {
		t.Errorf("deployed: %+v", w.ask(0).Rows[0])
	}
}

// TestOtherColumns serves a view whose column is another than the one that a version learned from.
func TestOtherColumns(t *testing.T) {
	w := newWorld(t)
	w.version("lgb_binary", func(f *model.Manifest) { f.Columns[0].Fingerprint = "another" })
	w.deploy(all(1))
	w.start(predict.Options{})
	if p := w.ask(0).Rows[0].Problem; p == nil || p.Code != feature.CodeNoVersion || !strings.Contains(p.Detail, "column f0 is another now") {
		t.Errorf("%+v", p)
	}
	w.endpoint.Fallback = value.OfFloat(0.5)
	w.refresh()
	if a := w.ask(0).Rows[0]; a.Scores[0] != 0.5 || a.Version != 0 || !a.Degraded {
		t.Errorf("%+v", a)
	}
}

// TestColumnsThatNobodyReads serves versions as a bighead of before wrote them, whose manifests name a column, here the first, that the pipeline
// leaves out, or that the model was not given: it is not asked for, counts for nothing, may change, and the Open Inference Protocol still has it.
func TestColumnsThatNobodyReads(t *testing.T) {
	leaving := func(f *model.Manifest) {
		note := model.ManifestColumn{Name: "note", Type: value.String, Fingerprint: "another"}
		f.Columns = append([]model.ManifestColumn{note}, f.Columns...)
	}
	for name, change := range map[string]func(*model.Manifest){
		"left out": func(f *model.Manifest) {
			leaving(f)
			noRows := func() iter.Seq2[*value.Batch, error] { return func(func(*value.Batch, error) bool) {} }
			p, err := transform.Fit(t.Context(), f.Schema(), []transform.Step{{Kind: "drop", Columns: []string{"note"}}}, "", noRows)
			if err != nil {
				t.Fatal(err)
			}
			if f.Pipeline, err = json.Marshal(p); err != nil {
				t.Fatal(err)
			}
		},
		"not given": leaving,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.version("lgb_binary", change)
			w.deploy(all(1))
			w.start(predict.Options{})
			out := w.ask(0, 1)
			for i, a := range out.Rows {
				if a.Problem != nil || !near(a.Scores[0], w.rows.Answers[i], 1e-14) {
					t.Errorf("%+v, want %v", a, w.rows.Answers[i])
				}
			}
			if len(out.Features) != 13 || slices.Contains(out.Features, "note") {
				t.Errorf("the view was asked for %v", out.Features)
			}
			w.store.SetFault(func(context.Context, []store.Range) error { return store.ErrUnavailable })
			if a := w.ask(2).Rows[0]; !near(a.ShareDefaulted, 1.0/13, 1e-12) {
				t.Errorf("%v of the columns were not had, which is one of 13", a.ShareDefaulted)
			}
			m, err := predict.Inference{Server: w.Server}.Model("m", "")
			if err != nil {
				t.Fatal(err)
			}
			defer m.Release()
			in := &value.Batch{Schema: m.Columns(), N: 1}
			if len(in.Schema) != 14 || in.Schema[0].Name != "note" {
				t.Fatalf("clients were asked for note first, and now for %v", in.Schema.Names())
			}
			for c, f := range in.Schema {
				column := value.NewColumn(f.Type, 1)
				if c > 0 {
					column.Set(0, value.OfFloat(w.rows.Rows[c-1]))
				}
				in.Columns = append(in.Columns, column)
			}
			score := make([]float64, 1)
			if err := m.Infer(t.Context(), in, [][]float64{score}); err != nil || !near(score[0], w.rows.Answers[0], 1e-14) {
				t.Errorf("%v, %v, want %v", score, err, w.rows.Answers[0])
			}
		})
	}
}

// TestFallbacks has a version fail: the row is a problem, the constant's, or the last good version's, as the endpoint says.
func TestFallbacks(t *testing.T) {
	w := newWorld(t)
	w.version("xgb_binary", nil)
	w.version("lgb_binary", python)
	w.oddly(func(context.Context, *model.Batch, [][]float64, model.Model) error {
		return errors.New("out of memory")
	})
	w.deploy(all(1))
	w.deploy(all(2))
	w.start(predict.Options{})
	if p := w.ask(0).Rows[0].Problem; p == nil || p.Code != feature.CodeModelFailed || strings.Contains(p.Detail, "memory") || p.After == 0 {
		t.Errorf("%+v", p)
	}
	w.endpoint.Fallback = value.OfFloat(0.125)
	w.refresh()
	if a := w.ask(0).Rows[0]; a.Scores[0] != 0.125 || a.Version != 0 || !a.Degraded || a.ID == "" {
		t.Errorf("%+v", a)
	}
	w.endpoint.Fallback, w.endpoint.FallbackLast = value.Value{}, true
	w.refresh()
	f := modeltest.Fixture(t, "xgb_binary")
	for i, a := range w.ask(0, 1, 2).Rows {
		if a.Version != 1 || !a.Degraded || !near(a.Scores[0], f.Answers[i], 3e-7) || a.Reason != "m@2 could not answer" {
			t.Errorf("%+v", a)
		}
	}
	for result, n := range map[string]float64{"1,degraded": 3, "0,fallback": 1, "0,failed": 1} {
		version, result, _ := strings.Cut(result, ",")
		if got := w.metric("bighead_predictions_total", "late", result, version); got != n {
			t.Errorf("%s of version %s: %v, want %v", result, version, got, n)
		}
	}
}

// TestPopular has an endpoint fall back on what most of its champion's training says: where a version fails, where too many columns could not be had, and
// where the champion cannot even be opened.
func TestPopular(t *testing.T) {
	w := newWorld(t)
	popular := func(runtime string, popular ...float64) func(*model.Manifest) {
		return func(f *model.Manifest) {
			f.Runtime, f.Popular = runtime, popular
			if len(popular) > 1 {
				f.Task, f.Classes = model.Multiclass, []string{"never", "rarely", "often"}
			}
		}
	}
	shares := []float64{0.25, 0.5, 0.25}
	w.version("lgb_binary", popular("python", 0.25))
	w.version("lgb_binary", popular("tree", 0.75))
	w.version("lgb_multiclass", popular("python", shares...))
	w.version("lgb_binary", popular("gone", 0.125))
	w.version("lgb_multiclass", popular("gone", shares...))
	w.version("lgb_binary", popular("python"))
	w.oddly(func(context.Context, *model.Batch, [][]float64, model.Model) error {
		return errors.New("out of memory")
	})
	w.endpoint.FallbackPopular = true
	w.deploy(all(1))
	w.start(predict.Options{Manifest: func(ctx context.Context, artifact string) (*model.Manifest, error) {
		return model.ReadManifest(ctx, filepath.Join(w.root, artifact))
	}})
	answers := func(what, class string, want ...float64) {
		t.Helper()
		for _, a := range w.ask(0, 1, 2).Rows {
			if a.Problem != nil || a.Version != 0 || !a.Degraded || a.Reason == "" || !slices.Equal(a.Scores, want) || a.Class != class || (class != "") != (len(a.Classes) == len(want)) {
				t.Errorf("%s: %+v (%v), want %v", what, a, a.Problem, want)
			}
		}
	}
	answers("one of two classes", "", 0.25)
	w.deploy(catalog.Traffic{Routes: []catalog.Route{{Number: 2, Weight: 1}, {Number: 1, Weight: 1e9}}})
	answers("of two the greater", "", 0.25)
	w.deploy(all(3))
	answers("of several classes", "rarely", shares...)
	w.deploy(all(2))
	if a := w.ask(0).Rows[0]; a.Version != 2 || a.Degraded {
		t.Errorf("one that answers: %+v", a)
	}
	w.endpoint.DegradedWhen = degradedWhen(t, "share_defaulted > 0.05")
	w.refresh()
	w.store.SetFault(func(context.Context, []store.Range) error { return store.ErrUnavailable })
	answers("columns that could not be had", "", 0.75)
	w.store.SetFault(nil)
	w.endpoint.DegradedWhen = nil
	w.deploy(all(6)) // which learned before this was kept
	if a, d := w.ask(0).Rows[0], strings.Join(w.Degraded(), ""); a.Problem == nil || a.Problem.Code != feature.CodeModelFailed || !strings.Contains(d, "endpoint late: m@6 has nothing for fallback=\"popular\"") || !strings.Contains(d, "bighead train m") {
		t.Errorf("%+v, degraded %s", a, d)
	}
	for version, want := range map[int64][]float64{4: {0.125}, 5: shares} {
		w.Server = nil // another one, which asked nothing before that it could ask on
		w.deploy(all(version))
		w.start(predict.Options{Manifest: func(ctx context.Context, artifact string) (*model.Manifest, error) {
			return model.ReadManifest(ctx, filepath.Join(w.root, artifact))
		}, Metrics: predict.NewMetrics(nil)})
		answers("one that cannot be opened", map[int64]string{5: "rarely"}[version], want...)
		if d := strings.Join(w.Degraded(), ""); !strings.Contains(d, "cannot be opened") {
			t.Error(d)
		}
	}
}

// TestLastGood has a version fail after others were rolled back: those stand in for nothing until they are deployed again.
func TestLastGood(t *testing.T) {
	const failing = 5
	back := func(to int64, from ...int64) catalog.Traffic {
		next := all(to)
		next.Rollback = &catalog.Rollback{Versions: from}
		return next
	}
	shared := catalog.Traffic{Routes: []catalog.Route{{Number: 3, Weight: 70}, {Number: 4, Weight: 30}}}
	for _, c := range []struct {
		name    string
		changes []catalog.Traffic
		want    int64 // 0: none
	}{
		{"nothing was rolled back", []catalog.Traffic{all(1), all(2), all(failing)}, 2},
		{"from the second to the first", []catalog.Traffic{all(failing), all(2), back(failing, 2)}, 0},
		{"from the third to the second", []catalog.Traffic{all(1), all(failing), all(3), back(failing, 3)}, 1},
		{"from the third to the first", []catalog.Traffic{all(failing), all(2), all(3), back(failing, 3)}, 2},
		{"from two", []catalog.Traffic{all(1), shared, back(failing, 3, 4)}, 1},
		{"from the greater of two", []catalog.Traffic{all(1), shared, back(failing, 3)}, 4},
		{"deployed again since", []catalog.Traffic{all(1), all(3), back(1, 3), all(3), all(failing)}, 3},
		{"deployed again, and rolled back again", []catalog.Traffic{all(1), all(3), back(1, 3), all(2), all(3), back(failing, 3)}, 2},
		{"before it was recorded", []catalog.Traffic{all(1), all(failing), all(3), all(failing)}, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			for range failing - 1 {
				w.version("lgb_binary", nil)
			}
			w.version("lgb_binary", python)
			w.oddly(func(context.Context, *model.Batch, [][]float64, model.Model) error {
				return errors.New("out of memory")
			})
			w.endpoint.FallbackLast = true
			for _, next := range c.changes {
				w.deploy(next)
			}
			w.start(predict.Options{})
			switch a := w.ask(0).Rows[0]; {
			case c.want == 0 && (a.Problem == nil || a.Problem.Code != feature.CodeModelFailed):
				t.Errorf("%+v, want none", a)
			case c.want != 0 && (a.Problem != nil || a.Version != c.want || !a.Degraded):
				t.Errorf("%+v (%v), want version %d", a, a.Problem, c.want)
			}
		})
	}
}

// TestRefusedRows has single rows that the model does not take, among others in every place.
func TestRefusedRows(t *testing.T) {
	w := newWorld(t)
	w.version("xgb_binary", nil)
	w.deploy(all(1))
	w.start(predict.Options{})
	want := w.ask(upTo(8)...)
	for bad := range 1 << 8 {
		r := predict.Request{Endpoint: "late"}
		for i := range 8 {
			row := w.row(i)
			if bad>>i&1 == 1 {
				row.Values[3] = value.OfFloat(1e300)
			}
			r.Rows = append(r.Rows, row)
		}
		out := &predict.Response{}
		if err := w.Predict(context.Background(), r, out); err != nil {
			t.Fatal(err)
		}
		for i, a := range out.Rows {
			if bad>>i&1 == 1 {
				if a.Problem == nil || a.Problem.Code != feature.CodeModelRefuses || a.Problem.Field != "f3" || a.ID != "" {
					t.Fatalf("%08b, row %d: %+v", bad, i, a)
				}
			} else if a.Problem != nil || a.Scores[0] != want.Rows[i].Scores[0] {
				t.Fatalf("%08b, row %d: %+v", bad, i, a)
			}
		}
	}
}

// TestDegraded has the store fail, so that the one feature of it cannot be had.
func TestDegraded(t *testing.T) {
	w := newWorld(t)
	w.version("lgb_binary", nil)
	w.deploy(all(1))
	w.endpoint.DegradedWhen = degradedWhen(t, "share_defaulted > 0.05")
	w.start(predict.Options{})
	if a := w.ask(3).Rows[0]; a.Degraded || a.ShareDefaulted != 0 {
		t.Errorf("%+v", a)
	}
	w.store.SetFault(func(context.Context, []store.Range) error { return store.ErrUnavailable })
	a := w.ask(10).Rows[0]
	if a.Problem != nil || !a.Degraded || a.ShareDefaulted != 1.0/13 || a.Version != 1 {
		t.Errorf("%+v", a)
	}
	w.endpoint.Fallback = value.OfFloat(0.5)
	w.refresh()
	if a := w.ask(10).Rows[0]; !a.Degraded || a.Scores[0] != 0.5 || a.Version != 0 || a.ShareDefaulted != 1.0/13 {
		t.Errorf("%+v", a)
	}
	w.endpoint.DegradedWhen = degradedWhen(t, "share_defaulted > 0.08")
	w.refresh()
	if a := w.ask(10).Rows[0]; a.Degraded || a.Version != 1 {
		t.Errorf("%+v", a)
	}
}

// TestDeadline has a model that waits for the end of its context.
func TestDeadline(t *testing.T) {
	w := newWorld(t)
	w.version("lgb_binary", python)
	w.oddly(func(ctx context.Context, _ *model.Batch, _ [][]float64, _ model.Model) error {
		<-ctx.Done()
		return ctx.Err()
	})
	w.deploy(all(1))
	w.endpoint.Deadline = 20
	w.start(predict.Options{})
	if p := w.ask(0).Rows[0].Problem; p == nil || p.Code != feature.CodeModelFailed || !strings.Contains(p.Detail, "within the deadline") {
		t.Errorf("%+v", p)
	}
	w.endpoint.Fallback = value.OfFloat(0.5)
	w.refresh()
	if a := w.ask(0).Rows[0]; a.Version != 0 || !a.Degraded {
		t.Errorf("%+v", a)
	}
	w.endpoint.Deadline = 0
	w.refresh()
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(time.Millisecond, cancel)
	if err := w.Predict(ctx, predict.Request{Endpoint: "late", Rows: []serve.Row{w.row(0)}}, &predict.Response{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that goes away: %v", err)
	}
}

// TestRecorder is handed each answered row, and no other.
func TestRecorder(t *testing.T) {
	w := newWorld(t)
	w.version("xgb_binary", nil)
	w.deploy(all(1))
	r := &recorded{}
	w.start(predict.Options{Recorder: r})
	w.vectors.hears = true
	w.ask(5, 1)
	if r.text != "" || len(w.vectors.named) > 0 {
		t.Errorf("keys that are not sampled are recorded: %s%v", r.text, w.vectors.named)
	}
	second := w.vectors.keys[1]
	w.vectors.on, r.on = true, true
	bad := w.row(1)
	bad.Values[3] = value.OfFloat(1e300)
	out := &predict.Response{}
	if err := w.Predict(context.Background(), predict.Request{Endpoint: "late", Rows: []serve.Row{w.row(0), bad, w.row(2)}}, out); err != nil {
		t.Fatal(err)
	}
	want := ""
	if vectors := w.vectors.named; len(vectors) != 3 || vectors[0] != out.Rows[0].ID || vectors[2] != out.Rows[2].ID || vectors[1] == "" {
		t.Errorf("the vectors' record names %v", vectors)
	}
	for _, i := range []int{0, 2} {
		want += fmt.Sprintln(out.Rows[i].ID, "late", "m", 1, now, "v", out.Rows[i].Scores, false, fmt.Sprintf("r%[1]d n%[1]d", i))
	}
	if r.text != want {
		t.Errorf("got\n%swant\n%s", r.text, want)
	}
	r.text, r.not, w.vectors.on, w.vectors.named = "", second, false, nil
	if err := w.Predict(context.Background(), predict.Request{Endpoint: "late", Rows: []serve.Row{w.row(0), w.row(1), w.row(2)}}, out); err != nil {
		t.Fatal(err)
	}
	if strings.Count(r.text, "\n") != 2 || strings.Contains(r.text, out.Rows[1].ID) || !strings.Contains(r.text, out.Rows[2].ID) {
		t.Errorf("of three rows the second is not sampled, and there are\n%s", r.text)
	}
	if len(w.vectors.named) > 0 {
		t.Errorf("predictions are recorded, and their vectors too: %v", w.vectors.named)
	}
	if out.Rows[0].ID >= out.Rows[2].ID {
		t.Error("ids do not sort by time")
	}
}

type recorded struct {
	on   bool
	not  uint64 // the hash of a row that is not sampled
	text string
}

func (r *recorded) Samples(key uint64) bool { return r.on && key != r.not }

func (r *recorded) Begin(string, *feature.View, int) *predict.Predictions {
	return &predict.Predictions{}
}

func (r *recorded) Record(p *predict.Predictions) {
	for _, row := range p.Rows {
		r.text += fmt.Sprintln(row.ID, p.Endpoint, p.Model, row.Version, p.At, p.View.Name, row.Scores, row.Degraded, askedText(row))
	}
}

// askedText is what a prediction is recorded to have been asked with: of the fixtures' view the key and the note, for numbers are no keys.
func askedText(row predict.Prediction) string {
	var out []string
	for _, x := range row.Asked {
		out = append(out, x.Str())
	}
	return strings.Join(out, " ")
}

// TestExplained compares what each input added with the model's own explanation, and says why where there is none.
func TestExplained(t *testing.T) {
	w := newWorld(t)
	w.version("lgb_binary", nil)
	w.version("xgb_binary", python)
	w.oddly(func(ctx context.Context, in *model.Batch, out [][]float64, real model.Model) error {
		return real.Predict(ctx, in, out)
	})
	w.deploy(all(1))
	w.start(predict.Options{})
	ask := func() *predict.Response {
		out := &predict.Response{}
		if err := w.Predict(context.Background(), predict.Request{Endpoint: "late", Rows: []serve.Row{w.row(0), w.row(7)}, Explain: true}, out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	for _, a := range ask().Rows {
		margin := a.Bias[0]
		for _, in := range a.Inputs {
			margin += in.Added[0]
		}
		if p := 1 / (1 + math.Exp(-margin)); !near(p, a.Scores[0], 1e-9) || len(a.Inputs) != 13 || a.Unexplained != "" {
			t.Errorf("%+v: %v", a, p)
		}
	}
	w.deploy(all(2))
	for _, a := range ask().Rows {
		if !strings.Contains(a.Unexplained, "the runtime python cannot say") || a.Bias != nil || a.Inputs[0].Added != nil || len(a.Scores) != 1 {
			t.Errorf("%+v", a)
		}
	}
}
