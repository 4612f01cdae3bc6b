package stream

import (
	"context"

	"github.com/bighead-ml/bighead/engine/local/eventlog"
	"github.com/bighead-ml/bighead/engine/local/sift"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/fault"
)

// arrival is rows that arrived at a time and are applied.
type arrival struct {
	at   int64
	rows int
}

// apply takes in a record: all of it, or after an error nothing.
func (x *space) apply(ctx context.Context, r *eventlog.Record) error {
	c := x.counts
	timed := x.sifter.Timed(r.Rows)
	c.NullTime += int64(r.Rows.N - timed.N)
	var sifted sift.Counts
	rows := x.sifter.Events(timed, x.keyed, &sifted)
	c.NullKey += sifted.NullKey
	c.Where += sifted.Where
	c.NullKnownAt += sifted.NullKnownAt
	ahead := x.ahead
	if len(ahead) > 0 {
		rows = rows.Keep(func(i int) bool { return !ahead[position{r.Partition, r.Offset(rows.Row(i))}] })
	}
	newest := x.at.newest
	rows = x.inTime(rows, r.Arrival, &newest, &c)
	now, wait := rows, []*waiter(nil)
	if come := x.come(); come < plan.MaxTime {
		now, wait = x.partEarly(rows, r, come)
	}
	if x.at.newest == plan.MinTime {
		x.rollAhead(newest)
	}
	m := &moment{rows: now, partition: r.Partition, record: r}
	x.heard = r.Arrival
	if err := x.fold(ctx, m); err != nil {
		return err
	}
	x.waiting.add(wait)
	c.Waiting += int64(len(wait))
	c.Applied += int64(now.N)
	x.counts, x.at.newest = c, newest
	x.at.next, x.moved = r.Sequence+1, true
	if n := r.Rows.N; n > 0 {
		x.applied.Advance(r.Partition, r.Offset(n-1))
	}
	x.arrived = append(x.arrived, arrival{r.Arrival, r.Rows.N})
	return nil
}

// partEarly parts rows into those whose time has come and those that wait.
func (x *space) partEarly(rows *sift.Rows, r *eventlog.Record, come int64) (now *sift.Rows, wait []*waiter) {
	now = rows.Keep(func(i int) bool {
		due := rows.Times[i]
		if rows.Known != nil {
			due = max(due, rows.Known[i])
		}
		if due < come || fault.Planted("stream: an event from the future does not wait") {
			return true
		}
		wait = append(wait, &waiter{ts: rows.Times[i], due: due, at: position{r.Partition, r.Offset(rows.Row(i))}, sequence: r.Sequence, row: rows.Batch.Row(i)})
		return false
	})
	return now, wait
}

// inTime leaves the rows that are neither later than the source's lateness allows, by the clock when they arrived, nor behind batch.
func (x *space) inTime(rows *sift.Rows, arrival int64, newest *int64, c *GroupCounts) *sift.Rows {
	lateness, events := x.source.Lateness, x.s.o.Events
	behind := int64(plan.MinTime)
	if x.source.Kind == feature.Events {
		behind = x.marks.Batch
	}
	limit := plus(arrival, -lateness)
	return rows.Keep(func(i int) bool {
		ts := rows.Times[i]
		if events {
			limit = plan.MinTime
			if *newest != plan.MinTime {
				limit = plus(*newest+1, -lateness)
			}
		}
		last := ts
		if rows.Known != nil {
			last = max(last, rows.Known[i])
		}
		*newest = max(*newest, last)
		switch {
		case ts < limit, fault.Planted("stream: a late event is let go") && ts < *newest:
			c.Late++
		case ts < behind:
			c.Behind++
		default:
			return true
		}
		return false
	})
}

// release applies events that waited and whose time has come. Their number is their place among all that waited.
func (x *space) release(ctx context.Context) error {
	due, err := x.waiting.due(ctx, x.come())
	if err != nil || len(due) == 0 {
		return err
	}
	number := x.at.number
	rows, offsets := make([][]value.Value, len(due)), make([]int64, len(due))
	for i, w := range due {
		if w.number == 0 {
			number++
			w.number = number
		}
		rows[i], offsets[i] = w.row, w.number
	}
	timed := x.sifter.Timed(value.BatchOf(x.schema, rows))
	events := x.sifter.Events(timed, x.keyed, &sift.Counts{})
	c := x.counts
	behind, newest := x.marks.Batch, x.at.newest
	if x.source.Kind != feature.Events {
		behind = plan.MinTime
	}
	events = events.Keep(func(i int) bool {
		if events.Times[i] < behind {
			c.Behind++
			return false
		}
		return true
	})
	if err := x.fold(ctx, &moment{rows: events, partition: Waited, offsets: offsets}); err != nil {
		for _, w := range due[len(due)-int(number-x.at.number):] {
			w.number = 0
		}
		return err
	}
	c.Waiting -= int64(len(due))
	c.Applied += int64(events.N)
	x.counts, x.at.newest, x.at.number = c, newest, number
	x.waiting.released(due)
	x.moved = true
	return nil
}
