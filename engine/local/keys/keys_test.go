package keys

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/bighead-ml/bighead/value"
)

// draw makes n cells of a key type from a small set of values, nulls among them.
func draw(r *rand.Rand, t value.Type, n int, wide bool) *value.Column {
	c := value.NewColumn(t, n)
	for i := range n {
		x := int64(r.IntN(40))
		if wide {
			x = []int64{math.MinInt64, math.MaxInt64, 0, -1, 1 << 40, 1 << 41, 3 << 40, 7}[r.IntN(8)]
		}
		switch {
		case r.IntN(10) == 0:
			c.SetNull(i)
		case t.Kind == value.KindString, t.Kind == value.KindBytes:
			c.Strs[i] = fmt.Sprint(x)
		case t.Kind == value.KindBool:
			c.Bools[i] = x%2 == 0
		default:
			c.Ints[i] = x
		}
	}
	return c
}

func keyOf(columns []*value.Column, i int) (key string, null bool) {
	var parts []value.Value
	for _, c := range columns {
		parts = append(parts, c.At(i))
		null = null || c.IsNull(i)
	}
	return string(value.AppendKey(nil, parts)), null
}

func TestCodesAreThoseOfTheCanonicalKeys(t *testing.T) {
	for _, types := range [][]value.Type{
		{value.Int}, {value.String}, {value.Bool}, {value.Bytes}, {value.Date},
		{value.Int, value.Int}, {value.String, value.Int}, {value.Timestamp, value.String, value.Bool},
	} {
		for _, wide := range []bool{false, true} {
			r := rand.New(rand.NewPCG(7, uint64(len(types))))
			table, codes := NewTable(types), map[string]int32{}
			for range 3 {
				columns := drawAll(r, types, 300, wide)
				got := make([]int32, 300)
				table.Insert(columns, got)
				for i := range got {
					key, null := keyOf(columns, i)
					want, ok := codes[key]
					switch {
					case null:
						want = None
					case !ok:
						want = int32(len(codes))
						codes[key] = want
					}
					if got[i] != want {
						t.Fatalf("%v: row %d has code %d, want %d", types, i, got[i], want)
					}
				}
			}
			table.Freeze()
			checkLookup(t, r, table, types, codes)
		}
	}
}

func drawAll(r *rand.Rand, types []value.Type, n int, wide bool) []*value.Column {
	out := make([]*value.Column, len(types))
	for i, typ := range types {
		out[i] = draw(r, typ, n, wide)
	}
	return out
}

func checkLookup(t *testing.T, r *rand.Rand, table *Table, types []value.Type, codes map[string]int32) {
	t.Helper()
	if table.Len() != len(codes) {
		t.Fatalf("%v: %d keys, want %d", types, table.Len(), len(codes))
	}
	for _, wide := range []bool{false, true} {
		columns := drawAll(r, types, 500, wide)
		got := make([]int32, 500)
		table.Lookup(columns, got)
		for i := range got {
			key, null := keyOf(columns, i)
			want, ok := codes[key]
			if null {
				want = None
			} else if !ok {
				want = Unknown
			}
			if got[i] != want {
				t.Fatalf("%v: lookup of row %d gives %d, want %d", types, i, got[i], want)
			}
		}
	}
}

func TestManyKeysGrowTheTables(t *testing.T) {
	n := 5000
	ints, strs := value.NewColumn(value.Int, n), value.NewColumn(value.String, n)
	for i := range n {
		ints.Ints[i], strs.Strs[i] = int64(i)<<33, fmt.Sprint("key ", i)
	}
	for _, c := range []*value.Column{ints, strs} {
		table, codes := NewTable([]value.Type{c.Type}), make([]int32, n)
		table.Insert([]*value.Column{c}, codes)
		table.Freeze()
		table.Lookup([]*value.Column{c}, codes)
		for i, code := range codes {
			if code != int32(i) {
				t.Fatalf("key %d has code %d", i, code)
			}
		}
	}
}

func TestNoKeys(t *testing.T) {
	table := NewTable([]value.Type{value.Int})
	table.Freeze()
	codes := make([]int32, 2)
	table.Lookup([]*value.Column{value.ColumnOf(value.Int, []value.Value{value.OfInt(0), {}})}, codes)
	if codes[0] != Unknown || codes[1] != None || table.Len() != 0 {
		t.Fatal(codes)
	}
}
