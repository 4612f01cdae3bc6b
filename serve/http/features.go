package http

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/bighead-ml/bighead/serve"
)

// work of one call that is used again for the next.
type exchange struct {
	question question
	answer   serve.Response
	out      []byte
}

var exchanges = sync.Pool{New: func() any { return new(exchange) }}

// features is POST /v1/features/{view}.
func (h *Handler) features(w http.ResponseWriter, r *http.Request) error {
	v, err := h.o.Server.View(r.PathValue("view"))
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
	x := exchanges.Get().(*exchange)
	defer x.give()
	began := time.Now()
	x.question.reset(ofFeatures, true)
	if p := x.question.read(v, body, h.o.MaxRows); p != nil {
		return p
	}
	parsed := time.Now()
	q := serve.Request{Rows: x.question.rows, At: x.question.at}
	if x.question.some {
		q.Features = x.question.features
	}
	if err := v.Answer(r.Context(), q, &x.answer); err != nil {
		return err
	}
	answered := time.Now()
	x.out = appendAnswer(x.out[:0], &x.answer, x.question.status)
	encoded := time.Now()
	serve.Stage(r.Context(), "parse", began, parsed)
	serve.Stage(r.Context(), "encode", answered, encoded)
	serve.Traced(r.Context(), v.Name(), nil)
	h.answered(w, v.Name(), x.out)
	h.o.Metrics.Whole(v.Name(), parsed.Sub(began), encoded.Sub(answered), time.Since(began))
	return nil
}

// answered writes an answer of JSON, and counts it.
func (h *Handler) answered(w http.ResponseWriter, view string, out []byte) {
	head := w.Header()
	head.Set("Content-Type", "application/json")
	head.Set("Content-Length", strconv.Itoa(len(out)))
	_, _ = w.Write(out) // a caller that is gone hears nothing
	h.requests.WithLabelValues(view, "200").Inc()
}

func (x *exchange) give() {
	if cap(x.out) <= maxKept {
		exchanges.Put(x)
	}
}
