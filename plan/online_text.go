package plan

import (
	"fmt"
	"strings"

	"github.com/bighead-ml/bighead/value"
)

// String is what is kept online of a source as text: what `bighead explain` prints beside the batch plan.
func (s *Stream) String() string {
	p := &printer{}
	src := s.Source
	p.line("stream %s", src.Name)
	p.in(func() {
		p.expr("time", src.Time)
		p.expr("where", src.Where)
		p.expr("known at", src.KnownAt)
		if src.ID != "" {
			p.line("id %s, copies told apart for %s", src.ID, value.FormatDuration(src.Lateness))
		}
		p.line("late by up to %s", value.FormatDuration(src.Lateness))
		for _, x := range s.Spaces {
			x.print(p)
		}
	})
	return p.b.String()
}

func (s *Space) print(p *printer) {
	p.line("space %s by %s", s.Group.Name, strings.Join(keyNames(s.Group.Keys), ", "))
	p.in(func() {
		for i, e := range s.Inputs {
			p.line("i%d %s", i, e)
		}
		for i, e := range s.Wheres {
			p.line("w%d %s", i, e)
		}
		for i, c := range s.Bys {
			p.line("b%d %s", i, c)
		}
		for i, f := range s.Folds[:s.Tiled] {
			p.line("f%d %s%s", i, f.Fold.ID(), arguments(f.Input, f.Where, f.By))
		}
		for _, l := range s.Levels {
			p.line("tiles of %s for %s", value.FormatDuration(l.Step), value.FormatDuration(l.Keep))
		}
		if s.Base {
			p.line("a base tile of all before")
		}
		if s.Rows != nil {
			s.Rows.print(p)
		}
	})
}

func (r *KeptRows) print(p *printer) {
	what := "the versions of each key"
	if r.Step > 0 {
		what = "events in chunks of " + value.FormatDuration(r.Step)
	}
	p.line("%s for %s", what, value.FormatDuration(r.Keep))
	p.in(func() {
		for _, e := range r.Tie {
			p.expr("tie", e)
		}
		for _, kept := range []struct {
			letter string
			of     []int
		}{{"i", r.Inputs}, {"w", r.Wheres}, {"b", r.Bys}} {
			for _, i := range kept.of {
				p.line("keep %s%d", kept.letter, i)
			}
		}
	})
}

// String is how a view is answered as text.
func (s *Serve) String() string {
	p := &printer{}
	p.line("serve %s", s.View.Name)
	p.in(func() {
		for _, k := range s.Asked {
			optional := ""
			if k.Optional {
				optional = ", may be absent"
			}
			p.line("asked %s %s%s", k.Name, k.Type, optional)
		}
		for _, f := range s.Fetches {
			f.print(p, s.Row)
		}
		for _, d := range s.Derive {
			p.line("derive %s = %s", d.Derived.Name, d.Derived.Expr)
		}
		p.line("answer %s", strings.Join(s.names(), ", "))
		p.line("look back at most %s", value.FormatDuration(s.LookBack))
	})
	return p.b.String()
}

func (s *Serve) names() []string {
	names := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		names[i] = s.Row[c].Name
	}
	return names
}

// explainedAt is the time for which a printed plan says what is read.
const explainedAt = 1_700_000_000_000

func (f *Fetch) print(p *printer, row value.Schema) {
	on := make([]string, len(f.On))
	for i, c := range f.On {
		on[i] = f.Space.Group.Keys[i].Name + " = " + row[c].Name
	}
	p.line("fetch %s on %s", f.Space.Group.Name, strings.Join(on, ", "))
	p.in(func() {
		if d := f.Space.Group.Deadline; d > 0 {
			p.line("deadline %s", value.FormatDuration(d))
		}
		values := make([]int, len(f.Values))
		for i, v := range f.Values {
			values[i] = v.Value
			x := &f.Space.Values[v.Value]
			from := "rows"
			if f.Space.FromTiles(v.Value) {
				from = "tiles"
			}
			p.line("%s = %s(%s) of %s over %s", row[v.Row].Name, x.Feature.Agg.Name, foldList(x.Folds), from, x.Window.Text())
		}
		p.line("reads as of %s", value.FormatTimestamp(explainedAt))
		p.in(func() {
			for _, n := range f.Space.Cover(explainedAt, NoMarks, values).Needs {
				p.line("%s", n)
			}
		})
	})
}

// String is a need for people.
func (n Need) String() string {
	owner := "the stream's"
	if n.Batch {
		owner = "batch's"
	}
	switch {
	case n.Step == BaseStep:
		return owner + " base tile"
	case n.Step == WholeStep:
		return owner + " versions"
	case n.From == FirstDay:
		return fmt.Sprintf("%s tiles of %s before %s", owner, value.FormatDuration(n.Step), value.FormatTimestamp(n.To))
	}
	what, step := "tiles of", n.Step
	if step < 0 {
		what, step = "events in chunks of", -step
	}
	return fmt.Sprintf("%s %d %s %s from %s", owner, (n.To-n.From)/step, what, value.FormatDuration(step), value.FormatTimestamp(n.From))
}
