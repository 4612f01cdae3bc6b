package spark

import (
	"fmt"
	"strings"

	"github.com/bighead-ml/bighead/feature"
)

// Unsupported says what of a definition Spark is not told, before anything runs.
type Unsupported struct {
	What string      // the part of the language or the aggregation
	Of   string      // what is defined by it: a feature, a column of the spine
	At   feature.Pos // of the definition; the zero Pos where it has none of its own
	Cure string
}

func (e *Unsupported) Error() string {
	at := ""
	if e.At.IsValid() {
		at = e.At.String() + ": "
	}
	return fmt.Sprintf("%s%s: %s; %s", at, e.Of, e.What, e.Cure)
}

// A StepError is Spark's failure in one step of the query, with the definition that the step stands for.
type StepError struct {
	Step string
	Of   string
	Err  error
}

func (e *StepError) Error() string {
	of, _, _ := strings.Cut(e.Of, "\n")
	text, _, _ := strings.Cut(e.Err.Error(), ";\n'") // where the plan of the whole query would follow
	return fmt.Sprintf("computing %s (step %s of the query): %s", strings.TrimSuffix(of, ":"), e.Step, text)
}

func (e *StepError) Unwrap() error { return e.Err }
