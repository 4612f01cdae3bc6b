package reader

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/agg/tile"
	"github.com/bighead-ml/bighead/engine/flink/part"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/store"
)

// spot is a place of the store.
type spot struct {
	key         string
	step, start int64
}

// cell is a tile in memory, with how many rows are in which part of it.
type cell struct {
	at      spot
	tile    *tile.Tile
	rows    map[sub]int64
	dirty   bool
	gone    bool // to be deleted
	used    uint32
	size    int64
	encoded int64 // how many bytes it took when it was written last
}

// sub is a counted part, and the string of by where it is under one.
type sub struct {
	part int
	text string
}

// bytesOfCell is what a cell takes in memory beside its tile, about.
const bytesOfCell = 200

// empty makes a cell of a place, with nothing in it.
func (x *space) empty(at spot) *cell {
	c := &cell{at: at, tile: x.Layout().New(), rows: map[sub]int64{}, used: x.tick, size: x.size + bytesOfCell + int64(len(at.key))}
	x.cells[at] = c
	x.bytes += c.size
	return c
}

// bring reads into memory what is not there of some places; after an error none of those is.
func (x *space) bring(ctx context.Context, spots []spot) error {
	var made []*cell
	var ranges []store.Range
	for _, at := range spots {
		if x.cells[at] != nil {
			continue
		}
		made = append(made, x.empty(at))
		for _, name := range []string{x.ID, plan.PartsSpace(x.ID)} {
			ranges = append(ranges, store.Range{Space: name, Key: at.key, Step: at.step, From: at.start, To: at.start + 1})
		}
	}
	if len(made) == 0 {
		return nil
	}
	err := x.r.o.Store.Read(ctx, ranges, func(i int, _ int64, b []byte) error {
		c := made[i/2]
		var err error
		if i%2 == 0 {
			err = x.Layout().DecodeInto(c.tile, b)
		} else {
			err = c.decodeRows(b)
		}
		if err != nil {
			return fmt.Errorf("space %s, step %d, start %d: %w", x.ID, c.at.step, c.at.start, err)
		}
		x.grow(c, len(b))
		return nil
	})
	if err != nil {
		for _, c := range made {
			x.forget(c)
		}
	}
	return err
}

// grow notes that a cell takes so many bytes more, encoded.
func (x *space) grow(c *cell, encoded int) {
	if n := 2 * int64(encoded); x.varies {
		c.size += n
		x.bytes += n
	}
}

func (x *space) forget(c *cell) {
	delete(x.cells, c.at)
	x.bytes -= c.size
}

// touch notes that a cell changes.
func (x *space) touch(c *cell) {
	c.used = x.tick
	if !c.dirty {
		c.dirty = true
		x.dirty = append(x.dirty, c)
	}
}

// evict lets go of tiles when they are too many: of those that did not change lately, and where they are not enough of all. All are written.
func (x *space) evict() {
	for _, before := range []uint32{x.tick - 1, x.tick} {
		if x.bytes <= x.r.o.Memory {
			return
		}
		for _, c := range x.cells {
			if c.used < before {
				x.forget(c)
			}
		}
	}
}

// old is what a tile has of the part that a record is of.
func (c *cell) old(l *part.Layout, r *part.Record) part.Record {
	p, old := &l.Parts[r.Part], *r
	old.States, old.Present, old.N, old.Gone = nil, nil, -1, false
	if !p.List {
		n, ok := c.rows[sub{r.Part, r.Sub}]
		old.N, old.Gone = n, !ok
		return old
	}
	s := c.tile.State(p.Folds[0])
	if p.By >= 0 {
		if s = s.(*agg.ByState).Groups[r.Sub]; s == nil {
			old.Gone = true
			return old
		}
	}
	old.States = []agg.State{s}
	return old
}

// put puts what stands of a part into the tile; false: the tile is as it was.
func (c *cell) put(l *part.Layout, stands *part.Record) bool {
	p, name := &l.Parts[stands.Part], sub{stands.Part, stands.Sub}
	n, ok := c.rows[name]
	if !p.List && (!ok || n < stands.N) {
		c.rows[name] = stands.N
		l.Put(c.tile.State, stands)
		return true
	}
	before := c.states(p)
	l.Put(c.tile.State, stands)
	return !bytes.Equal(before, c.states(p))
}

// states is the encoding of a part's states.
func (c *cell) states(p *part.Part) (out []byte) {
	for _, f := range slices.Concat(p.Folds, p.Lists) {
		out = agg.AppendState(out, c.tile.State(f))
	}
	return out
}

// cut forgets how many rows are in what by_max leaves out of a tile (A3), so that no more is kept than tiles are.
func (c *cell) cut(l *part.Layout) {
	for s := range c.rows {
		p := &l.Parts[s.part]
		kept := p.By < 0 || slices.ContainsFunc(slices.Concat(p.Folds, p.Lists), func(f int) bool { return c.tile.State(f).(*agg.ByState).Groups[s.text] != nil })
		if !kept {
			delete(c.rows, s)
		}
	}
}

const rowsVersion = 1

// appendRows adds how many rows are in which part: a version, then of each its number, its string and its rows, in order.
func (c *cell) appendRows(dst []byte) []byte {
	parts := make([]sub, 0, len(c.rows))
	for s := range c.rows {
		parts = append(parts, s)
	}
	slices.SortFunc(parts, func(a, b sub) int { return cmp.Or(cmp.Compare(a.part, b.part), cmp.Compare(a.text, b.text)) })
	dst = append(dst, rowsVersion)
	for _, s := range parts {
		dst = binary.AppendUvarint(dst, uint64(s.part))
		dst = append(binary.AppendUvarint(dst, uint64(len(s.text))), s.text...)
		dst = binary.AppendVarint(dst, c.rows[s])
	}
	return dst
}

var errRows = errors.New("how many rows are in its parts is damaged")

func (c *cell) decodeRows(b []byte) error {
	if len(b) == 0 || b[0] != rowsVersion {
		return errRows
	}
	for b = b[1:]; len(b) > 0; {
		of, k := binary.Uvarint(b)
		if k <= 0 {
			return errRows
		}
		length, m := binary.Uvarint(b[k:])
		if m <= 0 || length > uint64(len(b)-k-m) {
			return errRows
		}
		b = b[k+m:]
		text := string(b[:length])
		n, k := binary.Varint(b[length:])
		if k <= 0 {
			return errRows
		}
		c.rows[sub{int(of), text}], b = n, b[int(length)+k:]
	}
	return nil
}
