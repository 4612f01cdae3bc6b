package spark

import (
	"fmt"
	"strings"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
)

// asked prints the rows that ask, with their keys and the edges of each window (§4).
func (p *printer) asked(j *joined) {
	out := columns{name(rowNumber)}
	out.add(name(plan.AtColumn), atColumn)
	for i, on := range j.plan.On {
		out.add(name(on), fmt.Sprintf("#k%d", i))
	}
	from := "from spine"
	snapshots := j.plan.Scan.Source.Kind == feature.Snapshots
	if snapshots {
		from += "\ncross join " + j.name("partitions")
	}
	var texts []string
	for i, w := range j.windows {
		texts = append(texts, fmt.Sprintf("window %d: %s", i, w.Text()))
		u, a := plan.AsOfIn(w, name(plan.AtColumn), milliseconds{})
		start, end := plan.BoundsIn(w, name(plan.AtColumn), milliseconds{})
		switch {
		case snapshots:
			end = fmt.Sprintf("array_max(filter(`#ends`, x -> x < %s))", u)
		case j.plan.Scan.Source.Kind == feature.Entities:
			end = u // never floored (E5)
		case !w.Unbounded:
			out.add(start, fmt.Sprintf("#start%d", i))
		}
		out.add(end, fmt.Sprintf("#end%d", i))
		if p.readsAsOf(j, i, false) {
			out.add(a, fmt.Sprintf("#asof%d", i))
		}
	}
	p.step(j.name("asked"), "who asks "+j.plan.Name+", and what each window is then:\n"+strings.Join(texts, "\n"), out.selects(from+"\nwhere "+name(whyColumn)+" is null"))
}

// pairs prints each asking row beside every event of its key that a window may see, with a flag for each window. A row that sees none stands
// there once, with nulls.
func (p *printer) pairs(j *joined, asked, events string) {
	out := columns{"a." + name(rowNumber), "e." + name(tsColumn), "e.`#place`"}
	for i, w := range j.windows {
		in := fmt.Sprintf("e.`#ts` < a.`#end%d`", i)
		switch kind := j.plan.Scan.Source.Kind; {
		case kind == feature.Snapshots:
			in = fmt.Sprintf("e.`#ts` = a.`#end%d`", i)
		case kind == feature.Events && !w.Unbounded:
			in = fmt.Sprintf("e.`#ts` >= a.`#start%d` and ", i) + in
		}
		out.add("("+in+")", fmt.Sprintf("#w%d", i))
		if p.readsAsOf(j, i, true) {
			out.add(fmt.Sprintf("a.`#asof%d`", i), "")
		}
	}
	for i := range j.plan.Inputs {
		out.add(fmt.Sprintf("e.`#i%d`", i), "")
	}
	for i := range j.plan.Wheres {
		out.add(fmt.Sprintf("e.`#c%d`", i), "")
	}
	for i := range j.plan.Bys {
		out.add(fmt.Sprintf("e.`#b%d`", i), "")
	}
	on := []string{j.sameKey("e", "a")}
	if j.plan.Scan.Source.Kind == feature.Events {
		r := j.plan.Scan.Reach
		if r.Back >= 0 {
			on = append(on, "e.`#ts` >= "+milliseconds{}.Add("a.`#at`", -r.Back))
		}
		on = append(on, "e.`#ts` < "+milliseconds{}.Add("a.`#at`", r.Ahead))
	}
	if j.plan.Scan.KnownAt != nil {
		on = append(on, "e.`#known` < a.`#at`")
	}
	p.step(j.name("pairs"), "each row that asks, beside the events that its windows may see", out.selects(fmt.Sprintf(
		"from %s a\nleft join %s e\n  on %s", asked, events, strings.Join(on, "\n  and "))))
}
