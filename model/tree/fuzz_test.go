package tree

import (
	"context"
	"math"
	"runtime"
	"testing"

	"github.com/bighead-ml/bighead/model"
)

// What a file makes us allocate may be some times its length, and a little for the smallest.
const (
	fuzzTimes = 400
	fuzzFixed = 64 << 20
)

// fuzz asks a reader for a model of any bytes: it must refuse or answer, within bounds, and never panic.
func fuzz(f *testing.F, read func([]byte) (*forest, error), seeds ...string) {
	for _, s := range seeds {
		data := archive()[s]
		if data == nil {
			data = ships()[s]
		}
		if len(data) == 0 {
			f.Fatalf("no %s", s)
		}
		f.Add(data)
		f.Add(data[:len(data)/2])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		forest, err := read(data)
		var m *Model
		if err == nil {
			m, err = newModel(forest)
		}
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > uint64(fuzzTimes*len(data)+fuzzFixed) {
			t.Errorf("%d bytes for a file of %d", took, len(data))
		}
		if err != nil {
			return
		}
		n, texts := m.info.Widths()
		in := &model.Batch{Rows: 9, Numbers: make([]float64, 9*n), Texts: make([]string, 9*texts)}
		for i := range in.Texts {
			in.Texts[i] = []string{"", "a", "a ship of the line"}[i%3]
		}
		for i := range in.Numbers {
			in.Numbers[i] = []float64{0, 1, -1, math.NaN(), 1e30, 16777217, -0.5}[i%7]
		}
		out := make([][]float64, len(m.info.Outputs))
		for i, o := range m.info.Outputs {
			out[i] = make([]float64, 9*o.Width)
		}
		if err := m.Predict(context.Background(), in, out); err != nil {
			t.Errorf("a model that was read answers: %v", err)
		}
		if margins, err := m.Explains(); err == nil {
			if err := m.Explain(context.Background(), &model.Batch{Rows: 1, Numbers: in.Numbers[:n], Texts: in.Texts[:texts]}, make([]float64, margins*(n+texts+1))); err != nil {
				t.Errorf("a model that says it explains does: %v", err)
			}
		}
	})
}

func FuzzLightGBM(f *testing.F) {
	fuzz(f, readLightGBM, "lgb_stumps.lgb.txt", "lgb_constant.lgb.txt", "lgb_linear_cat.lgb.txt", "lgb_multiclass.lgb.txt", "lgb_rf.lgb.txt")
}

func FuzzXGBoostJSON(f *testing.F) {
	fuzz(f, readXGBoostJSON, "xgb_pseudohuber.xgb.json", "xgb_gblinear.xgb.json", "xgb_vector_leaf.xgb.json", "xgb_cat.xgb.json", "xgb_dart.xgb.json")
}

func FuzzXGBoostUBJ(f *testing.F) {
	fuzz(f, readXGBoostUBJ, "xgb_cat.xgb.ubj", "xgb_multi.xgb.ubj")
}

func FuzzCatBoost(f *testing.F) {
	fuzz(f, readCatBoost, "shallow.json", "one_hot_lossguide.json", "multiclass.json", "lossguide_multiclass.json", "scaled.json", "ctr.json", "summed.json")
}

func FuzzONNX(f *testing.F) {
	_, cases := ensembles(f)
	for _, c := range cases {
		f.Add(c.Model)
	}
	fuzz(f, readONNX, "onnx_rf.onnx", "onnx_gb.onnx", "onnx_hgb.onnx", "onnx_lr.onnx")
}

func FuzzRead(f *testing.F) {
	fuzz(f, func(data []byte) (*forest, error) {
		m, err := Read(data)
		if err != nil {
			return nil, err
		}
		return m.forest, nil
	}, "lgb_stumps.lgb.txt", "xgb_gblinear.xgb.json", "xgb_multi.xgb.ubj", "onnx_rf.onnx", "shallow.json")
}
