package expr

import (
	"slices"

	"github.com/bighead-ml/bighead/value"
)

// Expr is a typed expression. It is immutable and safe for concurrent use.
type Expr struct{ tree *tree }

// Column is the expression that reads one column, whatever its name looks like.
func Column(name string, t value.Type) *Expr { return &Expr{&tree{typ: t, column: name}} }

// Type is the type of the expression's values; value.Null for a bare null.
func (e *Expr) Type() value.Type { return e.tree.typ }

// Columns lists the distinct columns that are read, in order of first use.
func (e *Expr) Columns() []string {
	var out []string
	e.tree.walk(func(t *tree) {
		if t.column != "" && !slices.Contains(out, t.column) {
			out = append(out, t.column)
		}
	})
	return out
}

// Const is the value of an expression that reads no column.
func (e *Expr) Const() (value.Value, bool) {
	if !e.tree.fixed {
		return value.Value{}, false
	}
	return e.tree.compile(nil)(nil, nil), true
}

// Column is the name of the column where the expression is nothing but one.
func (e *Expr) Column() (string, bool) { return e.tree.column, e.tree.column != "" }

// Versions lists the functions used with their versions, sorted, "name/version"; local adds the version of each zone's table. It is
// what a fingerprint holds of our code (I1).
func (e *Expr) Versions() []string {
	var out []string
	e.tree.walk(func(t *tree) {
		if t.fn == nil {
			return
		}
		out = append(out, t.fn.version())
		if t.fn.Name == "local" {
			out = append(out, zoneVersion(t.args[1].val.Str()))
		}
	})
	slices.Sort(out)
	return slices.Compact(out)
}

// Transcendental reports whether a function is used whose last bits differ between engines (X9).
func (e *Expr) Transcendental() bool {
	found := false
	e.tree.walk(func(t *tree) { found = found || t.fn != nil && t.fn.Transcendental })
	return found
}

// RowFunc computes an expression over a row in its schema's order. It counts the nulls that it makes; nulls may be nil. It is safe
// for concurrent use.
type RowFunc func(row []value.Value, nulls *Nulls) value.Value

// Compile makes the row evaluator. The schema must have the columns, with the types that the expression was checked with.
func (e *Expr) Compile(schema value.Schema) RowFunc { return e.tree.compile(schema) }

func (t *tree) compile(schema value.Schema) RowFunc {
	switch {
	case t.fn != nil:
		args := make([]RowFunc, 0, len(t.args))
		for _, a := range t.args[t.kernel.first:] {
			args = append(args, a.compile(schema))
		}
		return t.kernel.row(args, t.typ)
	case t.column != "":
		i := t.index(schema)
		return func(row []value.Value, _ *Nulls) value.Value { return row[i] }
	}
	v := t.val
	return func([]value.Value, *Nulls) value.Value { return v }
}

// index finds the column that check has seen; a schema without it is our mistake.
func (t *tree) index(schema value.Schema) int {
	i := schema.Index(t.column)
	if i < 0 || !schema[i].Type.Equal(t.typ) {
		panic("expr: the schema has no column " + t.column + " of type " + t.typ.String())
	}
	return i
}
