package feature

import (
	"fmt"
	"strings"

	"github.com/bighead-ml/bighead/value"
)

// AsOf is the name of the time that a view is asked for, in derived columns and in a training set's table.
const AsOf = "at"

// viewState is a view while its project is checked.
type viewState struct {
	def   *ViewDef
	view  *View
	scope *scope // of derive=
	sound bool

	taken   map[string]taken    // names of columns, keys and at
	flawed  map[string]bool     // names of columns of which something is wrong
	open    []string            // prefixes under which there may be features whose names are not known; "" for anything
	keyFrom map[string]keyUse   // key → the group that first needed it
	derived map[string]*derived // derived columns by name
	index   map[string]int      // of view.Columns, by name
	stack   []*derived          // being typed
}

// taken is what has a name, and where.
type taken struct {
	what string
	at   Span
}

type keyUse struct {
	typ  value.Type
	what string
}

type derived struct {
	def   NamedSQL
	state uint8 // 0: not looked at, 1: being typed, 2: done
	typ   value.Type
	ok    bool
}

// view checks one view.
func (c *checker) view(d *ViewDef) *viewState {
	defer c.within(d.Site)()
	mark := c.mark()
	c.named("feature view", d.Name)
	v := &viewState{
		def: d, view: &View{Name: d.Name.Value, Pos: d.At.Pos, Description: textOf(d.Description)},
		taken: map[string]taken{AsOf: {"the time that is asked for", Span{}}}, flawed: map[string]bool{},
		keyFrom: map[string]keyUse{}, derived: map[string]*derived{}, index: map[string]int{},
	}
	if d.Flawed.Has("groups") || d.Flawed.Has("request") || d.Flawed.Has("derive") {
		v.open = append(v.open, "")
	}
	v.scope = newScope(fmt.Sprintf("view %q", d.Name.Value), value.Schema{{Name: AsOf, Type: value.Timestamp}})
	v.scope.unknown = v.mayHave
	v.scope.engines, v.scope.feeds = computedBy(c.batch), computedBy(c.stream)
	c.request(v)
	sound := true
	for i := range d.Groups {
		sound = c.use(v, &d.Groups[i]) && sound
	}
	c.requestColumns(v)
	c.derive(v)
	c.requiredColumns(v)
	if len(v.view.Columns) == 0 && len(v.open) == 0 && len(v.flawed) == 0 && c.soundSince(mark) {
		c.emptyView(d.At, d.Name.Value)
	}
	v.sound = sound && c.soundSince(mark) && len(d.Flawed) == 0
	if v.sound {
		fingerprintView(v.view)
	}
	return v
}

