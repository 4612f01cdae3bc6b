package plan

import (
	"fmt"
	"strings"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
)

// String is the whole plan as text: what `bighead explain` prints and what the passes are tested by.
func (b *Batch) String() string {
	p := &printer{}
	p.line("batch %s", b.Name)
	p.in(func() {
		b.Spine.print(p)
		for _, j := range b.Joins {
			j.print(p, "join")
		}
		for _, l := range b.Labels {
			if l.Join != nil {
				l.Join.print(p, "label join")
			}
		}
		for _, d := range b.Derive {
			p.line("derive %s = %s", d.Name, d.Expr)
		}
		b.Drop.print(p)
		p.line("output")
		p.in(func() {
			for _, o := range b.Output {
				p.line("%s %s", o.Name, o.Type)
			}
		})
	})
	return p.b.String()
}

type printer struct {
	b     strings.Builder
	depth int
}

func (p *printer) line(format string, args ...any) {
	p.b.WriteString(strings.Repeat("  ", p.depth))
	fmt.Fprintf(&p.b, format, args...)
	p.b.WriteByte('\n')
}

func (p *printer) in(f func()) {
	p.depth++
	f()
	p.depth--
}

// some prints a line only where there is something to say.
func (p *printer) some(name string, names []string) {
	if len(names) > 0 {
		p.line("%s %s", name, strings.Join(names, ", "))
	}
}

func (p *printer) expr(name string, e *expr.Expr) {
	if e != nil {
		p.line("%s %s", name, e)
	}
}

func placeText(s *feature.Source, pl feature.Place) string {
	switch {
	case s != nil:
		return s.Name
	case pl.Path != "":
		return pl.Path
	case pl.Table != "":
		return pl.Table
	}
	return "rows handed in"
}

func (s *Spine) print(p *printer) {
	p.line("spine %s", placeText(s.Source, s.Place))
	p.in(func() {
		p.some("read", s.Read)
		p.expr("at", s.At)
		p.expr("where", s.Where)
		if s.Start != nil {
			p.line("from %s", value.FormatTimestamp(*s.Start))
		}
		if s.End != nil {
			p.line("before %s", value.FormatTimestamp(*s.End))
		}
		if s.Sample > 0 {
			p.line("sample %s by %s", value.OfFloat(s.Sample), strings.Join(s.SampleBy, ", "))
		}
		for _, c := range s.Columns {
			p.line("%s = %s", c.Name, c.Expr)
		}
	})
}

func (j *Join) print(p *printer, what string) {
	on := make([]string, len(j.Keys))
	for i := range j.Keys {
		on[i] = j.Keys[i] + " = " + j.On[i]
	}
	p.line("%s %s on %s", what, j.Name, strings.Join(on, ", "))
	p.in(func() {
		j.Scan.print(p)
		for i, e := range j.Inputs {
			p.line("i%d %s", i, e)
		}
		for i, e := range j.Wheres {
			p.line("w%d %s", i, e)
		}
		for i, c := range j.Bys {
			p.line("b%d %s", i, c)
		}
		for i, f := range j.Folds {
			p.line("f%d %s%s", i, f.Fold.ID(), arguments(f.Input, f.Where, f.By))
		}
		for _, v := range j.Values {
			p.line("%s = %s(%s) over %s", v.Name, v.Feature.Agg.Name, foldList(v.Folds), v.Window.Text())
		}
	})
}

func arguments(input, where, by int) string {
	s := ""
	for _, a := range []struct {
		text  string
		index int
	}{{" of i", input}, {" where w", where}, {" by b", by}} {
		if a.index >= 0 {
			s += fmt.Sprint(a.text, a.index)
		}
	}
	return s
}

func foldList(folds []int) string {
	names := make([]string, len(folds))
	for i, f := range folds {
		names[i] = fmt.Sprint("f", f)
	}
	return strings.Join(names, ", ")
}

func (s *Scan) print(p *printer) {
	kind := [...]string{"events", "entities", "snapshots"}[s.Source.Kind]
	p.line("%s %s", kind, s.Source.Name)
	p.in(func() {
		p.some("read", s.Read)
		p.expr("time", s.Source.Time)
		p.expr("where", s.Source.Where)
		p.expr("known at", s.KnownAt)
		for _, e := range s.Source.OrderBy {
			p.expr("order by", e)
		}
		if s.Source.ID != "" {
			p.line("id %s", s.Source.ID)
		}
		if s.Delay > 0 {
			p.line("delay %s", value.FormatDuration(s.Delay))
		}
		p.line("reach %s", s.Reach)
	})
}

// String is a reach as a half-open span about t.
func (r Reach) String() string {
	from, to := "-∞", "t"
	if r.Back == 0 {
		from = "t"
	} else if r.Back > 0 {
		from = "t - " + value.FormatDuration(r.Back)
	}
	if r.Ahead > 0 {
		to = "t + " + value.FormatDuration(r.Ahead)
	}
	return "[" + from + ", " + to + ")"
}

// Text is the window as [start, end) in terms of t: the row of §4's table that applies.
func (w Window) Text() string {
	if w.Forward > 0 {
		return "[t, t + " + value.FormatDuration(w.Forward) + ")"
	}
	u := "t"
	if w.Delay > 0 {
		u += " - " + value.FormatDuration(w.Delay)
	}
	if w.Daily {
		u = "floor(" + u + ", 1d)"
	}
	if w.Offset > 0 {
		u += " - " + value.FormatDuration(w.Offset)
	}
	if w.Tumbling {
		return w.tumblingText(u)
	}
	end := u
	if !w.exact() && w.Delay+w.Offset > 0 {
		end = "floor(" + u + ", " + value.FormatDuration(w.endStep()) + ")"
	}
	switch {
	case w.Unbounded:
		return "[-∞, " + end + ")"
	case w.exact():
		return "[" + u + " - " + value.FormatDuration(w.Size) + ", " + end + ")"
	}
	return "[floor(" + u + " - " + value.FormatDuration(w.Size) + ", " + value.FormatDuration(w.Resolution) + "), " + end + ")"
}

func (w Window) tumblingText(u string) string {
	grid := "floor(" + u + ", " + value.FormatDuration(w.Size)
	if w.Origin != 0 {
		grid += " from " + value.FormatTimestamp(w.Origin)
	}
	grid += ")"
	return "[" + grid + " - " + value.FormatDuration(w.Size) + ", " + grid + ")"
}

func (d Drop) print(p *printer) {
	if d.Unlabelled {
		p.line("drop rows without a label")
	}
	if d.LabelTime != "" {
		p.line("drop rows whose label is not known by the end")
	}
	if d.WithinData {
		p.line("drop rows whose label's span passes the end of the data")
	}
	p.some("drop rows with a null in", d.RequiredValue)
}
