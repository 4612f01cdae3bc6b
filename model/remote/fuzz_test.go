package remote

import (
	"math"
	"net/http"
	"strconv"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/tensor"
	"github.com/bighead-ml/bighead/model/tensor/pb"
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
		got, err := (&overHTTP{}).answer(header, body)
		if err == nil {
			taken(t, got)
		}
	})
}

// FuzzAnswerGRPC reads any message as an answer of gRPC.
func FuzzAnswerGRPC(f *testing.F) {
	eight := []byte("\x00\x00\x00\x00\x00\x00\xf0\x3f")
	for _, m := range []*pb.ModelInferResponse{
		{Outputs: []*pb.ModelInferResponse_InferOutputTensor{{Name: "y", Datatype: "FP64", Shape: []int64{2}}}, RawOutputContents: [][]byte{append(eight, eight...)}},
		{ModelVersion: "3", Outputs: []*pb.ModelInferResponse_InferOutputTensor{{Name: "y", Datatype: "FP64", Shape: []int64{2, 1}, Contents: &pb.InferTensorContents{Fp64Contents: []float64{1, 2}}}}},
		{Outputs: []*pb.ModelInferResponse_InferOutputTensor{{Name: "y", Datatype: "INT64", Shape: []int64{2}, Contents: &pb.InferTensorContents{Int64Contents: []int64{1, 2}}}, {Name: "z", Datatype: "BYTES", Shape: []int64{-1}}}},
	} {
		data, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m := &pb.ModelInferResponse{}
		if proto.Unmarshal(data, m) != nil {
			return // gRPC's own error
		}
		if got, err := (&overGRPC{}).answer(m); err == nil {
			taken(t, got)
		}
	})
}

// taken takes an answer to two rows, which is refused or two numbers.
func taken(t *testing.T, got []answered) {
	t.Helper()
	m := &Model{info: model.Info{Outputs: []model.Output{{Name: "y", Kind: model.Untold, Width: 1}}}, outputs: []tensor.Metadata{{Name: "y", Datatype: "FP64", Shape: []int64{-1}}}}
	out := make([]float64, 2)
	if err := m.take(got, 0, 2, out); err != nil {
		return
	}
	for _, x := range out {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			t.Errorf("%v", out)
		}
	}
}
