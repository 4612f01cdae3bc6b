package http

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/compat"
)

// feast is POST /get-online-features, as Feast's feature server has it.
func (h *Handler) feast(w http.ResponseWriter, r *http.Request) error {
	return h.shaped(w, r, "", func(body []byte) ([]byte, error) { return h.shapes.Feast(r.Context(), body) })
}

// feastPush is POST /push, as Feast's feature server has it.
func (h *Handler) feastPush(w http.ResponseWriter, r *http.Request) error {
	if h.o.Pusher == nil {
		return noStream()
	}
	return h.shaped(w, r, "", func(body []byte) ([]byte, error) {
		name, events, err := compat.FeastPush(body)
		if err != nil {
			return nil, err
		}
		pushed, err := h.o.Pusher.Push(r.Context(), serve.Events{Name: name, ContentType: ndjson, Body: events})
		if err != nil {
			return nil, err
		}
		if p := compat.Refused(pushed); p != nil {
			return nil, p
		}
		return []byte("null\n"), nil
	})
}

// feastWrite is POST /write-to-online-store, by which Feast's clients write values of features: it is refused, and says what to do instead.
func (h *Handler) feastWrite(w http.ResponseWriter, r *http.Request) error {
	return h.shaped(w, r, "", func(body []byte) ([]byte, error) { return nil, compat.FeastWrite(body) })
}

// join and groupBy are the calls of Chronon's feature service.
func (h *Handler) join(w http.ResponseWriter, r *http.Request) error {
	return h.chronon(w, r, r.PathValue("view"), h.o.Server.View)
}

func (h *Handler) groupBy(w http.ResponseWriter, r *http.Request) error {
	return h.chronon(w, r, r.PathValue("group"), h.o.Server.Group)
}

func (h *Handler) chronon(w http.ResponseWriter, r *http.Request, name string, find func(string) (*serve.View, error)) error {
	v, err := find(name)
	if err == nil {
		err = h.shaped(w, r, v.Name(), func(body []byte) ([]byte, error) { return h.shapes.Chronon(r.Context(), v, body) })
	}
	var p *serve.Problem
	if !errors.As(err, &p) {
		return err
	}
	// Chronon's clients look for "errors".
	status := statusOf(p.Code)
	serve.Traced(r.Context(), "", p)
	h.requests.WithLabelValues("", strconv.Itoa(status)).Inc()
	doc := appendProblem(nil, p, status, "")
	doc = append(appendText(append(doc[:len(doc)-1], `,"errors":[`...), p.Error()), "]}"...)
	writeDocument(w, p, status, doc)
	return nil
}

// shaped reads a body, takes a place for what is made of it, and writes that.
func (h *Handler) shaped(w http.ResponseWriter, r *http.Request, view string, answer func(body []byte) ([]byte, error)) error {
	body, err := h.body(w, r)
	if err != nil {
		return err
	}
	defer giveBuffer(body)
	if p := h.gate.Enter(); p != nil {
		return p
	}
	defer h.gate.Leave()
	out, err := answer(body.Bytes())
	if err != nil {
		return err
	}
	serve.Traced(r.Context(), view, nil)
	h.answered(w, view, out)
	return nil
}
