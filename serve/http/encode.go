package http

import (
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/value"
)

// appendAnswer adds an answer as JSON.
func appendAnswer(dst []byte, r *serve.Response, status bool) []byte {
	dst = appendText(append(dst, `{"view":`...), r.View.Name())
	dst = appendText(append(dst, `,"fingerprint":`...), r.View.Fingerprint())
	dst = value.AppendJSON(append(dst, `,"at":`...), value.OfTimestamp(r.At))
	dst = appendNames(append(dst, `,"features":`...), r.Features)
	dst = append(dst, `,"rows":[`...)
	for i := range r.Rows {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendRow(dst, &r.Rows[i], status)
	}
	return append(dst, "]}\n"...)
}

func appendRow(dst []byte, a *serve.Answer, status bool) []byte {
	if a.Problem != nil {
		return append(appendProblem(append(dst, `{"error":`...), a.Problem, 0, ""), '}')
	}
	dst = append(dst, `{"values":[`...)
	for i, v := range a.Values {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = value.AppendJSON(dst, v)
	}
	dst = append(dst, ']')
	if status {
		dst = appendStatuses(dst, a.Statuses)
	}
	return append(dst, '}')
}

// appendStatuses adds a row's statuses: one word where all values are present.
func appendStatuses(dst []byte, statuses []serve.Status) []byte {
	present := true
	for _, s := range statuses {
		present = present && s == serve.Present
	}
	if present {
		return append(dst, `,"status":"present"`...)
	}
	dst = append(dst, `,"status":[`...)
	for i, s := range statuses {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, '"'), s.String()...), '"')
	}
	return append(dst, ']')
}
