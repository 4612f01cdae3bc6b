package backfill

import (
	"slices"
	"sync"

	"github.com/bighead-ml/bighead/engine/tiletable"
)

// committer takes the finished days of a target and commits some at a time: each commit writes the manifest anew and waits for the disk.
type committer struct {
	target  *target
	mu      sync.Mutex
	pending []tiletable.New
	made    []int64 // days with events
}

// day takes a day's files.
func (c *committer) day(day int64, files []*tiletable.Staged, rows int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.made = append(c.made, day)
	t := c.target
	for i, kind := range t.files {
		c.pending = append(c.pending, tiletable.New{From: day, To: day + 1, Step: kind.step, Columns: kind.columns, Parts: t.partsOf(day), File: files[i], Rows: rows})
	}
	r := t.set.report
	r.Made += int64(len(t.folds))
	r.Used += rows
	if len(c.pending) < t.job.run.options.CommitDays {
		return nil
	}
	return c.flush()
}

// partsOf are the files that a day was made from.
func (t *target) partsOf(day int64) []tiletable.Part {
	var out []tiletable.Part
	for _, i := range t.job.stretchOf(day).parts {
		out = append(out, t.job.src.parts[i])
	}
	return out
}

func (c *committer) flush() error {
	cells := c.pending
	c.pending = nil
	if err := c.target.set.edit.Commit(c.target.job.src.parts, cells); err != nil {
		for _, n := range cells {
			if n.File != nil {
				n.File.Abort()
			}
		}
		return err
	}
	r := c.target.set.report
	for _, n := range cells {
		if n.File != nil {
			tiles, keys, bytes := n.File.Size()
			r.Tiles, r.Keyed, r.Bytes = r.Tiles+tiles, r.Keyed+keys, r.Bytes+bytes
		}
	}
	return nil
}

// finish commits what is left, and that the other days have no events.
func (c *committer) finish() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.target
	with := append(c.made, t.job.contested...) // contested days are made by another job
	slices.Sort(with)
	for _, st := range t.job.days {
		from := st.from
		for len(with) > 0 && with[0] < st.to {
			c.without(from, with[0])
			from, with = with[0]+1, with[1:]
		}
		c.without(from, st.to)
	}
	return c.flush()
}

// without notes days that have no events.
func (c *committer) without(from, to int64) {
	if from >= to {
		return
	}
	parts := c.target.partsOf(from)
	for _, kind := range c.target.files {
		c.pending = append(c.pending, tiletable.New{From: from, To: to, Step: kind.step, Columns: kind.columns, Parts: parts})
	}
}

// abort removes what was not committed.
func (c *committer) abort() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range c.pending {
		if n.File != nil {
			n.File.Abort()
		}
	}
	c.pending = nil
}
