package eventlog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/parquet"
	"github.com/bighead-ml/bighead/value"
)

func TestWhatIsOldIsLetGo(t *testing.T) {
	dir, clock := t.TempDir(), newClock()
	o := testOptions(clock)
	o.Keep = 10 * 3_600_000
	l := open(t, dir, o)
	for hour := range 30 {
		if hour == 12 {
			clock.Add(1000 * 3_600_000) // the clock is wrong for an hour
		}
		appendTo(t, l, arriving(Pushed, nil, event{fmt.Sprint("e", hour), clock.Load(), int64(hour), 1}))
		if hour == 12 {
			clock.Add(-1000 * 3_600_000)
		}
		clock.Add(3_600_000)
		l.Release(l.Next())
		if err := l.Seal(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if f := l.First(); f != 20 && f != 21 {
		t.Errorf("the oldest record is %d of 30 that came hour by hour, and ten hours are kept", f)
	}
	if _, err := l.Read(context.Background(), 3); err == nil {
		t.Error("a record that was let go can be read")
	}
	readAll(t, l, l.First())
}

func TestUnreleasedRecordsStay(t *testing.T) {
	dir, clock := t.TempDir(), newClock()
	o := testOptions(clock)
	o.Keep = 3_600_000
	l := open(t, dir, o)
	for range 5 {
		appendTo(t, l, arriving(Pushed, nil, event{"", clock.Load(), 1, 1}))
		clock.Add(24 * 3_600_000)
	}
	l.Release(3)
	if err := l.Seal(context.Background()); err != nil {
		t.Fatal(err)
	}
	if l.First() != 3 || len(readAll(t, l, 3)) != 3 {
		t.Errorf("the log begins with %d, and 3 was not released", l.First())
	}
}

func TestColumnsComeAndGo(t *testing.T) {
	dir, clock := t.TempDir(), newClock()
	o := Options{Formats: []dataset.Format{parquet.Format{}}, Clock: clock.Load}
	a := value.Schema{{Name: "k", Type: value.Int}, {Name: "old", Type: value.String}}
	b := value.Schema{{Name: "new", Type: value.ListOf(value.Float)}, {Name: "k", Type: value.Int}}
	put := func(s value.Schema, row ...value.Value) Log {
		l, err := Open(dir, s, o)
		if err != nil {
			t.Fatal(err)
		}
		appendTo(t, l, &Arriving{Partition: Pushed, Rows: value.BatchOf(s, [][]value.Value{row})})
		clock.Add(3_600_000)
		return l
	}
	put(a, value.OfInt(1), value.OfString("x")).Close()
	l := put(a, value.OfInt(2), value.OfString("y"))
	l.Release(2)
	if err := l.Seal(context.Background()); err != nil { // one sealed, one not
		t.Fatal(err)
	}
	l.Close()
	l = put(b, value.OfList([]value.Value{value.OfFloat(1)}), value.OfInt(3))
	defer l.Close()
	var got []string
	for _, r := range readAll(t, l, 1) {
		got = append(got, fmt.Sprint(r.Rows.Column("k").At(0).Int(), r.Rows.Column("new").IsNull(0), len(r.Rows.Columns)))
	}
	if fmt.Sprint(got) != "[1 true 2 2 true 2 3 false 2]" {
		t.Errorf("records %v", got)
	}
	table, err := l.Table(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if rows := tableRows(t, table, "k", "new"); len(rows) != 3 {
		t.Errorf("rows %v", rows)
	}
	l.Close()
	if _, err := Open(dir, value.Schema{{Name: "k", Type: value.String}}, o); err == nil {
		t.Error("a column of another type is accepted")
	}
}

func TestCursorsWaitAndEnd(t *testing.T) {
	l := open(t, t.TempDir(), testOptions(newClock()))
	c, err := l.Read(context.Background(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	got := make(chan error, 1)
	go func() {
		for want := int64(1); want <= 100; want++ {
			r, err := c.Next(context.Background())
			if err != nil || r.Sequence != want {
				got <- fmt.Errorf("record %v, %w; want %d", r, err, want)
				return
			}
		}
		got <- nil
	}()
	for range 100 {
		appendTo(t, l, arriving(Pushed, nil, event{"", testNow, 1, 1}))
	}
	if err := <-got; err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go cancel()
	if _, err := c.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	go l.Close()
	if _, err := c.Next(context.Background()); !errors.Is(err, ErrClosed) {
		t.Fatal(err)
	}
	if _, err := l.Append(context.Background(), arriving(Pushed, nil, event{"", testNow, 1, 1})); !errors.Is(err, ErrClosed) {
		t.Fatal(err)
	}
}

// TestTablesAreWholeWhileTheLogGoesOn opens tables, as this process and as another, while rows come and are sealed: what was acknowledged
// before is there once.
func TestTablesAreWholeWhileTheLogGoesOn(t *testing.T) {
	dir, clock := t.TempDir(), newClock()
	o := testOptions(clock)
	o.SegmentBytes = 2000
	l := open(t, dir, o)
	const last = 600
	done := make(chan error, 1)
	go func() {
		for i := range last {
			if _, err := l.Append(context.Background(), arriving(Pushed, nil, event{fmt.Sprint("e", i), testNow, int64(i), 1})); err != nil {
				done <- err
				return
			}
			if i%7 == 0 {
				clock.Add(900_000)
				l.Release(l.Next())
				if err := l.Seal(context.Background()); err != nil {
					done <- err
					return
				}
			}
		}
		done <- nil
	}()
	for pass := 0; l.Next() <= last; pass++ {
		before := l.Next() - 1
		table, err := l.Table(context.Background())
		if pass%2 == 0 {
			table, err = OpenTable(context.Background(), dir, testSchema, o.Formats)
		}
		if err != nil {
			t.Fatal(err)
		}
		rows := tableRows(t, table, "user")
		if n := len(slices.Compact(slices.Clone(rows))); n != len(rows) || int64(n) < before {
			t.Fatalf("%d rows, %d of them different; %d were acknowledged before", len(rows), n, before)
		}
		if len(done) > 0 {
			break
		}
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if files, err := listSealed(dir); err != nil || len(files) < 5 {
		t.Errorf("%d sealed files, %v", len(files), err)
	}
}
