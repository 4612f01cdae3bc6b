package expr

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/value"
)

// Env is the columns that an expression may read. value.Schema is one.
type Env interface {
	Lookup(name string) (value.Type, bool)
	Names() []string
}

// tree is a typed expression: a constant, a column, or a call with its overload chosen and its arguments converted.
type tree struct {
	start, end int
	typ        value.Type
	val        value.Value // of a constant
	column     string
	fn         *Function
	over       *overload
	kernel     kernel
	args       []*tree
	fixed      bool // no column inside: it has one value
	depth      int
}

func (t *tree) isConstant() bool { return t.fn == nil && t.column == "" }

// walk visits the tree, arguments first, in the order of the text.
func (t *tree) walk(f func(*tree)) {
	for _, a := range t.args {
		a.walk(f)
	}
	f(t)
}

// Check parses, types and folds. All mistakes of type are reported at once; of syntax, the first.
func Check(src string, env Env) (*Expr, Errors) {
	n, errs := Parse(src)
	if len(errs) > 0 {
		return nil, errs
	}
	c := &checker{env: env}
	t := c.tree(n)
	if t != nil && t.typ.Kind == kindInterval {
		c.fail(TypeMismatch, n.Start, n.End, "an interval is not a value", "add it to a timestamp or a date; a span in milliseconds is an int")
	}
	if len(c.errs) > 0 {
		return nil, c.errs.sorted()
	}
	return &Expr{tree: t}, nil
}

type checker struct {
	env  Env
	errs Errors
}

func (c *checker) fail(kind Kind, start, end int, message, cure string) *Error {
	e := &Error{Kind: kind, Start: start, End: end, Message: message, Cure: cure}
	c.errs = append(c.errs, e)
	return e
}

// tree types a node; nil where something in it is wrong, which has then been reported.
func (c *checker) tree(n *Node) *tree {
	switch n.kind {
	case literalNode:
		return &tree{start: n.Start, end: n.End, typ: n.typ, val: n.value, fixed: true}
	case columnNode:
		return c.columnOf(n)
	}
	fn := byName[n.name]
	if fn == nil {
		c.unknownFunction(n)
	}
	args, whole := make([]*tree, len(n.args)), fn != nil
	for i, a := range n.args {
		if args[i] = c.tree(a); args[i] == nil {
			whole = false
		}
	}
	if !whole {
		return nil
	}
	return c.call(n, fn, args)
}

func (c *checker) columnOf(n *Node) *tree {
	if t, ok := c.env.Lookup(n.name); ok {
		return &tree{start: n.Start, end: n.End, typ: t, column: n.name}
	}
	names := c.env.Names()
	cure := didYouMean(Nearest(n.name, names))
	if n.quoted {
		cure = strings.TrimSpace(cure + " text stands in single quotes: " + QuoteText(clip(n.name)))
	}
	if _, isFn := byName[strings.ToLower(n.name)]; isFn && cure == "" {
		cure = "a function is called with its arguments: " + strings.ToLower(n.name) + "(…)"
	}
	sorted := slices.Sorted(slices.Values(names))
	list := strings.Join(sorted[:min(len(sorted), 12)], ", ")
	if len(sorted) > 12 {
		list += ", …"
	}
	switch {
	case len(names) == 0:
		list = "there are no columns to read here"
	default:
		list = "columns: " + list
	}
	c.fail(UnknownColumn, n.Start, n.End, fmt.Sprintf("unknown column %q", clip(n.name)), strings.TrimSpace(cure+"  "+list)).Name = n.name
	return nil
}

