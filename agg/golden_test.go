package agg_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/value"
)

// samples are a fold of every kind and form, each with the events whose state is kept in testdata/states.txt.
func samples() []sample {
	var out []sample
	seen := map[string]bool{}
	for _, a := range agg.All() {
		for _, in := range inputsOf(a) {
			for _, args := range variations(a) {
				_, p, err := a.Check(in, in.Kind != value.KindNull, args)
				if err != nil {
					panic(err)
				}
				for _, f := range a.Folds(in, p) {
					if !seen[f.ID()] {
						seen[f.ID()] = true
						out = append(out, sample{a.Name + " of " + in.String(), f, sampleEvents(in)})
					}
				}
			}
		}
	}
	return out
}

type sample struct {
	what   string
	fold   agg.Fold
	events []agg.Event
}

// sampleEvents are a few events with nulls, ties, a by and the edges of the type.
func sampleEvents(in value.Type) []agg.Event {
	cells := map[value.Kind][]string{
		value.KindNull:      {"null", "null", "null", "null", "null"},
		value.KindBool:      {"true", "null", "false", "true", "true"},
		value.KindInt:       {"9223372036854775807", "null", "-1", "300", "9223372036854775807"},
		value.KindFloat:     {"1.5", "null", "-1e300", "0.1", "1.5"},
		value.KindString:    {"b", "null", `"é\u0000😀"`, `""`, "b"},
		value.KindBytes:     {"AP8=", "null", "", "AA==", "AP8="},
		value.KindTimestamp: {"2024-01-31T06:00:00Z", "null", "1969-12-31T23:59:59.999Z", "2024-01-31T06:00:00Z", "0001-01-01T00:00:00Z"},
		value.KindDate:      {"2024-01-31", "null", "1969-12-31", "2024-01-31", "9999-12-31"},
		value.KindList:      {"[1,2]", "null", "[]", "[null]", "[1,2]"},
		value.KindMap:       {`{"a":1.5}`, "null", "{}", `{"a":null,"b":0.0}`, `{"a":1.5}`},
		value.KindStruct:    {`{"a":"x"}`, "null", `{"a":null}`, `{"a":""}`, `{"a":"x"}`},
	}[in.Kind]
	var out []agg.Event
	for i, cell := range cells {
		v, err := value.Parse(in, cell)
		if err != nil && in.Kind != value.KindNull {
			panic(err)
		}
		e := agg.Event{TS: []int64{1706680800000, 1706680800000, -1, 0, 1706680800000}[i], Value: v, Tie: []value.Value{value.OfInt(int64(i)), {}}}
		if key := []string{"b", "b", "null", "é", ""}[i]; key != "null" {
			e.By = value.OfString(key)
		}
		out = append(out, e)
	}
	return out
}

func (s sample) state() agg.State {
	state := s.fold.New()
	for i := range s.events {
		state.Add(&s.events[i])
	}
	return state
}

// The encoding is what stores hold: a change of these files needs a new version, and the reader of the old.
func TestEncodingIsGolden(t *testing.T) {
	var b bytes.Buffer
	for _, s := range samples() {
		code := agg.AppendState(nil, s.state())
		if len(code) > 200 {
			t.Errorf("%s is %d bytes", s.fold.ID(), len(code))
		}
		fmt.Fprintf(&b, "%s\n\t%x\n\t%x\n", s.fold.ID(), agg.AppendState(nil, s.fold.New()), code)
	}
	compareFile(t, "testdata/states.txt", b.String())
}

