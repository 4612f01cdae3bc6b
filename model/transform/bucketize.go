package transform

import (
	"errors"
	"fmt"
	"slices"
	"sort"

	"github.com/bighead-ml/bighead/value"
)

var bucketize = &Kind{
	Name: "bucketize",
	Doc: "The number of the bucket that a number falls into: how many `edges` are not above it, so that the first bucket is everything below the first edge, and an edge " +
		"belongs to the bucket above it. With `quantiles=n` the edges are the n-1 inner quantiles of the training rows (by linear interpolation), each once. Equals scikit-learn's " +
		"`KBinsDiscretizer(encode=\"ordinal\", strategy=\"quantile\", quantile_method=\"linear\")` to the bit.",
	Names: "As before.",
	Nulls: "A null stays one, and takes no part in fitting.",
	Takes: numeric,
	Params: []Param{
		{Name: "edges", Doc: "where one bucket ends and the next begins, ascending", Type: Numbers, Default: "None", Positional: true},
		{Name: "quantiles", Doc: "in place of edges, how many buckets of as many training rows", Type: Whole, Default: "None"},
	},
	Examples: []Example{
		{In: []string{"x float: -1.0 | 0.0 | 0.5 | 10.0 | null"}, Args: `{"edges": [0.0, 10.0]}`, Want: []string{"x int: 0 | 1 | 1 | 2 | null"}},
		{In: []string{"x int: 1 | 2 | 3 | 4 | 5"}, Args: `{"quantiles": 2}`, Want: []string{"x int: 0 | 0 | 1 | 1 | 1"}},
	},
	draft: func(b *binding) {
		n := b.within("quantiles", 2, maxColumns)
		given := b.numbers("edges")
		switch {
		case b.has("edges") == b.has("quantiles"):
			b.reportArg("edges", "write edges=[…] or quantiles=10", "bucketize takes edges or quantiles, one of them")
			return
		case b.has("edges") && (len(given) == 0 || !ascending(given)):
			b.reportArg("edges", "write them ascending, each once", "edges=%v of bucketize", given)
			return
		}
		b.each(func(c bound) *draft {
			d := &draft{out: []Column{c.as(value.Int)}}
			if b.has("edges") {
				d.op = &edges{given}
				return d
			}
			d.learn = learnNumbers(func(sorted []float64) (op, error) {
				var inner []float64
				for i := range n - 1 {
					inner = append(inner, quantile(sorted, float64(i+1)/float64(n)))
				}
				inner = slices.Compact(inner)
				// As scikit-learn drops the empty buckets at the ends.
				inner = slices.DeleteFunc(inner, func(e float64) bool { return e == sorted[0] || e == sorted[len(sorted)-1] })
				if len(inner) == 0 {
					return nil, fmt.Errorf("its quantiles are all the same: give edges, or drop it")
				}
				return &edges{inner}, nil
			})
			return d
		})
	},
	op: func() op { return new(edges) },
}

// edges are where buckets begin.
type edges struct {
	Edges []float64 `json:"edges"`
}

func (o *edges) outputs([]value.Type) ([]output, error) {
	if len(o.Edges) == 0 || !ascending(o.Edges) {
		return nil, errors.New("its edges are not ascending")
	}
	return outputsOf(value.Int, 1), nil
}

func (o *edges) apply(c *call) error {
	for i := range c.n {
		x, ok := numeral(c.in[0], i)
		if !ok {
			c.out[0].null(i)
			continue
		}
		c.out[0].Ints[i] = int64(sort.Search(len(o.Edges), func(j int) bool { return o.Edges[j] > x }))
	}
	return nil
}
