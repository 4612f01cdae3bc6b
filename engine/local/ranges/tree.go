package ranges

// Tree answers merges over ranges of states of any kind, and lets positions come later: a position that has not been put is not there.
// Nodes are in levels, each the merge of blockSize below it; putting a position makes its nodes anew.
type Tree[S any] struct {
	merge  func(into *S, from *S)
	levels []treeLevel[S]
}

type treeLevel[S any] struct {
	states []S
	there  Set
}

// NewTree makes a tree of n positions, none there. merge adds from to into, both of them there.
func NewTree[S any](n int, merge func(into, from *S)) *Tree[S] {
	t := &Tree[S]{merge: merge}
	for {
		t.levels = append(t.levels, treeLevel[S]{make([]S, n), NewSet(n)})
		if n <= blockSize {
			return t
		}
		n = (n + blockSize - 1) / blockSize
	}
}

// Put gives position i its state.
func (t *Tree[S]) Put(i int, s S) {
	t.levels[0].states[i] = s
	t.levels[0].there.Add(i)
	for l := 1; l < len(t.levels); l++ {
		i >>= blockBits
		t.make(l, i)
	}
}

// Fill gives every position its state at once.
func (t *Tree[S]) Fill(state func(i int) S) {
	for i := range t.levels[0].states {
		t.levels[0].states[i] = state(i)
		t.levels[0].there.Add(i)
	}
	for l := 1; l < len(t.levels); l++ {
		for i := range t.levels[l].states {
			t.make(l, i)
		}
	}
}

// make merges the children of node i of level l.
func (t *Tree[S]) make(l, i int) {
	below, node := &t.levels[l-1], &t.levels[l]
	var s S
	found := false
	t.over(below, i<<blockBits, min((i+1)<<blockBits, len(below.states)), &s, &found)
	if found {
		node.states[i] = s
		node.there.Add(i)
	}
}

// over merges what is there in [from, to) of a level into s.
func (t *Tree[S]) over(l *treeLevel[S], from, to int, s *S, found *bool) {
	for i := l.there.Next(from); i >= 0 && i < to; i = l.there.Next(i + 1) {
		if *found {
			t.merge(s, &l.states[i])
		} else {
			*s, *found = l.states[i], true
		}
	}
}

// Of is the merge of what is there in [lo, hi); false where nothing is.
func (t *Tree[S]) Of(lo, hi int) (s S, found bool) {
	for i := 0; lo < hi; i++ {
		l := &t.levels[i]
		if lo>>blockBits == (hi-1)>>blockBits {
			t.over(l, lo, hi, &s, &found)
			break
		}
		t.over(l, lo, (lo>>blockBits+1)<<blockBits, &s, &found)
		t.over(l, (hi-1)>>blockBits<<blockBits, hi, &s, &found)
		lo, hi = lo>>blockBits+1, (hi-1)>>blockBits
	}
	return s, found
}