// The bytes in the file read as the state that they were written from.
func TestGoldenReads(t *testing.T) {
	file, err := os.Open("testdata/states.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	byID := map[string]sample{}
	for _, s := range samples() {
		byID[s.fold.ID()] = s
	}
	read := 0
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		s, ok := byID[lines.Text()]
		if !ok {
			t.Fatalf("no fold has the ID %q any more", lines.Text())
		}
		for _, want := range []agg.State{s.fold.New(), s.state()} {
			lines.Scan()
			code, err := hex.DecodeString(strings.TrimSpace(lines.Text()))
			if err != nil {
				t.Fatal(err)
			}
			got, rest, err := s.fold.DecodeState(code)
			if err != nil || len(rest) != 0 {
				t.Fatalf("%s: %d bytes left, %v", s.fold.ID(), len(rest), err)
			}
			if fmt.Sprint(got.Cells(nil)) != fmt.Sprint(want.Cells(nil)) {
				t.Errorf("%s reads as %v, not %v", s.fold.ID(), got.Cells(nil), want.Cells(nil))
			}
			read++
		}
	}
	if read != 2*len(byID) {
		t.Errorf("%d states read, %d folds exist", read, len(byID))
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, c := range []struct {
		fold agg.Fold
		hex  string
		want string
	}{
		{agg.Fold{Kind: agg.KindCount}, "", "cut short"},
		{agg.Fold{Kind: agg.KindCount}, "0201", "version 2 is not 1"},
		{agg.Fold{Kind: agg.KindCount}, "018100", "cut short"},                                // 1 in two bytes
		{agg.Fold{Kind: agg.KindCount}, "01ffffffffffffffffff01", "count of"},                 // 2^64−1
		{agg.Fold{Kind: agg.KindIntSum}, "0180", "cut short"},                                 //
		{agg.Fold{Kind: agg.KindIntSum}, "01" + strings.Repeat("ff", 18) + "04", "cut short"}, // beyond 128 bits
		{agg.Fold{Kind: agg.KindFloatSum}, "010000000000000080", "float of bits"},             // −0.0
		{agg.Fold{Kind: agg.KindFloatSum}, "01020000000000f07f", "float of bits"},             // another NaN
		{agg.Fold{Kind: agg.KindExtreme, In: value.Int}, "0102", "a bool where an int is kept"},
		{agg.Fold{Kind: agg.KindTimeBound}, "0102", "flag of 2"},
		{agg.Fold{Kind: agg.KindEdge, In: value.Int}, "0101000001", "a null where none is kept"},
		{agg.Fold{Kind: agg.KindEdge, In: value.Int}, "010100ffff7f", "cut short"}, // a tie longer than the bytes
		{agg.Fold{Kind: agg.KindValueList, In: value.Bool, K: 1}, "01020202", "2 elements where 1 are the most"},
		{agg.Fold{Kind: agg.KindValueList, In: value.Bool, K: 9}, "01020302", "out of order"},
		{agg.Fold{Kind: agg.KindValueList, In: value.Bool, K: 9, Distinct: true}, "01020202", "out of order"},
		{agg.Fold{Kind: agg.KindValueList, In: value.Bool, K: 1 << 40}, "01ffffffff1f", "cut short"}, // many elements in no bytes
		{agg.Fold{Kind: agg.KindTextCounts, In: value.String}, "0102016201016101", "keys out of order"},
		{agg.Fold{Kind: agg.KindTextCounts, In: value.String}, "0101016100", "count of 0"},
		{agg.Fold{Kind: agg.KindTextCounts, In: value.String}, "01020161" + "8080808080808010" + "0162" + "01", "9007199254740993 events"},
		{agg.Fold{Kind: agg.KindBucketCounts, In: value.Float, Bits: 6}, "01010201", "no bucket 1"}, // a subnormal's
		{agg.Fold{Kind: agg.KindRegisters, Bits: 8}, "01000180023a", "register"},                    // beyond 256; rank 58
		{agg.Fold{Kind: agg.KindRegisters, Bits: 8}, "010001003a", "register"},
		{agg.Fold{Kind: agg.KindRegisters, Bits: 8}, "0101" + strings.Repeat("00", 256), "an array for 0 registers"},
		{agg.Fold{Kind: agg.KindCount, By: true, ByMax: 1}, "01020161010162" + "01", "2 elements where 1 are the most"},
		{agg.Fold{Kind: agg.KindCount, By: true, ByMax: 3}, "01020161010161" + "01", "keys out of order"},
	} {
		code, err := hex.DecodeString(c.hex)
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = c.fold.DecodeState(code)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.fold.ID()) {
			t.Errorf("%s of %s: %v, want %q", c.fold.ID(), c.hex, err, c.want)
		}
	}
}

// Whatever bytes decode are those that encoding gives again; nothing panics, not even a merge and a finish of them.
func FuzzDecodeState(f *testing.F) {
	all := samples()
	for i, s := range all {
		f.Add(uint16(i), agg.AppendState(nil, s.state()))
	}
	f.Fuzz(func(t *testing.T, which uint16, code []byte) {
		fold := all[int(which)%len(all)].fold
		s, rest, err := fold.DecodeState(code)
		if err != nil {
			return
		}
		if again := agg.AppendState(nil, s); !bytes.Equal(again, code[:len(code)-len(rest)]) {
			t.Fatalf("%s: % x reads, and is written as % x", fold.ID(), code, again)
		}
		s.Merge(s.Clone())
		s.Cells(nil)
		for _, a := range agg.All() {
			finishAlone(a, fold, s)
		}
	})
}

// finishAlone finishes an aggregation that needs this fold and no other.
func finishAlone(a *agg.Aggregation, f agg.Fold, s agg.State) {
	for _, args := range variations(a) {
		_, p, err := a.Check(f.In, f.In.Kind != value.KindNull, args)
		if err != nil {
			continue
		}
		if folds := a.Folds(f.In, p); len(folds) == 1 && folds[0].ID() == f.ID() {
			a.Finish(f.In, p, []agg.State{s}, 0)
		}
	}
}
