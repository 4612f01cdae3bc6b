package spark

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// What a value is, in its column of query.values; null inputs and no rows are told apart only where the value is null.
const (
	isPresent = iota
	isDefault
	isNoRow
	isNullInput
	isComputed
)

// leg is the values of a join that are grouped alike: by the row that asks, and under by its string.
type leg struct {
	j      *joined
	by     int // index into Bys; −1: none
	values []*plan.Value
	names  map[string]bool // of what has been added
	// columns are the aggregates over pairs, and read the same over merged states.
	columns, read columns
	// states are the aggregates of a block's events, and merged those of a row's blocks.
	states, merged columns
	stateNames     []string
}

// values prints the folds of the join's windows and finishes them.
func (p *printer) values(j *joined) {
	var legs []*leg
	for by := -1; by < len(j.plan.Bys); by++ {
		l := &leg{j: j, by: by, names: map[string]bool{}}
		for i := range j.plan.Values {
			if v := &j.plan.Values[i]; v.By == by {
				l.values = append(l.values, v)
			}
		}
		if len(l.values) > 0 {
			legs = append(legs, l)
			p.fold(l)
		}
	}
	finished, from := columns{"a." + name(rowNumber)}, "from "+j.name("asked")+" a"
	for _, l := range legs {
		if l.by < 0 {
			from += fmt.Sprintf("\nleft join %s f on f.`#row` = a.`#row`", l.name("folds"))
		} else {
			from += fmt.Sprintf("\nleft join %s m%d on m%d.`#row` = a.`#row`", l.name("maps"), l.by, l.by)
		}
	}
	out, counts := columns{name(rowNumber)}, map[string]bool{}
	for i := range j.plan.Values {
		v := &j.plan.Values[i]
		if v.By >= 0 {
			finished.add(fmt.Sprintf("m%d.%s", v.By, name(v.Name)), "")
			out.add(fmt.Sprintf("coalesce(%s, %s)", name(v.Name), dialect.Literal(v.Feature.Type, value.OfMap(nil))), v.Name)
			out.add(fmt.Sprint(isPresent), "#is "+v.Name)
			continue
		}
		finished.add(p.finish(j, v, "f.", "a."), v.Name)
		for _, c := range j.counts(v) {
			if !counts[c] {
				counts[c] = true
				finished.add("f."+name(c), "")
			}
		}
		j.value(v, &out)
	}
	p.step(j.name("finished"), "the values of "+j.of+":\n"+j.definitions(), finished.selects(from))
	p.step(j.name("values"), "the same after their defaults (A4), and what each is", out.selects("from "+j.name("finished")))
}

// counts are the columns that tell why a value is null.
func (j *joined) counts(v *plan.Value) []string {
	w := j.window(v.Window)
	if v.Input < 0 {
		return []string{rowsColumn(w, v.Where)}
	}
	return []string{rowsColumn(w, v.Where), inputsColumn(w, v.Where, v.Input)}
}

// definitions lists where each value is defined.
func (j *joined) definitions() string {
	lines := make([]string, len(j.plan.Values))
	for i, v := range j.plan.Values {
		lines[i] = fmt.Sprintf("%s %s over %s (%s)", v.Name, v.Feature.Agg.Name, v.Window.Text(), v.Feature.Pos)
	}
	return strings.Join(lines, "\n")
}

func (l *leg) name(step string) string {
	if l.by < 0 {
		return l.j.name(step)
	}
	return fmt.Sprintf("%s_%s%d", l.j.prefix, step, l.by)
}

// once tells whether a column is new.
func (l *leg) once(as string) bool {
	is := l.names[as]
	l.names[as] = true
	return !is
}

// state adds the state of a block's events, once, and gives its column.
func (l *leg) state(as, sql string) string {
	if l.once(as) {
		l.states.add(sql, as)
		l.stateNames = append(l.stateNames, as)
	}
	return name(as)
}

// count adds how many events of a window there are.
func (l *leg) count(as, state string, of string, window, where int) {
	if l.once(as) {
		l.columns.add(of+l.filter(window, where), as)
		st := l.state(state, of+passing(where))
		l.merged.add(countsMerged(st, l.filter(window, -1)), as)
		l.read.add(name(as), "")
	}
}

