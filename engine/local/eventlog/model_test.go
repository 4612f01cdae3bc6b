package eventlog

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/bighead-ml/bighead/value"
)

// modelRow is a row that the log should have.
type modelRow struct {
	event
	arrival   int64
	partition int32
	offset    int64
	record    int64
}

func (m modelRow) text() string {
	row := append(m.row(), value.OfTimestamp(m.arrival), value.OfInt(int64(m.partition)), value.OfInt(m.offset))
	return rowText(value.BatchOf(columnsOf(testSchema), [][]value.Value{row}), 0)
}

// model is what a log should be: rows in order, and what was met of each id.
type model struct {
	rows   []modelRow
	met    map[string]map[int64]event
	once   map[string]bool
	last   map[int32]int64
	record int64
	// horizon is the latest before which the log was asked to forget: where the clock went back since, it may or may not know what lies
	// between, and so may or may not count a conflict.
	horizon int64
	unsure  bool
}

// append is what the log should say of rows.
func (m *model) append(a *Arriving, events []event, now int64) Accepted {
	out := Accepted{Sequence: m.record}
	m.unsure = false
	if a.Once != "" && m.once[a.Once] {
		out.Again = true
		return out
	}
	var fresh []modelRow
	for i, e := range events {
		if last, ok := m.last[a.Partition]; ok && a.Offsets != nil && a.Offsets[i] <= last {
			continue
		}
		if e.id != "" && e.ts >= now-value.DayMS {
			if first, ok := m.met[e.id][e.ts]; ok {
				out.Copies = append(out.Copies, int32(i))
				if first != e {
					out.Differs++
				}
				continue
			}
			conflict := false
			for ts := range m.met[e.id] {
				conflict = conflict || ts >= now-value.DayMS
				m.unsure = m.unsure || ts >= now-value.DayMS && ts < m.horizon
			}
			if conflict {
				out.Conflicts++
			}
			if m.met[e.id] == nil {
				m.met[e.id] = map[int64]event{}
			}
			m.met[e.id][e.ts] = e
		}
		fresh = append(fresh, modelRow{event: e, arrival: now, partition: a.Partition, record: m.record + 1})
		if a.Offsets != nil {
			fresh[len(fresh)-1].offset = a.Offsets[i]
		}
	}
	if len(fresh) == 0 {
		return out
	}
	next := int64(0)
	if last, ok := m.last[a.Partition]; ok {
		next = last + 1
	}
	for i := range fresh {
		if a.Offsets == nil {
			fresh[i].offset = next + int64(i)
		}
	}
	m.last[a.Partition] = fresh[len(fresh)-1].offset
	if a.Once != "" {
		m.once[a.Once] = true
	}
	m.rows = append(m.rows, fresh...)
	m.record++
	out.Sequence = m.record
	return out
}

// TestTheLogIsWhatWasAccepted does random things to a log and to a model of it, and compares after each reopening and seal.
func TestTheLogIsWhatWasAccepted(t *testing.T) {
	defer func(n int) { idsInMemory = n }(idsInMemory)
	idsInMemory = 40 // so that ids go to disk and are merged
	seeds := 12
	if testing.Short() {
		seeds = 3
	}
	for range seeds {
		seed := rand.Uint64()
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) { runModel(t, rand.New(rand.NewPCG(seed, 0))) })
	}
}

