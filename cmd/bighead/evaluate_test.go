package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/audit"
	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/drift"
	"github.com/bighead-ml/bighead/serve/predict"
)

// livingFeatures is a model over what is known of many keys, each of one event, so that who is asked for them later asks for what it learned from.
var livingFeatures = strings.NewReplacer(
	`keys=["k"], features=`, `keys=["k"], deadline="10m", features=`, `bh.last("x"), bh.count(windows=["1h"]), bh.last("s")`, `bh.last("x"), bh.last("s")`,
	`valid="2024-01-03", test="2024-01-04"`, `valid="2024-01-04", test="2024-01-05"`,
	` and auc >= champion.auc`, "",
).Replace(trainFeatures) + `late = bh.Endpoint("late", model=m, deadline="10m")
`

// living is such a project, and what is true of its keys.
type living struct {
	t      *testing.T
	dir    string
	random *rand.Rand
	x      []float64 // by key
	up     *running
}

func newLiving(t *testing.T) *living {
	t.Helper()
	if testing.Short() {
		t.Skip("frameworks are left out with -short")
	}
	w := &living{t: t, random: rand.New(rand.NewPCG(4, 2))}
	events, spine := strings.Builder{}, strings.Builder{}
	events.WriteString("k,ts,x,s\n")
	spine.WriteString("k,ts,r,y\n")
	for k := range 600 {
		w.x = append(w.x, w.random.NormFloat64())
		fmt.Fprintf(&events, "%d,2024-01-01T00:%02d:%02dZ,%g,%s\n", k, k/60, k%60, w.x[k], []string{"a", "b", "c"}[k%3])
	}
	from := time.Date(2024, 1, 2, 0, 0, 0, 0, time.UTC)
	for i := range 1200 {
		k, r := w.random.IntN(600), w.random.NormFloat64()
		fmt.Fprintf(&spine, "%d,%s,%g,%t\n", k, from.Add(time.Duration(i)*5*time.Minute).Format(time.RFC3339), r, w.truth(k, r))
	}
	w.dir = trainFolder(t, map[string]string{"bighead.toml": "[serve]\nlisten = \"127.0.0.1:0\"\ndeadline = \"10m\"\nclock = \"events\"\n", "features.py": livingFeatures, "e.csv": events.String(), "spine.csv": spine.String()})
	return w
}

// truth is what becomes of a row.
func (w *living) truth(k int, r float64) bool { return w.x[k]+r+w.random.NormFloat64() > 0 }

