package part

import (
	"fmt"
	"slices"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

const dialect = expr.FlinkSQL

// Layout is in which parts the tiles of a space come. It never changes and is safe for concurrent use.
type Layout struct {
	Space *plan.Space
	Parts []Part
}

// Part is what one record of the topic has of a tile.
type Part struct {
	Name  string
	Folds []int // of the space's: whose states are in the record
	By    int   // of the space's Bys: each string has a record, in Record.Sub; −1: one record
	List  bool  // one bounded list: there is no count, and records are merged
	// Lists are folds under By whose lists are parts of their own: this part says for which strings they are there (A3).
	Lists []int
}

// Lack is what Flink can't fold of a space.
type Lack struct {
	What string      // of the definition
	Of   string      // feature or source
	At   feature.Pos // of Of
	Why  string
}

func (e *Lack) Error() string {
	at := ""
	if e.At.IsValid() {
		at = e.At.String() + ": "
	}
	return fmt.Sprintf("%s%s: Flink does not keep %s: %s; our own stream keeps it", at, e.Of, e.What, e.Why)
}

// LayoutOf says in which parts Flink keeps the tiles of a space, or why it can't. It is all of a space or nothing, for a reader reads one
// space of a group.
func LayoutOf(s *plan.Space) (*Layout, *Lack) {
	if lack := lackOf(s); lack != nil {
		return nil, lack
	}
	l := &Layout{Space: s}
	whole := map[int]*Part{-1: {Name: "scalars", By: -1}} // by what they are under
	for by, column := range s.Bys {
		whole[by] = &Part{Name: "by " + column, By: by}
	}
	for i, f := range s.Folds[:s.Tiled] {
		p := whole[f.By]
		if f.Kind != agg.KindEventList && f.Kind != agg.KindValueList {
			p.Folds = append(p.Folds, i)
			continue
		}
		if f.By >= 0 {
			p.Lists = append(p.Lists, i)
		}
		l.Parts = append(l.Parts, Part{Name: fmt.Sprintf("list %d", i), Folds: []int{i}, By: f.By, List: true})
	}
	for by := len(s.Bys) - 1; by >= -1; by-- {
		if p := whole[by]; len(p.Folds)+len(p.Lists) > 0 {
			l.Parts = slices.Insert(l.Parts, 0, *p)
		}
	}
	return l, nil
}

// lackOf is the first thing that keeps Flink from folding a space.
func lackOf(s *plan.Space) *Lack {
	src := s.Group.Source
	of := func(what, why string) *Lack { return &Lack{What: what, Of: src.Name, At: src.Pos, Why: why} }
	switch {
	case src.Kind != feature.Events:
		return of("versions of entities", "they replace each other and are kept whole")
	case src.KnownAt != nil:
		return of("events with known_at", "what is not known yet would have to wait for its time")
	}
	for _, e := range sourceExprs(src) {
		if lack := e.Lacks(dialect); lack != nil {
			return of(quoted(lack.Name), lack.Message)
		}
	}
	for i := range s.Values {
		if lack := valueLack(s, i); lack != nil {
			return lack
		}
	}
	return nil
}

func quoted(name string) string { return "`" + name + "`" }

// sourceExprs are the expressions of a source that every event of a group is read by.
func sourceExprs(src *feature.Source) []*expr.Expr {
	all := append([]*expr.Expr{src.Time, src.Where}, src.OrderBy...)
	return slices.DeleteFunc(all, func(e *expr.Expr) bool { return e == nil })
}

func valueLack(s *plan.Space, i int) *Lack {
	v := &s.Values[i]
	f := v.Feature
	of := func(what, why string) *Lack {
		return &Lack{What: what, Of: s.Group.Name + "." + f.Name, At: f.Pos, Why: why}
	}
	if !s.FromTiles(i) {
		return of("exact windows", "they end anywhere, so that events are read and not tiles")
	}
	for _, e := range []*expr.Expr{f.Input, f.Where} {
		if e == nil {
			continue
		}
		if lack := e.Lacks(dialect); lack != nil {
			return of(quoted(lack.Name), lack.Message)
		}
	}
	for _, n := range v.Folds {
		fold := s.Folds[n]
		inOrder := fold.Kind == agg.KindEdge || fold.Kind == agg.KindEventList
		if inOrder && !orders(fold.In) {
			return of(f.Agg.Name+" of "+value.An(fold.In.String()), "it has no text that stands in the order of E2")
		}
	}
	return nil
}

// counted tells whether the part says how many rows are in it.
func (p *Part) counted() bool { return !p.List }
