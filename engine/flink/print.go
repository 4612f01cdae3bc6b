package flink

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bighead-ml/bighead/engine/flink/part"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

const dialect = expr.FlinkSQL

// Job is what Flink is told of a space: statements for one session, the last of which begins the job.
type Job struct {
	Name   string // bh/<group>/<the space's own hash>; no two jobs of one name run
	Layout *part.Layout
	Topic  string // of the parts

	settings [][2]string
	tables   []statement // and views
	inserts  []statement
	of       string // the group
	secrets  map[string]string
	// standstill is for how long a stopped job can go on again.
	standstill time.Duration
}

// statement is one statement, with what it stands for.
type statement struct {
	of  string // lines of comment
	sql string // with what hidden stands for
}

// Unsupported says what of a source Flink can't be told how to read.
type Unsupported struct {
	What string
	Of   string
	At   feature.Pos
	Cure string
}

func (e *Unsupported) Error() string {
	at := ""
	if e.At.IsValid() {
		at = e.At.String() + ": "
	}
	return fmt.Sprintf("%s%s: %s; %s", at, e.Of, e.What, e.Cure)
}

// Print prints the job of a space. An error is a *part.Lack or an *Unsupported.
func Print(s *plan.Space, o Options) (*Job, error) {
	layout, lack := part.LayoutOf(s)
	if lack != nil {
		return nil, lack
	}
	o = o.withDefaults()
	_, hash, _ := strings.Cut(s.ID, s.Group.Name+"-")
	p := &printer{space: s, layout: layout, options: o, job: &Job{Name: o.jobName(s.Group.Name, hash), Layout: layout, Topic: o.Topic, secrets: o.secrets(), standstill: o.Standstill}}
	p.job.settings = o.settings(p.job.Name, s)
	p.job.of = fmt.Sprintf("the job of group %s (%s)", s.Group.Name, s.Group.Pos)
	if err := p.source(); err != nil {
		return nil, err
	}
	p.events()
	p.tiles()
	for i := range layout.Parts {
		p.sink(i)
	}
	for i := range layout.Parts {
		p.job.inserts = append(p.job.inserts, statement{p.partOf(i), "INSERT INTO " + p.id(sinkName(i)) + "\n" + layout.Query(i, p.name(tilesView))})
	}
	return p.job, p.err
}

// String is the job as a script that people read, without what is secret.
func (j *Job) String() string {
	var b strings.Builder
	for _, s := range j.script() {
		b.WriteString(s.text() + ";\n")
	}
	return b.String()
}

// script is all statements in order.
func (j *Job) script() []statement {
	var out []statement
	for _, set := range j.settings {
		out = append(out, setting(set[0], set[1]))
	}
	return append(append(out, j.tables...), statement{j.of, together(j.inserts)})
}

// Meaning is what Flink is told without comments, without what is secret, and without how many tasks share the work. Jobs of one meaning fold
// the same and keep the same state: where one was stopped another goes on.
func (j *Job) Meaning() string {
	var b strings.Builder
	for _, set := range j.settings {
		if set[0] != parallelismKey {
			b.WriteString(setting(set[0], set[1]).sql + ";\n")
		}
	}
	for _, s := range append(slices.Clone(j.tables), j.inserts...) {
		b.WriteString(s.sql + ";\n")
	}
	return b.String()
}

func setting(key, text string) statement {
	return statement{"", "SET '" + key + "' = " + quote(text)}
}

// together is inserts as one job.
func together(inserts []statement) string {
	var b strings.Builder
	b.WriteString("EXECUTE STATEMENT SET\nBEGIN\n")
	for _, s := range inserts {
		b.WriteString(strings.TrimPrefix(s.text(), "\n") + ";\n")
	}
	return b.String() + "END"
}

func (s statement) text() string {
	var b strings.Builder
	if s.of != "" {
		b.WriteString("\n")
	}
	for line := range strings.Lines(s.of) {
		b.WriteString("-- " + strings.TrimRight(line, "\n") + "\n")
	}
	return b.String() + s.sql
}

type printer struct {
	space   *plan.Space
	layout  *part.Layout
	options Options
	job     *Job
	err     error
}

func (p *printer) add(of, sql string) { p.job.tables = append(p.job.tables, statement{of, sql}) }

// name is that of a table or view of the job, and id the same as SQL.
func (p *printer) name(s string) string { return p.options.prefix + s }

func (p *printer) id(s string) string { return id(p.name(s)) }

