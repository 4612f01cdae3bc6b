package storetest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/store"
)

func testWrite(t *testing.T, fresh func(t testing.TB) Open) {
	t.Run("a value is replaced", func(t *testing.T) {
		c := newClient(t, fresh)
		for i := range 10 {
			c.put(val("s", "k", minute, 0, strings.Repeat("x", i)))
			c.want("read", c.read(all("s", "k", minute)), cell{0, "k", 0, strings.Repeat("x", i)})
		}
	})
	t.Run("nil deletes, in the order of the write", func(t *testing.T) {
		c := newClient(t, fresh)
		gone := store.Put{Space: "s", Key: "k", Step: 1, Start: 1}
		c.put(gone) // what is not there can be deleted
		c.put(val("s", "k", 1, 1, "a"), val("s", "k", 1, 2, "b"))
		c.put(gone)
		c.want("deleted", c.read(all("s", "k", 1)), cell{0, "k", 2, "b"})
		c.put(val("s", "k", 1, 1, "a"), gone)
		c.want("put and deleted", c.read(all("s", "k", 1)), cell{0, "k", 2, "b"})
		c.put(gone, val("s", "k", 1, 1, "c"), val("s", "k", 1, 1, "d"))
		c.want("deleted and put twice", c.read(all("s", "k", 1)), cell{0, "k", 1, "d"}, cell{0, "k", 2, "b"})
		c.put(gone, store.Put{Space: "s", Key: "k", Step: 1, Start: 2})
		c.want("all deleted", c.read(all("s", "k", 1)))
		c.want("all deleted", c.scan("s", 1))
	})
	t.Run("it keeps nothing of the write", func(t *testing.T) {
		c := newClient(t, fresh)
		bytes := []byte("kept")
		w := store.Write{Puts: []store.Put{{Space: "s", Key: "k", Step: 1, Bytes: bytes}}, Meta: []store.MetaPut{{Name: "m", Bytes: bytes}}}
		c.write(&w)
		copy(bytes, "gone")
		w.Puts[0] = store.Put{}
		c.want("read", c.read(all("s", "k", 1)), cell{0, "k", 0, "kept"})
		if got := c.meta(""); !slices.Equal(got, []string{"m=kept"}) {
			t.Errorf("meta %v", got)
		}
	})
	t.Run("nothing, synced, and with a time to keep", func(t *testing.T) {
		c := newClient(t, fresh)
		c.write(&store.Write{})
		w := store.Write{Puts: []store.Put{val("s", "k", 1, 1, "a"), val("s", "k", 1, 2, "b")}, Sync: true}
		w.Puts[0].Keep = math.MaxInt64
		w.Puts[1].Keep = 3_600_000
		c.write(&w)
		c.want("read", c.read(all("s", "k", 1)), cell{0, "k", 1, "a"}, cell{0, "k", 2, "b"})
	})
	t.Run("thousands at once", func(t *testing.T) {
		c := newClient(t, fresh)
		var w store.Write
		for i := range 5000 {
			w.Puts = append(w.Puts, val("s", fmt.Sprint(i%1000), minute, int64(i/1000)*minute, fmt.Sprint(i)))
		}
		c.write(&w)
		if got := c.scan("s", minute); len(got) != 5000 {
			t.Fatalf("%d values", len(got))
		}
		c.want("one key", c.read(all("s", "7", minute)), cell{0, "7", 0, "7"}, cell{0, "7", minute, "1007"}, cell{0, "7", 2 * minute, "2007"},
			cell{0, "7", 3 * minute, "3007"}, cell{0, "7", 4 * minute, "4007"})
	})
}

