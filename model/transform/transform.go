// Package transform is the pipeline between a view's columns and a model: a closed set of typed steps, checked when they are declared,
// fitted once over a training set to plain constants, and applied by this code alone, to training rows and to requests (docs/models.md).
//
// A kind of step stands in a file of its own: its name, its arguments, its check, its fit, its application; the table of table.go lists
// them, and nothing else knows which there are. To add one, write its file and put one line into the table; the documentation
// (docs/transforms.md, by go generate), the function of the SDK, the examples as tests and the fuzzed reader follow.
//
// A step is bound to columns as drafts, each of a few columns, mostly one. A draft that must see rows has a learner; what it learns is an
// op, the constants and how they are applied. Check binds and goes no further; Fit binds again, over the columns as they then are; Decode
// has the ops and only looks whether they fit. It knows columns and their types; views, features, models and files are others' business.
//
// Missing is null, and only null: by the contract (V2) NaN and infinities are null, so a cell that would become one does, and one that
// comes in is taken as null by every step that reads numbers.
package transform

import (
	"encoding/json"
	"iter"

	"github.com/bighead-ml/bighead/value"
)

// Step is one step as it was declared.
type Step struct {
	// Kind is the step's name: "impute", "one_hot".
	Kind string `json:"kind"`
	// Columns are what it reads: names, globs ("wx__*"), or the selectors "@numeric" (int and float that are no codes of categories),
	// "@strings", "@bools", "@times" (timestamp, date) and "@all", over the columns that the steps before it leave, in their order.
	Columns []string `json:"columns"`
	// Args are its arguments by name, as JSON: {"strategy": "median", "indicator": true}. nil: none was given.
	Args json.RawMessage `json:"args,omitempty"`
}

// Problem is what is wrong with a declared step. Its place is the step's, or an argument's or a column's of it.
type Problem struct {
	Step    int
	Column  int    // of Step.Columns; -1: none of them
	Arg     string // "": no argument
	Message string
	Cure    string
	Got     string   // a name that is not known, for the nearest one
	Names   []string // those that are
}

// Column is one column that a step or a pipeline leaves.
type Column struct {
	Name string     `json:"name"`
	Type value.Type `json:"type"`
	// From are the columns of the pipeline's input that it is made of, sorted: lineage.
	From []string `json:"from"`
	// Categorical says that its number is the code of a category.
	Categorical bool `json:"categorical,omitempty"`
	// Family says that it stands for as many columns as fitting finds, of names like it: "carrier_*". Check alone leaves such.
	Family bool `json:"family,omitempty"`
}

// Rows are a training set's columns, read anew each time they are ranged over: a step that needs to see them twice ranges twice. The
// batches have the columns of the schema that they were made for, in its order, and may have others after them: the target. They come in
// the same order each time, for a row's number says which fold it is of. An error ends it.
type Rows func() iter.Seq2[*value.Batch, error]
