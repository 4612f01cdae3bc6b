package spark

import (
	"context"
	"errors"
	"fmt"
	"math/bits"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/cells"
	"github.com/bighead-ml/bighead/engine/spark/connect"
	"github.com/bighead-ml/bighead/engine/tiletable"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

var _ engine.Tiler = (*Engine)(nil)

// Survey says what Backfill would make and read. Spark is not asked.
func (e *Engine) Survey(ctx context.Context, p *plan.Backfill, in engine.Inputs, tiles *tiletable.Table) (*engine.BackfillReport, error) {
	return cells.Survey(ctx, cells.Options{}, p, in, tiles)
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
	f := &filling{engine: e, in: in}
	return cells.Backfill(ctx, cells.Options{}, p, in, tiles, f.make)
}

// filling is one Backfill.
type filling struct {
	engine      *Engine
	in          engine.Inputs
	session     *connect.Session
	rows, total int64 // done of the jobs, and of all
}

// make makes the cells of a source's jobs.
func (f *filling) make(ctx context.Context, jobs []*cells.Job) (err error) {
	if f.session, err = f.engine.connected(ctx); err != nil { // before tables are written for it
		return err
	}
	for _, j := range jobs {
		f.total += j.Rows()
	}
	for _, j := range jobs {
		if err := f.job(ctx, j); err != nil {
			return err
		}
		f.rows += j.Rows()
	}
	return nil
}

// job stages the job's files, and has each target made of them.
func (f *filling) job(ctx context.Context, j *cells.Job) (err error) {
	if j.Source.Source.ID != "" { // which copy counts is decided by all columns (E3)
		j.Columns = j.Source.Source.Schema.Names()
	}
	s := &stage{options: &f.engine.options}
	defer func() { err = errors.Join(err, s.remove()) }()
	var table Table
	if parts := j.Parts(); len(parts) > 0 {
		var counts dataset.Counts
		if table, counts, err = s.parts(ctx, j, parts); err != nil {
			return err
		}
		j.Scanned(counts)
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

// target makes the cells of a set. first tells that the rows without a time are not counted yet.
func (f *filling) target(ctx context.Context, j *cells.Job, t *cells.Target, table Table, first bool) error {
	commit := t.Committer()
	defer commit.Abort()
	if table.From == "" { // no file can hold events of these days
		return commit.Finish(nil)
	}
	var days map[int64]int64
	for _, kind := range t.Files {
		folds := make([]int, len(kind.Folds))
		for i, n := range kind.Folds {
			folds[i] = t.Folds[n]
		}
		c, err := PrintCells(t.Set.Plan, folds, kind.Step, table, j.Days)
		if err != nil {
			return err
		}
		watched := f.session.Watched(watch(f.in, f.rows, j.Rows(), f.total))
		of := "tiles of " + t.Set.Report.Source
		if days == nil {
			if days, err = f.count(ctx, watched, c, of, j, t, first); err != nil {
				return err
			}
		}
		if err := f.kind(ctx, watched, c, of, newTileFiles(t, kind, c, commit, days)); err != nil {
			return err
		}
	}
	return commit.Finish(nil)
}

// count counts the events of each day, and reports the rows that are none.
func (f *filling) count(ctx context.Context, s *connect.Session, c *Cells, of string, j *cells.Job, t *cells.Target, first bool) (map[int64]int64, error) {
	res, err := s.Query(ctx, c.Counts.String())
	if err != nil {
		f.engine.lost(f.session, err)
		return nil, c.Counts.failed(ctx, of, err)
	}
	days := map[int64]int64{}
	for _, row := range res.Rows {
		if !row[0].IsNull() {
			days[value.FloorDiv(row[0].Int(), value.DayMS)] = row[1].Int()
			continue
		}
		if first {
			j.Source.Report.NullTime += row[2].Int()
		}
		r := t.Set.Report
		r.NullKey, r.Where, r.Copies = r.NullKey+row[3].Int(), r.Where+row[4].Int(), r.Copies+row[5].Int()
	}
	return days, nil
}

// kind makes the files of one length of tiles.
func (f *filling) kind(ctx context.Context, s *connect.Session, c *Cells, of string, files *tileFiles) error {
	defer files.abort()
	var stopped error // no failure of Spark's
	err := s.Results(ctx, c.Tiles.String(), func(res *connect.Result) error {
		stopped = files.take(res)
		return stopped
	})
	switch {
	case stopped != nil:
		return stopped
	case err != nil:
		f.engine.lost(f.session, err)
		return c.Tiles.failed(ctx, of, err)
	}
	return files.finish()
}

// tileFiles writes the rows of a query of tiles into files, a day after the other.
type tileFiles struct {
	target *cells.Target
	kind   *cells.FileKind
	commit *cells.Committer
	days   map[int64]int64 // events of each, as they were counted
	folds  []toldFold
	states []agg.State
	empty  [][]byte // encodings of the state of no event
	// What follows is of the day at hand; staged is nil where there is none.
	staged *tiletable.Staged
	day    int64
	rows   int64
	key    []byte
	hash   uint64
	done   int // days
	// encoded and filled are scratch: of the tile at hand.
	encoded, filled [][]byte
	text            []byte
}

func newTileFiles(t *cells.Target, kind *cells.FileKind, c *Cells, commit *cells.Committer, days map[int64]int64) *tileFiles {
	f := &tileFiles{target: t, kind: kind, commit: commit, days: days, folds: c.folds}
	for i := range f.folds {
		s := f.folds[i].New()
		f.states, f.empty = append(f.states, s), append(f.empty, agg.AppendState(nil, s))
	}
	f.encoded, f.filled = make([][]byte, len(f.folds)), make([][]byte, len(f.folds))
	return f
}

func (f *tileFiles) abort() {
	if f.staged != nil {
		f.staged.Abort()
		f.staged = nil
	}
}

// take takes in some rows, in the order of files.
func (f *tileFiles) take(res *connect.Result) error {
	for _, c := range res.Altered {
		return fmt.Errorf("spark: column %s: not a value of the contract (V2), which is a defect of the printed query", res.Schema[c.Column].Name)
	}
	for _, row := range res.Rows {
		if err := f.tile(row); err != nil {
			return fmt.Errorf("spark: tiles of %s: %w", f.target.Set.Report.Source, err)
		}
	}
	return nil
}

// errDefect is of rows that no query of ours should give.
var errDefect = errors.New("which is a defect of the printed query")

// tile takes in a row: the key, the tile's beginning, how many events it has, the states.
func (f *tileFiles) tile(row []value.Value) error {
	keys := f.target.Set.Plan.Keys
	at, rows, states := row[len(keys)].Int(), row[len(keys)+1].Int(), row[len(keys)+2:]
	if err := f.open(value.FloorDiv(at, value.DayMS)); err != nil {
		return err
	}
	if err := f.keyed(row[:len(keys)]); err != nil {
		return err
	}
	for i := range f.folds {
		if err := f.folds[i].state(f.states[i], states[i]); err != nil {
			return fmt.Errorf("%s: %w, %w", f.folds[i].ID(), err, errDefect)
		}
		f.encoded[i] = agg.AppendState(f.encoded[i][:0], f.states[i])
		if f.filled[i] = f.encoded[i]; string(f.encoded[i]) == string(f.empty[i]) {
			f.filled[i] = nil
		}
	}
	f.rows += rows
	f.staged.Tile((at-f.day*value.DayMS)/f.kind.Step, f.filled)
	return nil
}

// keyed begins a key where it is another than the row before had.
func (f *tileFiles) keyed(row []value.Value) error {
	f.text = f.text[:0]
	for i, k := range f.target.Set.Plan.Keys {
		v, err := ofType(k.Type, row[i])
		if err != nil {
			return fmt.Errorf("key %s: %w, %w", k.Name, err, errDefect)
		}
		f.text = value.Append(f.text, v)
	}
	hash := tiletable.Hash(f.text)
	switch {
	case f.key != nil && string(f.text) == string(f.key):
		return nil
	case f.key != nil && (hash < f.hash || hash == f.hash && string(f.text) < string(f.key)):
		return fmt.Errorf("key %x comes after %x, %w", f.text, f.key, errDefect)
	}
	f.key, f.hash = append(f.key[:0], f.text...), hash
	f.staged.Key(hash, f.key)
	return nil
}

// rowsOfBucket is how many events a bucket of keys in a file should be made of, at most; and a file has 2^mostBits buckets at most.
const (
	rowsOfBucket = 1 << 16
	mostBits     = 8
)

// open begins the file of a day where it is another than the one at hand.
func (f *tileFiles) open(day int64) error {
	if f.staged != nil && day == f.day {
		return nil
	}
	if f.staged != nil && day < f.day {
		return fmt.Errorf("%s comes after %s, %w", value.FormatDate(day), value.FormatDate(f.day), errDefect)
	}
	if err := f.close(); err != nil {
		return err
	}
	if f.days[day] == 0 {
		return f.changed(day, 0)
	}
	var types []value.Type
	for _, k := range f.target.Set.Plan.Keys {
		types = append(types, k.Type)
	}
	var err error
	f.staged, err = f.target.Set.Edit.Stage(tiletable.Header{Day: day, Step: f.kind.Step, Bits: min(bits.Len64(uint64(f.days[day]/rowsOfBucket)), mostBits), Keys: types, Columns: f.kind.Columns})
	f.day, f.rows, f.key = day, 0, nil
	return err
}

// close hands the day's file on to be committed.
func (f *tileFiles) close() error {
	if f.staged == nil {
		return nil
	}
	if f.rows != f.days[f.day] {
		return f.changed(f.day, f.rows)
	}
	if err := f.staged.Close(); err != nil {
		return err
	}
	staged := f.staged
	f.staged = nil // the committer's now
	f.done++
	return f.commit.Day(f.day, []*cells.FileKind{f.kind}, []*tiletable.Staged{staged}, f.rows)
}

// finish ends the last day, and holds the days against those that were counted.
func (f *tileFiles) finish() error {
	if err := f.close(); err != nil {
		return fmt.Errorf("spark: tiles of %s: %w", f.target.Set.Report.Source, err)
	}
	if f.done != len(f.days) {
		return fmt.Errorf("spark: tiles of %s: Spark counted events on %d days and made tiles of %d: its files changed meanwhile; run the backfill again", f.target.Set.Report.Source, len(f.days), f.done)
	}
	return nil
}

// changed says that the tiles of a day are of other events than were counted.
func (f *tileFiles) changed(day, rows int64) error {
	return fmt.Errorf("Spark counted %d events on %s and made tiles of %d: its files changed meanwhile; run the backfill again", f.days[day], value.FormatDate(day), rows)
}
