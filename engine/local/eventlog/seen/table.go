package seen

import "encoding/binary"

// Table is a set of entries in memory, by key. The zero Table is empty. It is for one goroutine.
type Table struct {
	entries []Entry
	before  []int32 // by entry: the one of its key that came before, + 1
	slots   []int32 // by hash: the last entry of a key, + 1; linear probing, at most half full
}

// Len is how many entries there are.
func (t *Table) Len() int { return len(t.entries) }

// slot is where a key stands, or would.
func (t *Table) slot(k *Key) int {
	mask := len(t.slots) - 1
	for i := int(binary.LittleEndian.Uint64(k[:8])) & mask; ; i = (i + 1) & mask {
		if e := t.slots[i]; e == 0 || t.entries[e-1].Key == *k {
			return i
		}
	}
}

// Look says what an event is beside the table's from the horizon on.
func (t *Table) Look(e Entry, horizon int64) Verdict {
	v := New
	if len(t.slots) == 0 {
		return v
	}
	for i := t.slots[t.slot(&e.Key)]; i > 0 && !v.firm(); i = t.before[i-1] {
		v = max(v, e.judge(&t.entries[i-1], horizon))
	}
	return v
}

// Add puts an entry in; which one of its id and time is there is not asked.
func (t *Table) Add(e Entry) {
	if 2*len(t.entries) >= len(t.slots) {
		t.grow()
	}
	s := t.slot(&e.Key)
	t.entries, t.before = append(t.entries, e), append(t.before, t.slots[s])
	t.slots[s] = int32(len(t.entries))
}

func (t *Table) grow() {
	t.slots = make([]int32, max(64, 2*len(t.slots)))
	for i := range t.entries {
		t.slots[t.slot(&t.entries[i].Key)] = int32(i + 1) // later ones of a key over earlier, which before leads to
	}
}

// Reset empties the table and keeps its room.
func (t *Table) Reset() {
	t.entries, t.before = t.entries[:0], t.before[:0]
	clear(t.slots)
}

// Entries are all entries in the order in which they came, good until the table is written to.
func (t *Table) Entries() []Entry { return t.entries }