// folded adds the columns of a fold that its finish reads.
func (l *leg) folded(n, window int, text *expr.Expr) {
	f := l.j.plan.Folds[n]
	x := ""
	if f.Input >= 0 {
		x = fmt.Sprintf("`#i%d`", f.Input)
	}
	kind := aggregates[f.Kind]
	merged := fmt.Sprintf("#f%d_w%d", n, window)
	direct, read := kind.sql(f.Fold, x, l.filter(window, f.Where)), kind.tile.read(f.Fold, name(merged))
	for i := range direct {
		if as := foldColumn(n, window, kind.columns[i]); (text == nil || slices.Contains(text.Columns(), kind.columns[i])) && l.once(as) {
			l.columns.add(direct[i], as)
			l.read.add(read[i], as)
			if l.once(merged) {
				st := l.state(fmt.Sprintf("#f%d", n), kind.tile.state(f.Fold, x, passing(f.Where)))
				l.merged.add(kind.tile.merge(f.Fold, st, l.filter(window, -1)), merged)
			}
		}
	}
}

// readsAsOf tells whether a value of the window counts from the time that is asked of, of all or of those under by.
func (p *printer) readsAsOf(j *joined, window int, by bool) bool {
	return slices.ContainsFunc(j.plan.Values, func(v plan.Value) bool {
		text := p.finishText(j, &v)
		return j.window(v.Window) == window && (v.By >= 0 || !by) && text != nil && slices.Contains(text.Columns(), "as_of")
	})
}

// filter keeps the events of a window that pass a value's where.
func (l *leg) filter(window, where int) string {
	f := fmt.Sprintf("`#w%d`", window)
	if where >= 0 {
		f += fmt.Sprintf(" and `#c%d`", where)
	}
	return " filter (where " + f + ")"
}

// passing keeps the events that pass a value's where.
func passing(where int) string {
	if where < 0 {
		return ""
	}
	return fmt.Sprintf(" filter (where `#c%d`)", where)
}

// fold prints the aggregates of a leg, and under by its maps.
func (p *printer) fold(l *leg) {
	for _, v := range l.values {
		w, text := l.j.window(v.Window), p.finishText(l.j, v)
		l.count(rowsColumn(w, v.Where), "#rows"+ofWhere(v.Where), "count(*)", w, v.Where)
		if l.by < 0 && v.Input >= 0 {
			l.count(inputsColumn(w, v.Where, v.Input), fmt.Sprintf("#inputs%d%s", v.Input, ofWhere(v.Where)), fmt.Sprintf("count(`#i%d`)", v.Input), w, v.Where)
		}
		for _, n := range v.Folds {
			l.folded(n, w, text)
		}
		if as := fmt.Sprintf("#asof%d", w); l.by >= 0 && text != nil && slices.Contains(text.Columns(), "as_of") && l.once(as) {
			l.columns.add("max("+name(as)+")", as)
			l.merged.add("max("+name(as)+")", as)
			l.read.add(name(as), "")
		}
	}
	p.folds(l)
	if l.by >= 0 {
		p.maps(l)
	}
}

// folds prints a leg's rows: from pairs, from tiles, or from either, by how hot a key is.
func (p *printer) folds(l *leg) {
	keys, where, what := columns{name(rowNumber)}, "", "the folds of each row that asks, one for each window that reads it"
	if l.by >= 0 {
		by := fmt.Sprintf("`#b%d`", l.by)
		keys, where = append(keys, by), "\nwhere "+by+" is not null"
		what += ", by " + l.j.plan.Bys[l.by] + " (A3)"
	}
	group := "\ngroup by " + strings.Join(keys, ", ")
	folds := l.name("folds")
	if l.j.paired {
		step := folds
		if l.j.tiled {
			step += "_few"
		}
		p.step(step, what, slices.Concat(keys, l.columns).selects("from "+l.j.name("pairs")+where+group))
	}
	if l.j.tiled {
		step := folds
		if l.j.paired {
			step += "_many"
		}
		p.tiles(l)
		p.step(l.name("merged"), "the states of its blocks, merged", slices.Concat(keys, l.merged).selects("from "+l.name("pieces")+group))
		p.step(step, what, slices.Concat(keys, l.read).selects("from "+l.name("merged")))
	}
	if l.j.paired && l.j.tiled {
		p.step(folds, what, fmt.Sprintf("select * from %s_few\nunion all\nselect * from %s_many", folds, folds))
	}
}

func rowsColumn(window, where int) string { return "#rows" + suffix(window, where) }

func inputsColumn(window, where, input int) string {
	return fmt.Sprintf("#inputs%d%s", input, suffix(window, where))
}

