package tree

import (
	"fmt"
	"math"
	"slices"

	"github.com/bighead-ml/bighead/model"
)

// A forest is what a file says. Every reader makes one, check holds it to be sound, and compile lays it out.
type forest struct {
	format    string
	inputs    []model.Input
	classes   []string
	outputs   int // numbers that are added up for a row
	trees     []tree
	base      []float64 // what the sums begin with, by output; nil: 0
	scale     float64   // where there is a bias, sums are multiplied by it, and then the bias is added, by output
	bias      []float64 // nil: neither
	late      []float64 // what is added to the sums once they are divided, by output; nil: nothing
	linear    []float64 // of a booster without trees: by feature and output, then what is added by output; nil: none
	narrow    bool      // sums are float32
	prepare   prepare
	divide    float64 // sums are divided by it before the link; 0: they are not
	link      link
	answer    model.Output // what the link gives
	class     class        // how the answer is told as a class, too
	className string       // of the output that tells it; "": class
	margins   bool         // the sums are an answer of their own
}

// prepare says what becomes of a row before any tree looks at it.
type prepare uint8

const (
	asIs      prepare = iota
	toFloat32         // rounded to float32
	finite32          // likewise, and infinite numbers are refused, as XGBoost does
	zeroSmall         // numbers that LightGBM takes for zero are zero
)

// class says how a class is told.
type class uint8

const (
	classNone  class = iota
	classHalf        // the second of two where the answer's last number is above 1/2
	classAbove       // the second of two where the sum is above 0
	classTop         // the one with the greatest sum
)

func (c class) of(sums, answer []float64) float64 {
	switch {
	case c == classTop:
		return greatest(sums)
	case c == classHalf && answer[len(answer)-1] > 0.5, c == classAbove && sums[0] > 0:
		return 1
	}
	return 0
}

// maxOutputs is how many numbers may be added up for a row.
const maxOutputs = 1 << 16

// zero is the greatest number that LightGBM takes for zero: kZeroThreshold, 1e-35f.
const zero = float64(float32(1e-35))

// A tree has nodes, which ask, and leaves. A child or root below 0 is the leaf ^child.
type tree struct {
	root   int32
	nodes  []node
	leaves int
	output int       // where its leaves are added; -1: they are vectors, one number for each output
	values []float64 // by leaf, or by leaf and output
	linear []linear  // by leaf; nil: leaves are constants
	// cover and leafCover are how many rows of the training set came to a node and a leaf, or their weight; nil: the file does not say.
	cover, leafCover []float64
	mean             []float64 // of its answers by cover; of vectors by output
}

// A node asks one thing of one feature: whether x <= threshold, or whether x is one of set; yes is left.
type node struct {
	feature     int32
	left, right int32
	missing     missing
	leftMissing bool
	threshold   float64
	set         *set // nil: the threshold counts
}

// missing says which numbers take a node's default side. Of a set only NaN does.
type missing uint8

const (
	missingNaN  missing = iota
	missingZero         // NaN and what LightGBM takes for zero
	missingNone         // none: NaN is zero
)

// A set is a set of categories, as bits or, where these would take much more room than the file, as numbers; or of any numbers.
type set struct {
	bits    []uint32
	numbers []float64 // ascending; where bits is nil
	whole   bool      // of numbers: they are categories, of which a number has its whole part
	trunc   bool      // of bits: a number between 0 and -1 has category 0, as LightGBM has it; else it is in no set
}

// linear is the equation of a leaf of a linear tree: constant + Σ coefficients × features; a row with one of these missing gets the leaf's
// value.
type linear struct {
	constant     float64
	features     []int32
	coefficients []float64
}

// has reports whether x, which is not NaN, is in the set.
func (s *set) has(x float64) bool {
	if s.bits == nil {
		if s.whole && x >= 0 {
			x = math.Trunc(x)
		}
		_, found := slices.BinarySearch(s.numbers, x)
		return found
	}
	if x <= -1 || x < 0 && !s.trunc || x >= min(float64(len(s.bits))*32, 1<<31) {
		return false
	}
	i := uint32(int32(x))
	return s.bits[i>>5]>>(i&31)&1 != 0
}

// maxCategory is how many categories XGBoost can tell apart: greater ones are no integers of float32 any more.
const maxCategory = 1 << 24

// setOf is a set of categories; as numbers where bits would take much more room than the file does.
func setOf(categories []int32) (*set, error) {
	top := int32(0)
	for _, c := range categories {
		if c < 0 || c >= maxCategory {
			return nil, fmt.Errorf("category %d is not in [0, 2^24)", c)
		}
		top = max(top, c)
	}
	s := &set{}
	if int(top/32) > 1024+16*len(categories) {
		for _, c := range categories {
			s.numbers = append(s.numbers, float64(c))
		}
		slices.Sort(s.numbers)
		s.whole = true
		return s, nil
	}
	s.bits = make([]uint32, top/32+1)
	for _, c := range categories {
		s.bits[c>>5] |= 1 << (c & 31)
	}
	return s, nil
}

