package local

import (
	"fmt"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/fault"
)

// finish makes a feature's values of its folds: by the aggregation's expression over their columns where it has one, else state by state.
type finish struct {
	value  *plan.Value
	params agg.Params
	in     value.Type
	out    value.Type // of one entry under by
	schema value.Schema
	text   *expr.Expr // nil: by states
	asOf   bool       // the expression reads as_of
	size   bool       // the expression is the size of a list, which then is not made
	folds  []int
}

// asOfColumn is what a finish calls the time that it counts from.
const asOfColumn = "as_of"

func newFinish(j *plan.Join, v *plan.Value) (*finish, error) {
	f := &finish{value: v, params: v.Feature.Params, out: v.Feature.Type, folds: v.Folds}
	f.params.By, f.params.ByMax = false, 0
	if v.Input >= 0 {
		f.in = j.Inputs[v.Input].Type()
	}
	if v.By >= 0 {
		f.out = *f.out.Elem
	}
	text, ok := v.Feature.Agg.Text(f.in, f.params)
	if !ok {
		return f, nil
	}
	for _, i := range v.Folds {
		f.schema = append(f.schema, j.Folds[i].Columns()...)
	}
	f.schema = append(f.schema, value.Field{Name: asOfColumn, Type: value.Int})
	e, errs := expr.Check(text, f.schema)
	if len(errs) > 0 {
		return nil, fmt.Errorf("%s: finish %q: %w", v.Name, text, errs)
	}
	f.text, f.size = e, e.String() == sizeText
	for _, c := range e.Columns() {
		f.asOf = f.asOf || c == asOfColumn
	}
	return f, nil
}

// sizeText is the finish that only counts a list's elements.
const sizeText = "size(list)"

// sizer is a kernel of lists that can count their elements without making them.
type sizer interface{ sizes(a *asked) *value.Column }

// finisher makes values for one goroutine.
type finisher struct {
	*finish
	program *expr.Program
}

func (f *finish) finisher() *finisher {
	out := &finisher{finish: f}
	if f.text != nil {
		out.program = f.text.Vectorise(f.schema)
	}
	return out
}

// values are the values of the queries; folds gives a fold's kernel, and columns its columns.
func (f *finisher) values(a *asked, kernels func(fold int) (kernel, *asked), columns func(fold int) []*value.Column) *value.Column {
	n := a.len()
	var asOf *value.Column
	if f.asOf || f.text == nil {
		asOf = value.NewColumn(value.Int, n)
		for q, t := range a.at {
			_, asOf.Ints[q] = f.value.Window.AsOf(t)
			if fault.Planted("local: time since counts from t") {
				asOf.Ints[q] = t
			}
		}
	}
	if f.text == nil {
		return f.byState(kernels, asOf)
	}
	if f.size {
		k, a := kernels(f.folds[0])
		if s, ok := k.(sizer); ok {
			return s.sizes(a)
		}
	}
	b := &value.Batch{Schema: f.schema, N: n}
	for _, i := range f.folds {
		b.Columns = append(b.Columns, columns(i)...)
	}
	if asOf == nil {
		asOf = &value.Column{Type: value.Int, N: n}
	}
	b.Columns = append(b.Columns, asOf)
	return f.program.Eval(b, nil)
}

// byState finishes each query's states by themselves.
func (f *finisher) byState(kernels func(fold int) (kernel, *asked), asOf *value.Column) *value.Column {
	if len(f.folds) != 1 {
		panic(fmt.Sprintf("local: %s has %d folds and no expression of its finish", f.value.Feature.Agg.Name, len(f.folds)))
	}
	k, a := kernels(f.folds[0])
	out := value.NewColumn(f.out, a.len())
	states := make([]agg.State, 1)
	k.states(a, func(q int, s agg.State) {
		states[0] = s
		out.Set(q, f.value.Feature.Agg.Finish(f.in, f.params, states, asOf.Ints[q]))
	})
	return out
}

// rows makes a row's map of its entries; without by the values are the rows' already.
func (b *bucket) entries(a *asked, entries *value.Column) *value.Column {
	out := value.NewColumn(value.MapOf(entries.Type), len(b.rows))
	lists := make([][]value.Entry, len(b.rows))
	for s := range len(a.segs) - 1 {
		name := a.view.groups.names[a.view.groups.of[s]]
		for q := a.segs[s]; q < a.segs[s+1]; q++ {
			lists[a.rows[q]] = append(lists[a.rows[q]], value.Entry{Key: name, Value: entries.At(int(q))})
		}
	}
	for r, list := range lists {
		if list == nil && fault.Planted("local: a map without entries is null") {
			out.SetNull(r)
		}
		out.Values[r] = value.OfMap(list)
	}
	return out
}

// isEntity reports whether a source's rows replace each other (E5, E6).
func isEntity(s *feature.Source) bool { return s.Kind != feature.Events }