// view makes a view.
func (p *printer) view(name, of, sql string) {
	p.add(of, "CREATE TEMPORARY VIEW "+p.id(name)+" AS\n"+sql)
}

// table is a temporary table.
func (p *printer) table(name, of string, columns []string, with [][2]string) {
	options := make([]string, len(with))
	for i, w := range with {
		options[i] = quote(w[0]) + " = " + quote(w[1])
	}
	p.add(of, "CREATE TEMPORARY TABLE "+p.id(name)+" (\n  "+strings.Join(columns, ",\n  ")+"\n) WITH (\n  "+strings.Join(options, ",\n  ")+"\n)")
}

// expr prints an expression over the view before.
func (p *printer) expr(e *expr.Expr, of string, at feature.Pos) string {
	text, err := e.Print(dialect, id)
	if err != nil && p.err == nil { // LayoutOf has asked
		p.err = &Unsupported{What: err.Error(), Of: of, At: at, Cure: "write it otherwise, or stream with engine = \"local\""}
	}
	return text
}

// Names of the views.
const (
	rawTable   = "topic"
	jsonView   = "json"
	fieldsView = "fields"
	soundView  = "sound"
	readView   = "read"
	keptView   = "kept"
	cameView   = "came"
	onceView   = "once"
	eventsView = "events"
	tilesView  = "tiles"
)

// events prints the views of what counts, and of what is read of it.
func (p *printer) events() {
	src := p.space.Group.Source
	kept := p.kept()
	var out []string
	for _, k := range p.space.Group.Keys {
		out = append(out, id(k.Name))
	}
	out = append(out, id(part.TimeColumn))
	for i, e := range p.space.Inputs {
		out = append(out, p.expr(e, src.Name, src.Pos)+" AS "+id(part.InputColumn(i)))
	}
	for i, e := range p.space.Wheres {
		out = append(out, p.expr(e, src.Name, src.Pos)+" AS "+id(part.WhereColumn(i)))
	}
	for i, c := range p.space.Bys {
		out = append(out, id(c)+" AS "+id(part.ByColumn(i)))
	}
	if ties := p.layout.Ties(); len(ties) > 0 {
		texts := make([]string, len(ties))
		for i, t := range ties {
			texts[i] = part.Order(p.expr(src.OrderBy[i], src.Name, src.Pos), t)
		}
		out = append(out, "CONCAT("+strings.Join(texts, ", ")+") AS "+id(part.TieColumn))
	}
	p.view(eventsView, "what features read of an event:\n"+p.definitions(), p.selects(out, kept))
}

// kept prints what E1 and E3 leave of the source's rows, and says in which view.
func (p *printer) kept() string {
	src := p.space.Group.Source
	p.view(keptView+"?", "when each event happened", p.selects([]string{"*", p.expr(src.Time, src.Name, src.Pos) + " AS " + id(part.TimeColumn)}, readView))
	conditions := []string{id(part.TimeColumn) + " IS NOT NULL"}
	for _, k := range p.space.Group.Keys {
		conditions = append(conditions, id(k.Name)+" IS NOT NULL")
	}
	of := "events that count: with a time and a key"
	if src.Where != nil {
		conditions = append(conditions, "("+p.expr(src.Where, src.Name, src.Pos)+") IS TRUE")
		of += ", where " + src.Where.String()
	}
	of += " (E1)"
	if src.Lateness < endless {
		conditions = append(conditions, fmt.Sprintf("TO_TIMESTAMP_LTZ(%s + %d, 3) >= %s", id(part.TimeColumn), src.Lateness, id(arrivedColumn)))
		of += ",\nno more than " + value.FormatDuration(src.Lateness) + " later in the topic than they happened (E3)"
	}
	p.view(keptView, of, p.selects([]string{"*"}, keptView+"?")+"\nWHERE "+strings.Join(conditions, "\n  AND "))
	if src.ID == "" {
		return keptView
	}
	column := id(src.ID)
	columns := p.columnsAfterKept()
	// Not ROW_NUMBER: with mini-batches Flink's deduplication takes rows back, and all that follows would have to keep every value for it.
	// PROCTIME() stands right here, for where it comes through an unnested array it is a time like any other.
	p.view(cameView, "when each came to be processed", p.selects(append(slices.Clone(columns), "PROCTIME() AS "+id(part.ProcColumn)), keptView)+"\nWHERE "+column+" IS NOT NULL")
	p.view(onceView+"?", "copies counted in that order", fmt.Sprintf("SELECT *, COUNT(*) OVER (PARTITION BY %s, %s ORDER BY %s ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS `#copy`\nFROM %s",
		column, id(part.TimeColumn), id(part.ProcColumn), p.id(cameView)))
	p.view(onceView, "the first of each copy, and what has no "+src.ID+" (E3)", p.selects(columns, onceView+"?")+"\nWHERE `#copy` = 1\nUNION ALL\n"+
		p.selects(columns, keptView)+"\nWHERE "+column+" IS NULL")
	return onceView
}

