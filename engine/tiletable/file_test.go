package tiletable

import (
	"bytes"
	"cmp"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/bighead-ml/bighead/value"
)

var golden = flag.Bool("golden", false, "write testdata/v1.tiles anew: only where version is raised")

// tile is a row of a file as tests see it.
type tile struct {
	key    string
	start  int64
	states []string
}

// drawTiles draws distinct keys and tiles, with states of all lengths.
func drawTiles(t *rapid.T, h *Header) []tile {
	perDay := value.DayMS / h.Step
	var out []tile
	for i := range rapid.IntRange(0, 40).Draw(t, "keys") {
		key := value.AppendKey(nil, []value.Value{value.OfInt(int64(i)), value.OfString(rapid.StringN(0, 5, -1).Draw(t, "key"))})
		at := rapid.Int64Range(0, perDay-1).Draw(t, "tile")
		for at < perDay {
			row := tile{key: string(key), start: h.Day*value.DayMS + at*h.Step}
			for range h.Columns {
				row.states = append(row.states, string(bytes.Repeat([]byte{byte(i)}, rapid.SampledFrom([]int{0, 1, 3, 200}).Draw(t, "state"))))
			}
			out = append(out, row)
			at += rapid.Int64Range(1, perDay).Draw(t, "further")
		}
	}
	slices.SortStableFunc(out, func(a, b tile) int {
		return cmp.Or(cmp.Compare(Hash([]byte(a.key)), Hash([]byte(b.key))), cmp.Compare(a.key, b.key))
	})
	return out
}

func drawHeader(t *rapid.T) Header {
	h := Header{Day: rapid.Int64Range(-700_000, 2_900_000).Draw(t, "day"), Step: rapid.SampledFrom([]int64{1000, 60_000, value.DayMS}).Draw(t, "step"),
		Bits: rapid.IntRange(0, 4).Draw(t, "bits"), Keys: []value.Type{value.Int, value.String}}
	for i := range rapid.IntRange(0, 3).Draw(t, "folds") {
		h.Columns = append(h.Columns, Column{fmt.Sprint("fold", i), "count/1"})
	}
	return h
}

func encode(h Header, rows []tile) []byte {
	var b bytes.Buffer
	e := newEncoder(&b, h)
	for i, r := range rows {
		if i == 0 || rows[i-1].key != r.key {
			e.startKey(Hash([]byte(r.key)), []byte(r.key))
		}
		states := make([][]byte, len(r.states))
		for c, s := range r.states {
			states[c] = []byte(s)
		}
		e.tile((r.start-h.Day*value.DayMS)/h.Step, states)
	}
	if err := e.close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// read gives all rows of a file, with those columns.
func read(path string, columns []int) (rows []tile, h Header, err error) {
	f, err := OpenFile(path)
	if err != nil {
		return nil, h, err
	}
	defer f.Close()
	for b := range f.Buckets() {
		bucket, err := f.Load(b, columns)
		if err != nil {
			return nil, h, err
		}
		for k, key := range bucket.Keys {
			for i := bucket.From[k]; i < bucket.From[k+1]; i++ {
				row := tile{key: string(key), start: bucket.Times[i]}
				for _, c := range bucket.States {
					row.states = append(row.states, string(c[i]))
				}
				rows = append(rows, row)
			}
			if got := f.bucketOf(Hash(key)); got != b {
				return nil, h, fmt.Errorf("a key of bucket %d stands in %d", got, b)
			}
		}
	}
	return rows, f.Header, nil
}

func TestFilesReadBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	rapid.Check(t, func(t *rapid.T) {
		h := drawHeader(t)
		rows := drawTiles(t, &h)
		if err := os.WriteFile(path, encode(h, rows), 0o600); err != nil {
			t.Fatal(err)
		}
		var columns []int
		for i := range h.Columns {
			if rapid.Bool().Draw(t, "this column") {
				columns = append(columns, i)
			}
		}
		got, header, err := read(path, columns)
		if err != nil {
			t.Fatal(err)
		}
		for i := range rows {
			var states []string
			for _, c := range columns {
				states = append(states, rows[i].states[c])
			}
			rows[i].states = states
		}
		if fmt.Sprint(got) != fmt.Sprint(rows) || fmt.Sprint(header) != fmt.Sprint(h) {
			t.Fatalf("%v\n%v reads back as\n%v\n%v", h, rows, header, got)
		}
	})
}

