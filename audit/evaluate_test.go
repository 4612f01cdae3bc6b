package audit_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bighead-ml/bighead/audit"
	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/parquet"
	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/drift"
	"github.com/bighead-ml/bighead/serve/predict"
	"github.com/bighead-ml/bighead/value"
)

// register is a log of predictions within a test, beside a ledger of the vectors that they were made of.
type register struct {
	*audit.Predictions
	*ledger
	t        testing.TB
	dir      string
	registry *prometheus.Registry
	until    int64 // of what is evaluated; 0: an hour from now
}

func newRegister(t testing.TB, o audit.Options) *register {
	t.Helper()
	r := &register{t: t, dir: filepath.Join(t.TempDir(), "predictions"), registry: prometheus.NewRegistry(), ledger: newLedger(t, audit.Options{})}
	o.Dir, o.Metrics, o.Log = r.dir, audit.NewMetrics(r.registry), slog.New(slog.DiscardHandler)
	if o.Formats == nil {
		o.Formats = []dataset.Format{parquet.Format{}}
	}
	if o.Every == 0 {
		o.Every = time.Hour
	}
	var err error
	if r.Predictions, err = audit.OpenPredictions(o); err != nil {
		t.Fatal(err)
	}
	return r
}

// predicted records a prediction; false: there was no room.
func (r *register) predicted(row predict.Prediction, at int64) bool {
	p := r.Predictions.Begin("late", r.view, 1)
	if p == nil {
		return false
	}
	p.Endpoint, p.Model, p.View, p.Time, p.At = "late", "m", r.view, at, at
	row.Asked = []value.Value{value.OfString("k"), {}}
	p.Add(row)
	r.Predictions.Record(p)
	return true
}

// surely records a prediction once there is room for it: the log is written at its own pace.
func (r *register) surely(row predict.Prediction, at int64) {
	for !r.predicted(row, at) {
		time.Sleep(time.Millisecond)
	}
}

// vector records what a prediction was made of, once there is room.
func (r *register) vector(id string, x, y value.Value, at int64) {
	s := r.ledger.Begin(r.view, 1)
	for ; s == nil; s = r.ledger.Begin(r.view, 1) {
		time.Sleep(time.Millisecond)
	}
	s.View, s.At, s.Time = r.view, at, at
	s.Columns = append(s.Columns, 0, 1, 3)
	row := s.Add([]value.Value{value.OfString("k"), y}, 0)
	row.Values[0], row.Prediction = x, id
	r.ledger.Record(s)
}

func (r *register) close() {
	r.t.Helper()
	if err := errors.Join(r.Predictions.Close(context.Background()), r.ledger.Close(context.Background())); err != nil {
		r.t.Fatal(err)
	}
}

func (r *register) logged(result string) float64 {
	r.t.Helper()
	families, err := r.registry.Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.Metric {
			if f.GetName() == "bighead_prediction_log_total" && len(m.Label) == 2 && m.Label[1].GetValue() == result {
				return m.Counter.GetValue()
			}
		}
	}
	return 0
}

func newID(t testing.TB) string {
	t.Helper()
	id, err := uuid.NewV7()
	if err != nil {
		t.Fatal(err)
	}
	return id.String()
}

// labelled is one row of a table of labels.
type labelled struct {
	id, label string
	at        int64
}

