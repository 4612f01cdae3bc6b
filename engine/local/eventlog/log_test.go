package eventlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/parquet"
	"github.com/bighead-ml/bighead/value"
)

var testSchema = value.Schema{
	{Name: "id", Type: value.String}, {Name: "ts", Type: value.Timestamp}, {Name: "user", Type: value.Int}, {Name: "amount", Type: value.Float},
	{Name: "tags", Type: value.ListOf(value.String)},
}

// event is a row of testSchema.
type event struct {
	id     string // "": null
	ts     int64
	user   int64
	amount float64
}

func (e event) row() []value.Value {
	id := value.OfString(e.id)
	if e.id == "" {
		id = value.Value{}
	}
	tags := value.OfList([]value.Value{value.OfString(fmt.Sprint("t", e.user)), {}})
	if e.user%3 == 0 {
		tags = value.Value{}
	}
	return []value.Value{id, value.OfTimestamp(e.ts), value.OfInt(e.user), value.OfFloat(e.amount), tags}
}

func arriving(partition int32, offsets []int64, events ...event) *Arriving {
	a := &Arriving{Partition: partition, Offsets: offsets}
	rows := make([][]value.Value, len(events))
	for i, e := range events {
		rows[i] = e.row()
		id := ""
		if e.id != "" {
			id = string(value.Append(nil, value.OfString(e.id)))
		}
		a.IDs, a.Times = append(a.IDs, id), append(a.Times, e.ts)
	}
	a.Rows = value.BatchOf(testSchema, rows)
	return a
}

// testClock is a clock that tests move.
type testClock struct{ atomic.Int64 }

const testNow = 1_700_000_000_000

func newClock() *testClock {
	c := &testClock{}
	c.Store(testNow)
	return c
}

func testOptions(clock *testClock) Options {
	return Options{Formats: []dataset.Format{parquet.Format{}}, HasID: true, Copies: value.DayMS, Clock: clock.Load, SegmentBytes: 1 << 14}
}

func open(t testing.TB, dir string, o Options) *eventLog {
	t.Helper()
	l, err := Open(dir, testSchema, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.(*eventLog)
}

func appendTo(t testing.TB, l Log, a *Arriving) Accepted {
	t.Helper()
	out, err := l.Append(context.Background(), a)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// readAll reads the records from a place to the log's end.
func readAll(t testing.TB, l Log, from int64) []*Record {
	t.Helper()
	c, err := l.Read(context.Background(), from)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var out []*Record
	for n := l.Next(); from < n; from++ {
		r, err := c.Next(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if r.Sequence != from {
			t.Fatalf("record %d where %d should be", r.Sequence, from)
		}
		out = append(out, r)
	}
	return out
}

// tableRows are the rows of a table as text, sorted.
func tableRows(t testing.TB, table dataset.Table, columns ...string) []string {
	t.Helper()
	r, err := table.Scan(context.Background(), dataset.Scan{Columns: columns, Parallel: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var out []string
	for {
		b, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.N {
			out = append(out, rowText(b, i))
		}
	}
	slices.Sort(out)
	return out
}

func rowText(b *value.Batch, i int) string {
	var out []byte
	for _, v := range b.Row(i) {
		out = value.Append(out, v)
	}
	return fmt.Sprintf("%x", out)
}

func TestRecordsAreReadAsTheyWereAppended(t *testing.T) {
	dir, clock := t.TempDir(), newClock()
	l := open(t, dir, testOptions(clock))
	var want []*Record
	for i := range 300 {
		e := event{fmt.Sprint("e", i), testNow + int64(i), int64(i), float64(i) / 4}
		a := arriving(Pushed, nil, e, event{"", testNow, -1, 0})
		if i%3 == 0 {
			a = arriving(7, []int64{int64(10 * i), int64(10*i + 4)}, e, event{"", testNow, -1, 0})
		}
		out := appendTo(t, l, a)
		if out.Sequence != int64(i+1) || len(out.Copies) > 0 {
			t.Fatalf("append %d: %+v", i, out)
		}
	}
	want = readAll(t, l, 1)
	if len(l.segments) < 3 {
		t.Fatalf("%d segments: this test wants several", len(l.segments))
	}
	l.recent = recent{} // from files now
	for pass := range 2 {
		got := readAll(t, l, 1)
		for i, r := range got {
			w := want[i]
			if r.Arrival != w.Arrival || r.Partition != w.Partition || r.Offset(0) != w.Offset(0) || r.Offset(1) != w.Offset(1) || rowText(r.Rows, 0) != rowText(w.Rows, 0) || rowText(r.Rows, 1) != rowText(w.Rows, 1) {
				t.Fatalf("pass %d: record %d is %+v, appended was %+v", pass, i+1, r, w)
			}
		}
		if p := l.Positions(); p[7] != 2974 || p[Pushed] != 399 {
			t.Fatalf("positions %v", p)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		l = open(t, dir, testOptions(clock))
	}
}

func TestOneProcessAtATime(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, testOptions(newClock()))
	if _, err := Open(dir, testSchema, testOptions(newClock())); !errors.Is(err, ErrOpen) {
		t.Fatalf("a second open: %v", err)
	}
	l.Close()
	open(t, dir, testOptions(newClock()))
}

func TestCopiesAreToldWhileTheFirstIsOnItsWay(t *testing.T) {
	l := open(t, t.TempDir(), testOptions(newClock()))
	const callers, ids = 16, 200
	var accepted [ids]atomic.Int64
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(c), 1))
			for _, i := range rng.Perm(ids) {
				e := event{fmt.Sprint("e", i), testNow, int64(i), 1}
				out, err := l.Append(context.Background(), arriving(Pushed, nil, e, e)) // twice in one
				if err != nil {
					t.Error(err)
					return
				}
				accepted[i].Add(2 - int64(len(out.Copies)))
			}
		})
	}
	wg.Wait()
	for i := range accepted {
		if n := accepted[i].Load(); n != 1 {
			t.Errorf("id %d was accepted %d times", i, n)
		}
	}
	if n := len(readAll(t, l, 1)); n != ids {
		t.Errorf("%d records of %d ids", n, ids)
	}
}

