package tiletable

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/bighead-ml/bighead/value"
)

// Edit changes a set. Files are staged by many goroutines at once, and committed by one at a time.
type Edit struct {
	*Set
	folder string
	mu     sync.Mutex
	err    error // after a commit that failed midway nothing is known
}

// Staged is a tile file that is being written.
type Staged struct {
	name string
	temp string
	file *os.File
	buf  *bufio.Writer
	enc  *encoder
	done bool
}

// Stage starts a file. It is nothing until it is committed.
func (e *Edit) Stage(h Header) (*Staged, error) {
	if h.Bits > maxBits || value.DayMS%h.Step != 0 {
		panic(fmt.Sprintf("tiletable: a file of %d bits and steps of %d ms", h.Bits, h.Step))
	}
	s := &Staged{name: fmt.Sprintf("%s-%08x%s", value.FormatDate(h.Day), rand.Uint32(), fileSuffix)}
	s.temp = filepath.Join(e.folder, "."+s.name+tempSuffix)
	var err error
	if s.file, err = os.OpenFile(s.temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666); err != nil {
		return nil, fmt.Errorf("stage tiles: %w", err)
	}
	s.buf = bufio.NewWriterSize(s.file, 1<<16)
	s.enc = newEncoder(s.buf, h)
	return s, nil
}

// Key begins a key: its hash and canonical encoding. Keys come in the order of both.
func (s *Staged) Key(hash uint64, key []byte) { s.enc.startKey(hash, key) }

// Tile adds a tile of the key: its index within the day, ascending, and the state of each column, empty where no event was folded. The
// states may be reused.
func (s *Staged) Tile(index int64, states [][]byte) { s.enc.tile(index, states) }

// Close ends the writing. The file is still only staged.
func (s *Staged) Close() error {
	err := s.enc.close()
	if err == nil {
		err = s.buf.Flush()
	}
	if err != nil {
		return fmt.Errorf("write tiles %s: %w", s.temp, err)
	}
	return nil
}

// Size is how many tiles and keys were added, and how long the file is once it is closed.
func (s *Staged) Size() (tiles, keys, bytes int64) { return s.enc.rows, s.enc.distinct, s.enc.at }

// Abort removes the file; after a commit it does nothing.
func (s *Staged) Abort() {
	if !s.done {
		s.done = true
		s.file.Close()
		os.Remove(s.temp)
	}
}

// publish syncs the file and gives it its name.
func (s *Staged) publish() error {
	err := s.file.Sync()
	if e := s.file.Close(); err == nil {
		err = e
	}
	s.done = true
	if err == nil {
		err = hook("staged " + s.name)
	}
	if err == nil {
		err = os.Rename(s.temp, filepath.Join(filepath.Dir(s.temp), s.name))
	}
	if err != nil {
		return fmt.Errorf("commit tiles %s: %w", s.name, err)
	}
	return nil
}

// New is a cell to commit, in place of what there is of its folds on its days.
type New struct {
	From, To int64 // days; one where there is a file
	Step     int64
	Columns  []Column
	Parts    []Part  // that it was made from
	File     *Staged // closed; nil: these days have no events
	Rows     int64   // events folded
}

// Commit makes the cells part of the set, all or none of them, and remembers the parts that are known now, which those of the cells are
// among. When it returns they are on disk.
func (e *Edit) Commit(known []Part, cells []New) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err != nil {
		return e.err
	}
	if err := e.publish(cells); err != nil {
		e.err = err
		return err
	}
	return e.become(e.with(known, cells))
}

