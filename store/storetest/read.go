package storetest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/store"
)

// oddKeys are keys of which some are prefixes of others, or hold what separators are made of.
var oddKeys = []string{
	"", "\x00", "\x00\x00", "\x00\x01", "\x00\xff", "\x01", "a", "a\x00", "a\x00b", "a\x00\xff", "a\x01", "ab", "abc", "b", "a:b", "a}b", "{a}", "}", "*", "a?[",
	"\xff", "\xff\x00", "\xff\xff", "ü\n", strings.Repeat("k", 3000),
}

// oddSpaces likewise.
var oddSpaces = []string{"s", "s:", "s:1", "s1", "{s}", "s*", "s\x00", "\xff", "%73", strings.Repeat("n", 300)}

const minute = 60_000

func testRead(t *testing.T, fresh func(t testing.TB) Open) {
	t.Run("ranges are half open, in order, starts ascending", func(t *testing.T) {
		c := newClient(t, fresh)
		for _, i := range []int64{5, 1, 3, 2, 4} {
			c.put(val("s", "k", minute, i*minute, fmt.Sprint(i)))
		}
		c.put(val("s", "other", minute, 2*minute, "other"))
		got := c.read(
			store.Range{Space: "s", Key: "k", Step: minute, From: 4 * minute, To: 6 * minute},
			store.Range{Space: "s", Key: "none", Step: minute, From: 0, To: 9 * minute},
			store.Range{Space: "s", Key: "k", Step: minute, From: 1*minute + 1, To: 4 * minute},
			store.Range{Space: "s", Key: "other", Step: minute, From: 2 * minute, To: 2*minute + 1},
			store.Range{Space: "s", Key: "k", Step: minute, From: 4 * minute, To: 6 * minute},
		)
		k, o := "k", "other"
		c.want("read", got, cell{0, k, 4 * minute, "4"}, cell{0, k, 5 * minute, "5"}, cell{2, k, 2 * minute, "2"}, cell{2, k, 3 * minute, "3"},
			cell{3, o, 2 * minute, "other"}, cell{4, k, 4 * minute, "4"}, cell{4, k, 5 * minute, "5"})
	})
	t.Run("empty ranges and no ranges", func(t *testing.T) {
		c := newClient(t, fresh)
		c.put(val("s", "k", minute, 0, "x"), val("s", "k", -1, 0, "y"))
		var ranges []store.Range
		for _, step := range []int64{minute, -1} {
			for _, b := range [][2]int64{{0, 0}, {1, minute}, {-minute, 0}, {minute, 0}, {math.MaxInt64, math.MinInt64}, {math.MinInt64, math.MinInt64}, {math.MaxInt64, math.MaxInt64}} {
				if step < 0 || b[0] != 1 {
					ranges = append(ranges, store.Range{Space: "s", Key: "k", Step: step, From: b[0], To: b[1]})
				}
			}
		}
		c.want("empty ranges", c.read(ranges...))
		c.want("between two starts", c.read(store.Range{Space: "s", Key: "k", Step: minute, From: 1, To: minute}))
		c.want("no ranges", c.read())
	})
	t.Run("the ends of time", func(t *testing.T) { readEnds(t, fresh) })
	t.Run("ranges over many periods", func(t *testing.T) { readLong(t, fresh) })
	t.Run("places do not run together", func(t *testing.T) { readOdd(t, fresh) })
	t.Run("big and empty values", func(t *testing.T) { readBig(t, fresh) })
	t.Run("an error of found ends it and is returned as it is", func(t *testing.T) {
		c := newClient(t, fresh)
		for i := range int64(100) {
			c.put(val("s", "k", 1, i, "x"))
		}
		stop, calls := errors.New("enough"), 0
		err := c.Read(context.Background(), []store.Range{all("s", "k", 1), all("s", "k", 1)}, func(int, int64, []byte) error {
			if calls++; calls == 3 {
				return stop
			}
			return nil
		})
		if err != stop || calls != 3 { //nolint:errorlint // as it is
			t.Errorf("%d calls, %v", calls, err)
		}
		c.want("afterwards", c.read(store.Range{Space: "s", Key: "k", Step: 1, From: 7, To: 8}), cell{0, "k", 7, "x"})
	})
	t.Run("found may read", func(t *testing.T) {
		c := newClient(t, fresh)
		c.put(val("s", "k", 1, 1, "x"), val("s", "k", 1, 2, "y"))
		inner := 0
		err := c.Read(context.Background(), []store.Range{all("s", "k", 1)}, func(int, int64, []byte) error {
			inner += len(c.read(all("s", "k", 1)))
			return nil
		})
		if err != nil || inner != 4 {
			t.Errorf("%d values, %v", inner, err)
		}
	})
}

