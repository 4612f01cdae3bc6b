package transform

import (
	"fmt"

	"github.com/bighead-ml/bighead/value"
)

var rename = &Kind{
	Name:  "rename",
	Doc:   "Calls columns otherwise.",
	Names: "Those of `to`, in the columns' order.",
	Nulls: "Stay.",
	Params: []Param{
		{Name: "to", Doc: "the new names, as many as there are columns", Type: TextList, Positional: true},
	},
	Examples: []Example{
		{In: []string{"x int: 1", "y int: 2"}, Args: `{"to": ["a", "b"]}`, Want: []string{"a int: 1", "b int: 2"}},
	},
	draft: func(b *binding) {
		to := b.texts("to")
		if len(to) != len(b.columns) {
			b.reportArg("to", fmt.Sprintf("write %d names", len(b.columns)), "rename has %d names for %d columns", len(to), len(b.columns))
			return
		}
		i := 0
		b.each(func(c bound) *draft {
			column := c.Column
			column.Name = to[i]
			i++
			return &draft{out: []Column{column}, op: &identity{Categorical: c.Categorical}}
		})
	},
	op: func() op { return new(identity) },
}

// identity is a column under another name; the applier hands the column on.
type identity struct {
	Categorical bool `json:"categorical,omitempty"`
}

func (o *identity) outputs(in []value.Type) ([]output, error) {
	return []output{{in[0], o.Categorical}}, nil
}

func (o *identity) apply(*call) error { return nil }
