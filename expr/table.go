package expr

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/value"
)

// Function is one entry of the table: an operator or a function, with all its signatures.
type Function struct {
	Name    string // as written: abs, +, is null
	Aliases []string
	Family  string
	Doc     string // what it means, its nulls and edges
	// Examples are expressions and what they give; tests run them and the reference prints them.
	Examples []Example
	// Version is raised when the meaning changes; it is part of fingerprints (I1).
	Version int
	// Transcendental functions agree between engines to relative 1e-12 only (X9).
	Transcendental bool
	// Steps says that the last bit of a float may turn the answer: comparisons, roundings, casts (X9).
	Steps bool

	form      form
	overloads []*overload
	// makes says which nulls it makes (X1); nil: none.
	makes makes
	// text writes the canonical form where form does not say enough.
	text func(t *tree, args []string) string
	// hint is a cure for arguments that no signature takes; "" where the signatures say it.
	hint func(args []value.Type) string
}

// Example is an expression over constants, or over the columns of Sample, and its value as JSON.
type Example struct{ Expr, Value string }

// Sample is the row that examples of lists, maps and structs read.
func Sample() (value.Schema, []value.Value) {
	place := value.StructOf(value.Field{Name: "city", Type: value.String}, value.Field{Name: "zip code", Type: value.Int})
	schema := value.Schema{{Name: "xs", Type: value.ListOf(value.Int)}, {Name: "m", Type: value.MapOf(value.Float)}, {Name: "place", Type: place}}
	return schema, []value.Value{
		value.OfList([]value.Value{value.OfInt(10), {}, value.OfInt(30)}),
		value.OfMap([]value.Entry{{Key: "a", Value: value.OfFloat(1.5)}, {Key: "b"}}),
		value.OfStruct([]value.Entry{{Key: "city", Value: value.OfString("Rome")}, {Key: "zip code"}}),
	}
}

// Signatures lists what the function takes and gives, one text each.
func (f *Function) Signatures() []string {
	out := make([]string, len(f.overloads))
	for i, o := range f.overloads {
		out[i] = o.sig
	}
	return out
}

// form is how canonical text writes a call.
type form uint8

const (
	formCall    form = iota // name(a, b)
	formInfix               // (a op b op c)
	formPrefix              // (op a)
	formPostfix             // (a op)
)

// overload is one signature of a function with what computes and prints it.
type overload struct {
	// sig is "(x int, y T...) T": T stands for any type, O for any ordered one, the same throughout; "const" before a type asks for
	// a constant that is not null; "..." repeats the last parameter once or more.
	sig    string
	kernel kernel
	// bind makes the kernel where it depends on the types or on constant arguments. An error names the argument that is wrong.
	bind func(b *binding) kernel
	// cases says that the first two parameters alternate and that the third may end them.
	cases bool
	sql   sql

	params   []param
	variadic bool
	result   pattern
}

// binding is what bind may look at: the arguments, converted and typed, and the result's type.
type binding struct {
	args   []*tree
	result value.Type
	// wrong is the argument that bind refuses, and why; bind then returns the zero kernel.
	wrong         int
	message, cure string
}

func (b *binding) refuse(arg int, message, cure string) kernel {
	b.wrong, b.message, b.cure = arg, message, cure
	return kernel{}
}

// text is a constant string argument.
func (b *binding) text(arg int) string { return b.args[arg].val.Str() }

type param struct {
	name     string
	constant bool
	pattern
}

// pattern is a type, or one with a variable in it: T, O, list<T>, map<string,T>.
type pattern struct {
	typ     value.Type
	generic byte       // 0, 'T' (any) or 'O' (ordered)
	within  value.Kind // of a generic: KindNull for the variable itself, KindList, KindMap
}

// The type of an interval exists only inside expressions: milliseconds, held as an int.
const kindInterval value.Kind = 100

var intervalType = value.Type{Kind: kindInterval}

// typeName is Type.String for the types of expressions.
func typeName(t value.Type) string {
	if t.Kind == kindInterval {
		return "interval"
	}
	return t.String()
}

func parsePattern(s string) pattern {
	switch s {
	case "T", "O":
		return pattern{generic: s[0]}
	case "list<T>", "list<O>":
		return pattern{generic: s[5], within: value.KindList}
	case "map<string,T>":
		return pattern{generic: 'T', within: value.KindMap}
	case "struct":
		return pattern{typ: value.Type{Kind: value.KindStruct}}
	case "interval":
		return pattern{typ: intervalType}
	}
	t, err := value.ParseType(s)
	if err != nil {
		panic(err) // the table is ours
	}
	return pattern{typ: t}
}

