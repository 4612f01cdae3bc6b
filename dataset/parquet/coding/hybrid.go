package coding

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
)

// ErrValues says that a page ends before its values do.
var ErrValues = errors.New("fewer values in the page than its header says")

// Hybrid streams the RLE/bit-packing hybrid: levels, dictionary codes, booleans.
type Hybrid struct {
	b     []byte
	width uint
	// Of the current run, n values are left. A repeated one has value; a packed one has bits from number pos on.
	n      int
	packed []byte
	pos    int
	value  uint32
}

// NewHybrid makes a stream of codes of width bits; b stays in use.
func NewHybrid(b []byte, width uint) (Hybrid, error) {
	if width > 32 {
		return Hybrid{}, fmt.Errorf("codes of %d bits", width)
	}
	return Hybrid{b: b, width: width}, nil
}

// NewLevels makes a stream of levels up to most.
func NewLevels(b []byte, most int) Hybrid { return Hybrid{b: b, width: LevelWidth(most)} }

// LevelWidth is how many bits a level up to most takes.
func LevelWidth(most int) uint { return uint(bits.Len(uint(most))) }

// run makes sure that values are left in the current run.
func (h *Hybrid) run() error {
	for h.n == 0 {
		head, k := binary.Uvarint(h.b)
		if k <= 0 {
			return ErrValues
		}
		h.b = h.b[k:]
		if head&1 == 0 {
			bytes := int(h.width+7) / 8
			if len(h.b) < bytes {
				return ErrValues
			}
			h.packed, h.value = nil, 0
			for i := range bytes {
				h.value |= uint32(h.b[i]) << (8 * i)
			}
			if uint64(h.value)>>h.width != 0 {
				return fmt.Errorf("code %d of %d bits", h.value, h.width)
			}
			h.b = h.b[bytes:]
			h.n = int(min(head>>1, 1<<40))
			continue
		}
		groups := min(head>>1, 1<<40)
		h.n, h.pos = int(groups)*8, 0
		if h.width == 0 {
			h.packed, h.value = nil, 0
			continue
		}
		size := groups * uint64(h.width)
		if size > uint64(len(h.b)) { // some writers cut the padding of the last group off
			size = uint64(len(h.b))
			h.n = int(size) * 8 / int(h.width)
		}
		h.packed, h.b = h.b[:size:size], h.b[size:]
	}
	return nil
}

// Next fills dst.
func (h *Hybrid) Next(dst []uint32) error {
	for len(dst) > 0 {
		if err := h.run(); err != nil {
			return err
		}
		k := min(len(dst), h.n)
		if h.packed == nil {
			for i := range dst[:k] {
				dst[i] = h.value
			}
		} else {
			unpack32(dst[:k], h.packed, h.pos, h.width)
			h.pos += k
		}
		h.n -= k
		dst = dst[k:]
	}
	return nil
}

// Levels fills dst with levels, and counts those that equal full.
func (h *Hybrid) Levels(dst []byte, full byte) (count int, err error) {
	for len(dst) > 0 {
		if err := h.run(); err != nil {
			return 0, err
		}
		k := min(len(dst), h.n)
		if h.packed == nil {
			v := byte(h.value)
			for i := range dst[:k] {
				dst[i] = v
			}
			if v == full {
				count += k
			}
		} else {
			count += h.packedLevels(dst[:k], full)
			h.pos += k
		}
		h.n -= k
		dst = dst[k:]
	}
	return count, nil
}

func (h *Hybrid) packedLevels(dst []byte, full byte) (count int) {
	if h.width == 1 && full == 1 {
		for i := range dst {
			bit := h.packed[(h.pos+i)>>3] >> ((h.pos + i) & 7) & 1
			dst[i] = bit
			count += int(bit)
		}
		return count
	}
	mask := byte(1<<h.width - 1)
	for i := range dst {
		at := (h.pos + i) * int(h.width)
		v := uint(h.packed[at>>3])
		if at>>3+1 < len(h.packed) {
			v |= uint(h.packed[at>>3+1]) << 8
		}
		dst[i] = byte(v>>(at&7)) & mask
		if dst[i] == full {
			count++
		}
	}
	return count
}

// unpack32 reads values number pos … of width bits each, least significant bit first.
func unpack32(dst []uint32, b []byte, pos int, width uint) {
	mask := uint64(1)<<width - 1
	at := pos * int(width)
	i := 0
	for ; i < len(dst) && at>>3+8 <= len(b); i++ {
		dst[i] = uint32(binary.LittleEndian.Uint64(b[at>>3:]) >> (at & 7) & mask)
		at += int(width)
	}
	for ; i < len(dst); i++ {
		dst[i] = uint32(tail64(b, at>>3) >> (at & 7) & mask)
		at += int(width)
	}
}

// tail64 is up to 8 bytes from i on, zeros after the end.
func tail64(b []byte, i int) (u uint64) {
	for j := 0; j < 8 && i+j < len(b); j++ {
		u |= uint64(b[i+j]) << (8 * j)
	}
	return u
}
