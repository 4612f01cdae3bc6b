package http

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/predict"
	"github.com/bighead-ml/bighead/value"
)

// labelForm is how a label comes.
type labelForm struct {
	ID    string          `json:"prediction_id"`
	Label json.RawMessage `json:"label"`
	At    json.RawMessage `json:"at"`
}

// labels is POST /v1/labels. What is wrong with one label is told by its place, and the others are kept.
func (h *Handler) labels(w http.ResponseWriter, r *http.Request) error {
	if h.o.Labels == nil || h.o.Predictions == nil {
		return &serve.Problem{Code: feature.CodeUnknownCall, Detail: "this process keeps no labels", Cure: "send them to the one that `bighead up` runs, with [audit] sample above 0"}
	}
	buffer, err := h.body(w, r)
	if err != nil {
		return err
	}
	defer giveBuffer(buffer)
	if p := h.gate.Enter(); p != nil {
		return p
	}
	defer h.gate.Leave()
	var ask struct {
		Endpoint *string     `json:"endpoint"`
		Labels   []labelForm `json:"labels"`
	}
	if p := readLabels(buffer.Bytes(), &ask); p != nil {
		return p
	}
	if ask.Labels == nil {
		return &serve.Problem{Code: feature.CodeBadBody, Detail: "labels are absent", Field: "labels", Cure: `send {"labels": [{"prediction_id": "…", "label": true}]}`}
	}
	if len(ask.Labels) > h.o.MaxRows {
		return &serve.Problem{Code: feature.CodeTooLarge, Detail: fmt.Sprintf("more than %d labels", h.o.MaxRows), Field: "labels", Cure: "send them in several requests"}
	}
	endpoint := ""
	if ask.Endpoint != nil {
		endpoint = *ask.Endpoint
		if p := h.o.Predictions.KnownEndpoint(endpoint); p != nil {
			return p
		}
	}
	now := time.Now().UnixMilli()
	var good []predict.Label
	var rejected []serve.Rejected
	for i, form := range ask.Labels {
		l := predict.Label{ID: form.ID, Truth: string(form.Label), At: now}
		if err := h.checkLabel(endpoint, &l, form.At); err != nil {
			rejected = append(rejected, serve.Rejected{Line: i + 1, Reason: err.Error()})
			continue
		}
		good = append(good, l)
	}
	if len(good) > 0 {
		if err := h.o.Labels.Keep(r.Context(), good); err != nil {
			return err
		}
	}
	h.o.Labels.Refused(len(rejected))
	out := strconv.AppendInt(append([]byte(nil), `{"accepted":`...), int64(len(good)), 10)
	h.answered(w, "", append(appendRejected(append(out, `,"rejected":`...), rejected), "}\n"...))
	return nil
}

func readLabels(body []byte, into any) *serve.Problem {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil && d.More() {
		err = fmt.Errorf("there is more behind the object")
	}
	if err != nil {
		return &serve.Problem{Code: feature.CodeBadBody, Detail: "the body cannot be read: " + err.Error(), Cure: `send {"labels": [{"prediction_id": "…", "label": true}]}; /openapi.json has the whole form`}
	}
	return nil
}

func (h *Handler) checkLabel(endpoint string, l *predict.Label, at json.RawMessage) error {
	if l.Truth == "" {
		l.Truth = "null"
	}
	if len(at) > 0 && string(at) != "null" {
		now := l.At
		if err := readAt(at, &l.At); err != nil {
			return err
		}
		if l.At > now+value.DayMS { // no truth that comes later would hold against it
			return fmt.Errorf("at %s is later than now, when it is known: leave it out, or say when it was", value.FormatTimestamp(l.At))
		}
	}
	if len(l.Truth) > maxLabel {
		return fmt.Errorf("label is of %d bytes, %d at most", len(l.Truth), maxLabel)
	}
	return h.o.Predictions.CheckLabel(endpoint, l)
}

// maxLabel is how long a label's text may be.
const maxLabel = 1 << 10

// readAt reads a time as rows have them: RFC 3339, or milliseconds.
func readAt(text json.RawMessage, into *int64) error {
	var s string
	if json.Unmarshal(text, &s) == nil {
		if t, ok := value.ParseTimestamp(s); ok {
			*into = t
			return nil
		}
	} else if ms, err := strconv.ParseInt(string(text), 10, 64); err == nil && ms >= value.MinTimestamp && ms <= value.MaxTimestamp {
		*into = ms
		return nil
	}
	return fmt.Errorf("at %.60s is no time: write 2013-03-01T12:00:00Z, or milliseconds since 1970", text)
}
