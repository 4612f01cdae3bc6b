package enginetest

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/engine/enginetest/script"
	"github.com/bighead-ml/bighead/value"
)

// Results are what became of scripts.
type Results struct {
	Scripts []*ScriptResult `json:"scripts"`
	Missing []Skipped       `json:"missing,omitempty"` // roads that were not to be had
}

// ScriptResult is what became of one script.
type ScriptResult struct {
	Path     string        `json:"path"`
	Failures []string      `json:"failures,omitempty"` // of the script as a whole: its text, its definitions
	Skips    []Skipped     `json:"skips,omitempty"`
	Refusals []Skipped     `json:"refusals,omitempty"` // roads on which check refuses the definitions
	Evals    []*EvalResult `json:"evals"`

	text string
	file *script.File
}

// Skipped is a road that a script leaves out.
type Skipped struct {
	Road   string `json:"road"`
	Reason string `json:"reason"`
}

// EvalResult is what became of one question.
type EvalResult struct {
	Name        string       `json:"name"`
	Line        int          `json:"line"`
	Failures    []string     `json:"failures,omitempty"`
	Differences []Difference `json:"differences,omitempty"`
	Roads       []RoadResult `json:"roads"`

	eval    *script.Eval
	stale   bool // the script's answer is not the oracle's
	now     script.Answer
	refusal *script.Refusal
}

// RoadResult is what one road gave.
type RoadResult struct {
	Road     string
	Skipped  string // why it was not asked
	Declined string // why it is not for what was asked
	Refused  string // the error that the script expects
	// Uncounted are counts that the script expects and the road does not give.
	Uncounted []string
	Columns   []string
	Rows      [][]value.Value
}

// MarshalJSON writes every value in its JSON form.
func (r RoadResult) MarshalJSON() ([]byte, error) {
	rows := make([][]json.RawMessage, len(r.Rows))
	for i, row := range r.Rows {
		rows[i] = make([]json.RawMessage, len(row))
		for c, v := range row {
			rows[i][c] = value.AppendJSON(nil, v)
		}
	}
	return json.Marshal(struct {
		Road      string              `json:"road"`
		Skipped   string              `json:"skipped,omitempty"`
		Declined  string              `json:"declined,omitempty"`
		Refused   string              `json:"refused,omitempty"`
		Uncounted []string            `json:"uncounted,omitempty"`
		Columns   []string            `json:"columns,omitempty"`
		Rows      [][]json.RawMessage `json:"rows,omitempty"`
	}{r.Road, r.Skipped, r.Declined, r.Refused, r.Uncounted, r.Columns, rows})
}

// MarshalJSON writes both values in their JSON form.
func (d Difference) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Road   string          `json:"road"`
		Line   int             `json:"line,omitempty"`
		Row    int             `json:"row,omitempty"`
		Column string          `json:"column,omitempty"`
		Want   json.RawMessage `json:"want"`
		Got    json.RawMessage `json:"got"`
		Why    string          `json:"why"`
	}{d.Road, d.Line, d.Row, d.Column, value.AppendJSON(nil, d.Want), value.AppendJSON(nil, d.Got), d.Why})
}

func (s *ScriptResult) fail(err error) { s.Failures = append(s.Failures, err.Error()) }

func (er *EvalResult) fail(err error) { er.Failures = append(er.Failures, err.Error()) }

// Failed tells whether anything is wrong with the script.
func (s *ScriptResult) Failed() bool {
	if len(s.Failures) > 0 {
		return true
	}
	for _, e := range s.Evals {
		if e.Failed() {
			return true
		}
	}
	return false
}

// Failed tells whether anything is wrong with the answer.
func (er *EvalResult) Failed() bool { return len(er.Failures) > 0 || len(er.Differences) > 0 }

// Failed counts the scripts that failed.
func (r *Results) Failed() int {
	n := 0
	for _, s := range r.Scripts {
		if s.Failed() {
			n++
		}
	}
	return n
}

