package eventlog

import (
	"bytes"
	"context"
	"encoding/hex"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/parquet"
	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/valuetest"
)

func TestRowsOfAnyTypeComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		schema := value.Schema{}
		for i := range rapid.IntRange(1, 5).Draw(t, "columns") {
			schema = append(schema, value.Field{Name: fmt.Sprint("c", i), Type: valuetest.Type(t, 2)})
		}
		rows := make([][]value.Value, rapid.IntRange(1, 70).Draw(t, "rows"))
		for i := range rows {
			for _, f := range schema {
				rows[i] = append(rows[i], valuetest.Value(t, f.Type))
			}
		}
		b := value.BatchOf(schema, rows)
		r := reading{b: appendBatch(nil, b)}
		got := r.batch(schema, b.N)
		if r.err != nil || len(r.b) > 0 {
			t.Fatalf("%v, %d bytes left", r.err, len(r.b))
		}
		for i := range rows {
			if value.CompareRows(got.Row(i), rows[i]) != 0 {
				t.Fatalf("row %d is %v, written was %v", i, got.Row(i), rows[i])
			}
		}
		// Some columns alone are the same.
		want := make([]bool, len(schema))
		want[rapid.IntRange(0, len(schema)-1).Draw(t, "wanted")] = true
		r = reading{b: appendBatch(nil, b)}
		some := r.some(schema, b.N, want)
		if r.err != nil || len(r.b) > 0 {
			t.Fatalf("some: %v, %d bytes left", r.err, len(r.b))
		}
		for c, w := range want {
			for i := 0; w && i < b.N; i++ {
				if !value.Equal(some.Columns[c].At(i), rows[i][c]) {
					t.Fatalf("cell %d of column %d is %v", i, c, some.Columns[c].At(i))
				}
			}
		}
	})
}

func TestNumbersAreAsWideAsTheyMustBe(t *testing.T) {
	for _, c := range []struct {
		xs    []int64
		width int
	}{{[]int64{5}, 1}, {[]int64{-1000, -745}, 1}, {[]int64{0, 256}, 2}, {[]int64{0, 1 << 16}, 4}, {[]int64{0, 1 << 32}, 8}, {[]int64{math.MinInt64, math.MaxInt64, -1}, 8}} {
		b := appendInts(nil, c.xs, nil)
		r := reading{b: b}
		got := r.ints(len(c.xs))
		if r.err != nil || fmt.Sprint(got) != fmt.Sprint(c.xs) {
			t.Errorf("%v came back as %v, %v", c.xs, got, r.err)
		}
		if w := len(b) / len(c.xs); w < c.width {
			t.Errorf("%v take %d bytes", c.xs, len(b))
		}
	}
}

// fuzzSchema has a column of each kind.
var fuzzSchema = value.Schema{
	{Name: "a", Type: value.Bool}, {Name: "b", Type: value.Int}, {Name: "c", Type: value.Float}, {Name: "d", Type: value.String},
	{Name: "e", Type: value.MapOf(value.ListOf(value.Int))}, {Name: "f", Type: value.Date}, {Name: "g", Type: value.Null},
}

func FuzzRecord(f *testing.F) {
	b := value.BatchOf(fuzzSchema, [][]value.Value{
		{value.OfBool(true), value.OfInt(7), value.OfFloat(1), value.OfString("x"), value.OfMap([]value.Entry{{Key: "k", Value: value.OfList([]value.Value{value.OfInt(1)})}}), value.OfDate(1), {}},
		make([]value.Value, len(fuzzSchema)),
	})
	a := &Arriving{Rows: b, IDs: []string{"i", ""}, Times: []int64{1, 2}}
	f.Add(appendRecord(nil, &Record{Partition: 3, First: 5, Offsets: []int64{5, 9}, Rows: b, Once: "once"}, identify(a), appendBatch(nil, b)))
	f.Add(appendRecord(nil, &Record{Partition: Pushed, First: 5, Rows: b}, nil, appendBatch(nil, b)))
	f.Fuzz(func(t *testing.T, in []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r := reading{b: in}
		h := r.record()
		if r.err == nil {
			rec, err := h.decode(fuzzSchema)
			if err == nil && (rec.Rows.N != h.n || rec.Offset(h.n-1) < rec.First) {
				t.Errorf("%d rows, last offset %d of %d on", rec.Rows.N, rec.Offset(h.n-1), rec.First)
			}
		}
		runtime.ReadMemStats(&after)
		if got, most := after.TotalAlloc-before.TotalAlloc, uint64(1<<20+256*len(in)); got > most {
			t.Errorf("%d bytes made the reader allocate %d", len(in), got)
		}
	})
}

