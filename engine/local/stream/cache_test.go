package stream

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
)

// What is over goes, and nothing else: neither what changed and is not written yet, nor what begins later or lies in another slot. However places come and
// go in between, those that are over together are known without looking at the others.
func TestExpireTakesWhatIsOver(t *testing.T) {
	exact := []feature.FeatureDef{{Aggregation: "sum", Input: text("price"), Windows: []feature.Text{*text("1h")}, Resolution: text("exact")}}
	for name, streams := range map[string][]*plan.Stream{"tiles": benched(t), "rows": clicks(t, func(*feature.SourceDef) {}, exact)} {
		t.Run(name, func(t *testing.T) {
			expires(t, newSpace(&Stream{}, streams[0].Spaces[0], streams[0].Source.Schema))
		})
	}
}

func expires(t *testing.T, x *space) {
	c := &x.cache
	slots := c.slots // those that have places
	if x.Rows == nil {
		slots--
	}
	c.began()
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	type at struct {
		key   string
		slot  int
		start int64
	}
	want := map[at]bool{} // dirty
	same := func(step string) {
		t.Helper()
		n, over := 0, 0
		for text, k := range c.keys {
			for _, p := range k.places {
				n++
				if dirty, ok := want[at{text, int(p.slot), p.start}]; !ok || dirty != p.dirty {
					t.Fatalf("seed %d, after %s: %s has a place %d of slot %d, dirty: %v; wanted: %v, %v", seed, step, text, p.start, p.slot, p.dirty, ok, dirty)
				}
				if of := c.over[p.slot]; of != nil && of[p.start][p.nth] != p.entry {
					t.Fatalf("seed %d, after %s: what is over with place %d of slot %d of %s does not know it", seed, step, p.start, p.slot, text)
				}
			}
		}
		for _, starts := range c.over {
			for start, all := range starts {
				if over += len(all); len(all) == 0 {
					t.Fatalf("seed %d, after %s: nothing is over at %d, and it is kept", seed, step, start)
				}
			}
		}
		based := 0
		for p := range want {
			if c.over[p.slot] == nil {
				based++
			}
		}
		if n != len(want) || over != n-based {
			t.Fatalf("seed %d, after %s: %d places, of which %d are ever over; wanted %d, %d", seed, step, n, over, len(want), len(want)-based)
		}
	}
	gone := 0
	for i := range 10_000 {
		p := at{fmt.Sprint("k", r.IntN(20)), r.IntN(slots), int64(r.IntN(30))}
		if p.slot == c.base {
			p.start = 0
		}
		switch e := c.key([]byte(p.key)).find(p.slot, p.start); {
		case i%100 == 99:
			slot, before := p.slot, int64(r.IntN(10))
			c.expire(slot, before)
			for q, dirty := range want {
				if q.slot == slot && slot != c.base && q.start < before && !dirty {
					delete(want, q)
					gone++
				}
			}
		case i%1000 == 500:
			c.takeOff()
			c.landed()
			for q, dirty := range want {
				if want[q] = false; dirty && q.slot > c.base { // a chunk without rows is deleted
					delete(want, q)
				}
			}
		case e != nil && r.IntN(3) == 0 && !e.dirty:
			c.forget(e)
			delete(want, p)
		default:
			e = c.entry(c.key([]byte(p.key)), p.slot, p.start)
			if want[p] = e.dirty; r.IntN(4) == 0 {
				c.touch(e)
				want[p] = true
			}
		}
		if i%50 == 49 {
			same(fmt.Sprint("step ", i))
		}
	}
	if gone < 100 {
		t.Errorf("%d places were over", gone)
	}
	c.evict(0)
	for p, dirty := range want {
		if !dirty {
			delete(want, p)
		}
	}
	same("eviction")
	if c.over[c.base] != nil {
		t.Error("a base tile is over at some time")
	}
}
