package audit_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/bighead-ml/bighead/audit"
	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/drift"
	"github.com/bighead-ml/bighead/serve/predict"
	"github.com/bighead-ml/bighead/value"
)

// beganAt is when the first prediction of testdata/logs was answered, 2026-06-01T10:00:00Z; each of the others a millisecond later.
const beganAt = 1_780_308_000_000

func idOfBefore(i int) string {
	at := beganAt + i
	return fmt.Sprintf("%08x-%04x-7000-8000-%012x", at>>16, at&0xffff, i)
}

// write records what the binaries wrote that testdata/logs is of: six predictions, each with its vector and with what a shadow said of it.
func (r *register) write() {
	for i := range 6 {
		at := int64(beganAt + i)
		asked := []value.Value{value.OfString(fmt.Sprint("k", i%3)), value.OfInt(int64(i))}
		if i == 5 {
			asked[1] = value.Value{}
		}
		p := r.Predictions.Begin("late", r.view, 1)
		p.Endpoint, p.Model, p.View, p.Time, p.At = "late", "m", r.view, at, at-1000
		row := predict.Prediction{ID: idOfBefore(i), Version: 1, Scores: []float64{float64(i+1) / 8}, Degraded: i == 2, ShareDefaulted: float64(i) / 16, Asked: asked}
		if i == 4 {
			row.Version = 0
		}
		p.Add(row)
		row.Version, row.Scores, row.Shadow = 2, []float64{1 - row.Scores[0]}, true
		p.Add(row)
		r.Predictions.Record(p)
		s := r.ledger.Begin(r.view, 1)
		s.View, s.At, s.Time = r.view, at-1000, at
		s.Columns = append(s.Columns, 0, 1, 3)
		v := s.Add(asked, 0)
		v.Values[0], v.Values[1], v.Values[2], v.Prediction = value.OfInt(int64(i)), value.OfFloat(float64(i)/2), value.OfInt(int64(2*i)), row.ID
		r.ledger.Record(s)
	}
	r.close()
}

// Logs that binaries of before have written are evaluated as today's: 1 is of the first binary that kept predictions, 2 of the last that did not keep with them what was
// asked, 3 of the first that did.
func TestLogsOfBefore(t *testing.T) {
	x := drift.NewValues(drift.Number)
	for i := range 100 {
		x.Add(value.OfInt(int64(i)))
	}
	trained := func(context.Context, string, int64) (*audit.Trained, error) { //nolint:unparam // as Evaluation asks for it
		return &audit.Trained{Manifest: &model.Manifest{Task: model.Binary, Columns: []model.ManifestColumn{{Name: "g__x_sum_1h", Type: value.Int}},
			Reference: reference(t, map[string]*drift.Values{"g__x_sum_1h": x}, drift.NewScores(1, nil))}}, nil
	}
	at := value.OfTimestamp(beganAt + 1000)
	landed := func(k string, half, v int64) lateTruth {
		return lateTruth{k: value.OfString(k), y: value.OfInt(half), v: value.OfInt(v), t: at, there: true}
	}
	for _, binary := range []string{"1", "2", "3"} {
		t.Run(binary, func(t *testing.T) {
			dir := filepath.Join("testdata", "logs", binary)
			e, err := audit.Evaluate(t.Context(), audit.Evaluation{
				Predictions: filepath.Join(dir, "predictions"), Served: filepath.Join(dir, "served"), Formats: formats, Endpoint: "late", Task: model.Binary,
				Labels: []audit.Labels{labelTable(t, labelled{idOfBefore(0), "1", beganAt + 500}, labelled{idOfBefore(3), "0", beganAt + 500})},
				From:   labelSource(t, true, feature.TakeOnly, landed("k2", 1, 1), landed("k1", 2, 0), landed("k0", 9, 1)),
				Since:  beganAt, Until: beganAt + hour, Trained: trained,
			})
			if err != nil {
				t.Fatal(err)
			}
			if want := (audit.JoinedLabels{Name: "landed", Rows: 3, Matched: 2, Unmatched: 1, Labelled: 2, Waiting: 3, Keyless: 1}); *e.Source != want {
				t.Errorf("of the label source: %+v, not %+v", *e.Source, want)
			}
			if e.Predictions != 6 || e.Labelled != 4 || e.Unknown != 0 || len(e.Damaged) > 0 {
				t.Errorf("%s", asJSON(t, e))
			}
			type short struct {
				version                                  int64
				shadow                                   bool
				predictions, degraded, labelled, vectors int64
				brier                                    float64
			}
			square := func(x float64) float64 { return x * x }
			want := []short{
				{1, false, 5, 1, 3, 5, (square(1.0/8-1) + square(3.0/8-1) + square(4.0/8)) / 3},
				{0, false, 1, 0, 1, 0, square(5.0 / 8)},
				{2, true, 6, 1, 4, 6, (square(7.0/8-1) + square(5.0/8-1) + square(4.0/8) + square(3.0/8)) / 4},
			}
			if binary == "1" { // shadows were not kept yet
				want = want[:2]
			}
			var got []short
			for _, v := range e.Versions {
				s := short{0, v.Shadow, v.Predictions, v.Degraded, v.Labelled, v.Vectors, v.Metrics["brier"]}
				if v.Version != nil {
					s.version = *v.Version
				}
				got = append(got, s)
			}
			if !slices.EqualFunc(got, want, func(a, b short) bool {
				near := math.Abs(a.brier-b.brier) < 1e-12
				a.brier, b.brier = 0, 0
				return a == b && near
			}) {
				t.Errorf("versions are %+v, not %+v", got, want)
			}
		})
	}
}

// What is written today is what the last of testdata/logs has: other columns, or other values, are another shape, of which the binaries before know nothing and which is
// to have a folder of its own there.
func TestTheNewestLogIsTodays(t *testing.T) {
	r := newRegister(t, audit.Options{})
	r.write()
	rows := func(folder string) (text string) {
		files, err := filepath.Glob(filepath.Join(folder, "*.parquet"))
		if err != nil || len(files) != 1 {
			t.Fatal(folder, files, err)
		}
		table, err := dataset.Open(t.Context(), formats, files[0], dataset.Options{})
		if err != nil {
			t.Fatal(err)
		}
		read, err := table.Scan(t.Context(), dataset.Scan{Columns: table.Schema().Names()})
		if err != nil {
			t.Fatal(err)
		}
		defer read.Close()
		b, err := read.Next()
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range table.Schema() {
			text += c.Name + " " + c.Type.String() + "\n"
		}
		for i := range b.N {
			for _, v := range b.Row(i) {
				text = string(value.AppendJSON([]byte(text), v)) + " "
			}
			text += "\n"
		}
		return text
	}
	newest := filepath.Join("testdata", "logs", "3")
	if _, err := os.Stat(filepath.Join("testdata", "logs", "4")); err == nil {
		t.Fatal("a later log is there, which this test is to be of")
	}
	for of, folder := range map[string]string{"predictions/late": r.dir + "/late", "served/v": r.ledger.dir + "/v"} {
		if got, want := rows(folder), rows(filepath.Join(newest, of)); got != want {
			t.Errorf("%s is written as\n%s\nand was written as\n%s", of, got, want)
		}
	}
}