// elsewhere are functions of SQL that the language leaves out on purpose, and what to do instead.
var elsewhere = map[string]string{
	"ceiling": "write ceil(x)", "power": "write pow(x, y)", "log": "write ln(x) or log10(x)", "log2": "write ln(x) / ln(2.0)", "truncate": "write cast(x as int)", "trunc": "write cast(x as int), or date_trunc for times",
	"char_length": "write length(s)", "character_length": "write length(s)", "len": "write length(s)", "substring": "write substr(s, start, length)", "ifnull": "write coalesce(x, y)", "nvl": "write coalesce(x, y)",
	"isnull": "write x is null", "iff": "write if(condition, x, y)", "startswith": "write starts_with(s, t)", "endswith": "write ends_with(s, t)", "strpos": "contains(s, t) says whether it is there",
	"year": "write extract(year from x)", "month": "write extract(month from x)", "day": "write extract(day from x)", "hour": "write extract(hour from x)", "minute": "write extract(minute from x)", "second": "write extract(second from x)",
	"date_part": "write extract(unit from x)", "dayofweek": "write extract(dow from x)", "weekday": "write extract(dow from x)", "dayofyear": "write extract(doy from x)", "unix_timestamp": "write extract(epoch_ms from x)",
	"date_add": "write x + interval '1 day'", "date_sub": "write x - interval '1 day'", "dateadd": "write x + interval '1 day'", "date_diff": "write datediff(later, earlier)", "to_date": "write cast(s as date)", "timestamp": "write cast(x as timestamp)",
	"now": "a definition has no clock (X10)", "current_timestamp": "a definition has no clock (X10)", "current_date": "a definition has no clock (X10)", "today": "a definition has no clock (X10)", "rand": "a definition has no randomness (X10)", "random": "a definition has no randomness (X10)", "uuid": "a definition has no randomness (X10)",
	"initcap": "casing beyond ASCII differs between engines; lower and upper are ASCII", "regexp": "regular expressions differ between engines; use like, contains, starts_with", "regexp_like": "regular expressions differ between engines; use like, contains, starts_with", "regexp_extract": "regular expressions differ between engines; use split_part, substr", "regexp_replace": "regular expressions differ between engines; use replace",
	"concat_ws": "it skips nulls, which engines do differently; use concat with coalesce", "cardinality": "write size(x)", "array_contains": "write contains(list, x)", "element_at": "write list[1] or map['key']", "hash": "each engine has its own; md5(s) is everywhere the same", "sha256": "md5(s) is everywhere the same", "sha2": "md5(s) is everywhere the same",
	"count": "aggregations are features, bh.count(…), not part of an expression", "sum": "aggregations are features, bh.sum(…), not part of an expression", "avg": "aggregations are features, bh.avg(…), not part of an expression", "mean": "aggregations are features, bh.avg(…), not part of an expression", "min": "of several values write least(a, b); over rows it is bh.min(…)", "max": "of several values write greatest(a, b); over rows it is bh.max(…)", "first": "aggregations are features, bh.first(…), not part of an expression", "last": "aggregations are features, bh.last(…), not part of an expression",
}

// Elsewhere lists functions of other SQLs that the language leaves out, with what to write or know instead. It is not to be changed.
func Elsewhere() map[string]string { return elsewhere }

func (c *checker) unknownFunction(n *Node) {
	cure, known := elsewhere[n.name]
	if !known {
		cure = didYouMean(Nearest(n.name, functionNames()))
	}
	c.fail(UnknownFunction, n.nameStart, n.nameEnd, fmt.Sprintf("unknown function %q", clip(n.name)), cure).Name = n.name
}

