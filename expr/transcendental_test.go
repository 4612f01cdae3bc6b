package expr

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// What follows computes the same functions to some 90 digits, in the plainest way.

const precision = 400

func bigOf(x float64) *big.Float { return new(big.Float).SetPrec(precision).SetFloat64(x) }

// bigExp halves x until it is small, adds up the series and squares back.
func bigExp(x *big.Float) *big.Float {
	const halvings = 40
	small := new(big.Float).SetPrec(precision).SetMantExp(x, -halvings)
	sum, term := bigOf(1), bigOf(1)
	for n := 1.0; n < 40; n++ {
		term.Mul(term, small)
		term.Quo(term, bigOf(n))
		sum.Add(sum, term)
	}
	for range halvings {
		sum.Mul(sum, sum)
	}
	return sum
}

// bigLn is the x for which bigExp(x) is y, by Newton's method.
func bigLn(y float64) *big.Float {
	frac, exp := math.Frexp(y)
	x := bigOf(math.Log(frac) + float64(exp)*math.Ln2)
	for range 6 {
		step := new(big.Float).SetPrec(precision).Quo(bigOf(y), bigExp(x))
		x.Add(x, step.Sub(step, bigOf(1)))
	}
	return x
}

// ulps is how many units in want's last place, as a float, got is away from it.
func ulps(got float64, want *big.Float) float64 {
	w, _ := want.Float64()
	unit := math.Nextafter(math.Abs(w), math.Inf(1)) - math.Abs(w)
	if math.IsInf(got, 0) || math.IsInf(w, 0) {
		if got == w {
			return 0
		}
		return math.Inf(1)
	}
	d := new(big.Float).Sub(bigOf(got), want)
	f, _ := d.Quo(d, bigOf(unit)).Float64()
	return math.Abs(f)
}

var hardFloats = []float64{1, 2, 0.5, 3, 10, 1000, 1e-300, 1e300, math.MaxFloat64, math.SmallestNonzeroFloat64, 0x1p-1022, 0x1p-1023, 1 + 0x1p-52, 1 - 0x1p-53, 1.005, 0.999999, math.E, math.Pi, math.Sqrt2, math.Sqrt2 / 2, 0.7071067811865475}

func TestLogarithmsAndExponentials(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	worst := map[string]float64{}
	see := func(name string, x, got float64, want *big.Float) {
		u := ulps(got, want)
		if u > worst[name] {
			worst[name] = u
		}
		if u > 1 {
			t.Errorf("%s(%v) = %v is %.2f units off", name, x, got, u)
		}
	}
	ln10 := bigLn(10)
	for i := range 1000 {
		x := math.Ldexp(0.5+rng.Float64()/2, rng.IntN(2098)-1073)
		if i < len(hardFloats) {
			x = hardFloats[i]
		}
		want := bigLn(x)
		if x != 1 {
			see("ln", x, ln(x), want)
			see("log10", x, log10(x), want.Quo(want, ln10))
		}
	}
	for _, x := range []float64{0, 1, -1, 709.09, 709.5, 709.78, 709.782712893384, 709.8, -700, -708.4, -720.5, -740.25, -745.1, 1e-20, 0x1p-1074} {
		see("exp", x, exp(x), bigExp(bigOf(x)))
	}
	for range 1000 {
		x := (rng.Float64()*2 - 1) * 745
		see("exp", x, exp(x), bigExp(bigOf(x)))
	}
	if exp(0) != 1 || exp(-1000) != 0 || ln(1) != 0 || log10(1) != 0 {
		t.Error("exp(0), exp(-1000), ln(1) and log10(1) are exact")
	}
	for n := -307; n <= 308; n++ {
		if got := log10(math.Pow10(n)); got != float64(n) {
			t.Errorf("log10(1e%d) = %v", n, got)
		}
	}
	t.Logf("furthest off, in units in the last place: %v", worst)
}

func TestPowers(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	worst := 0.0
	see := func(x, y float64) {
		got, why := pow(x, y)
		product := bigLn(math.Abs(x))
		want := bigExp(product.Mul(product, bigOf(y)))
		w, _ := want.Float64()
		if x < 0 && math.Mod(y, 2) != 0 {
			want.Neg(want)
		}
		if math.IsInf(w, 0) {
			if why != Overflow {
				t.Errorf("pow(%v, %v) = %v, %v; want an overflow", x, y, got, why)
			}
			return
		}
		u := ulps(got, want)
		if u > worst {
			worst = u
		}
		if why != 0 || u > 1 {
			t.Errorf("pow(%v, %v) = %v, %v; %.2f units off", x, y, got, why, u)
		}
	}
	for _, c := range [][2]float64{{1.0000000001, 1e10}, {0.9999999999, 1e11}, {1 + 0x1p-52, 0x1p60}, {math.SmallestNonzeroFloat64, 0.1}, {math.SmallestNonzeroFloat64, 1}, {math.MaxFloat64, -1}, {2, -1074}, {2, 1023.5}, {2, 1024},
		{-2, 3}, {-2, 4}, {-2, -1073}, {-1, 1e300}, {-1.5, 65}, {10, 308}, {10, -300}, {1e-10, 31}, {1e154, 2}, {1e155, 2}, {0.1, 323}} {
		see(c[0], c[1])
	}
	for range 500 {
		x := math.Ldexp(0.5+rng.Float64()/2, rng.IntN(40)-20)
		see(x, (rng.Float64()*2-1)*60)
		see(x, float64(rng.IntN(120)-60))
		see(math.Ldexp(x, rng.IntN(2000)-1000), rng.Float64()*2-1)
	}
	for base := 2.0; base <= 12; base++ { // whole powers that are floats are exact
		want := 1.0
		for n := 0; want < 1<<53; n++ {
			if got, _ := pow(base, float64(n)); got != want {
				t.Errorf("pow(%v, %d) = %v, want %v", base, n, got, want)
			}
			want *= base
		}
	}
	for n := -1074; n <= 1023; n++ {
		if got, _ := pow(2, float64(n)); got != math.Ldexp(1, n) {
			t.Errorf("pow(2, %d) = %v", n, got)
		}
	}
	t.Logf("furthest off: %.2f units in the last place", worst)
}

func TestPowersOutsideTheDomain(t *testing.T) {
	for _, c := range []struct {
		x, y float64
		want Reason
	}{{0, -1, Domain}, {0, -0.5, Domain}, {-8, 1.0 / 3, Domain}, {-1, 0.5, Domain}, {10, 400, Overflow}, {0.1, -400, Overflow}, {-10, 309, Overflow}} {
		if got, why := pow(c.x, c.y); why != c.want {
			t.Errorf("pow(%v, %v) = %v, %v; want %v", c.x, c.y, got, why, c.want)
		}
	}
	for _, c := range [][3]float64{{0, 0, 1}, {0, 2, 0}, {-5, 0, 1}, {1, 1e308, 1}, {7, 1, 7}, {-7, 1, -7}, {0.5, 1e300, 0}, {4, 0.5, 2}, {1e300, 1e-320, 1}} {
		if got, why := pow(c[0], c[1]); got != c[2] || why != 0 {
			t.Errorf("pow(%v, %v) = %v, %v; want %v", c[0], c[1], got, why, c[2])
		}
	}
}
