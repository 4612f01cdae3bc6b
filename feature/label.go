package feature

import (
	"fmt"

	"github.com/bighead-ml/bighead/value"
)

// label checks one label: SQL over the spine's row, or an aggregation of what happens within a span after at (I2).
func (c *checker) label(t *trainingState, d *LabelDef) {
	name := d.Name.Value
	switch {
	case badNameReason(name) != "":
		c.badName(d.Name.At, "a label", name)
		return
	case name == AsOf:
		c.reserved(d.Name.At, name, "the time that is asked for")
		return
	}
	for _, l := range t.def.Labels {
		if l.Name.Value == name {
			if l.Name.At != d.Name.At {
				c.columnTwice(d.Name.At, name, "labels")
				return
			}
			break
		}
	}
	if d.Within != nil {
		c.labelWithin(t, d)
		return
	}
	e := c.sql(*d.SQL, t.scope())
	if e == nil {
		return
	}
	if e.Type().Kind == value.KindNull {
		c.wrongType(d.SQL.At, fmt.Sprintf("label %q", name), e.Type(), "of some type", "name a column, or write an expression over the spine")
		return
	}
	c.onEngines(*d.SQL, e, t.scope(), "")
	t.set.Labels = append(t.set.Labels, Label{Name: name, Pos: d.Name.At.Pos, Expr: e})
}

// labelWithin checks a label over [at, at + within).
func (c *checker) labelWithin(t *trainingState, d *LabelDef) {
	f := d.Within
	defer c.within(f.Site)()
	mark := c.mark()
	name := d.Name.Value
	t.flawed = t.flawed || len(f.Flawed) > 0
	c.labelArguments(d)
	var src *sourceState
	if f.Source != nil {
		src = c.sources[f.Source.Index]
	} else if !f.Flawed.Has("source") {
		c.missing(f.At, fmt.Sprintf("label %q", name), "source=", "name the source whose events are counted")
	}
	within := int64(0)
	switch {
	case f.Within != nil:
		ms, ok := c.duration(f.Within, "within", 0)
		if ok && ms == 0 {
			c.zeroWindow(*f.Within, "within")
		}
		within = ms
	case !f.Flawed.Has("within"):
		c.missing(f.At, fmt.Sprintf("label %q", name), "within=", `say how far it looks: within="7d"`)
	}
	entity := src != nil && src.def.Kind == EntitySource
	if entity {
		c.labelSource(f.Source.At, name, src.src.Name)
	}
	c.ahead = true
	a := c.call(f, src)
	c.ahead = false
	if a.agg != nil && a.agg.Entity && !entity && src != nil {
		c.needsEntity(f.At, src.src.Name)
	}
	keys, on := c.labelKeys(t, d, src)
	if !c.soundSince(mark) || !a.typed || src == nil || !src.sound || len(f.Flawed) > 0 {
		return
	}
	l := Label{Name: name, Pos: d.Name.At.Pos, Source: src.src, Keys: keys, On: on, Within: within}
	l.Feature = a.feature(name, nil, Window{Size: within})
	t.set.Labels = append(t.set.Labels, l)
}

// labelArguments refuses what a feature has and a label has not.
func (c *checker) labelArguments(d *LabelDef) {
	f := d.Within
	if f.Windows != nil {
		at := f.At
		if len(f.Windows) > 0 {
			at = f.Windows[0].At
		}
		c.labelArgument(at, d.Name.Value, "windows")
	}
	for _, a := range []struct {
		t    *Text
		name string
	}{{f.Name, "name"}, {f.Resolution, "resolution"}, {f.Offset, "offset"}, {f.Refresh, "refresh"}, {f.Origin, "origin"}} {
		if a.t != nil {
			c.labelArgument(a.t.At, d.Name.Value, a.name)
		}
	}
	if f.Tumbling != nil {
		c.labelArgument(f.Tumbling.At, d.Name.Value, "tumbling")
	}
	if f.Fallback != nil {
		c.labelArgument(f.Fallback.At, d.Name.Value, "fallback")
	}
}

// labelKeys finds for each key of the label's source the column of the spine: a key or request field of the view, or the spine's own.
func (c *checker) labelKeys(t *trainingState, d *LabelDef, src *sourceState) (keys []Key, on []string) {
	f := d.Within
	if len(f.Keys) == 0 && !f.Flawed.Has("keys") {
		c.missing(f.At, fmt.Sprintf("label %q", d.Name.Value), "keys=", "name the columns of its source that the spine's keys are matched with")
	}
	if src == nil {
		return nil, nil
	}
	seen := map[string]bool{}
	for _, k := range f.Keys {
		name, typ, ok := c.column(k, src.scope, "keys", "name columns only")
		switch {
		case !ok:
			continue
		case seen[name]:
			c.columnTwice(k.At, name, "keys")
			continue
		case !typ.Key():
			c.keyType(k.At, name, typ)
			continue
		}
		seen[name] = true
		got, found := t.rowColumn(name)
		switch {
		case t.scope() == nil:
		case !found:
			c.unknownColumn(k.At, name, "the spine", t.scope().names)
		case !got.Equal(typ):
			c.spineType(k.At, "the key", name, typ, got, name)
		}
		keys, on = append(keys, Key{Name: name, Type: typ}), append(on, name)
	}
	return keys, on
}

// rowColumn is the type of a column of the row that a label may be keyed by.
func (t *trainingState) rowColumn(name string) (value.Type, bool) {
	for _, col := range t.set.Spine.Columns {
		if col.Name == name {
			return col.Expr.Type(), true
		}
	}
	return t.scope().lookup(name)
}
