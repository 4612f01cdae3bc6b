package http

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/value"
)

// codes are the answers to problems of a whole request; what is not here is 400, the caller's.
var codes = map[feature.Code]int{
	feature.CodeUnknownView:   http.StatusNotFound,
	feature.CodeUnknownSource: http.StatusNotFound,
	feature.CodeUnknownCall:   http.StatusNotFound,
	feature.CodeTooLarge:      http.StatusRequestEntityTooLarge,
	feature.CodeNoToken:       http.StatusUnauthorized,
	feature.CodeNoScope:       http.StatusForbidden,
	feature.CodeTooOften:      http.StatusTooManyRequests,
	feature.CodeBusy:          http.StatusServiceUnavailable,
	feature.CodeNoStream:      http.StatusServiceUnavailable,
	feature.CodeDefect:        http.StatusInternalServerError,

	feature.CodeUnknownEndpoint: http.StatusNotFound,
	feature.CodeNoVersion:       http.StatusServiceUnavailable,
	feature.CodeModelFailed:     http.StatusServiceUnavailable,
}

func statusOf(c feature.Code) int {
	if s, ok := codes[c]; ok {
		return s
	}
	return http.StatusBadRequest
}

func badBody(detail string) *serve.Problem {
	return &serve.Problem{Code: feature.CodeBadBody, Detail: detail, Cure: `send {"rows": [{…}]}; /openapi.json has the whole form`}
}

func unknownMember(name string, members []string) *serve.Problem {
	return &serve.Problem{Code: feature.CodeBadBody, Detail: "a request has no " + strconv.Quote(name), Field: name, Near: expr.Nearest(name, members),
		Cure: "it has " + strings.Join(members, ", ")}
}

// writeProblem answers with a problem document.
func writeProblem(w http.ResponseWriter, p *serve.Problem, status int, instance string) {
	writeDocument(w, p, status, appendProblem(nil, p, status, instance))
}

func writeDocument(w http.ResponseWriter, p *serve.Problem, status int, b []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	if p.After > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64((p.After+time.Second-1)/time.Second), 10))
	}
	if status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="bighead"`)
	}
	h.Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	_, _ = w.Write(b) // a caller that is gone hears nothing
}

// appendProblem adds a problem as JSON. status 0: it is a row's.
func appendProblem(dst []byte, p *serve.Problem, status int, instance string) []byte {
	code := p.Code.String()
	dst = append(dst, `{"type":"urn:bighead:problem:`...)
	dst = append(dst, code...)
	dst = appendText(append(dst, `","title":`...), p.Code.Title())
	if status != 0 {
		dst = strconv.AppendInt(append(dst, `,"status":`...), int64(status), 10)
	}
	dst = appendText(append(dst, `,"detail":`...), p.Detail)
	dst = append(append(append(dst, `,"code":"`...), code...), '"')
	for _, f := range [...]struct{ name, text string }{{"field", p.Field}, {"cure", p.Cure}, {"instance", instance}} {
		if f.text != "" {
			dst = append(append(append(dst, `,"`...), f.name...), `":`...)
			dst = appendText(dst, f.text)
		}
	}
	if len(p.Near) > 0 {
		near, _ := json.Marshal(p.Near) // strings always encode
		dst = append(append(dst, `,"near":`...), near...)
	}
	return append(dst, '}')
}

func appendText(dst []byte, s string) []byte { return value.AppendJSON(dst, value.OfString(s)) }
