package value

import (
	"fmt"
	"slices"
	"strings"
)

// Kind is the outermost shape of a type.
type Kind uint8

// The kinds of docs/semantics.md §1. KindNull is the kind of the null value only, and of the type of a bare `null`.
const (
	KindNull Kind = iota
	KindBool
	KindInt
	KindFloat
	KindString
	KindBytes
	KindTimestamp
	KindDate
	KindList
	KindMap
	KindStruct
)

var kindNames = [...]string{"null", "bool", "int", "float", "string", "bytes", "timestamp", "date", "list", "map", "struct"}

// String is the kind's name in definitions and messages.
func (k Kind) String() string { return kindNames[k] }

// Type is the type of a column or an expression. The zero Type is that of a bare null. Types are immutable: compare with Equal.
type Type struct {
	Kind   Kind
	Elem   *Type   // of a list's elements, of a map's values (keys are strings)
	Fields []Field // of a struct, in declared order
}

// Field is a named type: of a struct, or of a schema.
type Field struct {
	Name string
	Type Type
}

// The types without parameters.
var (
	Null      = Type{}
	Bool      = Type{Kind: KindBool}
	Int       = Type{Kind: KindInt}
	Float     = Type{Kind: KindFloat}
	String    = Type{Kind: KindString}
	Bytes     = Type{Kind: KindBytes}
	Timestamp = Type{Kind: KindTimestamp}
	Date      = Type{Kind: KindDate}
)

// ListOf is a list of elem.
func ListOf(elem Type) Type { return Type{Kind: KindList, Elem: &elem} }

// MapOf is a map from strings to elem.
func MapOf(elem Type) Type { return Type{Kind: KindMap, Elem: &elem} }

// StructOf is a struct of the fields in that order.
func StructOf(fields ...Field) Type { return Type{Kind: KindStruct, Fields: fields} }

// Equal reports whether two types are the same, names of struct fields included.
func (t Type) Equal(u Type) bool {
	if t.Kind != u.Kind {
		return false
	}
	switch t.Kind {
	case KindList, KindMap:
		return t.Elem.Equal(*u.Elem)
	case KindStruct:
		return slices.EqualFunc(t.Fields, u.Fields, func(a, b Field) bool { return a.Name == b.Name && a.Type.Equal(b.Type) })
	}
	return true
}

// Ordered reports whether values of the type can be compared with < (V3).
func (t Type) Ordered() bool { return t.Kind >= KindBool && t.Kind <= KindDate }

// Numeric reports whether the type is int or float.
func (t Type) Numeric() bool { return t.Kind == KindInt || t.Kind == KindFloat }

// Key reports whether a column of the type can be part of a key (V4).
func (t Type) Key() bool { return t.Ordered() && t.Kind != KindFloat }

// An is the name of a type, or of a kind of value, with its article, for messages: a string, an int.
func An(name string) string {
	if name != "" && strings.IndexByte("aeiou", name[0]) >= 0 {
		return "an " + name
	}
	return "a " + name
}

// String is the text of the type as definitions write it: int, list<int>, map<string,float>, struct<a:int,b:string>.
func (t Type) String() string {
	switch t.Kind {
	case KindList:
		return "list<" + t.Elem.String() + ">"
	case KindMap:
		return "map<string," + t.Elem.String() + ">"
	case KindStruct:
		var b strings.Builder
		b.WriteString("struct<")
		for i, f := range t.Fields {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(quoteField(f.Name) + ":" + f.Type.String())
		}
		return b.String() + ">"
	}
	return t.Kind.String()
}

// MarshalText is the type's text, for JSON.
func (t Type) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads what MarshalText writes, but for the type of a bare null, which no column has.
func (t *Type) UnmarshalText(text []byte) (err error) {
	*t, err = ParseType(string(text))
	return err
}