// testMistakes sees that a mistake is refused before anything is written, and named.
func testMistakes(t *testing.T, fresh func(t testing.TB) Open) {
	c := newClient(t, fresh)
	good := val("s", "k", 1, 1, "good")
	for want, w := range map[string]store.Write{
		"no multiple of step 60000":   {Puts: []store.Put{good, val("s", "k", minute, 1, "x")}},
		"cannot be read":              {Puts: []store.Put{good, val("s", "k", 1, math.MaxInt64, "x")}},
		"space's name of 0 bytes":     {Puts: []store.Put{good, val("", "k", 1, 1, "x")}},
		"space's name of 65536 bytes": {Puts: []store.Put{good, val(strings.Repeat("s", 1<<16), "k", 1, 1, "x")}},
		"keep -1 ms":                  {Puts: []store.Put{good, {Space: "s", Key: "k", Keep: -1}}},
		"epoch -1":                    {Puts: []store.Put{good}, Epoch: -1},
		"meta name of 0 bytes":        {Puts: []store.Put{good}, Meta: []store.MetaPut{{}}},
	} {
		err := c.Write(context.Background(), &w)
		if err == nil || !strings.Contains(err.Error(), want) || errors.Is(err, store.ErrUnavailable) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	c.want("after mistakes", c.read(all("s", "k", 1)))
}

func testFence(t *testing.T, fresh func(t testing.TB) Open) {
	ctx := context.Background()
	refused := func(c *client, epoch int64) {
		c.t.Helper()
		w := store.Write{Epoch: epoch, Puts: []store.Put{val("s", "k", 1, 1, "late"), val("s", "k", 1, 2, "late")}, Meta: []store.MetaPut{{Name: "m", Bytes: []byte("late")}}}
		if err := c.Write(ctx, &w); !errors.Is(err, store.ErrFenced) || errors.Is(err, store.ErrUnavailable) {
			c.t.Errorf("a write of epoch %d: %v", epoch, err)
		}
		c.want("after a refused write", c.read(all("s", "k", 1)), cell{0, "k", 1, "x"})
		if got := c.meta(""); len(got) != 0 {
			c.t.Errorf("after a refused write: meta %v", got)
		}
	}
	accepted := func(c *client, epoch int64) {
		c.t.Helper()
		c.write(&store.Write{Epoch: epoch, Puts: []store.Put{val("s", "k", 1, 1, "x")}})
	}
	t.Run("by a write of a higher epoch", func(t *testing.T) {
		c := newClient(t, fresh)
		accepted(c, 0)
		accepted(c, 3)
		accepted(c, 3)
		refused(c, 2)
		refused(c, 0)
		accepted(c, 4)
		refused(c, 3)
	})
	t.Run("by Fence", func(t *testing.T) {
		c := newClient(t, fresh)
		accepted(c, 1)
		for _, epoch := range []int64{5, 5, 7} {
			if err := c.Fence(ctx, epoch); err != nil {
				t.Fatal(err)
			}
		}
		refused(c, 6)
		if err := c.Fence(ctx, 6); !errors.Is(err, store.ErrFenced) {
			t.Errorf("Fence of a lower epoch: %v", err)
		}
		refused(c, 6)
		accepted(c, 7)
		if err := c.Fence(ctx, math.MaxInt64); err != nil {
			t.Fatal(err)
		}
		refused(c, math.MaxInt64-1)
		accepted(c, math.MaxInt64)
	})
	t.Run("an empty write of a higher epoch fences too", func(t *testing.T) {
		c := newClient(t, fresh)
		accepted(c, 1)
		c.write(&store.Write{Epoch: 2})
		refused(c, 1)
	})
	t.Run("also after opening again", func(t *testing.T) {
		c := newClient(t, fresh)
		if !c.Traits().Lasting {
			t.Skip("the store does not outlive its process")
		}
		accepted(c, 2)
		c.reopen()
		refused(c, 1)
		if err := c.Fence(ctx, 1<<40); err != nil {
			t.Fatal(err)
		}
		c.reopen()
		refused(c, 1<<40-1)
		accepted(c, 1<<40)
	})
}

func testMeta(t *testing.T, fresh func(t testing.TB) Open) {
	c := newClient(t, fresh)
	names := []string{"a", "a/", "a/1", "a/10", "a/2", "a\x00", "a\xff", "a\xff\xff", "b", "\xff", "\xff\xff", "*", "a*", strings.Repeat("m", 1000)}
	var w store.Write
	for _, n := range names {
		w.Meta = append(w.Meta, store.MetaPut{Name: n, Bytes: []byte(n)})
	}
	c.write(&w)
	for _, prefix := range append([]string{"", "c", "a/1", "\xff"}, names...) {
		var want []string
		for _, n := range names {
			if strings.HasPrefix(n, prefix) {
				want = append(want, n+"="+n)
			}
		}
		slices.SortFunc(want, func(a, b string) int { return strings.Compare(a[:len(a)/2], b[:len(b)/2]) })
		if got := c.meta(prefix); !slices.Equal(got, want) {
			t.Errorf("prefix %q: got %q, want %q", prefix, got, want)
		}
	}
	c.write(&store.Write{Meta: []store.MetaPut{{Name: "a/1"}, {Name: "none"}, {Name: "a/2", Bytes: []byte{}}, {Name: "a/10", Bytes: []byte("x")}, {Name: "a/10", Bytes: []byte("y")}}})
	if got := c.meta("a/"); !slices.Equal(got, []string{"a/=a/", "a/10=y", "a/2="}) {
		t.Errorf("after changes: %q", got)
	}
	stop, calls := errors.New("enough"), 0
	err := c.Meta(context.Background(), "", func(string, []byte) error { calls++; return stop })
	if err != stop || calls != 1 { //nolint:errorlint // as it is
		t.Errorf("%d calls, %v", calls, err)
	}
}
