// Package model is what answers a vector of features with a prediction: the interface behind which runtimes stand.
//
// It knows nothing of features, views, endpoints or training. Runtimes stand in folders of their own (tree, onnx, remote) and only
// cmd/bighead/wire.go names them; each passes modeltest.Run. Adding one: a folder with an Open and a type that implements Model, its
// line in wire.go, and a call of modeltest.Run in its test.
//
// The words: an artifact is the file, or the address, in which a trained model lies. A margin is what a model adds up before its link
// (log-odds, a logarithm); a probability or a value is what the link makes of it.
package model

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/bighead-ml/bighead/value"
)

// Open opens the artifact at a location, which is a path, or for a runtime elsewhere an address. An artifact that is not of the
// runtime's formats is ErrForeign, so that the next runtime can be asked; whatever else is wrong with it is an error that names the
// location and the place in it. The context bounds the opening alone (a remote model's first health, a process that starts).
type Open func(ctx context.Context, location string) (Model, error)

// Model is an artifact that is ready to answer. It is safe for concurrent use, Close excepted.
type Model interface {
	// Info says what goes in and what comes out. It is the same at every call, and must not be changed.
	Info() *Info
	// Predict answers the rows of in: out[i] gets Info().Outputs[i], row by row, Width numbers each; a nil out[i] is not wanted. The
	// slices are the caller's, as long as Check asks, and of no meaning after an error. Nothing of in is changed or kept. A row that the
	// model cannot take is a *RowError and the whole call's: who wants the others asks again without it.
	//
	// The context's deadline is the caller's: past it the error is the context's. A runtime in this process looks at it between blocks
	// of rows, one that waits for another process ends its wait with it; it is that one's task to let the other side know.
	Predict(ctx context.Context, in *Batch, out [][]float64) error
	// Health is nil where a Predict could be answered now. A runtime in this process always is; one elsewhere asks, and what may pass by
	// itself is ErrUnavailable.
	Health(ctx context.Context) error
	// Close lets go of memory, connections and processes. No other call may run or follow.
	Close() error
}

// Info describes a model.
type Info struct {
	Format  string // of the artifact, with its version: "xgboost json 3.2.0"
	Inputs  []Input
	Outputs []Output
	Classes []string // names of the classes, by number; nil where the artifact has none
	// Invariant says that a row's answer depends on nothing but the row, to the bit: not on the rows beside it, nor on how many they
	// are. Where it is false (ONNX Runtime), comparing two runs needs a tolerance.
	Invariant bool
	// Elsewhere says that another process answers: it may be slow, away, or hang, though nothing is wrong here.
	Elsewhere bool
	// Light says that a row costs microseconds, and a call nothing beside its rows: nobody gains by waiting until the rows of several requests
	// are answered together.
	Light bool
}

// Input is one feature that a model reads.
type Input struct {
	Name string // as the artifact has it; "f0", "f1" … by place where it has none
	// Type is float or int, whose cells lie in Batch.Numbers, or string, in Batch.Texts.
	Type value.Type
	// Categorical says that the number is the code of a category: no order, no arithmetic.
	Categorical bool
}

// Kind says what an output's numbers are.
type Kind uint8

// The kinds of outputs.
const (
	Value       Kind = iota // what the model was trained to say: a mean, a count, a quantile, a score
	Probability             // in [0, 1]; Width 1: of the second of two classes
	Margin                  // before the link
	Class                   // a class's number, to be looked up in Info.Classes
	Leaf                    // by tree, the number of the leaf that the row came to, as the framework numbers them
	Untold                  // a number of which the artifact does not say what it is: the task of who asks does
)

var kindNames = [...]string{"value", "probability", "margin", "class", "leaf", "untold"}

// String is the kind's name in definitions and messages.
func (k Kind) String() string { return kindNames[k] }

// Output is one answer of a model, Width numbers a row.
type Output struct {
	Name  string
	Kind  Kind
	Width int
}

// Batch is rows of inputs, kept in two slabs so that it costs nothing to fill and nothing to use again. Inputs of type float or int
// stand in Numbers, row after row, in the order of Info.Inputs without the others; strings in Texts likewise. A number that is missing
// is NaN. Integers beyond 2^53 have no place in it, and no format takes a text that is missing: imputing is for who fills the batch.
type Batch struct {
	Rows    int
	Numbers []float64
	Texts   []string
}

// ErrForeign says that an artifact is of a format, or has parts, that the runtime does not run; another may.
var ErrForeign = errors.New("not an artifact of this runtime")

// ErrUnavailable is what every error is that may pass by itself: a lost connection, a process that starts.
var ErrUnavailable = errors.New("the model cannot be reached")

// RowError says that a row holds what the model refuses.
type RowError struct {
	Row    int
	Input  string
	Reason string
}

// Error names row and input, never the value.
func (e *RowError) Error() string {
	return fmt.Sprintf("row %d: input %q: %s", e.Row, e.Input, e.Reason)
}

// Widths are how many numbers and texts a row has.
func (in *Info) Widths() (numbers, texts int) {
	for i := range in.Inputs {
		if in.Inputs[i].Type.Kind == value.KindString {
			texts++
		} else {
			numbers++
		}
	}
	return numbers, texts
}

// Check says what is wrong with the shape of a call of Predict, for runtimes, which all refuse the same. numbers and texts are Widths.
func (in *Info) Check(b *Batch, out [][]float64, numbers, texts int) error {
	switch {
	case b.Rows < 0:
		return fmt.Errorf("%d rows", b.Rows)
	case !holds(b.Rows, numbers, len(b.Numbers)):
		return fmt.Errorf("%d numbers for %d rows of %d: the model takes as many in each row as it has inputs of type float and int", len(b.Numbers), b.Rows, numbers)
	case !holds(b.Rows, texts, len(b.Texts)):
		return fmt.Errorf("%d texts for %d rows of %d: the model takes as many in each row as it has inputs of type string", len(b.Texts), b.Rows, texts)
	case len(out) > len(in.Outputs):
		return fmt.Errorf("%d outputs are asked for, the model has %d", len(out), len(in.Outputs))
	}
	for i, o := range out {
		if o != nil && !holds(b.Rows, in.Outputs[i].Width, len(o)) {
			return fmt.Errorf("output %q: room for %d numbers, %d rows of %d were asked for", in.Outputs[i].Name, len(o), b.Rows, in.Outputs[i].Width)
		}
	}
	return nil
}

// holds reports rows*width == n, also where the product would not fit.
func holds(rows, width, n int) bool {
	return (rows == 0 || width <= math.MaxInt/rows) && rows*width == n
}

// Output is the place of the first output of a kind in Info.Outputs, or -1.
func (in *Info) Output(k Kind) int {
	for i := range in.Outputs {
		if in.Outputs[i].Kind == k {
			return i
		}
	}
	return -1
}
