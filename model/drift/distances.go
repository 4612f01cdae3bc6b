package drift

import (
	"math"
	"slices"
)

// Distances between two distributions, by shares of the same bins, as the field's libraries have them (checked against scipy; testdata).

// psi is the population stability index, the sum of (p-q) ln(p/q). Every share is above 0.
func psi(p, q []float64) float64 {
	sum := 0.0
	for i := range p {
		sum += (p[i] - q[i]) * math.Log(p[i]/q[i])
	}
	return sum
}

// jensenShannon is the square root of the divergence, by the natural logarithm: from 0 to sqrt(ln 2), 0.83.
func jensenShannon(p, q []float64) float64 {
	sum := 0.0
	part := func(x, m float64) float64 {
		if x == 0 {
			return 0
		}
		return x * math.Log(x/m)
	}
	for i := range p {
		m := (p[i] + q[i]) / 2
		sum += (part(p[i], m) + part(q[i], m)) / 2
	}
	return math.Sqrt(max(0, sum))
}

// wasserstein is the area between the distribution functions of two samples, each in order: how far a row must be moved, on average, to make
// one of the other.
func wasserstein(a, b []float64) float64 {
	sum, i, j := 0.0, 0, 0
	x := min(a[0], b[0])
	for i < len(a) || j < len(b) {
		next := math.Inf(1)
		if i < len(a) {
			next = a[i]
		}
		if j < len(b) {
			next = min(next, b[j])
		}
		if next > x {
			sum += (next - x) * math.Abs(float64(i)/float64(len(a))-float64(j)/float64(len(b)))
			x = next
		}
		for i < len(a) && a[i] == next {
			i++
		}
		for j < len(b) && b[j] == next {
			j++
		}
	}
	return sum
}

// homogeneity is Pearson's chi-square of two rows of counts, of which no bin is empty in both: whether they may be of one distribution.
func homogeneity(a, b []int64) float64 {
	var na, nb float64
	for i := range a {
		na, nb = na+float64(a[i]), nb+float64(b[i])
	}
	sum := 0.0
	for i := range a {
		x, y := float64(a[i]), float64(b[i])
		both := (x + y) / (na + nb)
		sum += (x-na*both)*(x-na*both)/(na*both) + (y-nb*both)*(y-nb*both)/(nb*both)
	}
	return sum
}

func sorted(x []float64) []float64 { return slices.Sorted(slices.Values(x)) }

// chiSquareAbove is the chance that the sum of the squares of so many standard normal numbers is above x.
func chiSquareAbove(x float64, degrees int) float64 {
	if x <= 0 {
		return 1
	}
	a, x := float64(degrees)/2, x/2
	lg, _ := math.Lgamma(a)
	head := math.Exp(a*math.Log(x) - x - lg)
	if x < a+1 { // the series of what lies below
		term := 1 / a
		sum := term
		for n := a + 1; term > sum*1e-16; n++ {
			term *= x / n
			sum += term
		}
		return 1 - head*sum
	}
	// The continued fraction of what lies above, by Lentz's way.
	b := x + 1 - a
	c, d := math.Inf(1), 1/b
	h := d
	for i := 1.0; i < 10_000; i++ {
		an := -i * (i - a)
		b += 2
		d = 1 / (an*d + b)
		c = b + an/c
		h *= d * c
		if math.Abs(d*c-1) < 1e-15 {
			break
		}
	}
	return head * h
}

// chiSquareExceeded is the number that such a sum exceeds with a chance.
func chiSquareExceeded(chance float64, degrees int) float64 {
	low, high := 0.0, float64(degrees)+10
	for chiSquareAbove(high, degrees) > chance {
		high *= 2
	}
	for range 200 {
		mid := (low + high) / 2
		if mid == low || mid == high {
			break
		}
		if chiSquareAbove(mid, degrees) > chance {
			low = mid
		} else {
			high = mid
		}
	}
	return high
}
