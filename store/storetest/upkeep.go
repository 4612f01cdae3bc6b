package storetest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/bighead-ml/bighead/store"
)

func testScan(t *testing.T, fresh func(t testing.TB) Open) {
	c := newClient(t, fresh)
	var w store.Write
	var want []cell
	for _, key := range []string{"a", "a\x00", "ab", "b"} {
		for i := int64(-40); i < 80; i += 7 {
			w.Puts = append(w.Puts, val("s", key, minute, i*minute, fmt.Sprint(key, i)), val("s", key, -1, i, "kind"), val("t", key, minute, i*minute, "t"))
			want = append(want, cell{0, key, i * minute, fmt.Sprint(key, i)})
		}
	}
	c.write(&w)
	c.want("scan", c.scan("s", minute), want...)
	if n := len(c.scan("s", -1)); n != len(want) {
		t.Errorf("%d of step -1", n)
	}
	c.want("a step that is not there", c.scan("s", 7))
	c.want("a space that is not there", c.scan("st", minute))
	stop, calls := errors.New("enough"), 0
	err := c.Scan(context.Background(), "s", minute, func(string, int64, []byte) error { calls++; return stop })
	if err != stop || calls != 1 { //nolint:errorlint // as it is
		t.Errorf("%d calls, %v", calls, err)
	}
	t.Run("found may write", func(t *testing.T) {
		err := c.Scan(context.Background(), "s", -1, func(key string, start int64, _ []byte) error {
			return c.Write(context.Background(), &store.Write{Puts: []store.Put{{Space: "s", Key: key, Step: -1, Start: start}}})
		})
		if err != nil {
			t.Fatal(err)
		}
		c.want("all deleted", c.scan("s", -1))
	})
}

func testExpire(t *testing.T, fresh func(t testing.TB) Open) {
	ctx := context.Background()
	t.Run("by periods", func(t *testing.T) { expirePeriods(t, fresh) })
	t.Run("of a kind, exactly", func(t *testing.T) {
		c := newClient(t, fresh)
		for _, step := range []int64{0, -5} {
			for i := int64(-3); i <= 3; i++ {
				c.put(val("s", "k", step, i, "x"), val("s", "l", step, i, "y"))
			}
			c.put(val("s", "k", step, math.MinInt64, "x"))
			if err := c.Expire(ctx, "s", step, 2); err != nil {
				t.Fatal(err)
			}
			c.want("scan", c.scan("s", step), cell{0, "k", 2, "x"}, cell{0, "k", 3, "x"}, cell{0, "l", 2, "y"}, cell{0, "l", 3, "y"})
			if err := c.Expire(ctx, "s", step, math.MinInt64); err != nil {
				t.Fatal(err)
			}
			if n := len(c.scan("s", step)); n != 4 {
				t.Errorf("%d are left after nothing expired", n)
			}
		}
	})
	t.Run("the ends of time", func(t *testing.T) {
		c := newClient(t, fresh)
		first, last := int64(math.MinInt64)/minute*minute, (math.MaxInt64-1)/minute*int64(minute)
		c.put(val("s", "k", minute, first, "first"), val("s", "k", minute, 0, "x"), val("s", "k", minute, last, "last"))
		if err := c.Expire(ctx, "s", minute, math.MinInt64); err != nil {
			t.Fatal(err)
		}
		readFar(c, "k", minute, []cell{{0, "k", first, "first"}, {0, "k", 0, "x"}, {0, "k", last, "last"}})
		if err := c.Expire(ctx, "s", minute, math.MaxInt64); err != nil {
			t.Fatal(err)
		}
		c.want("below the newest period", c.read(store.Range{Space: "s", Key: "k", Step: minute, From: last - 64*store.PeriodSteps*minute, To: last}))
	})
}

// expirePeriods sees that what starts at or after the time stays, that what is far below it goes, that no neighbour is touched, and
// that what is written below the time afterwards is there.
func expirePeriods(t *testing.T, fresh func(t testing.TB) Open) {
	c := newClient(t, fresh)
	var w store.Write
	for i := int64(-200); i < 200; i++ {
		w.Puts = append(w.Puts, val("s", "k", minute, i*minute, "k"), val("s", "l", minute, i*minute, "l"),
			val("s", "k", 2*minute, i*2*minute, "coarser"), val("s", "k", -minute, i*minute, "kind"), val("t", "k", minute, i*minute, "space"))
	}
	c.write(&w)
	for _, before := range []int64{-150 * minute, -150*minute + 1, 0, 1, 70*minute - 1, 70 * minute, -400 * minute} {
		if err := c.Expire(context.Background(), "s", minute, before); err != nil {
			t.Fatal(err)
		}
		if before < -200*minute {
			before = 70 * minute // an earlier time changes nothing
		}
		first := (before + minute - 1) / minute // the first tile that stays
		if before < 0 {
			first = before / minute
		}
		for _, key := range []string{"k", "l"} {
			if stay := c.read(store.Range{Space: "s", Key: key, Step: minute, From: before, To: all("s", key, minute).To}); len(stay) != int(200-first) {
				t.Errorf("before %d: %d values of %q at or after it, want %d", before, len(stay), key, 200-first)
			}
			if left := c.read(store.Range{Space: "s", Key: key, Step: minute, From: all("s", key, minute).From, To: (first-store.PeriodSteps)*minute + 1}); len(left) > 0 {
				t.Errorf("before %d: %q still has %v", before, key, left)
			}
		}
	}
	for _, other := range []store.Range{all("s", "k", 2*minute), all("s", "k", -minute), all("t", "k", minute)} {
		if n := len(c.read(other)); n != 400 {
			t.Errorf("%s step %d: %d values are left of 400", other.Space, other.Step, n)
		}
	}
	c.put(val("s", "k", minute, -190*minute, "again"))
	c.want("written afterwards", c.read(store.Range{Space: "s", Key: "k", Step: minute, From: all("s", "k", minute).From, To: 0}), cell{0, "k", -190 * minute, "again"})
	if err := c.Expire(context.Background(), "s", minute, 70*minute); err != nil {
		t.Fatal(err)
	}
	c.want("expired again", c.read(store.Range{Space: "s", Key: "k", Step: minute, From: all("s", "k", minute).From, To: 0}))
}

