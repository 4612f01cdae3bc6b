package tree

import "math"

// A link makes an answer of a row's sums.
type link struct {
	kind   linkKind
	factor float64 // of the sigmoid: 1/(1+exp(-factor·x))
	narrow bool    // computed in float32, as XGBoost and ONNX Runtime do
}

type linkKind uint8

const (
	identity linkKind = iota
	sigmoid
	exponential
	softmax
	argmax     // the number of the greatest sum, the first of equals
	hinge      // 1 where the sum is above 0, else 0
	squared    // sign(x)·x², LightGBM's reg_sqrt
	logOnePlus // log(1+exp(x)), LightGBM's cross_entropy_lambda
	// Of one sum the scores of two classes, as ONNX has them.
	pairSigmoid    // sigmoid(-x), sigmoid(x)
	pairComplement // 1-x, x
	pairNegated    // -x, x
)

// apply writes the answer of one row's sums.
func (l link) apply(sums, out []float64) {
	switch l.kind {
	case softmax:
		l.softmax(sums, out)
	case argmax:
		out[0] = greatest(sums)
	case pairSigmoid:
		out[0], out[1] = l.one(-sums[0]), l.one(sums[0])
	case pairComplement:
		out[0], out[1] = l.round(1-sums[0]), sums[0]
	case pairNegated:
		out[0], out[1] = -sums[0], sums[0]
	default:
		for i, x := range sums {
			out[i] = l.one(x)
		}
	}
}

// round takes a number to the link's width. Rounding after each operation of float64 on numbers of float32 is what float32 gives.
func (l link) round(x float64) float64 {
	if l.narrow {
		return float64(float32(x))
	}
	return x
}

func (l link) one(x float64) float64 {
	switch l.kind {
	case sigmoid, pairSigmoid:
		return l.round(1 / l.round(1+l.round(math.Exp(-l.factor*x))))
	case exponential:
		return l.round(math.Exp(x))
	case hinge:
		if x > 0 {
			return 1
		}
		return 0
	case squared:
		return math.Copysign(x*x, x)
	case logOnePlus:
		return math.Log1p(math.Exp(x))
	}
	return x
}

func (l link) softmax(sums, out []float64) {
	top := sums[0]
	for _, x := range sums {
		top = max(top, x)
	}
	total := 0.0
	for i, x := range sums {
		out[i] = l.round(math.Exp(l.round(x - top)))
		total = l.round(total + out[i])
	}
	for i := range sums {
		out[i] = l.round(out[i] / total)
	}
}

func greatest(x []float64) float64 {
	best := 0
	for i := range x {
		if x[i] > x[best] {
			best = i
		}
	}
	return float64(best)
}
