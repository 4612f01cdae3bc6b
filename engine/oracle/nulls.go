package oracle

import (
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
)

// nulls counts those that expressions make (X1), by what is computed: of a spine's row where it comes to it, of a source's row that an
// answer is made of, once however many answers.
type nulls struct {
	made    map[string]expr.Nulls
	seen    map[rowOf]bool
	sources map[*feature.Source]bool
}

// rowOf is a row of a source, known by its first cell, under what is computed of it.
type rowOf struct {
	what string
	row  *value.Value
}

// each counts at every evaluation; nil stays nil.
func (n *nulls) each(what string, f expr.RowFunc) expr.RowFunc {
	if f == nil {
		return nil
	}
	return func(row []value.Value, _ *expr.Nulls) value.Value {
		var made expr.Nulls
		v := f(row, &made)
		if made.Total() > 0 {
			n.add(what, &made)
		}
		return v
	}
}

// once counts a row of a source the first time that it is evaluated.
func (n *nulls) once(what string, f expr.RowFunc) expr.RowFunc {
	if f == nil {
		return nil
	}
	return func(row []value.Value, _ *expr.Nulls) value.Value {
		var made expr.Nulls
		v := f(row, &made)
		if key := (rowOf{what, &row[0]}); made.Total() > 0 && !n.seen[key] {
			if n.seen == nil {
				n.seen = map[rowOf]bool{}
			}
			n.seen[key] = true
			n.add(what, &made)
		}
		return v
	}
}

func (n *nulls) add(what string, made *expr.Nulls) {
	if n.made == nil {
		n.made = map[string]expr.Nulls{}
	}
	c := n.made[what]
	c.Add(made)
	n.made[what] = c
}

// of counts a source's own expressions, for the first join of it alone.
func (n *nulls) of(s *feature.Source) *nulls {
	if n.sources[s] {
		return &nulls{}
	}
	if n.sources == nil {
		n.sources = map[*feature.Source]bool{}
	}
	n.sources[s] = true
	return n
}
