package cells

import (
	"maps"
	"slices"
	"sync"

	"github.com/bighead-ml/bighead/engine/tiletable"
)

// Committer takes the finished days of a target and commits some at a time: each commit writes the manifest anew and waits for the disk. It
// may be used by many goroutines at once.
type Committer struct {
	target  *Target
	mu      sync.Mutex
	pending []tiletable.New
	made    map[int64]bool // days with events
}

// Committer begins to take what is made of the target. Who began it ends it with Abort, which does nothing after Finish.
func (t *Target) Committer() *Committer { return &Committer{target: t, made: map[int64]bool{}} }

// Day takes a day's closed files, each of a kind, and how many events they were made of. Files of other kinds may follow later.
func (c *Committer) Day(day int64, kinds []*FileKind, files []*tiletable.Staged, rows int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.target
	if !c.made[day] {
		c.made[day] = true
		t.Set.Report.Used += rows
	}
	for i, kind := range kinds {
		c.pending = append(c.pending, tiletable.New{From: day, To: day + 1, Step: kind.Step, Columns: kind.Columns, Parts: t.partsOf(day), File: files[i], Rows: rows})
		t.Set.Report.Made += int64(len(kind.Columns))
	}
	if len(c.pending) < t.job.commit {
		return nil
	}
	return c.flush()
}

// partsOf are the files that a day was made from.
func (t *Target) partsOf(day int64) []tiletable.Part {
	var out []tiletable.Part
	for _, i := range t.job.StretchOf(day).Parts {
		out = append(out, t.job.Source.Parts[i])
	}
	return out
}

func (c *Committer) flush() error {
	cells := c.pending
	c.pending = nil
	if err := c.target.Set.Edit.Commit(c.target.job.Source.Parts, cells); err != nil {
		for _, n := range cells {
			if n.File != nil {
				n.File.Abort()
			}
		}
		return err
	}
	r := c.target.Set.Report
	for _, n := range cells {
		if n.File != nil {
			tiles, keys, bytes := n.File.Size()
			r.Tiles, r.Keyed, r.Bytes = r.Tiles+tiles, r.Keyed+keys, r.Bytes+bytes
		}
	}
	return nil
}

// Finish commits what is left, and that the other days have no events, except those that another job makes.
func (c *Committer) Finish(except []int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.target
	with := append(slices.Collect(maps.Keys(c.made)), except...)
	slices.Sort(with)
	with = slices.Compact(with)
	for _, st := range t.job.Days {
		from := st.From
		for len(with) > 0 && with[0] < st.To {
			c.without(from, with[0])
			from, with = with[0]+1, with[1:]
		}
		c.without(from, st.To)
	}
	return c.flush()
}

// without notes days that have no events.
func (c *Committer) without(from, to int64) {
	if from >= to {
		return
	}
	parts := c.target.partsOf(from)
	for _, kind := range c.target.Files {
		c.pending = append(c.pending, tiletable.New{From: from, To: to, Step: kind.Step, Columns: kind.Columns, Parts: parts})
	}
}

// Abort removes what was not committed.
func (c *Committer) Abort() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range c.pending {
		if n.File != nil {
			n.File.Abort()
		}
	}
	c.pending = nil
}
