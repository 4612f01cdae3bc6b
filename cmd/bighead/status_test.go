package main

import (
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// The status says of which time nothing is known, and what to do about it, and nothing where all is known.
func TestStatusNamesTheCureOfPartialValues(t *testing.T) {
	const day = value.DayMS
	for _, c := range []struct {
		batch, complete int64
		says            string
	}{
		{plan.MinTime, plan.MinTime, ""},
		{plan.MinTime, 3 * day, "group g: what happened before 1970-01-04T00:00:00Z is neither"},
		{2 * day, 3 * day, "group g: what happened from 1970-01-03T00:00:00Z to 1970-01-04T00:00:00Z is neither"},
		{3 * day, 3 * day, ""},
		{4 * day, 3 * day, ""},
		{2 * day, plan.MaxTime, ""}, // the clock of the events has not begun
	} {
		var out strings.Builder
		s := onlineStatus{Store: "memory", Stream: streamStatus{Sources: []sourceStatus{{Source: "e", Groups: []groupStatus{
			{Group: "g", Unseen: unseenOf(plan.Marks{Batch: c.batch, Complete: c.complete})}}}}}}
		if err := (&cli{stdout: &out}).printStatus(&s); err != nil {
			t.Fatal(err)
		}
		said := strings.Contains(out.String(), "partial")
		if said != (c.says != "") || !strings.Contains(out.String(), c.says) || said && !strings.Contains(out.String(), "bighead backfill g --online") {
			t.Errorf("batch up to %d, the stream from %d on: %s", c.batch, c.complete, out.String())
		}
	}
}
