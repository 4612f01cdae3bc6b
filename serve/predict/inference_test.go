package predict_test

import (
	"context"
	"errors"
	"testing"

	"github.com/bighead-ml/bighead/catalog"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/predict"
	"github.com/bighead-ml/bighead/value"
)

// TestInference asks versions by the Open Inference Protocol's interface with the columns of the view, and compares with the framework's answers.
func TestInference(t *testing.T) {
	w := newWorld(t)
	w.version("lgb_binary", nil)
	w.version("xgb_binary", nil)
	w.deploy(all(2))
	w.start(predict.Options{})
	of := predict.Inference{Server: w.Server}
	if index := of.Index(t.Context()); len(index) != 1 || index[0].Name != "m" || index[0].Version != "2" || !index[0].Ready {
		t.Errorf("%+v", index)
	}
	w.deploy(all(1))
	m, err := of.Model("m", "")
	if err != nil || m.Name() != "m" || m.Version() != "1" || len(m.Versions()) != 1 || m.Format() != "lightgbm text v4" {
		t.Fatalf("%+v, %v", m, err)
	}
	rows := len(w.rows.Answers)
	in := &value.Batch{Schema: m.Columns(), N: rows}
	for c := range in.Schema {
		column := value.NewColumn(value.Float, rows)
		for i := range rows {
			column.Set(i, value.OfFloat(w.rows.Rows[i*w.rows.Width+c]))
		}
		in.Columns = append(in.Columns, column)
	}
	out := make([][]float64, len(m.Outputs()))
	out[0] = make([]float64, rows)
	w.deploy(all(2)) // the version that was found stays open
	if err := m.Infer(context.Background(), in, out); err != nil {
		t.Fatal(err)
	}
	for i, x := range out[0] {
		if !near(x, w.rows.Answers[i], 1e-14) {
			t.Fatalf("row %d: %v, want %v", i, x, w.rows.Answers[i])
		}
	}
	if m.Outputs()[0].Kind != model.Probability {
		t.Errorf("%+v", m.Outputs())
	}
	m.Release()
	w.deploy(catalog.Traffic{Routes: []catalog.Route{{Number: 1, Weight: 70}, {Number: 2, Weight: 30}}})
	if m, err := of.Model("m", ""); err != nil || m.Version() != "1" || len(m.Versions()) != 2 {
		t.Errorf("without a version the one with most requests: %v, %v", m, err)
	} else {
		m.Release()
	}
	w.deploy(all(2))
	var p *serve.Problem
	for _, c := range []struct {
		model, version string
		code           feature.Code
	}{{"late", "", feature.CodeUnknownModel}, {"m", "1", feature.CodeUnknownModel}, {"m", "x", feature.CodeUnknownModel}} {
		if _, err := of.Model(c.model, c.version); !errors.As(err, &p) || p.Code != c.code {
			t.Errorf("%s %s: %v", c.model, c.version, err)
		}
	}
	if err := of.Load(context.Background(), "m"); err != nil {
		t.Error(err)
	}
	if err := of.Unload(context.Background(), "m"); !errors.As(err, &p) || p.Code != feature.CodeUnknownCall {
		t.Errorf("%v", err)
	}
}

// TestInferenceOfNoRows asks for none, which is answered with none.
func TestInferenceOfNoRows(t *testing.T) {
	w := newWorld(t)
	w.version("lgb_binary", nil)
	w.deploy(all(1))
	w.start(predict.Options{})
	m, err := predict.Inference{Server: w.Server}.Model("m", "")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Release()
	in := &value.Batch{Schema: m.Columns()}
	for _, c := range in.Schema {
		in.Columns = append(in.Columns, value.NewColumn(c.Type, 0))
	}
	out := make([][]float64, len(m.Outputs()))
	for i := range out {
		out[i] = []float64{}
	}
	if err := m.Infer(t.Context(), in, out); err != nil {
		t.Error(err)
	}
}