// become makes what stands on disk the next set, and removes the files that it no longer names.
func (e *Edit) become(next *Set) error {
	if err := next.writeManifest(); err != nil {
		e.err = err
		return err
	}
	old := e.files()
	*e.Set = *next
	if err := hook("committed"); err != nil {
		return err
	}
	for name := range next.files() {
		delete(old, name)
	}
	for name := range old {
		if err := os.Remove(filepath.Join(e.folder, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove tiles that nothing names any more: %w", err)
		}
	}
	return nil
}

// publish gives all files their names, several at a time: syncing is mostly waiting.
func (e *Edit) publish(cells []New) error {
	const atOnce = 8
	var wg sync.WaitGroup
	errs := make([]error, len(cells))
	slots := make(chan struct{}, atOnce)
	for i, c := range cells {
		if c.File == nil {
			continue
		}
		slots <- struct{}{}
		wg.Go(func() {
			errs[i] = c.File.publish()
			<-slots
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if err := hook("renamed"); err != nil {
		return err
	}
	d, err := os.Open(e.folder)
	if err != nil {
		return err
	}
	_ = d.Sync() // folders that cannot be synced are let be, as dataset does: the files are whole
	return d.Close()
}

// files are the names that cells have.
func (s *Set) files() map[string]bool {
	out := map[string]bool{}
	for _, c := range s.cells {
		if c.File != "" {
			out[c.File] = true
		}
	}
	return out
}

// with is the set after a commit.
func (e *Edit) with(known []Part, cells []New) *Set {
	next := &Set{id: e.id, dir: e.folder, folds: slices.Clone(e.folds), parts: slices.Clone(e.parts), cells: slices.Clone(e.cells)}
	ids := next.partIDs()
	partID := func(p *Part) int32 {
		id, ok := ids[p.identity()]
		if !ok {
			id = int32(len(next.parts))
			ids[p.identity()] = id
			next.parts = append(next.parts, *p)
		}
		next.parts[id].Times = p.Times
		return id
	}
	keep := make([]int32, len(known))
	for i := range known {
		keep[i] = partID(&known[i])
	}
	now := time.Now().UTC().Truncate(time.Second)
	for _, c := range cells {
		cell := &Cell{From: c.From, To: c.To, Step: c.Step, Made: now, Rows: c.Rows}
		for i := range c.Parts {
			cell.parts = append(cell.parts, partID(&c.Parts[i]))
		}
		for _, f := range c.Columns {
			cell.folds = append(cell.folds, next.foldID(f))
		}
		slices.Sort(cell.parts)
		slices.Sort(cell.folds)
		if c.File != nil {
			cell.File = c.File.name
			cell.Tiles, cell.Keys, cell.Bytes = c.File.Size()
		}
		next.replaceBy(cell)
	}
	next.compact(keep)
	next.index = next.makeIndex()
	return next
}

func (s *Set) foldID(f Column) int32 {
	i := slices.Index(s.folds, f)
	if i < 0 {
		i = len(s.folds)
		s.folds = append(s.folds, f)
	}
	return int32(i)
}

// replaceBy puts a cell into the list and takes its folds on its days away from others.
func (s *Set) replaceBy(cell *Cell) {
	var out []*Cell
	for _, c := range s.cells {
		if c.To <= cell.From || c.From >= cell.To {
			out = append(out, c)
			continue
		}
		left := slices.DeleteFunc(slices.Clone(c.folds), func(f int32) bool { return slices.Contains(cell.folds, f) })
		if len(left) == len(c.folds) {
			out = append(out, c)
			continue
		}
		for _, piece := range []Cell{{From: c.From, To: cell.From, folds: c.folds}, {From: max(c.From, cell.From), To: min(c.To, cell.To), folds: left}, {From: cell.To, To: c.To, folds: c.folds}} {
			if piece.From < piece.To && len(piece.folds) > 0 {
				p := *c
				p.From, p.To, p.folds = piece.From, piece.To, piece.folds
				out = append(out, &p)
			}
		}
	}
	s.cells = append(out, cell)
}

// compact sorts the cells, joins days without events that are alike, and forgets folds and parts that no cell names, parts to keep aside.
func (s *Set) compact(keep []int32) {
	slices.SortStableFunc(s.cells, func(a, b *Cell) int { return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.File, b.File)) })
	var cells []*Cell
	for _, c := range s.cells {
		if i := slices.IndexFunc(cells, func(o *Cell) bool { return o.joins(c) }); c.File == "" && i >= 0 {
			joined := *cells[i]
			joined.To = c.To
			cells[i] = &joined
			continue
		}
		cells = append(cells, c)
	}
	folds, parts := make([]bool, len(s.folds)), make([]bool, len(s.parts))
	for _, p := range keep {
		parts[p] = true
	}
	for _, c := range cells {
		mark(folds, c.folds)
		mark(parts, c.parts)
	}
	s.folds, s.parts = kept(s.folds, folds), kept(s.parts, parts)
	toFold, toPart := places(folds), places(parts)
	s.cells = nil
	for _, c := range cells {
		moved := *c
		moved.folds, moved.parts = move(c.folds, toFold), move(c.parts, toPart)
		s.cells = append(s.cells, &moved)
	}
}

// joins reports whether c goes on where o ends, and both are the same days without events.
func (c *Cell) joins(next *Cell) bool {
	return c.File == "" && next.File == "" && c.To == next.From && c.Step == next.Step && slices.Equal(c.folds, next.folds) && slices.Equal(c.parts, next.parts)
}

func mark(used []bool, ids []int32) {
	for _, i := range ids {
		used[i] = true
	}
}

func kept[T any](all []T, used []bool) []T {
	var out []T
	for i, u := range used {
		if u {
			out = append(out, all[i])
		}
	}
	return out
}

// places is where each that is used stands once the others are gone.
func places(used []bool) []int32 {
	out := make([]int32, len(used))
	n := int32(0)
	for i, u := range used {
		out[i] = n
		if u {
			n++
		}
	}
	return out
}

func move(ids, to []int32) []int32 {
	out := make([]int32, len(ids))
	for i, id := range ids {
		out[i] = to[id]
	}
	return out
}
