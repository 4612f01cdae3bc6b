package stream

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/agg/tile"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/store"
)

// cache is the tiles and rows of a space that are in memory: all that changed since the last write, and what was used lately.
type cache struct {
	x     *space
	slots int // one for each level, one for the base, one for kept rows
	base  int
	keys  map[string]*key
	// gone are, by slot, the starts from which on nothing was let go: a place behind it that is not here is not in the store either. MinTime: the
	// space began empty, and all of it is here; MaxTime: it is not known.
	gone    []int64
	dirty   []*key               // with changed places
	aloft   []*entry             // on their way to the store as they were
	changed int                  // places
	over    []map[int64][]*entry // by slot and start, what is over at a time; nil: nothing of the slot ever is
	missing []*entry             // to be read
	tick    uint32               // of writes, for what was used when
	bytes   int64
	perTile int64 // an empty one
	varies  bool  // with what is in it
	// What is not used is kept to be used again. Tiles and entries are made many at once: they are all that the collector has to look through, and
	// what it waits for is finding each. So none can be let go by itself.
	tiles   []*tile.Tile
	entries []*entry
	order   [][]*entry // for sorted
}

// key is one key with what is in memory of it.
type key struct {
	text   string
	places []ref    // those that were used last stand last, about
	dirty  []*entry // changed since the last write
	last   int32    // of rows that are being arranged, the last of this key, counted from 1; 0 otherwise
}

// ref is where an entry is, beside where it lies: who looks for one does not fetch the others.
type ref struct {
	start int64
	slot  int32
	*entry
}

// entry is one place of the store.
type entry struct {
	key   *key
	slot  int
	start int64
	tile  *tile.Tile // of rows: nil
	rows  *tile.Packed
	dirty bool
	gone  bool // to be deleted
	used  uint32
	size  int64
	nth   int // of those that are over with it
}

func (e *entry) header() *tile.Header {
	if e.tile != nil {
		return &e.tile.Header
	}
	return &e.rows.Header
}

// What things take in memory, about.
const (
	bytesOfKey    = 160
	bytesOfEntry  = 116
	bytesOfRows   = bytesOfEntry + 112 // without the rows
	bytesOfCell   = 56
	waitInList    = 32 // elements that a list gathers before it sorts them in
	entriesAtOnce = 64
)

func (c *cache) init(x *space) {
	c.x, c.slots, c.base = x, len(x.Levels)+2, len(x.Levels)
	c.keys, c.gone, c.order = map[string]*key{}, make([]int64, c.slots), make([][]*entry, c.slots)
	c.over = make([]map[int64][]*entry, c.slots)
	for slot := range c.slots {
		c.gone[slot] = plan.MaxTime
		if slot < c.base || slot > c.base && x.Rows != nil && x.Rows.Step > 0 {
			c.over[slot] = map[int64][]*entry{}
		}
	}
	c.perTile, c.varies = x.Layout().Size()
	c.perTile += bytesOfEntry
	for _, f := range x.Folds[:x.Tiled] {
		switch f.Kind {
		case agg.KindEventList:
			c.perTile += waitInList * 2 * bytesOfCell
		case agg.KindValueList:
			c.perTile += waitInList * bytesOfCell
		}
	}
}

// key finds or makes a key of its encoding, which is copied where it is new.
func (c *cache) key(text []byte) *key {
	if k := c.keys[string(text)]; k != nil {
		return k
	}
	k := &key{text: string(text)}
	c.keys[k.text] = k
	c.bytes += bytesOfKey + int64(len(k.text))
	return k
}

// entry finds a place, or makes it, to be read by the next load.
func (c *cache) entry(k *key, slot int, start int64) *entry {
	if e := k.find(slot, start); e != nil {
		return e
	}
	e := c.newEntry()
	*e = entry{key: k, slot: slot, start: start, used: c.tick, size: c.perTile}
	if slot < c.slots-1 {
		e.tile = c.newTile()
	} else {
		e.rows, e.size = &tile.Packed{Header: none()}, bytesOfRows
	}
	c.bytes += e.size
	k.places = append(k.places, ref{start, int32(slot), e})
	if of := c.over[slot]; of != nil {
		e.nth = len(of[start])
		of[start] = append(of[start], e)
	}
	if start <= c.gone[slot] {
		c.missing = append(c.missing, e)
	}
	return e
}

