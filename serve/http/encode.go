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
	dst = append(dst, `,"features":[`...)
	for i, name := range r.Features {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendText(dst, name)
	}
	dst = append(dst, `],"rows":[`...)
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
	present := true
	for i, v := range a.Values {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = value.AppendJSON(dst, v)
		present = present && a.Statuses[i] == serve.Present
	}
	dst = append(dst, ']')
	switch {
	case !status:
	case present:
		dst = append(dst, `,"status":"present"`...)
	default:
		dst = append(dst, `,"status":[`...)
		for i, s := range a.Statuses {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(append(append(dst, '"'), s.String()...), '"')
		}
		dst = append(dst, ']')
	}
	return append(dst, '}')
}
