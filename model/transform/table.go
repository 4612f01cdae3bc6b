package transform

import (
	"slices"

	"github.com/bighead-ml/bighead/value"
)

//go:generate go test . -run ^TestDocumentationIsCurrent$ -rewrite

// table is every kind of step, in the order of the documentation. A new one is one file and one line here.
var table []*Kind

// The table is filled when the package starts, since steps ask for kinds while they are themselves in it.
func init() {
	table = []*Kind{
		impute, standard, minMax, robust, clip, log1p, bucketize,
		oneHot, ordinal, hashing, targetEncode, countEncode,
		dateParts, cyclic, cross, bagOfWords, tfIDF, embedding, expand,
		drop, selectKind, rename,
	}
}

// Kind is one line of the table: a kind of step. Kinds are made in this package and never change.
type Kind struct {
	Name     string
	Doc      string       // what it does, in Markdown
	Names    string       // what its columns are called, in Markdown
	Nulls    string       // what a null becomes, and what is null, in Markdown
	Takes    []value.Kind // the types of columns; nil: every type
	Texts    bool         // lists of strings too
	Target   bool         // it is fitted to the label
	Many     bool         // its columns are read together; else each by itself
	Params   []Param      // in the order of the documentation
	Examples []Example

	draft func(b *binding)
	op    func() op // an op without constants, into which JSON is read
}

// Param documents one argument.
type Param struct {
	Name       string
	Doc        string // a phrase
	Type       ParamType
	Default    string   // as Python writes it; "": it must be given
	Choices    []string // of a text, or of the texts of a list; nil: any
	Positional bool     // it may be given without its name
}

// ParamType is the type of an argument.
type ParamType uint8

// The types of arguments.
const (
	Number        ParamType = iota // a finite number
	Whole                          // a whole number
	Truth                          // true or false
	Text                           // a string
	Numbers                        // a list of finite numbers
	TextList                       // a list of strings
	Constant                       // a value of a column
	NumberOrText                   // a finite number, or a word of Choices
	WholeOrText                    // a whole number, or a word of Choices
	VectorsByText                  // lists of numbers, all of one length, by string
)

// Example is shown in the documentation and run as a test. Columns are written "name type: cell | cell", cells as value.Parse reads them;
// the last of In is the target where the kind has one.
type Example struct {
	In      []string
	Columns []string // of the step; nil: all of In but the target
	Args    string   // as JSON
	Want    []string // what Apply gives for the rows that it was fitted over
	Remark  string
}

// Kinds lists the kinds of steps. The slice is the caller's.
func Kinds() []*Kind { return slices.Clone(table) }

// Lookup finds a kind by its name.
func Lookup(name string) (*Kind, bool) {
	for _, k := range table {
		if k.Name == name {
			return k, true
		}
	}
	return nil, false
}

// KindNames lists the kinds' names.
func KindNames() []string {
	out := make([]string, len(table))
	for i, k := range table {
		out[i] = k.Name
	}
	return out
}

func (k *Kind) takes(t value.Type) bool {
	return k.Takes == nil && !k.Texts || slices.Contains(k.Takes, t.Kind) || k.Texts && t.Equal(value.ListOf(value.String))
}

// The types that several kinds take.
var (
	numeric    = []value.Kind{value.KindInt, value.KindFloat}
	categories = []value.Kind{value.KindBool, value.KindInt, value.KindString, value.KindDate}
)

// op is a step as fitted to a few columns. As JSON it is its constants. After it was made it never changes, so that many may apply it.
type op interface {
	// outputs are the types of the columns that it makes of columns of those types, and whether they are codes of categories. An error says
	// that the constants, which may come from a damaged file, do not fit them, or one another; after nil, apply cannot panic. It may make
	// what apply looks things up in.
	outputs(in []value.Type) ([]output, error)
	// apply fills each of c.out, whose cells are zero and not null, from c.in.
	apply(c *call) error
}

type output struct {
	Type        value.Type
	Categorical bool
}

// maxColumns is how many columns a step makes of one at most.
const maxColumns = 10_000

func outputsOf(t value.Type, n int) []output {
	out := make([]output, n)
	for i := range out {
		out[i].Type = t
	}
	return out
}

// learner sees the training rows of a draft's columns, batch after batch.
type learner interface {
	add(s *sample) error
	// finish says what was learnt: the op, and where the draft left the names of its columns open, what comes after the family's name.
	// again: it wants to see all rows once more before it can say.
	finish() (learned op, names []string, again bool, err error)
}

// sample is what a learner sees of a batch.
type sample struct {
	in     []*value.Column
	target *value.Column // nil: none was named
	n      int
	first  int64 // the number of its first row among all
}
