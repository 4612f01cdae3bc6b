package reader

import (
	"context"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine/flink/part"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// apply takes records of a partition in: all, or after an error none.
func (x *space) apply(ctx context.Context, rs *dataset.Records) error {
	var counts Counts
	var parts []part.Record
	var spots []spot
	for _, r := range rs.Records {
		p, err := x.layout.Decode(r.Key, r.Value)
		switch {
		case err != nil:
			counts.Malformed++
			x.malformed(rs.Partition, r.Offset, err)
			continue
		case x.wanted(&p, &counts):
			parts, spots = append(parts, p), append(spots, spot{p.Key, p.Step, p.Start})
		}
	}
	if err := x.bring(ctx, spots); err != nil {
		return err
	}
	now := x.clock()
	for i := range parts {
		x.takePart(x.cells[spots[i]], &parts[i], now, &counts)
	}
	counts.Records = int64(len(rs.Records))
	x.counts.add(&counts)
	if n := len(rs.Records); n > 0 {
		x.place.Had[rs.Partition] = rs.Records[n-1].Offset
		x.moved = true
	}
	return nil
}

// wanted reports whether a tile is one that anybody reads, or will.
func (x *space) wanted(p *part.Record, counts *Counts) bool {
	level := x.level(p.Step)
	switch {
	case p.Gone:
		return false // Flink takes a part back before it writes it anew
	case p.Start+p.Step <= x.marks.Batch:
		counts.Behind++
		return false
	case level == x.daily:
		return true // days are needed until they are batch's, or rolled, and those show what came too late
	}
	return p.Start >= x.keptFrom(level)
}

func (x *space) level(step int64) int {
	for i, l := range x.Levels {
		if l.Step == step {
			return i
		}
	}
	return -1 // Decode knows no such record
}

// takePart takes a part into its tile.
func (x *space) takePart(c *cell, p *part.Record, now int64, counts *Counts) {
	old := c.old(x.layout, p)
	stands, fate := x.layout.Merge(old, *p)
	switch {
	case fate == part.Regressed:
		counts.Regressed++
		return
	case x.inBase(p):
		if !x.layout.Parts[p.Part].List && (old.Gone || old.N < p.N) { // a list comes with what is counted
			counts.Late++
		}
		return
	case !c.put(x.layout, &stands):
		return
	}
	c.tile.Newest = max(c.tile.Newest, min(p.Start+p.Step-1, now))
	c.tile.Positions.Advance(plan.Folded, 0)
	x.st.Newest = max(x.st.Newest, c.tile.Newest)
	x.touch(c)
	x.lower(p)
	counts.Applied++
}

// inBase reports whether a tile is in its key's base tile already: nothing can be taken out of that again, so what comes of the day is left out.
func (x *space) inBase(p *part.Record) bool {
	return x.rolls() && p.Step == value.DayMS && p.Start < x.st.Target
}

// lower notes that there are days from an earlier one on, where none was rolled yet.
func (x *space) lower(p *part.Record) {
	if x.rolls() || x.daily < 0 || p.Step != value.DayMS || p.Start >= x.st.Rolled {
		return
	}
	x.st.Rolled, x.st.Target, x.moved = p.Start, p.Start, true
}
