package feature

import (
	"github.com/bighead-ml/bighead/expr"
)

// foreign is an engine that bighead.toml names and that is not ours: what it would not compute as we do is refused (X9).
type foreign struct {
	setting string // that chose it, as it is written: [batch] engine
	dialect expr.Dialect
}

// ours is what the settings call our own engines.
const ours = "local"

var dialects = map[string]expr.Dialect{"spark": expr.SparkSQL, "flink": expr.FlinkSQL}

// engines reads which engines compute batch and stream; nil where we do.
func (c *checker) engines() {
	for _, e := range []struct {
		name, section, known string
		to                   **foreign
	}{{c.o.Batch, "batch", "spark", &c.batch}, {c.o.Stream, "stream", "flink", &c.stream}} {
		d, ok := dialects[e.name]
		switch {
		case e.name == "" || e.name == ours:
		case !ok:
			c.setting(e.section+".engine", e.name, ours, e.known)
		default:
			*e.to = &foreign{"[" + e.section + "] engine", d}
		}
	}
}

// computedBy lists those of the engines that there are.
func computedBy(engines ...*foreign) []*foreign {
	var out []*foreign
	for _, f := range engines {
		if f != nil {
			out = append(out, f)
		}
	}
	return out
}

// onEngines refuses an expression that an engine which computes over the scope cannot compute as we do. What the value decides, such as
// which rows count, is "" where it decides nothing: there only the expression's own comparisons and roundings do.
func (c *checker) onEngines(t Text, e *expr.Expr, s *scope, decides string) {
	for _, f := range s.engines {
		if c.ahead && f == c.stream {
			continue // labels are batch's alone
		}
		if lack := e.Lacks(f.dialect); lack != nil {
			c.engineLacks(partIn(t, lack.Start, lack.End), f, lack.Message)
			continue
		}
		c.lastBits(t, e.Inexact(s.isInexact, true), f, decides)
	}
	for _, f := range s.feeds {
		c.lastBits(t, e.Inexact(s.isInexact, false), f, decides)
	}
}

func (c *checker) lastBits(t Text, x expr.Inexact, f *foreign, decides string) {
	switch {
	case decides != "" && x.Uses != nil:
		c.lastBit(partIn(t, x.Uses.Start, x.Uses.End), f, x.Uses, decides)
	case x.Decides != nil:
		c.lastBit(partIn(t, x.Decides.Start, x.Decides.End), f, x.Of, "what "+x.Decides.Name+" gives")
	}
}

// partIn is part, for places of an expression that is nothing but a column and was not parsed.
func partIn(t Text, start, end int) Span {
	if end == 0 {
		return t.At
	}
	return part(t, start, end)
}

// isInexact tells the columns that came through a transcendental function on an engine that is not ours.
func (s *scope) isInexact(name string) bool { return s.inexact[name] }

// carries tells whether an expression's value is such a column's.
func (s *scope) carries(e *expr.Expr) bool {
	return e != nil && e.Inexact(s.isInexact, len(s.engines) > 0).Carries
}

// markInexact notes such a column.
func (s *scope) markInexact(name string) {
	if s.inexact == nil {
		s.inexact = map[string]bool{}
	}
	s.inexact[name] = true
}

// requestOnEngine follows request fields that the spine makes of a transcendental function into the view's derived columns: batch
// computes both.
func (c *checker) requestOnEngine(t *trainingState) {
	if c.batch == nil || t.scope() == nil {
		return
	}
	type origin struct {
		at   Span
		part *expr.Part
	}
	from := map[string]origin{}
	for _, col := range t.set.Spine.Columns {
		if x := col.Expr.Inexact(t.scope().isInexact, true); x.Carries {
			from[col.Name] = origin{t.spine.def.columnAt(col.Name), x.Uses}
		}
	}
	if len(from) == 0 {
		return
	}
	for _, d := range t.view.view.Derived {
		x := d.Expr.Inexact(func(name string) bool { return from[name].part != nil }, false)
		if x.Decides != nil {
			o := from[x.Of.Name]
			c.lastBit(o.at, c.batch, o.part, "what "+x.Decides.Name+" gives in the derived column "+quotedList([]string{d.Name}, ""))
		}
		if x.Carries {
			from[d.Name] = from[x.Uses.Name]
		}
	}
}

// columnAt is where a spine says what a key or request field is.
func (d *SpineDef) columnAt(name string) Span {
	for _, n := range d.Columns {
		if n.Name.Value == name {
			return n.SQL.At
		}
	}
	return d.At
}
