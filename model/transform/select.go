package transform

import "slices"

var selectKind = &Kind{
	Name:  "select",
	Doc:   "Leaves all columns out but those. As fitted it names what it leaves out.",
	Names: "As before, in the order that they had.",
	Nulls: "Stay.",
	Many:  true,
	Examples: []Example{
		{In: []string{"x int: 1", "y int: 2"}, Columns: []string{"x"}, Want: []string{"x int: 1"}},
	},
	draft: func(b *binding) {
		var others []bound
		for _, c := range b.frame.cols {
			if !slices.ContainsFunc(b.columns, func(o bound) bool { return o.Name == c.Name || c.Family && familyHas(c.Name, o.Name) }) {
				others = append(others, bound{Column: c.Column})
			}
		}
		if others != nil {
			b.add(&draft{in: others, op: omission{}})
		}
	},
	op: func() op { return new(omission) },
}
