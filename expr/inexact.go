package expr

import "github.com/bighead-ml/bighead/value"

// A Part is a stretch of an expression's text, at bytes [Start, End).
type Part struct {
	Name       string // of a function, an operator, or a column
	Column     bool
	Start, End int
}

// Inexact is what the last bits of transcendental functions do to an expression: engines agree on them to relative 1e-12 only (X9).
type Inexact struct {
	// Uses is the first call of such a function, or the first column that holds what came through one.
	Uses *Part
	// Decides is the first call whose answer such a last bit may turn: a comparison, a rounding, a cast to int; Of is what it reads.
	Decides, Of *Part
	// Carries says that the value itself is equal to relative 1e-12 only.
	Carries bool
}

// Inexact finds what came through a transcendental function. columns tells the columns that did, nil: none; calls of the expression's own
// count where calls is true, which it is not where the expression is ours to compute and only its columns are another engine's.
func (e *Expr) Inexact(columns func(name string) bool, calls bool) Inexact {
	f := &finder{columns: columns, calls: calls}
	f.found.Carries = f.tree(e.tree) != nil
	return f.found
}

type finder struct {
	columns func(string) bool
	calls   bool
	found   Inexact
}

// tree gives the part that the value's last bits come from, nil where they are the same on every engine.
func (f *finder) tree(t *tree) *Part {
	switch {
	case t.fixed: // folded by us (X10)
		return nil
	case t.column != "":
		if f.columns == nil || !f.columns(t.column) {
			return nil
		}
		return f.use(&Part{t.column, true, t.start, t.end})
	}
	var from *Part
	for _, a := range t.args {
		if p := f.tree(a); from == nil {
			from = p
		}
	}
	if from != nil && t.fn.Steps {
		if f.found.Decides == nil {
			f.found.Decides, f.found.Of = &Part{t.fn.Name, false, t.start, t.end}, from
		}
		return nil
	}
	if f.calls && t.fn.Transcendental {
		return f.use(&Part{t.fn.Name, false, t.start, t.end})
	}
	if !HoldsFloats(t.typ) {
		return nil // is null, size
	}
	return from
}

func (f *finder) use(p *Part) *Part {
	if f.found.Uses == nil {
		f.found.Uses = p
	}
	return p
}

// HoldsFloats reports whether a value of the type is a float or has one in it.
func HoldsFloats(t value.Type) bool {
	switch t.Kind {
	case value.KindFloat:
		return true
	case value.KindList, value.KindMap:
		return HoldsFloats(*t.Elem)
	case value.KindStruct:
		for _, field := range t.Fields {
			if HoldsFloats(field.Type) {
				return true
			}
		}
	}
	return false
}