// post sends JSON and reads what is answered.
func (w *living) post(path, body string, into any) {
	w.t.Helper()
	res, err := http.Post(w.up.url+path, "application/json", strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		w.t.Fatalf("POST %s: %d %s %v", path, res.StatusCode, text, err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		w.t.Fatalf("%v: %s", err, text)
	}
}

// predict asks for rows whose request field lies so far from where it lay in training, and gives labels of them as JSON, for the first of them.
func (w *living) predict(rows, labelled int, away float64) (labels []string) {
	w.t.Helper()
	var ask []string
	var truths []bool
	for range rows {
		k, r := w.random.IntN(600), w.random.NormFloat64()+away
		ask = append(ask, fmt.Sprintf(`{"k": %d, "r": %g}`, k, r))
		truths = append(truths, w.truth(k, r))
	}
	var answer predictAnswer
	w.post("/v1/predict/late", `{"status": true, "rows": [`+strings.Join(ask, ",")+`]}`, &answer)
	if len(answer.Rows) != rows {
		w.t.Fatalf("%d rows of %d", len(answer.Rows), rows)
	}
	for i, row := range answer.Rows {
		if row.Error != nil || row.Version == nil || row.Degraded {
			w.t.Fatalf("%s %v %s %s", row.Prediction, row.Error, row.Reason, row.Status)
		}
		if i < labelled {
			labels = append(labels, fmt.Sprintf(`{"prediction_id": %q, "label": %t}`, row.ID, truths[i]))
		}
	}
	return labels
}

type labelsAnswer struct {
	Accepted int
	Rejected []struct {
		Line   int
		Reason string
	}
}

func (w *living) label(labels ...string) (a labelsAnswer) {
	w.t.Helper()
	w.post("/v1/labels", `{"endpoint": "late", "labels": [`+strings.Join(labels, ",")+`]}`, &a)
	return a
}

func (w *living) evaluate(code int, args ...string) (*audit.Evaluated, map[string]drift.Verdict) {
	w.t.Helper()
	got, out, stderr := bighead(w.t, w.dir, append([]string{"evaluate", "late", "--json"}, args...)...)
	var e audit.Evaluated
	if err := json.Unmarshal([]byte(out), &e); err != nil || got != code || len(e.Damaged) > 0 {
		w.t.Fatalf("evaluate %v answers %d where %d is right, %v\n%s%s", args, got, code, err, out, stderr)
	}
	verdicts := map[string]drift.Verdict{}
	for _, v := range e.Versions {
		for _, c := range append(v.Scores, v.Features...) {
			verdicts[c.Column] = c.Verdict
		}
	}
	return &e, verdicts
}

// TestEvaluate takes a model from its training to what became of its predictions: of the same population no drift is seen, and of another it is; labels
// come in late, twice, wrong and for predictions of others; a record that ends in the middle costs what was in it alone.
func TestEvaluate(t *testing.T) {
	before := outside
	t.Cleanup(func() { outside = before })
	outside.clock = halfPast() // by which the log of labels ends its files
	w := newLiving(t)
	if code, _, stderr := trained(t, w.dir); code != exitGood {
		t.Fatal(stderr)
	}
	mustRun(t, w.dir, "apply", "--yes")
	mustRun(t, w.dir, "backfill", "--online", "--to", "2024-01-02")
	mustRun(t, w.dir, "deploy", "m", "--to", "late")
	kept, err := filepath.Glob(filepath.Join(artifactsFolder(w.dir), "*"))
	if err != nil || len(kept) != 1 {
		t.Fatal(kept, err)
	}
	manifest, err := model.ReadManifest(t.Context(), kept[0])
	if err != nil {
		t.Fatal(err)
	}
	if r, err := drift.Parse(manifest.Reference); err != nil || len(r.Columns) != 3 || r.Columns[2].Name != "r" || r.Columns[2].Rows != 576 || len(r.Scores) != 1 || r.Scores[0].Rows != 336 {
		t.Errorf("%+v, %v: not what it learned from, and answered to the test", r, err)
	}
	w.up = startUp(t, w.dir)
	started := timeText(time.Now())
	labels := w.predict(600, 480, 0)
	if e, _ := w.evaluate(exitGood); e.Predictions != 600 || e.Labelled != 0 || len(e.Versions) != 1 || len(e.Versions[0].Metrics) != 0 {
		t.Fatalf("before there is a label: %+v", e)
	}
	if a := w.label(labels[:400]...); a.Accepted != 400 || len(a.Rejected) != 0 {
		t.Errorf("%+v", a)
	}
	id := strings.Split(labels[0], `"`)[3]
	other := map[bool]string{true: "1", false: "0"}[id[35] == '0']
	stranger := fmt.Sprintf(`{"prediction_id": %q, "label": true}`, id[:35]+other)
	if a := w.label(append(labels[300:], stranger, `{"prediction_id": "x", "label": true}`, fmt.Sprintf(`{"prediction_id": %q, "label": 1}`, id))...); a.Accepted != 181 || len(a.Rejected) != 2 || a.Rejected[0].Line != 182 {
		t.Errorf("%+v", a)
	}
	e, verdicts := w.evaluate(exitGood, "--fail-on", "drift")
	v := e.Versions[0]
	if e.Predictions != 600 || e.Labelled != 480 || e.Unknown != 1 || v.Coverage != 0.8 || *v.Version != 1 || v.Degraded != 0 || v.Vectors != 600 || v.NoDrift != "" {
		t.Errorf("%+v %+v", e, v)
	}
	if live, test := v.Metrics["auc"], v.Test["auc"]; live < 0.6 || test < 0.6 || live > test+0.1 || live < test-0.1 {
		t.Errorf("live the auc is %v, in the test it was %v", live, test)
	}
	if len(verdicts) != 4 || e.Drifted() {
		t.Errorf("of the same population it is said: %v", verdicts)
	}

	between := time.Now().UnixMilli()
	for time.Now().UnixMilli() <= between { // another millisecond has begun
	}
	w.predict(600, 0, 2)
	e, verdicts = w.evaluate(exitMistake, "--from", timeText(time.UnixMilli(between+1)), "--fail-on", "drift")
	if e.Predictions != 600 || e.Unknown != 0 || verdicts["r"] != drift.Drifted || verdicts["score"] != drift.Drifted || verdicts["g__x_last"] != drift.Steady || verdicts["g__s_last"] != drift.Steady {
		t.Errorf("of another population: %+v, %v", e, verdicts)
	}
	page := mustRun(t, w.dir, "evaluate", "late", "--from", timeText(time.UnixMilli(between+1)))
	for _, want := range []string{"600 predictions, 0 of them with a label", "m@1", "of 4 features and scores 2 have drifted", "\nr ", "drift"} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is not in\n%s", want, page)
		}
	}
	if n := strings.Count(page, "\n"); n > 40 {
		t.Errorf("the page has %d lines", n)
	}
	e, _ = w.evaluate(exitGood, "--from", started, "--to", timeText(time.UnixMilli(between+1)))
	if e.Predictions != 600 || e.Labelled != 480 || e.Drifted() {
		t.Errorf("of the first half: %+v", e)
	}
	if m := w.up.metrics(); !strings.Contains(m, `bighead_prediction_log_total{endpoint="late",result="logged"} 1200`) || !strings.Contains(m, `bighead_labels_total{result="accepted"} 581`) ||
		!strings.Contains(m, `bighead_labels_total{result="rejected"} 2`) {
		t.Error("the metrics do not say what was recorded")
	}
	w.up.stop()
	if again, _ := w.evaluate(exitGood); again.Predictions != 1200 || again.Labelled != 480 {
		t.Errorf("without a server: %+v", again)
	}

	// The end of the process in the middle of a label: what was told to be kept before it is there, and the next process goes on.
	logs, err := filepath.Glob(filepath.Join(w.dir, ".bighead", "labels", "0", "wal", "*"))
	if err != nil || len(logs) == 0 {
		t.Fatal(logs, err)
	}
	last := logs[len(logs)-1]
	info, err := os.Stat(last)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(last, info.Size()-3); err != nil {
		t.Fatal(err)
	}
	if torn, _ := w.evaluate(exitGood); torn.Labelled != 400 {
		t.Errorf("after the second of two records was torn: %+v", torn)
	}
	w.up = startUp(t, w.dir)
	w.label(labels[400:]...)
	if whole, _ := w.evaluate(exitGood); whole.Labelled != 480 {
		t.Errorf("after it was sent again: %+v", whole)
	}
	// Labels of one's own, without a time, hold against those that were sent: here each says the contrary.
	file := filepath.Join(w.dir, "truth.csv")
	text := "prediction_id,label\n"
	for _, l := range labels[:400] {
		parts := strings.Split(l, `"`)
		text += fmt.Sprintf("%s,%t\n", parts[3], !strings.Contains(parts[6], "true"))
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if e, _ := w.evaluate(exitGood, "--labels", file); e.Labelled != 480 || e.Versions[0].Metrics["auc"] > 0.45 {
		t.Errorf("with all labels but a few turned round: %+v", e.Versions[0])
	}
	for want, args := range map[string][]string{`no column "prediction_id"; there are: k, ts, x, s`: {"evaluate", "late", "--labels", filepath.Join(w.dir, "e.csv")}, `did you mean "late"`: {"evaluate", "lat"}, `it takes drift`: {"evaluate", "late", "--fail-on", "x"}, "is not before --to": {"evaluate", "late", "--from", "2030-01-01"}} {
		if code, _, stderr := bighead(t, w.dir, args...); code == exitGood || !strings.Contains(stderr, want) {
			t.Errorf("%v: %d %s", args, code, stderr)
		}
	}
}

