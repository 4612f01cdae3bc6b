package local

import (
	"fmt"
	"math"
	"slices"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/local/exchange"
	"github.com/bighead-ml/bighead/engine/local/sift"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/fault"
)

// job is one join on its way: from the batches of its source to the values of its features.
type job struct {
	run    *run
	plan   *plan.Join
	source *feature.Source
	table  dataset.Table
	asking *askers
	layout layout
	wide   bool // whole rows are kept, because copies or rows of one millisecond differ (E3, E5)
	read   []string
	schema value.Schema // of the columns read
	store  *exchange.Store
	copies *exchange.Store // rows by id, before copies are told (E3); nil: no id
	report *engine.SourceReport
	nulls  *sift.Nulls
	bounds timeBounds
	seen   []bool // by key code: the source has rows of it
	newest int64  // the greatest ts of any row, MinInt64 where there is none
	oldest int64  // the least, MaxInt64 where there is none
	ends   []int64
	fins   []*finish
	tiles  *tileUse // nil: none stand for rows

	answers *answers
}

// layout is which columns a row of events has, beside its key's code and its time.
type layout struct {
	known   int   // index, −1: none
	order   []int // the parts of order_by
	deleted int
	inputs  []int
	wheres  []int
	bys     []int
	id      int
	row     int // all columns as one text that compares as they do
	kept    int // columns that go to the buckets of keys; those behind them only tell copies

	exprs  []*expr.Expr
	names  []string     // of what is computed, for reports
	types  []value.Type // as they are kept: a coded string is an int
	coded  []bool
	coders []*coder // of what is coded, while and after the source is read
}

func (l *layout) add(what string, e *expr.Expr) int {
	l.exprs, l.names, l.types = append(l.exprs, e), append(l.names, what), append(l.types, e.Type())
	l.coded, l.coders = append(l.coded, false), append(l.coders, nil)
	return len(l.types) - 1
}

// coder is the coder of a column, nil where its cells are what they are.
func (l *layout) coder(i int) *coder {
	if i < 0 || i >= len(l.coders) {
		return nil
	}
	return l.coders[i]
}

// timeBounds are the times that any row of the spine can see: from ≤ ts < to.
type timeBounds struct{ from, to int64 }

func (r *run) newJob(p *plan.Join, table dataset.Table) (*job, error) {
	j := &job{run: r, plan: p, source: p.Scan.Source, table: table, newest: math.MinInt64, oldest: math.MaxInt64, nulls: &sift.Nulls{}}
	j.report = &engine.SourceReport{Join: p.Name, Source: j.source.Name}
	rows := rowsOf(table)
	var err error
	if j.asking, err = r.askersOf(p, rows); err != nil {
		return nil, err
	}
	j.prepare()
	j.bounds = j.timeBounds()
	for v := range p.Values {
		f, err := newFinish(p, &p.Values[v])
		if err != nil {
			return nil, err
		}
		j.fins = append(j.fins, f)
	}
	return j, nil
}

// prepare lays out the events' columns and makes the stores for them.
func (j *job) prepare() {
	s, l := j.source, layout{known: -1, deleted: -1, id: -1, row: -1}
	column := func(name string) *expr.Expr { return columnExpr(s.Schema, name) }
	if s.KnownAt != nil {
		l.known = l.add("known_at", s.KnownAt)
	}
	for _, e := range s.OrderBy {
		l.order = append(l.order, l.add("order_by", e))
	}
	if s.Deleted != "" {
		e, errs := expr.Check("coalesce("+expr.QuoteName(s.Deleted)+", false)", s.Schema)
		if len(errs) > 0 {
			panic(fmt.Sprintf("local: column %q: %v", s.Deleted, errs))
		}
		l.deleted = l.add("deleted", e)
	}
	for _, e := range j.plan.Inputs {
		l.inputs = append(l.inputs, l.add(e.String(), e))
	}
	for _, e := range j.plan.Wheres {
		l.wheres = append(l.wheres, l.add("where "+e.String(), e))
	}
	for _, name := range j.plan.Bys {
		l.bys = append(l.bys, l.add(name, column(name)))
	}
	l.kept = len(l.types)
	j.code(&l)
	if s.ID != "" {
		l.id = l.add(s.ID, column(s.ID))
	}
	if j.wide {
		l.row = len(l.types)
		l.types = append(l.types, value.Bytes)
		if isEntity(s) {
			l.kept = len(l.types)
		}
	}
	j.layout = l
	j.readColumns()
	j.seen = make([]bool, j.asking.codes)
	j.store = j.run.pool.NewStore(l.types[:l.kept], j.asking.buckets)
	if s.ID != "" {
		j.copies = j.run.pool.NewStore(l.types, max(1, j.asking.buckets))
	}
}

