package spark_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/spark"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
)

// What Spark cannot be told is said with its name and a cure before a table is opened or a server asked.
func TestRefusals(t *testing.T) {
	const definitions = `
e = bh.EventSource("e", columns={"user": bh.String, "x": bh.Int}, time="ts")
s = bh.EventSource("s", columns={"user": bh.String, "tags": bh.List(bh.String), "y": bh.Float}, time="ask")
v = bh.FeatureView("v", groups=[bh.FeatureGroup("g", source=e, keys=["user"], features=[bh.count(name="n")])])
t = bh.TrainingSet("t", view=v, spine=bh.Spine(s, at="ask", sample=0.5, sample_by="tags"), labels={"y": "y"})
`
	file := filepath.Join(t.TempDir(), "refused.py")
	if err := os.WriteFile(file, []byte(definitions), 0o644); err != nil {
		t.Fatal(err)
	}
	in := engine.Inputs{Open: func(_ context.Context, p feature.Place, _ value.Schema) (dataset.Table, error) {
		t.Errorf("%s is opened", p.Path)
		return nil, errors.ErrUnsupported
	}}
	_, err := spark.New(spark.Options{Connect: "sc://127.0.0.1:1"}).Run(t.Context(), planOf(defined(t, []string{file})[0]), in, func(*value.Batch) error { return nil })
	var refused *spark.Unsupported
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "column tags of the spine: a sample by a list<string>; name other columns in sample_by") {
		t.Errorf("%v", err)
	}
}