func plainName(s string) bool {
	for i, c := range s {
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

func quoteField(s string) string {
	if plainName(s) {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}

// maxTypeDepth bounds nesting, so that a hostile text cannot exhaust the stack.
const maxTypeDepth = 32

// ParseType reads the text that Type.String writes; spaces between tokens are allowed.
func ParseType(text string) (Type, error) {
	p := typeParser{s: text}
	t, err := p.parse(0)
	if err == nil && p.peek() != 0 {
		err = fmt.Errorf("unexpected %q", p.s[p.i:])
	}
	if err != nil {
		return Type{}, fmt.Errorf("type %q: %w", text, err)
	}
	return t, nil
}

type typeParser struct {
	s string
	i int
}

func (p *typeParser) peek() byte {
	for p.i < len(p.s) && p.s[p.i] == ' ' {
		p.i++
	}
	if p.i == len(p.s) {
		return 0
	}
	return p.s[p.i]
}

func (p *typeParser) expect(c byte) error {
	if p.peek() != c {
		return fmt.Errorf("expected %q at offset %d", string(c), p.i)
	}
	p.i++
	return nil
}

func (p *typeParser) name() (string, error) {
	if p.peek() == '"' {
		var b strings.Builder
		for i := p.i + 1; i < len(p.s); i++ {
			if p.s[i] != '"' {
				b.WriteByte(p.s[i])
				continue
			}
			if i+1 < len(p.s) && p.s[i+1] == '"' {
				b.WriteByte('"')
				i++
				continue
			}
			p.i = i + 1
			return b.String(), nil
		}
		return "", fmt.Errorf("unclosed quote at offset %d", p.i)
	}
	start := p.i
	for p.i < len(p.s) && plainName("_"+p.s[p.i:p.i+1]) {
		p.i++
	}
	if p.i == start {
		return "", fmt.Errorf("expected a name at offset %d", start)
	}
	return p.s[start:p.i], nil
}

func (p *typeParser) parse(depth int) (Type, error) {
	if depth > maxTypeDepth {
		return Type{}, fmt.Errorf("nested deeper than %d", maxTypeDepth)
	}
	name, err := p.name()
	if err != nil {
		return Type{}, err
	}
	k := slices.Index(kindNames[:], strings.ToLower(name))
	switch kind := Kind(max(k, 0)); kind {
	case KindNull:
		return Type{}, fmt.Errorf("unknown type %q; types are bool, int, float, string, bytes, timestamp, date, list<T>, map<string,T>, struct<name:T,…>", name)
	case KindList, KindMap:
		return p.parseElem(kind, depth)
	case KindStruct:
		return p.parseStruct(depth)
	default:
		return Type{Kind: kind}, nil
	}
}

func (p *typeParser) parseElem(kind Kind, depth int) (Type, error) {
	if err := p.expect('<'); err != nil {
		return Type{}, err
	}
	if kind == KindMap {
		key, err := p.parse(depth + 1)
		if err != nil {
			return Type{}, err
		}
		if key.Kind != KindString {
			return Type{}, fmt.Errorf("a map's keys are strings, not %s", key)
		}
		if err := p.expect(','); err != nil {
			return Type{}, err
		}
	}
	elem, err := p.parse(depth + 1)
	if err != nil {
		return Type{}, err
	}
	return Type{Kind: kind, Elem: &elem}, p.expect('>')
}

func (p *typeParser) parseStruct(depth int) (Type, error) {
	t := Type{Kind: KindStruct}
	if err := p.expect('<'); err != nil {
		return Type{}, err
	}
	for p.peek() != '>' {
		if len(t.Fields) > 0 {
			if err := p.expect(','); err != nil {
				return Type{}, err
			}
		}
		p.peek()
		name, err := p.name()
		if err != nil {
			return Type{}, err
		}
		if err := p.expect(':'); err != nil {
			return Type{}, err
		}
		p.peek()
		ft, err := p.parse(depth + 1)
		if err != nil {
			return Type{}, err
		}
		if slices.ContainsFunc(t.Fields, func(f Field) bool { return f.Name == name }) {
			return Type{}, fmt.Errorf("field %q twice", name)
		}
		t.Fields = append(t.Fields, Field{name, ft})
	}
	return t, p.expect('>')
}

// Schema is the columns of a table, in order, names distinct.
type Schema []Field

// Index is the position of the column of that name, or -1.
func (s Schema) Index(name string) int {
	return slices.IndexFunc(s, func(f Field) bool { return f.Name == name })
}

// Names lists the columns' names in order.
func (s Schema) Names() []string {
	out := make([]string, len(s))
	for i, f := range s {
		out[i] = f.Name
	}
	return out
}

// Lookup finds a column's type by name.
func (s Schema) Lookup(name string) (Type, bool) {
	if i := s.Index(name); i >= 0 {
		return s[i].Type, true
	}
	return Type{}, false
}
