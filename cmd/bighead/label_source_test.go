package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/audit"
)

// lateFeatures have an endpoint of which nobody sends labels: its truth comes as rows without a prediction's name.
var lateFeatures = strings.NewReplacer("m = bh.Model(", "m_environment = bh.Environment(["+environmentOf(livingFeatures)+"])\nm = bh.Model(").Replace(livingFeatures) + `landed = bh.EventSource("landed", path="landed/*.csv", columns={"key": bh.Int, "was": bh.String, "known": bh.Timestamp}, time="known")
seen = bh.Endpoint("seen", model=m, deadline="10m", labels=bh.LabelSource(landed, on={"k": "key"}, value="was = 'late'", at="known", where="coalesce(was, '') <> 'diverted'"))
named = bh.Endpoint("named", model=m, deadline="10m", labels=bh.LabelSource("named.csv", value="truth", at="known"))
soon = bh.TrainingSet("soon", view=v, spine=bh.Spine("soon.csv", at="ts"), labels={"n": bh.count(source=e, keys=["k"], within="1m")})
often = bh.Model("often", training_set=soon, pipeline=bh.Pipeline([bh.ordinal(bh.strings)]), train=train, environment=m_environment,
    split=bh.TimeSplit(valid="2024-01-01T00:05:00Z", test="2024-01-01T00:07:00Z"), params={"rounds": 10, "fail": None})
counted = bh.Endpoint("counted", model=often, deadline="10m", labels="training")
`

// environmentOf are the packages of the environment that definitions have, as text.
func environmentOf(features string) string {
	_, rest, _ := strings.Cut(features, "bh.Environment([")
	packages, _, _ := strings.Cut(rest, "])")
	return packages
}

