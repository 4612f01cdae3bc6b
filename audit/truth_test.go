package audit_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/audit"
	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/parquet"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/serve/predict"
	"github.com/bighead-ml/bighead/value"
)

// asked is a prediction and what it was asked of.
type asked struct {
	id, k string
	y     int64
	null  bool // the request did not say y
	at    int64
	lost  bool // its vector was dropped
}

// ask records a prediction as of a time, with its vector unless that is dropped.
func (r *register) ask(a asked, score float64) {
	r.t.Helper()
	now := time.Now().UnixMilli()
	p := r.Predictions.Begin("late", r.view, 1)
	if p == nil {
		r.t.Fatal("there is no room for a prediction")
	}
	p.Endpoint, p.Model, p.View, p.Time, p.At = "late", "m", r.view, now, a.at
	by := []value.Value{value.OfString(a.k), value.OfInt(a.y)}
	if a.null {
		by[1] = value.Value{}
	}
	p.Add(predict.Prediction{ID: a.id, Version: 1, Scores: []float64{score}, Asked: by})
	p.Add(predict.Prediction{ID: a.id, Version: 2, Scores: []float64{1 - score}, Asked: by, Shadow: true})
	r.Predictions.Record(p)
	if a.lost {
		return
	}
	s := r.ledger.Begin(r.view, 1)
	s.View, s.At, s.Time = r.view, a.at, now
	s.Columns = append(s.Columns, 0, 1, 3)
	row := s.Add(by, 0)
	row.Prediction = a.id
	r.ledger.Record(s)
}

// files are those of predictions.
func (r *register) files() []string {
	r.t.Helper()
	files, err := filepath.Glob(filepath.Join(r.dir, "late", "*.parquet"))
	if err != nil || len(files) == 0 {
		r.t.Fatal("there are no files of predictions", err)
	}
	return files
}

// asBefore makes files of predictions such as were written before what was asked was recorded with them.
func (r *register) asBefore(files ...string) {
	r.t.Helper()
	columns := []string{"prediction_id", "predicted", "at", "model", "version", "scores", "degraded", "share_defaulted", "shadow"}
	for _, file := range files {
		table, err := dataset.Open(r.t.Context(), formats, file, dataset.Options{})
		if err != nil {
			r.t.Fatal(err)
		}
		read, err := table.Scan(r.t.Context(), dataset.Scan{Columns: columns})
		if err != nil {
			r.t.Fatal(err)
		}
		b, err := read.Next()
		if err != nil {
			r.t.Fatal(err)
		}
		w, err := dataset.Create(formats, file, b.Schema, dataset.Metadata{Keys: table.Parts()[0].Metadata.Keys}, dataset.WriteOptions{})
		if err != nil {
			r.t.Fatal(err)
		}
		for ; err == nil; b, err = read.Next() {
			if err := w.Write(b); err != nil {
				r.t.Fatal(err)
			}
		}
		read.Close()
		if !errors.Is(err, io.EOF) {
			r.t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			r.t.Fatal(err)
		}
	}
}

// away has the files of vectors gone, as they are after [audit] keep, until it is called.
func (r *register) away() (back func()) {
	r.t.Helper()
	if err := os.Rename(r.ledger.dir, r.ledger.dir+".away"); err != nil {
		r.t.Fatal(err)
	}
	return func() {
		if err := os.Rename(r.ledger.dir+".away", r.ledger.dir); err != nil {
			r.t.Fatal(err)
		}
	}
}

// lateTruth is a row of a label source.
type lateTruth struct {
	id, k value.Value
	y     value.Value
	v     value.Value // above 0 it is late
	t     value.Value
	there bool
}

var truthSchema = value.Schema{{Name: "prediction_id", Type: value.String}, {Name: "k", Type: value.String}, {Name: "half", Type: value.Int}, {Name: "v", Type: value.Int}, {Name: "t", Type: value.Timestamp}, {Name: "there", Type: value.Bool}}

