package serve

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/bighead-ml/bighead/agg/tile"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/value"
)

// Answer answers a request for this view into out, which may hold an earlier answer. The error is as of Server.Features.
//
// Steps: decide on the time; make the keys of all rows; read what they need, once; merge and finish, a job (one key of one part) after
// the other; stand in for what could not be had; put the rows together. Where a tile holds an event that is newer than the time, and
// nobody asked for that very time, all is done again as of just after that event.
func (v *View) Answer(ctx context.Context, r Request, out *Response) error {
	sel, err := v.choose(r.Features)
	if err != nil {
		return err
	}
	if len(r.Rows)*len(sel.features) > maxValues {
		return &Problem{Code: feature.CodeTooLarge, Detail: fmt.Sprintf("%d rows of %d features are more than %d values", len(r.Rows), len(sel.features), maxValues), Field: "rows",
			Cure: "ask in several requests, or name the features that you need"}
	}
	began := time.Now()
	ctx, cancel := context.WithDeadline(ctx, began.Add(v.server.options.Deadline))
	defer cancel()
	c := calls.Get().(*call)
	defer c.release()
	c.begin(ctx, sel, r, began)
	c.makeKeys()
	for again := true; again; {
		if p := c.decide(); p != nil {
			out.reset(v, c.at, sel.features, len(r.Rows))
			for i := range out.Rows {
				out.Rows[i].refuse(p)
			}
			return nil
		}
		c.makeJobs()
		if err := c.fetch(); err != nil {
			return err
		}
		c.merge()
		again = c.behind()
	}
	c.standIn()
	out.reset(v, c.at, sel.features, len(r.Rows))
	c.assemble(out)
	if c.record != nil {
		v.server.options.Recorder.Record(c.record)
	}
	return nil
}

// maxValues bounds an answer, and with it what a request may take of memory.
const maxValues = 1 << 20

// call is one request while it is answered. For one goroutine.
type call struct {
	ctx                  context.Context
	sel                  *selection
	rows                 []Row
	asked                *int64
	began                time.Time
	at, now              int64 // the as-of time, and the clock's
	tries                int
	newest               int64         // of all that was merged
	marks                []*plan.Marks // by part
	places               []position    // by part
	key                  []byte
	keys                 []string // of each fetch and row; "": a part of it is null
	ends                 []int
	jobs                 []job
	of                   []int32 // the job of each part and row
	byKey                map[string]int32
	cells                []cell
	reading              *reading // nil: nothing to read
	stages               stages
	hits, misses, stales int        // of the cache
	wrong                []*Problem // of each row: why it cannot be answered; nil: it can
	packed               []byte     // for what is kept of a job
	row                  []value.Value
	status               []Status
	positions            tile.Positions  // behind those of jobs
	record               *feature.Served // of the rows answered; nil: none was to be recorded
	predictions          []string        // of each row, what is going to be predicted of it; nil: nothing is
	unrecorded           bool            // nothing of this request is recorded
	full                 bool            // the recorder has no room for this request
}

// job is one key of one part.
type job struct {
	part   *part
	key    string
	cover  *cover // nil: the space's marks are not known
	cells  int    // where its results begin
	done   bool   // merged
	read   bool   // there is something to read for it
	late   bool   // the store cannot look back so far
	stale  bool   // answered with the last that is known of it
	newest int64
	// version is the count of writes that the answer stands on.
	version uint64
	asked   int32  // which of the versions asked for is its own; -1: none
	known   *known // what answers it, if that is still its version
	// place is how far the space had come before it was read, at least; latest the last positions in what was read of the key.
	place  position
	latest tile.Positions
	as     int64 // the as-of time that it was computed for
	noted  int32 // of the record's reads; -1: not yet
}

// stages are how long each took.
type stages struct{ fetch, merge, derive time.Duration }

var calls = sync.Pool{New: func() any { return &call{byKey: map[string]int32{}} }}

func (c *call) begin(ctx context.Context, sel *selection, r Request, began time.Time) {
	c.ctx, c.sel, c.rows, c.asked, c.began = ctx, sel, r.Rows, r.At, began
	c.tries, c.stages, c.at = 0, stages{}, 0
	c.hits, c.misses, c.stales = 0, 0, 0
	c.wrong = c.wrong[:0]
	c.positions, c.record, c.full = c.positions[:0], nil, false
	c.unrecorded, c.predictions = r.unrecorded, r.Predictions
	for i := range r.Rows {
		c.wrong = append(c.wrong, sel.view.check(&r.Rows[i]))
	}
}

// check finds what is wrong with a row.
func (v *View) check(r *Row) *Problem {
	if r.Problem != nil {
		return r.Problem
	}
	if len(r.Values) != len(v.Plan.Asked) {
		return &Problem{Code: feature.CodeDefect, Detail: fmt.Sprintf("a row of %d values where view %s asks for %d", len(r.Values), v.Name(), len(v.Plan.Asked))}
	}
	for i, x := range r.Values {
		if k := &v.Plan.Asked[i]; !x.HasType(k.Type) {
			return IllTyped(*k, x.String())
		}
	}
	return nil
}

