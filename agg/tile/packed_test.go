package tile

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/bighead-ml/bighead/value"
)

// drawnRow has few times and ties, so that many compare equal, some of which are beginnings of others.
func drawnRow(r *rand.Rand, nth int) Row {
	ties := []value.Value{{}, value.OfInt(-1), value.OfInt(7), value.OfFloat(-2.5), value.OfFloat(0.5), value.OfString(""), value.OfString("a"), value.OfString("a\x00"), value.OfString("ab"),
		value.OfList([]value.Value{value.OfInt(1)}), value.OfList([]value.Value{value.OfInt(1), value.OfInt(0)}), value.OfBytes([]byte{0, 1}), value.OfBool(true)}
	times := []int64{-1 << 40, -3, 0, 5, 6, 1_700_000_000_000}
	return Row{TS: times[r.IntN(len(times))], Deleted: r.IntN(4) == 0, Tie: []value.Value{ties[r.IntN(len(ties))], ties[r.IntN(len(ties))]},
		Cells: []value.Value{value.OfInt(int64(nth)), ties[r.IntN(len(ties))]}}
}

// TestPackedRowsAreTheRows adds rows to both, in any order, and lets the first go now and then: each holds what the other does, byte for byte.
func TestPackedRowsAreTheRows(t *testing.T) {
	r := rand.New(rand.NewPCG(rand.Uint64(), 1))
	l := NewRowLayout("rows of a test", 2, 2)
	for world := range 200 {
		rows, packed := &Rows{Header: Header{Newest: 9, Through: None}}, &Packed{Header: Header{Newest: 9, Through: None}}
		rows.Positions.Advance(1, int64(world))
		packed.Positions.Advance(1, int64(world))
		for n := range r.IntN(60) {
			x := drawnRow(r, n)
			rows.Add(x)
			packed.Add(&x)
			if r.IntN(8) == 0 {
				k := r.IntN(len(rows.Rows) + 1)
				rows.Rows = rows.Rows[k:]
				packed.Drop(k)
			}
			if r.IntN(8) == 0 {
				encoded := l.AppendPacked(nil, packed, Version)
				back, err := l.DecodePacked(encoded)
				if err != nil {
					t.Fatal(err)
				}
				clear(encoded) // they are the caller's
				packed = back
			}
			if packed.Len() != len(rows.Rows) {
				t.Fatalf("%d rows, want %d", packed.Len(), len(rows.Rows))
			}
			for i := range rows.Rows {
				if ts, deleted := packed.At(i); ts != rows.Rows[i].TS || deleted != rows.Rows[i].Deleted {
					t.Fatalf("row %d is of %d, deleted %t, want %+v", i, ts, deleted, rows.Rows[i])
				}
			}
			for v := byte(Oldest); v <= Version; v++ {
				if got, want := l.AppendPacked(nil, packed, v), l.AppendAs(nil, rows, v); !bytes.Equal(got, want) {
					t.Fatalf("other bytes than those of the rows:\n%x\n%x", got, want)
				}
			}
		}
	}
}

// TestPackedRowsAreReadAsRowsAre has both readers take and refuse the same.
func TestPackedRowsAreReadAsRowsAre(t *testing.T) {
	l, rows := someRows()
	whole := l.Append(nil, rows)
	rows.Rows[0], rows.Rows[1] = rows.Rows[1], rows.Rows[0]
	disordered := l.Append(nil, rows)
	cases := map[string][]byte{"whole": whole, "out of order": disordered, "of another layout": NewRowLayout("others", 1, 2).Append(nil, rows), "none": nil}
	for i := 5; i < len(whole)-4; i++ { // the checksum, which chance does not meet, is made anew
		cases[fmt.Sprintf("cut at %d", i)] = seal(bytes.Clone(whole[:i]), 0)
		changed := bytes.Clone(whole[:len(whole)-4])
		changed[i] ^= 0x0f
		cases[fmt.Sprintf("changed at %d", i)] = seal(changed, 0)
	}
	refused := 0
	for name, b := range cases {
		want, err := l.Decode(b)
		got, packedErr := l.DecodePacked(b)
		if fmt.Sprint(err) != fmt.Sprint(packedErr) {
			t.Errorf("%s: %v, of rows %v", name, packedErr, err)
			continue
		}
		if err != nil {
			refused++
		} else if !bytes.Equal(l.AppendPacked(nil, got, Version), l.Append(nil, want)) {
			t.Errorf("%s: reads as other rows", name)
		}
	}
	if refused < 40 || refused == len(cases) {
		t.Errorf("%d of %d are refused", refused, len(cases))
	}
}
