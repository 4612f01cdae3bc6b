package engine

import (
	"encoding/json"

	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// MarshalJSON writes the report with its time in words.
func (r *Report) MarshalJSON() ([]byte, error) {
	type counts Report
	return json.Marshal(struct {
		*counts
		EarliestAt *string `json:"earliest_at"`
	}{(*counts)(r), moment(r.EarliestAt, r.SpineRows > 0)})
}

// MarshalJSON writes the counts with their times in words.
func (r *SourceReport) MarshalJSON() ([]byte, error) {
	type counts SourceReport
	used := r.Earliest != 0 || r.Latest != 0
	return json.Marshal(struct {
		*counts
		Earliest *string `json:"earliest"`
		Latest   *string `json:"latest"`
		First    *string `json:"first"`
	}{(*counts)(r), moment(r.Earliest, used), moment(r.Latest, used), moment(r.First, r.First != plan.MaxTime)})
}

// moment is a time as RFC 3339; null where there is none, or a row without a time counts since ever.
func moment(ms int64, there bool) *string {
	if !there || ms == plan.MinTime {
		return nil
	}
	text := value.FormatTimestamp(ms)
	return &text
}
