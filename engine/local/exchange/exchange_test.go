package exchange

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/bighead-ml/bighead/value"
)

var types = []value.Type{value.Int, value.Float, value.String, value.Bool, value.ListOf(value.Int), value.Timestamp, value.Bytes}

const buckets = 5

// packet makes rows whose cells follow from the packet's number and the row, arranged by bucket.
func packet(number, n int) (*Packet, [][]value.Value) {
	r := rand.New(rand.NewPCG(3, uint64(number)))
	bucketOf := make([]int32, n)
	rows := make([][]value.Value, n)
	for i := range rows {
		bucketOf[i] = int32(r.IntN(buckets - 1)) // the last bucket stays empty
		row := []value.Value{value.OfInt(int64(number<<20 + i)), value.OfFloat(float64(i) / 4), value.OfString(fmt.Sprint("s", i)), value.OfBool(i%2 == 0),
			value.OfList([]value.Value{value.OfInt(int64(i)), {}}), value.OfTimestamp(int64(-i)), value.OfBytes([]byte{0, byte(i)})}
		if i%7 == 3 {
			row[r.IntN(len(row))] = value.Value{}
		}
		rows[i] = row
	}
	order, from := Arrange(bucketOf, buckets)
	p := &Packet{From: from}
	for _, i := range order {
		p.Codes, p.Times = append(p.Codes, bucketOf[i]), append(p.Times, int64(number))
	}
	schema := make(value.Schema, len(types))
	for i, t := range types {
		schema[i] = value.Field{Name: fmt.Sprint("c", i), Type: t}
	}
	for _, c := range value.BatchOf(schema, rows).Columns {
		p.Columns = append(p.Columns, Own(c.Take(order)))
	}
	sorted := make([][]value.Value, n)
	for i, o := range order {
		sorted[i] = rows[o]
	}
	return p, sorted
}

func TestBucketsComeBackInOrder(t *testing.T) {
	for _, limit := range []int64{0, 1, 20_000} {
		dir := t.TempDir()
		pool := NewPool(limit, dir)
		store := pool.NewStore(types, buckets)
		const packets, rows = 20, 150
		want := make([][][]value.Value, buckets)
		for n := range packets {
			p, sorted := packet(n, rows)
			for b := range want {
				want[b] = append(want[b], sorted[p.From[b]:p.From[b+1]]...)
			}
		}
		var wg sync.WaitGroup
		for w := range 3 {
			wg.Go(func() {
				for n := w; n < packets; n += 3 {
					p, _ := packet(n, rows)
					if err := store.Put(context.Background(), n, p); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		store.Seal()
		if spilled := pool.Spilled() > 0; spilled != (limit > 0) {
			t.Fatalf("limit %d: %d bytes spilled", limit, pool.Spilled())
		}
		for b := range want {
			checkBucket(t, store, b, want[b])
		}
		pool.Close()
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Fatalf("files are left: %v", left)
		}
		if pool.used != 0 {
			t.Fatalf("%d bytes are still counted", pool.used)
		}
	}
}

func checkBucket(t *testing.T, store *Store, b int, want [][]value.Value) {
	t.Helper()
	runs, _, err := store.Runs(b)
	if err != nil {
		t.Fatal(err)
	}
	var got [][]value.Value
	last := int64(-1)
	for _, run := range runs {
		for i := run.Lo; i < run.Hi; i++ {
			if run.Codes[i] != int32(b) || run.Times[i] < last {
				t.Fatalf("bucket %d holds code %d of packet %d after %d", b, run.Codes[i], run.Times[i], last)
			}
			last = run.Times[i]
			row := make([]value.Value, len(types))
			for c := range row {
				row[c] = run.Columns[c].At(i)
			}
			got = append(got, row)
		}
	}
	if int64(len(want)) != store.Rows(b) || len(got) != len(want) {
		t.Fatalf("bucket %d has %d rows, says %d, want %d", b, len(got), store.Rows(b), len(want))
	}
	for i := range got {
		if value.CompareRows(got[i], want[i]) != 0 {
			t.Fatalf("bucket %d row %d is %v, want %v", b, i, got[i], want[i])
		}
	}
}

func TestRowsThatAreOutAreLeftOut(t *testing.T) {
	order, from := Arrange([]int32{2, Out, 0, 2, Out, 0}, 3)
	if !slices.Equal(order, []int32{2, 5, 0, 3}) || !slices.Equal(from, []int32{0, 2, 2, 4}) {
		t.Fatal(order, from)
	}
}

func TestPeakStaysNearTheLimit(t *testing.T) {
	pool := NewPool(50_000, t.TempDir())
	defer pool.Close()
	store := pool.NewStore(types, buckets)
	most := int64(0)
	for n := range 50 {
		p, _ := packet(n, 100)
		most = max(most, p.Bytes())
		if err := store.Put(context.Background(), n, p); err != nil {
			t.Fatal(err)
		}
	}
	if pool.Peak() > 50_000+most {
		t.Fatalf("%d bytes were held under a limit of 50,000 and packets of %d", pool.Peak(), most)
	}
}

func TestASpillThatFailsSaysWhereAndWhat(t *testing.T) {
	pool := NewPool(1, t.TempDir()+"/missing")
	defer pool.Close()
	p, _ := packet(0, 10)
	err := pool.NewStore(types, buckets).Put(context.Background(), 0, p)
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "raise the memory limit") {
		t.Fatal(err)
	}
}

func TestACancelledSpillLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	pool := NewPool(1, dir)
	defer pool.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	p, _ := packet(0, 10)
	if err := pool.NewStore(types, buckets).Put(ctx, 0, p); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Fatal(left)
	}
}
