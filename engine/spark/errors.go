package spark

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/bighead-ml/bighead/engine/spark/connect"
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
	Cure string // "": none is known
	Err  error
}

func (e *StepError) Error() string {
	of, _, _ := strings.Cut(e.Of, "\n")
	text, _, _ := strings.Cut(e.Err.Error(), ";\n'") // where the plan of the whole query would follow
	if e.Cure != "" {
		text, _, _ = strings.Cut(text, "\n")
		text += "; " + e.Cure
	}
	return fmt.Sprintf("computing %s (step %s of the query): %s", strings.TrimSuffix(of, ":"), e.Step, text)
}

func (e *StepError) Unwrap() error { return e.Err }

var lineOf = regexp.MustCompile(`\bline (\d+),? pos`)

// Traced names the step that Spark's error speaks of, where it does.
func (q *Query) Traced(err error) error {
	var answer *connect.Error
	if !errors.As(err, &answer) {
		return err
	}
	m := lineOf.FindStringSubmatch(answer.Message)
	if m == nil {
		return err
	}
	line, _ := strconv.Atoi(m[1]) // digits
	s, ok := q.stepAt(line)
	if !ok {
		return err
	}
	return &StepError{Step: s.name, Of: s.of, Err: err}
}

// A RunError is Spark's failure in no step of its own: what it computed, and what can be done about it.
type RunError struct {
	Of   string // the definition
	At   feature.Pos
	Cure string // "": none is known
	Err  error
}

func (e *RunError) Error() string {
	text, rest, _ := strings.Cut(e.Err.Error(), "\n")                 // a stack trace would follow
	if text = strings.TrimSpace(text); strings.HasSuffix(text, ":") { // of several failures, the first
		first, _, _ := strings.Cut(strings.TrimSpace(rest), "\n")
		text += " " + first
	}
	if e.Cure != "" {
		text += "; " + e.Cure
	}
	at := ""
	if e.At.IsValid() {
		at = e.At.String() + ": "
	}
	return fmt.Sprintf("%sspark, computing %s: %s", at, e.Of, text)
}

func (e *RunError) Unwrap() error { return e.Err }

// cures are what can be done about what a message of Spark's says.
var cures = []struct{ says, cure string }{
	// A local Spark whose task lacks memory stops its context, and says no more than that.
	{"stopped SparkContext", stoppedCure}, {"SparkContext was shut down", stoppedCure}, {"SparkContext was stopped", stoppedCure},
	{"OutOfMemoryError", "give Spark's executors more memory (spark.executor.memory, of a local master spark.driver.memory), or more partitions (spark.sql.shuffle.partitions)"},
	{"ExecutorLostFailure", lostCure}, {"FetchFailed", lostCure}, {"Master removed our application", lostCure},
	// Files that Spark is told of, which somebody has removed since: it names them.
	{"FILE_NOT_EXIST", goneCure}, {"PATH_NOT_FOUND", goneCure},
	// What a server that stops says of calls that it is at, or that come then.
	{"Application error processing RPC", failedCure}, {"INVALID_HANDLE", closedCure},
	{"OPERATION_CANCELED", "somebody cancelled it on the server"},
	{"cancelled", "somebody cancelled it on the server"},
}

const (
	lostCure = "Spark lost an executor, and with it what it had computed, each time that it tried: its log and the cluster's say why; more memory for executors is the usual cure (spark.executor.memory, spark.executor.memoryOverhead), or more partitions (spark.sql.shuffle.partitions); run this again"
	goneCure = "files of the source that were there when this began are gone: somebody writes them anew, or dropped them; run this again"
)

const (
	failedCure = "Spark's server failed while it answered, and does not say at what, as when it stops itself for lack of memory, or is stopped: its log says which; run this again, where it stopped once it is started with more memory (spark.driver.memory of a local master, spark.executor.memory)"
	closedCure = "Spark's server has closed the session, as when it stops itself for lack of memory, is started anew, or was not asked anything for long: its log says which; run this again"
)

const stoppedCure = "Spark has stopped itself, as it does when it lacks memory, or somebody stopped it: its log says which; start it again, with more memory (spark.driver.memory of a local master, spark.executor.memory) or more partitions (spark.sql.shuffle.partitions)"

// failed says what was computed when Spark failed: the step, where Spark names its line, and always the definition.
func (q *Query) failed(ctx context.Context, of string, at feature.Pos, err error) error {
	if ctx.Err() != nil {
		return err
	}
	traced := q.Traced(err)
	if step := new(StepError); errors.As(traced, &step) {
		step.Cure = cureOf(err)
		return traced
	}
	return &RunError{Of: of, At: at, Cure: cureOf(err), Err: err}
}

// cureOf is what can be done about an error of Spark's; "": nothing is known.
func cureOf(err error) string {
	for _, c := range cures {
		if strings.Contains(err.Error(), c.says) {
			return c.cure
		}
	}
	return ""
}
