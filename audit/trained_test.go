package audit_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/audit"
	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/local"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/serve/servetest"
	"github.com/bighead-ml/bighead/value"
)

// TestLabelsAsTrained computes for random predictions what happens within a second after them, and holds it against a count by hand; in parts and at once.
func TestLabelsAsTrained(t *testing.T) {
	r, random := newRegister(t, audit.Options{}), rand.New(rand.NewPCG(3, 9))
	p := servetest.Definitions(t, definitions+`
t = bh.TrainingSet("t", view=v, spine=bh.Spine(e, at="ts", columns={"y": "x"}), labels={"n": bh.count(source=e, keys=["k"], within="1s")})
`)
	set := p.TrainingSets[0]
	type event struct {
		k    string
		x, t int64
	}
	var events []event
	for range 300 {
		events = append(events, event{fmt.Sprint("k", random.IntN(20)), 1, random.Int64N(10_000)})
	}
	events = append(events, event{"last", 1, 10_000})
	var rows [][]value.Value
	schema := set.Labels[0].Source.Schema
	for _, e := range events {
		row := make([]value.Value, len(schema))
		for i, f := range schema {
			row[i] = map[string]value.Value{"k": value.OfString(e.k), "x": value.OfInt(e.x), "ts": value.OfTimestamp(e.t)}[f.Name]
		}
		rows = append(rows, row)
	}
	history := dataset.Memory(schema, value.BatchOf(schema, rows))
	const half = 200
	var all []asked
	var first []string // of the files: those of the first half
	for i := range 2 * half {
		a := asked{id: newID(t), k: fmt.Sprint("k", random.IntN(22)), at: random.Int64N(10_000)}
		switch i % 40 {
		case 3:
			a.lost = true
		case 4:
			a.at = value.MinTimestamp
		}
		r.ask(a, random.Float64())
		if all = append(all, a); len(all) == half {
			if err := r.Predictions.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			first = r.files()
		}
	}
	r.close()
	evaluate := func(from *audit.LabelSource, labels ...audit.Labels) *audit.Evaluated {
		t.Helper()
		now := time.Now().UnixMilli()
		e, err := audit.Evaluate(t.Context(), audit.Evaluation{
			Predictions: r.dir, Served: r.ledger.dir, Formats: formats, Labels: labels, From: from, Endpoint: "late", Task: model.Regression, Since: now - hour, Until: now + hour,
			Trained: func(context.Context, string, int64) (*audit.Trained, error) {
				return &audit.Trained{Manifest: &model.Manifest{Task: model.Regression}}, nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		return rounded(e)
	}
	from := &audit.LabelSource{
		LabelSource: &feature.LabelSource{Pos: feature.Pos{File: "features.py", Line: 7, Col: 9}, Trained: set, Label: &set.Labels[0]},
		Compute: func(ctx context.Context, p *plan.Batch, spine dataset.Table, out func(*value.Batch) error) (*engine.Report, error) {
			return local.New(local.Options{}).Run(ctx, p, engine.Inputs{Spine: spine, Source: func(context.Context, *feature.Source) (dataset.Table, error) { return history, nil }}, out)
		},
	}
	hold := func(name string, keyless int64, keyed func(int) bool) {
		t.Helper()
		want := audit.JoinedLabels{Name: "training set t", Computed: true}
		var labels []labelled
		for i, a := range all {
			switch {
			case !keyed(i), a.at < 0:
				want.Keyless++
			case a.at+1000 > 10_000: // the newest event
				want.Waiting++
				want.NotOver++
			default:
				want.Labelled++
				n := 0
				for _, e := range events {
					if e.k == a.k && e.t >= a.at && e.t < a.at+1000 {
						n++
					}
				}
				labels = append(labels, labelled{a.id, fmt.Sprint(n), a.at + 1000})
			}
		}
		sent := evaluate(nil, labelTable(t, labels...))
		if sent.Labelled != want.Labelled || want.Labelled < 200 || want.NotOver < 10 || want.Keyless != keyless {
			t.Fatalf("the case is too easy: %+v %+v", sent, want)
		}
		sent.Source = &want
		for _, atOnce := range []int{1 << 20, 90} {
			t.Run(fmt.Sprint(name, " ", atOnce), func(t *testing.T) {
				audit.JoinAtOnce(t, atOnce, 1<<20)
				if got, want := asJSON(t, evaluate(from)), asJSON(t, sent); got != want {
					t.Errorf("\ngot  %s\nwant %s", got, want)
				}
			})
		}
	}
	has := func(i int) bool { return !all[i].lost }
	back := r.away()
	hold("recorded with predictions, whose vectors are gone", 10, func(int) bool { return true })
	back()
	r.asBefore(first...)
	hold("recorded with the second half", 15, func(i int) bool { return i >= half || has(i) })
	r.asBefore(r.files()...)
	hold("recorded with vectors alone", 20, has)
	from.Compute = func(ctx context.Context, p *plan.Batch, _ dataset.Table, out func(*value.Batch) error) (*engine.Report, error) {
		return local.New(local.Options{}).Run(ctx, p, engine.Inputs{Spine: brokenTable{history}}, out)
	}
	_, err := audit.Evaluate(t.Context(), audit.Evaluation{Predictions: r.dir, Served: r.ledger.dir, Formats: formats, From: from, Endpoint: "late", Task: model.Regression, Until: time.Now().UnixMilli() + hour, Trained: trainedBinary})
	if err == nil || !strings.Contains(err.Error(), "features.py:7:9: labels of training set t: ") || !strings.Contains(err.Error(), "a page is torn") {
		t.Error(err)
	}
}
