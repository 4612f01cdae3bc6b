package audit_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/audit"
	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/serve/predict"
	"github.com/bighead-ml/bighead/serve/servetest"
	"github.com/bighead-ml/bighead/value"
)

// A prediction has what its view was asked with, beside columns of ours whose names are those of the view's; what is no key is not among it. Texts are copied: the record of
// the next request is made of the same memory.
func TestPredictionsHaveWhatWasAsked(t *testing.T) {
	view := servetest.Definitions(t, `
e = bh.EventSource("e", columns={"model": bh.String, "x": bh.Int}, time="ts")
g = bh.FeatureGroup("g", source=e, keys=["model"], features=[bh.sum("x", windows=["1h"])])
v = bh.FeatureView("v", groups=[g], request={"predicted": bh.optional(bh.Timestamp), "_predicted": bh.optional(bh.Date), "asked_model": bh.optional(bh.Bool), "amount": bh.optional(bh.Float), "version": bh.optional(bh.Int), "words": bh.optional(bh.List(bh.String))})
`).Views[0]
	dir := t.TempDir()
	p, err := audit.OpenPredictions(audit.Options{Dir: dir, Formats: formats, Every: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UnixMilli()
	var want [][]value.Value
	record := &predict.Predictions{}
	for i := range 3 {
		record.Reset()
		record.Endpoint, record.Model, record.View, record.Time, record.At = "late", "m", view, now, now
		for k := range 2 {
			text := []byte(fmt.Sprint("key ", i, k))
			asked := []value.Value{value.OfString(string(text)), value.OfTimestamp(int64(i)), value.OfDate(int64(k)), value.OfBool(i == 1), {}}
			if k == 0 {
				asked[4] = value.OfInt(int64(10 * i))
			}
			want = append(want, slices.Clone(asked))
			record.Add(predict.Prediction{ID: fmt.Sprint("id", i, k), Version: 7, Scores: []float64{0.5}, Asked: asked})
			clear(asked) // they are copied
		}
		given := p.Begin("late", view, 2)
		given.Endpoint, given.Model, given.View, given.Time, given.At = "late", "m", view, now, now
		for _, row := range record.Rows {
			given.Add(row)
		}
		p.Record(given)
	}
	if err := p.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "late", "*.parquet"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	table, err := dataset.Open(t.Context(), formats, files[0], dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	columns := table.Schema().Names()
	if got := fmt.Sprint(columns); got != "[prediction_id predicted at model version scores degraded share_defaulted shadow asked_model asked_predicted asked__predicted asked_asked_model asked_version]" {
		t.Fatal(got)
	}
	read, err := table.Scan(t.Context(), dataset.Scan{Columns: columns})
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	b, err := read.Next()
	if err != nil || b.N != len(want) {
		t.Fatal(b, err)
	}
	for i, asked := range want {
		row := b.Row(i)
		if row[3].Str() != "m" || row[4].Int() != 7 || !slices.EqualFunc(row[9:], asked, value.Equal) {
			t.Errorf("row %d is %v, and was asked with %v", i, row, asked)
		}
	}
}

// Of two shares of keys the lesser is in the greater: where few vectors are recorded and many predictions, each vector's prediction is there.
func TestSharesOfKeys(t *testing.T) {
	random, none := rand.New(rand.NewPCG(5, 7)), audit.Options{Formats: formats, Every: time.Hour}
	open := func(share float64) (*audit.Log, *audit.Predictions) {
		o := none
		o.Sample, o.Dir = share, t.TempDir()
		vectors, err := audit.Open(o)
		if err != nil {
			t.Fatal(err)
		}
		o.Dir = t.TempDir()
		predictions, err := audit.OpenPredictions(o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := errors.Join(vectors.Close(context.Background()), predictions.Close(context.Background())); err != nil {
				t.Error(err)
			}
		})
		return vectors, predictions
	}
	shares := []float64{0, 0.25, 0.5, 1}
	var in [4]int
	var vectors [4]*audit.Log
	var predictions [4]*audit.Predictions
	for i, share := range shares {
		vectors[i], predictions[i] = open(share)
	}
	const keys = 100_000
	for k := range keys {
		key := random.Uint64()
		if k == 0 {
			key = math.MaxUint64
		}
		for i := range shares {
			is := predictions[i].Samples(key)
			if is != vectors[i].Samples(key) || i > 0 && !is && predictions[i-1].Samples(key) {
				t.Fatalf("key %d of the share %v: of vectors %t, of predictions %t", key, shares[i], vectors[i].Samples(key), is)
			}
			if is {
				in[i]++
			}
		}
	}
	for i, share := range shares { // 0.01 are six standard deviations and more
		if part := float64(in[i]) / keys; math.Abs(part-share) > 0.01*share*(1-share)*4 {
			t.Errorf("the share %v has %v of the keys", share, part)
		}
	}
}
