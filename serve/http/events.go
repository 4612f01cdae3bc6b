package http

import (
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/serve"
)

// The bodies that events may come in.
const (
	ndjson    = "application/x-ndjson"
	jsonArray = "application/json"
)

// events is POST /v1/events/{name}.
func (h *Handler) events(w http.ResponseWriter, r *http.Request) error {
	if h.o.Pusher == nil {
		return noStream()
	}
	kind, err := contentType(r)
	if err != nil {
		return err
	}
	key, err := serve.EventsKey(keyHeader, r.Header.Values(keyHeader))
	if err != nil {
		return err
	}
	body, err := h.body(w, r)
	if err != nil {
		return err
	}
	defer giveBuffer(body)
	if p := h.gate.Enter(); p != nil {
		return p
	}
	defer h.gate.Leave()
	pushed, err := h.o.Pusher.Push(r.Context(), serve.Events{Name: r.PathValue("name"), ContentType: kind, Key: key, Body: body.Bytes()})
	if err != nil {
		return err
	}
	out := append([]byte(nil), `{"sources":{`...)
	for i := range pushed {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendPushed(out, &pushed[i])
	}
	out = append(out, "}}\n"...)
	h.answered(w, "", out)
	return nil
}

func noStream() *serve.Problem {
	return &serve.Problem{Code: feature.CodeNoStream, Detail: "no stream runs in this process", Cure: "push to the one that `bighead up` runs", After: time.Minute}
}

// keyHeader names a body of events that may be sent again.
const keyHeader = "Idempotency-Key"

// contentType is which of the two bodies the caller says it sends. curl's own default for data is taken for lines.
func contentType(r *http.Request) (string, error) {
	t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case r.Header.Get("Content-Type") == "", err == nil && (t == ndjson || t == "application/jsonl" || t == "application/x-www-form-urlencoded"):
		return ndjson, nil
	case err == nil && t == jsonArray:
		return jsonArray, nil
	}
	return "", &serve.Problem{Code: feature.CodeBadBody, Detail: "a body of type " + strconv.Quote(r.Header.Get("Content-Type")), Field: "Content-Type",
		Cure: "send lines of JSON as application/x-ndjson, or one array as application/json"}
}

func appendPushed(dst []byte, p *serve.Pushed) []byte {
	dst = append(appendText(dst, p.Source), ":{"...)
	for _, n := range [...]struct {
		name string
		n    int64
	}{{`"accepted":`, p.Accepted}, {`,"duplicated":`, p.Duplicated}, {`,"not_yet":`, p.NotYet}} {
		dst = strconv.AppendInt(append(dst, n.name...), n.n, 10)
	}
	return append(appendRejected(append(dst, `,"rejected":`...), p.Rejected), '}')
}

func appendRejected(dst []byte, all []serve.Rejected) []byte {
	dst = append(dst, '[')
	for i, r := range all {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendInt(append(dst, `{"line":`...), int64(r.Line), 10)
		dst = append(appendText(append(dst, `,"reason":`...), r.Reason), '}')
	}
	return append(dst, ']')
}
