package storetest

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/bighead-ml/bighead/store"
)

// testConcurrent has a writer count up in several places at once, now putting and now deleting, while readers look. Each write is
// numbered, and says its number in meta and in the values; where Atomic is true a reader must find the same number in all of them, and
// elsewhere in all of one key. What meta says must be in values that are read later.
func testConcurrent(t *testing.T, fresh func(t testing.TB) Open) {
	c := newClient(t, fresh)
	reader := c
	if c.Traits().Shared { // as another process does, whose connections are others
		other, err := c.open()
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		reader = &client{Store: other, t: t}
	}
	const writes, readers = 200, 3
	var looks, halves atomic.Int64
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range readers {
		wg.Go(func() {
			ranges := looked()
			for {
				half, err := reader.look(ranges)
				if err != nil {
					t.Error(err)
					return
				}
				looks.Add(1)
				halves.Add(half)
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for n := range writes {
		c.write(numbered(n))
	}
	close(done)
	wg.Wait()
	t.Logf("%d reads beside %d writes; %d saw two keys at different writes", looks.Load(), writes, halves.Load())
	if c.Traits().Atomic && halves.Load() > 0 {
		t.Errorf("%d of %d reads saw a write half", halves.Load(), looks.Load())
	}
}

// numbered is the n-th write. At each key lie a minute's tile, an hour's, and two values whose start moves: one is deleted where it was
// and put where it goes, one put and then deleted, so that there must always be exactly one. Where nothing lies is deleted first, which
// must change nothing.
func numbered(n int) *store.Write {
	text := strconv.Itoa(n)
	w := &store.Write{Meta: []store.MetaPut{{Name: "n", Bytes: []byte(text)}}}
	for _, key := range []string{"a", "b"} {
		w.Puts = append(w.Puts, store.Put{Space: "s", Key: key, Step: minute, Start: 5 * minute}, val("s", key, minute, 0, text), val("s", key, 60*minute, 0, text),
			store.Put{Space: "s", Key: key, Step: -1, Start: int64(n - 1)}, val("s", key, -1, int64(n), text),
			val("s", key, -2, int64(n), "half"), val("s", key, -2, int64(n), text), store.Put{Space: "s", Key: key, Step: -2, Start: int64(n - 1)})
	}
	return w
}

// padding is how many ranges of nothing stand between those that look compares, so that a store that takes its time over a read, or
// cuts it up, has other writes come between.
const padding = 20

// looked are the ranges of look: those of numbered's places, by step and then by key, padded.
func looked() (ranges []store.Range) {
	for _, step := range []int64{minute, -1, -2, 60 * minute} {
		for _, key := range []string{"a", "b"} {
			ranges = append(ranges, store.Range{Space: "s", Key: key, Step: step, From: -60 * minute, To: 120 * minute})
			for i := range padding {
				ranges = append(ranges, store.Range{Space: "s", Key: key, Step: 7e9, From: 7e9, To: (store.PeriodSteps - int64(i)/2) * 7e9})
			}
		}
	}
	return ranges
}

// look reads what numbered writes, and gives 1 where the two keys are of different writes.
func (c *client) look(ranges []store.Range) (half int64, err error) {
	ctx := context.Background()
	least := -1
	if err := c.Meta(ctx, "n", func(_ string, b []byte) error { least, err = strconv.Atoi(string(b)); return err }); err != nil {
		return 0, err
	}
	var found [8][]string
	err = c.Read(ctx, ranges, func(i int, start int64, b []byte) error {
		if ranges[i].Step < 0 && strconv.FormatInt(start, 10) != string(b) {
			return fmt.Errorf("start %d holds %q", start, b)
		}
		found[i/(padding+1)] = append(found[i/(padding+1)], string(b))
		return nil
	})
	if err != nil {
		return 0, err
	}
	var at [2]string
	for key := range 2 {
		for i := key; i < len(found); i += 2 {
			if len(found[i]) != min(1, len(found[key])) || len(found[i]) > 0 && found[i][0] != found[key][0] {
				return 0, fmt.Errorf("one key at different writes: %q", found)
			}
		}
		n := -1
		if len(found[key]) > 0 {
			at[key] = found[key][0]
			if n, err = strconv.Atoi(at[key]); err != nil {
				return 0, err
			}
		}
		if n < least {
			return 0, fmt.Errorf("meta said %d, and later a value says %d", least, n)
		}
	}
	if at[0] != at[1] {
		half = 1
	}
	return half, nil
}
