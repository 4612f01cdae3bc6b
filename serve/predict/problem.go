package predict

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/serve"
)

func unknownEndpoint(name string, known []string) *serve.Problem {
	cure := "there are: " + strings.Join(known, ", ")
	if len(known) == 0 {
		cure = "no endpoint is served yet: define a bh.Endpoint, and bighead apply"
	}
	return &serve.Problem{Code: feature.CodeUnknownEndpoint, Detail: "no endpoint " + strconv.Quote(shortened(name)) + " is served", Field: "endpoint", Near: expr.Nearest(name, known), Cure: cure}
}

// NoEndpoints is the problem of who asks a process that answers none.
func NoEndpoints() *serve.Problem {
	return &serve.Problem{Code: feature.CodeUnknownEndpoint, Detail: "no endpoint is served in this process", Field: "endpoint", Cure: "define a bh.Endpoint, and bighead apply"}
}

// shortened bounds what of a request is repeated in an answer to it.
func shortened(s string) string {
	if r := []rune(s[:min(len(s), 240)]); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}

func (e *endpoint) noVersion() *serve.Problem {
	why := "no version of model " + e.def.Model.Name + " is deployed to it"
	if e.wrong != "" {
		why = e.wrong
	}
	return &serve.Problem{Code: feature.CodeNoVersion, Detail: "endpoint " + e.def.Name + " has no version that can answer: " + why,
		Cure: "bighead train " + e.def.Model.Name + ", and bighead deploy " + e.def.Model.Name + " --to " + e.def.Name, After: time.Minute}
}

// modelFailed is a row's that no version has answered; what exactly went wrong is the log's.
func modelFailed(v *version, late bool) *serve.Problem {
	if late {
		return &serve.Problem{Code: feature.CodeModelFailed, Detail: fmt.Sprintf("version %d of model %s did not answer within the deadline", v.number, v.model),
			Cure: "come again, raise the endpoint's deadline=, or declare a fallback=", After: time.Second}
	}
	return &serve.Problem{Code: feature.CodeModelFailed, Detail: fmt.Sprintf("version %d of model %s could not answer", v.number, v.model),
		Cure: "come again shortly, or declare a fallback= for the endpoint; the server's log says what went wrong", After: time.Second}
}

// modelLeftAlone is a row's that no version has answered, since its own has not answered others lately.
func modelLeftAlone(v *version) *serve.Problem {
	return &serve.Problem{Code: feature.CodeModelFailed, Detail: fmt.Sprintf("version %d of model %s does not answer, and is left alone but for a request a second that tries it", v.number, v.model),
		Cure: "come again shortly, or declare a fallback= for the endpoint; the server's log says what went wrong", After: time.Second}
}

// refused is a row's that holds what the pipeline or the model does not take.
func refused(v *version, name, reason string) *serve.Problem {
	return &serve.Problem{Code: feature.CodeModelRefuses, Detail: fmt.Sprintf("version %d of model %s does not take the row: %q %s", v.number, v.model, name, reason), Field: name,
		Cure: "send another value, or take care of such values in the model's pipeline"}
}
