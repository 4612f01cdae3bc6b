// Package predicttest has endpoints for the tests of surfaces, so that all of them are asked the same.
package predicttest

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/catalog"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/modeltest"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/predict"
	"github.com/bighead-ml/bighead/value"
)

// broken is a model that fails as soon as it is asked for fewer rows than those of check.
type broken struct{ model.Model }

func (b broken) Predict(ctx context.Context, in *model.Batch, out [][]float64) error {
	if in.Rows < 10 {
		return errors.New("the power is out")
	}
	return b.Model.Predict(ctx, in, out)
}

// endpoints are those of Open: the fixture of each one's model, "" for none, and whether that fails when it is asked.
var endpoints = []struct {
	name, fixture string
	broken        bool
}{
	{"late", "xgb_binary", false}, {"kinds", "lgb_multiclass", false}, {"degraded", "xgb_binary", false}, {"none", "", false}, {"broken", "xgb_binary", true}, {"safe", "xgb_binary", true},
}

// Open serves endpoints over a view, whose models, m_late and so on, read some of its columns in turn: "late" has two classes, "kinds" several,
// "degraded" says that all of its answers are, "none" has no version, "broken" one that fails, and "safe", too, with a fallback of 0.25. now, where there is one, is the clock by which is told how long things take.
func Open(t testing.TB, server *serve.Server, view string, columns []string, models catalog.Models, trees model.Open, now ...func() time.Time) *predict.Server {
	t.Helper()
	v, err := server.View(view)
	if err != nil {
		t.Fatal(err)
	}
	root, set := t.TempDir(), &feature.TrainingSet{Name: "set", View: v.Plan.View}
	always, wrong := expr.Check("share_defaulted >= 0", value.Schema{{Name: "share_defaulted", Type: value.Float}})
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	var reads []model.ManifestColumn
	for _, name := range columns {
		for _, c := range v.Columns() {
			if c.Name == name {
				reads = append(reads, model.ManifestColumn{Name: c.Name, Type: c.Type, Fingerprint: c.Fingerprint})
			}
		}
	}
	var all []*feature.Endpoint
	for _, e := range endpoints {
		d := &feature.Endpoint{Name: e.name, Model: &feature.Model{Name: "m_" + e.name, Task: model.Binary, TrainingSet: set}}
		switch e.name {
		case "kinds":
			d.Model.Task = model.Multiclass
		case "degraded":
			d.DegradedWhen = always
		case "safe":
			d.Fallback = value.OfFloat(0.25)
		}
		if all = append(all, d); e.fixture == "" {
			continue
		}
		artifact := modeltest.Fixture(t, e.fixture).Write(t, root, d.Model.Task, func(m *model.Manifest) {
			m.Model, m.View, m.Columns = d.Model.Name, view, reads
			if e.broken {
				m.Runtime = "python"
			}
			for i := range m.Inputs {
				m.Inputs[i] = reads[i%len(reads)].Name
			}
		})
		deploy(t, models, e.name, &catalog.ModelVersion{Model: d.Model.Name, Artifact: artifact, View: view, ViewFingerprint: v.Fingerprint(), At: time.Unix(1_700_000_000, 0), By: "test", Schema: []byte("{}")})
	}
	open := func(ctx context.Context, artifact string) (*model.Artifact, error) {
		return model.OpenArtifact(ctx, filepath.Join(root, artifact), func(runtime string) (model.Open, error) {
			return func(ctx context.Context, path string) (model.Model, error) {
				m, err := trees(ctx, path)
				if err == nil && runtime == "python" {
					m = broken{m}
				}
				return m, err
			}, nil
		})
	}
	o := predict.Options{}
	if len(now) > 0 {
		o.Now = now[0]
	}
	p, err := predict.Open(context.Background(), server, all, models, open, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func deploy(t testing.TB, models catalog.Models, endpoint string, v *catalog.ModelVersion) {
	t.Helper()
	if err := models.RegisterModel(context.Background(), v); err != nil {
		t.Fatal(err)
	}
	if err := models.SetTraffic(context.Background(), 0, &catalog.Traffic{Endpoint: endpoint, Model: v.Model, Routes: []catalog.Route{{Number: 1, Weight: 1}}, At: v.At, By: v.By}); err != nil {
		t.Fatal(err)
	}
}