func readEnds(t *testing.T, fresh func(t testing.TB) Open) {
	c := newClient(t, fresh)
	for _, step := range []int64{-3, math.MinInt64, 0, 1, minute, math.MaxInt64} {
		k := fmt.Sprint(step)
		starts := []int64{math.MinInt64, -1, 0, 1, math.MaxInt64 - 1}
		if step > 1 {
			starts = []int64{math.MinInt64 / step * step, -step, 0, (math.MaxInt64 - 1) / step * step}
			if step == math.MaxInt64 {
				starts = []int64{-step, 0}
			}
		}
		var want []cell
		for i, start := range starts {
			c.put(val("s", k, step, start, fmt.Sprint(i)))
			want = append(want, cell{0, k, start, fmt.Sprint(i)})
		}
		last := starts[len(starts)-1]
		if step > 0 && step < math.MaxInt64 {
			readFar(c, k, step, want)
			continue
		}
		c.want("all of step "+k, c.read(store.Range{Space: "s", Key: k, Step: step, From: math.MinInt64, To: math.MaxInt64}), want...)
		c.want("from the last on, step "+k, c.read(store.Range{Space: "s", Key: k, Step: step, From: last, To: math.MaxInt64}), want[len(want)-1])
		c.want("below the last, step "+k, c.read(store.Range{Space: "s", Key: k, Step: step, From: math.MinInt64, To: last}), want[:len(want)-1]...)
	}
}

// readFar reads what lies at the ends of time, of a step with more periods between than a read may touch.
func readFar(c *client, k string, step int64, want []cell) {
	c.t.Helper()
	first, last := want[0].start, want[len(want)-1].start
	width := store.PeriodSteps * step
	c.want("from the first on, step "+k, c.read(store.Range{Space: "s", Key: k, Step: step, From: math.MinInt64, To: first + width}), want[0])
	c.want("about zero, step "+k, c.read(store.Range{Space: "s", Key: k, Step: step, From: -width, To: width}), want[1:len(want)-1]...)
	c.want("from the last on, step "+k, c.read(store.Range{Space: "s", Key: k, Step: step, From: last, To: math.MaxInt64}), want[len(want)-1])
	c.want("below the last, step "+k, c.read(store.Range{Space: "s", Key: k, Step: step, From: last - width, To: last}))
}

func readLong(t *testing.T, fresh func(t testing.TB) Open) {
	c := newClient(t, fresh)
	var w store.Write
	var want []cell
	for i := int64(-500); i < 500; i++ { // with holes of whole periods
		if i%store.PeriodSteps == 3 && i/store.PeriodSteps%3 != 0 || i > 400 {
			w.Puts = append(w.Puts, val("s", "k", minute, i*minute, fmt.Sprint(i)))
			want = append(want, cell{0, "k", i * minute, fmt.Sprint(i)})
		}
		w.Puts = append(w.Puts, val("s", "j", minute, i*minute, "j"), val("s", "l", minute, i*minute, "l"))
	}
	c.write(&w)
	c.want("wide bounds", c.read(store.Range{Space: "s", Key: "k", Step: minute, From: -1e10, To: 1e10}), want...)
	within := want[2 : len(want)-50]
	c.want("bounds within", c.read(store.Range{Space: "s", Key: "k", Step: minute, From: within[0].start, To: within[len(within)-1].start + 1}), within...)
	c.want("a key that is not there", c.read(all("s", "kk", minute)))
	const half = store.MaxPeriods / 2 * store.PeriodSteps * minute
	widest := store.Range{Space: "s", Key: "k", Step: minute, From: -half, To: half}
	c.want("the widest bounds", c.read(widest), want...)
	for _, r := range []store.Range{{From: -half - 1, To: half + 1}, {From: math.MinInt64, To: half}, {From: 0, To: math.MaxInt64}, {From: math.MinInt64, To: math.MaxInt64}} {
		r.Space, r.Key, r.Step = "s", "k", minute
		err := c.Read(context.Background(), []store.Range{widest, r}, func(int, int64, []byte) error { t.Error("found was called"); return nil })
		if err == nil || errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "range 2 of 2") {
			t.Errorf("bounds that touch too many periods: %v", err)
		}
	}
}

func readOdd(t *testing.T, fresh func(t testing.TB) Open) {
	c := newClient(t, fresh)
	var w store.Write
	for _, space := range oddSpaces {
		for _, key := range oddKeys {
			for _, step := range []int64{-1, 0, 1, minute} {
				w.Puts = append(w.Puts, val(space, key, step, 0, fmt.Sprintf("%q %q %d", space, key, step)))
			}
		}
	}
	c.write(&w)
	for _, space := range oddSpaces {
		for _, key := range oddKeys {
			for _, step := range []int64{-1, 0, 1, minute} {
				c.want("read", c.read(all(space, key, step)), cell{0, key, 0, fmt.Sprintf("%q %q %d", space, key, step)})
			}
		}
		if n := len(c.scan(space, 0)); n != len(oddKeys) {
			t.Errorf("a scan of space %q shows %d places, want %d", space, n, len(oddKeys))
		}
	}
}

func readBig(t *testing.T, fresh func(t testing.TB) Open) {
	c := newClient(t, fresh)
	big := make([]byte, 1<<20)
	for i := range big {
		big[i] = byte(i * i >> 7)
	}
	c.put(store.Put{Space: "s", Key: "big", Step: 1, Start: 1, Bytes: big}, val("s", "empty", 1, 1, ""), val("s", "zero", 1, 1, "\x00"))
	c.want("a big value", c.read(all("s", "big", 1)), cell{0, "big", 1, string(big)})
	c.want("an empty value", c.read(all("s", "empty", 1)), cell{0, "empty", 1, ""})
	c.want("a zero byte", c.read(all("s", "zero", 1)), cell{0, "zero", 1, "\x00"})
}