// columnsAfterKept are the columns that are read of kept rows.
func (p *printer) columnsAfterKept() []string {
	var out []string
	for _, c := range p.reads() {
		out = append(out, id(c))
	}
	return append(out, id(part.TimeColumn))
}

// definitions lists where each value is defined.
func (p *printer) definitions() string {
	lines := make([]string, len(p.space.Values))
	for i, v := range p.space.Values {
		lines[i] = fmt.Sprintf("%s %s over %s (%s)", v.Name, v.Feature.Agg.Name, v.Window.Text(), v.Feature.Pos)
	}
	return strings.Join(lines, "\n")
}

// tiles prints a row for each event and level. What is unnested names a column of the event: an array that did not would be a table of its
// own for Flink, and joined, with every event kept for ever.
func (p *printer) tiles() {
	levels, words := make([]string, len(p.space.Levels)), make([]string, len(p.space.Levels))
	for i, l := range p.space.Levels {
		levels[i] = fmt.Sprintf("ROW(CAST(%[1]d AS BIGINT), %[2]s - MOD(MOD(%[2]s, %[1]d) + %[1]d, %[1]d))", l.Step, id(part.TimeColumn))
		words[i] = value.FormatDuration(l.Step)
	}
	columns := []string{"*"}
	if p.layout.Pivots() {
		columns = append(columns, "PROCTIME() AS "+id(part.ProcColumn))
	}
	p.view(tilesView, "its tile of each level: "+strings.Join(words, ", "), p.selects(columns, eventsView)+"\nCROSS JOIN UNNEST(ARRAY[\n  "+
		strings.Join(levels, ",\n  ")+"\n]) AS `#levels` ("+id(part.StepColumn)+", "+id(part.StartColumn)+")")
}

// sink is the compacted topic as a table of one part's columns.
func (p *printer) sink(i int) {
	var columns, key []string
	for _, c := range p.layout.KeyColumns() {
		columns = append(columns, id(c.Name)+" "+c.Type)
		key = append(key, id(c.Name))
	}
	for _, c := range p.layout.Columns(i) {
		columns = append(columns, id(c.Name)+" "+c.Type)
	}
	columns = append(columns, "PRIMARY KEY ("+strings.Join(key, ", ")+") NOT ENFORCED")
	with := append([][2]string{{"connector", "upsert-kafka"}, {"topic", p.options.Topic}}, p.kafka()...)
	with = append(with, [2]string{"key.format", "json"}, [2]string{"value.format", "json"}, [2]string{"value.fields-include", "EXCEPT_KEY"},
		[2]string{"sink.delivery-guarantee", "at-least-once"})
	p.table(sinkName(i), "where part "+p.layout.Parts[i].Name+" goes", columns, with)
}

func sinkName(part int) string { return "part " + strconv.Itoa(part) }

// partOf says which values read a part.
func (p *printer) partOf(i int) string {
	lines := []string{"part " + p.layout.Parts[i].Name}
	for _, n := range p.layout.Parts[i].Folds {
		f := p.space.Folds[n]
		line := fmt.Sprintf("f%d %s:", n, f.Fold.ID())
		for _, v := range p.space.Values {
			for _, of := range v.Folds {
				if of == n {
					line += fmt.Sprintf(" %s (%s)", v.Name, v.Feature.Pos)
				}
			}
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// selects is a select list, an item a line.
func (p *printer) selects(columns []string, view string) string {
	return "SELECT\n  " + strings.Join(columns, ",\n  ") + "\nFROM " + p.id(view)
}

// id writes an identifier.
func id(s string) string { return dialect.Name(s) }

// quote writes a text of an option or a setting.
func quote(s string) string { return expr.QuoteText(s) }

func number(n int64) string { return strconv.FormatInt(n, 10) }

func millis(d time.Duration) string { return number(d.Milliseconds()) + " ms" }