// release gives the call back. What was made of the request is let go.
func (c *call) release() {
	c.observe()
	if c.reading != nil {
		c.reading.release()
	}
	clear(c.keys)
	clear(c.jobs)
	clear(c.cells)
	clear(c.row)
	clear(c.marks)
	clear(c.places)
	clear(c.wrong)
	c.ctx, c.sel, c.rows, c.asked, c.reading, c.record, c.predictions = nil, nil, nil, nil, nil, nil, nil
	calls.Put(c)
}

func (c *call) observe() {
	h, view := c.sel.view.server.options.Metrics.Seconds, c.sel.view.Name()
	h.WithLabelValues(view, "fetch").Observe(c.stages.fetch.Seconds())
	h.WithLabelValues(view, "merge").Observe(c.stages.merge.Seconds())
	h.WithLabelValues(view, "derive").Observe(c.stages.derive.Seconds())
	c.sel.view.server.options.Metrics.looked(c.hits, c.misses, c.stales)
}

// maxAhead is how far after the clock a request's at may lie, ms: clocks differ.
const maxAhead = 1000

// decide sets the time that the rows are answered for, and refuses one that cannot be.
func (c *call) decide() *Problem {
	c.marks, c.places = c.marks[:0], c.places[:0]
	batch := int64(plan.MinTime)
	for _, p := range c.sel.parts {
		m := p.space.marks.Load()
		c.marks, c.places = append(c.marks, m), append(c.places, p.space.place.Load())
		if m != nil {
			batch = max(batch, m.Batch)
		}
	}
	if len(c.sel.parts) == 0 { // nothing of the store is asked for: the time is that of the view still, which a clock of events does not know before the first
		for _, sp := range c.sel.view.spaces {
			if m := sp.marks.Load(); m != nil {
				batch = max(batch, m.Batch)
			}
		}
	}
	now := c.sel.view.server.options.Clock()
	c.now = now
	if c.asked == nil {
		after := int64(value.MinTimestamp)
		if c.tries > 0 {
			after = c.newest + 1
		}
		c.at = max(now, batch, after) // what ends at B is batch's, and nothing before it can be told apart
		return c.kept(now)
	}
	c.at = *c.asked
	back := c.sel.view.Plan.LookBack
	switch {
	case c.at > max(now, batch)+maxAhead:
		return lookAhead(c.at, now)
	case now > plan.MinTime && c.at < now-back: // before the first event a clock of events is at no time
		return lookBack(fmt.Sprintf("at %s is more than %s ago, for which alone late tiles are kept", value.FormatTimestamp(c.at), value.FormatDuration(back)))
	case c.at < batch:
		return lookBack(fmt.Sprintf("at %s is before %s, up to which batch has filled the store", value.FormatTimestamp(c.at), value.FormatTimestamp(batch)))
	}
	return c.kept(now)
}

// kept refuses a time of which the store has let go, since the clock was ahead.
func (c *call) kept(now int64) *Problem {
	kept := c.sel.view.server.options.Kept
	if kept == nil {
		return nil
	}
	if ahead := kept(); c.at < max(ahead, value.MinTimestamp)-c.sel.view.Plan.LookBack {
		return &Problem{Code: feature.CodeLookBack, Field: "at", Detail: fmt.Sprintf("at %s: the server's clock was at %s and is at %s, and what was not needed any more by then is gone: online stores cannot look back",
			value.FormatTimestamp(c.at), value.FormatTimestamp(ahead), clockText(now)),
			Cure: "set the clock; where it is right now, remove the online store (.bighead/online where it is embedded), so that it is filled anew from the log and from batch"}
	}
	return nil
}

// makeKeys makes the canonical keys of all fetches and rows, all in one string.
func (c *call) makeKeys() {
	fetches := c.sel.view.Plan.Fetches
	c.key, c.ends = c.key[:0], c.ends[:0]
	for _, f := range fetches {
		for i := range c.rows {
			from := len(c.key)
			for _, on := range f.On {
				if c.wrong[i] != nil || c.rows[i].Values[on].IsNull() {
					c.key = c.key[:from]
					break
				}
				c.key = value.Append(c.key, c.rows[i].Values[on])
			}
			c.ends = append(c.ends, len(c.key))
		}
	}
	all, from := string(c.key), 0
	c.keys = c.keys[:0]
	for _, end := range c.ends {
		c.keys = append(c.keys, all[from:end])
		from = end
	}
}

