package grpc

import (
	"context"
	"math"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/predict"
)

// prediction is the work of one Predict that is used again for the next.
type prediction struct {
	question question
	answer   predict.Response
}

var predictions = sync.Pool{New: func() any { return new(prediction) }}

// predict is Predict.
func (s *Server) predict(ctx context.Context, in []byte) (outgoing, string, error) {
	if s.o.Predictions == nil {
		return outgoing{}, "", predict.NoEndpoints()
	}
	x := predictions.Get().(*prediction)
	defer predictions.Put(x)
	began := time.Now()
	q := &x.question
	q.reset()
	if p := q.split(in, "PredictRequest"); p != nil {
		return outgoing{}, "", p
	}
	v, err := s.o.Predictions.View(q.name)
	if err != nil {
		return outgoing{}, "", err
	}
	if p := q.read(v, s.o.MaxRows); p != nil {
		return outgoing{}, "", p
	}
	parsed := time.Now()
	if err := s.o.Predictions.Predict(ctx, predict.Request{Endpoint: q.name, Rows: q.rows, At: q.at, Explain: q.explain}, &x.answer); err != nil {
		return outgoing{}, "", err
	}
	answered := time.Now()
	b := buffers.Get(0)
	*b = appendPredictions(*b, &x.answer, q.statuses || q.explain)
	encoded := time.Now()
	s.o.Metrics.Whole(v.Name(), parsed.Sub(began), encoded.Sub(answered), encoded.Sub(began))
	serve.Stage(ctx, "parse", began, parsed)
	serve.Stage(ctx, "encode", answered, encoded)
	serve.Traced(ctx, v.Name(), nil)
	return outgoing{b}, v.Name(), nil
}

// appendPredictions adds a PredictResponse.
func appendPredictions(dst []byte, r *predict.Response, statuses bool) []byte {
	dst = appendString(dst, 1, r.Endpoint)
	dst = appendString(dst, 2, r.Model)
	dst = protowire.AppendVarint(protowire.AppendTag(dst, 3, protowire.VarintType), uint64(r.At))
	if statuses {
		for _, name := range r.Features {
			dst = appendString(dst, 4, name)
		}
	}
	for i := range r.Rows {
		var from int
		dst, from = open(dst, 5)
		dst = shut(appendPrediction(dst, &r.Rows[i], statuses), from)
	}
	dst = appendDouble(dst, 6, millis(r.FeaturesTime))
	return appendDouble(dst, 7, millis(r.ModelTime))
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// appendPrediction adds the fields of a Prediction.
func appendPrediction(dst []byte, a *predict.Answer, statuses bool) []byte {
	if a.Problem != nil {
		return appendProblem(dst, 13, a.Problem)
	}
	dst = appendDoubles(dst, 1, a.Scores)
	dst = appendWords(dst, 2, a.Class)
	for _, name := range a.Classes {
		dst = appendString(dst, 14, strings.ToValidUTF8(name, "\ufffd"))
	}
	dst = appendString(dst, 3, a.ID)
	dst = protowire.AppendVarint(protowire.AppendTag(dst, 4, protowire.VarintType), uint64(a.Version))
	dst = protowire.AppendVarint(protowire.AppendTag(dst, 5, protowire.VarintType), protowire.EncodeBool(a.Degraded))
	if a.Degraded {
		dst = appendWords(dst, 6, a.Reason)
	}
	dst = appendDouble(dst, 7, a.ShareDefaulted)
	if statuses && a.Values != nil {
		dst = appendStatuses(dst, 8, a.Statuses)
	}
	if a.Inputs == nil {
		return dst
	}
	for _, v := range a.Values {
		dst = appendValue(dst, 9, v)
	}
	for _, in := range a.Inputs {
		var from int
		dst, from = open(dst, 10)
		dst = appendWords(dst, 1, in.Name)
		switch {
		case in.IsText:
			dst = appendString(dst, 3, strings.ToValidUTF8(in.Text, "\ufffd"))
		case !math.IsNaN(in.Number):
			dst = appendDouble(dst, 2, in.Number)
		}
		dst = shut(appendDoubles(dst, 4, in.Added), from)
	}
	dst = appendDoubles(dst, 11, a.Bias)
	return appendWords(dst, 12, a.Unexplained)
}

// appendWords adds a text that files of models may have a part in: protobuf takes no other than UTF-8. An empty one is none.
func appendWords(dst []byte, num protowire.Number, s string) []byte {
	if s == "" {
		return dst
	}
	return appendString(dst, num, strings.ToValidUTF8(s, "\ufffd"))
}

func appendDouble(dst []byte, num protowire.Number, x float64) []byte {
	return protowire.AppendFixed64(protowire.AppendTag(dst, num, protowire.Fixed64Type), math.Float64bits(x))
}

// appendDoubles adds a list of numbers, packed.
func appendDoubles(dst []byte, num protowire.Number, all []float64) []byte {
	if len(all) == 0 {
		return dst
	}
	dst, from := open(dst, num)
	for _, x := range all {
		dst = protowire.AppendFixed64(dst, math.Float64bits(x))
	}
	return shut(dst, from)
}
