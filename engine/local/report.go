package local

import "github.com/bighead-ml/bighead/engine"

// addReport adds what a worker counted to a source's report.
func addReport(r, w *engine.SourceReport) {
	r.NullTime += w.NullTime
	r.NullKey += w.NullKey
	r.Where += w.Where
	r.NullKnownAt += w.NullKnownAt
	r.Duplicates += w.Duplicates
	r.Conflicts += w.Conflicts
	r.OtherKeys += w.OtherKeys
	r.Ties += w.Ties
	r.Revised += w.Revised
	if w.Used == 0 {
		return
	}
	if r.Used == 0 {
		r.Earliest, r.Latest = w.Earliest, w.Latest
	}
	r.Used += w.Used
	r.Earliest, r.Latest = min(r.Earliest, w.Earliest), max(r.Latest, w.Latest)
}

// outcome says what became of a value.
type outcome uint8

const (
	present outcome = iota
	defaulted
	unknownKey // from here on the value is null
	noEvent
	nullInput
	computed
)

// countOutcomes adds the outcomes of a column.
func countOutcomes(r *engine.ValueReport, counts *[1 << outcomeBits]int64) {
	r.Defaults += counts[defaulted]
	r.UnknownKey += counts[unknownKey]
	r.NoEvent += counts[noEvent]
	r.NullInput += counts[nullInput]
	r.Computed += counts[computed]
	for o := unknownKey; o <= computed; o++ {
		r.Nulls += counts[o]
	}
}
