package sift

import (
	"sync"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/value"
)

// Program is an expression made ready for the batches of a schema, for one goroutine.
type Program struct {
	what    string
	program *expr.Program
	bare    bool
}

// NewProgram makes an expression ready; what names it in reports. The program of no expression is nil.
func NewProgram(what string, e *expr.Expr, schema value.Schema) *Program {
	if e == nil {
		return nil
	}
	_, bare := e.Column()
	return &Program{what, e.Vectorise(schema), bare}
}

// Eval computes the expression, and adds the nulls that it makes to the counts, which may be nil. A column's own nulls are not made.
func (p *Program) Eval(b *value.Batch, counts *Nulls) *value.Column {
	if p.bare || counts == nil {
		return p.program.Eval(b, nil)
	}
	var made expr.Nulls
	c := p.program.Eval(b, &made)
	if made.Total() > 0 {
		counts.Add(p.what, &made)
	}
	return c
}

// Nulls adds up the nulls that expressions make (X1), by what was computed. Many may add to it.
type Nulls struct {
	mu     sync.Mutex
	counts map[string]expr.Nulls
}

// Add adds the nulls that one evaluation made.
func (n *Nulls) Add(what string, made *expr.Nulls) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.counts == nil {
		n.counts = map[string]expr.Nulls{}
	}
	c := n.counts[what]
	c.Add(made)
	n.counts[what] = c
}

// Merge takes in the counts of another, which nobody adds to any more.
func (n *Nulls) Merge(o *Nulls) {
	for what, made := range o.counts {
		n.Add(what, &made)
	}
	o.counts = nil
}

// All is the counts, once nobody adds any more; nil where there are none.
func (n *Nulls) All() map[string]expr.Nulls { return n.counts }
