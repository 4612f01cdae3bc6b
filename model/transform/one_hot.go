package transform

import (
	"errors"
	"fmt"
	"slices"

	"github.com/bighead-ml/bighead/value"
)

var oneHot = &Kind{
	Name: "one_hot",
	Doc: "A bool for each value that the training rows have `min_count` times or more, in the values' order (strings by code point, false before true): whether it is that one. " +
		"Equals scikit-learn's `OneHotEncoder`.",
	Names: "`{column}_{value}`, and with `missing=\"column\"` at the end `{column}_null`. " + codedNames,
	Nulls: "With `missing=\"column\"` a column of its own says that it was null, with `\"zeros\"` none does, with `\"error\"` the row is refused. A value that is not among them is false everywhere, or an `error`.",
	Takes: categories,
	Params: []Param{
		{Name: "min_count", Doc: "how often a value must be there to have a column", Type: Whole, Default: "1"},
		{Name: "unknown", Doc: "what a value without a column is", Type: Text, Default: `"zeros"`, Choices: []string{"zeros", "error"}},
		{Name: "missing", Doc: "what a null is", Type: Text, Default: `"column"`, Choices: []string{"column", "zeros", "error"}},
	},
	Examples: []Example{
		{In: []string{"c string: UA | AA | null"}, Want: []string{"c_AA bool: false | true | false", "c_UA bool: true | false | false", "c_null bool: false | false | true"}},
		{In: []string{"c string: UA | AA | UA | null"}, Args: `{"min_count": 2, "missing": "zeros"}`, Want: []string{"c_UA bool: true | false | true | false"}},
	},
	draft: func(b *binding) {
		least := b.within("min_count", 1, 1<<62)
		b.each(func(c bound) *draft {
			return &draft{out: c.family(value.Bool), open: true, learn: learnTally(func(t *tally) (op, []string, error) {
				o := &hot{Unknown: b.text("unknown"), Missing: b.text("missing")}
				o.categoryList, _ = t.list(least)
				if o.len() > maxColumns {
					return nil, nil, fmt.Errorf("it has %d different values, and at most %d become columns: raise min_count, or take ordinal or hashing", o.len(), maxColumns)
				}
				if o.len() == 0 {
					return nil, nil, fmt.Errorf("no value comes %d times: lower min_count", least)
				}
				names := o.names(c.Type)
				if o.Missing == "column" {
					names = append(names, "null")
				}
				return o, names, nil
			})}
		})
	},
	op: func() op { return new(hot) },
}

// hot is a column by category.
type hot struct {
	categoryList
	Unknown string `json:"unknown"`
	Missing string `json:"missing"`
}

func (o *hot) outputs(in []value.Type) ([]output, error) {
	if !slices.Contains([]string{"zeros", "error"}, o.Unknown) || !slices.Contains([]string{"column", "zeros", "error"}, o.Missing) {
		return nil, errors.New("unknown or missing is none of its words")
	}
	if err := o.index(in[0]); err != nil {
		return nil, err
	}
	n := o.len()
	if o.Missing == "column" {
		n++
	}
	return outputsOf(value.Bool, n), nil
}

func (o *hot) apply(c *call) error {
	for i := range c.n {
		code := o.code(c.in[0], i)
		switch {
		case code >= 0:
		case code == nullCode && o.Missing == "column":
			code = o.len()
		case code == nullCode && o.Missing == "error":
			return c.refuse(i, 0, "it is null")
		case code == unknownCode && o.Unknown == "error":
			return c.refuse(i, 0, "its value was not in the training rows, or too seldom")
		default:
			continue
		}
		c.out[code].Bools[i] = true
	}
	return nil
}
