package agg

import (
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/value"
)

// table is every aggregation of the contract, in the order of §5. A new one is one file and one line here.
var table = []*Aggregation{
	count, sum, avg,
	minimum, maximum,
	variance, stddev, skewness, kurtosis,
	first, last, firstRow, lastRow,
	firstK, lastK, topK, bottomK, distinctK,
	countDistinct, approxCountDistinct, approxQuantile, histogram,
	timeSinceLast, timeSinceFirst,
	latest,
}

// Need says whether an aggregation takes an input.
type Need uint8

// An input is required, or optional as in count() and count("x").
const (
	Required Need = iota
	Optional
)

// InputRule says what an aggregation takes.
type InputRule struct {
	Need  Need
	Kinds []value.Kind // those allowed; nil: every type
}

// Allows reports whether an input of that type is taken.
func (r InputRule) Allows(in value.Type) bool {
	return in.Kind != value.KindNull && (r.Kinds == nil || slices.Contains(r.Kinds, in.Kind))
}

// String lists the types taken, as documentation and messages do: "int, float or bool".
func (r InputRule) String() string {
	if r.Kinds == nil {
		return "any type"
	}
	names := make([]string, len(r.Kinds))
	for i, k := range r.Kinds {
		names[i] = k.String()
	}
	if len(names) == 1 {
		return names[0]
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}

// The kinds that several aggregations take.
var (
	numeric = []value.Kind{value.KindInt, value.KindFloat}
	ordered = []value.Kind{value.KindBool, value.KindInt, value.KindFloat, value.KindString, value.KindBytes, value.KindTimestamp, value.KindDate}
)

// Aggregation is one line of the table of §5. All are made in this package and never change; every method may be called from many
// goroutines.
type Aggregation struct {
	Name     string
	Doc      string    // what it is, in Markdown, for docs/aggregations.md
	Input    InputRule // what it takes
	Params   []Param   // the parameters of its own, in the order of documentation
	Entity   bool      // over entity sources, and only over them (E5)
	Chooses  bool      // the last bit of an input may decide what is counted or kept: X9 wants inputs that engines agree on
	Version  int       // of the finish; goes into fingerprints (I1)
	Examples []Example

	cures  map[value.Kind]string // of an input that is refused, where the general cure would not do
	output func(in value.Type, p Params) value.Type
	plain  func(in value.Type, p Params, events []Event, asOf int64) value.Value
	folds  func(in value.Type, p Params) []Fold
	finish func(in value.Type, p Params, states []State, asOf int64) value.Value
	text   func(in value.Type, p Params) string // nil: finish alone
	spark  func(in value.Type, p Params) string // where text is nil; nil: Spark cannot finish it
	rule   func(in value.Type) Rule             // nil: Exact
}

// Example is shown in the documentation and runs as a test: events one second apart from 00:00:01 on, asked at 00:01:00.
type Example struct {
	Input  value.Type // the type of the cells; Null for an aggregation without an input
	Cells  []string   // the input of each event, oldest first, as value.Parse reads them
	By     []string   // the by of each event; nil: no by
	Args   Args
	Want   string // the value as text
	Remark string // what the example shows
}

// All lists the aggregations in the order of §5. The slice is the caller's.
func All() []*Aggregation { return slices.Clone(table) }

// Lookup finds an aggregation by the name that definitions use.
func Lookup(name string) (*Aggregation, bool) {
	for _, a := range table {
		if a.Name == name {
			return a, true
		}
	}
	return nil, false
}

// Names lists the aggregations' names in the order of §5.
func Names() []string {
	out := make([]string, len(table))
	for i, a := range table {
		out[i] = a.Name
	}
	return out
}

// Plain is the definition: the value over the events of E(k, t) that pass where, in the order of E2 (SortEvents). in and p are those
// that Check saw and filled, the zero Type without an input; asOf is `a` of §4. It is written to be read, not to be fast: the oracle
// alone uses it.
func (a *Aggregation) Plain(in value.Type, p Params, events []Event, asOf int64) value.Value {
	if !p.By {
		return a.plain(in, p, events, asOf)
	}
	groups := map[string][]Event{}
	for _, e := range events {
		if !e.By.IsNull() {
			groups[e.By.Str()] = append(groups[e.By.Str()], e)
		}
	}
	var entries []value.Entry
	for _, key := range sortedKeys(groups) {
		if len(entries) < p.ByMax {
			entries = append(entries, value.Entry{Key: key, Value: a.plain(in, p, groups[key], asOf)})
		}
	}
	return value.OfMap(entries)
}

// Folds are the states that make the value, in the order in which Finish wants them. Folds with equal IDs over the same input,
// where and by are one state, which features share.
func (a *Aggregation) Folds(in value.Type, p Params) []Fold {
	folds := a.folds(in, p)
	for i := range folds {
		folds[i].By, folds[i].ByMax = p.By, p.ByMax
	}
	return folds
}

// Finish makes the value of the states of Folds, which it only reads.
func (a *Aggregation) Finish(in value.Type, p Params, states []State, asOf int64) value.Value {
	if !p.By {
		return a.finish(in, p, states, asOf)
	}
	groups := states[0].(*ByState)
	inner := make([]State, len(states))
	entries := make([]value.Entry, 0, len(groups.Groups))
	for _, key := range sortedKeys(groups.Groups) {
		for i, s := range states {
			inner[i] = s.(*ByState).Groups[key]
		}
		entries = append(entries, value.Entry{Key: key, Value: a.finish(in, p, inner, asOf)})
	}
	return value.OfMap(entries)
}

// Text is the finish as an expression over the columns of the folds (Fold.Columns) and as_of (int, ms), for engines that print or
// vectorise it; false where the finish is a function of ours. Under by it is the finish of one entry.
func (a *Aggregation) Text(in value.Type, p Params) (string, bool) {
	if a.text == nil {
		return "", false
	}
	return a.text(in, p), true
}

// Spark is the finish as Spark SQL where it is a function of ours; false where there is none. $list stands for what engine/spark keeps of the
// one fold, an array in ascending order: of textcounts each string as v with how often it came as n, of bucketcounts the midpoint of a bucket as
// v with how many inputs lie in it as n, which may come more than once, of registers each distinct register · 256 + rank. Under by it is the
// finish of one entry.
func (a *Aggregation) Spark(in value.Type, p Params) (string, bool) {
	if a.spark == nil {
		return "", false
	}
	return a.spark(in, p), true
}
