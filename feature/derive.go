package feature

import (
	"slices"

	"github.com/bighead-ml/bighead/value"
)

// derive types the derived columns. One may read another that stands after it, so each is typed when it is first read, and their order
// in View.Derived is that in which they were done: each after those it reads.
func (c *checker) derive(v *viewState) {
	v.scope.derive = func(name string) (value.Type, bool) { return c.derivedType(v, name) }
	for _, d := range v.def.Derive {
		name := d.Name.Value
		switch {
		case badNameReason(name) != "":
			c.badName(d.Name.At, "a derived column", name)
		case v.derived[name] != nil:
			c.columnTwice(d.Name.At, name, "derive")
		case c.take(v, name, "the derived column", d.Name.At):
			v.derived[name] = &derived{def: d}
		}
	}
	for _, d := range v.def.Derive {
		if one := v.derived[d.Name.Value]; one != nil && one.def.Name.At == d.Name.At {
			if t, ok := c.derivedType(v, d.Name.Value); ok {
				v.column(ViewColumn{Name: d.Name.Value, Type: t, Kind: DerivedColumn})
			}
		}
	}
}

// derivedType types a derived column the first time that it is asked for.
func (c *checker) derivedType(v *viewState, name string) (value.Type, bool) {
	d := v.derived[name]
	switch {
	case d == nil:
		return value.Type{}, false
	case d.state == 2:
		return d.typ, d.ok
	case d.state == 1:
		c.cycleOf(v, d)
		return value.Type{}, false
	}
	d.state = 1
	v.stack = append(v.stack, d)
	e := c.sql(d.def.SQL, v.scope)
	v.stack = v.stack[:len(v.stack)-1]
	d.state = 2
	if e != nil && e.Type().Kind == value.KindNull {
		c.wrongType(d.def.SQL.At, "derived column "+quotedList([]string{name}, ""), e.Type(), "of some type", "give the null a type: cast(null as int)")
		e = nil
	}
	if e == nil {
		v.flawed[name] = true
		return value.Type{}, false
	}
	d.typ, d.ok = e.Type(), true
	v.scope.add(name, d.typ)
	c.onEngines(d.def.SQL, e, v.scope, "")
	if v.scope.carries(e) {
		v.scope.markInexact(name)
	}
	v.view.Derived = append(v.view.Derived, Derived{Name: name, Pos: d.def.Name.At.Pos, Expr: e})
	return d.typ, true
}

// cycleOf reports derived columns that need each other, once, at the one that was begun first.
func (c *checker) cycleOf(v *viewState, d *derived) {
	i := slices.Index(v.stack, d)
	var path []string
	for _, s := range v.stack[i:] {
		path = append(path, s.def.Name.Value)
	}
	for _, name := range path {
		v.flawed[name] = true
	}
	c.cycle(d.def.SQL.At, path)
}
