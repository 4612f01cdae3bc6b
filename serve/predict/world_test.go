package predict_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bighead-ml/bighead/catalog"
	"github.com/bighead-ml/bighead/catalog/sqlite"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/modeltest"
	"github.com/bighead-ml/bighead/model/tree"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/predict"
	"github.com/bighead-ml/bighead/serve/servetest"
	"github.com/bighead-ml/bighead/value"
)

const now = 1_700_000_000_000

// The view of the fixtures: f0 is what a store knows of a key, f1 to f12 come with the request, and a note by which its truth can be found.
const definitions = `
e = bh.EventSource("e", columns={"k": bh.String, "x": bh.Float}, time="ts")
g = bh.FeatureGroup("g", source=e, keys=["k"], deadline="10m", features=[bh.last("x")])
v = bh.FeatureView("v", groups=[g], request={f"f{i}": bh.optional(bh.Float) for i in range(1, 13)} | {"note": bh.optional(bh.String)}, derive={"f0": "g__x_last"})
`

// world is a project with an endpoint "late" of a model "m", and what it stands on.
type world struct {
	*predict.Server
	t        testing.TB
	view     *feature.View
	store    *servetest.Store
	features *serve.Server
	models   catalog.Catalog
	root     string // of artifacts
	endpoint *feature.Endpoint
	registry *prometheus.Registry
	rows     *modeltest.Trained // whose rows are in the store, as keys r0, r1, …
	opens    map[string]model.Open
	vectors  vectors

	mu    sync.Mutex
	clock time.Time
}

func newWorld(t testing.TB) *world {
	t.Helper()
	p := servetest.Definitions(t, definitions)
	w := &world{t: t, view: p.Views[0], store: servetest.NewStore(), root: t.TempDir(), registry: prometheus.NewRegistry(), rows: modeltest.Fixture(t, "lgb_binary"),
		opens: map[string]model.Open{"tree": tree.Open}, clock: time.UnixMilli(now)}
	var events [][]value.Value
	for i := 0; i*w.rows.Width < len(w.rows.Rows); i++ {
		if x := value.OfFloat(w.rows.Rows[i*w.rows.Width]); !x.IsNull() {
			events = append(events, []value.Value{value.OfString(fmt.Sprint("r", i)), x, value.OfTimestamp(now - 1000)})
		}
	}
	servetest.Fill(t, w.store, p.Groups[0], events, now, plan.NoMarks, plan.MinTime)
	var err error
	w.features, err = serve.Open(context.Background(), p.Views, w.store, serve.Options{Clock: func() int64 { return now }, Deadline: time.Hour, Metrics: serve.NewMetrics(w.registry), Recorder: &w.vectors})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.features.Close)
	if w.models, err = sqlite.Open(context.Background(), filepath.Join(t.TempDir(), "catalog.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.models.Close() })
	m := &feature.Model{Name: "m", Task: model.Binary, TrainingSet: &feature.TrainingSet{Name: "set", View: w.view}}
	w.endpoint = &feature.Endpoint{Name: "late", Model: m}
	return w
}

// vectors hears which predictions the record of what was served names, where it is on, which is for one request at a time.
type vectors struct {
	on    bool
	hears bool     // for one request at a time
	keys  []uint64 // hashes of the rows that it heard of
	named []string
}

func (v *vectors) Samples(key uint64) bool {
	if v.hears {
		v.keys = append(v.keys, key)
	}
	return v.on
}

func (v *vectors) Begin(*feature.View, int) *feature.Served { return &feature.Served{} }

func (v *vectors) Record(s *feature.Served) {
	for _, r := range s.Rows {
		v.named = append(v.named, r.Prediction)
	}
}

// start serves the endpoint.
func (w *world) start(o predict.Options) {
	w.t.Helper()
	if o.Metrics == nil {
		o.Metrics = predict.NewMetrics(w.registry)
	}
	o.Now = func() time.Time { w.mu.Lock(); defer w.mu.Unlock(); return w.clock }
	var err error
	w.Server, err = predict.Open(context.Background(), w.features, []*feature.Endpoint{w.endpoint}, w.models, w.open, o)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(w.Server.Close)
}

func (w *world) open(ctx context.Context, artifact string) (*model.Artifact, error) {
	return model.OpenArtifact(ctx, filepath.Join(w.root, artifact), func(name string) (model.Open, error) {
		if open := w.opens[name]; open != nil {
			return open, nil
		}
		return nil, errors.New("there is none of that name")
	})
}

// pass moves the clock.
func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clock = w.clock.Add(d)
}