func suffix(window, where int) string { return fmt.Sprintf("_w%d%s", window, ofWhere(where)) }

func ofWhere(where int) string {
	if where < 0 {
		return ""
	}
	return fmt.Sprintf("_c%d", where)
}

func foldColumn(fold, window int, column string) string {
	return fmt.Sprintf("#f%d_w%d_%s", fold, window, column)
}

// maps prints a map of each value of a leg of by: an entry for each string with a row, the least strings first (A3).
func (p *printer) maps(l *leg) {
	out := columns{name(rowNumber)}
	for _, v := range l.values {
		entry := fmt.Sprintf("struct(`#b%d` as k, %s as v)", l.by, p.finish(l.j, v, "", ""))
		rows := fmt.Sprintf("collect_list(%s) filter (where %s > 0)", entry, name(rowsColumn(l.j.window(v.Window), v.Where)))
		out.add("map_from_entries("+leastEntries(rows, v.Feature.Params.ByMax)+")", v.Name)
	}
	p.step(l.name("maps"), "an entry for each string of "+l.j.plan.Bys[l.by]+", the least first", out.selects("from "+l.name("folds")+"\ngroup by "+name(rowNumber)))
}

// leastEntries are the least of a list of entries k, v, by k, at most so many.
func leastEntries(list string, most int) string {
	return fmt.Sprintf("slice(array_sort(%s, (a, b) -> case when a.k < b.k then -1 when a.k > b.k then 1 else 0 end), 1, %d)", list, most)
}

// value prints one value of an asking row, after its default, and what it is.
func (j *joined) value(v *plan.Value, out *columns) {
	x, counts := name(v.Name), j.counts(v)
	if def := v.Feature.Default; !def.IsNull() {
		out.add(fmt.Sprintf("coalesce(%s, %s)", x, dialect.Literal(v.Feature.Type, def)), v.Name)
		out.add(fmt.Sprintf("if(%s is null, %d, %d)", x, isDefault, isPresent), "#is "+v.Name)
		return
	}
	out.add(x, v.Name)
	is := fmt.Sprintf("case when %s is not null then %d when %s = 0 then %d", x, isPresent, name(counts[0]), isNoRow)
	if len(counts) > 1 {
		is += fmt.Sprintf(" when %s > 0 then %d", name(counts[1]), isComputed)
	}
	out.add(is+fmt.Sprintf(" else %d end", isNullInput), "#is "+v.Name)
}

// finishText is a value's finish over its folds' columns and as_of; nil where it is a function of ours.
func (p *printer) finishText(j *joined, v *plan.Value) *expr.Expr {
	if e, ok := p.finishes[v.Feature]; ok {
		return e
	}
	f, in := v.Feature, value.Null
	if f.Input != nil {
		in = f.Input.Type()
	}
	schema := value.Schema{{Name: "as_of", Type: value.Int}}
	for _, n := range v.Folds {
		schema = append(schema, j.plan.Folds[n].Columns()...)
	}
	var e *expr.Expr
	if text, ok := f.Agg.Text(in, f.Params); ok {
		var mistakes expr.Errors
		if e, mistakes = expr.Check(text, schema); mistakes != nil {
			p.fail(fmt.Errorf("the finish of %s: %w", f.Agg.Name, mistakes))
		}
	}
	p.finishes[f] = e
	return e
}

// finish prints the value of its folds, whose columns the table has; asked has the window's as-of time.
func (p *printer) finish(j *joined, v *plan.Value, table, asked string) string {
	f, w := v.Feature, j.window(v.Window)
	in := value.Null
	if f.Input != nil {
		in = f.Input.Type()
	}
	where := map[string]string{"as_of": asked + fmt.Sprintf("`#asof%d`", w)}
	for _, n := range v.Folds {
		fold := j.plan.Folds[n]
		for _, c := range aggregates[fold.Kind].columns {
			where[c] = table + name(foldColumn(n, w, c))
		}
	}
	if e := p.finishText(j, v); e != nil {
		return p.exprOver(e, v.Name, f.Pos, func(c string) string { return where[c] })
	}
	sql, ok := f.Agg.Spark(in, f.Params)
	if !ok {
		p.fail(&Unsupported{What: f.Agg.Name + " has no text for Spark SQL", Of: v.Name, At: f.Pos, Cure: "take another aggregation, or compute with engine = \"local\""})
		return "null"
	}
	return strings.ReplaceAll(sql, "$list", where["list"])
}