// mayHave tells whether the view would have a column, were something else not wrong.
func (v *viewState) mayHave(name string) bool {
	if v.flawed[name] {
		return true
	}
	for _, p := range v.open {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}

// take gives a name out once; false where it is taken, which is reported.
func (c *checker) take(v *viewState, name, what string, at Span) bool {
	if name == AsOf {
		c.reserved(at, name, v.taken[AsOf].what)
		return false
	}
	if t, ok := v.taken[name]; ok {
		c.viewClash(at, name, what, t.what, t.at)
		return false
	}
	v.taken[name] = taken{what, at}
	return true
}

// request checks the request fields' names and types. Their columns come after the features'.
func (c *checker) request(v *viewState) {
	seen := map[string]bool{}
	for _, d := range v.def.Request {
		name := d.Name.Value
		switch {
		case badNameReason(name) != "":
			c.badName(d.Name.At, "a request field", name)
			continue
		case seen[name]:
			c.columnTwice(d.Name.At, name, "request")
			continue
		case name == AsOf:
			c.reserved(d.Name.At, name, v.taken[AsOf].what)
			continue
		}
		seen[name] = true
		t, ok := c.declaredType(d.Type)
		if !ok {
			v.flawed[name] = true
			continue
		}
		v.view.Request = append(v.view.Request, Key{Name: name, Type: t, Optional: d.Type.Optional})
		v.keyFrom[name] = keyUse{t, "the request"}
		v.scope.add(name, t)
	}
}

func (c *checker) requestColumns(v *viewState) {
	for _, d := range v.def.Request {
		for _, r := range v.view.Request {
			if r.Name == d.Name.Value && c.take(v, r.Name, "the request field", d.Name.At) {
				v.column(ViewColumn{Name: r.Name, Type: r.Type, Kind: RequestColumn})
			}
		}
	}
}

// use joins one group to the view; false where the group or the use of it is not right.
func (c *checker) use(v *viewState, u *GroupUse) bool {
	mark := c.mark()
	g := c.groups[u.Group.Index]
	prefix := g.group.Name
	if u.Prefix != nil {
		prefix = u.Prefix.Value
		if badNameReason(prefix) != "" {
			c.badName(u.Prefix.At, "a prefix", prefix)
		}
	}
	join := Join{Group: g.group, Prefix: prefix, On: c.mapKeys(v, u, g)}
	index := len(v.view.Joins)
	v.view.Joins = append(v.view.Joins, join)
	for _, f := range g.group.Features {
		name := prefix + "__" + f.Name
		if !c.take(v, name, fmt.Sprintf("feature %q of group %q", f.Name, g.group.Name), u.Group.At) {
			v.flawed[name] = true
			continue
		}
		v.column(ViewColumn{Name: name, Type: f.Type, Kind: FeatureColumn, Join: index, Feature: f})
		v.scope.add(name, f.Type)
		if g.inexact[f.Name] {
			v.scope.markInexact(name)
		}
	}
	for name := range g.flawed {
		v.flawed[prefix+"__"+name] = true
	}
	if !g.sound {
		for _, k := range g.keyNames() {
			v.flawed[k] = true // a key that is not right, or not known to be
		}
	}
	if g.open {
		v.open = append(v.open, prefix+"__")
	}
	return g.sound && c.soundSince(mark)
}

// mapKeys says which of the view's columns each key of a group is.
func (c *checker) mapKeys(v *viewState, u *GroupUse, g *groupState) []string {
	to := map[string]Text{}
	for _, on := range u.On {
		if len(g.group.Keys) == len(g.def.Keys) || g.def.Keys == nil && g.sound {
			c.mappedKey(on, g)
		}
		if _, twice := to[on.Key.Value]; twice {
			c.columnTwice(on.Key.At, on.Key.Value, "on")
			continue
		}
		to[on.Key.Value] = on.Column
	}
	names := make([]string, len(g.group.Keys))
	for i, k := range g.group.Keys {
		names[i] = k.Name
		at := u.Group.At
		on, mapped := to[k.Name]
		if mapped {
			names[i], at = on.Value, on.At
		}
		if mapped && c.computed(v, names[i], at) {
			continue
		}
		c.viewKey(v, names[i], k, g, at)
	}
	return names
}

func (c *checker) mappedKey(on KeyUse, g *groupState) {
	var keys []string
	for _, k := range g.group.Keys {
		if k.Name == on.Key.Value {
			return
		}
		keys = append(keys, k.Name)
	}
	c.unknownKey(on.Key.At, on.Key.Value, g.group.Name, keys)
}

// viewKey adds a key that a group needs, unless the request or an earlier group brings it already.
func (c *checker) viewKey(v *viewState, name string, k Key, g *groupState, at Span) {
	switch use, ok := v.keyFrom[name]; {
	case ok && !use.typ.Equal(k.Type):
		c.keyTypes(at, k.Name, g.group.Name, k.Type, use.what, use.typ)
	case ok:
		delete(v.flawed, name)
	case name == AsOf:
		c.reserved(at, name, v.taken[AsOf].what)
	default:
		v.keyFrom[name] = keyUse{k.Type, fmt.Sprintf("group %q", g.group.Name)}
		v.view.Keys = append(v.view.Keys, Key{Name: name, Type: k.Type})
		v.taken[name] = taken{"a key", at}
		v.scope.add(name, k.Type)
	}
}

// computed reports a key that is mapped to a feature or a derived column.
func (c *checker) computed(v *viewState, name string, at Span) bool {
	if c.isFeature(name) {
		c.keyFromFeature(at, "the feature", name)
		return true
	}
	for _, d := range v.def.Derive {
		if d.Name.Value == name {
			c.keyFromFeature(at, "the derived column", name)
			return true
		}
	}
	return false
}

// requiredColumns checks required= and required_value=.
func (c *checker) requiredColumns(v *viewState) {
	for _, list := range []struct {
		names []Text
		what  string
		set   func(*ViewColumn)
	}{
		{v.def.Required, "required", func(col *ViewColumn) { col.Required = true }},
		{v.def.RequiredValue, "required_value", func(col *ViewColumn) { col.RequiredValue = true }},
	} {
		seen := map[string]bool{}
		for _, t := range list.names {
			if seen[t.Value] {
				c.columnTwice(t.At, t.Value, list.what)
				continue
			}
			seen[t.Value] = true
			if i, ok := v.index[t.Value]; ok {
				list.set(&v.view.Columns[i])
			} else if !v.mayHave(t.Value) {
				c.unknownViewColumn(t.At, t.Value, v.view.Name, v.columnNames())
			}
		}
	}
}

// column adds a column to the view.
func (v *viewState) column(col ViewColumn) {
	v.index[col.Name] = len(v.view.Columns)
	v.view.Columns = append(v.view.Columns, col)
}

func (v *viewState) columnNames() []string {
	out := make([]string, len(v.view.Columns))
	for i, col := range v.view.Columns {
		out[i] = col.Name
	}
	return out
}
