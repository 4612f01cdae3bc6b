package tiled

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"github.com/bighead-ml/bighead/engine/local/exchange"
	"github.com/bighead-ml/bighead/engine/local/team"
	"github.com/bighead-ml/bighead/engine/tiletable"
	"github.com/bighead-ml/bighead/value"
)

// Load reads the tiles of the keys that lookup knows and hands them over, a packet for each stretch of days, numbered from 0 on. lookup gives
// keys their codes, negative where they are not asked about. A packet's Times are the tiles' beginnings and its columns the states by fold
// as agg.AppendState's bytes, null where a tile has none; its rows are not arranged yet.
//
// Of a day one of whose files is damaged, or was replaced meanwhile, nothing is handed over: its rows are read instead, and Notes says so.
func (c *Cover) Load(ctx context.Context, threads int, lookup func(keys []*value.Column, codes []int32), put func(ctx context.Context, number int, p *exchange.Packet) error) error {
	var mu sync.Mutex
	return team.Each(ctx, threads, len(c.stretches), func(_, i int) error {
		s := &c.stretches[i]
		d := &day{cover: c, lookup: lookup, packet: c.packet()}
		err := d.read(s)
		if errors.Is(err, tiletable.ErrDamaged) || errors.Is(err, fs.ErrNotExist) {
			mu.Lock()
			c.giveUp(s, err)
			mu.Unlock()
			d.packet, d.bytes = c.packet(), 0
		} else if err != nil {
			return err
		}
		mu.Lock()
		c.tiles += int64(len(d.packet.Codes))
		c.got += d.bytes
		mu.Unlock()
		return put(ctx, i, d.packet)
	})
}

func (c *Cover) packet() *exchange.Packet {
	p := &exchange.Packet{}
	for range c.Folds {
		p.Columns = append(p.Columns, value.NewColumn(value.Bytes, 0))
	}
	return p
}

// giveUp leaves a day to rows.
func (c *Cover) giveUp(s *stretch, err error) {
	c.rows -= s.rows()
	c.days -= s.to - s.from
	c.raw[s.from-c.from] = true
	c.Notes = append(c.Notes, fmt.Sprintf("the rows of %s were read although there are tiles: %v", value.FormatDate(s.from), err))
}

// day is the tiles of one day.
type day struct {
	cover  *Cover
	lookup func(keys []*value.Column, codes []int32)
	packet *exchange.Packet
	bytes  int64
}

// read reads every file of the day once, with the folds that it has.
func (d *day) read(s *stretch) error {
	done := map[*tiletable.Cell]bool{}
	for _, cell := range s.cells {
		if cell == nil || done[cell] {
			continue
		}
		done[cell] = true
		var folds []int // indexes into the cover's
		for i, other := range s.cells {
			if other == cell {
				folds = append(folds, i)
			}
		}
		if err := d.file(cell, folds); err != nil {
			return err
		}
	}
	return nil
}

func (d *day) file(cell *tiletable.Cell, folds []int) error {
	f, err := d.cover.set.Open(cell)
	if err != nil {
		return err
	}
	defer f.Close()
	columns := make([]int, len(folds))
	for i, fold := range folds {
		want := d.cover.columns[fold]
		if columns[i] = f.Column(want.Fingerprint); columns[i] < 0 || f.Columns[columns[i]] != want {
			return fmt.Errorf("%s has no fold %s as the manifest says: %w", cell.File, want.Fingerprint, tiletable.ErrDamaged)
		}
	}
	for i := range f.Buckets() {
		b, err := f.Load(i, columns)
		if err == nil {
			err = d.bucket(b, folds)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// bucket adds the tiles of those keys that are asked about.
func (d *day) bucket(b *tiletable.Bucket, folds []int) error {
	d.bytes += b.Bytes
	codes, err := d.codes(b.Keys)
	if err != nil {
		return err
	}
	p := d.packet
	for k, code := range codes {
		if code < 0 {
			continue
		}
		for row := b.From[k]; row < b.From[k+1]; row++ {
			p.Codes, p.Times = append(p.Codes, code), append(p.Times, b.Times[row])
			for i, c := range p.Columns {
				c.Strs = append(c.Strs, "")
				c.N++
				if c.Nulls == nil || c.N > 64*len(c.Nulls) {
					c.Nulls = append(c.Nulls, 0)
				}
				at := indexOf(folds, i)
				if at < 0 || len(b.States[at][row]) == 0 {
					c.Nulls.Set(c.N - 1)
					continue
				}
				c.Strs[c.N-1] = string(b.States[at][row])
			}
		}
	}
	return nil
}

func indexOf(folds []int, fold int) int {
	for i, f := range folds {
		if f == fold {
			return i
		}
	}
	return -1
}

// codes looks keys up.
func (d *day) codes(keys [][]byte) ([]int32, error) {
	schema := d.cover.keys
	columns := make([]*value.Column, len(schema))
	for i, f := range schema {
		columns[i] = value.NewColumn(f.Type, len(keys))
	}
	for k, key := range keys {
		for i, f := range schema {
			v, rest, err := value.Decode(key)
			if err != nil || v.IsNull() || !v.HasType(f.Type) {
				return nil, fmt.Errorf("a key that is no %s: %w", f.Type, tiletable.ErrDamaged)
			}
			columns[i].Set(k, v)
			key = rest
		}
		if len(key) > 0 {
			return nil, fmt.Errorf("a key that is too long: %w", tiletable.ErrDamaged)
		}
	}
	codes := make([]int32, len(keys))
	d.lookup(columns, codes)
	return codes, nil
}
