package keys

import (
	"hash/maphash"
	"strings"

	"github.com/bighead-ml/bighead/value"
)

// texts numbers distinct strings. A slot holds a part of the hash, so that the string itself is compared only where it is likely equal.
type texts struct {
	seed  maphash.Seed // of this table: codes are by first appearance and do not depend on it
	slots []textSlot
	keys  []string
	size  int64
}

type textSlot struct {
	hash uint32
	code int32 // + 1; 0: empty
}

func newTexts() *texts {
	return &texts{seed: maphash.MakeSeed(), slots: make([]textSlot, leastSlots)}
}

func (t *texts) insertAll(c *value.Column, codes []int32) {
	for i, s := range c.Strs {
		if !c.Nulls.Get(i) {
			codes[i] = t.insert(s)
		}
	}
}

func (t *texts) lookupAll(c *value.Column, codes []int32) {
	for i, s := range c.Strs {
		if !c.Nulls.Get(i) {
			codes[i] = t.find(s)
		}
	}
}

func (t *texts) insert(key string) int32 {
	h := maphash.String(t.seed, key)
	for i := int(h) & (len(t.slots) - 1); ; i = (i + 1) & (len(t.slots) - 1) {
		s := &t.slots[i]
		if s.code == 0 {
			t.keys = append(t.keys, strings.Clone(key)) // it may be a view of a whole page
			t.size += int64(len(key)) + 16
			*s = textSlot{uint32(h >> 32), int32(len(t.keys))}
			if 2*len(t.keys) > len(t.slots) {
				t.grow()
			}
			return int32(len(t.keys) - 1)
		}
		if s.hash == uint32(h>>32) && t.keys[s.code-1] == key {
			return s.code - 1
		}
	}
}

func (t *texts) grow() {
	t.slots = make([]textSlot, 2*len(t.slots))
	for code, key := range t.keys {
		h := maphash.String(t.seed, key)
		i := int(h) & (len(t.slots) - 1)
		for t.slots[i].code != 0 {
			i = (i + 1) & (len(t.slots) - 1)
		}
		t.slots[i] = textSlot{uint32(h >> 32), int32(code + 1)}
	}
}

func (t *texts) find(key string) int32 {
	h := maphash.String(t.seed, key)
	for i := int(h) & (len(t.slots) - 1); ; i = (i + 1) & (len(t.slots) - 1) {
		s := t.slots[i]
		if s.code == 0 {
			return Unknown
		}
		if s.hash == uint32(h>>32) && t.keys[s.code-1] == key {
			return s.code - 1
		}
	}
}

func (t *texts) bytes() int64 { return int64(8*len(t.slots)) + t.size }
