package dataset

import (
	"math"
	"slices"

	"github.com/bighead-ml/bighead/value"
)

// Lost is called, in ascending order, with the index of a cell that cannot be kept, and why.
type Lost func(i int, why Reason)

// KeepFinite makes −0.0 0.0 and reports what is not finite (V2).
func KeepFinite(cells []float64, lost Lost) {
	for i, f := range cells {
		if f-f != 0 {
			lost(i, NonFinite)
		}
		cells[i] = f + 0
	}
}

// KeepDates reports days outside years 0001–9999 (V3).
func KeepDates(cells []int64, lost Lost) { keepRange(cells, value.MinDate, value.MaxDate, lost) }

func keepRange(cells []int64, lo, hi int64, lost Lost) {
	width := uint64(hi - lo)
	for i, x := range cells {
		if uint64(x-lo) > width {
			lost(i, OutOfRange)
		}
	}
}

// Unit is what integers that are times count. The zero Unit is no unit.
type Unit int

// The units of Options.TimeUnits: "s", "ms", "us", "ns".
const (
	Seconds Unit = iota + 1
	Millis
	Micros
	Nanos
)

var unitNames = []string{"", "s", "ms", "us", "ns"}

// UnitOf finds a unit by its name; 0: there is none of that name.
func UnitOf(name string) Unit { return Unit(max(slices.Index(unitNames, name), 0)) }

// Millis is a time in ms, floored toward −∞; what is beyond 64 bits stays at their end, which is out of range.
func (u Unit) Millis(x int64) int64 {
	switch u {
	case Seconds:
		return min(max(x, math.MinInt64/1000), math.MaxInt64/1000) * 1000
	case Micros:
		return value.FloorDiv(x, 1000)
	case Nanos:
		return value.FloorDiv(x, 1_000_000)
	}
	return x
}

// KeepTimes makes times of a unit times in ms, and reports those outside years 0001–9999 (V3).
func KeepTimes(cells []int64, u Unit, lost Lost) {
	switch u {
	case Seconds:
		for i, x := range cells {
			cells[i] = u.Millis(x)
		}
	case Micros:
		for i, x := range cells {
			q := x / 1000
			cells[i] = q + (x-q*1000)>>63 // the remainder's sign floors, without a branch
		}
	case Nanos:
		for i, x := range cells {
			q := x / 1_000_000
			cells[i] = q + (x-q*1_000_000)>>63
		}
	}
	keepRange(cells, value.MinTimestamp, value.MaxTimestamp, lost)
}

// Half is the value of an IEEE 754 binary16.
func Half(h uint16) float64 {
	exponent, fraction := int(h>>10&31), float64(h&1023)
	var f float64
	switch exponent {
	case 0:
		f = math.Ldexp(fraction, -24)
	case 31:
		f = math.Inf(1)
		if fraction != 0 {
			f = math.NaN()
		}
	default:
		f = math.Ldexp(1024+fraction, exponent-25)
	}
	if h>>15 != 0 {
		return -f
	}
	return f
}
