package spark

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/cells"
	"github.com/bighead-ml/bighead/engine/spark/connect"
	"github.com/bighead-ml/bighead/engine/tiletable"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

var _ engine.Tiler = (*Engine)(nil)

// Survey says what Backfill would make and read. Spark is not asked.
func (e *Engine) Survey(ctx context.Context, p *plan.Backfill, in engine.Inputs, tiles *tiletable.Table) (*engine.BackfillReport, error) {
	return cells.Survey(ctx, cells.Options{Whole: true}, p, in, tiles)
}

// Backfill lets Spark make the states of the tiles that are missing or whose source files changed, and writes them as the embedded engine writes
// its own: which of them made a tile cannot be told. What Spark cannot be told is an *Unsupported before anything is read. A file of a day is
// committed when it is whole and counts the events that Spark counted.
func (e *Engine) Backfill(ctx context.Context, p *plan.Backfill, in engine.Inputs, tiles *tiletable.Table) (*engine.BackfillReport, error) {
	for _, s := range p.Sets {
		all := make([]int, len(s.Folds))
		for i := range all {
			all[i] = i
		}
		if _, err := PrintCells(s, all, value.DayMS, Table{From: name(s.Source.Name)}, nil); err != nil {
			return nil, err
		}
	}
	f := &filling{engine: e, in: in, bytes: map[string]int64{}}
	report, err := cells.Backfill(ctx, cells.Options{Whole: true, Look: f.look, Times: f.times}, p, in, tiles, f.make)
	if err != nil {
		return nil, err
	}
	report.ExpressionNulls, report.Uncounted = f.nulls, f.uncounted
	return report, nil
}

// filling is one Backfill.
type filling struct {
	engine  *Engine
	in      engine.Inputs
	session *connect.Session
	bytes   map[string]int64 // of partitions whose files Spark has listed, by their locations
	// rows are done of total, and share is what a query of the job at hand does.
	rows, share, total int64
	// nulls are those that expressions made (X1); uncounted are the expressions whose are not counted.
	nulls     map[string]expr.Nulls
	uncounted []string
}

// make makes the cells of a source's jobs.
func (f *filling) make(ctx context.Context, jobs []*cells.Job) (err error) {
	if _, err := f.engine.connected(ctx); err != nil { // before tables are written for it
		return err
	}
	for _, j := range jobs {
		f.total += j.Rows()
	}
	for _, j := range jobs {
		done := f.rows + j.Rows()
		if err := f.job(ctx, j); err != nil {
			return err
		}
		f.rows = done
	}
	return nil
}

// watched is the session for the next query.
func (f *filling) watched() *connect.Session {
	s := f.session.Watched(watch(f.in, f.rows, f.share, f.total))
	f.rows += f.share
	return s
}

// job stages the job's files, and has each target made of them.
func (f *filling) job(ctx context.Context, j *cells.Job) (err error) {
	queries := 0
	for _, t := range j.Targets {
		queries += 1 + len(t.Files)
	}
	f.share = j.Rows() / int64(queries)
	s := &stage{options: &f.engine.options, engine: f.engine}
	defer func() { err = errors.Join(err, s.remove()) }()
	var table Table
	if parts := j.Parts(); len(parts) > 0 {
		var counts dataset.Counts
		if table, counts, err = s.parts(ctx, j, parts); err != nil {
			return err
		}
		for _, i := range parts {
			counts.Bytes += f.bytes[j.Source.Table.Parts()[i].Path]
		}
		j.Scanned(counts)
	}
	if f.session, err = f.engine.connectedTo(ctx, s.byName); err != nil {
		return err
	}
	for i, t := range j.Targets {
		if err := f.target(ctx, j, t, table, i == 0); err != nil {
			return err
		}
	}
	return nil
}

