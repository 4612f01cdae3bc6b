package main

import "container/heap"

// leastHashes are the least of the hashes that went by: 8 bytes for each row of the sample, and nothing for the others.
type leastHashes struct {
	limit int64
	kept  []uint64 // the greatest first
}

func (l *leastHashes) see(h uint64) {
	switch {
	case int64(len(l.kept)) < l.limit:
		heap.Push(l, h)
	case l.limit > 0 && h < l.kept[0]:
		l.kept[0] = h
		heap.Fix(l, 0)
	}
}

// most is the greatest hash that is drawn.
func (l *leastHashes) most() uint64 {
	if len(l.kept) == 0 {
		return 0
	}
	return l.kept[0]
}

func (l *leastHashes) Len() int           { return len(l.kept) }
func (l *leastHashes) Less(i, j int) bool { return l.kept[i] > l.kept[j] }
func (l *leastHashes) Swap(i, j int)      { l.kept[i], l.kept[j] = l.kept[j], l.kept[i] }
func (l *leastHashes) Push(x any)         { l.kept = append(l.kept, x.(uint64)) }
func (l *leastHashes) Pop() any {
	last := l.kept[len(l.kept)-1]
	l.kept = l.kept[:len(l.kept)-1]
	return last
}
