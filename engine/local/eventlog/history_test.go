package eventlog

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/parquet"
	"github.com/bighead-ml/bighead/value"
)

// pathTable writes events as Parquet files, one for each list, and opens them.
func pathTable(t *testing.T, parts ...[]event) dataset.Table {
	t.Helper()
	dir := t.TempDir()
	formats := []dataset.Format{parquet.Format{}}
	for i, events := range parts {
		w, err := dataset.Create(formats, fmt.Sprintf("%s/%03d.parquet", dir, i), testSchema, dataset.Metadata{}, dataset.WriteOptions{RowGroupRows: 7})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(arriving(Pushed, nil, events...).Rows); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	table, err := dataset.Open(context.Background(), formats, dir, dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func bareCut(at int64) *Cut {
	return &Cut{At: at, Columns: []string{"ts"}, Bare: "ts", Time: func(b *value.Batch) (*value.Column, error) { return b.Columns[0], nil }}
}

// laterCut is one of a time that is computed: an hour after ts.
func laterCut(at int64) *Cut {
	return &Cut{At: at, Columns: []string{"ts"}, Time: func(b *value.Batch) (*value.Column, error) {
		out := value.NewColumn(value.Timestamp, b.N)
		for i, x := range b.Columns[0].Ints {
			out.Ints[i] = x + 3_600_000
		}
		return out, nil
	}}
}

func texts(events []event) []string {
	var out []string
	for _, e := range events {
		out = append(out, rowText(arriving(Pushed, nil, e).Rows, 0))
	}
	slices.Sort(out)
	return out
}

// TestEachEventCountsOnceOnWhicheverRoad gives random events to the path, the log or both, and reads the history at random cuts.
func TestEachEventCountsOnceOnWhicheverRoad(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	clock := newClock()
	o := testOptions(clock)
	o.HasID = false
	l := open(t, t.TempDir(), o)
	var parts [][]event
	var inPath, inLog []event
	for p := range 6 {
		var part []event
		for i := range 30 {
			e := event{fmt.Sprint(p, "-", i), testNow + int64(p)*3_600_000 + rng.Int64N(3_700_000), rng.Int64N(9), 1}
			if rng.IntN(3) > 0 {
				part, inPath = append(part, e), append(inPath, e)
			}
			if rng.IntN(3) > 0 {
				inLog = append(inLog, e)
				appendTo(t, l, arriving(Pushed, nil, e))
			}
		}
		parts = append(parts, part)
		clock.Add(3_600_000)
		if p < 4 {
			l.Release(l.Next())
			if err := l.Seal(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
	}
	path := pathTable(t, parts...)
	log, err := l.Table(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for range 40 {
		at := testNow - 1_000_000 + rng.Int64N(8*3_600_000)
		if rng.IntN(2) == 0 { // where an event is
			at = slices.Concat(inPath, inLog)[rng.IntN(len(inPath)+len(inLog))].ts
		}
		for name, c := range map[string]*Cut{"bare": bareCut(at), "computed": laterCut(at + 3_600_000)} {
			var want []event
			for _, e := range inPath {
				if e.ts < at {
					want = append(want, e)
				}
			}
			for _, e := range inLog {
				if e.ts >= at {
					want = append(want, e)
				}
			}
			h, err := History(path, log, c)
			if err != nil {
				t.Fatal(err)
			}
			if got := tableRows(t, h); !slices.Equal(got, texts(want)) {
				t.Fatalf("cut %d, %s: %d rows, want %d", at, name, len(got), len(want))
			}
			checkParts(t, h, len(want))
		}
	}
	both, err := History(path, log, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := tableRows(t, both); !slices.Equal(got, texts(slices.Concat(inPath, inLog))) {
		t.Errorf("without a cut: %d rows of %d and %d", len(got), len(inPath), len(inLog))
	}
	alone, err := History(nil, log, bareCut(testNow+7_200_000))
	if err != nil {
		t.Fatal(err)
	}
	if got := tableRows(t, alone); !slices.Equal(got, texts(inLog)) {
		t.Errorf("without a path: %d rows of %d", len(got), len(inLog))
	}
}

// checkParts reads part by part, backwards, and looks whether bounds hold.
func checkParts(t *testing.T, h dataset.Table, want int) {
	t.Helper()
	rows := 0
	for i := len(h.Parts()) - 1; i >= 0; i-- {
		p := h.Parts()[i]
		r, err := h.Scan(context.Background(), dataset.Scan{Columns: []string{"ts"}, Parts: []int{i}})
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for {
			b, err := r.Next()
			if err != nil {
				break
			}
			n += b.N
			if r.Part() != i {
				t.Fatalf("a batch of part %d in a scan of part %d", r.Part(), i)
			}
			bounds := p.Bounds["ts"]
			for _, ts := range b.Columns[0].Ints {
				if !bounds.Min.IsNull() && ts < bounds.Min.Int() || !bounds.Max.IsNull() && ts > bounds.Max.Int() {
					t.Fatalf("part %s shows ts %d, and says %v", p.Path, ts, bounds)
				}
			}
		}
		if c := r.Counts(); c.Rows != int64(n) {
			t.Fatalf("%d rows counted, %d read", c.Rows, n)
		}
		r.Close()
		if p.Rows >= 0 && p.Rows != int64(n) {
			t.Fatalf("part %s has %d rows, and says %d", p.Path, n, p.Rows)
		}
		rows += n
	}
	if rows != want {
		t.Fatalf("%d rows part by part, want %d", rows, want)
	}
}

func TestHistoryPassesOverFilesAndGivesPositions(t *testing.T) {
	clock := newClock()
	l := open(t, t.TempDir(), testOptions(clock))
	for hour := range 3 {
		appendTo(t, l, arriving(2, []int64{int64(hour)}, event{fmt.Sprint("l", hour), clock.Load(), 1, 1}))
		clock.Add(3_600_000)
	}
	l.Release(l.Next())
	if err := l.Seal(context.Background()); err != nil {
		t.Fatal(err)
	}
	log, err := l.Table(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	path := pathTable(t, []event{{"p0", testNow - 9_000_000, 1, 1}}, []event{{"p1", testNow - 1, 1, 1}})
	h, err := History(path, log, bareCut(testNow))
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(h.Schema().Names()) != fmt.Sprint(testSchema.Names()) {
		t.Errorf("columns %v", h.Schema().Names())
	}
	r, err := h.Scan(context.Background(), dataset.Scan{Columns: []string{"id", PartitionColumn, OffsetColumn, ArrivalColumn},
		Ranges: []dataset.Range{{Column: "ts", Min: value.OfTimestamp(testNow - 10), Max: value.OfTimestamp(testNow + 10)}}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var got []string
	for {
		b, err := r.Next()
		if err != nil {
			break
		}
		for i := range b.N {
			got = append(got, fmt.Sprintf("%s %d %v %d", b.Columns[0].Strs[i], b.Columns[1].At(i).Int(), b.Columns[2].IsNull(i), b.Columns[3].At(i).Int()))
		}
	}
	if want := []string{"p1 0 true 0", fmt.Sprintf("l0 2 false %d", testNow)}; !slices.Equal(got, want) {
		t.Errorf("rows %q, want %q", got, want)
	}
	if c := r.Counts(); c.PartsSkipped != 3 || c.Parts != 2 {
		t.Errorf("%d parts read and %d passed over of 5", c.Parts, c.PartsSkipped)
	}
	if _, err := h.Scan(context.Background(), dataset.Scan{Columns: []string{"nobody"}}); err == nil {
		t.Error("a column that there is not can be asked for")
	}
}

// TestACutThatMovesMakesAnotherReading: tiles that were made of a file up to one cut are not good for another.
func TestACutThatMovesMakesAnotherReading(t *testing.T) {
	l := open(t, t.TempDir(), testOptions(newClock()))
	log, err := l.Table(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	path := pathTable(t, []event{{"a", testNow, 1, 1}, {"b", testNow + 10, 1, 1}})
	shown := func(at int64) string {
		h, err := History(path, log, bareCut(at))
		if err != nil {
			t.Fatal(err)
		}
		if len(h.Parts()) == 0 {
			return "none"
		}
		return h.Parts()[0].Shown
	}
	if a, b := shown(testNow+5), shown(testNow+7); a == "" || a == b {
		t.Errorf("%q and %q", a, b)
	}
	if a, b := shown(testNow+11), shown(testNow); a != "" || b != "none" {
		t.Errorf("%q and %q", a, b)
	}
}
