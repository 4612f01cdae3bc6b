package tree

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
)

// A layout is a forest as the walk wants it. All nodes of all trees lie in one array of 8 bytes each, tree after tree,
// the children of a node side by side:
//
//	bits 0–15   slot: where in the row's ranks the node looks
//	bits 16–31  65535 minus the rank k of the node's threshold
//	bits 32–63  the left child; the right one is the next
//
// A row's rank r is kept as r<<16, so that adding it to a node carries into bit 32 just where r > k: one addition compares and chooses,
// and a shift gives the next node. A leaf is its own left child with k = 65535, which no rank passes: who has arrived stays, so trees
// are walked in step without asking who has.
type layout struct {
	nodes []uint64
	roots []uint32 // by tree
	depth []uint32 // by tree: the steps to its lowest leaf
	leaf  []uint32 // by node: the number of the leaf in its tree

	columns []column
	tables  []uint64 // thresholds, as ordered makes them
	sets    []slotSet
	slots   int
	asked   map[slotSet]int // the slots of sets, while it is compiled
}

// A column is one feature's thresholds under one notion of missing: ranks come from them by search. They stand ascending in
// tables[table : table+size], and size is a power of two above their number n: what is left is filled with what no number is above.
type column struct {
	feature int32
	missing missing
	n       uint32
	table   uint32
	size    uint32
	low     int32 // the slot where a missing number has rank 0, and goes left; -1: no node looks there
	high    int32 // the slot where it has rank n, and goes right
}

// A slotSet is a set's answer as a rank: 0 where x is in the set, which goes left, else 1.
type slotSet struct {
	set     *set
	feature int32
	slot    uint32
	missing uint32 // the rank of NaN, as ranks are kept
}

const (
	maxSlots = 1 << 16
	// maxRanks is how many thresholds a column may have: a rank is as great as their number, and leaves need one more.
	maxRanks = 1<<16 - 2
	stay     = 0xffff // the rank of a leaf
)

type columnKey struct {
	feature int32
	missing missing
}

// compile lays a forest out. It gives nil where the forest needs more slots than a node can name (more than 30,000 features, or 60,000
// nodes that ask for categories): such a forest is walked as it was read.
func compile(f *forest) *layout {
	l := &layout{asked: map[slotSet]int{}}
	ranks := l.gather(f)
	if !l.place(f, ranks) {
		return nil
	}
	l.asked = nil
	return l
}

// A ranked finds the column and rank of a threshold.
type ranked struct {
	thresholds []float64
	first      int // of its columns: each has maxRanks thresholds
}

// gather makes the columns of all thresholds.
func (l *layout) gather(f *forest) map[columnKey]*ranked {
	found := map[columnKey]*ranked{}
	var order []reached
	for i := range f.trees {
		order = f.trees[i].breadthFirst(order[:0])
		for _, r := range order {
			if r.at < 0 || f.trees[i].nodes[r.at].set != nil {
				continue
			}
			n := &f.trees[i].nodes[r.at]
			key := columnKey{n.feature, n.missing}
			if found[key] == nil {
				found[key] = &ranked{}
			}
			found[key].thresholds = append(found[key].thresholds, n.threshold)
		}
	}
	keys := make([]columnKey, 0, len(found))
	for key, r := range found {
		slices.Sort(r.thresholds)
		r.thresholds = slices.Compact(r.thresholds) // -0 and 0 are one: no number lies between them
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b columnKey) int {
		n, m := bits.Len(uint(len(found[a].thresholds))), bits.Len(uint(len(found[b].thresholds))) // searches of one length side by side
		return cmp.Or(cmp.Compare(n, m), cmp.Compare(a.feature, b.feature), cmp.Compare(a.missing, b.missing))
	})
	for _, key := range keys {
		r := found[key]
		r.first = len(l.columns)
		for part := range slices.Chunk(r.thresholds, maxRanks) {
			l.addColumn(key, part)
		}
	}
	return found
}

func (l *layout) addColumn(key columnKey, thresholds []float64) {
	c := column{feature: key.feature, missing: key.missing, n: uint32(len(thresholds)), table: uint32(len(l.tables)), size: 1, low: -1, high: -1}
	for c.size <= c.n {
		c.size *= 2
	}
	for _, t := range thresholds {
		l.tables = append(l.tables, ordered(math.Float64bits(t+0))) // -0 is 0
	}
	for range c.size - c.n {
		l.tables = append(l.tables, math.MaxUint64)
	}
	l.columns = append(l.columns, c)
}

