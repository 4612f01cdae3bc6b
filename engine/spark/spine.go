package spark

import (
	"fmt"

	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
)

// reasons are the values of whyColumn, from 1; null: the row stays.
var reasons = []engine.DropReason{
	engine.DropWhere, engine.DropRange, engine.DropSample, engine.DropUnlabelled, engine.DropLabelLate, engine.DropWithin, engine.DropRequiredValue,
}

// noTime is the value of whyColumn of a row that does not tell as of when it asks (W5).
const noTime = 0

// because is whyColumn's value for a reason.
func because(why engine.DropReason) string {
	for i, r := range reasons {
		if r == why {
			return fmt.Sprint(i + 1)
		}
	}
	panic("spark: no reason " + string(why))
}

// ofPlan names what the plan computes, where a definition says so.
func (p *printer) ofPlan() string {
	if !p.plan.Pos.IsValid() {
		return ""
	}
	return fmt.Sprintf(" for %s (%s)", p.plan.Name, p.plan.Pos)
}

// spine prints the spine's rows, each with its columns, at, and why it is left out before anything is computed for it.
func (p *printer) spine() {
	s, read := &p.plan.Spine, columns{name(rowNumber)}
	for _, c := range s.Read {
		read.add(p.column(&p.tables.Spine, s.Schema, c, "the spine"), c)
	}
	p.step("spine_read", "the rows that ask"+p.ofPlan()+", in the physical types", read.selects("from "+p.tables.Spine.From))

	timed := columns{"*"}
	timed.add(p.expr(s.At, "at of the spine", feature.Pos{}), atColumn)
	p.step("spine_timed", "as of when each row asks: "+s.At.String(), timed.selects("from spine_read"))

	why := "case"
	if s.Where != nil {
		why += "\n    when not coalesce(" + p.expr(s.Where, "where of the spine", feature.Pos{}) + ", false) then " + because(engine.DropWhere)
	}
	why += "\n    when " + name(atColumn) + " is null then " + fmt.Sprint(noTime)
	if s.Start != nil {
		why += fmt.Sprintf("\n    when %s < %s then %s", name(atColumn), long(*s.Start), because(engine.DropRange))
	}
	if s.End != nil {
		why += fmt.Sprintf("\n    when %s >= %s then %s", name(atColumn), long(*s.End), because(engine.DropRange))
	}
	if s.Sample > 0 {
		why += "\n    when not " + p.sample() + " then " + because(engine.DropSample)
	}
	nulls := &rowNulls{p: p}
	nulls.add(s.Where, "where of the spine", ofEvery)
	nulls.add(s.At, "at of the spine", ofTrue)
	row := columns{name(rowNumber)}
	row.add(why+"\n  end", whyColumn)
	row.add(name(atColumn), plan.AtColumn)
	for _, c := range s.Columns {
		if c.Name != plan.AtColumn {
			row.add(p.expr(c.Expr, c.Name+" of the spine", feature.Pos{}), c.Name)
			nulls.add(c.Expr, c.Name+" of the spine", ofAsking)
		}
	}
	nulls.into(&row)
	p.step("spine", "the row as it begins: its keys, fields and kept columns; why it is left out, if it is", row.selects("from spine_timed"))
}
