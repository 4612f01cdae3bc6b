package agg

import (
	"fmt"
	"strings"

	"github.com/bighead-ml/bighead/value"
)

// FoldKind is one of the closed set of mergeable states.
type FoldKind uint8

// The kinds. Rows below means Fold.Rows: rows with a null input count too, which is the only form without an input.
const (
	KindCount        FoldKind = iota // CountState: rows, or non-null inputs
	KindIntSum                       // IntSumState: exact, 128 bits
	KindFloatSum                     // FloatSumState
	KindMoments                      // MomentsState: n, mean and central power sums up to Order
	KindExtreme                      // ExtremeState, of numbers NumberExtremeState: the least input, the greatest with Last
	KindTimeBound                    // TimeState: the least time, the greatest with Last; Rows
	KindEdge                         // EdgeState: the first event by E2, the last with Last; Rows
	KindEventList                    // EventListState: the K first events by E2, the last with Last
	KindValueList                    // ValueListState: the K least inputs, the greatest with Last; Distinct
	KindTextCounts                   // TextCountsState: a map of sums, from string to count
	KindBucketCounts                 // BucketCountsState: a map of sums, from bucket of A2 to count
	KindRegisters                    // RegistersState: a map of maxima, from register of A1 to rank
)

// Fold is one state to keep: its kind, the type of the input that is folded, and what the kind needs. Fields that a kind does not name
// are zero. Under By the state is a map from the string of by to the fold's state (A3).
type Fold struct {
	Kind     FoldKind
	In       value.Type // the input's type; Null where there is none
	Rows     bool       // count, timebound, edge
	Last     bool       // extreme, timebound, edge, eventlist, valuelist
	Distinct bool       // valuelist
	K        int        // eventlist, valuelist
	Order    int        // moments: 2, 3 or 4
	Bits     int        // bucketcounts: mantissa bits; registers: register bits
	By       bool
	ByMax    int
}

// State is what a fold knows about a set of events. Not safe for concurrent use, but methods other than Add, Merge and Reset only read.
type State interface {
	// Add takes one event in. Nothing of e is kept but its values; e and e.Tie may be reused.
	Add(e *Event)
	// Merge takes in all events of other, which must be a state of the same fold and is neither changed nor kept.
	Merge(other State)
	// Clone is a copy that shares nothing that changes.
	Clone() State
	// Reset makes it the state of no event.
	Reset()
	// Cells appends the values of the fold's Columns, which a finish's Text reads.
	Cells(dst []value.Value) []value.Value

	append(dst []byte) []byte
	decode(r *reader) error // into a state that New or Reset made
}

// foldKind is what is to be known about a kind: the one place that lists them.
type foldKind struct {
	name    string
	version int // of its meaning and its encoding; a change makes new fingerprints
	make    func(f Fold) State
	columns func(f Fold) []value.Field
}

var foldKinds = [...]foldKind{
	KindCount:        {"count", 1, func(f Fold) State { return &CountState{rows: f.Rows} }, fields("n", value.Int)},
	KindIntSum:       {"intsum", 1, func(Fold) State { return &IntSumState{} }, fields("sum", value.Int, "total", value.Float)},
	KindFloatSum:     {"floatsum", 1, func(Fold) State { return &FloatSumState{} }, fields("total", value.Float)},
	KindMoments:      {"moments", 1, func(f Fold) State { return &MomentsState{order: f.Order} }, momentsColumns},
	KindExtreme:      {"extreme", 1, newExtreme, inputColumn},
	KindTimeBound:    {"timebound", 1, func(f Fold) State { return &TimeState{rows: f.Rows, last: f.Last} }, fields("ts", value.Int)},
	KindEdge:         {"edge", 1, func(f Fold) State { return &EdgeState{in: f.In, rows: f.Rows, last: f.Last} }, inputColumn},
	KindEventList:    {"eventlist", 1, newEventList, listColumn},
	KindValueList:    {"valuelist", 1, newValueList, listColumn},
	KindTextCounts:   {"textcounts", 1, func(Fold) State { return &TextCountsState{} }, fields()},
	KindBucketCounts: {"bucketcounts", 1, func(f Fold) State { return &BucketCountsState{bits: f.Bits} }, fields()},
	KindRegisters:    {"registers", 1, func(f Fold) State { return &RegistersState{bits: f.Bits} }, fields()},
}

// fields makes the columns of a kind of pairs of name and type.
func fields(pairs ...any) func(Fold) []value.Field {
	var out []value.Field
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, value.Field{Name: pairs[i].(string), Type: pairs[i+1].(value.Type)})
	}
	return func(Fold) []value.Field { return out }
}

func inputColumn(f Fold) []value.Field { return []value.Field{{Name: "value", Type: f.In}} }

func listColumn(f Fold) []value.Field { return []value.Field{{Name: "list", Type: value.ListOf(f.In)}} }

func momentsColumns(f Fold) []value.Field {
	names := []string{"mean", "m2", "m3", "m4"}[:f.Order]
	out := []value.Field{{Name: "n", Type: value.Int}}
	for _, n := range names {
		out = append(out, value.Field{Name: n, Type: value.Float})
	}
	return out
}

// String is the kind's name.
func (k FoldKind) String() string { return foldKinds[k].name }

// ID is the canonical text of the fold, for fingerprints: its kind with the version of its meaning and encoding, the input's type and
// all its settings. States of folds with other IDs never merge.
func (f Fold) ID() string {
	var b strings.Builder
	kind := foldKinds[f.Kind]
	fmt.Fprintf(&b, "%s/%d", kind.name, kind.version)
	if f.In.Kind != value.KindNull {
		fmt.Fprintf(&b, " %s", f.In)
	}
	for _, flag := range []struct {
		name string
		on   bool
	}{{"rows", f.Rows}, {"last", f.Last}, {"distinct", f.Distinct}} {
		if flag.on {
			b.WriteString(" " + flag.name)
		}
	}
	for _, number := range []struct {
		name string
		n    int
	}{{"k", f.K}, {"order", f.Order}, {"bits", f.Bits}} {
		if number.n != 0 || number.name == "bits" && f.Kind == KindBucketCounts {
			fmt.Fprintf(&b, " %s=%d", number.name, number.n)
		}
	}
	if f.By {
		fmt.Fprintf(&b, " by/%d max=%d", byVersion, f.ByMax)
	}
	return b.String()
}

// Columns are the names and types of what the state shows to a finish's Text, under by of each entry's state. Names are distinct
// among the folds of one aggregation.
func (f Fold) Columns() []value.Field { return foldKinds[f.Kind].columns(f) }

// New makes the state of no event.
func (f Fold) New() State {
	if f.By {
		return &ByState{fold: f.inner(), max: f.ByMax}
	}
	return foldKinds[f.Kind].make(f)
}

// Fixed reports whether states of the fold have a size that no event changes, and refer to nothing that does: a copy of a state shares nothing
// with it.
func (f Fold) Fixed() bool {
	switch f.Kind {
	case KindCount, KindIntSum, KindFloatSum, KindMoments, KindExtreme, KindTimeBound:
		return !f.By
	}
	return false
}

// inner is the fold of one entry of by.
func (f Fold) inner() Fold {
	f.By, f.ByMax = false, 0
	return f
}
