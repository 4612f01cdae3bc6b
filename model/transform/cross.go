package transform

import (
	"strconv"
	"strings"

	"github.com/bighead-ml/bighead/value"
)

var cross = &Kind{
	Name: "cross",
	Doc: "Several columns' values as one string, for a step that encodes it: their texts with `|` between them; a `|` or a `\\` inside stands behind a `\\`, so that no two rows of different values are the same. " +
		"The columns stay.",
	Names: "`name`, or the columns' names with `_x_` between them; at the end.",
	Nulls: "Null where one of them is.",
	Takes: categories,
	Many:  true,
	Params: []Param{
		{Name: "name", Doc: "what the column is called", Type: Text, Default: "None"},
	},
	Examples: []Example{
		{In: []string{"a string: UA | AA | null", "b int: 1 | 2 | 3"}, Want: []string{"a string: UA | AA | null", "b int: 1 | 2 | 3", "a_x_b string: UA|1 | AA|2 | null"}},
	},
	draft: func(b *binding) {
		if len(b.columns) < 2 {
			b.report(b.columns[0].asked, "", "name two columns or more", "cross of one column")
			return
		}
		name := b.text("name")
		if name == "" {
			name = strings.Join(namesOf(b.columns), "_x_")
		}
		b.add(&draft{in: b.columns, keep: true, out: []Column{{Name: name, Type: value.String}}, op: crossing{}})
	},
	op: func() op { return new(crossing) },
}

// crossing joins texts.
type crossing struct{}

func (crossing) outputs([]value.Type) ([]output, error) { return outputsOf(value.String, 1), nil }

func (crossing) apply(c *call) error {
rows:
	for i := range c.n {
		b := c.scratch[:0]
		for j, in := range c.in {
			if in.Nulls.Get(i) {
				c.out[0].null(i)
				continue rows
			}
			if j > 0 {
				b = append(b, '|')
			}
			b = appendCategory(b, in, i)
		}
		c.scratch = b
		c.out[0].Strs[i] = string(b)
	}
	return nil
}

// appendCategory adds a cell's text, with | and \ escaped.
func appendCategory(b []byte, in *value.Column, i int) []byte {
	switch in.Type.Kind {
	case value.KindInt:
		return strconv.AppendInt(b, in.Ints[i], 10)
	case value.KindString:
		s := in.Strs[i]
		for k := range len(s) {
			if s[k] == '|' || s[k] == '\\' {
				b = append(b, '\\')
			}
			b = append(b, s[k])
		}
		return b
	case value.KindBool:
		return strconv.AppendBool(b, in.Bools[i])
	}
	return append(b, value.FormatDate(in.Ints[i])...)
}
