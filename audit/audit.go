package audit

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// Task is an audit of one view.
type Task struct {
	Dir     string // of the log of what was served
	Formats []dataset.Format
	View    string
	// Since and Until bound when a vector was answered, by the wall's clock, [Since, Until), ms.
	Since, Until int64
	// Now is the view as it is applied now; nil: there is none of its name. Definition finds it as it was under a fingerprint: nil where
	// nothing that can still be read has that.
	Now        *feature.View
	Definition func(ctx context.Context, fingerprint string) (*feature.View, error)
	// Engine computes all rows again, over Inputs, whose Open gives the one history of a source.
	Engine engine.Engine
	Inputs engine.Inputs
	// Few computes single rows of few events, again and again, where something is to be explained: an engine of this process.
	Few engine.Engine
	// ByDefinition is an engine that computes by definition and lets hear the events behind each value of a feature.
	ByDefinition func(hear func(row int, v *plan.Value, events []agg.Event)) engine.Engine
	// Past is what is known of the rows of a source, for telling which of them an online store could have.
	Past func(ctx context.Context, s *feature.Source) (*Past, error)
	// Events says that what was served went by the clock of the events.
	Events bool
}

// Past is a source's history, with how each row came.
type Past struct {
	// Table is the one history: the source's columns, and where the source has a log those of the names below.
	Table dataset.Table
	// Arrival, Partition and Offset name the columns that say of a row of the log when it came and where it stands, null in rows of the source's
	// files; "": the source has no log.
	Arrival, Partition, Offset string
	// Log is the log's own table where the history shows the files' rows before Cut in place of the log's; nil: it shows all of the log.
	Log dataset.Table
	Cut int64
	// FilesChanged is when the newest of the source's files was written, ms; 0: there are none.
	FilesChanged int64
	// GoneBefore says that rows which arrived before may have been let go from the log, ms; plan.MinTime: none.
	GoneBefore int64
}

// Report is what an audit has found of one view.
type Report struct {
	View    string          `json:"view"`
	Since   int64           `json:"-"`
	Until   int64           `json:"-"`
	Rows    int64           `json:"rows"`
	Values  int64           `json:"values"`
	Classes map[Class]int64 `json:"classes"`
	Columns []*Column       `json:"columns"`
	// Damaged are files that could not be read, with the reason.
	Damaged []string `json:"damaged"`
}

// Column is what was found of one column.
type Column struct {
	Name    string          `json:"name"`
	Classes map[Class]int64 `json:"classes"`
	// Worst is the worst that was found, where anything differs: of the worst class, and in it of the greatest difference.
	Worst *Example `json:"worst,omitempty"`
}

// Skewed reports whether anything has no explanation.
func (r *Report) Skewed() bool { return r.Classes[Skew] > 0 }

// chunkCells is how many served values are computed again together, about.
const chunkCells = 1 << 21

// Run computes again what was served, and says of each value what came of it.
func Run(ctx context.Context, t Task) (*Report, error) {
	r := &Report{View: t.View, Since: t.Since, Until: t.Until, Classes: map[Class]int64{}, Damaged: []string{}}
	files, damaged, err := openLog(ctx, t.Dir, viewKey, t.View, t.Formats, t.Since, t.Until)
	if err != nil {
		return nil, err
	}
	r.Damaged = append(r.Damaged, damaged...)
	var prints []string
	byPrint := map[string][]*logFile{}
	for _, f := range files {
		if byPrint[f.fingerprint] == nil {
			prints = append(prints, f.fingerprint)
		}
		byPrint[f.fingerprint] = append(byPrint[f.fingerprint], f)
	}
	for _, print := range prints {
		v, err := t.definition(ctx, print)
		if err != nil {
			return nil, err
		}
		if v == nil {
			err = r.unknown(ctx, &t, byPrint[print])
		} else {
			err = newAuditor(&t, v, r).files(ctx, byPrint[print])
		}
		if err != nil {
			return nil, fmt.Errorf("audit of view %s: %w", t.View, err)
		}
	}
	return r, nil
}

