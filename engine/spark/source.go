package spark

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/engine/cells"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// column is a column of a table as the contract reads it.
func (p *printer) column(t *Table, s value.Schema, column, of string) string {
	if t.Column == nil {
		return name(column)
	}
	typ, _ := s.Lookup(column)
	text, err := t.Column(value.Field{Name: column, Type: typ})
	if err != nil {
		p.fail(&Unsupported{What: err.Error(), Of: of, Cure: "leave the column out, or compute with engine = \"local\""})
	}
	return text
}

// joined is one join on its way through the steps.
type joined struct {
	plan   *plan.Join
	table  *Table
	prefix string // of its steps' names
	of     string // in comments
	// windows are the distinct windows of its values.
	windows []plan.Window
	// paired and tiled tell which shapes there are, of which at least one; many is the step with the events that tiles are made of.
	paired, tiled bool
	many          string
	// days are those of event time that are read of a source, where not all are; unordered leaves order_by out, where nothing asks for order.
	days      []cells.Stretch
	unordered bool
	made      []made // of its source's rows, as the query of counts tells them
}

// window is the number of a value's window.
func (j *joined) window(w plan.Window) int { return slices.Index(j.windows, w) }

func (j *joined) name(step string) string { return j.prefix + "_" + step }

// join prints the steps of one group's features, or of one label.
func (p *printer) join(i int, pj *plan.Join) {
	j := &joined{plan: pj, table: &p.tables.Joins[i], prefix: fmt.Sprintf("j%d", i), of: fmt.Sprintf("%s (source %s, %s)", pj.Name, pj.Scan.Source.Name, pj.Scan.Source.Pos)}
	for _, v := range pj.Values {
		if j.window(v.Window) < 0 {
			j.windows = append(j.windows, v.Window)
		}
	}
	p.joins = append(p.joins, j)
	p.read(j)
	p.kept(j)
	p.events(j)
	p.asked(j)
	p.shaped(j)
	p.values(j)
}

// reads are the columns that are read of a join's source: those that it needs, all where they decide which copy counts (E3) or which of an
// entity's rows holds (E5).
func reads(j *plan.Join) []string {
	s := j.Scan.Source
	if s.ID != "" || s.Kind != feature.Events {
		return s.Schema.Names()
	}
	needed := slices.Clone(j.Scan.Read)
	if s.KnownAt != nil { // also of a label, where it decides nothing but E1 and E2
		needed = append(needed, s.KnownAt.Columns()...)
	}
	return slices.DeleteFunc(slices.Clone(s.Schema.Names()), func(c string) bool { return !slices.Contains(needed, c) })
}

// read prints the source's rows with their times.
func (p *printer) read(j *joined) {
	s, read := j.plan.Scan.Source, columns{}
	for _, c := range reads(j.plan) {
		read.add(p.column(j.table, s.Schema, c, "source "+s.Name), c)
	}
	if len(read) == 0 {
		read.add("1", "#nothing")
	}
	p.step(j.name("read"), "rows of "+j.of, read.selects("from "+j.table.From))
	timed := columns{"*"}
	switch {
	case s.Kind == feature.Snapshots:
		typ, _ := s.Schema.Lookup(s.Snapshot)
		timed.add(p.expr(plan.PartitionEndOf(s.Snapshot, typ), s.Snapshot+" of "+s.Name, s.Pos), tsColumn)
	case s.Time == nil:
		timed.add(long(plan.MinTime), tsColumn)
	default:
		timed.add(p.expr(s.Time, "time of "+s.Name, s.Pos), tsColumn)
	}
	if j.plan.Scan.KnownAt != nil || s.KnownAt != nil {
		timed.add(p.expr(s.KnownAt, "known_at of "+s.Name, s.Pos), "#known")
	}
	if s.Deleted != "" {
		timed.add("coalesce("+name(s.Deleted)+", false)", "#deleted")
	}
	const of = "when each row happened, or was true, and was known"
	if j.days == nil {
		p.step(j.name("timed"), of, timed.selects("from "+j.name("read")))
	} else {
		p.step(j.name("dated"), of, timed.selects("from "+j.name("read")))
		p.step(j.name("timed"), "those of the days that are asked for, and those without a time", "select *\nfrom "+j.name("dated")+"\nwhere "+within(j.days))
	}
	if s.Kind == feature.Snapshots {
		p.partitions(j)
	}
}

// partitions prints when each partition of a snapshot table ends, those without rows too (E6).
func (p *printer) partitions(j *joined) {
	named := []string{}
	for _, v := range j.table.Parts {
		if end, ok := plan.PartitionEnd(v); ok {
			named = append(named, long(end))
		}
	}
	ends := fmt.Sprintf("(select collect_set(%s) from %s)", name(tsColumn), j.name("timed"))
	p.step(j.name("partitions"), "when the partitions end",
		fmt.Sprintf("select array_union(%s, cast(array(%s) as array<bigint>)) as `#ends`", ends, strings.Join(named, ", ")))
}