// Write prints each failure under its script, each skip and refusal, and a line of counts.
func (r *Results) Write(w io.Writer) error {
	var b strings.Builder
	evals := 0
	for _, s := range r.Scripts {
		evals += len(s.Evals)
		for _, k := range s.Skips {
			fmt.Fprintf(&b, "skip %s on %s: %s\n", s.Path, k.Road, k.Reason)
		}
		for _, k := range s.Refusals {
			fmt.Fprintf(&b, "refused %s on %s: %s\n", s.Path, k.Road, k.Reason)
		}
		if !s.Failed() {
			continue
		}
		fmt.Fprintf(&b, "FAIL %s\n", s.Path)
		for _, f := range s.Failures {
			fmt.Fprintf(&b, "    %s\n", strings.ReplaceAll(f, "\n", "\n    "))
		}
		for _, e := range s.Evals {
			e.write(&b, s.Path)
		}
	}
	r.writeDeclined(&b)
	for _, m := range r.Missing {
		fmt.Fprintf(&b, "not asked %s: %s: %s\n", m.Road, plural(evals, "answer"), m.Reason)
	}
	fmt.Fprintf(&b, "%s, %s, %d failed%s\n", plural(len(r.Scripts), "script"), plural(evals, "answer"), r.Failed(), r.leftOut())
	_, err := io.WriteString(w, b.String())
	return err
}

// Skipped and Refused count, by road, the scripts that are left out there by their own word, and those that check refuses.
func (r *Results) Skipped() map[string]int {
	return r.byRoad(func(s *ScriptResult) []Skipped { return s.Skips })
}

// Refused is as of Skipped.
func (r *Results) Refused() map[string]int {
	return r.byRoad(func(s *ScriptResult) []Skipped { return s.Refusals })
}

func (r *Results) byRoad(of func(*ScriptResult) []Skipped) map[string]int {
	n := map[string]int{}
	for _, s := range r.Scripts {
		for _, k := range of(s) {
			n[k.Road]++
		}
	}
	return n
}

// leftOut is the part of the line of counts that says what did not run where.
func (r *Results) leftOut() string {
	var b strings.Builder
	for _, part := range []struct {
		counts map[string]int
		what   string
	}{{r.Skipped(), "not run on"}, {r.Refused(), "refused on"}} {
		for _, road := range slices.Sorted(maps.Keys(part.counts)) {
			fmt.Fprintf(&b, ", %d %s %s", part.counts[road], part.what, road)
		}
	}
	return b.String()
}

// writeDeclined counts what roads were not for, by why.
func (r *Results) writeDeclined(b *strings.Builder) {
	var order []RoadResult
	counts := map[string]int{}
	for _, s := range r.Scripts {
		for _, e := range s.Evals {
			for _, road := range e.Roads {
				if road.Declined == "" && len(road.Uncounted) > 0 {
					road.Declined = "its counts of rows of sources, which are a batch report's"
				}
				if road.Declined == "" {
					continue
				}
				if counts[road.Road+road.Declined]++; counts[road.Road+road.Declined] == 1 {
					order = append(order, road)
				}
			}
		}
	}
	for _, road := range order {
		fmt.Fprintf(b, "not asked %s: %s: %s\n", road.Road, plural(counts[road.Road+road.Declined], "answer"), road.Declined)
	}
}

// maxShown is how many differences of one answer are printed; the rest are counted.
const maxShown = 20

func (er *EvalResult) write(b *strings.Builder, path string) {
	if !er.Failed() {
		return
	}
	fmt.Fprintf(b, "    %s:%d: eval %s\n", path, er.Line, er.Name)
	for _, f := range er.Failures {
		fmt.Fprintf(b, "        %s\n", strings.ReplaceAll(f, "\n", "\n        "))
	}
	for i, d := range er.Differences {
		if i == maxShown {
			fmt.Fprintf(b, "        and %d more\n", len(er.Differences)-i)
			break
		}
		fmt.Fprintf(b, "        %s\n", d)
	}
}

// Rewritten is the script with the oracle's answers where it has others or none, and whether that changes it. An answer that the script
// has by the promise stays as it is written.
func (s *ScriptResult) Rewritten() (text string, changed bool) {
	if s.file == nil {
		return s.text, false
	}
	answers := map[*script.Eval]script.Answer{}
	for _, e := range s.Evals {
		switch {
		case !e.stale:
		case e.now.Header != nil:
			answers[e.eval] = e.now
		case e.refusal != nil:
			answers[e.eval] = script.Answer{Refused: e.refusal}
		}
	}
	text = s.file.Rewrite(answers)
	return text, text != s.text
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
