package http

import (
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/predict"
	"github.com/bighead-ml/bighead/value"
)

// prediction is the work of one call for predictions, which is used again for the next.
type prediction struct {
	question question
	answer   predict.Response
	out      []byte
}

var predictions = sync.Pool{New: func() any { return new(prediction) }}

// predict is POST /v1/predict/{endpoint}.
func (h *Handler) predict(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("endpoint")
	if h.o.Predictions == nil {
		return predict.NoEndpoints()
	}
	v, err := h.o.Predictions.View(name)
	if err != nil {
		return err
	}
	buffer, err := h.body(w, r)
	if err != nil {
		return err
	}
	body := buffer.String()
	giveBuffer(buffer)
	if p := h.gate.Enter(); p != nil {
		return p
	}
	defer h.gate.Leave()
	x := predictions.Get().(*prediction)
	defer x.give()
	began := time.Now()
	x.question.reset(ofPredictions, false)
	if p := x.question.read(v, body, h.o.MaxRows); p != nil {
		return p
	}
	parsed := time.Now()
	q := predict.Request{Endpoint: name, Rows: x.question.rows, At: x.question.at, Explain: x.question.explain}
	if err := h.o.Predictions.Predict(r.Context(), q, &x.answer); err != nil {
		return err
	}
	answered := time.Now()
	x.out = appendPredictions(x.out[:0], &x.answer, x.question.status || x.question.explain)
	encoded := time.Now()
	serve.Stage(r.Context(), "parse", began, parsed)
	serve.Stage(r.Context(), "encode", answered, encoded)
	serve.Traced(r.Context(), v.Name(), nil)
	h.answered(w, v.Name(), x.out)
	h.o.Metrics.Whole(v.Name(), parsed.Sub(began), encoded.Sub(answered), time.Since(began))
	return nil
}

func (x *prediction) give() {
	if cap(x.out) <= maxKept {
		predictions.Put(x)
	}
}

// appendPredictions adds an answer as JSON; status: with that of each column.
func appendPredictions(dst []byte, r *predict.Response, status bool) []byte {
	dst = appendText(append(dst, `{"endpoint":`...), r.Endpoint)
	dst = appendText(append(dst, `,"model":`...), r.Model)
	dst = value.AppendJSON(append(dst, `,"at":`...), value.OfTimestamp(r.At))
	if status {
		dst = appendNames(append(dst, `,"features":`...), r.Features)
	}
	dst = append(dst, `,"rows":[`...)
	for i := range r.Rows {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendPrediction(dst, &r.Rows[i], status)
	}
	dst = appendMillis(append(dst, `],"timing":{"features_ms":`...), r.FeaturesTime)
	dst = appendMillis(append(dst, `,"model_ms":`...), r.ModelTime)
	return append(dst, "}}\n"...)
}

func appendNames(dst []byte, names []string) []byte {
	dst = append(dst, '[')
	for i, name := range names {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendText(dst, name)
	}
	return append(dst, ']')
}

func appendMillis(dst []byte, d time.Duration) []byte {
	return strconv.AppendFloat(dst, float64(d.Microseconds())/1000, 'f', -1, 64)
}

func appendPrediction(dst []byte, a *predict.Answer, status bool) []byte {
	if a.Problem != nil {
		return append(appendProblem(append(dst, `{"error":`...), a.Problem, 0, ""), '}')
	}
	dst = appendScores(append(dst, `{"prediction":`...), a.Scores)
	if a.Class != "" {
		dst = appendText(append(dst, `,"class":`...), a.Class)
	}
	if a.Classes != nil {
		dst = appendNames(append(dst, `,"classes":`...), a.Classes)
	}
	dst = append(append(append(dst, `,"prediction_id":"`...), a.ID...), `","version":`...)
	if a.Version == 0 {
		dst = append(dst, "null"...)
	} else {
		dst = strconv.AppendInt(dst, a.Version, 10)
	}
	dst = strconv.AppendBool(append(dst, `,"degraded":`...), a.Degraded)
	if a.Degraded {
		dst = appendText(append(dst, `,"reason":`...), a.Reason)
	}
	dst = appendNumber(append(dst, `,"share_defaulted":`...), a.ShareDefaulted)
	if status && a.Values != nil {
		dst = appendStatuses(dst, a.Statuses)
	}
	if a.Inputs != nil {
		dst = appendInputs(dst, a)
	}
	return append(dst, '}')
}

func appendScores(dst []byte, scores []float64) []byte {
	if len(scores) == 1 {
		return appendNumber(dst, scores[0])
	}
	dst = append(dst, '[')
	for i, x := range scores {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendNumber(dst, x)
	}
	return append(dst, ']')
}

// appendNumber adds a number, null where it is none.
func appendNumber(dst []byte, x float64) []byte {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return append(dst, "null"...)
	}
	return value.AppendJSON(dst, value.OfFloat(x))
}

// appendInputs adds what a prediction was made of: the view's values, and what went into the model.
func appendInputs(dst []byte, a *predict.Answer) []byte {
	dst = append(dst, `,"values":[`...)
	for i, v := range a.Values {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = value.AppendJSON(dst, v)
	}
	dst = append(dst, `],"inputs":{`...)
	for i, in := range a.Inputs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendText(dst, in.Name), ':')
		if in.IsText {
			dst = appendText(dst, in.Text)
		} else {
			dst = appendNumber(dst, in.Number)
		}
	}
	if a.Unexplained != "" {
		return appendText(append(dst, `},"unexplained":`...), a.Unexplained)
	}
	dst = append(dst, `},"contributions":{`...)
	for i, in := range a.Inputs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendScores(append(appendText(dst, in.Name), ':'), in.Added)
	}
	return appendScores(append(dst, `},"bias":`...), a.Bias)
}