func runModel(t *testing.T, rng *rand.Rand) {
	dir, clock := t.TempDir(), newClock()
	o := testOptions(clock)
	o.SegmentBytes = 2000
	l := open(t, dir, o)
	m := &model{met: map[string]map[int64]event{}, once: map[string]bool{}, last: map[int32]int64{}}
	var offset int64
	for step := range 400 {
		switch rng.IntN(20) {
		default:
			offset = modelAppend(t, rng, l, m, clock, offset)
		case 0: // it jumps back now and then
			clock.Add(rng.Int64N(2_000_000) - 300_000)
		case 1:
			before := l.First() + rng.Int64N(l.Next()-l.First()+1)
			l.Release(before)
		case 2:
			if err := l.Seal(context.Background()); err != nil {
				t.Fatal(err)
			}
			m.horizon = max(m.horizon, clock.Load()-value.DayMS)
			compareTable(t, l, m)
		case 3:
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			l = open(t, dir, o)
			compareRecords(t, l, m, 1+rng.Int64N(m.record+1))
		case 4:
			table, err := l.Table(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			want := modelTexts(m)
			defer func() { // it stays readable, whatever is sealed meanwhile
				if got := tableRows(t, table); !slices.Equal(got, want) {
					t.Errorf("the table of step %d shows %d rows at the end, and had %d", step, len(got), len(want))
				}
			}()
		}
	}
	compareTable(t, l, m)
	compareRecords(t, l, m, 1)
	sealed, err := os.ReadDir(dir + "/" + sealedFolder)
	if len(sealed) == 0 {
		t.Logf("nothing was sealed (%v)", err)
	}
}

func modelAppend(t *testing.T, rng *rand.Rand, l *eventLog, m *model, clock *testClock, offset int64) int64 {
	var events []event
	var offsets []int64
	partition := int32(rng.IntN(3)) - 1
	if partition >= 0 && rng.IntN(4) == 0 {
		offset -= rng.Int64N(10) // delivered again
	}
	offset = max(offset, 0)
	for range 1 + rng.IntN(6) {
		e := event{fmt.Sprint("e", rng.IntN(150)), clock.Load() - rng.Int64N(3)*40_000_000, rng.Int64N(5), float64(rng.IntN(2))}
		if rng.IntN(8) == 0 {
			e.id = ""
		}
		if known := m.met[e.id]; len(known) > 0 && rng.IntN(2) == 0 {
			for _, k := range known {
				if k.ts >= m.horizon || k.ts < clock.Load()-value.DayMS {
					e = k
				}
			}
			if rng.IntN(4) == 0 {
				e.amount++
			}
		}
		events = append(events, e)
		if partition >= 0 {
			offsets = append(offsets, offset)
			offset += 1 + rng.Int64N(2)
		}
	}
	a := arriving(partition, offsets, events...)
	if rng.IntN(5) == 0 {
		a.Once = fmt.Sprint("batch ", rng.IntN(60))
	}
	want := m.append(a, events, clock.Load())
	got := appendTo(t, l, a)
	if m.unsure {
		got.Conflicts = want.Conflicts
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("append of %v once=%q: %+v, want %+v", events, a.Once, got, want)
	}
	return offset
}

func modelTexts(m *model) []string {
	var out []string
	for _, r := range m.rows {
		out = append(out, r.text())
	}
	slices.Sort(out)
	return out
}

func compareTable(t *testing.T, l *eventLog, m *model) {
	t.Helper()
	want := modelTexts(m)
	table, err := l.Table(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if got := tableRows(t, table); !slices.Equal(got, want) {
		t.Fatalf("the table has %d rows, %d were accepted", len(got), len(want))
	}
	other, err := OpenTable(context.Background(), l.dir, testSchema, l.o.Formats)
	if err != nil {
		t.Fatal(err)
	}
	if got := tableRows(t, other); !slices.Equal(got, want) {
		t.Fatalf("the table that another process reads has %d rows, %d were accepted", len(got), len(want))
	}
	if p := l.Positions(); fmt.Sprint(p) != fmt.Sprint(m.last) {
		t.Fatalf("positions %v, want %v", p, m.last)
	}
}

func compareRecords(t *testing.T, l *eventLog, m *model, from int64) {
	t.Helper()
	if l.Next() != m.record+1 || l.First() != 1 {
		t.Fatalf("records %d to %d, want 1 to %d", l.First(), l.Next()-1, m.record)
	}
	rows := m.rows
	for len(rows) > 0 && rows[0].record < from {
		rows = rows[1:]
	}
	for _, r := range readAll(t, l, from) {
		for i := range r.Rows.N {
			w := rows[0]
			row := value.BatchOf(testSchema, [][]value.Value{w.row()})
			if w.record != r.Sequence || w.arrival != r.Arrival || w.partition != r.Partition || w.offset != r.Offset(i) || rowText(row, 0) != rowText(r.Rows, i) {
				t.Fatalf("row %d of record %d is %+v, want %+v", i, r.Sequence, r, w)
			}
			rows = rows[1:]
		}
	}
	if len(rows) > 0 {
		t.Fatalf("%d rows are missing at the end", len(rows))
	}
}
