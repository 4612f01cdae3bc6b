package value_test

import (
	"bytes"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/valuetest"
)

func sign(i int) int {
	return min(max(i, -1), 1)
}

func TestEncodingIsOrderedAndReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		typ := valuetest.Type(t, 2)
		a, b := valuetest.Value(t, typ), valuetest.Value(t, typ)
		ea, eb := value.Append(nil, a), value.Append(nil, b)
		if got, want := sign(bytes.Compare(ea, eb)), sign(value.Compare(a, b)); got != want {
			t.Fatalf("%s: encodings of %s and %s compare %d, values %d", typ, a, b, got, want)
		}
		back, rest, err := value.Decode(append(ea, 0x7f))
		if err != nil || !value.Equal(back, a) || len(rest) != 1 {
			t.Fatalf("%s: %s reads back as %s, %d bytes left, %v", typ, a, back, len(rest), err)
		}
		if !back.HasType(typ) {
			t.Fatalf("%s: %s lost its type", typ, back)
		}
	})
}

func TestKeysNeverMeet(t *testing.T) {
	s, i := value.OfString, value.OfInt
	keys := [][]value.Value{
		{s("1"), s("23")}, {s("12"), s("3")}, {s("123"), s("")}, {s(""), s("123")}, {i(1)}, {s("1")},
		{s("a\x00"), s("b")}, {s("a"), s("\x00b")}, {value.OfBool(true)}, {value.OfTimestamp(1)}, {value.OfDate(1)}, {value.OfBytesString("1")}, {value.Value{}},
	}
	seen := map[string]int{}
	for n, k := range keys {
		e := string(value.AppendKey(nil, k))
		if m, ok := seen[e]; ok {
			t.Errorf("V4: keys %v and %v have one encoding", keys[m], k)
		}
		seen[e] = n
	}
}

func TestTextReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		typ := valuetest.Type(t, 2)
		v := valuetest.Present(t, typ)
		text := v.String()
		if typ.Kind == value.KindString {
			text = string(value.AppendJSON(nil, v))
		}
		back, err := value.Parse(typ, text)
		if err != nil || !value.Equal(back, v) {
			t.Fatalf("%s: %q reads back as %s, %v", typ, text, back, err)
		}
		written, err := typ.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var read value.Type
		if err := read.UnmarshalText(written); err != nil || !read.Equal(typ) {
			t.Errorf("%s reads as %s: %v", written, read, err)
		}
		again, err := value.ParseType(typ.String())
		if err != nil || !again.Equal(typ) {
			t.Fatalf("type %s reads back as %s, %v", typ, again, err)
		}
	})
}

func TestFloatsAreFinite(t *testing.T) {
	for _, f := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		if v := value.OfFloat(f); !v.IsNull() {
			t.Errorf("V2: %v is %s, not null", f, v)
		}
	}
	if v := value.OfFloat(math.Copysign(0, -1)); math.Signbit(v.Float()) {
		t.Error("V2: −0.0 kept its sign")
	}
}

func TestTimesBeforeTheEpoch(t *testing.T) {
	for text, want := range map[string]int64{
		"1969-12-31T23:59:59.999Z": -1, "1969-12-31T23:59:59.9995Z": -1, "0001-01-01T00:00:00Z": value.MinTimestamp,
		"9999-12-31T23:59:59.999Z": value.MaxTimestamp, "1970-01-01T01:00:00+01:00": 0,
	} {
		if got, ok := value.ParseTimestamp(text); !ok || got != want {
			t.Errorf("%s is %d, %v; want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{"2024-01-31", "2024-01-31t06:00:00z", "2024-01-31 06:00:00Z", "2024-01-31T06:00:00", " 2024-01-31T06:00:00Z", "2024-02-30T00:00:00Z", "0000-12-31T00:00:00Z", "2024-01-31T24:00:00Z", "2024-01-31T06:00:60Z", "2024-01-31T06:00:00,5Z", "2024-01-31T6:00:00.5Z", "2024-01-31T06:00:00+24:00", "2024-01-31T06:00:00+01:60"} {
		if ms, ok := value.ParseTimestamp(text); ok {
			t.Errorf("%q was read as %d", text, ms)
		}
	}
	if d, ok := value.ParseDate("1969-12-31"); !ok || d != -1 {
		t.Errorf("1969-12-31 is day %d", d)
	}
	if value.Floor(-1, 1000) != -1000 || value.FloorDiv(-1, 1000) != -1 || value.Floor(-1000, 1000) != -1000 {
		t.Error("W4: floor goes toward −∞")
	}
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]int64{"90s": 90_000, "15m": 900_000, "7d": 7 * value.DayMS, "1ms": 1, "0s": 0, "24h": value.DayMS} {
		got, err := value.ParseDuration(text)
		if err != nil || got != want {
			t.Errorf("%s is %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "1", "h", "1.5h", "-1h", "1w", "1h30m", "99999999999999999d", "9223372036854775807s"} {
		if got, err := value.ParseDuration(text); err == nil {
			t.Errorf("%q was read as %d", text, got)
		}
	}
}

func TestColumnsHoldValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		typ := valuetest.Type(t, 1)
		vs := make([]value.Value, rapid.IntRange(0, 70).Draw(t, "rows"))
		rows := make([]int32, len(vs))
		for i := range vs {
			vs[i] = valuetest.Value(t, typ)
			rows[i] = int32(len(vs) - 1 - i)
		}
		c := value.ColumnOf(typ, vs)
		back := c.Take(rows)
		for i, v := range vs {
			if !value.Equal(c.At(i), v) || !value.Equal(back.At(len(vs)-1-i), v) {
				t.Fatalf("%s: cell %d is %s, taken %s, want %s", typ, i, c.At(i), back.At(len(vs)-1-i), v)
			}
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add(value.Append(nil, value.OfString("a\x00b")))
	f.Add(value.Append(nil, value.OfList([]value.Value{value.OfInt(1), {}})))
	f.Add([]byte{0x0a, 0x0a, 0x0a})
	f.Fuzz(func(t *testing.T, b []byte) {
		v, rest, err := value.Decode(b)
		if err != nil {
			return
		}
		if again := value.Append(nil, v); !bytes.Equal(again, b[:len(b)-len(rest)]) {
			t.Fatalf("% x decodes to %s, which encodes to % x", b, v, again)
		}
	})
}

func FuzzParseType(f *testing.F) {
	for _, s := range []string{"int", "list<map<string,struct<a:int,\"b c\":float>>>", "map<int,int>", "list<"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		typ, err := value.ParseType(s)
		if err != nil {
			return
		}
		if again, err := value.ParseType(typ.String()); err != nil || !again.Equal(typ) {
			t.Fatalf("%q is %s, which reads back as %s, %v", s, typ, again, err)
		}
	})
}
func TestAn(t *testing.T) {
	for name, want := range map[string]string{"int": "an int", "string": "a string", "list<int>": "a list<int>", "": "a "} {
		if got := value.An(name); got != want {
			t.Errorf("%q: %q", name, got)
		}
	}
}
