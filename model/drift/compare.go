package drift

import "math"

// Verdict is what is made of a comparison.
type Verdict string

// The verdicts, from the worst on. What chance explains is none, however far it is.
const (
	Drifted     Verdict = "drift"        // PSI above Drift, and above what chance explains
	Slight      Verdict = "slight"       // PSI above Moved, and above what chance explains
	TooFew      Verdict = "too_few"      // rows: chance alone may give a PSI above Drift
	Steady      Verdict = "none"         // no drift
	NotMeasured Verdict = "not_measured" // Why says why
)

// Verdicts are all of them, the worst first.
func Verdicts() []Verdict { return []Verdict{Drifted, Slight, TooFew, Steady, NotMeasured} }

// From which PSI on a change matters, by the field's rule of thumb (0.1: look at it; 0.2: act on it).
const (
	Moved = 0.1
	Drift = 0.2
)

// Chance is how often a whole report of columns that have not changed may name one that has.
const Chance = 0.001

// Comparison is how a column is served, beside how it was in training.
type Comparison struct {
	Column  string  `json:"column"`
	Kind    Kind    `json:"kind"`
	Verdict Verdict `json:"verdict"`
	Why     string  `json:"why,omitempty"`
	Rows    int64   `json:"rows"`
	// Needs is how many rows it takes to tell a PSI of Drift from chance, where there are too few.
	Needs int64 `json:"needs_rows,omitempty"`
	// PSI is over bins that at least five of the rows are expected in; Threshold what chance alone would exceed in one report of a thousand.
	PSI       *float64 `json:"psi,omitempty"`
	Threshold *float64 `json:"psi_by_chance,omitempty"`
	// JensenShannon is the distance by the natural logarithm; Wasserstein is in standard deviations of training.
	JensenShannon *float64 `json:"jensen_shannon,omitempty"`
	Wasserstein   *float64 `json:"wasserstein,omitempty"`
	// Missing is the share of nulls; New that of values that training has none of, or too few to keep; Outside that of numbers below the least or above the greatest.
	Missing          float64  `json:"missing"`
	ReferenceMissing float64  `json:"reference_missing"`
	New              *float64 `json:"new,omitempty"`
	Outside          *float64 `json:"outside,omitempty"`
	Mean             *float64 `json:"mean,omitempty"`
	ReferenceMean    *float64 `json:"reference_mean,omitempty"`
}

// leastExpected is how many rows a bin must lead one to expect: below, neither PSI nor its threshold mean what they say (Cochran's rule).
const leastExpected = 5

// Compare sets values that were served against a column's distribution. It is one of so many comparisons that are reported together.
//
// Of n rows from a distribution of which m rows are known, PSI / (1/n + 1/m) is about a chi-square of one degree less than there are bins
// (Yurdakul and Naranjo, Statistical properties of the population stability index, 2020). So chance is told from change without drawing
// samples. Where a bin has few rows the logarithm makes more of it than that, and Pearson's chi-square of the same bins, which makes less, has to be
// as far out. The obvious rule, one threshold for all sizes, finds drift in every hundred rows.
//
// Rows are taken for independent of each other. Rows of few keys, or of one hour, are less than that: the same change then seems more certain than it is.
func (d *Distribution) Compare(v *Values, comparisons int) *Comparison {
	c := &Comparison{Column: d.Name, Kind: d.Kind, Why: d.Why, Rows: v.Rows(), Missing: share(v.Missing, v.Rows()), ReferenceMissing: share(d.Missing, d.Rows)}
	if c.Rows == 0 || d.Rows == 0 {
		c.Verdict, c.Why = NotMeasured, "no row was served"
		if d.Rows == 0 {
			c.Why = "training has kept no rows of it"
		}
		return c
	}
	if v.Kind != d.Kind {
		c.Verdict, c.Why = NotMeasured, "it is served as another kind of column than it was learned as"
		return c
	}
	b := d.bins(v)
	d.describe(c, v, b)
	b = b.merged(share(c.Rows, d.Rows))
	if len(b.served) < 2 {
		c.Verdict = Steady
		switch {
		case d.Kind == None:
			c.Verdict = NotMeasured
		case d.constant(): // and so it is still, of however few rows
		default:
			c.Verdict, c.Needs = TooFew, d.needs(comparisons)
		}
		return c
	}
	x := psi(shares(b.known), shares(b.served))
	limit := chiSquareExceeded(Chance/float64(max(1, comparisons)), len(b.served)-1)
	by := limit * (1/float64(c.Rows) + 1/float64(d.Rows))
	c.PSI, c.Threshold = &x, &by
	certain := x > by && homogeneity(b.known, b.served) > limit
	switch {
	case certain && x > Drift:
		c.Verdict = Drifted
	case d.Kind == None: // of it no more is known than that
		c.Verdict = NotMeasured
	case by > Drift:
		c.Verdict, c.Needs = TooFew, d.needs(comparisons)
	case certain && x > Moved:
		c.Verdict = Slight
	default:
		c.Verdict = Steady
	}
	return c
}