func testDrop(t *testing.T, fresh func(t testing.TB) Open) {
	c := newClient(t, fresh)
	ctx := context.Background()
	sizes := func() map[string]int64 {
		got, err := c.Sizes(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := sizes(); len(got) != 0 {
		t.Errorf("an empty store has sizes %v", got)
	}
	for _, space := range oddSpaces {
		for i := range int64(60) {
			c.put(val(space, fmt.Sprint(i), minute, i*minute, "x"), val(space, "k", -1, i, "y"))
		}
	}
	c.write(&store.Write{Epoch: 3, Meta: []store.MetaPut{{Name: "s", Bytes: []byte("m")}}})
	for i, space := range oddSpaces {
		got := sizes()
		if len(got) != len(oddSpaces)-i {
			t.Errorf("%d spaces have sizes: %v", len(got), got)
		}
		for name, n := range got {
			if n < 0 {
				t.Errorf("space %q has %d bytes", name, n)
			}
		}
		if err := c.Drop(ctx, space); err != nil {
			t.Fatal(err)
		}
		c.want("a dropped space", c.scan(space, minute))
		c.want("a dropped space", c.read(all(space, "k", -1), all(space, "1", minute)))
		for _, other := range oddSpaces[i+1:] {
			if n := len(c.scan(other, minute)) + len(c.scan(other, -1)); n != 120 {
				t.Errorf("dropping %q left %d of 120 in %q", space, n, other)
			}
		}
	}
	if err := c.Drop(ctx, "never there"); err != nil {
		t.Errorf("a space that is not there: %v", err)
	}
	if got := c.meta(""); len(got) != 1 {
		t.Errorf("meta %v", got)
	}
	if err := c.Write(ctx, &store.Write{Epoch: 2}); !errors.Is(err, store.ErrFenced) {
		t.Errorf("the epoch was dropped too: %v", err)
	}
	c.write(&store.Write{Epoch: 3, Puts: []store.Put{val("s", "k", minute, 0, "new")}})
	c.want("a space of the same name", c.scan("s", minute), cell{0, "k", 0, "new"})
}

func testContext(t *testing.T, fresh func(t testing.TB) Open) {
	c := newClient(t, fresh)
	c.put(val("s", "k", 1, 1, "x"))
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	late, cancel := context.WithTimeout(context.Background(), -1)
	defer cancel()
	for _, x := range []struct {
		ctx  context.Context
		want []error
	}{{gone, []error{context.Canceled}}, {late, []error{context.DeadlineExceeded, store.ErrUnavailable}}} {
		ctx := x.ctx
		_, sizes := c.Sizes(ctx)
		for name, err := range map[string]error{
			"Read":   c.Read(ctx, []store.Range{all("s", "k", 1)}, func(int, int64, []byte) error { t.Error("found was called"); return nil }),
			"Write":  c.Write(ctx, &store.Write{Puts: []store.Put{val("s", "k", 1, 1, "y")}}),
			"Fence":  c.Fence(ctx, 9),
			"Meta":   c.Meta(ctx, "", func(string, []byte) error { return nil }),
			"Scan":   c.Scan(ctx, "s", 1, func(string, int64, []byte) error { return nil }),
			"Expire": c.Expire(ctx, "s", 1, 1000), "Drop": c.Drop(ctx, "s"), "Sizes": sizes,
		} {
			for _, want := range x.want {
				if !errors.Is(err, want) {
					t.Errorf("%s with an ended context: %v, want %v", name, err, want)
				}
			}
			if len(x.want) == 1 && errors.Is(err, store.ErrUnavailable) {
				t.Errorf("%s: the caller's own giving up is not the store's failure: %v", name, err)
			}
		}
	}
	c.want("afterwards", c.read(all("s", "k", 1)), cell{0, "k", 1, "x"})
}

func testReopen(t *testing.T, fresh func(t testing.TB) Open) {
	c := newClient(t, fresh)
	tr := c.Traits()
	if tr.Name == "" || tr.Durable && !tr.Lasting {
		t.Errorf("traits %+v", tr)
	}
	if !tr.Lasting {
		t.Skip("the store does not outlive its process")
	}
	for i, sync := range []bool{false, true} {
		c.write(&store.Write{Puts: []store.Put{val("s", "k", minute, int64(i)*minute, fmt.Sprint(i))}, Meta: []store.MetaPut{{Name: fmt.Sprint(i), Bytes: []byte("m")}}, Sync: sync})
		c.reopen()
		if n := len(c.read(all("s", "k", minute))); n != i+1 || len(c.meta("")) != i+1 {
			t.Errorf("%d values and meta %v after opening again", n, c.meta(""))
		}
	}
	other, err := c.open()
	if tr.Shared {
		if err != nil {
			t.Fatalf("a shared store cannot be opened twice: %v", err)
		}
		if err := other.Close(); err != nil {
			t.Error(err)
		}
		return
	}
	if !errors.Is(err, store.ErrLocked) || errors.Is(err, store.ErrUnavailable) {
		t.Errorf("opened twice: %v", err)
	}
	c.put(val("s", "k", minute, 0, "still mine"))
}
