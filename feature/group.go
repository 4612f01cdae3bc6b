package feature

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/expr"
)

// groupState is a group while its project is checked.
type groupState struct {
	def    *GroupDef
	group  *Group
	source *sourceState // nil: none was given
	// flawed features exist under these names, but something is wrong with them; open: there may be more, whose names are not known.
	flawed map[string]Span
	open   bool
	sound  bool
	places map[string]Span
	// inexact features hold what came through a transcendental function on an engine that is not ours.
	inexact map[string]bool
}

// has tells whether there is, or may be, a feature of that name.
func (g *groupState) has(name string) bool {
	_, ok := g.places[name]
	return ok
}

// keyNames are a group's keys as they are written, also where they are not right.
func (g *groupState) keyNames() []string {
	if g.def.Keys == nil && g.source != nil {
		return texts(g.source.def.Keys)
	}
	return texts(g.def.Keys)
}

// group checks one group.
func (c *checker) group(d *GroupDef) *groupState {
	defer c.within(d.Site)()
	mark := c.mark()
	c.named("feature group", d.Name)
	g := &groupState{def: d, inexact: map[string]bool{}, flawed: map[string]Span{}, places: map[string]Span{}, open: d.Flawed.Has("features"), group: &Group{
		Name: d.Name.Value, Pos: d.At.Pos, Owner: textOf(d.Owner), Description: textOf(d.Description), Tags: texts(d.Tags),
	}}
	g.group.Flush, _ = c.duration(d.Flush, "flush", defaultFlush)
	g.group.MaxStaleness, _ = c.duration(d.MaxStaleness, "max_staleness", 0)
	g.group.Deadline, _ = c.duration(d.Deadline, "deadline", defaultDeadline)
	src := c.sourceOf(g)
	c.groupKeys(g, src)
	if len(d.Features) == 0 && !g.open {
		c.missing(d.At, fmt.Sprintf("feature group %q", d.Name.Value), "features=", `give it at least one, such as bh.count(windows=["1d"])`)
	}
	for i := range d.Features {
		c.feature(g, &d.Features[i], src)
	}
	c.sameMillisecondHint(g, src)
	g.sound = c.soundSince(mark) && len(d.Flawed) == 0 && len(g.flawed) == 0 && !g.open && src != nil && src.sound
	if g.sound {
		fingerprintGroup(g.group)
	}
	return g
}

func (c *checker) sourceOf(g *groupState) *sourceState {
	d := g.def
	if d.Source == nil {
		if !d.Flawed.Has("source") {
			c.missing(d.At, fmt.Sprintf("feature group %q", d.Name.Value), "source=", "name the source that its features are computed from")
		}
		return nil
	}
	s := c.sources[d.Source.Index]
	g.source, g.group.Source = s, s.src
	return s
}

// groupKeys checks a group's keys; over an entity source they are the entity's.
func (c *checker) groupKeys(g *groupState, src *sourceState) {
	d := g.def
	entity := src != nil && src.def.Kind == EntitySource
	names := d.Keys
	switch {
	case len(names) > 0:
	case entity && d.Keys == nil:
		for _, k := range src.src.Keys {
			t, _ := src.typeOf(k)
			g.group.Keys = append(g.group.Keys, Key{Name: k, Type: t})
		}
		return
	case src != nil && !d.Flawed.Has("keys"):
		c.missing(d.At, fmt.Sprintf("feature group %q", d.Name.Value), "keys=", `name the columns that its features are by, such as keys=["user_id"]`)
		return
	}
	seen := map[string]bool{}
	for _, k := range names {
		if seen[k.Value] {
			c.columnTwice(k.At, k.Value, "keys")
			continue
		}
		seen[k.Value] = true
		c.groupKey(g, src, k)
	}
	if entity && len(d.Flawed) == 0 && len(src.src.Keys) > 0 && !sameSet(texts(names), src.src.Keys) {
		c.entityKeys(names[0].At, src.src.Name, src.src.Keys)
	}
}

func (c *checker) groupKey(g *groupState, src *sourceState, k Text) {
	if src == nil {
		return
	}
	if _, known := src.typeOf(k.Value); !known && src.scope != nil && c.isFeature(k.Value) {
		c.keyFromFeature(k.At, "the feature", k.Value)
		return
	}
	name, t, ok := c.column(k, src.scope, "keys", "name columns only; a column can be made of the expression in the file")
	if !ok {
		return
	}
	if !t.Key() {
		c.keyType(k.At, name, t)
		return
	}
	g.group.Keys = append(g.group.Keys, Key{Name: name, Type: t})
}

func sameSet(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b)
}

