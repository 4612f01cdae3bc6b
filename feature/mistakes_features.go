package feature

import (
	"strings"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/value"
)

// unknownAggregation is a call that the SDK of this binary cannot have recorded.
func (r *reporter) unknownAggregation(at Span, name string) {
	r.add(codeUnknownName, at, "there is no aggregation %q", name).choose(name, "aggregations", agg.Names())
}

// aggregation passes on what an aggregation says of its call.
func (r *reporter) aggregation(code Code, at Span, p agg.Problem) {
	r.add(code, at, "%s", p.Text).cure("%s", p.Cure)
}

// noWindows is windows=[].
func (r *reporter) noWindows(at Span, aggregation string) {
	r.add(codeWindow, at, "windows=[] makes no feature of %s", aggregation).cure(`leave windows= out for all of history, or write windows=["1d"]`)
}

// zeroWindow is a window of no length.
func (r *reporter) zeroWindow(t Text, argument string) {
	r.add(codeWindow, t.At, "%s=%q is no span of time", argument, t.Value).cure(`the shortest is "1ms"`)
}

// windowTwice is one span listed twice, perhaps in two units.
func (r *reporter) windowTwice(t Text, first Text) {
	if t.Value == first.Value {
		r.add(codeWindow, t.At, "window %q stands twice", t.Value).cure("leave one out")
		return
	}
	r.add(codeWindow, t.At, "windows %q and %q are the same span", first.Value, t.Value).cure("leave one out")
}

// badResolution is a resolution that no grid of a day has.
func (r *reporter) badResolution(t Text) {
	r.add(codeResolution, t.At, "resolution=%q is neither whole seconds that divide a day nor whole days", t.Value).
		cure(`write "1s", "5s", "15s", "1m", "5m", "15m", "1h", "3h", "6h", "1d" or "exact"`)
}

// unevenResolution is a resolution that does not divide the window.
func (r *reporter) unevenResolution(t Text, window, chosen string) {
	r.add(codeResolution, t.At, "resolution=%q does not divide the window %q", t.Value, window).
		cure("leave it out: the window gets %s by itself", chosen)
}

// sameMillisecond is the hint under first and last (E2).
func (r *reporter) sameMillisecond(at Span, features []string, source string) {
	r.add(codeSameMilli, at, "%s of source %q may come from different rows of one millisecond", quotedList(features, " and "), source).
		cure("where that can happen, give the source order_by=")
}

// keyType is a key that cannot be compared without doubt.
func (r *reporter) keyType(at Span, name string, t value.Type) {
	p := r.add(codeWrongType, at, "key %q is %s, and must be bool, int, string, bytes, timestamp or date", name, typeText(t))
	if t.Kind == value.KindFloat {
		p.cure("floats are not compared as keys; store it as an int or a string")
		return
	}
	p.cure("store it as a column of one of these types")
}

// keyFromFeature is a key that is computed: another group's feature, a derived column.
func (r *reporter) keyFromFeature(at Span, what, name string) {
	r.add(codeKeyFromFeature, at, "not yet: %s %q as a key", what, name).
		cure("put the key into the spine and the request: train on a table that has it, and let the caller send it")
}

// featureAsInput is another group's feature inside an expression over a source.
func (r *reporter) featureAsInput(at Span, name string) {
	r.add(codeJoinInSource, at, "not yet: %q is a feature of a group, and an expression over a source reads the source's rows alone", name).
		cure("combine features with derive= in a view")
}

// viewClash is a second column of a view with a name that is taken.
func (r *reporter) viewClash(at Span, name, what, taken string, first Span) {
	p := r.add(codeClash, at, "%s would be called %q, as %s is already", what, name, taken).related(first, "the first is here")
	if strings.Contains(name, "__") {
		p.cure(`give one of the groups a prefix of its own: group.prefix("…")`)
		return
	}
	p.cure("give one another name")
}

// keyTypes is one key of a view with two types.
func (r *reporter) keyTypes(at Span, key, group string, t value.Type, other string, u value.Type) {
	r.add(codeKeyTypes, at, "key %q of group %q is %s, and %s has it as %s", key, group, t, other, u).
		cure("strings and numbers never meet: store the column with one type, or map the key to another with .on(…)")
}

// unknownKey is a key in .on() that the group does not have.
func (r *reporter) unknownKey(at Span, name, group string, keys []string) {
	r.add(codeUnknownKey, at, "group %q has no key %q", group, name).choose(name, "keys", keys)
}

// cycle is derived columns that need each other.
func (r *reporter) cycle(at Span, path []string) {
	r.add(codeCycle, at, "%q needs itself: %s", path[0], strings.Join(append(path, path[0]), " → ")).
		cure("write one of them over columns that are not derived")
}

// unknownViewColumn is a name in required=, features= or select() that the view does not have.
func (r *reporter) unknownViewColumn(at Span, name, view string, columns []string) {
	r.add(codeUnknownViewColumn, at, "view %q has no column %q", view, name).choose(name, "columns", columns).prefixed(name, columns)
}

// prefixed offers the features that have the name under their group's prefix.
func (p *Problem) prefixed(name string, columns []string) {
	var found []string
	for _, c := range columns {
		if strings.HasSuffix(c, "__"+name) && len(found) < 3 {
			found = append(found, c)
		}
	}
	if len(found) > 0 {
		p.Near = found
	}
}

// notSelected is a column of the view that .select() left out.
func (r *reporter) notSelected(at Span, name string) {
	r.add(codeUnknownViewColumn, at, "column %q is not among those that .select() leaves", name).cure("add it there, or leave it out here")
}

// emptyView is a view that would give nothing.
func (r *reporter) emptyView(at Span, name string) {
	r.add(codeEmptyView, at, "view %q has no columns", name).cure("give it groups=, request= or derive=")
}
