package remote

import (
	"math"
	"net/http"
	"strconv"
	"testing"

	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/tensor"
)

// FuzzAnswer reads any bytes as an answer: it is an error, or what was asked for, and never more.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"outputs": [{"name": "y", "datatype": "FP64", "shape": [2], "data": [1, 2.5]}]}`), -1)
	f.Add([]byte(`{"outputs": [{"name": "y", "datatype": "FP64", "shape": [2], "parameters": {"binary_data_size": 16}}]}0123456789abcdef`), 90)
	f.Add([]byte(`{"outputs": [{"name": "y", "datatype": "FP64", "shape": [2, 1], "data": [[1], [null]]}], "model_version": 3}`), -1)
	f.Fuzz(func(t *testing.T, body []byte, length int) {
		header := http.Header{}
		if length >= 0 {
			header.Set(tensor.LengthHeader, strconv.Itoa(length))
		}
		m := &Model{info: model.Info{Outputs: []model.Output{{Name: "y", Kind: model.Untold, Width: 1}}}, outputs: []tensor.Metadata{{Name: "y", Datatype: "FP64", Shape: []int64{-1}}}}
		got, err := (&overHTTP{}).answer(header, body)
		if err != nil {
			return
		}
		out := make([]float64, 2)
		if err := m.take(got, 0, 2, out); err != nil {
			return
		}
		for _, x := range out {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				t.Errorf("%v of %q", out, body)
			}
		}
	})
}
