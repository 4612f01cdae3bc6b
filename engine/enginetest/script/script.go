package script

import (
	"fmt"
	"slices"
	"strings"
)

// File is one script, read. Its steps are in the order of the text.
type File struct {
	Path  string
	Rules []string // cited in comments, sorted, each once
	// Define is the Python of the script, or nil where Uses name files.
	Define *Block
	Uses   []Cell // paths, relative to the project's folder
	Skips  []Skip
	Steps  []Step
	// Expect is what is expected of the definitions themselves; nil: that they are right.
	Expect *Expect

	lines []string
}

// Block is an indented text, with its common indentation removed.
type Block struct {
	Text   string
	Line   int // of its first line
	Indent int // bytes removed from each line
}

// Skip says that a road does not run the script.
type Skip struct {
	Engine, Reason string
	Line           int
}

// Step is a Load or an Eval.
type Step struct {
	Load *Load
	Eval *Eval
}

// Load adds rows to a source, or to a spine's place.
type Load struct {
	Name Cell
	// Partition, where its column is named, is the partition that the rows belong to; it exists though there be no rows.
	Partition Partition
	Table     Table
}

// Partition is a column and its value.
type Partition struct {
	Column string
	Value  Cell
}

// Kind says what an Eval asks; Any is whatever has the name.
type Kind string

// The kinds of what can be asked.
const (
	Any         Kind = ""
	Group       Kind = "group"
	View        Kind = "view"
	TrainingSet Kind = "training set"
)

// Eval asks a group, a view or a training set.
type Eval struct {
	Kind   Kind
	Name   Cell
	Table  Table // no header: a training set over its own spine
	Expect Expect
}

// Expect is what stands under `----`.
type Expect struct {
	Line     int // of the ----
	Table    Table
	Errors   []Refusal
	Warnings []Refusal
	Counts   []Count

	first, last int // lines of the rows or refusals, 1-based; last < first: none yet
}

// Refusal is an expected mistake: its number, a part of its message, or both.
type Refusal struct {
	Code, Message string
	Line          int
}

// Matches reports whether a mistake of that number and message is the one meant.
func (r Refusal) Matches(code, message string) bool {
	return (r.Code == "" || r.Code == code) && strings.Contains(message, r.Message)
}

// String is the refusal as scripts write it, without the word before it.
func (r Refusal) String() string {
	if r.Message == "" {
		return r.Code
	}
	return r.Code + ": " + r.Message
}

// Count is one line under `counts`: what a run must report.
type Count struct {
	Name string
	N    int64
	Line int
}

// Table is a header and rows of as many cells; no header: no table.
type Table struct {
	Header []Cell
	Rows   []Row
}

// Column is the position of the column of that name, or -1.
func (t *Table) Column(name string) int {
	return slices.IndexFunc(t.Header, func(c Cell) bool { return c.Text == name })
}

// Row is one line of a table.
type Row []Cell

// Cell is a text and its place, both 1-based; columns count code points.
type Cell struct {
	Text      string
	Line, Col int
}

// Error is a mistake in a script, printed as file:line:col: message.
type Error struct {
	Path      string
	Line, Col int
	Message   string
}

// Error prints the place and what is wrong.
func (e *Error) Error() string { return fmt.Sprintf("%s:%d:%d: %s", e.Path, e.Line, e.Col, e.Message) }

// ErrorAt makes an error about a cell of the script.
func (f *File) ErrorAt(c Cell, format string, args ...any) *Error {
	return &Error{f.Path, c.Line, c.Col, fmt.Sprintf(format, args...)}
}

// Evals lists the script's questions in order.
func (f *File) Evals() []*Eval {
	var out []*Eval
	for _, s := range f.Steps {
		if s.Eval != nil {
			out = append(out, s.Eval)
		}
	}
	return out
}

// Text is the script as it was read.
func (f *File) Text() string { return strings.Join(f.lines, "\n") }