// place gives every node its slot and its place; false where the slots run out.
func (l *layout) place(f *forest, ranks map[columnKey]*ranked) bool {
	var order []reached
	for i := range f.trees {
		t := &f.trees[i]
		for len(l.nodes)%lineNodes != 0 {
			l.grow(1)
		}
		at, depth := uint32(len(l.nodes)), uint32(0)
		order = t.breadthFirst(order[:0])
		l.grow(len(order) + 1)
		arrange(order, at)
		for _, r := range order {
			depth = max(depth, r.depth)
			if r.at < 0 {
				l.nodes[r.place], l.leaf[r.place] = pack(0, stay, r.place), uint32(^r.at)
			} else if !l.placeNode(&t.nodes[r.at], r.place, order[r.left].place, ranks) {
				return false
			}
		}
		l.roots = append(l.roots, at)
		l.depth = append(l.depth, depth)
	}
	return len(l.nodes) < math.MaxUint32
}

// A reached is a node or leaf in its order from the root.
type reached struct {
	at    int32
	depth uint32
	left  uint32 // where in the order its children stand; 0: it is a leaf
	place uint32 // in the layout
	below uint32 // how many leaves
}

// breadthFirst appends what can be reached from the root to order, the root first and the children of a node side by side.
func (t *tree) breadthFirst(order []reached) []reached {
	order = append(order, reached{at: t.root})
	for i := 0; i < len(order); i++ {
		if order[i].at < 0 {
			continue
		}
		n, depth := &t.nodes[order[i].at], order[i].depth+1
		order[i].left = uint32(len(order))
		order = append(order, reached{at: n.left, depth: depth}, reached{at: n.right, depth: depth})
	}
	return order
}

// lineNodes is how many nodes one line of the processor's cache holds.
const lineNodes = 8

// arrange gives what can be reached its places from at on, so that a way from the root crosses few lines: each line is filled with a pair of
// children and then, below it, with the pairs that most leaves are under. Beside the root a place is free.
func arrange(order []reached, at uint32) {
	for i := len(order) - 1; i >= 0; i-- {
		if r := &order[i]; r.left == 0 {
			r.below = 1
		} else {
			r.below = order[r.left].below + order[r.left+1].below
		}
	}
	order[0].place = at
	at += 2
	// Pairs that wait for a place, by their first: those below the line that is being filled, others, and others of which both are leaves.
	var near, far, ends []uint32
	wait := func(r *reached) {
		if r.left != 0 {
			near = append(near, r.left)
		}
	}
	for wait(&order[0]); len(near)+len(far)+len(ends) > 0; at += 2 {
		if at%lineNodes == 0 {
			for _, pair := range near {
				if order[pair].left == 0 && order[pair+1].left == 0 {
					ends = append(ends, pair)
				} else {
					far = append(far, pair)
				}
			}
			near = near[:0]
		}
		var pair uint32
		switch {
		case len(near) > 0:
			best := 0
			for i := range near {
				if weight(order, near[i]) > weight(order, near[best]) {
					best = i
				}
			}
			pair = near[best]
			near[best] = near[len(near)-1]
			near = near[:len(near)-1]
		case len(far) == 0 || len(ends) > 0 && at%lineNodes > lineNodes/2:
			pair, ends = ends[len(ends)-1], ends[:len(ends)-1]
		default:
			pair, far = far[len(far)-1], far[:len(far)-1]
		}
		order[pair].place, order[pair+1].place = at, at+1
		wait(&order[pair])
		wait(&order[pair+1])
	}
}

// weight is how many leaves a pair has under it.
func weight(order []reached, pair uint32) uint32 { return order[pair].below + order[pair+1].below }

func (l *layout) grow(n int) {
	l.nodes = append(l.nodes, make([]uint64, n)...)
	l.leaf = append(l.leaf, make([]uint32, n)...)
}

func (l *layout) placeNode(n *node, place, left uint32, ranks map[columnKey]*ranked) bool {
	slot, rank := 0, 0
	if n.set != nil {
		slot = l.askSet(n)
	} else {
		r := ranks[columnKey{n.feature, n.missing}]
		i, _ := slices.BinarySearch(r.thresholds, n.threshold)
		c := &l.columns[r.first+i/maxRanks]
		slot, rank = int(l.side(c, n)), i%maxRanks
	}
	if slot >= maxSlots {
		return false
	}
	l.nodes[place] = pack(slot, rank, left)
	return true
}

// askSet is the slot of a set's answer. Nodes that share a set, as CatBoost's do, look into one.
func (l *layout) askSet(n *node) int {
	s := slotSet{set: n.set, feature: n.feature}
	if !n.leftMissing {
		s.missing = 1 << 16
	}
	slot, known := l.asked[s]
	if known {
		return slot
	}
	slot = l.slots
	l.asked[s] = slot
	l.slots++
	s.slot = uint32(slot)
	l.sets = append(l.sets, s)
	return slot
}

// side is the slot of a column in which missing numbers go the node's way. Where none is missing, there is one.
func (l *layout) side(c *column, n *node) int32 {
	side := &c.high
	if n.leftMissing || n.missing == missingNone {
		side = &c.low
	}
	if *side < 0 {
		*side = int32(l.slots)
		l.slots++
	}
	return *side
}

func pack(slot, rank int, left uint32) uint64 {
	return uint64(slot) | uint64(stay-rank)<<16 | uint64(left)<<32
}
