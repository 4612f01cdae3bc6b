package expr

import "math"

// Our own ln, log10, exp and pow, to within a unit in the last place over all floats. Those of the math package will not do: its
// exp is infinite from 709.1 on and its log wrong for subnormal numbers on amd64, and its pow loses a digit for every digit of the
// exponent (1.0000000001 to the 1e10 is wrong in the ninth), where X9 promises twelve digits. They are written with explicit fused
// multiplication, so that they give the same on every processor.
//
// The method: the logarithm as a sum of two floats (Dekker 1971), from atanh's series; the power as the exponential of such a sum.

// ln2Hi has so few bits that a whole number of up to twelve bits times it is exact; ln2Lo is the rest of ln 2.
const (
	ln2Hi = 0x1.62e42feep-1
	ln2Lo = math.Ln2 - ln2Hi
)

// ln10's inverse as a sum of two floats.
const (
	invLn10Hi = 0x1.bcb7b1526e50ep-2
	invLn10Lo = 1/math.Ln10 - invLn10Hi
)

// lnSum is the logarithm of a positive finite x as a sum of two floats, lo within half a unit of hi; its relative error is below 2⁻⁵⁸.
//
// x is m·2ᵉ with m between √½ and √2. With s = (m−1)/(m+1), ln m = 2s + 2s³/3 + 2s⁵/5 + …, and s² < 0.03.
func lnSum(x float64) (hi, lo float64) {
	m, e := math.Frexp(x)
	if m < math.Sqrt2/2 {
		m, e = 2*m, e-1
	}
	a, b := m-1, m+1
	sh := a / b
	rest := m - (b - 1) // what m + 1 lost
	sl := math.FMA(-sh, rest, math.FMA(-sh, b, a)) / b
	z := sh * sh
	p := 1.0 / 27
	for n := 25; n >= 3; n -= 2 {
		p = math.FMA(p, z, 1/float64(n))
	}
	tail := 2 * sl
	tail = math.FMA(2*sh*z, p, tail)
	k := float64(e)
	hi, lo = twoSum(k*ln2Hi, 2*sh)
	lo += math.FMA(k, ln2Lo, tail)
	return twoSum(hi, lo)
}

// twoSum is a + b and what its rounding lost, exactly (Knuth).
func twoSum(a, b float64) (sum, lost float64) {
	sum = a + b
	c := sum - a
	return sum, (a - (sum - c)) + (b - c)
}

// expSum is e to the power of hi + lo, where lo is small beside hi.
func expSum(hi, lo float64) float64 {
	switch {
	case hi > 710:
		return math.Inf(1)
	case hi < -746:
		return 0
	}
	k := math.RoundToEven(hi * math.Log2E)
	r, lost := twoSum(math.FMA(-k, ln2Hi, hi), math.FMA(-k, ln2Lo, lo))
	// |r| < 0.35: what is left of the series after r¹⁵/15! is below 2⁻⁶⁸.
	p := 1.0 / 15
	for n := 14.0; n >= 2; n-- {
		p = math.FMA(p, r, 1) / n
	}
	// p is 1/2 + r/6 + …, in Horner's form ((r/15 + 1)/14·r + 1)/13…
	one, small := twoSum(1, r)
	return math.Ldexp(one+(small+math.FMA(r*r, p, lost)), int(k))
}

func exp(x float64) float64 { return expSum(x, 0) }

func ln(x float64) float64 {
	hi, lo := lnSum(x)
	return hi + lo
}

// log10 gives whole powers of ten exactly.
func log10(x float64) float64 {
	hi, lo := lnSum(x)
	y := float64(hi * invLn10Hi)
	y += math.FMA(hi, invLn10Hi, -y) + math.FMA(hi, invLn10Lo, float64(lo*invLn10Hi))
	if r := math.Round(y); r >= -307 && r <= 308 && math.Pow10(int(r)) == x {
		return r
	}
	return y
}

func pow(x, y float64) (float64, Reason) {
	whole := y == math.Trunc(y)
	switch {
	case y == 0:
		return 1, 0
	case x == 0 && y < 0, x < 0 && !whole:
		return 0, Domain
	case x == 0:
		return 0, 0
	}
	p, exact := 0.0, false
	if whole && math.Abs(y) <= maxSquared {
		if p, exact = squared(x, int(math.Abs(y))); y < 0 {
			p = 1 / p
		}
	}
	if !exact {
		hi, lo := lnSum(math.Abs(x))
		product := float64(y * hi)
		p = expSum(product, math.FMA(y, hi, -product)+float64(y*lo))
		if x < 0 && math.Mod(y, 2) != 0 {
			p = -p
		}
	}
	if math.IsInf(p, 0) {
		return 0, Overflow
	}
	return p, 0
}

// maxSquared bounds the exponents of powers that are floats themselves, but for those of two, which the logarithm gets right.
const maxSquared = 64

// squared multiplies out; false as soon as a product has to be rounded. So 3 to the 33 is exact, which no logarithm promises.
func squared(x float64, n int) (float64, bool) {
	p := 1.0
	for {
		if n&1 == 1 {
			q := float64(p * x)
			if math.FMA(p, x, -q) != 0 || math.Abs(q) < 0x1p-900 || math.IsInf(q, 0) {
				return 0, false
			}
			p = q
		}
		if n >>= 1; n == 0 {
			return p, true
		}
		square := float64(x * x)
		if math.FMA(x, x, -square) != 0 || square < 0x1p-900 || math.IsInf(square, 0) {
			return 0, false
		}
		x = square
	}
}