func TestTornEndsAreCut(t *testing.T) {
	dir, clock := t.TempDir(), newClock()
	l := open(t, dir, testOptions(clock))
	for i := range 3 {
		appendTo(t, l, arriving(Pushed, nil, event{fmt.Sprint("e", i), testNow, 1, 1}))
	}
	path, size := l.segments[0].path, l.segments[0].bytes
	appendTo(t, l, arriving(Pushed, nil, event{"the last", testNow, 1, 1}))
	l.Close()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := size; cut < int64(len(whole)); cut++ {
		if err := os.WriteFile(path, whole[:cut], 0o666); err != nil {
			t.Fatal(err)
		}
		l := open(t, dir, testOptions(clock))
		if l.Next() != 4 {
			t.Fatalf("cut at %d of %d: next is %d", cut, len(whole), l.Next())
		}
		if out := appendTo(t, l, arriving(Pushed, nil, event{"the last", testNow, 1, 1})); len(out.Copies) > 0 || out.Sequence != 4 {
			t.Fatalf("cut at %d: what was cut off is %+v when it comes again", cut, out)
		}
		l.Close()
	}
}

func TestDamageInTheMiddleIsNamed(t *testing.T) {
	dir, clock := t.TempDir(), newClock()
	l := open(t, dir, testOptions(clock))
	var ends []int64
	for i := range 4 {
		appendTo(t, l, arriving(Pushed, nil, event{fmt.Sprint("e", i), testNow, 1, 1}))
		ends = append(ends, l.segments[0].bytes)
	}
	path := l.segments[0].path
	l.Close()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := range ends[2] {
		b := slices.Clone(whole)
		b[at] ^= 0x10
		if err := os.WriteFile(path, b, 0o666); err != nil {
			t.Fatal(err)
		}
		l, err := Open(dir, testSchema, testOptions(clock))
		if err == nil {
			l.Close()
			t.Fatalf("byte %d of %d was changed, and nothing is said", at, len(whole))
		}
		if !errors.Is(err, ErrDamaged) && at != int64(len(segmentMagic)-1) {
			t.Fatalf("byte %d: %v", at, err)
		}
		if !strings.Contains(err.Error(), path) {
			t.Fatalf("byte %d: %v does not name the file", at, err)
		}
	}
}

func scanOf(columns ...string) dataset.Scan { return dataset.Scan{Columns: columns} }