// Labels of processes that serve a project together lie in logs of their own, all of which are read, and go on being kept when one has ended.
func TestLabelsOfTwoProcesses(t *testing.T) {
	c := &cli{dir: smallProject(t, smallFeatures), stdout: io.Discard, stderr: io.Discard}
	p, err := c.open()
	if err != nil {
		t.Fatal(err)
	}
	process := func() *labels {
		return &labels{project: p, metrics: audit.NewMetrics(nil), wrong: func(err error) { t.Error(err) }}
	}
	said := 0
	keep := func(l *labels) {
		t.Helper()
		said++
		if err := l.Keep(t.Context(), []predict.Label{{ID: fmt.Sprint(said), Truth: "1", At: int64(said)}, {ID: fmt.Sprint(said), Truth: "2", At: int64(said)}}); err != nil {
			t.Fatal(err)
		}
	}
	count := func() (logs int, rows int64) {
		t.Helper()
		all, err := labelTables(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range all {
			r, err := one.Scan(t.Context(), dataset.Scan{})
			if err != nil {
				t.Fatal(err)
			}
			for b, err := r.Next(); err == nil; b, err = r.Next() {
				rows += int64(b.N)
			}
			r.Close()
		}
		return len(all), rows
	}
	first, second := process(), process()
	keep(first)
	keep(second)
	keep(first)
	if logs, rows := count(); logs != 2 || rows != 6 {
		t.Errorf("%d rows in %d logs", rows, logs)
	}
	if err := first.close(); err != nil {
		t.Fatal(err)
	}
	second.sealOthers(t.Context())
	third := process()
	keep(third)
	if logs, rows := count(); logs != 2 || rows != 8 {
		t.Errorf("after one has ended and another begun there are %d rows in %d logs", rows, logs)
	}
	for _, l := range []*labels{second, third} {
		if err := l.close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := third.Keep(t.Context(), []predict.Label{{ID: "x", Truth: "1"}}); err == nil || !strings.Contains(err.Error(), "about to stop") {
		t.Errorf("after the end: %v", err)
	}
}

// timeText is a time as flags take it.
func timeText(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
