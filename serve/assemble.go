package serve

import (
	"time"

	"github.com/bighead-ml/bighead/value"
)

// standIn puts declared stand-ins where values could not be had.
func (c *call) standIn() {
	for i := range c.jobs {
		if j := &c.jobs[i]; !j.done {
			j.stale = c.stale(j)
		}
	}
	c.fromSecond()
	for i := range c.jobs {
		j := &c.jobs[i]
		cells := c.cells[j.cells : j.cells+len(j.part.values)]
		if j.stale {
			continue
		}
		for k := range cells {
			if !j.done {
				cells[k] = cell{status: Failed}
			}
			if cells[k].status == Failed {
				c.sel.view.server.fallback(&j.part.values[k], &cells[k])
			}
		}
	}
}

// fallback is the declared stand-in of a value that could not be had, where there is one.
func (s *Server) fallback(v *partValue, out *cell) {
	switch f := v.feature; {
	case f.Typical && s.options.Typical != nil:
		if x, _, ok := s.options.Typical.Typical(f); ok {
			*out = cell{x, Fallback}
		}
	case !f.Fallback.IsNull():
		*out = cell{f.Fallback, Fallback}
	}
}

// assemble makes the answer's rows of the jobs' values.
func (c *call) assemble(out *Response) {
	began := time.Now()
	traced := stage(c.ctx, "derive", began)
	defer func() { c.stages.derive += time.Since(began); traced.end() }()
	width := len(c.sel.view.Plan.Row)
	if cap(c.row) < width {
		c.row, c.status = make([]value.Value, width), make([]Status, width)
	}
	c.row, c.status = c.row[:width], c.status[:width]
	for i := range out.Rows {
		key, sampled := c.sampled(i)
		if p := c.refusal(i); p != nil {
			out.Rows[i].refuse(p)
		} else {
			c.fill(i)
			c.derive()
			if c.answer(&out.Rows[i]); sampled && out.Rows[i].Problem == nil {
				c.note(i)
			}
		}
		out.Rows[i].KeyHash = key
	}
	c.count()
}

// job is the one of a row and part.
func (c *call) job(part, row int) *job { return &c.jobs[c.of[part*len(c.rows)+row]] }

// refusal is why a row has no answer: it is wrong, or the time cannot be had for its keys.
func (c *call) refusal(row int) *Problem {
	if c.wrong[row] != nil {
		return c.wrong[row]
	}
	for k := range c.sel.parts {
		j := c.job(k, row)
		switch {
		case j.newest >= c.at:
			return beforeNewest(c.at, j.newest)
		case j.late && c.asked != nil:
			return lookBack("at " + value.FormatTimestamp(c.at) + " lies before what the store has put together already")
		}
	}
	return nil
}

// fill makes the row: what was asked with, at, the features.
func (c *call) fill(row int) {
	for i := range c.status {
		c.status[i] = Present
	}
	copy(c.row, c.rows[row].Values)
	c.row[c.sel.view.Plan.At] = value.OfTimestamp(c.at)
	for k, p := range c.sel.parts {
		cells := c.cells[c.job(k, row).cells:]
		for n := range p.values {
			at := p.values[n].row
			c.row[at], c.status[at] = cells[n].value, cells[n].status
		}
	}
}

// derive computes the derived columns that are needed. One that reads a failed value fails with it: what an expression makes of a null
// that is none would be a guess.
func (c *call) derive() {
	for _, i := range c.sel.derive {
		d := &c.sel.view.Plan.Derive[i]
		worst := Present
		for _, in := range d.Inputs {
			worst = max(worst, c.status[in].Derived())
		}
		c.status[d.Row] = worst
		if worst == Failed {
			c.row[d.Row] = value.Value{}
			continue
		}
		c.row[d.Row] = c.sel.view.derive[i](c.row, nil)
	}
}

// answer hands the columns out, unless a required one is not there (Q5).
func (c *call) answer(out *Answer) {
	for i := range c.sel.columns {
		col, at := &c.sel.columns[i], c.sel.rows[i]
		switch {
		case (col.Required || col.RequiredValue) && c.status[at] == Failed:
			out.refuse(requiredFailed(col.Name))
			return
		case col.RequiredValue && c.row[at].IsNull():
			out.refuse(requiredNull(col.Name))
			return
		}
		out.Values[i], out.Statuses[i] = c.row[at], c.status[at]
	}
}

// count adds the values to the metrics, by group and status.
func (c *call) count() {
	n := len(c.rows)
	for k, p := range c.sel.parts {
		var by [statuses]int
		for i := range n {
			if c.wrong[i] != nil {
				continue
			}
			cells := c.cells[c.job(k, i).cells:]
			for v := range p.values {
				by[cells[v].status]++
			}
		}
		for s, n := range by {
			if n > 0 {
				p.counts.values[s].Add(float64(n))
			}
		}
	}
}
