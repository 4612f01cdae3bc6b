package plan

import (
	"slices"

	"github.com/bighead-ml/bighead/expr"
)

// Prune leaves out what nothing asks for: derived columns that no output reads, features that neither an output nor a derived column
// reads, joins without features, and columns of sources and spines that no expression reads.
func Prune(b *Batch) {
	needed := b.needed()
	b.Derive = slices.DeleteFunc(b.Derive, func(d Derive) bool { return !needed[d.Name] })
	for _, j := range b.Joins {
		j.Values = slices.DeleteFunc(j.Values, func(v Value) bool { return !needed[v.Name] })
		j.compact()
	}
	b.Joins = slices.DeleteFunc(b.Joins, func(j *Join) bool { return len(j.Values) == 0 })
	for _, j := range b.Joined() {
		j.Scan.Read = j.columns()
		for _, on := range j.On {
			needed[on] = true
		}
	}
	for _, c := range []string{b.Drop.LabelTime} {
		needed[c] = true
	}
	for _, l := range b.Labels {
		needed[l.Name] = true
	}
	b.Spine.Columns = slices.DeleteFunc(b.Spine.Columns, func(c SpineColumn) bool { return !needed[c.Name] })
	b.Spine.Read = b.Spine.columns()
}

// needed is every column of the row that an output, a rule for dropping rows, or a derived column that is itself needed reads.
func (b *Batch) needed() map[string]bool {
	needed := map[string]bool{}
	for _, o := range b.Output {
		needed[o.Name] = true
	}
	for _, n := range b.Drop.RequiredValue {
		needed[n] = true
	}
	for i := len(b.Derive) - 1; i >= 0; i-- { // each stands after those it reads
		if d := b.Derive[i]; needed[d.Name] {
			for _, c := range d.Expr.Columns() {
				needed[c] = true
			}
		}
	}
	return needed
}

// compact drops the inputs, conditions and folds that no value uses any more.
func (j *Join) compact() {
	folds := keep(len(j.Folds), func(use func(int)) {
		for _, v := range j.Values {
			for _, f := range v.Folds {
				use(f)
			}
		}
	})
	uses := func(of func(Value) int, ofFold func(Fold) int, n int) []int {
		return keep(n, func(use func(int)) {
			for _, v := range j.Values {
				use(of(v))
			}
			for i, f := range j.Folds {
				if folds[i] >= 0 {
					use(ofFold(f))
				}
			}
		})
	}
	in := uses(func(v Value) int { return v.Input }, func(f Fold) int { return f.Input }, len(j.Inputs))
	wh := uses(func(v Value) int { return v.Where }, func(f Fold) int { return f.Where }, len(j.Wheres))
	by := uses(func(v Value) int { return v.By }, func(f Fold) int { return f.By }, len(j.Bys))
	j.Inputs, j.Wheres, j.Bys, j.Folds = kept(j.Inputs, in), kept(j.Wheres, wh), kept(j.Bys, by), kept(j.Folds, folds)
	for i := range j.Folds {
		f := &j.Folds[i]
		f.Input, f.Where, f.By = at(in, f.Input), at(wh, f.Where), at(by, f.By)
	}
	for i := range j.Values {
		v := &j.Values[i]
		v.Input, v.Where, v.By = at(in, v.Input), at(wh, v.Where), at(by, v.By)
		for k, f := range v.Folds {
			v.Folds[k] = folds[f]
		}
	}
}

// keep numbers anew the indexes that walk uses; the others go to −1.
func keep(n int, walk func(use func(int))) []int {
	to := make([]int, n)
	for i := range to {
		to[i] = -1
	}
	walk(func(i int) {
		if i >= 0 {
			to[i] = 0
		}
	})
	next := 0
	for i, t := range to {
		if t == 0 {
			to[i] = next
			next++
		}
	}
	return to
}

func kept[T any](all []T, to []int) []T {
	var out []T
	for i, x := range all {
		if to[i] >= 0 {
			out = append(out, x)
		}
	}
	return out
}

// columns is what the join reads of its source, in the source's order.
func (j *Join) columns() []string {
	s := j.Scan.Source
	c := collector{}
	c.names(j.Keys...)
	c.names(j.Bys...)
	c.names(s.ID, s.Deleted, s.Snapshot)
	c.exprs(s.Time, s.Where, j.Scan.KnownAt)
	c.exprs(s.OrderBy...)
	c.exprs(j.Inputs...)
	c.exprs(j.Wheres...)
	return c.in(s.Schema.Names())
}

func (s *Spine) columns() []string {
	c := collector{}
	c.exprs(s.At, s.Where)
	c.names(s.SampleBy...)
	for _, col := range s.Columns {
		c.exprs(col.Expr)
	}
	return c.in(s.Schema.Names())
}

// collector is a set of names.
type collector map[string]bool

func (c collector) names(names ...string) {
	for _, n := range names {
		if n != "" {
			c[n] = true
		}
	}
}

func (c collector) exprs(es ...*expr.Expr) {
	for _, e := range es {
		if e != nil {
			c.names(e.Columns()...)
		}
	}
}

func (c collector) in(order []string) []string {
	out := []string{}
	for _, n := range order {
		if c[n] {
			out = append(out, n)
		}
	}
	return out
}
