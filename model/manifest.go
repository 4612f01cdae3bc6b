package model

import (
	"encoding/json"

	"github.com/bighead-ml/bighead/value"
)

// ManifestVersion is the format of manifest.json. A bighead reads its own and those before: 1 knows of no Popular.
const ManifestVersion = 2

// Manifest is manifest.json of an artifact: all that it takes to answer with a trained model, beside the model's own files.
type Manifest struct {
	Version int    `json:"version"` // ManifestVersion
	Model   string `json:"model"`   // as defined
	Task    Task   `json:"task"`

	// View is the feature view whose columns go in; Fingerprint is the one that it had when the model learned.
	View        string `json:"view"`
	Fingerprint string `json:"fingerprint"`
	// Columns are those of the view that go in, in their order.
	Columns []ManifestColumn `json:"columns"`
	// Pipeline is a fitted transform.Pipeline; null: the columns go in as they are.
	Pipeline json.RawMessage `json:"pipeline,omitempty"`
	// Runtime is the folder under model/ that answers: "tree", "onnx", "remote", "python". File is what it opens: a path in the artifact, or
	// for a model elsewhere its address.
	Runtime string `json:"runtime"`
	File    string `json:"file"`
	// Inputs are which columns, of the pipeline's or of Columns, the model's inputs are, in the order of Info.Inputs.
	Inputs []string `json:"inputs"`
	// Classes are the labels' values by class, as text; nil where the task has none, or they are the numbers 0, 1, ….
	Classes []string `json:"classes,omitempty"`
	// Check are rows of the training set as they went into the model, with what its framework answered.
	Check []CheckRow `json:"check"`
	// Framework is what trained it, with its version: "lightgbm 4.7.0".
	Framework string `json:"framework,omitempty"`
	// Reference is what drift is measured against, by column and for the scores: a drift.Reference (model/drift).
	Reference json.RawMessage `json:"reference,omitempty"`
	// Popular is what the rows that it learned from say as a whole, in the shape of the task's answer: of classes the share of each, of two that of
	// the second, of values the lower median. It is what can be answered where the model cannot. nil: there was no label, the task is ranking, or
	// the manifest is of format 1.
	Popular []float64 `json:"popular,omitempty"`
}

// ManifestColumn is a column of a view.
type ManifestColumn struct {
	Name        string     `json:"name"`
	Type        value.Type `json:"type"`
	Fingerprint string     `json:"fingerprint"`
}

// CheckRow is one row in the order of Manifest.Inputs: numbers and texts as in a Batch, a missing number being null, and the answer of the
// task's output, of which none is missing.
type CheckRow struct {
	Numbers []*float64 `json:"numbers,omitempty"`
	Texts   []string   `json:"texts,omitempty"`
	Answer  []float64  `json:"answer"`
}

// Task is what a model is asked.
type Task string

// The tasks.
const (
	Binary     Task = "binary"     // the probability of the second of two classes
	Multiclass Task = "multiclass" // probabilities by class
	Regression Task = "regression" // a value
	Ranking    Task = "ranking"    // a score whose order alone means something
)
