package spark

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
)

// row prints what becomes of the rows: their values beside them, derived columns, why they are left out, the output.
func (p *printer) row() {
	all, from := columns{"spine.*"}, "from spine"
	for i, j := range p.plan.Joined() {
		values := fmt.Sprintf("j%d_values", i)
		from += fmt.Sprintf("\nleft join %s on %s.`#row` = spine.`#row`", values, values)
		for _, v := range j.Values {
			all.add(values+"."+name(v.Name), "")
			all.add(values+"."+name("#is "+v.Name), "")
			p.query.values = append(p.query.values, v.Name)
		}
	}
	p.step("row", "the row with its values", all.selects(from))
	p.output(p.dropped(p.derived("row")))
}

// derived prints the derived columns, those that read others after these, and gives the last step's name.
func (p *printer) derived(from string) string {
	level, levels := map[string]int{}, [][]plan.Derive{}
	for _, d := range p.plan.Derive {
		at := 0
		for _, c := range d.Expr.Columns() {
			if l, ok := level[c]; ok {
				at = max(at, l+1)
			}
		}
		level[d.Name] = at
		for len(levels) <= at {
			levels = append(levels, nil)
		}
		levels[at] = append(levels[at], d)
	}
	for i, ds := range levels {
		out, of, nulls := columns{"*"}, []string{}, &rowNulls{p: p}
		for _, d := range ds {
			out.add(p.expr(d.Expr, "derived "+d.Name, feature.Pos{}), d.Name)
			nulls.add(d.Expr, "derived "+d.Name, ofAsking)
			of = append(of, d.Name+" = "+d.Expr.String())
		}
		nulls.into(&out)
		step := fmt.Sprintf("derived%d", i)
		p.step(step, "derived columns (Q2):\n"+strings.Join(of, "\n"), out.selects("from "+from))
		from = step
	}
	return from
}

// dropped prints why a training set leaves a row out, the first reason that holds (W5), and gives the step's name.
func (p *printer) dropped(from string) string {
	d, at := &p.plan.Drop, name(plan.AtColumn)
	cases := []string{name(whyColumn) + " is not null then " + name(whyColumn)}
	add := func(condition string, why engine.DropReason) { cases = append(cases, condition+" then "+because(why)) }
	if d.Unlabelled {
		var all []string
		for _, l := range p.plan.Labels {
			all = append(all, name(l.Name)+" is null")
		}
		add(strings.Join(all, " and "), engine.DropUnlabelled)
	}
	if end := p.plan.Spine.End; end != nil {
		if d.LabelTime != "" {
			add(fmt.Sprintf("not coalesce(%s < %s, false)", name(d.LabelTime), long(*end)), engine.DropLabelLate)
		}
		for _, l := range p.plan.Labels {
			if l.Join != nil {
				add(fmt.Sprintf("%s > %s", milliseconds{}.Add(at, l.Within), long(*end)), engine.DropLabelLate)
			}
		}
	}
	if d.WithinData {
		joins := p.plan.Joined()
		for _, l := range p.plan.Labels {
			if l.Join != nil {
				newest := fmt.Sprintf("(select max(`#ts`) from j%d_timed)", slices.Index(joins, l.Join))
				add(fmt.Sprintf("not coalesce(%s <= %s, false)", milliseconds{}.Add(at, l.Within), newest), engine.DropWithin)
			}
		}
	}
	for _, r := range d.RequiredValue {
		add(name(r)+" is null", engine.DropRequiredValue)
	}
	if len(cases) == 1 {
		return from
	}
	p.step("why", "why a row is left out, the first reason that holds (W5)",
		columns{"* except (" + name(whyColumn) + ")", "case\n    when " + strings.Join(cases, "\n    when ") + "\n  end as " + name(whyColumn)}.selects("from "+from))
	return "why"
}

// output prints the plan's columns in the order of the spine. Of a row that is left out only its number, the reason and which
// nulls were made come.
func (p *printer) output(from string) {
	out := columns{name(rowNumber), name(whyColumn)}
	out.add(name(plan.AtColumn), atColumn)
	kept := func(c string) string { return "if(" + name(whyColumn) + " is null, " + name(c) + ", null)" }
	for _, o := range p.plan.Output {
		out.add(kept(o.Name), o.Name)
	}
	for _, v := range p.query.values {
		out.add("cast("+kept("#is "+v)+" as tinyint)", "#is "+v)
	}
	if len(p.nullColumns) > 0 {
		out.add("concat("+strings.Join(p.nullColumns, ", ")+")", nullsColumn)
	}
	p.step("", "the rows in the spine's order", out.selects("from "+from+"\norder by "+name(rowNumber)))
}
