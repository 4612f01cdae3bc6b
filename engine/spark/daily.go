package spark

import (
	"errors"
	"fmt"
	"math/bits"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/engine/cells"
	"github.com/bighead-ml/bighead/engine/spark/connect"
	"github.com/bighead-ml/bighead/engine/tiletable"
	"github.com/bighead-ml/bighead/value"
)

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