// find gives what is in memory of a place, or nil. What it finds moves towards the end, where the next search begins: events go to a few
// places of a key at a time, and the many of a key that is asked about for long stay behind.
func (k *key) find(slot int, start int64) *entry {
	last := len(k.places) - 1
	for i := last; i >= 0; i-- {
		r := k.places[i]
		if r.start != start || r.slot != int32(slot) {
			continue
		}
		if i < last-near {
			k.places[i], k.places[last] = k.places[last], r
		}
		return r.entry
	}
	return nil
}

// near is how many places of a key are looked through without any order.
const near = 8

// baseOf is the base tile of a key, which must be in memory.
func (c *cache) baseOf(k *key) *entry { return k.find(c.base, 0) }

func (c *cache) newTile() *tile.Tile {
	if len(c.tiles) == 0 {
		c.tiles = c.x.Layout().Slab(c.tiles)
	}
	last := len(c.tiles) - 1
	t := c.tiles[last]
	c.tiles = c.tiles[:last]
	return t
}

func (c *cache) newEntry() *entry {
	if len(c.entries) == 0 {
		made := make([]entry, entriesAtOnce)
		for i := range made {
			c.entries = append(c.entries, &made[i])
		}
	}
	last := len(c.entries) - 1
	e := c.entries[last]
	c.entries = c.entries[:last]
	return e
}

// step is the store's step of a slot.
func (c *cache) step(slot int) int64 {
	switch {
	case slot < c.base:
		return c.x.Levels[slot].Step
	case slot == c.base:
		return plan.BaseStep
	}
	return c.x.Rows.RowStep()
}

// load reads what entry has made; after an error it is forgotten.
func (c *cache) load(ctx context.Context) error {
	if len(c.missing) == 0 {
		return nil
	}
	missing := c.missing
	c.missing = c.missing[:0]
	ranges := make([]store.Range, len(missing))
	for i, e := range missing {
		ranges[i] = store.Range{Space: c.x.ID, Key: e.key.text, Step: c.step(e.slot), From: e.start, To: e.start + 1}
	}
	err := c.x.s.o.Store.Read(ctx, ranges, func(i int, _ int64, b []byte) error { return c.decode(missing[i], b) })
	if err != nil {
		for _, e := range missing {
			c.forget(e)
		}
	}
	return err
}

func (c *cache) decode(e *entry, b []byte) (err error) {
	if e.tile != nil {
		err = c.x.Layout().DecodeInto(e.tile, b)
	} else {
		e.rows, err = c.x.RowLayout().DecodePacked(b)
	}
	if err != nil {
		return fmt.Errorf("space %s, step %d, start %d: %w", c.x.ID, c.step(e.slot), e.start, err)
	}
	c.resize(e, len(b))
	return nil
}

// resize notes that an entry takes so many bytes in the store.
func (c *cache) resize(e *entry, encoded int) {
	size := c.perTile
	switch {
	case e.tile == nil:
		size = bytesOfRows + e.rows.Size()
	case c.varies:
		size += 2 * int64(encoded)
	}
	c.bytes += size - e.size
	e.size = size
}

// touch notes that an entry changes.
func (c *cache) touch(e *entry) {
	e.used = c.tick
	if e.dirty {
		return
	}
	if len(e.key.dirty) == 0 {
		c.dirty = append(c.dirty, e.key)
	}
	e.dirty, e.key.dirty = true, append(e.key.dirty, e)
	c.changed++
}

// sorted is what changed by slot and key, as stores lie mostly: neighbours are cheap to put.
func (c *cache) sorted() [][]*entry {
	slices.SortFunc(c.dirty, func(a, b *key) int { return strings.Compare(a.text, b.text) })
	for slot := range c.order {
		c.order[slot] = c.order[slot][:0]
	}
	for _, k := range c.dirty {
		for _, e := range k.dirty {
			c.order[e.slot] = append(c.order[e.slot], e)
		}
	}
	return c.order
}