// parts names a job's files, or stages their rows.
func (s *stage) parts(ctx context.Context, j *cells.Job, parts []int) (Table, dataset.Counts, error) {
	source, all := j.Source.Source, j.Source.Table
	some, bytes := &someParts{Table: all}, int64(0)
	for _, i := range parts {
		some.parts = append(some.parts, all.Parts()[i])
		bytes += all.Parts()[i].Size
	}
	if n := farNamed(all); n != nil {
		return s.named(ctx, n, some, source, j.Columns, false)
	}
	if t, counts, ok := inPlace(some, source, j.Columns, span{}); ok {
		counts.Bytes = bytes // Spark does not say which of them it read
		return t, counts, nil
	}
	return s.table(ctx, all, source.Schema, dataset.Scan{Columns: j.Columns, Parts: parts, Ranges: j.Ranges()}, false)
}

// someParts is a table whose files are some of another's.
type someParts struct {
	dataset.Table
	parts []dataset.Part
}

func (t *someParts) Parts() []dataset.Part { return t.parts }

// Named is what the table is called whose parts they are.
func (t *someParts) Named() (*dataset.Named, error) {
	if c, ok := t.Table.(dataset.Cataloged); ok {
		return c.Named()
	}
	return nil, errors.New("the table is of no catalog")
}

// target makes the cells of a set. first tells that the rows without a time are not counted yet.
func (f *filling) target(ctx context.Context, j *cells.Job, t *cells.Target, table Table, first bool) error {
	commit := t.Committer()
	defer commit.Abort()
	if table.From == "" { // no file can hold events of these days
		return commit.Finish(nil)
	}
	of := "tiles of " + t.Set.Report.Source
	days, err := f.count(ctx, of, j, t, table, first)
	if err != nil {
		return err
	}
	for _, kind := range t.Files {
		folds := make([]int, len(kind.Folds))
		for i, n := range kind.Folds {
			folds[i] = t.Folds[n]
		}
		c, err := PrintCells(t.Set.Plan, folds, kind.Step, table, j.Days)
		if err != nil {
			return err
		}
		if err := f.kind(ctx, c, of, newTileFiles(t, kind, c, commit, days)); err != nil {
			return err
		}
	}
	return commit.Finish(nil)
}

// count counts the events of each day, and reports the rows that are none, and the nulls that expressions make. What the rows have in
// common for all sets, the first tells.
func (f *filling) count(ctx context.Context, of string, j *cells.Job, t *cells.Target, table Table, first bool) (map[int64]int64, error) {
	q, err := PrintDayCounts(t.Set.Plan, t.Folds, table, j.Days, first)
	if err != nil {
		return nil, err
	}
	res, err := f.watched().Query(ctx, q.String())
	if err != nil {
		f.engine.lost(f.session, err)
		return nil, q.failed(ctx, of, feature.Pos{}, err) // the source's stands before it
	}
	for _, what := range q.uncounted {
		if !slices.Contains(f.uncounted, what) {
			f.uncounted = append(f.uncounted, what)
		}
	}
	days := map[int64]int64{}
	for _, row := range res.Rows {
		if !row[0].IsNull() {
			day := value.FloorDiv(row[0].Int(), value.DayMS)
			if j.StretchOf(day) == nil {
				return nil, fmt.Errorf("spark: %s: %s was not asked for, %w", of, value.FormatDate(day), errDefect)
			}
			days[day] = row[1].Int()
			continue
		}
		if first {
			j.Source.Report.NullTime += row[2].Int()
		}
		for i, m := range q.sources[0] {
			addNulls(&f.nulls, m, row[6].At(i).Int())
		}
		r := t.Set.Report
		r.NullKey, r.Where, r.Copies = r.NullKey+row[3].Int(), r.Where+row[4].Int(), r.Copies+row[5].Int()
	}
	return days, nil
}

// kind makes the files of one length of tiles.
func (f *filling) kind(ctx context.Context, c *Cells, of string, files *tileFiles) error {
	defer files.abort()
	var stopped error // no failure of Spark's
	err := f.watched().Results(ctx, c.Tiles.String(), func(res *connect.Result) error {
		stopped = files.take(res)
		return stopped
	})
	switch {
	case stopped != nil:
		return stopped
	case err != nil:
		f.engine.lost(f.session, err)
		return c.Tiles.failed(ctx, of, feature.Pos{}, err) // the source's stands before it
	}
	return files.finish()
}