// TestLabelSource takes an endpoint from its predictions to their truth, which comes later in a table without their names, and holds what evaluate says of it against
// another endpoint that is asked for the same, and whose labels are sent.
func TestLabelSource(t *testing.T) {
	w := newLiving(t)
	write := func(name, text string) {
		t.Helper()
		file := filepath.Join(w.dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	// Few vectors are recorded, and all predictions.
	settings, err := os.ReadFile(filepath.Join(w.dir, "bighead.toml"))
	if err != nil {
		t.Fatal(err)
	}
	write("bighead.toml", string(settings)+"[audit]\nsample = 0.2\nsample_predictions = 1\n")
	write("features.py", lateFeatures)
	write("landed/0.csv", "key,was,known\n0,late,2023-12-31T00:00:00Z\n")
	write("named.csv", "prediction_id,truth,known\nx,true,2024-01-01T00:00:00Z\n")
	spine := strings.Builder{} // when some keys have had their event, some have it within a minute, and some later
	spine.WriteString("k,ts,r\n")
	for i := range 600 {
		fmt.Fprintf(&spine, "%d,%s,0.5\n", w.random.IntN(600), time.Date(2024, 1, 1, 0, 1, 0, 0, time.UTC).Add(time.Duration(i)*700*time.Millisecond).Format(time.RFC3339Nano))
	}
	write("soon.csv", spine.String())
	if code, _, stderr := trained(t, w.dir); code != exitGood {
		t.Fatal(stderr)
	}
	mustRun(t, w.dir, "train", "often")
	if plan := mustRun(t, w.dir, "plan"); strings.Contains(plan, "unused") || !strings.Contains(plan, "landed") {
		t.Errorf("the source is read by an endpoint's labels, and it is said:\n%s", plan)
	}
	mustRun(t, w.dir, "apply", "--yes")
	mustRun(t, w.dir, "backfill", "--online", "--to", "2024-01-02")
	for _, endpoint := range []string{"late", "seen", "named"} {
		mustRun(t, w.dir, "deploy", "m", "--to", endpoint)
	}
	mustRun(t, w.dir, "deploy", "often", "--to", "counted")
	w.up = startUp(t, w.dir)
	var ask []string
	var truths []bool
	for k := range 600 {
		r := w.random.NormFloat64()
		ask = append(ask, fmt.Sprintf(`{"k": %d, "r": %g}`, k, r))
		truths = append(truths, w.truth(k, r))
	}
	ids := map[string][]string{}
	for _, endpoint := range []string{"late", "seen", "named"} {
		var answer predictAnswer
		w.post("/v1/predict/"+endpoint, `{"rows": [`+strings.Join(ask, ",")+`]}`, &answer)
		for _, row := range answer.Rows {
			if row.Error != nil || row.Version == nil {
				t.Fatalf("%v %s", row.Error, row.Reason)
			}
			ids[endpoint] = append(ids[endpoint], row.ID)
		}
	}
	evaluated := func(endpoint string, args ...string) *audit.Evaluated {
		t.Helper()
		var e audit.Evaluated
		if err := json.Unmarshal([]byte(mustRun(t, w.dir, append([]string{"evaluate", endpoint, "--json"}, args...)...)), &e); err != nil || len(e.Damaged) > 0 || len(e.Versions) != 1 {
			t.Fatal(err, e)
		}
		return &e
	}
	if e := evaluated("seen"); e.Labelled != 0 || *e.Source != (audit.JoinedLabels{Name: "landed", Rows: 1, Early: 1, Waiting: 600}) {
		t.Errorf("before there is a truth: %+v %+v", e, e.Source)
	}
	if e := evaluated("late"); e.Source != nil {
		t.Errorf("%+v", e.Source)
	}

	// The truth of 480, of two a second one, of strangers, and such as is not known yet.
	landed, named, labels := strings.Builder{}, strings.Builder{}, []string{}
	landed.WriteString("key,was,known\n")
	named.WriteString("prediction_id,truth,known\n")
	for k := range 480 {
		was := map[bool]string{true: "late", false: "on time"}[truths[k]]
		fmt.Fprintf(&landed, "%d,%s,2024-01-05T00:00:00Z\n", k, was)
		fmt.Fprintf(&named, "%s,%t,2024-01-05T00:00:00Z\n", ids["named"][k], truths[k])
		labels = append(labels, fmt.Sprintf(`{"prediction_id": %q, "label": %t}`, ids["late"][k], truths[k]))
	}
	landed.WriteString("480,late,2024-01-05T00:00:00Z\n480,on time,2024-01-06T00:00:00Z\n481,,2024-01-05T00:00:00Z\n482,diverted,2024-01-05T00:00:00Z\n")
	landed.WriteString("1000,late,2024-01-05T00:00:00Z\n1001,late,2024-01-05T00:00:00Z\n,late,2024-01-05T00:00:00Z\n")
	write("landed/1.csv", landed.String())
	write("named.csv", named.String())
	if a := w.label(labels...); a.Accepted != 480 {
		t.Fatal(a)
	}
	sent, seen, byName := evaluated("late"), evaluated("seen"), evaluated("named")
	if want := (audit.JoinedLabels{Name: "landed", Rows: 487, Matched: 482, Unmatched: 2, Early: 1, WithoutKey: 1, Labelled: 480, Waiting: 119, Ambiguous: 1, NotKnown: 1}); *seen.Source != want {
		t.Errorf("%+v, want %+v", *seen.Source, want)
	}
	if want := (audit.JoinedLabels{Name: "named.csv", Rows: 480, Matched: 480, Labelled: 480, Waiting: 120}); *byName.Source != want {
		t.Errorf("%+v, want %+v", *byName.Source, want)
	}
	v := sent.Versions[0]
	if v.Vectors < 60 || v.Vectors > 180 { // of 600, of which a fifth is expected
		t.Errorf("%d vectors are recorded", v.Vectors)
	}
	if sent.Labelled != 480 || v.Metrics["auc"] < 0.6 {
		t.Fatalf("%+v %+v", sent, v)
	}
	for _, e := range []*audit.Evaluated{seen, byName} {
		if e.Unknown != 0 {
			t.Errorf("%s: %d of the labels that were sent for another endpoint's predictions are not known", e.Endpoint, e.Unknown)
		}
		if x := e.Versions[0]; e.Predictions != 600 || e.Labelled != 480 || x.Coverage != 0.8 || *x.Version != 1 || !maps.Equal(x.Metrics, v.Metrics) {
			t.Errorf("%s: %+v %+v, where labels are sent %+v", e.Endpoint, e, x, v)
		}
	}
	page := mustRun(t, w.dir, "evaluate", "seen")
	for _, want := range []string{
		"600 predictions, 480 of them with a label",
		"labels of landed: 487 rows, 482 of them known after predictions of theirs, 2 of no prediction here of that time, 1 known before all predictions of theirs, 1 not known yet, 1 without a key",
		"480 predictions with a label by them, 119 without one, 1 with several, in no metric: take=\"first\" or \"last\" says which",
		"80.0%",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is not in\n%s", want, page)
		}
	}

	// What is sent is later than what the table says, and holds.
	contrary := fmt.Sprintf(`{"prediction_id": %q, "label": %t}`, ids["seen"][0], !truths[0])
	w.post("/v1/labels", `{"labels": [`+contrary+`]}`, &labelsAnswer{})
	if e := evaluated("seen"); e.Labelled != 480 || maps.Equal(e.Versions[0].Metrics, v.Metrics) {
		t.Errorf("after a label was sent that says the contrary: %+v", e)
	}

	// What the definition says of several rows is set otherwise, and nothing is computed again.
	write("features.py", strings.Replace(lateFeatures, `where="coalesce(was, '') <> 'diverted'"`, `take="last"`, 1))
	plan := mustRun(t, w.dir, "plan")
	for _, want := range []string{"seen", "labels: take only → last", "labels: where"} {
		if !strings.Contains(plan, want) {
			t.Errorf("%q is not in\n%s", want, plan)
		}
	}
	mustRun(t, w.dir, "apply", "--yes")
	if e := evaluated("seen"); e.Labelled != 482 || e.Source.Ambiguous != 0 || e.Source.Rows != 488 || e.Source.Matched != 483 {
		t.Errorf("%+v %+v", e, e.Source)
	}
	explained := mustRun(t, w.dir, "explain", "seen")
	for _, want := range []string{"labels of source landed: was = 'late', known at known  (features.py:", "of predictions with the same k = key that asked as of then or before; the last of several"} {
		if !strings.Contains(explained, want) {
			t.Errorf("%q is not in\n%s", want, explained)
		}
	}
	if explained := mustRun(t, w.dir, "explain", "named"); !strings.Contains(explained, "each of the prediction that its prediction_id names") {
		t.Error(explained)
	}

	// A table that cannot be read ends the evaluation, which would say less than is known.
	write("landed/2.csv", "key,was,known\nseven,late,2024-01-05T00:00:00Z\n")
	if code, _, stderr := bighead(t, w.dir, "evaluate", "seen"); code == exitGood || !strings.Contains(stderr, "landed") || !strings.Contains(stderr, "key") {
		t.Errorf("of a row that is none: %d %s", code, stderr)
	}
	if err := os.Remove(filepath.Join(w.dir, "landed", "2.csv")); err != nil {
		t.Fatal(err)
	}
	w.countedAsTrained()
	w.up.stop()
	if e := evaluated("seen"); e.Labelled != 482 {
		t.Errorf("without a server: %+v", e)
	}

	// Truth that comes after the vectors are gone, as their files are after [audit] keep, is joined all the same.
	if err := os.RemoveAll(filepath.Join(w.dir, ".bighead", "served")); err != nil {
		t.Fatal(err)
	}
	write("landed/3.csv", "key,was,known\n590,late,2024-01-07T00:00:00Z\n")
	if e := evaluated("seen"); e.Labelled != 483 || e.Source.Keyless != 0 || e.Source.Matched != 484 || e.Versions[0].Vectors != 0 {
		t.Errorf("after the vectors are gone: %+v %+v", e, e.Source)
	}
	if e := evaluated("counted"); e.Labelled != 300 || e.Source.Keyless != 0 {
		t.Errorf("after the vectors are gone: %+v %+v", e, e.Source)
	}
}

// countedAsTrained asks an endpoint whose model learned what happens within a minute, and has that happen.
func (w *living) countedAsTrained() {
	w.t.Helper()
	var ask []string
	for k := range 300 {
		ask = append(ask, fmt.Sprintf(`{"k": %d, "r": 0}`, k))
	}
	at := time.Date(2024, 1, 2, 0, 0, 0, 0, time.UTC)
	var answer predictAnswer
	w.post("/v1/predict/counted", `{"rows": [`+strings.Join(ask, ",")+`]}`, &answer)
	evaluated := func(args ...string) *audit.Evaluated {
		w.t.Helper()
		var e audit.Evaluated
		if err := json.Unmarshal([]byte(mustRun(w.t, w.dir, append([]string{"evaluate", "counted", "--json"}, args...)...)), &e); err != nil || len(e.Damaged) > 0 || len(e.Versions) != 1 {
			w.t.Fatal(err, e)
		}
		return &e
	}
	if e := evaluated(); e.Labelled != 0 || *e.Source != (audit.JoinedLabels{Name: "training set soon", Computed: true, Waiting: 300, NotOver: 300}) {
		w.t.Errorf("before the minute is over: %+v %+v", e, e.Source)
	}
	// Within the minute 200 keys have an event, of half of them at the very time; what comes at its end counts no more.
	events := strings.Builder{}
	happens := func(k int, after time.Duration) {
		fmt.Fprintf(&events, `{"k": %d, "ts": %q, "x": 1, "s": "a"}`+"\n", k, at.Add(after).Format(time.RFC3339Nano))
	}
	for k := range 100 {
		happens(k, time.Minute-time.Millisecond)
		happens(100+k, 0)
		happens(200+k, time.Minute)
	}
	happens(599, time.Hour)
	var taken struct {
		Sources map[string]struct {
			Accepted int
			Rejected []any
		}
	}
	w.post("/v1/events/e", events.String(), &taken)
	if e := taken.Sources["e"]; e.Accepted != 301 {
		w.t.Errorf("of 301 events %+v were taken", taken)
	}
	e := evaluated()
	if want := (audit.JoinedLabels{Name: "training set soon", Computed: true, Labelled: 300}); *e.Source != want || e.Labelled != 300 {
		w.t.Errorf("%+v %+v", e, e.Source)
	}
	// The metrics are those of the same truths, sent.
	file := filepath.Join(w.dir, "counts.csv")
	text := "prediction_id,label\n"
	for k, row := range answer.Rows {
		text += fmt.Sprintf("%s,%d\n", row.ID, 1-k/200)
	}
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		w.t.Fatal(err)
	}
	if sent := evaluated("--labels", file); len(e.Versions[0].Metrics) < 2 || !maps.Equal(sent.Versions[0].Metrics, e.Versions[0].Metrics) || *e.Versions[0].Version != 1 {
		w.t.Errorf("%+v, where they are sent %+v", e.Versions[0], sent.Versions[0])
	}
	if page := mustRun(w.t, w.dir, "evaluate", "counted"); !strings.Contains(page, "labels of training set soon, computed of history: 300 predictions with one\n") {
		w.t.Error(page)
	}
	if explained := mustRun(w.t, w.dir, "explain", "counted"); !strings.Contains(explained, "labels of training set soon: n of the 1m after a prediction, computed of history as for training  (features.py:") {
		w.t.Error(explained)
	}
}