// constant reports whether training has known one value alone.
func (d *Distribution) constant() bool {
	full := 0
	for _, n := range append([]int64{d.Missing, d.Other}, d.Counts...) {
		if n > 0 {
			full++
		}
	}
	return full < 2
}

// needs is how many rows it takes to tell a PSI of Drift from chance; 0: no number of rows does, for training kept too few.
func (d *Distribution) needs(comparisons int) int64 {
	bins := 0
	for _, n := range append([]int64{d.Missing, d.Other}, d.Counts...) {
		if n > 0 {
			bins++
		}
	}
	if bins < 2 {
		bins = 2
	}
	left := Drift/chiSquareExceeded(Chance/float64(max(1, comparisons)), bins-1) - 1/float64(d.Rows)
	if left <= 0 {
		return 0
	}
	return int64(math.Ceil(1 / left))
}

// describe adds what is said beside the verdict.
func (d *Distribution) describe(c *Comparison, v *Values, b bins) {
	if d.Kind == None {
		return
	}
	js := jensenShannon(plain(b.known), plain(b.served))
	c.JensenShannon = &js
	if d.Kind == Category || d.Exact {
		fresh := share(b.served[b.other], c.Rows)
		c.New = &fresh
	}
	if len(v.Numbers) == 0 || len(d.Points) == 0 {
		return
	}
	x := sorted(v.Numbers)
	mean, _ := moments(x)
	out := 0
	for _, y := range x {
		if y < d.Min || y > d.Max {
			out++
		}
	}
	outside, known := share(int64(out), int64(len(x))), d.Mean
	c.Mean, c.ReferenceMean, c.Outside = &mean, &known, &outside
	if w := wasserstein(d.Points, x) / d.Std; !math.IsNaN(w) && !math.IsInf(w, 0) {
		c.Wasserstein = &w
	}
}

func share(n, of int64) float64 {
	if of == 0 {
		return 0
	}
	return float64(n) / float64(of)
}

// bins are counts of the same bins in training and as served.
type bins struct {
	known, served []int64
	ordered       int // the first so many have an order; the others have none, and are merged into other
	other         int // the bin of what is in none
	missing       int
}

// bins lays values out in the distribution's bins, and behind them what is in none and what is missing.
func (d *Distribution) bins(v *Values) bins {
	var b bins
	var other int64
	switch d.Kind {
	case Number:
		b.known = append(b.known, d.Counts...)
		if len(d.Counts) == 0 { // all were null: a number is none of those that were learned from
			other = int64(len(v.Numbers))
			break
		}
		b.served, other = d.binned(v.Numbers)
		b.ordered = len(b.known)
	case Category:
		b.known = append(b.known, d.Counts...)
		b.served, other = d.counted(v.Texts)
	case None:
		b.known, b.served = []int64{d.Rows - d.Missing}, []int64{v.Present}
		b.ordered = 1
	}
	b.other, b.missing = len(b.known), len(b.known)+1
	b.known, b.served = append(b.known, d.Other, d.Missing), append(b.served, other, v.Missing)
	return b
}

// merged makes bins of which each leads one to expect enough rows, ratio being how many were served for each that is known: numbers with their
// neighbours, texts with what is in no category. What is missing, and what is in none, stay by themselves where there is any: that they come at all
// is what there is to see.
func (b bins) merged(ratio float64) bins {
	out := bins{}
	enough := func(known int64) bool { return float64(known)*ratio >= leastExpected }
	var known, served int64
	otherKnown, otherServed := b.known[b.other], b.served[b.other]
	for i := range b.other {
		if i >= b.ordered && !enough(b.known[i]) {
			otherKnown, otherServed = otherKnown+b.known[i], otherServed+b.served[i]
			continue
		}
		known, served = known+b.known[i], served+b.served[i]
		if enough(known) {
			out.known, out.served = append(out.known, known), append(out.served, served)
			known, served = 0, 0
		}
	}
	if n := len(out.known); n > 0 {
		out.known[n-1], out.served[n-1] = out.known[n-1]+known, out.served[n-1]+served
	} else if known+served > 0 {
		out.known, out.served = append(out.known, known), append(out.served, served)
	}
	for _, own := range [][2]int64{{otherKnown, otherServed}, {b.known[b.missing], b.served[b.missing]}} {
		if own[0]+own[1] > 0 {
			out.known, out.served = append(out.known, own[0]), append(out.served, own[1])
		}
	}
	return out
}

// shares are those of counts, where no row counts as half a one: PSI has no value where a share is nought.
func shares(counts []int64) []float64 {
	whole := 0.0
	out := make([]float64, len(counts))
	for i, n := range counts {
		out[i] = max(0.5, float64(n))
		whole += out[i]
	}
	for i := range out {
		out[i] /= whole
	}
	return out
}

func plain(counts []int64) []float64 {
	var whole int64
	for _, n := range counts {
		whole += n
	}
	out := make([]float64, len(counts))
	for i, n := range counts {
		out[i] = share(n, whole)
	}
	return out
}
