package transform

import (
	"errors"

	"github.com/bighead-ml/bighead/value"
)

var ordinal = &Kind{
	Name: "ordinal",
	Doc: "The code of a value, from 0 on, among those that the training rows have `min_count` times or more, in the values' order (strings by code point, false before true). Models take it as the code of " +
		"a category. Equals scikit-learn's `OrdinalEncoder`.",
	Names: "As before.",
	Nulls: "With `missing` a null is that code, or the row is refused (`\"error\"`), or it stays one (`\"null\"`). `unknown` says the same of a value that has no code.",
	Takes: categories,
	Params: []Param{
		{Name: "min_count", Doc: "how often a value must be there to have a code", Type: Whole, Default: "1"},
		{Name: "unknown", Doc: "what a value without a code is: a code, or a word", Type: WholeOrText, Default: `"null"`, Choices: []string{"null", "error"}},
		{Name: "missing", Doc: "what a null is: a code, or a word", Type: WholeOrText, Default: `"null"`, Choices: []string{"null", "error"}},
	},
	Examples: []Example{
		{In: []string{"c string: UA | AA | null | UA"}, Want: []string{"c int: 1 | 0 | null | 1"}},
		{In: []string{"c string: UA | AA | null | UA"}, Args: `{"min_count": 2, "unknown": -1, "missing": -2}`, Want: []string{"c int: 0 | -1 | -2 | 0"}},
	},
	draft: func(b *binding) {
		least := b.within("min_count", 1, 1<<62)
		b.each(func(c bound) *draft {
			column := c.as(value.Int)
			column.Categorical = true
			return &draft{out: []Column{column}, learn: learnTally(func(t *tally) (op, []string, error) {
				o := &codes{Unknown: b.otherwise("unknown"), Missing: b.otherwise("missing")}
				o.categoryList, _ = t.list(least)
				return o, nil, nil
			})}
		})
	},
	op: func() op { return new(codes) },
}

// otherwise is what stands in place of a code: a code, an error, or (both unset) null.
type otherwise struct {
	Code  *int64 `json:"code,omitempty"`
	Error bool   `json:"error,omitempty"`
}

func (b *binding) otherwise(name string) otherwise {
	if n, ok := b.args[name].(int64); ok {
		return otherwise{Code: &n}
	}
	return otherwise{Error: b.text(name) == "error"}
}

// codes is a number by category.
type codes struct {
	categoryList
	Unknown otherwise `json:"unknown"`
	Missing otherwise `json:"missing"`
}

func (o *codes) outputs(in []value.Type) ([]output, error) {
	if o.Unknown.Code != nil && o.Unknown.Error || o.Missing.Code != nil && o.Missing.Error {
		return nil, errors.New("unknown or missing is a code and an error")
	}
	if err := o.index(in[0]); err != nil {
		return nil, err
	}
	return []output{{value.Int, true}}, nil
}

func (o *codes) apply(c *call) error {
	for i := range c.n {
		code := o.code(c.in[0], i)
		if code >= 0 {
			c.out[0].Ints[i] = int64(code)
			continue
		}
		instead, reason := o.Unknown, "its value was not in the training rows, or too seldom"
		if code == nullCode {
			instead, reason = o.Missing, "it is null"
		}
		switch {
		case instead.Error:
			return c.refuse(i, 0, reason)
		case instead.Code != nil:
			c.out[0].Ints[i] = *instead.Code
		default:
			c.out[0].null(i)
		}
	}
	return nil
}
