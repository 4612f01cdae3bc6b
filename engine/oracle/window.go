package oracle

import (
	"math"

	"github.com/bighead-ml/bighead/feature"
)

// The list of W2, in ms.
var list = []int64{1e3, 5e3, 15e3, 60e3, 300e3, 900e3, 3600e3, 3 * 3600e3, 6 * 3600e3, day}

const day = 24 * 3600e3

// asOf is u and a of §4.
func asOf(w feature.Window, d, t int64) (u, a int64) {
	v := t - d
	if w.Daily {
		v = floor(v, day)
	}
	return v - w.Offset, v + d
}

// edges is the table of §4: the rows of E(k, t) have start ≤ ts < end.
func edges(w feature.Window, d, t int64) (start, end int64) {
	u, _ := asOf(w, d, t)
	switch {
	case w.Unbounded:
		return math.MinInt64, cut(u, d+w.Offset, day)
	case w.Tumbling:
		end := floor(u-w.Origin, w.Size) + w.Origin
		return end - w.Size, end
	case w.Resolution == 0: // exact
		return u - w.Size, u
	}
	return floor(u-w.Size, w.Resolution), cut(u, d+w.Offset, w.Resolution)
}

// cut is the end of a window that ends `back` ms before the asking, at resolution r (W3).
func cut(u, back, r int64) int64 {
	if back == 0 {
		return u
	}
	g := int64(1000)
	for _, step := range list {
		if r%step == 0 && step*60 <= back {
			g = step
		}
	}
	return floor(u, g)
}

// floor is y·⌊x/y⌋ (W4).
func floor(x, y int64) int64 {
	q := x / y
	if q*y > x {
		q--
	}
	return q * y
}