// feature checks one call of an aggregation, which makes a feature for each of its windows.
func (c *checker) feature(g *groupState, d *FeatureDef, src *sourceState) {
	defer c.within(d.Site)()
	mark := c.mark()
	a := c.call(d, src)
	windows := c.windows(d)
	if src != nil && src.def.Kind == EntitySource {
		c.entityFeature(d, src)
	} else if a.agg != nil && a.agg.Entity && src != nil {
		c.needsEntity(d.At, src.src.Name)
	}
	sound := c.soundSince(mark) && len(d.Flawed) == 0
	for _, w := range windows {
		name, ok := c.featureName(d, &a, w.text)
		if !ok {
			g.open = true
			continue
		}
		if first, twice := g.places[name]; twice {
			c.featureTwice(d.At, name, g.group.Name, first, d.Name != nil)
			continue
		}
		g.places[name] = d.At
		if !sound || a.agg == nil || !a.typed {
			g.flawed[name] = d.At
			meant(g, d, a, src, w.text)
			continue
		}
		g.group.Features = append(g.group.Features, a.feature(name, g.group, w.window))
		g.inexact[name] = a.inexact && expr.HoldsFloats(a.out)
	}
	g.open = g.open || len(windows) == 0 || d.Flawed.Has("windows") || d.Flawed.Has("name")
}

// meant notes what a feature would be called whose input or by is no column of the source, were it the nearest one: what reads it by that
// name has the same cause.
func meant(g *groupState, d *FeatureDef, a call, src *sourceState, window string) {
	if d.Name != nil || src == nil || src.scope == nil || d.Input != nil && a.expression {
		return
	}
	for _, part := range []*string{&a.column, &a.by} {
		if _, known := src.typeOf(*part); known || *part == "" {
			continue
		}
		written := *part
		for _, *part = range expr.Nearest(written, src.scope.names) {
			g.flawed[a.unnamed(d, windowEnd(window))] = d.At
		}
		*part = written
	}
}

// featureName is the name of A5; ok is false where none can be made, which has been reported.
func (c *checker) featureName(d *FeatureDef, a *call, window string) (string, bool) {
	end := windowEnd(window)
	if d.Name != nil {
		if badNameReason(d.Name.Value) != "" {
			c.badName(d.Name.At, "a feature", d.Name.Value)
			return "", false
		}
		return d.Name.Value + end, true
	}
	if d.Flawed.Has("name") || d.Flawed.Has("input") || d.Input != nil && a.expression {
		if d.Input != nil && len(d.Flawed) == 0 {
			c.needsName(d.Input.At, d.Aggregation)
		}
		return "", false
	}
	if d.By != nil && a.by == "" || d.Flawed.Has("by") {
		return "", false
	}
	name, at := a.unnamed(d, end), d.At
	if badNameReason(name) == "" {
		return name, true
	}
	if d.Input != nil && badNameReason(a.column) != "" {
		at = d.Input.At
	} else if d.By != nil {
		at = d.By.At
	}
	c.badUnnamed(at, name)
	return "", false
}

// windowEnd is the end of a feature's name.
func windowEnd(window string) string {
	if window == "" {
		return ""
	}
	return "_" + window
}

// unnamed is what a feature is called that nobody named.
func (a *call) unnamed(d *FeatureDef, end string) string {
	if d.Input != nil && ownName[d.Aggregation] && end == "" {
		return a.column
	}
	name := d.Aggregation
	if d.Input != nil {
		name = a.column + "_" + d.Aggregation
	}
	if d.K != nil {
		name += strconv.FormatInt(d.K.Value, 10)
	}
	name += end
	if d.By != nil {
		name += "_by_" + a.by
	}
	return name
}

// ownName are the aggregations whose feature, without name and windows, is called as its column: they give the row's own cell.
var ownName = map[string]bool{"latest": true, "first_row": true, "last_row": true}

// entityFeature refuses what E5 refuses over entities.
func (c *checker) entityFeature(d *FeatureDef, src *sourceState) {
	name := src.src.Name
	if a, ok := agg.Lookup(d.Aggregation); ok && !a.Entity {
		c.entityOnly(d.At, "there is no "+d.Aggregation, name, "its rows replace each other: write latest(…), or make it an event source")
	}
	if len(d.Windows) > 0 {
		c.entityOnly(d.Windows[0].At, "latest takes no windows", name, "leave windows= out: a row holds until the next one")
	}
	if d.Where != nil {
		c.entityOnly(d.Where.At, "latest takes no where", name, "give the source a where=, or choose with case in a view's derive=")
	}
	if d.By != nil {
		c.entityOnly(d.By.At, "latest takes no by", name, "leave by= out")
	}
}

// sameMillisecondHint is E2's: columns taken one by one from the first or last event may come from two rows of one millisecond.
func (c *checker) sameMillisecondHint(g *groupState, src *sourceState) {
	if src == nil || !src.sound || src.src.Kind != Events || len(src.src.OrderBy) > 0 {
		return
	}
	type kind struct {
		aggregation, where string
		window             Window
	}
	first := map[kind]*Feature{}
	for _, f := range g.group.Features {
		switch f.Agg.Name {
		case "first", "last", "first_row", "last_row":
		default:
			continue
		}
		k := kind{f.Agg.Name, textOfExpr(f.Where), f.Window}
		if other, ok := first[k]; ok && other.Input.String() != f.Input.String() {
			c.sameMillisecond(g.places[f.Name], []string{other.Name, f.Name}, src.src.Name)
			return
		}
		first[k] = f
	}
}

func textOfExpr(e *expr.Expr) string {
	if e == nil {
		return ""
	}
	return e.String()
}