// makeJobs makes a job of each part for each key that rows have, once.
func (c *call) makeJobs() {
	c.jobs, c.of = c.jobs[:0], c.of[:0]
	cells, n := 0, len(c.rows)
	for k, p := range c.sel.parts {
		var cv *cover
		if m := c.marks[k]; m != nil && (!p.of.Replaced() || m.Generation != 0) {
			cv = p.coverAt(c.at, *m)
		}
		clear(c.byKey)
		for i := range n {
			key := c.keys[p.fetch*n+i]
			j, ok := int32(0), false
			if n > 1 {
				j, ok = c.byKey[key]
			}
			if !ok {
				j = int32(len(c.jobs))
				c.jobs = append(c.jobs, job{part: p, key: key, cover: cv, cells: cells, newest: plan.MinTime, place: c.places[k], as: c.at})
				cells += len(p.values)
				if n > 1 {
					c.byKey[key] = j
				}
			}
			c.of = append(c.of, j)
		}
	}
	if cap(c.cells) < cells {
		c.cells = make([]cell, cells)
	}
	c.cells = c.cells[:cells]
}

// fetch reads what the jobs need. Its error is the context's, where the caller is gone.
func (c *call) fetch() error {
	began := time.Now()
	traced := stage(c.ctx, "fetch", began)
	defer func() { c.stages.fetch += time.Since(began); traced.read(c) }()
	if c.reading != nil {
		c.reading.release()
	}
	c.reading = nil
	r := readings.Get().(*reading)
	r.reset()
	s, limit := c.sel.view.server, c.limit()
	for i := range c.jobs {
		j := &c.jobs[i]
		if j.cover == nil || j.key == "" {
			continue
		}
		j.version, j.asked = s.versionOf(j), -1
		if c.look(j) {
			continue
		}
		j.read = true
		if s.versions != nil && j.part.kind != ofChunks {
			j.asked = r.ask(int32(i), j.cover.owners, j.key, j.known)
		}
		for _, x := range j.cover.reads {
			r.add(store.Range{Space: x.space, Key: j.key, Step: x.step, From: x.from, To: x.to}, int32(i), x.need)
		}
		r.until(j.part.limit(c.began, limit))
	}
	if len(r.ranges) == 0 {
		r.give()
		return nil
	}
	c.reading = r
	r.run(c.ctx, s)
	if err := context.Cause(c.ctx); errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// limit is when the whole answer must be there.
func (c *call) limit() time.Time {
	t, _ := c.ctx.Deadline()
	return t
}

// merge makes the values of every job of which all was read.
func (c *call) merge() {
	began := time.Now()
	traced := stage(c.ctx, "merge", began)
	defer func() { c.stages.merge += time.Since(began); traced.end() }()
	read := published{whole: allJobs}
	if c.reading != nil {
		read = c.reading.got()
		if _, yes := c.sel.view.server.outOfDate(); yes {
			read = published{} // what the marks name may have gone meanwhile
		}
	}
	pieces := read.pieces
	var m *merger
	for i := range c.jobs {
		j := &c.jobs[i]
		if j.cover == nil || j.done || j.read && (c.compared(j, read.sums) || int32(i) >= read.whole) {
			continue
		}
		if m == nil || m.part != j.part {
			if m != nil {
				m.part.pool.Put(m)
			}
			m = j.part.pool.Get().(*merger)
		}
		m.begin(c.at, c.now, j.cover)
		for len(pieces) > 0 && pieces[0].job == int32(i) {
			m.take(int(pieces[0].need), pieces[0].start, read.bytes(pieces[0]))
			pieces = pieces[1:]
		}
		m.finish(c.cells[j.cells : j.cells+len(j.part.values)])
		j.done, j.late, j.newest = true, m.late, m.newest
		from := len(c.positions)
		c.positions = append(c.positions, m.latest...)
		j.latest = c.positions[from:len(c.positions):len(c.positions)]
		if j.read {
			c.keep(j, m)
		}
	}
	if m != nil {
		m.part.pool.Put(m)
	}
}

// maxTries bounds how often a request runs after events that are newer than its time. Under the wall's clock one more is enough; under
// the clock of events a fast replay may be ahead again.
const maxTries = 4

// behind reports whether something newer than the time was merged and the request's time is ours to choose.
func (c *call) behind() bool {
	if c.asked != nil {
		return false
	}
	c.newest = plan.MinTime
	for i := range c.jobs {
		c.newest = max(c.newest, c.jobs[i].newest)
	}
	c.tries++
	return c.newest >= c.at && c.tries < maxTries
}

// lookAhead refuses a time that has not come.
func lookAhead(at, now int64) *Problem {
	return &Problem{Code: feature.CodeLookBack, Detail: fmt.Sprintf("at %s lies ahead of the server's clock, %s", value.FormatTimestamp(at), clockText(now)), Field: "at",
		Cure: "leave at out for the newest answer, or set the clocks"}
}

// clockText is what a clock says: that of the events says nothing before the first.
func clockText(now int64) string {
	if now < value.MinTimestamp {
		return "the time before the first event"
	}
	return value.FormatTimestamp(now)
}