// labelTable writes labels into a file.
func labelTable(t testing.TB, rows ...labelled) audit.Labels {
	t.Helper()
	b := &value.Batch{Schema: audit.LabelSchema, N: len(rows)}
	for _, f := range b.Schema {
		b.Columns = append(b.Columns, value.NewColumn(f.Type, b.N))
	}
	for i, r := range rows {
		b.Columns[0].Set(i, value.OfString(r.id))
		b.Columns[1].Set(i, value.OfString(r.label))
		b.Columns[2].Set(i, value.OfTimestamp(r.at))
	}
	path := filepath.Join(t.TempDir(), "labels.parquet")
	w, err := dataset.Create([]dataset.Format{parquet.Format{}}, path, b.Schema, dataset.Metadata{}, dataset.WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Write(b), w.Close()); err != nil {
		t.Fatal(err)
	}
	table, err := dataset.Open(t.Context(), []dataset.Format{parquet.Format{}}, path, dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return audit.Labels{Table: table}
}

// reference is what a training keeps of columns and scores.
func reference(t testing.TB, columns map[string]*drift.Values, scores *drift.Scores) json.RawMessage {
	t.Helper()
	r := &drift.Reference{Version: drift.Version, Scores: scores.Distributions()}
	for _, name := range []string{"g__x_sum_1h", "y", "gone", "unread"} {
		if v := columns[name]; v != nil {
			r.Columns = append(r.Columns, v.Distribution(name, ""))
		}
	}
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// evaluate asks for all that was predicted within two hours.
func (r *register) evaluate(trained func(int64) (*audit.Trained, error), labels ...audit.Labels) *audit.Evaluated {
	r.t.Helper()
	out, err := r.evaluated(trained, labels)
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

func (r *register) evaluated(trained func(int64) (*audit.Trained, error), labels []audit.Labels) (*audit.Evaluated, error) {
	now := time.Now().UnixMilli()
	until := r.until
	if until == 0 {
		until = now + hour
	}
	return audit.Evaluate(r.t.Context(), audit.Evaluation{
		Predictions: r.dir, Served: r.ledger.dir, Formats: []dataset.Format{parquet.Format{}}, Labels: labels, Endpoint: "late", Task: model.Binary, Since: now - hour, Until: until,
		Trained: func(_ context.Context, _ string, version int64) (*audit.Trained, error) { return trained(version) },
	})
}

// TestEvaluate joins predictions of three versions and the fallback with labels of all kinds, and with vectors that have moved for one of the versions.
func TestEvaluate(t *testing.T) {
	r, random := newRegister(t, audit.Options{}), rand.New(rand.NewPCG(1, 2))
	now := time.Now().Add(5 * time.Minute).UnixMilli()
	r.until = now + 1
	learned, scores := map[string]*drift.Values{"g__x_sum_1h": drift.NewValues(drift.Number), "y": drift.NewValues(drift.Number), "gone": drift.NewValues(drift.Number), "unread": drift.NewValues(drift.Number)}, drift.NewScores(1, nil)
	for i := range 5000 {
		learned["g__x_sum_1h"].AddNumber(math.Round(100 * random.NormFloat64()))
		learned["y"].AddNumber(float64(i % 7))
		learned["gone"].AddNumber(1)
		learned["unread"].AddNumber(1) // of a column that the pipeline leaves out, as a bighead of before kept it
		scores.Add([]float64{random.Float64()})
	}
	var labels []labelled
	predictions := map[int64]int{}
	add := func(version int64, score, x float64, y int64, truth string) {
		id := newID(t)
		predictions[version]++
		r.surely(predict.Prediction{ID: id, Version: version, Scores: []float64{score}, Degraded: version == 0 || predictions[version]%4 == 0, ShareDefaulted: 0.5}, now)
		r.vector(id, value.OfInt(int64(x)), value.OfInt(y), now)
		if truth != "" {
			labels = append(labels, labelled{id, truth, now})
		}
		if version == 1 { // a shadow is asked beside it, which says the contrary
			r.surely(predict.Prediction{ID: id, Version: 5, Scores: []float64{1 - score}, Degraded: predictions[version]%2 == 0, Shadow: true}, now)
		}
	}
	truth := model.Truth{Width: 1}
	for i := range 2000 {
		s := random.Float64()
		y := float64(random.IntN(2))
		text := ""
		if i%2 == 0 {
			text = fmt.Sprint(y)
			truth.Labels, truth.Answers = append(truth.Labels, y), append(truth.Answers, s)
		}
		add(1, s, 100*random.NormFloat64(), int64(i%7), text)
		add(2, s/4, 100*random.NormFloat64()+100, int64(i%7), "") // both score and x have moved, y has not
	}
	add(3, 0.5, 1, 1, `"what"`)
	add(0, 0.25, 1, 1, "1")
	twice := labels[0]
	wrong := twice
	wrong.label, wrong.at = map[string]string{"0": "1", "1": "0"}[twice.label], twice.at-1 // known before, and corrected
	for range 40 {                                                                         // vectors of no prediction
		r.vector("", value.OfInt(1e9), value.Value{}, now)
	}
	trained := func(version int64) (*audit.Trained, error) {
		m := &model.Manifest{Task: model.Binary, Reference: reference(t, learned, scores), Inputs: []string{"g__x_sum_1h", "y"},
			Columns: []model.ManifestColumn{{Name: "g__x_sum_1h", Type: value.Int}, {Name: "y", Type: value.Int}, {Name: "unread", Type: value.Int}}}
		if version == 3 {
			return nil, errors.New("it is gone")
		}
		return &audit.Trained{Manifest: m, Test: map[string]float64{"auc": 0.75}}, nil
	}
	again := labels[1]
	labels[1].label = `"said before, at the same time"`
	labels = append(labels, again)
	r.surely(predict.Prediction{ID: newID(t), Version: 9, Scores: []float64{1}}, now+1) // not of the time
	r.close()
	tables := []audit.Labels{labelTable(t, append(labels, wrong, labelled{newID(t), "1", now}, labelled{"what", "1", now})...), labelTable(t, twice)}
	e := r.evaluate(trained, tables...)
	text := func(e *audit.Evaluated) string {
		e.Since = "" // an hour before it is asked
		for _, v := range e.Versions {
			for name, x := range v.Metrics { // whose sums are in another order
				v.Metrics[name] = math.Round(x*1e12) / 1e12
			}
		}
		out, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	t.Run("in parts", func(t *testing.T) {
		audit.JoinAtOnce(t, 100, 1<<20)
		if got, want := text(r.evaluate(trained, tables...)), text(e); got != want {
			t.Errorf("in parts it is\n%s\nat once\n%s", got, want)
		}
	})
	t.Run("too many", func(t *testing.T) {
		audit.JoinAtOnce(t, 100, 1000)
		if _, err := r.evaluated(trained, tables); err == nil || !strings.Contains(err.Error(), "predictions of the time have a label, which are more than are evaluated at once: ask for a shorter time") {
			t.Error(err)
		}
	})
	if e.Predictions != 4002 || e.Labelled != 1002 || e.Unknown != 2 || len(e.Damaged) > 0 || len(e.Versions) != 5 {
		t.Fatalf("%+v", e)
	}
	third, second, first, fallback, shadow := e.Versions[0], e.Versions[1], e.Versions[2], e.Versions[3], e.Versions[4]
	if *third.Version != 3 || third.Unfit != 1 || third.WhyUnfit == "" || third.NoDrift != "what it learned from cannot be read: it is gone" || len(third.Metrics) > 0 {
		t.Errorf("%+v", third)
	}
	if fallback.Version != nil || fallback.Degraded != 1 || fallback.Labelled != 1 || fallback.Metrics["brier"] != 0.5625 || len(fallback.Scores) > 0 {
		t.Errorf("%+v", fallback)
	}
	want := model.Evaluate([]string{"auc", "average_precision", "log_loss", "brier", "accuracy"}, truth)
	for name, x := range want {
		if math.Abs(first.Metrics[name]-x) > 1e-12 {
			t.Errorf("%s is %v, want %v", name, first.Metrics[name], x)
		}
	}
	if len(first.Metrics) != len(want) || first.Coverage != 0.5 || first.Degraded != 500 || first.Test["auc"] != 0.75 || first.Vectors != 2000 {
		t.Errorf("%+v", first)
	}
	if *shadow.Version != 5 || !shadow.Shadow || first.Shadow || shadow.Predictions != 2000 || shadow.Labelled != 1000 || shadow.Coverage != 0.5 || shadow.Degraded != 1000 || shadow.Vectors != 2000 ||
		math.Abs(shadow.Metrics["auc"]-(1-want["auc"])) > 1e-12 {
		t.Errorf("%+v", shadow)
	}
	verdicts := func(v *audit.EvaluatedVersion) string {
		out := ""
		for _, c := range append(slices.Clip(v.Scores), v.Features...) {
			out += fmt.Sprintf("%s %s %d, ", c.Column, c.Verdict, c.Rows)
		}
		return out
	}
	if got := verdicts(first); got != "score none 2000, g__x_sum_1h none 2000, y none 2000, gone not_measured 0, " {
		t.Error(got)
	}
	if got := verdicts(shadow); got != "score none 2000, g__x_sum_1h none 2000, y none 2000, gone not_measured 0, " {
		t.Error(got)
	}
	if got := verdicts(second); got != "score drift 2000, g__x_sum_1h drift 2000, y none 2000, gone not_measured 0, " || !e.Drifted() {
		t.Error(got)
	}
	if c := second.Features[2]; !strings.Contains(c.Why, "another column then") {
		t.Errorf("%+v", c)
	}
}

// Of many predictions a share is compared, and all are counted; of an older training nothing is.
func TestEvaluateManyPredictions(t *testing.T) {
	r, random := newRegister(t, audit.Options{Cells: 10 << 20}), rand.New(rand.NewPCG(4, 2))
	now := time.Now().UnixMilli()
	scores := drift.NewScores(3, []string{"a", "b", "c"})
	answer := func() []float64 {
		p := random.Float64() / 2
		return []float64{p, 0.5 - p, 0.5}
	}
	var labels []labelled
	for i := range 30_000 {
		scores.Add(answer())
		id := newID(t)
		for !r.predicted(predict.Prediction{ID: id, Version: int64(1 + i%10/9), Scores: answer()}, now) {
			if err := r.Predictions.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if i%10 == 0 {
			labels = append(labels, labelled{id, fmt.Sprintf("%q", []string{"c", "d"}[i/10%2]), now})
		}
	}
	r.close()
	e := r.evaluate(func(version int64) (*audit.Trained, error) {
		m := &model.Manifest{Task: model.Multiclass, Classes: []string{"a", "b", "c"}}
		if version == 1 {
			m.Reference = reference(t, nil, scores)
		}
		return &audit.Trained{Manifest: m}, nil
	}, labelTable(t, labels...))
	if len(e.Versions) != 2 || e.Predictions != 30_000 {
		t.Fatalf("%+v", e)
	}
	old, v := e.Versions[0], e.Versions[1]
	if old.Predictions != 3000 || !strings.Contains(old.NoDrift, "an older bighead") {
		t.Errorf("%+v", old)
	}
	if v.Predictions != 27_000 || v.Labelled != 3000 || v.NewClass != 1500 || v.Metrics["accuracy"] != 1 || math.Abs(v.Metrics["log_loss"]-math.Ln2) > 1e-12 {
		t.Errorf("%+v", v)
	}
	if len(v.Scores) != 2 || v.Scores[0].Rows < 19_000 || v.Scores[0].Rows > 21_000 || v.Scores[0].Verdict != drift.Steady || v.Scores[1].Verdict != drift.Steady {
		t.Errorf("%+v %+v", v.Scores[0], v.Scores[1])
	}
	if !strings.Contains(v.NoDrift, "none of its vectors is in the log") {
		t.Errorf("%+v", v)
	}
}

// A disk that stands still holds no prediction: what has no room is dropped and counted, and what was taken is written once it moves again.
func TestPredictionsOfABlockedDisk(t *testing.T) {
	f := stuck{on: make(chan struct{}), off: make(chan struct{}), once: &sync.Once{}}
	r := newRegister(t, audit.Options{Formats: []dataset.Format{f}, Cells: 500})
	now, taken, n := time.Now().UnixMilli(), 0, 0
	record := func() {
		if n++; r.predicted(predict.Prediction{ID: newID(t), Version: 1, Scores: []float64{0.5}}, now) {
			taken++
		}
	}
	for stands := false; !stands; { // until the writer hangs in the disk
		record()
		select {
		case <-f.on:
			stands = true
		default:
		}
	}
	for range 1000 {
		record()
	}
	if dropped := r.logged("dropped"); dropped < 800 || taken+int(dropped) != n {
		t.Errorf("of %d predictions %d were taken and %v dropped", n, taken, dropped)
	}
	close(f.off)
	r.close()
	e := r.evaluate(func(int64) (*audit.Trained, error) {
		return &audit.Trained{Manifest: &model.Manifest{Task: model.Binary}}, nil
	})
	if int(e.Predictions) != taken || int(r.logged("logged")) != taken {
		t.Errorf("%d predictions were taken, %d are in files, %v counted", taken, e.Predictions, r.logged("logged"))
	}
}

// Labels of all endpoints lie together: those of another endpoint's predictions are known, and so is that of one of this endpoint's which was answered after the time.
func TestEvaluateLabelsOfOtherEndpoints(t *testing.T) {
	r := newRegister(t, audit.Options{})
	now := time.Now().UnixMilli()
	elsewhere := func(endpoint, id string, at int64) {
		t.Helper()
		p := r.Predictions.Begin(endpoint, r.view, 1)
		if p == nil {
			t.Fatal("there is no room for a prediction")
		}
		p.Endpoint, p.Model, p.View, p.Time, p.At = endpoint, "other", r.view, at, at
		p.Add(predict.Prediction{ID: id, Version: 1, Scores: []float64{0.5}, Asked: []value.Value{value.OfString("k"), {}}})
		r.Predictions.Record(p)
	}
	var labels []labelled
	named := func() string {
		id := newID(t)
		labels = append(labels, labelled{id, "1", now})
		return id
	}
	r.surely(predict.Prediction{ID: named(), Version: 1, Scores: []float64{0.5}}, now)
	for range 3 {
		elsewhere("other", named(), now)
		elsewhere("third", named(), now)
	}
	r.until = now + hour/2
	elsewhere("late", named(), r.until+hour-60_000)
	elsewhere("other", named(), r.until+hour-60_000)
	named()
	named()
	r.close()
	trained := func(int64) (*audit.Trained, error) {
		return &audit.Trained{Manifest: &model.Manifest{Task: model.Binary}}, nil
	}
	table := labelTable(t, labels...)
	for _, atOnce := range []int{1 << 20, 2} {
		audit.JoinAtOnce(t, atOnce, 1<<20)
		if e := r.evaluate(trained, table); e.Predictions != 1 || e.Labelled != 1 || e.Unknown != 2 || len(e.Damaged) > 0 || len(e.Versions) != 1 {
			t.Errorf("joined %d at a time: %+v", atOnce, e)
		}
	}
	// A file of another endpoint that cannot be read is told, once: its labels may be those that are not known.
	files, err := filepath.Glob(filepath.Join(r.dir, "third", "*"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	if err := os.Truncate(files[0], 100); err != nil {
		t.Fatal(err)
	}
	if e := r.evaluate(trained, table); e.Labelled != 1 || e.Unknown != 5 || len(e.Damaged) != 1 || !strings.Contains(e.Damaged[0], filepath.Join("third", "")) {
		t.Errorf("%+v", e)
	}
	// Where every label is known elsewhere already, nothing is looked for.
	if e := r.evaluate(trained, labelTable(t, labels[0])); e.Labelled != 1 || e.Unknown != 0 || len(e.Damaged) != 0 {
		t.Errorf("%+v", e)
	}
}

// Files that are not what their names say are told, and the others are read; vectors of before there were predictions have none.
func TestEvaluateDamagedFiles(t *testing.T) {
	r := newRegister(t, audit.Options{})
	now := time.Now().UnixMilli()
	r.surely(predict.Prediction{ID: newID(t), Version: 1, Scores: []float64{math.NaN()}}, now)
	r.close()
	files, err := filepath.Glob(filepath.Join(r.dir, "late", "*"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{strings.Replace(files[0], "-000000-", "-000001-", 1): text[:len(text)/2], filepath.Join(r.dir, "late", "what.parquet"): text} {
		if err := os.WriteFile(strings.Replace(name, "-000001-000001", "-000001-000002", 1), b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	e := r.evaluate(func(int64) (*audit.Trained, error) {
		return &audit.Trained{Manifest: &model.Manifest{Task: model.Binary, Reference: json.RawMessage(`{"version":9}`)}}, nil
	})
	if e.Predictions != 1 || len(e.Damaged) != 2 || !strings.Contains(e.Versions[0].NoDrift, "a newer one wrote it") {
		t.Errorf("%+v %+v", e, e.Versions)
	}
}
