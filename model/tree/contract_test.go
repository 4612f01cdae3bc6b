package tree

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/modeltest"
)

// TestContract runs the suite on a file of every format, and of every kind of leaf and link.
func TestContract(t *testing.T) {
	dir := t.TempDir()
	rows, width := npy(t, "inputs.npy")
	rows = every(rows, width, 10) // among them rows of heavy NaN, odd categories and numbers
	var cases []modeltest.Case
	for _, name := range []string{
		"lgb_binary.lgb.txt", "lgb_linear_cat.lgb.txt", "lgb_multiclass.lgb.txt", "lgb_rf.lgb.txt", "xgb_cat.xgb.json", "xgb_multi.xgb.ubj", "xgb_softmax.xgb.json",
		"xgb_vector_leaf.xgb.json", "xgb_gblinear.xgb.json", "xgb_dart.xgb.json", "onnx_gb.onnx", "onnx_hgb.onnx", "onnx_rf.onnx",
	} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, archive()[name], 0o600); err != nil {
			t.Fatal(err)
		}
		cases = append(cases, modeltest.Case{Name: name, Open: Open, Location: file, Batch: model.Batch{Rows: len(rows) / width, Numbers: rows}})
	}
	for _, name := range []string{"regression.json", "lossguide_multiclass.json", "one_hot.json", "scaled.json"} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, ships()[name], 0o600); err != nil {
			t.Fatal(err)
		}
		cases = append(cases, modeltest.Case{Name: "catboost " + name, Open: Open, Location: file, Batch: *catBatch(t, strings.TrimSuffix(name, ".json"), 3)})
	}
	foreign := filepath.Join(dir, "model.pkl")
	if err := os.WriteFile(foreign, []byte("\x80\x05\x95"), 0o600); err != nil {
		t.Fatal(err)
	}
	modeltest.Run(t, cases, foreign)
}
