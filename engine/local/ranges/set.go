package ranges

import "math/bits"

// Set is a set of small integers that finds the next and the previous member fast: a bitmap, over it a bitmap of its words that are not
// zero, and so on.
type Set struct{ levels [][]uint64 }

// NewSet makes an empty set for members [0, n).
func NewSet(n int) Set {
	var s Set
	for {
		n = max(1, (n+63)/64)
		s.levels = append(s.levels, make([]uint64, n))
		if n == 1 {
			return s
		}
	}
}

// Has reports whether i is a member.
func (s *Set) Has(i int) bool { return s.levels[0][i>>6]&(1<<(i&63)) != 0 }

// Add makes i a member.
func (s *Set) Add(i int) {
	for _, l := range s.levels {
		l[i>>6] |= 1 << (i & 63)
		i >>= 6
	}
}

// Remove makes i no member.
func (s *Set) Remove(i int) {
	for _, l := range s.levels {
		l[i>>6] &^= 1 << (i & 63)
		if l[i>>6] != 0 {
			return
		}
		i >>= 6
	}
}

// Next is the least member from i on, or −1.
func (s *Set) Next(i int) int {
	for level := 0; level < len(s.levels); level++ {
		l := s.levels[level]
		if i>>6 >= len(l) {
			return -1
		}
		if w := l[i>>6] >> (i & 63); w != 0 {
			i += bits.TrailingZeros64(w)
			for level--; level >= 0; level-- {
				i = i<<6 + bits.TrailingZeros64(s.levels[level][i])
			}
			return i
		}
		i = i>>6 + 1
	}
	return -1
}

// Prev is the greatest member up to i, or −1.
func (s *Set) Prev(i int) int {
	for level := 0; level < len(s.levels); level++ {
		if i < 0 {
			return -1
		}
		l := s.levels[level]
		if w := l[i>>6] << (63 - i&63); w != 0 {
			i -= bits.LeadingZeros64(w)
			for level--; level >= 0; level-- {
				i = i<<6 + 63 - bits.LeadingZeros64(s.levels[level][i])
			}
			return i
		}
		i = i>>6 - 1
	}
	return -1
}

// Clear takes every member out.
func (s *Set) Clear() {
	for _, l := range s.levels {
		clear(l)
	}
}