func goldenTiles() (Header, []tile) {
	h := Header{Day: 15706, Step: 60_000, Bits: 1, Keys: []value.Type{value.String}, Columns: []Column{{"0123456789abcdef0123456789abcdef", "count/1 rows"}, {"ffff", "floatsum/1 float"}}}
	var rows []tile
	for _, k := range []string{"UA", "AA", "é", ""} {
		key := string(value.AppendKey(nil, []value.Value{value.OfString(k)}))
		for _, minute := range []int64{0, 7, 1439} {
			rows = append(rows, tile{key, h.Day*value.DayMS + minute*h.Step, []string{"\x01\x05", ""}})
		}
	}
	slices.SortStableFunc(rows, func(a, b tile) int { return cmp.Compare(Hash([]byte(a.key)), Hash([]byte(b.key))) })
	return h, rows
}

// What version 1 wrote is read for as long as version 2 is.
func TestGoldenFile(t *testing.T) {
	h, rows := goldenTiles()
	const path = "testdata/v1.tiles"
	if *golden {
		if err := os.WriteFile(path, encode(h, rows), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, header, err := read(path, []int{0, 1})
	if err != nil || fmt.Sprint(got) != fmt.Sprint(rows) || fmt.Sprint(header) != fmt.Sprint(h) {
		t.Fatalf("%v\n%v\n%v, want\n%v\n%v", header, got, err, h, rows)
	}
}

// Whichever byte of a file is changed, and wherever it is cut, nothing wrong is read.
func TestDamageIsNoticed(t *testing.T) {
	h, rows := goldenTiles()
	good := encode(h, rows)
	path := filepath.Join(t.TempDir(), "x")
	want := fmt.Sprint(rows)
	check := func(what string, b []byte) {
		t.Helper()
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		got, _, err := read(path, []int{0, 1})
		if err == nil && fmt.Sprint(got) != want {
			t.Fatalf("%s: read %v", what, got)
		}
		if err == nil || !errors.Is(err, ErrDamaged) {
			t.Fatalf("%s: error %v", what, err)
		}
	}
	for i := range good {
		for _, flip := range []byte{0x01, 0x80, 0xff} {
			bad := slices.Clone(good)
			bad[i] ^= flip
			check(fmt.Sprintf("byte %d changed", i), bad)
		}
		check(fmt.Sprintf("cut to %d bytes", i), good[:i])
	}
	check("bytes added", append(slices.Clone(good), 0))
	check("something put in front", append([]byte{0}, good...))
}

func FuzzFile(f *testing.F) {
	h, rows := goldenTiles()
	f.Add(encode(h, rows))
	f.Add(encode(h, nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "x")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := OpenFile(path)
		if err != nil {
			return
		}
		defer f.Close()
		columns := make([]int, len(f.Columns))
		for i := range columns {
			columns[i] = i
		}
		for i := range f.Buckets() {
			if _, err := f.Load(i, columns); err != nil && !errors.Is(err, ErrDamaged) {
				t.Fatal(err)
			}
		}
	})
}

// FuzzSections hands bytes to what lies behind the checksums.
func FuzzSections(f *testing.F) {
	f.Add([]byte{2, 1, 'a', 1, 5, 1, 'b', 2, 0, 3}, 3, 2)
	f.Add([]byte{1, 0}, 1, 0)
	f.Fuzz(func(t *testing.T, b []byte, rows, keys int) {
		h := Header{Day: 1, Step: 3_600_000}
		bucket := &Bucket{}
		if err := bucket.readKeys(b, &bucketInfo{keys: keys & 0xff, rows: rows & 0xff}, &h); err == nil && (len(bucket.Times) != rows&0xff || len(bucket.Keys) != keys&0xff) {
			t.Fatalf("%d keys and %d tiles of %d and %d", len(bucket.Keys), len(bucket.Times), keys&0xff, rows&0xff)
		}
		for _, at := range bucket.Times {
			if value.FloorDiv(at, value.DayMS) != 1 {
				t.Fatalf("a tile at %d", at)
			}
		}
		if err := bucket.readStates(b, rows&0xff); err == nil && len(bucket.States[0]) != rows&0xff {
			t.Fatalf("%d states of %d", len(bucket.States[0]), rows&0xff)
		}
		_ = (&File{}).parseFooter(b, int64(len(magic)))
	})
}
