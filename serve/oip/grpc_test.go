package oip_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/bighead-ml/bighead/model/tensor/pb"
	"github.com/bighead-ml/bighead/serve/oip"
)

// contents are what stands in a message's typed tensors.
type contents = pb.InferTensorContents

func inputOf(name, datatype string, shape []int64, c *contents) *pb.ModelInferRequest_InferInputTensor {
	return &pb.ModelInferRequest_InferInputTensor{Name: name, Datatype: datatype, Shape: shape, Contents: c}
}

// inferOf is a request to model "late" of some inputs.
func inferOf(inputs ...*pb.ModelInferRequest_InferInputTensor) *pb.ModelInferRequest {
	return &pb.ModelInferRequest{ModelName: "late", Inputs: inputs}
}

// good is a request that is answered with one row.
func good() *pb.ModelInferRequest {
	return inferOf(inputOf("all", "FP64", []int64{1, 3}, &contents{Fp64Contents: []float64{1, 2, 1}}))
}

// rawOf is a request whose inputs' contents are bytes.
func rawOf(q *pb.ModelInferRequest, raw ...[]byte) *pb.ModelInferRequest {
	q.RawInputContents = raw
	return q
}

func wanting(q *pb.ModelInferRequest, parameter string, outputs ...string) *pb.ModelInferRequest {
	for _, name := range outputs {
		o := &pb.ModelInferRequest_InferRequestedOutputTensor{Name: name}
		if parameter != "" {
			o.Parameters = map[string]*pb.InferParameter{parameter: {ParameterChoice: &pb.InferParameter_Int64Param{Int64Param: 2}}}
		}
		q.Outputs = append(q.Outputs, o)
	}
	return q
}