// began notes that nothing of the space is in the store.
func (c *cache) began() {
	for slot := range c.gone {
		c.gone[slot] = plan.MinTime
	}
}

// resumed notes that no tile in the store starts behind the newest event.
func (c *cache) resumed(newest int64) {
	for slot := range c.base {
		c.gone[slot] = newest
	}
}

// forget takes an entry out of memory.
func (c *cache) forget(e *entry) {
	k := e.key
	i := slices.IndexFunc(k.places, func(r ref) bool { return r.entry == e })
	k.places = slices.Delete(k.places, i, i+1)
	c.bytes -= e.size
	if of := c.over[e.slot]; of != nil {
		of[e.start] = without(of[e.start], e)
		if len(of[e.start]) == 0 {
			delete(of, e.start)
		}
	}
	if e.tile != nil {
		e.tile.Reset()
		c.tiles = append(c.tiles, e.tile)
	}
	*e = entry{}
	c.entries = append(c.entries, e)
	if len(k.places) == 0 {
		delete(c.keys, k.text)
		c.bytes -= bytesOfKey + int64(len(k.text))
	}
}

// without takes an entry out of those that are over with it, where the last takes its place.
func without(all []*entry, e *entry) []*entry {
	last := len(all) - 1
	all[e.nth], all[last].nth = all[last], e.nth
	all[last] = nil
	return all[:last]
}

// expire takes what lies before a time out of memory: nobody needs it any more. What is still to be written stays until it is, and nothing
// is on its way. It looks at what goes and no more: the loop does nothing else meanwhile, and there may be millions of places.
func (c *cache) expire(slot int, before int64) {
	for start, all := range c.over[slot] {
		if start >= before {
			continue
		}
		for i := len(all) - 1; i >= 0; i-- { // who takes the place of one that goes was looked at
			if !all[i].dirty {
				c.forget(all[i])
			}
		}
	}
}

// takeOff notes that all changes are on their way to the store. Until they have landed nothing may be let go: who looks in the store before
// finds what was.
func (c *cache) takeOff() {
	for _, k := range c.dirty {
		for _, e := range k.dirty {
			e.dirty = false
		}
		c.aloft = append(c.aloft, k.dirty...)
		clear(k.dirty)
		k.dirty = k.dirty[:0]
	}
	clear(c.dirty)
	c.dirty, c.changed = c.dirty[:0], 0
	c.tick++
}

// landed notes that what was on its way is in the store.
func (c *cache) landed() {
	for _, e := range c.aloft {
		if !e.dirty && (e.gone || e.rows != nil && e.rows.Len() == 0) {
			c.forget(e)
		}
	}
	clear(c.aloft)
	c.aloft = c.aloft[:0]
}

// sampled is by how many entries evict judges what was not used for long.
const sampled = 2000

// evict lets go of what was not used for longest, until a quarter of the limit is free. Only what is written may go, and nothing is on its
// way.
func (c *cache) evict(limit int64) {
	for rounds := 0; c.bytes > limit && rounds < 8; rounds++ {
		var used []uint32
		for _, k := range c.keys {
			for _, r := range k.places {
				used = append(used, r.used)
			}
			if len(used) >= sampled {
				break
			}
		}
		if len(used) == 0 {
			return
		}
		slices.Sort(used)
		share := 1 - float64(limit)*3/4/float64(c.bytes)
		c.dropUntil(used[int(share*float64(len(used)-1))], limit*3/4)
	}
}

// dropUntil lets go of what was last used at a tick or before, until so many bytes are left.
func (c *cache) dropUntil(tick uint32, left int64) {
	for _, k := range c.keys {
		for i := len(k.places) - 1; i >= 0; i-- {
			if r := k.places[i]; !r.dirty && r.used <= tick {
				c.gone[r.slot] = max(c.gone[r.slot], r.start)
				c.forget(r.entry)
			}
		}
		if c.bytes <= left {
			return
		}
	}
}
