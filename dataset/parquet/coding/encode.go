package coding

import (
	"encoding/binary"
	"math/bits"

	"github.com/bighead-ml/bighead/dataset/parquet/format"
)

// AppendHybrid adds codes of width bits in the RLE/bit-packing hybrid: runs of at least 8 equal codes that begin where a group of 8
// would are repeated, the rest is packed in groups of 8.
func AppendHybrid[T byte | uint32](dst []byte, codes []T, width uint) []byte {
	packedFrom := 0
	i := 0
	for i < len(codes) {
		run := 1
		for i+run < len(codes) && codes[i+run] == codes[i] {
			run++
		}
		// A packed run holds whole groups, so a repeated one can only begin on a group's edge, unless it is the end.
		if short := (packedFrom - i) & 7; run-short >= 8 {
			i += short
			dst = appendPacked(dst, codes[packedFrom:i], width)
			dst = binary.AppendUvarint(dst, uint64(run-short)<<1)
			for b := range (width + 7) / 8 {
				dst = append(dst, byte(uint32(codes[i])>>(8*b)))
			}
			i += run - short
			packedFrom = i
			continue
		}
		i += run
	}
	return appendPacked(dst, codes[packedFrom:], width)
}

// appendPacked adds a bit-packed run, its last group filled with zeros.
func appendPacked[T byte | uint32](dst []byte, codes []T, width uint) []byte {
	if len(codes) == 0 {
		return dst
	}
	groups := (len(codes) + 7) / 8
	dst = binary.AppendUvarint(dst, uint64(groups)<<1|1)
	p := packer{b: dst}
	for _, c := range codes {
		p.put(uint64(c), width)
	}
	for range groups*8 - len(codes) {
		p.put(0, width)
	}
	return p.flush()
}

// packer packs values least significant bit first.
type packer struct {
	b    []byte
	word uint64
	n    uint // bits in word
}

// put adds the width low bits of v, whose other bits are 0.
func (p *packer) put(v uint64, width uint) {
	p.word |= v << p.n
	if p.n += width; p.n >= 64 {
		p.b = binary.LittleEndian.AppendUint64(p.b, p.word)
		p.n -= 64
		p.word = v >> (width - p.n)
	}
}

// flush ends at a byte's edge, where every 8 values do.
func (p *packer) flush() []byte {
	for ; p.n > 0; p.n -= 8 {
		p.b = append(p.b, byte(p.word))
		p.word >>= 8
	}
	return p.b
}

// The shape of delta blocks that all writers use.
const (
	deltaBlock = 128
	deltaMini  = 32
)

// AppendDelta adds DELTA_BINARY_PACKED integers.
func AppendDelta(dst []byte, values []int64) []byte {
	first := int64(0)
	if len(values) > 0 {
		first = values[0]
	}
	dst = binary.AppendUvarint(dst, deltaBlock)
	dst = binary.AppendUvarint(dst, deltaBlock/deltaMini)
	dst = binary.AppendUvarint(dst, uint64(len(values)))
	dst = binary.AppendUvarint(dst, format.Zigzag(first))
	var deltas [deltaBlock]int64
	for i := 1; i < len(values); i += deltaBlock {
		n := min(deltaBlock, len(values)-i)
		least := values[i] - values[i-1]
		for j := range n {
			deltas[j] = values[i+j] - values[i+j-1]
			least = min(least, deltas[j])
		}
		for j := n; j < deltaBlock; j++ {
			deltas[j] = least
		}
		dst = appendDeltaBlock(dst, &deltas, least, n)
	}
	return dst
}

func appendDeltaBlock(dst []byte, deltas *[deltaBlock]int64, least int64, n int) []byte {
	dst = binary.AppendUvarint(dst, format.Zigzag(least))
	widths := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	p := packer{b: dst}
	for m := 0; m*deltaMini < n; m++ { // miniblocks without values have no bits
		mini := deltas[m*deltaMini : (m+1)*deltaMini]
		all := uint64(0)
		for _, d := range mini {
			all |= uint64(d - least)
		}
		width := uint(bits.Len64(all))
		p.b[widths+m] = byte(width)
		if width == 0 {
			continue
		}
		for _, d := range mini {
			p.put(uint64(d-least), width)
		}
		p.flush()
	}
	return p.b
}

// AppendBools adds PLAIN booleans.
func AppendBools(dst []byte, values []bool) []byte {
	var b byte
	for i, v := range values {
		if v {
			b |= 1 << (i & 7)
		}
		if i&7 == 7 {
			dst, b = append(dst, b), 0
		}
	}
	if len(values)&7 != 0 {
		dst = append(dst, b)
	}
	return dst
}
