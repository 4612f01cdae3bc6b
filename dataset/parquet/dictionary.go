package parquet

import (
	"fmt"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/parquet/coding"
	"github.com/bighead-ml/bighead/dataset/parquet/format"
	"github.com/bighead-ml/bighead/value"
)

// dictionary is the dictionary of a chunk, its values already converted to ours.
type dictionary struct {
	cells *value.Column
	bad   map[uint32]dataset.Reason // codes whose value is null
}

// readDictionary converts a dictionary page of n values.
func readDictionary(l *leaf, b []byte, n int) (*dictionary, error) {
	size := 8 * len(b)
	switch {
	case l.Physical == format.ByteArray:
		size = len(b) / 4
	case l.Physical != format.Boolean:
		size = len(b) / l.Width()
	}
	if n < 0 || n > size {
		return nil, fmt.Errorf("dictionary: %w", coding.ErrValues)
	}
	d := &dictionary{cells: value.NewColumn(l.conv.typ, n)}
	err := l.conv.fill(coding.NewPlain(l.Stored, b), d.cells, 0, n, func(i int, why dataset.Reason) {
		if d.bad == nil {
			d.bad = map[uint32]dataset.Reason{}
		}
		d.bad[uint32(i)] = why
	})
	return d, err
}

// codes are the codes of a page's values in a dictionary.
type codes struct {
	coding.WrongType
	h    coding.Hybrid
	dict *dictionary
}

func newCodes(dict *dictionary, b []byte) (*codes, error) {
	if len(b) == 0 {
		return &codes{dict: dict}, nil // a page of nulls alone
	}
	h, err := coding.NewHybrid(b[1:], uint(b[0]))
	return &codes{h: h, dict: dict}, err
}

// fill looks codes up: values are converted already, so this stands in place of conversion.fill.
func (d *codes) fill(dst *value.Column, at, n int, bad dataset.Lost) error {
	var buf [1024]uint32
	for done := 0; done < n; {
		part := buf[:min(n-done, len(buf))]
		if err := d.h.Next(part); err != nil {
			return err
		}
		for _, c := range part {
			if uint64(c) >= uint64(d.dict.cells.N) {
				return fmt.Errorf("code %d beyond a dictionary of %d values", c, d.dict.cells.N)
			}
		}
		d.lookup(dst, at+done, part)
		if d.dict.bad != nil {
			for i, c := range part {
				if why, ok := d.dict.bad[c]; ok {
					bad(done+i, why)
				}
			}
		}
		done += len(part)
	}
	return nil
}

func (d *codes) lookup(dst *value.Column, at int, part []uint32) {
	from := d.dict.cells
	switch {
	case from.Ints != nil:
		pick(dst.Ints[at:], from.Ints, part)
	case from.Floats != nil:
		pick(dst.Floats[at:], from.Floats, part)
	case from.Strs != nil:
		pick(dst.Strs[at:], from.Strs, part)
	case from.Bools != nil:
		pick(dst.Bools[at:], from.Bools, part)
	}
}

func pick[T any](dst, src []T, codes []uint32) {
	dst = dst[:len(codes)]
	for i, c := range codes {
		dst[i] = src[c]
	}
}
