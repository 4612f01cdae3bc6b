package ranges

// Bag is a multiset of ranks, small integers that stand for values in their order. What was added is taken back exactly, so a bag
// follows a window as it slides.
type Bag struct {
	counts   []int32
	there    Set
	size     int
	distinct int
}

// NewBag makes an empty bag for ranks [0, n).
func NewBag(n int) *Bag { return &Bag{counts: make([]int32, n), there: NewSet(n)} }

// Add puts one of the rank in.
func (b *Bag) Add(rank int32) {
	b.size++
	b.counts[rank]++
	if b.counts[rank] == 1 {
		b.distinct++
		b.there.Add(int(rank))
	}
}

// Remove takes one of the rank out, which must be in.
func (b *Bag) Remove(rank int32) {
	b.size--
	b.counts[rank]--
	if b.counts[rank] == 0 {
		b.distinct--
		b.there.Remove(int(rank))
	}
}

// Len is how many are in the bag, and Distinct how many different ones.
func (b *Bag) Len() int { return b.size }

// Distinct is how many different ranks are in the bag.
func (b *Bag) Distinct() int { return b.distinct }

// Count is how many of the rank are in the bag.
func (b *Bag) Count(rank int) int { return int(b.counts[rank]) }

// Next is the least rank from i on that is in the bag, or −1; Prev the greatest up to i.
func (b *Bag) Next(i int) int { return b.there.Next(i) }

// Prev is the greatest rank up to i that is in the bag, or −1.
func (b *Bag) Prev(i int) int { return b.there.Prev(i) }
