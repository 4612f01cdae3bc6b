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

// A process that stands by shows what is in the shared store, with the parts of a space beside it; one whose store does not answer shows no zero.
func TestStatusShowsWhatTheStoreHolds(t *testing.T) {
	sizes := map[string]int64{"user-0a1b2c3d4e5f": 1000, "user-0a1b2c3d4e5f/b3": 200, "user-0a1b2c3d4e5f/parts": 30, "item-0a1b2c3d4e5f": 5}
	stored := []storedGroup{{Source: "e", Group: "user", Space: "user-0a1b2c3d4e5f", Newest: "2024-01-02T00:00:00Z", Unseen: &unseen{To: "2024-01-01T00:00:00Z"}}}
	groups := streamStatus{Sources: []sourceStatus{{Source: "e", Groups: []groupStatus{{Group: "user", Space: "user-0a1b2c3d4e5f"}}}}}
	for _, c := range []struct {
		name        string
		status      onlineStatus
		says, never []string
	}{
		{"standby", onlineStatus{Role: "standby", Active: "one:7", Sizes: sizes, Stored: stored}, []string{"standby: one:7 has the stream, and says", "group  events  newest ", "user        ?  2024-01-02T00:00:00Z    ?", "1,230\n",
			"?: only the process that has the stream knows\n", "group user: what happened before 2024-01-01T00:00:00Z is neither", "in the store, of no group of this version  bytes\nitem-0a1b2c3d4e5f                              5\n"}, []string{"user-0a1b2c3d4e5f"}},
		{"standby, what the groups have is not known", onlineStatus{Role: "standby", Sizes: sizes}, []string{"user-0a1b2c3d4e5f  1,230\n"}, []string{"?", "of no group"}},
		{"standby, sizes are not known", onlineStatus{Role: "standby", Stored: stored}, []string{"unknown\n"}, []string{"in the store", "nothing is"}},
		{"standby, nobody active", onlineStatus{Role: "standby", Sizes: sizes}, []string{"nobody has the stream just now", "1,230\n"}, nil},
		{"standby, nothing yet", onlineStatus{Role: "standby", Sizes: map[string]int64{}}, []string{"nothing is in the store yet\n"}, nil},
		{"standby, no answer", onlineStatus{Role: "standby", Degraded: []string{"the sizes of the store cannot be read: gone"}}, []string{"cannot be read: gone"}, []string{"bytes", "nothing is"}},
		{"active", onlineStatus{Role: "active", Sizes: sizes, Stream: groups}, []string{"1,230\n"}, []string{"in the store\n", "item-"}},
		{"active, nothing of it yet", onlineStatus{Role: "active", Sizes: map[string]int64{}, Stream: groups}, []string{"  0\n"}, []string{"unknown"}},
		{"active, no answer", onlineStatus{Role: "active", Stream: groups}, []string{"unknown\n"}, []string{"  0\n"}},
	} {
		var out strings.Builder
		if err := (&cli{stdout: &out}).printStatus(&c.status); err != nil {
			t.Fatal(err)
		}
		for _, s := range c.says {
			if !strings.Contains(out.String(), s) {
				t.Errorf("%s: no %q in\n%s", c.name, s, out.String())
			}
		}
		for _, s := range c.never {
			if strings.Contains(out.String(), s) {
				t.Errorf("%s: %q in\n%s", c.name, s, out.String())
			}
		}
	}
}
