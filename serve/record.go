package serve

import (
	"time"

	"github.com/bighead-ml/bighead/agg/tile"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
)

// Recorder keeps what was served, for those who compute the same rows again (docs/data-path.md §7). Requests call it, so nothing of it may
// block or take long: what it cannot take in at once it leaves out, and counts.
type Recorder interface {
	// Samples reports whether rows of a key are to be recorded. The number is a hash of the keys of all groups of the row, the same in every
	// process.
	Samples(key uint64) bool
	// Begin gives an empty record to be filled with rows of the view; nil: there is no room.
	Begin(view *feature.View, rows int) *feature.Served
	// Record takes a filled record over.
	Record(*feature.Served)
}

// position is how far a space had come before a reading of it; nil: nothing says so.
type position = *tile.Positions

// sampled reports whether a row is to be recorded, if it is answered, and the hash that says so, also to who records what is predicted of it.
func (c *call) sampled(row int) (key uint64, sampled bool) {
	rec := c.sel.view.server.options.Recorder
	if c.unrecorded || c.wrong[row] != nil || rec == nil && c.predictions == nil {
		return 0, false
	}
	key = c.hash(row)
	return key, rec != nil && rec.Samples(key)
}

// note records a row that was answered.
func (c *call) note(row int) {
	rec := c.sel.view.server.options.Recorder
	if c.full {
		return
	}
	if c.record == nil {
		if c.record = rec.Begin(c.sel.view.Plan.View, len(c.rows)-row); c.record == nil {
			c.full = true
			return
		}
		c.record.View, c.record.At, c.record.Time = c.sel.view.Plan.View, c.at, time.Now().UnixMilli()
		c.record.Columns = append(c.record.Columns, c.sel.recorded...)
		for i := range c.jobs {
			c.jobs[i].noted = -1
		}
	}
	r := c.record.Add(c.rows[row].Values, len(c.sel.parts))
	for k, i := range c.sel.recorded {
		at := c.sel.view.Plan.Columns[i]
		r.Values[k], r.Statuses[k] = c.row[at], c.status[at]
	}
	for k := range c.sel.parts {
		r.Reads[k] = c.noteRead(c.job(k, row))
	}
	if c.predictions != nil {
		r.Prediction = c.predictions[row]
	}
}

// noteRead records what a job was read by, once.
func (c *call) noteRead(j *job) int32 {
	if j.noted >= 0 {
		return j.noted
	}
	none := plan.NoMarks
	m := &none
	if j.cover != nil {
		m = &j.cover.Marks
	}
	read := feature.ServedRead{Join: j.part.fetch, At: j.as, Rows: j.part.kind != ofTiles, Batch: m.Batch, Complete: m.Complete, Generation: m.Generation, Loaded: m.Loaded}
	if j.place != nil {
		read.Applied = *j.place // it never changes
	}
	read.Read = append(read.Read, j.latest...)
	j.noted = int32(len(c.record.Reads))
	c.record.Reads = append(c.record.Reads, read)
	return j.noted
}

// hash is of all keys of a row: FNV-1a, and a last mixing for its high bits.
func (c *call) hash(row int) uint64 {
	h, n := uint64(14695981039346656037), len(c.rows)
	for f := range c.sel.view.Plan.Fetches {
		for _, b := range []byte(c.keys[f*n+row]) {
			h = (h ^ uint64(b)) * 1099511628211
		}
		h = (h ^ 0xff) * 1099511628211
	}
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}
