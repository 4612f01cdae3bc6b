package tree

import (
	"math"
	"math/bits"
	"unsafe"
)

// lanes is how many walks are in step: each step waits for memory twice, and eight that wait together cost little more than one.
const lanes = 8

// step goes from a node to its child: see layout. It asks for no bounds: compile has made every child a node, and ranks has as many slots
// as nodes name.
func step(ranks unsafe.Pointer, node uint64) uint64 {
	return (node + uint64(*(*uint32)(unsafe.Add(ranks, uintptr(uint16(node))*4)))) >> 32
}

func load(nodes unsafe.Pointer, at uint64) uint64 {
	return *(*uint64)(unsafe.Add(nodes, at*8))
}

// arrived reports, of nodes that were OR-ed, whether all were leaves: a leaf's lower half is 0, and no other node's is, whose rank is
// below stay.
func arrived(nodes uint64) bool { return uint32(nodes) == 0 }

// walkTrees walks one row through eight trees in step. at holds the trees' roots, and then their leaves. ranks is the row's, by slot.
func (l *layout) walkTrees(ranks []uint32, at *[lanes]uint32, depth uint32) {
	nodes, row := unsafe.Pointer(unsafe.SliceData(l.nodes)), unsafe.Pointer(unsafe.SliceData(ranks))
	a, b, c, d := uint64(at[0]), uint64(at[1]), uint64(at[2]), uint64(at[3])
	e, f, g, h := uint64(at[4]), uint64(at[5]), uint64(at[6]), uint64(at[7])
	for ; depth > 0; depth-- {
		a, b, c, d = load(nodes, a), load(nodes, b), load(nodes, c), load(nodes, d)
		e, f, g, h = load(nodes, e), load(nodes, f), load(nodes, g), load(nodes, h)
		if arrived(a | b | c | d | e | f | g | h) {
			a, b, c, d, e, f, g, h = a>>32, b>>32, c>>32, d>>32, e>>32, f>>32, g>>32, h>>32
			break
		}
		a, b, c, d = step(row, a), step(row, b), step(row, c), step(row, d)
		e, f, g, h = step(row, e), step(row, f), step(row, g), step(row, h)
	}
	*at = [lanes]uint32{uint32(a), uint32(b), uint32(c), uint32(d), uint32(e), uint32(f), uint32(g), uint32(h)}
}

// walkRows walks eight rows through one tree in step. ranks is the rows', by slot and row.
func (l *layout) walkRows(ranks []uint32, at *[lanes]uint32, root, depth uint32) {
	nodes, rows := unsafe.Pointer(unsafe.SliceData(l.nodes)), unsafe.Pointer(unsafe.SliceData(ranks))
	a := uint64(root)
	b, c, d, e, f, g, h := a, a, a, a, a, a, a
	for ; depth > 0; depth-- {
		a, b, c, d = load(nodes, a), load(nodes, b), load(nodes, c), load(nodes, d)
		e, f, g, h = load(nodes, e), load(nodes, f), load(nodes, g), load(nodes, h)
		if arrived(a | b | c | d | e | f | g | h) {
			a, b, c, d, e, f, g, h = a>>32, b>>32, c>>32, d>>32, e>>32, f>>32, g>>32, h>>32
			break
		}
		a, b, c, d = stepOf(rows, 0, a), stepOf(rows, 4, b), stepOf(rows, 8, c), stepOf(rows, 12, d)
		e, f, g, h = stepOf(rows, 16, e), stepOf(rows, 20, f), stepOf(rows, 24, g), stepOf(rows, 28, h)
	}
	*at = [lanes]uint32{uint32(a), uint32(b), uint32(c), uint32(d), uint32(e), uint32(f), uint32(g), uint32(h)}
}

func stepOf(rows unsafe.Pointer, lane uintptr, node uint64) uint64 {
	return (node + uint64(*(*uint32)(unsafe.Add(rows, uintptr(uint16(node))*(4*lanes)+lane)))) >> 32
}

// rank writes the ranks of one row, which is prepared: slot i to ranks[i*stride].
func (l *layout) rank(row []float64, ranks []uint32, stride int) {
	for i := range l.columns {
		c := &l.columns[i]
		low, high := l.search(c, math.Float64bits(row[c.feature]))
		if c.low >= 0 {
			ranks[int(c.low)*stride] = low << 16
		}
		if c.high >= 0 {
			ranks[int(c.high)*stride] = high << 16
		}
	}
	for i := range l.sets {
		s := &l.sets[i]
		x, r := row[s.feature], uint32(0)
		if math.IsNaN(x) {
			r = s.missing
		} else if !s.set.has(x) {
			r = 1 << 16
		}
		ranks[int(s.slot)*stride] = r
	}
}

const (
	sign     = 1 << 63
	infinity = 0x7ff << 52
)

// ordered maps the bits of numbers to integers of the same order; -0 is below 0.
func ordered(bits uint64) uint64 { return bits ^ (uint64(int64(bits)>>63) | sign) }

var zeroBits = math.Float64bits(zero)

// search counts the thresholds below a number, for nodes whose missing numbers go left and for those where they go right. Nothing in it
// depends on the number but what is added: a branch would be guessed wrongly every other time.
func (l *layout) search(c *column, x uint64) (low, high uint32) {
	size := x &^ sign
	missing := size > infinity || c.missing == missingZero && size <= zeroBits
	if c.missing == missingNone && missing {
		x, missing = 0, false
	}
	key, at := ordered(x), uint64(0)
	table := l.tables[c.table : c.table+c.size]
	for half := uint64(c.size / 2); half > 0; half /= 2 {
		_, below := bits.Sub64(table[at+half-1], key, 0)
		at += half & -below
	}
	low, high = uint32(at), uint32(at)
	if missing {
		low, high = 0, c.n
	}
	return low, high
}