func (t *Task) definition(ctx context.Context, fingerprint string) (*feature.View, error) {
	if t.Now != nil && t.Now.Fingerprint == fingerprint {
		return t.Now, nil
	}
	return t.Definition(ctx, fingerprint)
}

// unknown counts vectors of a definition that cannot be had any more.
func (r *Report) unknown(ctx context.Context, t *Task, files []*logFile) error {
	for _, f := range files {
		err := eachBatch(ctx, f.table, dataset.Scan{}, func(b *value.Batch) error {
			if len(b.Schema) < ownColumns || b.Schema[0].Name != servedColumn {
				return fmt.Errorf("%s: its columns are not those of served vectors", f.path)
			}
			for i := range b.N {
				if at := b.Columns[0].At(i).Int(); at < t.Since || at >= t.Until {
					continue
				}
				r.Rows++
				for c := ownColumns; c < len(b.Schema); c++ {
					if t.asksFor(b.Schema[c].Name) || b.Schema[c].Name == predictionColumn {
						continue
					}
					r.count(b.Schema[c].Name, Changed, nil)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// asksFor reports whether a name is that of a key or request field, as far as is known.
func (t *Task) asksFor(name string) bool {
	return t.Now != nil && slices.ContainsFunc(t.Now.Asked(), func(k feature.Key) bool { return k.Name == name })
}

// count adds a value, and keeps its example where it is the worst yet.
func (r *Report) count(column string, c Class, example func() *Example) {
	r.Values++
	r.Classes[c]++
	i := slices.IndexFunc(r.Columns, func(x *Column) bool { return x.Name == column })
	if i < 0 {
		i = len(r.Columns)
		r.Columns = append(r.Columns, &Column{Name: column, Classes: map[Class]int64{}})
	}
	col := r.Columns[i]
	col.Classes[c]++
	if example == nil || c == Same || c == Defaulted {
		return
	}
	if col.Worst != nil && c.rank() < col.Worst.Class.rank() {
		return
	}
	e := example()
	if e.Class = c; col.Worst == nil || c.rank() > col.Worst.Class.rank() || e.size > col.Worst.size {
		col.Worst = e
	}
}

// auditor computes the vectors of one definition of a view.
type auditor struct {
	task    *Task
	view    *feature.View
	shape   *shape
	serve   *plan.Serve
	derive  map[int]expr.RowFunc // by column of the view
	batch   *plan.Batch
	report  *Report
	changed map[string]bool // columns whose definition that is applied now is another
	joins   []*joinPlan     // made when needed
	pasts   map[*feature.Source]*Past
}

func newAuditor(t *Task, v *feature.View, r *Report) *auditor {
	a := &auditor{task: t, view: v, shape: shapeOf(v), serve: plan.ForServe(v), derive: map[int]expr.RowFunc{}, batch: plan.ForView(v, nil), report: r,
		changed: map[string]bool{}, joins: make([]*joinPlan, len(v.Joins)), pasts: map[*feature.Source]*Past{}}
	for _, d := range a.serve.Derive {
		i := slices.IndexFunc(v.Columns, func(c feature.ViewColumn) bool { return c.Name == d.Derived.Name })
		a.derive[i] = d.Derived.Expr.Compile(a.serve.Row)
	}
	for _, c := range v.Columns {
		same := t.Now != nil && slices.ContainsFunc(t.Now.Columns, func(n feature.ViewColumn) bool { return n.Name == c.Name && n.Fingerprint == c.Fingerprint })
		a.changed[c.Name] = !same
	}
	return a
}

// vector is one served row.
type vector struct {
	served, at, version int64
	asked, values       []value.Value // values by shape.columns
	statuses            []feature.Status
	has                 []bool // whether the column was asked for
	reads               []feature.ServedRead
	history             []value.Value // what history gives, by shape.columns
	classes             []Class       // "": not decided yet
	found               []finding
}

// files audits the vectors of files.
func (a *auditor) files(ctx context.Context, files []*logFile) error {
	var vectors []*vector
	for _, f := range files {
		if !a.shape.fits(f.table.Schema()) {
			a.report.Damaged = append(a.report.Damaged, f.path+": its columns are not those of the version that it names")
			continue
		}
		err := eachBatch(ctx, f.table, dataset.Scan{Columns: a.shape.schema.Names()}, func(b *value.Batch) error {
			for i := range b.N {
				v, err := a.vector(b.Row(i))
				if err != nil {
					return fmt.Errorf("%s: %w", f.path, err)
				}
				if v.served < a.task.Since || v.served >= a.task.Until {
					continue
				}
				if vectors = append(vectors, v); len(vectors)*len(a.shape.schema) >= chunkCells {
					if err := a.settle(ctx, vectors); err != nil {
						return err
					}
					vectors = vectors[:0]
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return a.settle(ctx, vectors)
}

func (a *auditor) vector(cells []value.Value) (*vector, error) {
	n := len(a.shape.columns)
	v := &vector{served: cells[0].Int(), at: cells[1].Int(), version: cells[2].Int(), asked: cells[ownColumns : ownColumns+a.shape.asked],
		values: cells[ownColumns+a.shape.asked:], history: make([]value.Value, n), classes: make([]Class, n), found: make([]finding, n)}
	var err error
	if v.statuses, v.has, err = a.shape.statuses(cells[3].Str()); err != nil {
		return nil, err
	}
	v.reads, err = parseReads(cells[4].Str(), v.at)
	return v, err
}

// settle decides on the class of every value of some vectors, and counts them.
func (a *auditor) settle(ctx context.Context, vectors []*vector) error {
	if len(vectors) == 0 {
		return nil
	}
	if err := a.again(ctx, vectors); err != nil {
		return err
	}
	open := map[int][]*vector{} // by join: those with values to be explained
	for _, v := range vectors {
		joins := map[int]bool{}
		for k, i := range a.shape.columns {
			c := &a.view.Columns[i]
			if c.Kind != feature.FeatureColumn || !v.has[k] {
				continue
			}
			if v.classes[k] = a.first(v, k); v.classes[k] == excused(v.statuses[k]) {
				v.found[k].why = "it was served as " + v.statuses[k].String()
			}
			if v.classes[k] == "" && !joins[c.Join] {
				joins[c.Join] = true
				open[c.Join] = append(open[c.Join], v)
			}
		}
	}
	for j := range a.view.Joins {
		if err := a.explain(ctx, j, open[j]); err != nil {
			return err
		}
	}
	for _, v := range vectors {
		a.derived(v)
		a.count(v)
	}
	return nil
}

// again computes the vectors with the batch engine.
func (a *auditor) again(ctx context.Context, vectors []*vector) error {
	schema := a.batch.Spine.Schema
	rows := make([][]value.Value, len(vectors))
	for i, v := range vectors {
		rows[i] = a.spineRow(schema, v.asked, v.at)
	}
	in := a.task.Inputs
	in.Spine = dataset.Memory(schema, value.BatchOf(schema, rows))
	place := make([]int, len(a.shape.columns)) // of each column: in the output
	for k, i := range a.shape.columns {
		place[k] = slices.IndexFunc(a.batch.Output, func(o plan.Output) bool { return o.Name == a.view.Columns[i].Name })
	}
	n := 0
	_, err := a.task.Engine.Run(ctx, a.batch, in, func(b *value.Batch) error {
		for i := range b.N {
			if n == len(vectors) {
				return fmt.Errorf("the engine gives more rows than it was asked for")
			}
			for k, at := range place {
				vectors[n].history[k] = b.Columns[at].At(i)
			}
			n++
		}
		return nil
	})
	if err == nil && n < len(vectors) {
		err = fmt.Errorf("the engine gives %d rows where it was asked for %d", n, len(vectors))
	}
	return err
}

// spineRow is a request as a row of a spine.
func (a *auditor) spineRow(schema value.Schema, asked []value.Value, at int64) []value.Value {
	row := make([]value.Value, len(schema))
	for i, f := range schema {
		if f.Name == plan.AtColumn {
			row[i] = value.OfTimestamp(at)
			continue
		}
		if k := slices.IndexFunc(a.serve.Asked, func(k feature.Key) bool { return k.Name == f.Name }); k >= 0 {
			row[i] = asked[k]
		}
	}
	return row
}

// first is the class of a feature's value as far as it shows without looking for rows; "" where it must be explained.
func (a *auditor) first(v *vector, k int) Class {
	status := v.statuses[k]
	if status == feature.Failed {
		return Failed
	}
	pv := a.joinPlan(a.view.Columns[a.shape.columns[k]].Join).value(a.view.Columns[a.shape.columns[k]].Name)
	if pv.Promise().Within(v.history[k], v.values[k]) {
		return a.equal(v, k)
	}
	return excused(status)
}

// equal is the class of a value that is what history gives.
func (a *auditor) equal(v *vector, k int) Class {
	switch {
	case a.changed[a.view.Columns[a.shape.columns[k]].Name]:
		return Changed
	case v.statuses[k] == feature.Default:
		return Defaulted
	}
	return Same
}

// excused is the class of a value that differs, where its status said so; else "".
func excused(s feature.Status) Class {
	switch s {
	case feature.Stale:
		return Stale
	case feature.Fallback:
		return Fallback
	case feature.Failed:
		return Failed
	}
	return "" // a partial one too: what was seen of it must be right
}

// derived decides on derived columns: each side evaluates its own inputs (Q2), so a value that is right over what was served with it
// differs only as its inputs do.
func (a *auditor) derived(v *vector) {
	row := make([]value.Value, len(a.serve.Row))
	copy(row, v.asked)
	row[a.serve.At] = value.OfTimestamp(v.at)
	class := map[int]Class{} // by column of the row
	for k, i := range a.shape.columns {
		row[a.serve.Columns[i]] = v.values[k]
		class[a.serve.Columns[i]] = v.classes[k]
	}
	for _, d := range a.serve.Derive {
		i := slices.IndexFunc(a.view.Columns, func(c feature.ViewColumn) bool { return c.Name == d.Derived.Name })
		k := slices.Index(a.shape.columns, i)
		if !v.has[k] {
			continue
		}
		worst := Same
		for _, in := range d.Inputs {
			if c := class[in]; c.rank() > worst.rank() && c != Defaulted {
				worst = c
			}
		}
		own := a.derive[i](row, nil)
		switch {
		case v.statuses[k] == feature.Failed:
			v.classes[k] = Failed
		case !value.Equal(own, v.values[k]) && !(d.Derived.Expr.Transcendental() && agg.Close(own, v.values[k])):
			v.classes[k], v.found[k] = Skew, finding{why: fmt.Sprintf("it is %s over the values that were served with it", own)}
		case worst == Same:
			v.classes[k] = a.equal(v, k)
		case value.Equal(v.history[k], v.values[k]):
			v.classes[k] = a.equal(v, k)
		default:
			v.classes[k], v.found[k] = worst, finding{why: "it follows from what it is derived of"}
		}
		class[d.Row] = v.classes[k]
	}
}

// count adds a vector to the report.
func (a *auditor) count(v *vector) {
	a.report.Rows++
	for k, i := range a.shape.columns {
		if v.has[k] {
			a.report.count(a.view.Columns[i].Name, v.classes[k], func() *Example { return a.example(v, k) })
		}
	}
}

// distance is how far apart two values are: relative, and without end where one of them is no number.
func distance(a, b value.Value) float64 {
	if a.IsNull() || b.IsNull() || !numeric(a) || !numeric(b) {
		return math.Inf(1)
	}
	x, y := a.Number(), b.Number()
	return math.Abs(x-y) / max(math.Abs(x), math.Abs(y), 1e-300)
}

func numeric(v value.Value) bool { return v.Kind() == value.KindInt || v.Kind() == value.KindFloat }
