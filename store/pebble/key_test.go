package pebble

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/bighead-ml/bighead/store"
)

// drawnPlace is a place whose parts run into each other easily.
type drawnPlace struct {
	space, key          string
	step, period, start int64
}

func drawPlace(t *rapid.T, name string) drawnPlace {
	text := rapid.StringOfN(rapid.SampledFrom([]rune{0, 1, 'a', 0xff}), 0, 4, -1)
	number := rapid.SampledFrom([]int64{math.MinInt64, -256, -1, 0, 1, 255, 256, math.MaxInt64})
	return drawnPlace{
		space: text.Draw(t, name+" space"), key: text.Draw(t, name+" key"),
		step: number.Draw(t, name+" step"), period: number.Draw(t, name+" period"), start: number.Draw(t, name+" start"),
	}
}

func (p drawnPlace) encode() []byte {
	return appendInt(appendLine(nil, p.space, p.step, p.period, p.key), p.start)
}

func (p drawnPlace) compare(q drawnPlace) int {
	return cmp.Or(cmp.Compare(len(p.space), len(q.space)), cmp.Compare(p.space, q.space), cmp.Compare(p.step, q.step),
		cmp.Compare(p.period, q.period), cmp.Compare(p.key, q.key), cmp.Compare(p.start, q.start))
}

// TestKeys checks that keys sort as their places do, that they can be read back, and that bounds and prefixes are what pebble needs.
func TestKeys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, q := drawPlace(t, "p"), drawPlace(t, "q")
		a, b := p.encode(), q.encode()
		if got, want := bytes.Compare(a, b), p.compare(q); got != want {
			t.Errorf("%+v and %+v sort as %d, their keys as %d", p, q, want, got)
		}
		key, start, err := keyOf(nil, a, headLen(p.space)+8)
		space, err2 := spaceOf(a)
		period, ok := periodAt(a, appendStep(nil, p.space, p.step))
		if err != nil || err2 != nil || !ok || string(key) != p.key || start != p.start || space != p.space || period != p.period {
			t.Errorf("%+v reads back as %q %q %d %d, %v, %v", p, space, key, period, start, err, err2)
		}
		from, to := spaceBounds(q.space)
		if in := bytes.Compare(from, a) < 0 && bytes.Compare(a, to) < 0; in != (p.space == q.space) {
			t.Errorf("%+v in the bounds of space %q: %v", p, q.space, in)
		}
		from, to = periodBounds(q.space, q.step, math.MinInt64, q.period)
		if in := bytes.Compare(from, a) < 0 && bytes.Compare(a, to) < 0; in != (p.space == q.space && p.step == q.step && p.period < q.period) {
			t.Errorf("%+v below period %d of %q %d: %v", p, q.period, q.space, q.step, in)
		}
		keys := [][]byte{a, b, from, to, epochKey, {kindMeta}, append([]byte{kindMeta}, p.key...), {kindValue + 1}}
		for _, x := range keys {
			for _, y := range keys {
				checkSplit(t, x, y)
			}
		}
	})
}

// checkSplit holds what pebble says of Split, of keys that it is handed: prefixes sort before suffixes.
func checkSplit(t *rapid.T, x, y []byte) {
	if split(x) != len(x) && len(x) > 0 && bytes.Compare(x[:split(x)], x) >= 0 {
		t.Errorf("%x does not sort behind its prefix", x)
	}
	px, py := x[:split(x)], y[:split(y)]
	want := bytes.Compare(px, py)
	if want == 0 {
		want = bytes.Compare(x[split(x):], y[split(y):])
	}
	if bytes.Compare(x, y) != want {
		t.Errorf("%x and %x sort otherwise than by prefix and start", x, y)
	}
}

// TestAfter checks the end of a prefix.
func TestAfter(t *testing.T) {
	for _, x := range []struct{ in, want []byte }{{[]byte{1}, []byte{2}}, {[]byte{1, 0xff}, []byte{2}}, {[]byte{0xff, 0xff}, nil}, {nil, nil}} {
		if got := after(x.in); !slices.Equal(got, x.want) || (got == nil) != (x.want == nil) {
			t.Errorf("after %x is %x", x.in, got)
		}
	}
}

// TestPeriodsAreDropped sees that what expired leaves the disk without being read: tables go whole.
func TestPeriodsAreDropped(t *testing.T) {
	s, err := Open(Options{Path: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	value := make([]byte, 1000)
	for period := range int64(8) {
		w := store.Write{}
		for i := range int64(1000) {
			for j := range value { // that does not compress
				value[j] = byte((i*7919 + int64(j)*int64(j)*31 + period) >> (j % 5))
			}
			w.Puts = append(w.Puts, store.Put{Space: "s", Key: string(appendInt(nil, i)), Step: 10, Start: period * store.PeriodSteps * 10, Bytes: bytes.Clone(value)})
		}
		if err := s.Write(ctx, &w); err != nil {
			t.Fatal(err)
		}
		if err := s.db.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	size := func() int64 {
		sizes, err := s.Sizes(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return sizes["s"]
	}
	before := size()
	if err := s.Expire(ctx, "s", 10, 6*store.PeriodSteps*10); err != nil {
		t.Fatal(err)
	}
	// Compactions run by themselves; this one only ends the wait for them.
	if err := s.db.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := s.db.Compact(ctx, []byte{kindValue}, []byte{kindValue + 1}, false); err != nil {
		t.Fatal(err)
	}
	if after := size(); after > before/2 || after < before/8 {
		t.Errorf("six of eight periods have expired; %d bytes are left of %d", after, before)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