// functionNames are the names that can be called with parentheses.
func functionNames() []string {
	var out []string
	for name, f := range byName {
		if f.form == formCall && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_0123456789") == "" {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// call chooses the overload that needs the fewest conversions, the first of equals.
func (c *checker) call(n *Node, fn *Function, args []*tree) *tree {
	types := make([]value.Type, len(args))
	for i, a := range args {
		types[i] = a.typ
	}
	if t := c.special(n, args); t != nil {
		return t
	}
	var best *overload
	var variable value.Type
	least := len(args) + 1
	for _, o := range fn.overloads {
		if n.target != nil && !o.result.typ.Equal(*n.target) {
			continue
		}
		if v, cost, ok := o.match(types); ok && cost < least {
			best, variable, least = o, v, cost
		}
	}
	if best == nil {
		c.noOverload(n, fn, types)
		return nil
	}
	return c.apply(n, fn, best, variable, args)
}

// special types what signatures cannot say: a cast of null, or to the type that the value has already.
func (c *checker) special(n *Node, args []*tree) *tree {
	if n.target == nil {
		return nil
	}
	a := args[0]
	if a.typ.Kind == value.KindNull && a.isConstant() {
		return &tree{start: n.Start, end: n.End, typ: *n.target, fixed: true}
	}
	if a.typ.Equal(*n.target) {
		return a
	}
	return nil
}

func (c *checker) apply(n *Node, fn *Function, o *overload, variable value.Type, args []*tree) *tree {
	t := &tree{start: n.Start, end: n.End, typ: o.result.resolve(variable), fn: fn, over: o, fixed: true}
	for i, a := range args {
		p := o.param(i, len(args))
		if p.constant && (!a.isConstant() || a.val.IsNull()) {
			c.fail(BadConstant, a.start, a.end, fmt.Sprintf("%s of %s must be a constant", p.name, fn.Name), "")
			return nil
		}
		want := p.resolve(variable)
		if want.Kind == value.KindStruct {
			want = a.typ
		}
		if want.Kind == value.KindNull && p.generic == 'O' {
			want = value.Bool // null = null: any ordered type does
		}
		a = c.convert(a, want)
		t.args, t.fixed, t.depth = append(t.args, a), t.fixed && a.fixed, max(t.depth, a.depth+1)
	}
	t.kernel = o.kernel
	if o.bind != nil {
		b := &binding{args: t.args, result: t.typ}
		t.kernel = o.bind(b)
		if b.message != "" {
			a := args[b.wrong]
			c.fail(BadConstant, a.start, a.end, b.message, b.cure)
			return nil
		}
		t.typ = b.result
	}
	if t.depth > MaxDepth {
		c.errs = append(c.errs, tooDeep(n.nameStart, n.nameEnd))
		return nil
	}
	if t.typ.Kind == value.KindNull {
		return &tree{start: n.Start, end: n.End, fixed: true}
	}
	return fold(t)
}

// convert makes an argument what its parameter asks: null adopts the type, int becomes float (X3).
func (c *checker) convert(a *tree, want value.Type) *tree {
	if a.typ.Equal(want) {
		return a
	}
	if a.typ.Kind == value.KindNull {
		return &tree{start: a.start, end: a.end, typ: want, fixed: true}
	}
	t := &tree{start: a.start, end: a.end, typ: want, fn: byName["cast"], over: intToFloat, kernel: intToFloat.kernel, args: []*tree{a}, fixed: a.fixed, depth: a.depth + 1}
	return fold(t)
}

// fold replaces a call without columns by its value (X10). One that makes a counted null stays as it is, so that every row counts it.
func fold(t *tree) *tree {
	if !t.fixed {
		return t
	}
	var nulls Nulls
	v := t.compile(nil)(nil, &nulls)
	if nulls.Total() > 0 {
		return t
	}
	return &tree{start: t.start, end: t.end, typ: t.typ, val: v, fixed: true}
}

func (c *checker) noOverload(n *Node, fn *Function, types []value.Type) {
	cure := ""
	if fn.hint != nil {
		cure = fn.hint(types)
	}
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = typeName(t)
	}
	given := clip(strings.Join(names, ", "))
	if n.target != nil {
		if cure == "" {
			cure = castHint(types[0], *n.target)
		}
		c.fail(TypeMismatch, n.Start, n.End, fmt.Sprintf("%s cannot be cast to %s", given, *n.target), cure)
		return
	}
	if cure == "" {
		sigs := fn.Signatures()
		cure = "it takes " + strings.Join(sigs[:min(len(sigs), 6)], " or ")
	}
	start, end := n.Start, n.End
	if i := offender(fn, types); i >= 0 {
		start, end = n.args[i].Start, n.args[i].End
	}
	if fn.form == formInfix {
		start, end = n.nameStart, n.nameEnd
	}
	c.fail(TypeMismatch, start, end, fmt.Sprintf("%s does not take (%s)", fn.Name, given), cure)
}

// offender is the argument without which, and those after it, some signature would fit; −1 where it is their number that does not.
func offender(fn *Function, types []value.Type) int {
	furthest := -1
	for _, o := range fn.overloads {
		known := make([]value.Type, len(types)) // null where not known yet: it fits everywhere
		if _, _, ok := o.match(known); !ok {
			continue
		}
		for i, t := range types {
			known[i] = t
			if _, _, ok := o.match(known); !ok {
				furthest = max(furthest, i)
				break
			}
		}
	}
	return furthest
}
