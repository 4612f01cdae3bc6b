package parquet

import (
	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
)

// rejects are cells of one fill that cannot be kept: dense indexes, ascending.
type rejects struct {
	at  []int
	why []dataset.Reason
}

func (r *rejects) add(i int, why dataset.Reason) { r.at, r.why = append(r.at, i), append(r.why, why) }

// flat reads a column that is one leaf and repeats nothing.
type flat struct {
	name   string
	chunk  *chunk
	counts *dataset.Counts
	bad    rejects
}

// read gives the next n rows.
func (f *flat) read(n int) (*value.Column, error) {
	dst := value.NewColumn(f.chunk.leaf.conv.typ, n)
	for at := 0; at < n; {
		if err := f.chunk.nextPage(); err != nil {
			return nil, err
		}
		k := min(n-at, f.chunk.values)
		if err := f.readPart(dst, at, k); err != nil {
			return nil, err
		}
		f.chunk.values -= k
		at += k
	}
	return dst, nil
}

// readPart reads k rows of the current page into dst from at on: dense, then spread apart where nulls stand between.
func (f *flat) readPart(dst *value.Column, at, k int) error {
	f.bad.at, f.bad.why = f.bad.at[:0], f.bad.why[:0]
	if f.chunk.leaf.maxDef == 0 {
		if err := f.chunk.fill(dst, at, k, f.bad.add); err != nil {
			return err
		}
		f.reject(dst, at, nil)
		return nil
	}
	levels, present, err := f.chunk.definitions(k)
	if err != nil {
		return err
	}
	if present > 0 {
		if err := f.chunk.fill(dst, at, present, f.bad.add); err != nil {
			return err
		}
	}
	if present == k {
		f.reject(dst, at, nil)
		return nil
	}
	spread(dst, at, levels, present)
	f.reject(dst, at, levels)
	return nil
}

// reject makes the cells null whose values could not be kept, and counts them. levels are those of the rows, nil where all are there.
func (f *flat) reject(dst *value.Column, at int, levels []byte) {
	if len(f.bad.at) == 0 {
		return
	}
	row, dense, counted := 0, 0, 0
	for i, b := range f.bad.at {
		if levels == nil {
			row = b
		} else {
			for ; ; row++ {
				if levels[row] == 0 {
					continue
				}
				if dense == b {
					break
				}
				dense++
			}
		}
		dst.SetNull(at + row)
		if i+1 == len(f.bad.why) || f.bad.why[i+1] != f.bad.why[i] {
			f.counts.Null(f.name, f.bad.why[i], int64(i+1-counted))
			counted = i + 1
		}
	}
}

// spread moves the present dense cells at the front of dst's rows [at, at+len(levels)) to their rows, from the back so that none is
// overwritten before it has moved, and marks the others null.
func spread(dst *value.Column, at int, levels []byte, present int) {
	if dst.Nulls == nil {
		dst.Nulls = value.NewBitmap(dst.N)
	}
	for i, l := range levels {
		if l == 0 {
			dst.Nulls.Set(at + i)
		}
	}
	switch {
	case present == 0:
	case dst.Ints != nil:
		move(dst.Ints[at:], levels, present)
	case dst.Floats != nil:
		move(dst.Floats[at:], levels, present)
	case dst.Strs != nil:
		move(dst.Strs[at:], levels, present)
	case dst.Bools != nil:
		move(dst.Bools[at:], levels, present)
	}
}

func move[T any](cells []T, levels []byte, present int) {
	cells = cells[:len(levels)]
	for i := len(levels) - 1; i >= present; i-- { // once i < present all are where they belong
		if levels[i] != 0 {
			present--
			cells[i] = cells[present]
		}
	}
}