// TestBadRequestsOverGRPC names what is wrong with each, as TestBadRequests has it over HTTP.
func TestBadRequestsOverGRPC(t *testing.T) {
	c := dial(t, serveGRPC(t, newWorld(), oip.Options{MaxBody: 4096, MaxRows: 4}))
	one, fp64 := []int64{1}, func(x ...float64) *contents { return &contents{Fp64Contents: x} }
	ints := func(x ...int64) *contents { return &contents{Int64Contents: x} }
	text := func(v string) map[string]*pb.InferParameter {
		return map[string]*pb.InferParameter{"shared_memory_region": {ParameterChoice: &pb.InferParameter_StringParam{StringParam: v}}}
	}
	shared, sequence := inferOf(inputOf("x", "FP64", one, nil)), good()
	shared.Inputs[0].Parameters = text("r")
	sequence.Parameters = map[string]*pb.InferParameter{"sequence_id": {ParameterChoice: &pb.InferParameter_Uint64Param{Uint64Param: 5}}}
	for name, q := range map[string]struct {
		ask  *pb.ModelInferRequest
		code codes.Code
		want string
	}{
		"nothing":                  {inferOf(), codes.InvalidArgument, "inputs are absent: x, n, wet"},
		"no such model":            {&pb.ModelInferRequest{ModelName: "laet"}, codes.NotFound, `no model "laet"`},
		"no such input":            {inferOf(inputOf("y", "FP64", one, fp64(1))), codes.InvalidArgument, `the model has no input "y" (its inputs are: x, n, wet)`},
		"no such datatype":         {inferOf(inputOf("x", "FP65", one, fp64(1))), codes.InvalidArgument, `datatype "FP65" is none of the protocol's`},
		"two dimensions":           {inferOf(inputOf("x", "FP64", []int64{1, 2}, fp64(1, 2))), codes.InvalidArgument, "shape [1 2]"},
		"too few elements":         {inferOf(inputOf("x", "FP64", []int64{2}, fp64(1))), codes.InvalidArgument, "1 elements where the shape has 2"},
		"too many elements":        {inferOf(inputOf("x", "FP64", one, fp64(1, 2))), codes.InvalidArgument, "2 elements where the shape has 1"},
		"contents of another type": {inferOf(inputOf("x", "FP64", one, &contents{Fp32Contents: []float32{1}})), codes.InvalidArgument, "0 elements where the shape has 1"},
		"a negative dimension":     {inferOf(inputOf("x", "FP64", []int64{-1}, fp64())), codes.InvalidArgument, "no dimension is below 0"},
		"a shape that overflows":   {inferOf(inputOf("x", "FP64", []int64{1 << 32, 1 << 32}, fp64())), codes.InvalidArgument, "at most"},
		"too many rows":            {inferOf(inputOf("x", "FP64", []int64{5}, fp64(1, 2, 3, 4, 5))), codes.ResourceExhausted, "5 rows are more than 4"},
		"too many rows in one":     {inferOf(inputOf("all", "FP64", []int64{5, 3}, fp64(make([]float64, 15)...))), codes.ResourceExhausted, "5 rows are more than 4"},
		"an infinity":              {inferOf(inputOf("x", "FP64", one, fp64(math.Inf(-1)))), codes.InvalidArgument, "element 0"},
		"beyond INT8":              {inferOf(inputOf("n", "INT8", one, &contents{IntContents: []int32{128}})), codes.InvalidArgument, "128 is no INT8"},
		"beyond UINT8":             {inferOf(inputOf("n", "UINT8", one, &contents{UintContents: []uint32{256}})), codes.InvalidArgument, "256 is no UINT8"},
		"beyond INT64":             {inferOf(inputOf("n", "UINT64", one, &contents{Uint64Contents: []uint64{1 << 63}})), codes.InvalidArgument, "9223372036854775808"},
		"no whole number":          {inferOf(inputOf("n", "FP64", one, fp64(1.5))), codes.InvalidArgument, "row 0: 1.5 is no whole number"},
		"too many digits":          {inferOf(inputOf("x", "INT64", one, ints(1<<53+1))), codes.InvalidArgument, "more digits than a float"},
		"no bool":                  {inferOf(inputOf("wet", "INT64", one, ints(2))), codes.InvalidArgument, `input "wet": row 0: 2 is no bool`},
		"a text for a number":      {inferOf(inputOf("x", "BYTES", one, &contents{BytesContents: [][]byte{[]byte("y")}})), codes.InvalidArgument, "row 0:"},
		"too few columns":          {inferOf(inputOf("all", "FP64", []int64{1, 2}, fp64(1, 2))), codes.InvalidArgument, "the model has 3 columns"},
		"an input twice":           {inferOf(inputOf("x", "FP64", one, fp64(1)), inputOf("x", "FP64", one, fp64(1))), codes.InvalidArgument, "there twice"},
		"inputs of other lengths":  {inferOf(inputOf("x", "FP64", one, fp64(1)), inputOf("n", "INT64", []int64{2}, ints(1, 2))), codes.InvalidArgument, "2 rows, where the inputs before it have 1"},
		"shared memory":            {shared, codes.Unimplemented, "systemsharedmemory is not offered"},
		"a sequence":               {sequence, codes.InvalidArgument, "keep no state"},
		"no such output":           {wanting(good(), "", "predictoin"), codes.InvalidArgument, `did you mean "prediction"?`},
		"an output twice":          {wanting(good(), "", "both", "both"), codes.InvalidArgument, "asked for twice"},
		"classification":           {wanting(good(), "classification", "both"), codes.InvalidArgument, "classification extension"},
		"one raw of two": {rawOf(inferOf(inputOf("x", "FP64", one, nil), inputOf("n", "INT64", one, nil)), make([]byte, 8)), codes.InvalidArgument,
			"1 raw_input_contents for 2 inputs (give one for each input, in their order, or none at all)"},
		"two raw of one":     {rawOf(inferOf(inputOf("x", "FP64", one, nil)), make([]byte, 8), make([]byte, 8)), codes.InvalidArgument, "2 raw_input_contents for 1 inputs"},
		"raw and typed":      {rawOf(good(), make([]byte, 24)), codes.InvalidArgument, "both contents and raw_input_contents are there: send one of them"},
		"raw too short":      {rawOf(inferOf(inputOf("x", "FP64", one, nil)), make([]byte, 7)), codes.InvalidArgument, `input "x": 7 bytes`},
		"raw too long":       {rawOf(inferOf(inputOf("x", "FP64", one, nil)), make([]byte, 9)), codes.InvalidArgument, "9 bytes"},
		"a text cut off":     {rawOf(inferOf(inputOf("x", "BYTES", one, nil)), []byte{5, 0, 0, 0, 'a'}), codes.InvalidArgument, `input "x": element 0 is cut short`},
		"halves without raw": {inferOf(inputOf("x", "FP16", one, fp64(1))), codes.InvalidArgument, "FP16 has no typed contents: send raw_input_contents"},
		"too long":           {rawOf(inferOf(inputOf("x", "BYTES", one, nil)), make([]byte, 5000)), codes.ResourceExhausted, "longer than 4096 bytes"},
	} {
		q.ask.Id = name
		_, err := c.ModelInfer(t.Context(), q.ask)
		if s := status.Convert(err); s.Code() != q.code || !strings.Contains(s.Message(), q.want) || !strings.HasPrefix(s.Message(), "BH") {
			t.Errorf("%s: %v\nwant %s %s", name, err, q.code, q.want)
		}
	}
	none := wanting(inferOf(inputOf("x", "FP64", []int64{0}, nil), inputOf("n", "INT64", []int64{0}, nil), inputOf("wet", "BOOL", []int64{0, 1}, nil)), "", "prediction", "both")
	if got, err := c.ModelInfer(t.Context(), none); err != nil || len(got.GetOutputs()) != 2 || !slices.Equal(got.GetOutputs()[0].GetShape(), []int64{0}) || !slices.Equal(got.GetOutputs()[1].GetShape(), []int64{0, 2}) {
		t.Errorf("no rows: %v, %v", got, err)
	}
	if got, err := c.ModelInfer(t.Context(), wanting(good(), "", "prediction")); err != nil || got.GetOutputs()[0].GetContents().GetFp64Contents()[0] != 4 {
		t.Errorf("the one that is good: %v, %v", got, err)
	}
}

// FuzzInferGRPC sees that no message brings the reader down: each is answered, or is the caller's mistake.
func FuzzInferGRPC(f *testing.F) {
	for _, q := range []*pb.ModelInferRequest{
		good(), wanting(good(), "", "both"), rawOf(inferOf(inputOf("x", "BYTES", []int64{1}, nil)), []byte{1, 0, 0, 0, 'a'}), rawOf(inferOf(inputOf("all", "FP16", []int64{2, 3}, nil)), make([]byte, 12)),
		inferOf(inputOf("x", "FP64", []int64{1 << 40, 0}, nil), inputOf("n", "UINT64", []int64{1}, &contents{Uint64Contents: []uint64{math.MaxUint64}})),
	} {
		b, err := proto.Marshal(q)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	s := oip.New(oip.Options{Models: newWorld()})
	f.Fuzz(func(t *testing.T, message []byte) {
		q := &pb.ModelInferRequest{}
		if proto.Unmarshal(message, q) != nil {
			return // gRPC's own
		}
		q.ModelName = "late"
		_, err := s.Service().ModelInfer(t.Context(), q)
		switch code := status.Code(err); code {
		case codes.OK, codes.InvalidArgument, codes.NotFound, codes.ResourceExhausted, codes.Unimplemented:
		default:
			t.Errorf("%s: %v", code, err)
		}
	})
}
