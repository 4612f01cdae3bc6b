package tree

import "math"

// find walks a tree as it was read, node by node, and gives the leaf. It says what a node means; the layout must come to the same leaf.
func (t *tree) find(row []float64) uint32 {
	at := t.root
	for at >= 0 {
		n := &t.nodes[at]
		if n.goesLeft(row[n.feature]) {
			at = n.left
		} else {
			at = n.right
		}
	}
	return uint32(^at)
}

func (n *node) goesLeft(x float64) bool {
	if n.set != nil {
		if math.IsNaN(x) {
			return n.leftMissing
		}
		return n.set.has(x)
	}
	switch {
	case n.missing == missingNone && math.IsNaN(x):
		x = 0
	case math.IsNaN(x), n.missing == missingZero && math.Abs(x) <= zero:
		return n.leftMissing
	}
	return x <= n.threshold
}

// value is what a leaf gives a row. Products are rounded before they are added, as the framework's are.
func (t *tree) value(leaf uint32, row []float64) float64 {
	if t.linear == nil {
		return t.values[leaf]
	}
	l := &t.linear[leaf]
	sum := l.constant
	for i, feature := range l.features {
		if math.IsNaN(row[feature]) {
			return t.values[leaf]
		}
		sum += float64(l.coefficients[i] * row[feature])
	}
	return sum
}
