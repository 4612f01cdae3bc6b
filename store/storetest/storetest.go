// Package storetest is the contract suite of online stores: what store.Store promises, sentence by sentence, and a random history
// that is compared with a map.
package storetest

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/bighead-ml/bighead/store"
)

// Open opens the same store of one test, each time anew; where Traits.Lasting is true, with what was written before.
type Open func() (store.Store, error)

// Run checks one implementation. Each call of fresh makes an empty store, and what it needs lasts as long as its t.
func Run(t *testing.T, fresh func(t testing.TB) Open) {
	for _, part := range []struct {
		name string
		run  func(t *testing.T, fresh func(t testing.TB) Open)
	}{
		{"read", testRead}, {"write", testWrite}, {"mistakes", testMistakes}, {"fence", testFence}, {"meta", testMeta}, {"scan", testScan},
		{"expire", testExpire}, {"drop and sizes", testDrop}, {"context", testContext}, {"open again", testReopen},
		{"versions", testVersions}, {"readers beside a writer", testConcurrent}, {"random history", testModel},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(t, fresh) })
	}
}

// A client is a store with the shorthand of tests: what fails ends the test.
type client struct {
	store.Store
	t    testing.TB
	open Open
}

// newClient opens a fresh store that is closed with the test.
func newClient(t testing.TB, fresh func(t testing.TB) Open) *client {
	t.Helper()
	c := &client{t: t, open: fresh(t)}
	c.reopen()
	t.Cleanup(func() {
		if c.Store != nil {
			if err := c.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		}
	})
	return c
}

// reopen closes the store, where it is open, and opens it again.
func (c *client) reopen() {
	c.t.Helper()
	if c.Store != nil {
		old := c.Store
		c.Store = nil
		if err := old.Close(); err != nil {
			c.t.Fatalf("close: %v", err)
		}
	}
	s, err := c.open()
	if err != nil {
		c.t.Fatalf("open: %v", err)
	}
	c.Store = s
}

// A cell is one value that was found.
type cell struct {
	i     int // of the range; 0 for a scan
	key   string
	start int64
	bytes string
}

func (c cell) String() string {
	if len(c.bytes) > 40 {
		return fmt.Sprintf("%d: %q@%d = %q… (%d bytes)", c.i, c.key, c.start, c.bytes[:40], len(c.bytes))
	}
	return fmt.Sprintf("%d: %q@%d = %q", c.i, c.key, c.start, c.bytes)
}

// put writes values, at epoch 0.
func (c *client) put(puts ...store.Put) {
	c.t.Helper()
	c.write(&store.Write{Puts: puts})
}

func (c *client) write(w *store.Write) {
	c.t.Helper()
	if err := c.Write(context.Background(), w); err != nil {
		c.t.Fatalf("write: %v", err)
	}
}

// read reads ranges and checks what every read promises: ranges in their order, starts ascending and inside.
func (c *client) read(ranges ...store.Range) []cell {
	c.t.Helper()
	var got []cell
	err := c.Read(context.Background(), ranges, func(i int, start int64, bytes []byte) error {
		if i < 0 || i >= len(ranges) {
			return fmt.Errorf("range %d of %d", i, len(ranges))
		}
		if r := ranges[i]; start < r.From || start >= r.To {
			c.t.Errorf("range %d [%d, %d): found start %d", i, r.From, r.To, start)
		}
		if n := len(got); n > 0 && (got[n-1].i > i || got[n-1].i == i && got[n-1].start >= start) {
			c.t.Errorf("range %d start %d was found after range %d start %d", i, start, got[n-1].i, got[n-1].start)
		}
		got = append(got, cell{i: i, key: ranges[i].Key, start: start, bytes: string(bytes)})
		return nil
	})
	if err != nil {
		c.t.Fatalf("read: %v", err)
	}
	return got
}

// scan reads all of a step, by key and start, each place once.
func (c *client) scan(space string, step int64) []cell {
	c.t.Helper()
	type place struct {
		key   string
		start int64
	}
	seen := map[place]string{}
	err := c.Scan(context.Background(), space, step, func(key string, start int64, bytes []byte) error {
		p := place{key, start}
		if old, twice := seen[p]; twice && old != string(bytes) {
			c.t.Errorf("scan shows %q@%d as %q and as %q", key, start, old, bytes)
		}
		seen[p] = string(bytes)
		return nil
	})
	if err != nil {
		c.t.Fatalf("scan: %v", err)
	}
	var got []cell
	for p, b := range seen {
		got = append(got, cell{key: p.key, start: p.start, bytes: b})
	}
	slices.SortFunc(got, byPlace)
	return got
}

func byPlace(a, b cell) int {
	switch {
	case a.i != b.i:
		return a.i - b.i
	case a.key < b.key || a.key == b.key && a.start < b.start:
		return -1
	case a == b:
		return 0
	}
	return 1
}

// meta lists meta values as "name=bytes" and checks that names ascend.
func (c *client) meta(prefix string) []string {
	c.t.Helper()
	var got []string
	last, first := "", true
	err := c.Meta(context.Background(), prefix, func(name string, bytes []byte) error {
		if !first && name <= last {
			c.t.Errorf("meta %q after %q", name, last)
		}
		last, first = name, false
		got = append(got, name+"="+string(bytes))
		return nil
	})
	if err != nil {
		c.t.Fatalf("meta: %v", err)
	}
	return got
}

// want fails unless the cells are those.
func (c *client) want(what string, got []cell, want ...cell) {
	c.t.Helper()
	if !slices.Equal(got, want) {
		c.t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// all is every place of a key and step, with a step above zero those of the periods about zero that tests put into.
func all(space, key string, step int64) store.Range {
	r := store.Range{Space: space, Key: key, Step: step, From: math.MinInt64, To: math.MaxInt64}
	if step > 0 {
		r.From, r.To = -64*store.PeriodSteps*step, 64*store.PeriodSteps*step
	}
	return r
}

// val is a put of text.
func val(space, key string, step, start int64, text string) store.Put {
	return store.Put{Space: space, Key: key, Step: step, Start: start, Bytes: []byte(text)}
}
