package feature

import (
	"slices"

	"github.com/bighead-ml/bighead/agg/tile"
	"github.com/bighead-ml/bighead/value"
)

// Served is what one request was answered with, and what the answer was read by: enough to compute the same rows again, and to tell what an
// online store could know of when it answered (docs/data-path.md §7).
//
// It is filled by one goroutine and then handed on; nothing in it is shared with the request.
type Served struct {
	View    *View
	Version int64 // of what is applied; 0: unknown
	Time    int64 // when it was answered, by the wall's clock, ms
	At      int64 // as of when, ms
	// Columns are which of the view's columns the rows have: those asked for, and the inputs of derived ones.
	Columns []int
	Rows    []ServedRow
	Reads   []ServedRead

	values   []value.Value // behind the rows
	statuses []Status
	reads    []int32
}

// ServedRow is one row of an answer.
type ServedRow struct {
	// Asked are the keys and request fields, in the order of View.Asked.
	Asked []value.Value
	// Values and Statuses are by Served.Columns.
	Values   []value.Value
	Statuses []Status
	// Reads are which of Served.Reads its features are made of.
	Reads []int32
	// Prediction names the prediction that was made of it; "": none was.
	Prediction string
}

// ServedRead is what one key of one group was read by.
type ServedRead struct {
	Join int  // of the view
	Rows bool // the read is of kept rows, and not of tiles
	// At is the time that it was computed for, ms: Served.At, or before it where a group's max_staleness allows an answer that is known.
	At int64
	// Batch is the watermark: what ends at or before it is batch's. Complete is since when the stream is complete, Generation and Loaded
	// which of batch's loads was read and when it took its rows, ms; tile.None where there is none.
	Batch, Complete, Generation, Loaded int64
	// Applied is how far the space had come before it was read: every row up to there is in what was read, if it may be at all.
	Applied tile.Positions
	// Read is the latest position in what was read of the key: no row of the key after it is in.
	Read tile.Positions
}

// Asked are a view's keys and request fields, each once, in the order in which a request's row has them.
func (v *View) Asked() []Key {
	var out []Key
	seen := map[string]bool{}
	for _, keys := range [][]Key{v.Keys, v.Request} {
		for _, k := range keys {
			if !seen[k.Name] {
				seen[k.Name] = true
				out = append(out, k)
			}
		}
	}
	return out
}

// AskedKeys are those of Asked whose values can be part of a key: what truth that is known elsewhere can find a request by.
func (v *View) AskedKeys() []Key {
	return slices.DeleteFunc(v.Asked(), func(k Key) bool { return !k.Type.Key() })
}

// Reset makes it an empty record of a request, and keeps its memory.
func (s *Served) Reset() {
	clear(s.values)
	*s = Served{Columns: s.Columns[:0], Rows: s.Rows[:0], Reads: s.Reads[:0], values: s.values[:0], statuses: s.statuses[:0], reads: s.reads[:0]}
}

// Cells is about how much memory it takes, in values.
func (s *Served) Cells() int {
	if len(s.Rows) == 0 {
		return 0
	}
	return len(s.Rows) * (len(s.Rows[0].Asked) + len(s.Columns))
}

// Add adds a row of so many columns and reads, to be filled by the caller, with its keys and request fields copied.
func (s *Served) Add(asked []value.Value, reads int) *ServedRow {
	var r ServedRow
	r.Asked = take(&s.values, len(asked))
	copy(r.Asked, asked)
	r.Values, r.Statuses, r.Reads = take(&s.values, len(s.Columns)), take(&s.statuses, len(s.Columns)), take(&s.reads, reads)
	s.Rows = append(s.Rows, r)
	return &s.Rows[len(s.Rows)-1]
}

// take cuts n elements off the end of what is there, and makes room where there is none: what was cut off before stays where it is.
func take[T any](all *[]T, n int) []T {
	from := len(*all)
	if from+n > cap(*all) {
		*all = make([]T, 0, max(2*cap(*all), n, 64))
		from = 0
	}
	*all = (*all)[:from+n]
	out := (*all)[from : from+n : from+n]
	clear(out)
	return out
}