// version registers a fixture as the next version of model "m".
func (w *world) version(fixture string, change func(*model.Manifest)) int64 {
	w.t.Helper()
	artifact := modeltest.Fixture(w.t, fixture).Write(w.t, w.root, model.Binary, func(f *model.Manifest) {
		f.Model, f.Fingerprint = "m", w.view.Fingerprint
		for i := range f.Columns {
			for _, c := range w.view.Columns {
				if c.Name == f.Columns[i].Name {
					f.Columns[i].Fingerprint = c.Fingerprint
				}
			}
		}
		if change != nil {
			change(f)
		}
	})
	v := &catalog.ModelVersion{Model: "m", Artifact: artifact, View: "v", ViewFingerprint: w.view.Fingerprint, TrainingSet: "set", At: time.UnixMilli(now), By: "test", Schema: []byte("{}")}
	if err := w.models.RegisterModel(context.Background(), v); err != nil {
		w.t.Fatal(err)
	}
	return v.Number
}

// deploy changes the endpoint's traffic, and has it taken in.
func (w *world) deploy(t catalog.Traffic) {
	w.t.Helper()
	parent := int64(0)
	if old, err := w.models.Traffic(context.Background(), "late"); err == nil {
		parent = old.ID
	}
	t.Endpoint, t.Model, t.At, t.By = "late", "m", time.UnixMilli(now), "test"
	if err := w.models.SetTraffic(context.Background(), parent, &t); err != nil {
		w.t.Fatal(err)
	}
	w.refresh()
}

func (w *world) refresh() {
	w.t.Helper()
	if w.Server == nil {
		return
	}
	if err := w.Refresh(context.Background(), []*feature.Endpoint{w.endpoint}, w.models); err != nil {
		w.t.Fatal(err)
	}
}

// route is all requests to one version.
func all(number int64) catalog.Traffic {
	return catalog.Traffic{Routes: []catalog.Route{{Number: number, Weight: 100}}}
}

// row is a request's row for row i of the fixtures.
func (w *world) row(i int) serve.Row {
	row := serve.Row{Values: []value.Value{value.OfString(fmt.Sprint("r", i))}}
	for _, x := range w.rows.Rows[i*w.rows.Width+1 : (i+1)*w.rows.Width] {
		row.Values = append(row.Values, value.OfFloat(x))
	}
	row.Values = append(row.Values, value.OfString(fmt.Sprint("n", i)))
	return row
}

// ask asks for some rows.
func (w *world) ask(rows ...int) *predict.Response {
	w.t.Helper()
	r := predict.Request{Endpoint: "late"}
	for _, i := range rows {
		r.Rows = append(r.Rows, w.row(i))
	}
	out := &predict.Response{}
	if err := w.Predict(context.Background(), r, out); err != nil {
		w.t.Fatal(err)
	}
	return out
}

// upTo are the numbers below n.
func upTo(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

func near(a, b, tolerance float64) bool { return math.Abs(a-b) <= tolerance*math.Abs(b) }

// expr checks SQL over the share of what was defaulted.
func degradedWhen(t testing.TB, sql string) *expr.Expr {
	t.Helper()
	e, errs := expr.Check(sql, value.Schema{{Name: "share_defaulted", Type: value.Float}})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return e
}

// metric is what a counter or a gauge stands at, by the text of its labels' values.
func (w *world) metric(name string, labels ...string) float64 {
	w.t.Helper()
	families, err := w.registry.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			var have []string
			for _, l := range m.GetLabel() {
				have = append(have, l.GetValue())
			}
			if strings.Join(have, ",") == strings.Join(labels, ",") {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return 0
}

var nan = math.NaN()
