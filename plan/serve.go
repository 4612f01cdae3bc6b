package plan

import (
	"fmt"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
)

// Serve is how one view is answered online: what to fetch for a row of a request, and what to make of it (docs/data-path.md §5).
//
// A row grows from step to step, as a batch plan's does: what the request gives (Asked), at, the features, the derived columns.
type Serve struct {
	View *feature.View
	// Row is the schema of a row; the first len(Asked) columns are the request's, then at.
	Row     value.Schema
	Asked   []feature.Key
	At      int // column of the as-of time
	Fetches []*Fetch
	Derive  []ServeDerive
	// Columns are where in the row the view's columns stand, in the view's order.
	Columns []int
	// LookBack is how long before now a request's at may lie, ms: longer ago tiles may have been let go.
	LookBack int64
}

// Fetch is one join: a space asked under a key made of columns of the row.
type Fetch struct {
	Join  feature.Join
	Space *Space
	On    []int // columns of the row, one for each part of the key
	// Values are which of the space's values the view has, and where in the row they go.
	Values []FetchValue
}

// FetchValue is one feature of a fetch.
type FetchValue struct {
	Value  int // of the space
	Row    int
	Column int // of the view, in its order
}

// ServeDerive is one derived column, in an order in which each follows those it reads.
type ServeDerive struct {
	Derived *feature.Derived
	Row     int
	// Inputs are the columns of the row that it reads, for its status (Q4).
	Inputs []int
}

// ForServe plans a view.
func ForServe(v *feature.View) *Serve {
	s := &Serve{View: v, LookBack: MaxTime}
	s.Asked = v.Asked()
	for _, k := range s.Asked {
		s.column(k.Name, k.Type)
	}
	s.At = s.column(AtColumn, value.Timestamp)
	spaces := map[*feature.Group]*Space{}
	for _, j := range v.Joins {
		if spaces[j.Group] == nil {
			spaces[j.Group] = SpaceOf(j.Group)
		}
		f := &Fetch{Join: j, Space: spaces[j.Group]}
		for _, on := range j.On {
			f.On = append(f.On, s.Row.Index(on))
		}
		s.Fetches = append(s.Fetches, f)
		s.LookBack = min(s.LookBack, j.Group.Source.Lateness)
	}
	for i, c := range v.Columns {
		if c.Kind == feature.FeatureColumn {
			f := s.Fetches[c.Join]
			f.Values = append(f.Values, FetchValue{f.Space.valueOf(c.Feature), s.column(c.Name, c.Type), i})
		}
	}
	for i := range v.Derived {
		s.derive(&v.Derived[i])
	}
	for _, c := range v.Columns {
		s.Columns = append(s.Columns, s.Row.Index(c.Name))
	}
	return s
}

func (s *Serve) column(name string, t value.Type) int {
	s.Row = append(s.Row, value.Field{Name: name, Type: t})
	return len(s.Row) - 1
}

func (s *Serve) derive(d *feature.Derived) {
	x := ServeDerive{Derived: d}
	for _, c := range d.Expr.Columns() {
		x.Inputs = append(x.Inputs, s.Row.Index(c))
	}
	x.Row = s.column(d.Name, d.Expr.Type())
	s.Derive = append(s.Derive, x)
}

func (s *Space) valueOf(f *feature.Feature) int {
	for i := range s.Values {
		if s.Values[i].Feature == f {
			return i
		}
	}
	panic(fmt.Sprintf("plan: feature %s is not in its group's space %s", f.Name, s.ID))
}