// parse reads the signature into params, variadic and result.
func (o *overload) parse() {
	inside, result, ok := strings.Cut(strings.TrimPrefix(o.sig, "("), ") ")
	if !ok {
		panic("expr: signature " + o.sig)
	}
	o.result = parsePattern(result)
	for _, text := range strings.Split(inside, ", ") {
		name, typ, _ := strings.Cut(text, " ")
		typ, constant := cutPrefix(typ, "const ")
		typ, o.variadic = cutSuffix(typ, "...")
		o.params = append(o.params, param{name, constant, parsePattern(typ)})
	}
}

func cutPrefix(s, prefix string) (string, bool) {
	return strings.TrimPrefix(s, prefix), strings.HasPrefix(s, prefix)
}
func cutSuffix(s, suffix string) (string, bool) {
	return strings.TrimSuffix(s, suffix), strings.HasSuffix(s, suffix)
}

// param is the parameter that argument i of n stands for, nil where there is none.
func (o *overload) param(i, n int) *param {
	if o.cases {
		if i%2 == 0 && i == n-1 {
			return &o.params[2]
		}
		return &o.params[i%2]
	}
	if i < len(o.params) {
		return &o.params[i]
	}
	if o.variadic {
		return &o.params[len(o.params)-1]
	}
	return nil
}

// match finds the variable's type and how many conversions the arguments need; false where they do not fit.
func (o *overload) match(args []value.Type) (variable value.Type, cost int, ok bool) {
	if n := len(args); n < len(o.params) && !(o.cases && n >= 2) || o.param(max(0, n-1), n) == nil {
		return value.Null, 0, false
	}
	if variable, ok = o.variable(args); !ok {
		return value.Null, 0, false
	}
	for i, t := range args {
		switch want := o.param(i, len(args)).resolve(variable); {
		case t.Equal(want), t.Kind == value.KindNull, want.Kind == value.KindStruct && t.Kind == value.KindStruct:
		case t.Kind == value.KindInt && want.Kind == value.KindFloat:
			cost++
		default:
			return value.Null, 0, false
		}
	}
	return variable, cost, true
}

// variable is what T or O stands for: elements of lists and maps decide, else the type where the arguments meet (X3).
func (o *overload) variable(args []value.Type) (value.Type, bool) {
	v, found := value.Null, false
	for i, t := range args {
		if p := o.param(i, len(args)); p.generic != 0 && p.within != value.KindNull && t.Kind == p.within {
			if found && !v.Equal(*t.Elem) {
				return v, false
			}
			v, found = *t.Elem, true
		}
	}
	for i, t := range args {
		p := o.param(i, len(args))
		if p.generic == 0 || p.within != value.KindNull {
			continue
		}
		joined, ok := join(v, t)
		if !ok || found && !joined.Equal(v) {
			return v, false
		}
		v = joined
	}
	for i := range args {
		if p := o.param(i, len(args)); p.generic == 'O' && v.Kind != value.KindNull && !v.Ordered() {
			return v, false
		}
	}
	return v, true
}

// join is the type where two types meet: null adopts the other, int meets float as float.
func join(a, b value.Type) (value.Type, bool) {
	switch {
	case b.Kind == kindInterval: // an interval is no value: it only moves times
		return a, false
	case a.Kind == value.KindNull || a.Equal(b):
		return b, true
	case b.Kind == value.KindNull:
		return a, true
	case a.Numeric() && b.Numeric():
		return value.Float, true
	}
	return a, false
}

// resolve puts the variable's type in.
func (p pattern) resolve(variable value.Type) value.Type {
	if p.generic == 0 {
		return p.typ
	}
	switch p.within {
	case value.KindList:
		return value.ListOf(variable)
	case value.KindMap:
		return value.MapOf(variable)
	}
	return variable
}

// table is put together once, from the families in the order in which the reference prints them.
var (
	table  = slices.Concat(operatorTable, conditionalTable, castTable, mathTable, textTable, timeTable, nestedTable)
	byName = indexTable()
)

// indexTable fills in what entries leave out and finds them by name.
func indexTable() map[string]*Function {
	index := make(map[string]*Function, len(table))
	for _, f := range table {
		f.Version = max(f.Version, 1)
		for _, o := range f.overloads {
			o.parse()
		}
		for _, name := range append([]string{f.Name}, f.Aliases...) {
			if index[name] != nil {
				panic("expr: two functions " + name)
			}
			index[name] = f
		}
	}
	return index
}

// Functions is the table, by family. It is not to be changed.
func Functions() []*Function { return table }

// version is the entry of Versions for the function.
func (f *Function) version() string { return fmt.Sprintf("%s/%d", f.Name, f.Version) }