// labelSource is one over rows; on: by keys.
func labelSource(t testing.TB, on bool, take feature.Take, rows ...lateTruth) *audit.LabelSource {
	t.Helper()
	sql := func(text string) *expr.Expr {
		e, errs := expr.Check(text, truthSchema)
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		return e
	}
	s := &feature.LabelSource{Pos: feature.Pos{File: "features.py", Line: 7, Col: 9}, Source: &feature.Source{Name: "landed", Where: sql("there")}, Schema: truthSchema, Where: sql("v is null or v < 100"), Value: sql("case when v > 0 then 1 else case when v is null then null else 0 end end"), At: sql("t"), Take: take}
	if on {
		s.On = []feature.SpineColumn{{Name: "y", Expr: sql("2 * half")}, {Name: "k", Expr: sql("k")}}
	} else {
		s.ID = sql("prediction_id")
	}
	var batches []*value.Batch
	for part := range slices.Chunk(rows, 100) {
		b := &value.Batch{Schema: truthSchema, N: len(part)}
		for _, f := range truthSchema {
			b.Columns = append(b.Columns, value.NewColumn(f.Type, b.N))
		}
		for i, r := range part {
			for c, v := range []value.Value{r.id, r.k, r.y, r.v, r.t, value.OfBool(r.there)} {
				b.Columns[c].Set(i, v)
			}
		}
		batches = append(batches, b)
	}
	return &audit.LabelSource{LabelSource: s, Rows: dataset.Memory(truthSchema, batches...)}
}

