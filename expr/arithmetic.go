package expr

import (
	"cmp"
	"math"

	"github.com/bighead-ml/bighead/value/fault"
)

// This file is the scalar functions behind the operators, and their loops over cells.

func ofBool(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func relation[T cmp.Ordered](op string) func(x, y T) (bool, Reason) {
	switch op {
	case "=":
		return func(x, y T) (bool, Reason) { return x == y, 0 }
	case "<>":
		return func(x, y T) (bool, Reason) { return x != y, 0 }
	case "<":
		return func(x, y T) (bool, Reason) { return x < y, 0 }
	case "<=":
		return func(x, y T) (bool, Reason) { return x <= y, 0 }
	case ">":
		return func(x, y T) (bool, Reason) { return x > y, 0 }
	}
	return func(x, y T) (bool, Reason) { return x >= y, 0 }
}

// relations are the loops of relation. They write the comparison out six times, for a call a row would cost more than the rest.
func relations[T cmp.Ordered](op string) func(out []bool, a, b []T) bool {
	switch op {
	case "=":
		return func(out []bool, a, b []T) bool {
			for i, x := range a {
				out[i] = x == b[i]
			}
			return true
		}
	case "<>":
		return func(out []bool, a, b []T) bool {
			for i, x := range a {
				out[i] = x != b[i]
			}
			return true
		}
	case "<":
		return func(out []bool, a, b []T) bool {
			for i, x := range a {
				out[i] = x < b[i]
			}
			return true
		}
	case "<=":
		return func(out []bool, a, b []T) bool {
			for i, x := range a {
				out[i] = x <= b[i]
			}
			return true
		}
	case ">":
		return func(out []bool, a, b []T) bool {
			for i, x := range a {
				out[i] = x > b[i]
			}
			return true
		}
	}
	return func(out []bool, a, b []T) bool {
		for i, x := range a {
			out[i] = x >= b[i]
		}
		return true
	}
}

func notBools(out, a []bool) bool {
	for i, x := range a {
		out[i] = !x
	}
	return true
}

func addInt(x, y int64) (int64, Reason) {
	s := x + y
	if (x^s)&(y^s) < 0 {
		return 0, Overflow
	}
	return s, 0
}

// addInts notices overflow anywhere in the block at once, and leaves finding the row to addInt. So do its siblings.
func addInts(out, a, b []int64) bool {
	b, out = b[:len(a)], out[:len(a)]
	var over int64
	for i, x := range a {
		y := b[i]
		s := x + y
		over |= (x ^ s) & (y ^ s)
		out[i] = s
	}
	return over >= 0
}

func subInt(x, y int64) (int64, Reason) {
	d := x - y
	if (x^y)&(x^d) < 0 {
		return 0, Overflow
	}
	return d, 0
}

func subInts(out, a, b []int64) bool {
	b, out = b[:len(a)], out[:len(a)]
	var over int64
	for i, x := range a {
		y := b[i]
		d := x - y
		over |= (x ^ y) & (x ^ d)
		out[i] = d
	}
	return over >= 0
}

func mulInt(x, y int64) (int64, Reason) {
	p := x * y
	if x != 0 && (p/x != y || x == -1 && y == math.MinInt64) {
		return 0, Overflow
	}
	return p, 0
}

// mulInts multiplies where both factors fit 32 bits, as they nearly always do, and else asks mulInt.
func mulInts(out, a, b []int64) bool {
	b, out = b[:len(a)], out[:len(a)]
	var wide int64
	for i, x := range a {
		y := b[i]
		wide |= (int64(int32(x)) ^ x) | (int64(int32(y)) ^ y)
		out[i] = x * y
	}
	return wide == 0
}

func divInt(x, y int64) (int64, Reason) {
	switch y {
	case 0:
		return 0, DivisionByZero
	case -1:
		return negInt(x)
	}
	if fault.Planted("expr: div floors") && x%y != 0 && x < 0 != (y < 0) {
		return x/y - 1, 0
	}
	return x / y, 0
}

func modInt(x, y int64) (int64, Reason) {
	if y == 0 {
		return 0, DivisionByZero
	}
	if fault.Planted("expr: % takes the divisor's sign") && x%y != 0 && x < 0 != (y < 0) {
		return x%y + y, 0
	}
	return x % y, 0 // the least int % -1 is 0 in Go
}

func negInt(x int64) (int64, Reason) {
	if x == math.MinInt64 && !fault.Planted("expr: the negative of the least int wraps around") {
		return 0, Overflow
	}
	return -x, 0
}

func addFloat(x, y float64) (float64, Reason) { return x + y, 0 }
func subFloat(x, y float64) (float64, Reason) { return x - y, 0 }
func mulFloat(x, y float64) (float64, Reason) { return x * y, 0 }

func divFloat(x, y float64) (float64, Reason) {
	if y == 0 {
		return 0, DivisionByZero
	}
	return x / y, 0
}

// addFloats sums s − s, which is NaN as soon as one s is not finite. So do its siblings; those whose result can be −0.0 add 0 to
// make it plain (V2).
func addFloats(out, a, b []float64) bool {
	b, out = b[:len(a)], out[:len(a)]
	var bad float64
	for i, x := range a {
		s := x + b[i]
		bad += s - s
		out[i] = s
	}
	return bad == 0
}

func subFloats(out, a, b []float64) bool {
	b, out = b[:len(a)], out[:len(a)]
	var bad float64
	for i, x := range a {
		s := x - b[i]
		bad += s - s
		out[i] = s
	}
	return bad == 0
}

func mulFloats(out, a, b []float64) bool {
	b, out = b[:len(a)], out[:len(a)]
	var bad float64
	for i, x := range a {
		s := float64(x*b[i]) + 0 // the conversion forbids fusing
		bad += s - s
		out[i] = s
	}
	return bad == 0
}

func divFloats(out, a, b []float64) bool {
	b, out = b[:len(a)], out[:len(a)]
	var bad float64
	for i, x := range a {
		s := x/b[i] + 0
		bad += s - s
		out[i] = s
	}
	return bad == 0
}