func FuzzSegment(f *testing.F) {
	dir := f.TempDir()
	b, err := os.ReadFile(writeGolden(f, dir))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:len(b)-5])
	f.Fuzz(func(t *testing.T, in []byte) {
		path := segmentPath(t.TempDir(), 1)
		if err := os.WriteFile(path, in, 0o666); err != nil {
			t.Fatal(err)
		}
		s, err := openSegment(path)
		if err == nil {
			_, err = s.measure()
		}
		if err == nil && (s.end < s.base || s.bytes > int64(len(in))) {
			t.Errorf("records %d to %d in %d of %d bytes", s.base, s.end, s.bytes, len(in))
		}
	})
}

var rewrite = flag.Bool("rewrite", false, "write golden files anew")

// writeGolden makes a log with all that its encoding knows, and gives its segment's path.
func writeGolden(t testing.TB, dir string) string {
	schema := append(fuzzSchema[:6:6], value.Field{Name: "t s", Type: value.Timestamp}, value.Field{Name: "h", Type: value.StructOf(value.Field{Name: "x", Type: value.Bytes})})
	l, err := Open(dir, schema, Options{Formats: []dataset.Format{parquet.Format{}}, HasID: true, Copies: value.DayMS, Clock: func() int64 { return testNow }})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	rows := [][]value.Value{
		{value.OfBool(true), value.OfInt(-7), value.OfFloat(1.5), value.OfString("é"), value.OfMap([]value.Entry{{Key: "k", Value: value.OfList([]value.Value{value.OfInt(1), {}})}}), value.OfDate(19_700), value.OfTimestamp(testNow), value.OfStruct([]value.Entry{{Key: "x", Value: value.OfBytes([]byte{0, 1})}})},
		make([]value.Value, len(schema)),
		{value.OfBool(false), value.OfInt(1 << 40), value.OfFloat(0), value.OfString(""), value.OfMap(nil), value.OfDate(-1), value.OfTimestamp(0), {}},
	}
	batch := value.BatchOf(schema, rows)
	appendTo(t, l, &Arriving{Partition: Pushed, Rows: batch, IDs: []string{"one", "", "two"}, Times: []int64{testNow, testNow - 1, testNow - 70_000}, Once: "a name"})
	appendTo(t, l, &Arriving{Partition: 3, Offsets: []int64{10, 11, 400}, Rows: batch, IDs: []string{"", "three", ""}, Times: []int64{0, testNow, 0}})
	return l.(*eventLog).segments[0].path
}

// TestEncodingStays compares a segment with the one that version 1 wrote. Whoever changes the encoding raises the version, keeps the golden
// file of the one before, and reads both.
func TestEncodingStays(t *testing.T) {
	dir := t.TempDir()
	got, err := os.ReadFile(writeGolden(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "segment-v1.hex")
	if *rewrite {
		if err := os.WriteFile(golden, []byte(hex.Dump(got)), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if hex.Dump(got) != string(want) {
		t.Errorf("the encoding of a segment changed:\n%s", hex.Dump(got))
	}
	// And what lies in the golden file is read.
	old := t.TempDir()
	if err := os.Mkdir(filepath.Join(old, walFolder), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(segmentPath(filepath.Join(old, walFolder), 1), undump(t, string(want)), 0o666); err != nil {
		t.Fatal(err)
	}
	s, err := openSegment(segmentPath(filepath.Join(old, walFolder), 1))
	if err != nil {
		t.Fatal(err)
	}
	l, err := Open(old, s.schema, Options{Formats: []dataset.Format{parquet.Format{}}, HasID: true, Copies: value.DayMS, Clock: func() int64 { return testNow }})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	records := readAll(t, l, 1)
	if len(records) != 2 || records[0].Once != "a name" || records[1].Offset(2) != 400 || records[1].Rows.Column("d").At(0).Str() != "é" {
		t.Errorf("records %+v", records)
	}
	out, err := l.Append(context.Background(), &Arriving{Partition: Pushed, Rows: records[0].Rows, IDs: []string{"one", "", "three"}, Times: []int64{testNow, 0, testNow}})
	if err != nil || len(out.Copies) != 2 || out.Differs != 1 {
		t.Errorf("its ids come again: %+v, %v", out, err)
	}
}

// undump reads hex.Dump's text.
func undump(t *testing.T, text string) []byte {
	var out bytes.Buffer
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		digits, _, _ := strings.Cut(line[8:], "|")
		b, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		out.Write(b)
	}
	return out.Bytes()
}

func TestAFutureVersionIsRefused(t *testing.T) {
	dir := t.TempDir()
	path := writeGolden(t, dir)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(segmentMagic)-1]++
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := openSegment(path); err == nil || !strings.Contains(err.Error(), "version 2") {
		t.Error(err)
	}
}