// lessThan is the threshold t' with x <= t' where x < t, for each number x of float64.
func lessThan(t float64) float64 { return math.Nextafter(t, math.Inf(-1)) }

// check holds a forest to be sound: that every number which the walk follows leads somewhere, and no way leads in a circle.
func (f *forest) check() error {
	if f.outputs > maxOutputs {
		return fmt.Errorf("%d outputs: at most %d are run", f.outputs, maxOutputs)
	}
	if f.outputs < 1 || f.base != nil && len(f.base) != f.outputs || f.late != nil && len(f.late) != f.outputs || f.bias != nil && len(f.bias) != f.outputs {
		return fmt.Errorf("%d outputs with %d base values", f.outputs, max(len(f.base), len(f.late)))
	}
	var seen seen
	for i := range f.trees {
		if err := f.checkTree(&f.trees[i], &seen); err != nil {
			return fmt.Errorf("tree %d: %w", i, err)
		}
	}
	return nil
}

func (f *forest) checkTree(t *tree, seen *seen) error {
	width := 1
	if t.output < 0 {
		width = f.outputs
	}
	switch {
	case t.output >= f.outputs:
		return fmt.Errorf("adds to output %d of %d", t.output, f.outputs)
	case len(t.values) != t.leaves*width:
		return fmt.Errorf("%d values for %d leaves of %d", len(t.values), t.leaves, width)
	case t.cover != nil && (len(t.cover) != len(t.nodes) || len(t.leafCover) != t.leaves):
		return fmt.Errorf("covers of %d nodes and %d leaves, of which there are %d and %d", len(t.cover), len(t.leafCover), len(t.nodes), t.leaves)
	case t.linear != nil && len(t.linear) != t.leaves:
		return fmt.Errorf("%d linear leaves of %d", len(t.linear), t.leaves)
	}
	for i := range t.linear {
		if l := &t.linear[i]; len(l.features) != len(l.coefficients) {
			return fmt.Errorf("leaf %d: %d coefficients for %d features", i, len(l.coefficients), len(l.features))
		}
		for _, x := range t.linear[i].features {
			if int(x) < 0 || int(x) >= len(f.inputs) {
				return fmt.Errorf("leaf %d reads feature %d of %d", i, x, len(f.inputs))
			}
		}
	}
	for _, covers := range [][]float64{t.cover, t.leafCover} {
		for _, c := range covers {
			if !(c >= 0) || math.IsInf(c, 0) {
				return fmt.Errorf("%v rows came to a node", c)
			}
		}
	}
	return f.checkNodes(t, seen)
}

// seen is which nodes and leaves of a tree were met, kept from tree to tree.
type seen struct {
	nodes, leaves []bool
	stack         []int32
}

func (s *seen) reset(t *tree) {
	if len(s.nodes) < len(t.nodes) {
		s.nodes = make([]bool, len(t.nodes))
	}
	if len(s.leaves) < t.leaves {
		s.leaves = make([]bool, t.leaves)
	}
	clear(s.nodes[:len(t.nodes)])
	clear(s.leaves[:t.leaves])
	s.stack = append(s.stack[:0], t.root)
}

// checkNodes follows every way from the root. What no way leads to does not matter: XGBoost keeps what it pruned.
func (f *forest) checkNodes(t *tree, seen *seen) error {
	seen.reset(t)
	for len(seen.stack) > 0 {
		at := seen.stack[len(seen.stack)-1]
		seen.stack = seen.stack[:len(seen.stack)-1]
		met, i, what := seen.nodes[:len(t.nodes)], int(at), "node"
		if at < 0 {
			met, i, what = seen.leaves[:t.leaves], int(^at), "leaf"
		}
		switch {
		case i >= len(met):
			return fmt.Errorf("a child is %s %d of %d", what, i, len(met))
		case met[i]:
			return fmt.Errorf("two ways lead to %s %d: this is no tree", what, i)
		}
		met[i] = true
		if at < 0 {
			continue
		}
		n := &t.nodes[i]
		switch {
		case n.feature < 0 || int(n.feature) >= len(f.inputs):
			return fmt.Errorf("node %d reads feature %d of %d", i, n.feature, len(f.inputs))
		case n.set == nil && math.IsNaN(n.threshold):
			return fmt.Errorf("node %d compares with NaN", i)
		}
		seen.stack = append(seen.stack, n.left, n.right)
	}
	return nil
}
