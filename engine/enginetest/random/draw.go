package random

import (
	"math"
	"math/rand/v2"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
)

// draw is a source of choices for one case, and what they depend on.
type draw struct {
	*rand.Rand
	seed  uint64
	scale scale
	base  int64   // the time that events lie about
	reach int64   // how far from it
	times []int64 // drawn so far: others fall on them
	nulls int     // of 100 cells so many are null
	wild  bool    // numbers from the edges of their types
	keys  map[string][]value.Value
	types map[string]value.Type        // of key columns
	cuts  []cut                        // of the windows drawn
	spans []int64                      // of labels
	past  []happened                   // of all sources
	named map[value.Kind][]value.Value // partitions that are there already, by the type of their names
	size  *int                         // rows of a source; nil: drawn
	least int                          // rows that ask
}

// happened is an event as a row that asks may want it: its keys by name, and when it was.
type happened struct {
	keys map[string]value.Value
	ts   int64
}

// cut is how far from t a window begins and ends, but for flooring.
type cut struct{ size, back int64 }

// scale is the size of a case's windows.
type scale struct {
	windows, resolutions, offsets, delays []string
	spread                                int64 // ms that events lie about the base
}

var scales = []scale{
	{[]string{"1s", "7s", "1500ms", "59s", "1m", "90s", "1ms"}, []string{"1s", "5s", "30s"}, []string{"1ms", "500ms", "1s", "30s", "1m"}, []string{"1ms", "1s", "7s", "1m"}, 120_000},
	{[]string{"1m", "5m", "7m", "15m", "90s", "1h", "61s"}, []string{"1s", "15s", "1m", "5m", "30m"}, []string{"1s", "30s", "1m", "59m", "1h"}, []string{"1s", "10m", "1m", "2h"}, 3 * 3_600_000},
	{[]string{"1h", "2h", "6h", "25h", "1d", "90m", "3d"}, []string{"1m", "5m", "30m", "1h", "6h", "1d"}, []string{"1h", "10m", "1d", "7s"}, []string{"10m", "2h", "1d", "30s"}, 3 * value.DayMS},
	{[]string{"1d", "7d", "30d", "60d", "3d", "36h"}, []string{"15m", "6h", "1d", "2d", "3d"}, []string{"1h", "1d", "7d", "90d"}, []string{"1d", "2h", "3d", "100d"}, 70 * value.DayMS},
}

// steps are what edges are multiples of.
var steps = []int64{1000, 5000, 15_000, 60_000, 900_000, 3_600_000, 6 * 3_600_000, value.DayMS, 2 * value.DayMS, 7 * value.DayMS}

// bases are the epoch, a time before it, a Monday, a leap day, and the first and last times that there are.
var bases = []int64{0, -value.DayMS * 365, 1704067200000, 1709210096789, value.MinTimestamp + 3_600_000, value.MaxTimestamp - 3_600_000}

func newDraw(seed uint64) *draw {
	d := &draw{Rand: rand.New(rand.NewPCG(seed, 0x62696768656164)), seed: seed, keys: map[string][]value.Value{}, types: map[string]value.Type{}}
	d.scale = scales[d.IntN(len(scales))]
	d.base = bases[d.IntN(len(bases))]
	d.reach = d.scale.spread
	d.reach /= pick[int64](d, 1, 4, 16, 64)
	d.nulls = pick(d, 0, 0, 8, 30)
	d.wild = d.one(4)
	d.times = []int64{d.base}
	return d
}

// one is true once in n times.
func (d *draw) one(n int) bool { return d.IntN(n) == 0 }

func pick[T any](d *draw, from ...T) T { return from[d.IntN(len(from))] }

func ms(text string) int64 {
	n, err := value.ParseDuration(text)
	if err != nil {
		panic(err) // of our own tables
	}
	return n
}

// span is a length of time that an edge may be away by.
func (d *draw) span() int64 {
	switch d.IntN(5) {
	case 0:
		return ms(pick(d, d.scale.delays...))
	case 1:
		return ms(pick(d, d.scale.offsets...))
	case 2:
		return ms(pick(d, d.scale.windows...)) + ms(pick(d, d.scale.delays...))
	}
	return ms(pick(d, d.scale.windows...))
}

// time draws a time: often one that was drawn before, a window's length away from one, or on a step, or a millisecond beside.
func (d *draw) time() int64 {
	t := d.base + d.Int64N(2*d.reach+1) - d.reach
	if d.one(2) {
		t = d.times[d.IntN(len(d.times))]
	}
	switch d.IntN(10) {
	case 0:
		t += d.span()
	case 1:
		t -= d.span()
	case 2, 3:
		t = value.Floor(t, steps[d.IntN(len(steps))])
	}
	if d.one(4) {
		t += pick[int64](d, -1, -1, 1)
	}
	t = min(max(t, value.MinTimestamp), value.MaxTimestamp)
	d.times = append(d.times, t)
	return t
}

// value draws a cell of a type.
func (d *draw) value(t value.Type) value.Value {
	if d.IntN(100) < d.nulls {
		return value.Value{}
	}
	switch t.Kind {
	case value.KindBool:
		return value.OfBool(d.one(2))
	case value.KindInt:
		if d.wild && d.one(2) {
			return value.OfInt(pick[int64](d, math.MaxInt64, math.MinInt64, math.MaxInt64-1, 1<<53+1, -1<<62))
		}
		return value.OfInt(d.Int64N(9) - 3)
	case value.KindFloat:
		if d.wild && d.one(2) {
			return value.OfFloat(pick(d, 1e308, -1e308, 1e300, 1e-320, 5e-324, 1e16, -1e16, 0.1, 1<<53))
		}
		return value.OfFloat(float64(d.Int64N(17)-6) / pick(d, 1.0, 2, 3))
	case value.KindString:
		if d.wild && d.one(3) {
			return value.OfString(pick(d, "", " a ", "é", "😀", "null", "a|b", "\x00", "12", "x"))
		}
		return value.OfString(pick(d, "a", "b", "c", "B", "ab"))
	case value.KindBytes:
		return value.OfBytes([]byte(pick(d, "", "\x00", "a", "\xff", "ab")))
	case value.KindTimestamp:
		return value.OfTimestamp(d.time())
	case value.KindDate:
		return value.OfDate(value.FloorDiv(d.time(), value.DayMS))
	case value.KindList:
		out := make([]value.Value, d.IntN(4))
		for i := range out {
			out[i] = d.value(*t.Elem)
		}
		return value.OfList(out)
	}
	panic("random: no values of " + t.String())
}

// keyTypes are those that keys are drawn of.
var keyTypes = []value.Type{value.String, value.String, value.String, value.Int, value.Bool, value.Date, value.Timestamp, value.Bytes}

// key draws a key's cell from the few of the case, null now and then.
func (d *draw) key(name string) value.Value {
	if _, ok := d.types[name]; !ok {
		t := keyTypes[d.IntN(len(keyTypes))]
		d.types[name] = t
		nulls := d.nulls
		d.nulls = 0
		for range 1 + d.IntN(3) {
			d.keys[name] = append(d.keys[name], d.value(t))
		}
		d.nulls = nulls
	}
	if d.IntN(100) < d.nulls/4 {
		return value.Value{}
	}
	return d.keys[name][d.IntN(len(d.keys[name]))]
}

func text(s string) feature.Text { return feature.Text{Value: s} }

func some(s string) *feature.Text { return &feature.Text{Value: s} }

func number[T int64 | float64 | bool](v T) *feature.Arg[T] { return &feature.Arg[T]{Value: v} }
