package audit

import (
	"testing"
	"time"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
)

// Written is how the vectors of a view lie in files, and Fits whether an audit reads files that lie so.
func Written(v *feature.View) value.Schema           { return shapeOf(v).written() }
func Fits(v *feature.View, schema value.Schema) bool { return shapeOf(v).fits(schema) }

// TurnHour does what a log does when an hour is over; the log must have been closed.
func (l *Log) TurnHour(now time.Time) { l.turnHour(now) }

// JoinAtOnce sets for a test how many labels are joined at a time, and how many numbers there may be of what is labelled.
func JoinAtOnce(t *testing.T, labels, numbers int) {
	before, most := labelsAtOnce, mostNumbers
	labelsAtOnce, mostNumbers = labels, numbers
	t.Cleanup(func() { labelsAtOnce, mostNumbers = before, most })
}