// kept prints the rows that are events (E1).
func (p *printer) kept(j *joined) {
	s := j.plan.Scan.Source
	conditions := []string{name(tsColumn) + " is not null"}
	for _, k := range j.plan.Keys {
		conditions = append(conditions, name(k)+" is not null")
	}
	if s.Where != nil {
		conditions = append(conditions, p.counting(s))
	}
	if s.KnownAt != nil {
		conditions = append(conditions, "`#known` is not null")
	}
	p.step(j.name("kept"), "rows that count: with a time, a key, where true, known (E1)", "select *\nfrom "+j.name("timed")+"\nwhere "+strings.Join(conditions, "\n  and "))
	if s.ID != "" {
		p.copies(j)
	}
}

// copies prints the rows without those that are copies of another (E3).
func (p *printer) copies(j *joined) {
	s := j.plan.Scan.Source
	order := []string{}
	if s.KnownAt != nil {
		order = append(order, "`#known`")
	}
	order = append(order, p.allColumns(s)...)
	typ, _ := s.Schema.Lookup(s.ID)
	number := fmt.Sprintf("row_number() over (partition by %s, %s order by %s)", ordered(name(s.ID), typ), name(tsColumn), strings.Join(order, ", "))
	p.step(j.name("numbered"), "rows of one id and time, the one that counts first (E3)", "select *, "+number+" as `#copy`\nfrom "+j.name("kept"))
	p.step(j.name("distinct"), "without copies", "select *\nfrom "+j.name("numbered")+"\nwhere `#copy` = 1 or "+name(s.ID)+" is null")
}

// allColumns are a source's columns in name order, in the order of §1.
func (p *printer) allColumns(s *feature.Source) []string {
	out := []string{}
	for _, c := range slices.Sorted(slices.Values(s.Schema.Names())) {
		typ, _ := s.Schema.Lookup(c)
		out = append(out, ordered(name(c), typ))
	}
	return out
}

// events prints what is read of an event: its key, its place in the order of E2 or E5, the inputs, conditions and by.
func (p *printer) events(j *joined) {
	s, from := j.plan.Scan.Source, j.name("kept")
	if s.ID != "" {
		from = j.name("distinct")
	}
	out := columns{name(tsColumn)}
	for i, k := range j.plan.Keys {
		out.add(name(k), fmt.Sprintf("#k%d", i))
	}
	if j.plan.Scan.KnownAt != nil {
		out.add("`#known`", "#known")
	}
	out.add(p.place(j), "#place")
	for i, e := range j.plan.Inputs {
		in := p.expr(e, p.firstOf(j, func(v *plan.Value) bool { return v.Input == i }), j.posOf(func(v *plan.Value) bool { return v.Input == i }))
		if s.Deleted != "" { // what it was before does not show
			in = "if(`#deleted`, null, " + in + ")"
		}
		out.add(in, fmt.Sprintf("#i%d", i))
	}
	for i, e := range j.plan.Wheres {
		out.add(p.expr(e, p.firstOf(j, func(v *plan.Value) bool { return v.Where == i }), j.posOf(func(v *plan.Value) bool { return v.Where == i })), fmt.Sprintf("#c%d", i))
	}
	for i, b := range j.plan.Bys {
		out.add(name(b), fmt.Sprintf("#b%d", i))
	}
	p.step(j.name("events"), "what the folds read of an event", out.selects("from "+from))
}

// place is what decides between rows of one key: E2 less the aggregated value, E5 whole.
func (p *printer) place(j *joined) string {
	s := j.plan.Scan.Source
	parts := []string{name(tsColumn)}
	if s.Deleted != "" {
		parts = append(parts, "`#deleted`")
	}
	orderBy := s.OrderBy
	if j.unordered {
		orderBy = nil
	}
	for _, e := range orderBy {
		parts = append(parts, p.expr(e, "order_by of "+s.Name, s.Pos))
	}
	if s.KnownAt != nil {
		parts = append(parts, "`#known`")
	}
	if s.Kind != feature.Events {
		parts = append(parts, p.allColumns(s)...)
	}
	for i, x := range parts {
		parts[i] = fmt.Sprintf("%s as p%d", x, i)
	}
	return "struct(" + strings.Join(parts, ", ") + ")"
}

// firstOf names the first value that is meant, for messages.
func (p *printer) firstOf(j *joined, is func(*plan.Value) bool) string {
	for i := range j.plan.Values {
		if v := &j.plan.Values[i]; is(v) {
			return v.Name
		}
	}
	return j.plan.Name
}

func (j *joined) posOf(is func(*plan.Value) bool) feature.Pos {
	for i := range j.plan.Values {
		if v := &j.plan.Values[i]; is(v) {
			return v.Feature.Pos
		}
	}
	return feature.Pos{}
}
