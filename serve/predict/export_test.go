package predict

import (
	"testing"
	"time"
)

// Patient lets shadows and models that are asked for their health take as long as a test's goroutines do. To be called before a server is opened.
func Patient(t *testing.T) {
	shadow, health := shadowDeadline, healthWithin
	shadowDeadline, healthWithin = time.Hour, time.Hour
	t.Cleanup(func() { shadowDeadline, healthWithin = shadow, health })
}

// LeaveToOthers sets for a test which part of a request's time a model elsewhere leaves to those that can answer in its place. To be called before a
// server is opened.
func LeaveToOthers(t *testing.T, share float64) {
	before := othersShare
	othersShare = share
	t.Cleanup(func() { othersShare = before })
}
