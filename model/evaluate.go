package model

import (
	"cmp"
	"math"
	"slices"
)

// Truth is rows' labels beside what a model answered: Width numbers a row. Every row counts alike, whatever its weight in training.
type Truth struct {
	Labels  []float64 // of classes the number of the true one
	Answers []float64
	Width   int
}

// computes are how the metrics are computed; NaN where the rows do not determine one.
var computes = map[string]func(Truth) float64{
	"auc": auc, "average_precision": averagePrecision, "log_loss": logLoss, "brier": meanSquares, "accuracy": accuracy,
	"rmse": func(t Truth) float64 { return math.Sqrt(meanSquares(t)) }, "mae": meanAbsolute, "r2": r2, "spearman": spearman,
}

// Evaluate computes the named metrics. One that the rows do not determine (the AUC of one class alone) is not among them.
func Evaluate(names []string, t Truth) map[string]float64 {
	out := map[string]float64{}
	for _, name := range names {
		if compute := computes[name]; compute != nil {
			if x := compute(t); !math.IsNaN(x) && !math.IsInf(x, 0) {
				out[name] = x
			}
		}
	}
	return out
}

// Computed tells whether a metric can be computed here; every one in metrics can.
func Computed(m Metric) bool { return computes[m.Name] != nil }

// ranks are the places of numbers in their order, from 1 on; those that are equal share the mean of theirs.
func ranks(x []float64) []float64 {
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(x[a], x[b]) })
	out := make([]float64, len(x))
	for from := 0; from < len(order); {
		to := from + 1
		for to < len(order) && x[order[to]] == x[order[from]] {
			to++
		}
		for _, i := range order[from:to] {
			out[i] = float64(from+1+to) / 2
		}
		from = to
	}
	return out
}

// auc is the chance that a row of the second class has the higher probability, by the sum of the second class's ranks.
func auc(t Truth) float64 {
	positives, sum := 0.0, 0.0
	for i, r := range ranks(t.Answers) {
		if t.Labels[i] == 1 {
			positives++
			sum += r
		}
	}
	negatives := float64(len(t.Labels)) - positives
	return (sum - positives*(positives+1)/2) / (positives * negatives)
}

// averagePrecision is the sum of precision times the step of recall, at each probability that occurs, from the highest down.
func averagePrecision(t Truth) float64 {
	order := make([]int, len(t.Labels))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(t.Answers[b], t.Answers[a]) })
	all := 0.0
	for _, y := range t.Labels {
		all += y
	}
	sum, found := 0.0, 0.0
	for from := 0; from < len(order); {
		to, step := from, 0.0
		for to < len(order) && t.Answers[order[to]] == t.Answers[order[from]] {
			step += t.Labels[order[to]]
			to++
		}
		found += step
		sum += step / all * found / float64(to)
		from = to
	}
	return sum
}

// leastProbability keeps the logarithm of a probability of nought finite.
const leastProbability = 0x1p-52

func logLoss(t Truth) float64 {
	sum := 0.0
	for i, y := range t.Labels {
		p := t.Answers[i*t.Width+min(int(y), t.Width-1)]
		if t.Width == 1 && y == 0 {
			p = 1 - p
		}
		sum -= math.Log(min(max(p, leastProbability), 1-leastProbability))
	}
	return sum / float64(len(t.Labels))
}

func accuracy(t Truth) float64 {
	right := 0
	for i, y := range t.Labels {
		if float64(likeliest(t.Answers[i*t.Width:(i+1)*t.Width])) == y {
			right++
		}
	}
	return float64(right) / float64(len(t.Labels))
}

// likeliest is the class of the highest probability, of equal ones the first.
func likeliest(p []float64) int {
	if len(p) == 1 {
		if p[0] > 0.5 {
			return 1
		}
		return 0
	}
	best := 0
	for k, x := range p {
		if x > p[best] {
			best = k
		}
	}
	return best
}

func meanSquares(t Truth) float64 {
	return mean(t, func(y, x float64) float64 { return (y - x) * (y - x) })
}

func meanAbsolute(t Truth) float64 {
	return mean(t, func(y, x float64) float64 { return math.Abs(y - x) })
}

func mean(t Truth, of func(y, x float64) float64) float64 {
	sum := 0.0
	for i, y := range t.Labels {
		sum += of(y, t.Answers[i])
	}
	return sum / float64(len(t.Labels))
}

func r2(t Truth) float64 {
	centre := mean(t, func(y, _ float64) float64 { return y })
	spread := mean(t, func(y, _ float64) float64 { return (y - centre) * (y - centre) })
	return 1 - meanSquares(t)/spread
}

// spearman is Pearson's correlation of the ranks.
func spearman(t Truth) float64 {
	a, b := ranks(t.Labels), ranks(t.Answers)
	centre := float64(len(a)+1) / 2
	var ab, aa, bb float64
	for i := range a {
		x, y := a[i]-centre, b[i]-centre
		ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
	}
	return ab / math.Sqrt(aa*bb)
}
