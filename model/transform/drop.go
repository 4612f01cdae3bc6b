package transform

import "github.com/bighead-ml/bighead/value"

var drop = &Kind{
	Name:  "drop",
	Doc:   "Leaves columns out.",
	Names: "Those of the others.",
	Nulls: "Stay.",
	Many:  true,
	Examples: []Example{
		{In: []string{"x int: 1", "y int: 2"}, Columns: []string{"x"}, Want: []string{"y int: 2"}},
	},
	draft: func(b *binding) { b.add(&draft{in: b.columns, op: omission{}}) },
	op:    func() op { return new(omission) },
}

// omission makes nothing.
type omission struct{}

func (omission) outputs([]value.Type) ([]output, error) { return nil, nil }

func (omission) apply(*call) error { return nil }
