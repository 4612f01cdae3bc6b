package spark

import (
	"fmt"

	"github.com/bighead-ml/bighead/value"
)

// ordered is x as Spark puts it in the order of §1: Spark's own order of scalars, arrays and structs is ours, nulls first, but it has none for
// maps, which are lists of their entries here.
func ordered(x string, t value.Type) string {
	switch {
	case !hasMap(t):
		return x
	case t.Kind == value.KindMap:
		entries := "array_sort(map_entries(" + x + "), (a, b) -> case when a.key < b.key then -1 when a.key > b.key then 1 else 0 end)"
		return fmt.Sprintf("transform(%s, m -> struct(m.key, %s))", entries, ordered("m.value", *t.Elem))
	case t.Kind == value.KindList:
		return fmt.Sprintf("transform(%s, l -> %s)", x, ordered("l", *t.Elem))
	}
	fields := ""
	for i, f := range t.Fields {
		if i > 0 {
			fields += ", "
		}
		fields += ordered(x+"."+name(f.Name), f.Type)
	}
	return "if(" + x + " is null, null, struct(" + fields + "))"
}

// hasMap tells whether there is a map in values of the type.
func hasMap(t value.Type) bool {
	switch t.Kind {
	case value.KindMap:
		return true
	case value.KindList:
		return hasMap(*t.Elem)
	}
	for _, f := range t.Fields {
		if hasMap(f.Type) {
			return true
		}
	}
	return false
}
