package expr

import (
	"errors"
	"fmt"

	"github.com/bighead-ml/bighead/value"
)

// Lacks says what keeps an engine from computing the expression as we do: a column that it cannot read, a function that it has nothing
// for, a text that its planner does not take. Nil: nothing.
func (e *Expr) Lacks(d Dialect) *PrintError {
	var lack *PrintError
	e.tree.walk(func(t *tree) {
		if lack == nil && t.column != "" && !d.Reads(t.typ) {
			lack = &PrintError{Dialect: d, Name: t.column, Start: t.start, End: t.end, Message: fmt.Sprintf("%s cannot read column %q by our rules, which make NaN and times beyond the years null (V2): it is %s, and %s has nothing that treats each element", d, t.column, value.An(t.typ.String()), d)}
		}
	})
	if lack != nil {
		return lack
	}
	if _, err := e.Print(d, quoteBack); err != nil && !errors.As(err, &lack) {
		panic(err) // Print says so
	}
	return lack
}

// Reads reports whether an engine can read a column of the type by the rules of values: Flink has no way to apply them to each element
// of a list or map, where there is something to apply (V2, V3).
func (d Dialect) Reads(t value.Type) bool {
	switch t.Kind {
	case value.KindList, value.KindMap:
		return d != FlinkSQL || untouched(*t.Elem)
	case value.KindStruct:
		for _, f := range t.Fields {
			if !d.Reads(f.Type) {
				return false
			}
		}
	}
	return true
}

// untouched reports whether every value of the type is right as Flink reads it.
func untouched(t value.Type) bool {
	switch t.Kind {
	case value.KindFloat, value.KindTimestamp, value.KindDate:
		return false
	case value.KindList, value.KindMap:
		return untouched(*t.Elem)
	case value.KindStruct:
		for _, f := range t.Fields {
			if !untouched(f.Type) {
				return false
			}
		}
	}
	return true
}