func (r *register) evaluateFrom(from *audit.LabelSource, labels ...audit.Labels) *audit.Evaluated {
	r.t.Helper()
	now := time.Now().UnixMilli()
	e, err := audit.Evaluate(r.t.Context(), audit.Evaluation{
		Predictions: r.dir, Served: r.ledger.dir, Formats: formats, Labels: labels, From: from, Endpoint: "late", Task: model.Binary, Since: now - hour, Until: now + hour,
		Trained: trainedBinary,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return rounded(e)
}

// rounded is what is to be compared of an evaluation.
func rounded(e *audit.Evaluated) *audit.Evaluated {
	e.Since, e.Until = "", "" // about when it is asked
	for _, v := range e.Versions {
		for name, x := range v.Metrics { // whose sums are in another order
			v.Metrics[name] = math.Round(x*1e12) / 1e12
		}
	}
	return e
}

// naive joins row by row, by the words of docs/models.md §8, and says what is to be counted.
func naive(all []asked, keyed func(int) bool, rows []lateTruth, take feature.Take) (labels []labelled, c audit.JoinedLabels) {
	c.Name = "landed"
	good, known := []lateTruth{}, []asked{}
	for i, a := range all {
		if keyed(i) && !a.null && a.at > value.MinTimestamp {
			known = append(known, a)
		} else {
			c.Keyless++
		}
	}
	for _, r := range rows {
		if !r.there || !r.v.IsNull() && r.v.Int() >= 100 {
			continue
		}
		c.Rows++
		switch {
		case r.v.IsNull() || r.t.IsNull():
			c.NotKnown++
		case r.k.IsNull() || r.y.IsNull():
			c.WithoutKey++
		default:
			good = append(good, r)
			of := slices.DeleteFunc(slices.Clone(known), func(a asked) bool { return a.k != r.k.Str() || a.y != 2*r.y.Int() })
			switch {
			case len(of) == 0:
				c.Unmatched++
			case !slices.ContainsFunc(of, func(a asked) bool { return a.at <= r.t.Int() }):
				c.Early++
			default:
				c.Matched++
			}
		}
	}
	for _, a := range known {
		found := map[int64]map[string]bool{}
		for _, r := range good {
			if r.k.Str() == a.k && 2*r.y.Int() == a.y && r.t.Int() >= a.at {
				if found[r.t.Int()] == nil {
					found[r.t.Int()] = map[string]bool{}
				}
				found[r.t.Int()][map[bool]string{true: "1", false: "0"}[r.v.Int() > 0]] = true
			}
		}
		var times []int64
		for at := range found {
			times = append(times, at)
		}
		slices.Sort(times)
		if len(times) == 0 {
			c.Waiting++
			continue
		}
		at := times[0]
		if take == feature.TakeLast {
			at = times[len(times)-1]
		}
		if len(found[at]) > 1 || take == feature.TakeOnly && len(times) > 1 {
			c.Ambiguous++
			continue
		}
		c.Labelled++
		for text := range found[at] {
			labels = append(labels, labelled{a.id, text, at})
		}
	}
	return labels, c
}

// TestLabelSource joins random rows and predictions by keys, and holds counts and metrics against a join row by row whose labels are sent, in parts and at once.
func TestLabelSource(t *testing.T) {
	r, random := newRegister(t, audit.Options{}), rand.New(rand.NewPCG(8, 8))
	const half = 750
	var all []asked
	var first []string // of the files: those of the first half
	for i := range 2 * half {
		a := asked{id: newID(t), k: fmt.Sprint("k", random.IntN(60)), y: 2 * random.Int64N(4), at: 1000 + random.Int64N(40)}
		switch i % 50 {
		case 7:
			a.lost = true
		case 8:
			a.null = true
		case 9: // the events had no time yet
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
	for range 40 { // vectors of what was predicted elsewhere over the same view
		r.vector(newID(t), value.OfInt(1), value.OfInt(2), time.Now().UnixMilli())
	}
	r.close()
	var rows []lateTruth
	or := func(v value.Value, n int) value.Value {
		if random.IntN(n) == 0 {
			return value.Value{}
		}
		return v
	}
	for range 600 {
		x := lateTruth{k: or(value.OfString(fmt.Sprint("k", random.IntN(80))), 40), y: or(value.OfInt(random.Int64N(5)), 40), v: or(value.OfInt(random.Int64N(110)-50), 20), t: or(value.OfTimestamp(995+5*random.Int64N(9)), 40), there: random.IntN(20) > 0}
		rows = append(rows, x)
		if random.IntN(4) == 0 { // delivered twice
			rows = append(rows, x)
		}
	}
	has := func(i int) bool { return !all[i].lost }
	back := r.away()
	r.holdLabelSource("recorded with predictions, whose vectors are gone", 60, all, func(int) bool { return true }, rows)
	back()
	r.asBefore(first...)
	r.holdLabelSource("recorded with the second half", 75, all, func(i int) bool { return i >= half || has(i) }, rows)
	r.asBefore(r.files()...)
	r.holdLabelSource("recorded with vectors alone", 90, all, has, rows)
	t.Run("too many", func(t *testing.T) {
		audit.JoinAtOnce(t, 100, 200)
		_, err := audit.Evaluate(t.Context(), audit.Evaluation{Predictions: r.dir, Served: r.ledger.dir, Formats: formats, From: labelSource(t, true, feature.TakeLast, rows...), Endpoint: "late", Task: model.Binary, Until: time.Now().UnixMilli() + hour, Trained: trainedBinary})
		if err == nil || !strings.Contains(err.Error(), "ask for a shorter time") {
			t.Error(err)
		}
	})
	r.away()
	if s := r.evaluateFrom(labelSource(t, true, feature.TakeLast, rows...)).Source; s.Keyless != 2*half || s.Labelled != 0 {
		t.Errorf("recorded with vectors alone, which are gone: %+v", s)
	}
}

// holdLabelSource holds what rows say of predictions, of which some have their keys, against a join row by row.
func (r *register) holdLabelSource(name string, keyless int64, all []asked, keyed func(int) bool, rows []lateTruth) {
	t := r.t.(*testing.T)
	t.Helper()
	for _, take := range []feature.Take{feature.TakeOnly, feature.TakeFirst, feature.TakeLast} {
		labels, counts := naive(all, keyed, rows, take)
		want := r.evaluateFrom(nil, labelTable(t, labels...))
		if want.Labelled != int64(len(labels)) || want.Labelled < 100 || counts.Matched == 0 || counts.Early == 0 || counts.Unmatched == 0 || counts.NotKnown == 0 || counts.WithoutKey == 0 || counts.Ambiguous == 0 || counts.Waiting == 0 || counts.Keyless != keyless {
			t.Fatalf("the case is too easy: %+v, %+v", want, counts)
		}
		want.Source = &counts
		for _, atOnce := range []int{1 << 20, 90} {
			t.Run(fmt.Sprint(name, " ", take, " ", atOnce), func(t *testing.T) {
				audit.JoinAtOnce(t, atOnce, 1<<20)
				got := r.evaluateFrom(labelSource(t, true, take, rows...))
				if g, w := asJSON(t, got), asJSON(t, want); g != w {
					t.Errorf("\ngot  %s\nwant %s", g, w)
				}
			})
		}
	}
}

// Labels that are sent and those of a label source are one: of one prediction the one known last holds, and of two of one time the one that was sent.
func TestLabelSourceAndSentLabels(t *testing.T) {
	r := newRegister(t, audit.Options{})
	var ids []string
	for i := range 4 {
		ids = append(ids, newID(t))
		r.ask(asked{id: ids[i], k: fmt.Sprint("k", i), at: 1000}, 0.9)
	}
	r.close()
	row := func(i int, v, at int64) lateTruth {
		return lateTruth{id: value.OfString(ids[i]), k: value.OfString(fmt.Sprint("k", i)), y: value.OfInt(0), v: value.OfInt(v), t: value.OfTimestamp(at), there: true}
	}
	stranger := row(0, 1, 2000)
	stranger.id, stranger.k = value.OfString(newID(t)), value.OfString("kk")
	rows := []lateTruth{row(0, 1, 2000), row(1, 1, 2000), row(2, 1, 2000), stranger}
	sent := labelTable(t, labelled{ids[0], "0", 1999}, labelled{ids[1], "0", 2000}, labelled{ids[2], "0", 2001})
	for _, on := range []bool{true, false} {
		e := r.evaluateFrom(labelSource(t, on, feature.TakeOnly, rows...), sent)
		// One of three is true: by the label source, which knew it later than what was sent.
		if v := e.Versions[0]; e.Labelled != 3 || v.Labelled != 3 || v.Metrics["accuracy"] < 0.33 || v.Metrics["accuracy"] > 0.34 {
			t.Errorf("by keys %t: %+v %+v", on, e, v)
		}
		want := audit.JoinedLabels{Name: "landed", Rows: 4, Matched: 3, Unmatched: 1, Labelled: 3, Waiting: 1}
		if *e.Source != want || e.Unknown != 0 {
			t.Errorf("by keys %t: %+v, %d unknown; want %+v", on, *e.Source, e.Unknown, want)
		}
	}
	// Rows that name predictions need no time of theirs, of several the last holds, and what is no name is of no prediction.
	no, early, again := row(3, 1, 2000), row(3, 1, 5), row(3, -1, 6)
	no.id = value.OfString("x")
	null := row(3, 1, 2000)
	null.id = value.Value{}
	e := r.evaluateFrom(labelSource(t, false, feature.TakeOnly, no, null, again, early))
	want := audit.JoinedLabels{Name: "landed", Rows: 4, Matched: 2, Unmatched: 1, WithoutKey: 1, Labelled: 1, Waiting: 3}
	if *e.Source != want || e.Labelled != 1 || e.Versions[0].Metrics["accuracy"] != 0 {
		t.Errorf("%+v %+v; want %+v", *e.Source, e.Versions[0], want)
	}
	audit.JoinAtOnce(t, 2, 1<<20)
	if parts := r.evaluateFrom(labelSource(t, false, feature.TakeOnly, no, null, again, early)); asJSON(t, parts) != asJSON(t, e) {
		t.Errorf("in parts %s, at once %s", asJSON(t, parts), asJSON(t, e))
	}
}

// A view that had not what rows are found by, or had it of another type, has recorded it of none; a table that fails is told with the definition's place.
func TestLabelSourceOfAnotherView(t *testing.T) {
	r := newRegister(t, audit.Options{})
	r.ask(asked{id: newID(t), k: "k1", at: 1000}, 0.9)
	r.close()
	row := lateTruth{k: value.OfString("k1"), y: value.OfInt(0), v: value.OfInt(1), t: value.OfTimestamp(2000), there: true}
	for _, how := range []string{"predictions", "vectors"} {
		if how == "vectors" {
			r.asBefore(r.files()...)
		}
		for _, change := range []func(*feature.LabelSource){
			func(s *feature.LabelSource) { s.On[0].Name = "w" },
			func(s *feature.LabelSource) { s.On[0].Expr = s.On[1].Expr },
		} {
			from := labelSource(t, true, feature.TakeOnly, row)
			change(from.LabelSource)
			e := r.evaluateFrom(from)
			if want := (audit.JoinedLabels{Name: "landed", Rows: 1, Unmatched: 1, Keyless: 1}); *e.Source != want || e.Labelled != 0 {
				t.Errorf("recorded with %s: %+v, want %+v", how, *e.Source, want)
			}
		}
		if e := r.evaluateFrom(labelSource(t, true, feature.TakeOnly, row)); e.Labelled != 1 {
			t.Errorf("recorded with %s: %+v", how, *e.Source)
		}
	}
	for _, on := range []bool{true, false} {
		from := labelSource(t, on, feature.TakeOnly, row)
		from.Rows = brokenTable{from.Rows}
		_, err := audit.Evaluate(t.Context(), audit.Evaluation{Predictions: r.dir, Served: r.ledger.dir, Formats: formats, From: from, Endpoint: "late", Task: model.Binary, Until: time.Now().UnixMilli() + hour, Trained: trainedBinary})
		if err == nil || !strings.Contains(err.Error(), "features.py:7:9: labels of landed: a page is torn") {
			t.Error(err)
		}
	}
}

type brokenTable struct{ dataset.Table }

func (brokenTable) Scan(context.Context, dataset.Scan) (dataset.Reader, error) {
	return nil, errors.New("a page is torn")
}

var formats = []dataset.Format{parquet.Format{}}

func trainedBinary(context.Context, string, int64) (*audit.Trained, error) {
	return &audit.Trained{Manifest: &model.Manifest{Task: model.Binary}}, nil
}

func asJSON(t testing.TB, x any) string {
	t.Helper()
	out, err := json.Marshal(x)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
