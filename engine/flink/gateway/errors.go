package gateway

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Error is what the gateway answered instead of a result.
type Error struct {
	Status int    // of HTTP
	Class  string // Java class of the last cause, as org.apache.calcite.sql.validate.SqlValidatorException; "" where none was named
	Cause  string // text of the last cause
}

func (e *Error) Error() string { return "flink: " + e.Cause }

// asError reduces an answer to its last cause. The gateway sends {"errors": [summary, stack trace]}; the trace is many
// causes, each after "Caused by: ", of which only the last says what is wrong.
func asError(status int, body []byte) error {
	var answer struct{ Errors []string }
	if err := json.Unmarshal(body, &answer); err != nil || len(answer.Errors) == 0 {
		text := strings.TrimSpace(string(body))
		return &Error{Status: status, Cause: fmt.Sprintf("HTTP status %d: %.200s", status, text)}
	}
	trace := answer.Errors[len(answer.Errors)-1]
	if i := strings.LastIndex(trace, "Caused by: "); i >= 0 {
		trace = trace[i+len("Caused by: "):]
	}
	// The message may have several lines; the frames of the stack after it begin with a tab.
	trace, _, _ = strings.Cut(trace, "\n\tat ")
	trace = strings.TrimSpace(strings.TrimPrefix(trace, "<Exception on server side:"))
	e := &Error{Status: status, Cause: trace}
	if class, text, ok := strings.Cut(trace, ": "); ok && isClass(class) {
		e.Class, e.Cause = class, text
	} else if isClass(trace) {
		e.Class = trace
	}
	return e
}

// isClass tells a Java class name, which has packages and no spaces.
func isClass(s string) bool {
	return strings.Contains(s, ".") && !strings.ContainsAny(s, " \n\t()'\"")
}
