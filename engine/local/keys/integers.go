package keys

// integers numbers distinct integers: open addressing with linear probing, a key and its code in one cache line. Where the keys lie
// close together, freeze makes an array of them instead.
type integers struct {
	slots []slot
	shift uint
	n     int
	least int64
	great int64

	direct []int32 // code + 1 of the key least + i
}

type slot struct {
	key  int64
	code int32 // + 1; 0: empty
}

const leastSlots = 64

func newIntegers() *integers {
	return &integers{slots: make([]slot, leastSlots), shift: 58}
}

func (t *integers) len() int { return t.n }

// home is where the search for a key begins: the top bits of a product that depends on all of them (Knuth's multiplicative hashing).
func (t *integers) home(key int64) int {
	x := uint64(key)
	return int((x ^ x>>32) * 0x9e3779b97f4a7c15 >> t.shift)
}

func (t *integers) insert(key int64) int32 {
	for i := t.home(key); ; i = (i + 1) & (len(t.slots) - 1) {
		s := &t.slots[i]
		if s.code == 0 {
			if t.n == 0 {
				t.least, t.great = key, key
			}
			t.least, t.great = min(t.least, key), max(t.great, key)
			t.n++
			s.key, s.code = key, int32(t.n)
			if 2*t.n > len(t.slots) {
				t.grow()
			}
			return int32(t.n - 1)
		}
		if s.key == key {
			return s.code - 1
		}
	}
}

func (t *integers) grow() {
	old := t.slots
	t.slots = make([]slot, 2*len(old))
	t.shift--
	for _, s := range old {
		if s.code == 0 {
			continue
		}
		i := t.home(s.key)
		for t.slots[i].code != 0 {
			i = (i + 1) & (len(t.slots) - 1)
		}
		t.slots[i] = s
	}
}

func (t *integers) insertAll(keys []int64, codes []int32) {
	for i, k := range keys {
		codes[i] = t.insert(k)
	}
}

func (t *integers) lookupAll(keys []int64, codes []int32) {
	if t.direct != nil {
		for i, k := range keys {
			codes[i] = Unknown
			if d := uint64(k) - uint64(t.least); d < uint64(len(t.direct)) {
				if c := t.direct[d]; c != 0 {
					codes[i] = c - 1
				}
			}
		}
		return
	}
	for i, k := range keys {
		codes[i] = t.find(k)
	}
}

func (t *integers) find(key int64) int32 {
	for i := t.home(key); ; i = (i + 1) & (len(t.slots) - 1) {
		s := t.slots[i]
		if s.code == 0 {
			return Unknown
		}
		if s.key == key {
			return s.code - 1
		}
	}
}

// spread is how many times more room than keys an array of codes may take: it is then no larger than the slots.
const spread = 8

func (t *integers) freeze() {
	width := uint64(t.great) - uint64(t.least)
	if t.n == 0 || width >= uint64(t.n)*spread {
		return
	}
	t.direct = make([]int32, width+1)
	for _, s := range t.slots {
		if s.code != 0 {
			t.direct[uint64(s.key)-uint64(t.least)] = s.code
		}
	}
	t.slots = nil
}

func (t *integers) bytes() int64 { return int64(16*len(t.slots) + 4*len(t.direct)) }