// code marks the strings that are kept as numbers.
func (j *job) code(l *layout) {
	j.layout = *l
	for i, t := range l.types {
		if t.Kind == value.KindString && !j.run.plain[j.plainText(i)] {
			l.coded[i], l.types[i] = true, value.Int
		}
	}
}

// readColumns are the plan's, and those of known_at, which counts in the order of events and copies also where a label sets it aside.
func (j *job) readColumns() {
	s := j.source
	want := slices.Clone(j.plan.Scan.Read)
	if s.KnownAt != nil {
		want = append(want, s.KnownAt.Columns()...)
	}
	j.read, j.schema = nil, nil
	for _, f := range s.Schema {
		if j.wide || slices.Contains(want, f.Name) {
			j.read, j.schema = append(j.read, f.Name), append(j.schema, f)
		}
	}
}

// reset makes the job ready to read its source again.
func (j *job) reset() {
	j.store.Drop()
	if j.copies != nil {
		j.copies.Drop()
	}
	j.answers.reset(j.run.pool)
	*j.report = engine.SourceReport{Join: j.report.Join, Source: j.report.Source}
	j.nulls, j.newest, j.oldest, j.ends = &sift.Nulls{}, math.MinInt64, math.MaxInt64, nil
	j.prepare()
}

// layoutReads are the columns of a batch that the layout is computed of.
func (j *job) layoutReads(schema value.Schema) []int {
	var reads []int
	for i, f := range schema {
		used := j.wide && slices.Contains(j.read, f.Name)
		for k, e := range j.layout.exprs {
			_, bare := e.Column()
			used = used || slices.Contains(e.Columns(), f.Name) && !(bare && j.layout.coded[k])
		}
		if used {
			reads = append(reads, i)
		}
	}
	return reads
}

// timeBounds asks the windows: their bounds never decrease with t, so those of the first and the last row bound all.
func (j *job) timeBounds() timeBounds {
	s := j.run.spine
	b := timeBounds{math.MaxInt64, math.MinInt64}
	if s.n == 0 {
		return b
	}
	for i := range j.plan.Values {
		w := &j.plan.Values[i].Window
		from, _ := w.Bounds(s.first)
		_, to := w.Bounds(s.last)
		if fault.Planted("local: the first row of the spine bounds the events") {
			_, to = w.Bounds(s.first)
		}
		if j.source.Kind != feature.Events {
			from = plan.MinTime
			to, _ = w.AsOf(s.last) // never floored (E5)
		}
		b.from, b.to = min(b.from, from), max(b.to, to)
	}
	return b
}

// ranges let the table skip files whose times no row of the spine can see.
func (j *job) ranges() []dataset.Range {
	if j.source.Time == nil {
		return nil
	}
	name, ok := j.source.Time.Column()
	if !ok || j.bounds.from == plan.MinTime && j.bounds.to == plan.MaxTime {
		return nil
	}
	r := dataset.Range{Column: name, Max: value.OfTimestamp(max(j.bounds.to, value.MinTimestamp))}
	if j.bounds.from != plan.MinTime {
		r.Min = value.OfTimestamp(max(j.bounds.from, value.MinTimestamp))
	}
	return []dataset.Range{r}
}

// tieParts are the columns that decide between events of one key and millisecond, in order (E2, E5).
func (j *job) tieParts() []int {
	l := &j.layout
	var parts []int
	if l.deleted >= 0 && !fault.Planted("local: a deletion does not win its millisecond") {
		parts = append(parts, l.deleted)
	}
	parts = append(parts, l.order...)
	if l.known >= 0 {
		parts = append(parts, l.known)
	}
	if l.row >= 0 && isEntity(j.source) {
		parts = append(parts, l.row)
	}
	return parts
}

// ordered reports whether the order within a millisecond matters to any fold.
func (j *job) ordered() bool {
	return j.source.Kind != feature.Events || slices.ContainsFunc(j.plan.Folds, func(f plan.Fold) bool {
		return f.Kind == agg.KindEdge || f.Kind == agg.KindEventList
	})
}

func columnExpr(s value.Schema, name string) *expr.Expr {
	e, errs := expr.Check(expr.QuoteName(name), s)
	if len(errs) > 0 {
		panic(fmt.Sprintf("local: column %q: %v", name, errs))
	}
	return e
}
