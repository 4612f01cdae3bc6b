package coding

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// deltaInts streams DELTA_BINARY_PACKED: blocks of a least delta and miniblocks of packed differences to it.
type deltaInts struct {
	WrongType
	narrow bool // 32 bits: sums wrap there
	b      []byte
	mini   int // values of a miniblock
	minis  int // miniblocks of a block
	left   int // values not yet given
	last   int64
	first  bool // last is the first value, not yet given

	least  int64
	widths []byte // of the block's miniblocks not yet begun
	packed []byte // the current miniblock
	width  uint
	pos    int // values taken of it
	inMini int // values left in it
}

var errDelta = errors.New("the header of a delta encoding is wrong")

// open reads the header.
func (d *deltaInts) open(b []byte) error {
	block, b, ok1 := uvarint(b)
	minis, b, ok2 := uvarint(b)
	total, b, ok3 := uvarint(b)
	first, b, ok4 := uvarint(b)
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return ErrValues
	}
	if minis == 0 || minis > 1<<20 || block > 1<<31 || block%minis != 0 || block/minis%8 != 0 || block == 0 || total > 1<<31 {
		return errDelta
	}
	d.b, d.mini, d.minis, d.left = b, int(block/minis), int(minis), int(total)
	d.last, d.first = int64(first>>1)^-int64(first&1), true
	return nil
}

func uvarint(b []byte) (uint64, []byte, bool) {
	u, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, nil, false
	}
	return u, b[n:], true
}

// Begin makes the next miniblock the current one.
func (d *deltaInts) Begin() error {
	if len(d.widths) == 0 {
		least, b, ok := uvarint(d.b)
		if !ok || len(b) < d.minis {
			return ErrValues
		}
		d.least = int64(least>>1) ^ -int64(least&1)
		d.widths, d.b = b[:d.minis], b[d.minis:]
	}
	d.width, d.widths = uint(d.widths[0]), d.widths[1:]
	if d.width > 64 {
		return errDelta
	}
	size := d.mini / 8 * int(d.width)
	if size > len(d.b) {
		// The last miniblock may be cut where its values end.
		need := (min(d.left, d.mini)*int(d.width) + 7) / 8
		if need > len(d.b) {
			return ErrValues
		}
		size = len(d.b)
	}
	d.packed, d.b, d.pos, d.inMini = d.b[:size], d.b[size:], 0, d.mini
	return nil
}

func (d *deltaInts) Ints(dst []int64) error {
	if len(dst) > d.left {
		return ErrValues
	}
	if d.first && len(dst) > 0 {
		dst[0], dst = d.last, dst[1:]
		d.first = false
		d.left--
	}
	for len(dst) > 0 {
		if d.inMini == 0 {
			if err := d.Begin(); err != nil {
				return err
			}
		}
		k := min(len(dst), d.inMini)
		d.unpack(dst[:k])
		d.pos, d.inMini, d.left = d.pos+k, d.inMini-k, d.left-k
		dst = dst[k:]
	}
	return nil
}

// unpack adds up the next differences of the current miniblock.
func (d *deltaInts) unpack(dst []int64) {
	last, least, at, b := d.last, d.least, d.pos*int(d.width), d.packed
	i := 0
	if d.width <= 56 {
		mask := uint64(1)<<d.width - 1
		for ; i < len(dst) && at>>3+8 <= len(b); i++ {
			last += least + int64(binary.LittleEndian.Uint64(b[at>>3:])>>(at&7)&mask)
			dst[i] = last
			at += int(d.width)
		}
	}
	for ; i < len(dst); i++ {
		last += least + int64(wide(b, at, d.width))
		dst[i] = last
		at += int(d.width)
	}
	if d.narrow {
		// Differences wrap at 32 bits; addition commutes with the cut, so it may be done at the end.
		for i := range dst {
			dst[i] = int64(int32(dst[i]))
		}
	}
	d.last = last
}

// wide reads a value of up to 64 bits at a bit, zeros after the end.
func wide(b []byte, at int, width uint) uint64 {
	u := tail64(b, at>>3) >> (at & 7)
	if at&7 != 0 && at>>3+8 < len(b) {
		u |= uint64(b[at>>3+8]) << (64 - at&7)
	}
	if width == 64 {
		return u
	}
	return u & (1<<width - 1)
}

// all reads all values that there are, which must not be more than the page's n.
func (d *deltaInts) all(n int) ([]int64, error) {
	if d.left > n {
		return nil, fmt.Errorf("%d lengths in a page of %d values", d.left, n)
	}
	out := make([]int64, d.left)
	return out, d.Ints(out)
}

// rest is what stands after the encoded values, once all were read. Blocks are written whole, so the widths of miniblocks that hold
// no values are there, their bits are not.
func (d *deltaInts) rest() []byte { return d.b }

// deltaLength is DELTA_LENGTH_BYTE_ARRAY: all lengths, then all bytes.
type deltaLength struct {
	WrongType
	lengths []int64
	b       []byte
}

func newDeltaLength(b []byte, n int) (*deltaLength, error) {
	var d deltaInts
	if err := d.open(b); err != nil {
		return nil, err
	}
	lengths, err := d.all(n)
	return &deltaLength{lengths: lengths, b: d.rest()}, err
}

func (d *deltaLength) Strs(dst []string) error {
	if len(dst) > len(d.lengths) {
		return ErrValues
	}
	for i := range dst {
		n := d.lengths[i]
		if n < 0 || n > int64(len(d.b)) {
			return ErrValues
		}
		dst[i] = view(d.b[:n:n])
		d.b = d.b[n:]
	}
	d.lengths = d.lengths[len(dst):]
	return nil
}

// deltaBytes is DELTA_BYTE_ARRAY: lengths of the prefixes shared with the string before, then the suffixes.
type deltaBytes struct {
	WrongType
	prefixes []int64
	suffixes *deltaLength
	last     string
	built    int // bytes put together so far
	fixed    int // length that each must have; 0: any
}

// maxBuilt bounds what the strings of a page take together: each may repeat the one before, so little can claim to be very much.
const maxBuilt = 1 << 30

func newDeltaBytes(b []byte, l Stored, n int) (*deltaBytes, error) {
	var d deltaInts
	if err := d.open(b); err != nil {
		return nil, err
	}
	prefixes, err := d.all(n)
	if err != nil {
		return nil, err
	}
	suffixes, err := newDeltaLength(d.rest(), n)
	return &deltaBytes{prefixes: prefixes, suffixes: suffixes, fixed: l.Length}, err
}

func (d *deltaBytes) Strs(dst []string) error {
	if len(dst) > len(d.prefixes) {
		return ErrValues
	}
	if err := d.suffixes.Strs(dst); err != nil {
		return err
	}
	for i, suffix := range dst {
		n := d.prefixes[i]
		if n < 0 || n > int64(len(d.last)) {
			return ErrValues
		}
		if n > 0 {
			suffix = d.last[:n] + suffix
			if d.built += len(suffix); d.built > maxBuilt {
				return fmt.Errorf("the strings of one page are longer than %d bytes together", maxBuilt)
			}
		}
		if d.fixed > 0 && len(suffix) != d.fixed {
			return fmt.Errorf("a value of %d bytes in a column of %d", len(suffix), d.fixed)
		}
		dst[i], d.last = suffix, suffix
	}
	d.prefixes = d.prefixes[len(dst):]
	return nil
}
