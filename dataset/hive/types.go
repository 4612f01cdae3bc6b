package hive

import (
	"fmt"
	"strings"

	"github.com/bighead-ml/bighead/value"
)

// typeOfHive reads a column's type as Hive writes it, such as array<struct<a:int,b:decimal(10,2)>>, as a type of ours (V5). The error says what
// has none.
func typeOfHive(text string) (value.Type, error) {
	p := &typeParser{rest: strings.ToLower(strings.TrimSpace(text))}
	t, err := p.typ(0)
	if err == nil && p.rest != "" {
		err = fmt.Errorf("%q is no type of Hive's", text)
	}
	return t, err
}

type typeParser struct{ rest string }

const maxTypeDepth = 32

// simple are the types without parts.
var simple = map[string]value.Type{
	"boolean": value.Bool, "tinyint": value.Int, "smallint": value.Int, "int": value.Int, "integer": value.Int, "bigint": value.Int,
	"float": value.Float, "double": value.Float, "double precision": value.Float, "decimal": value.Float, "numeric": value.Float,
	"string": value.String, "varchar": value.String, "char": value.String, "binary": value.Bytes,
	"timestamp": value.Timestamp, "timestamp with local time zone": value.Timestamp, "date": value.Date,
}

// word reads up to the next delimiter.
func (p *typeParser) word(delimiters string) string {
	i := strings.IndexAny(p.rest, delimiters)
	if i < 0 {
		i = len(p.rest)
	}
	w := p.rest[:i]
	p.rest = p.rest[i:]
	return strings.TrimSpace(w)
}

func (p *typeParser) take(c string) error {
	rest, ok := strings.CutPrefix(strings.TrimLeft(p.rest, " "), c)
	if !ok {
		return fmt.Errorf("a type of Hive's was expected to go on with %q, not %q", c, p.rest)
	}
	p.rest = strings.TrimLeft(rest, " ")
	return nil
}

func (p *typeParser) typ(depth int) (value.Type, error) {
	if depth > maxTypeDepth {
		return value.Type{}, fmt.Errorf("nested deeper than %d", maxTypeDepth)
	}
	switch name := p.word("<>(),:"); name {
	case "array":
		var elem value.Type
		err := p.within(func() (err error) {
			elem, err = p.typ(depth + 1)
			return err
		})
		return value.ListOf(elem), err
	case "map":
		return p.mapping(depth)
	case "struct":
		return p.structure(depth)
	default:
		t, ok := simple[name]
		if !ok {
			return t, fmt.Errorf("%s has no type of ours", name)
		}
		if strings.HasPrefix(p.rest, "(") { // a precision or a length
			p.word(")")
			return t, p.take(")")
		}
		return t, nil
	}
}

func (p *typeParser) within(read func() error) error {
	if err := p.take("<"); err != nil {
		return err
	}
	if err := read(); err != nil {
		return err
	}
	return p.take(">")
}

func (p *typeParser) mapping(depth int) (value.Type, error) {
	var t value.Type
	err := p.within(func() error {
		k, err := p.typ(depth + 1)
		if err == nil && k.Kind != value.KindString {
			err = fmt.Errorf("a map with keys of %s has no type of ours; keys are strings", k)
		}
		if err == nil {
			err = p.take(",")
		}
		if err == nil {
			t, err = p.typ(depth + 1)
		}
		return err
	})
	return value.MapOf(t), err
}

func (p *typeParser) structure(depth int) (value.Type, error) {
	var fields []value.Field
	err := p.within(func() error {
		for {
			name := p.word(":")
			if err := p.take(":"); err != nil {
				return err
			}
			t, err := p.typ(depth + 1)
			if err != nil {
				return err
			}
			fields = append(fields, value.Field{Name: name, Type: t})
			if p.take(",") != nil {
				return nil
			}
		}
	})
	return value.StructOf(fields...), err
}

// hiveType is how Hive writes a type of ours.
func hiveType(t value.Type) string {
	switch t.Kind {
	case value.KindBool:
		return "boolean"
	case value.KindInt:
		return "bigint"
	case value.KindFloat:
		return "double"
	case value.KindString:
		return "string"
	case value.KindBytes:
		return "binary"
	case value.KindTimestamp:
		return "timestamp"
	case value.KindDate:
		return "date"
	case value.KindList:
		return "array<" + hiveType(*t.Elem) + ">"
	case value.KindMap:
		return "map<string," + hiveType(*t.Elem) + ">"
	case value.KindStruct:
		parts := make([]string, len(t.Fields))
		for i, f := range t.Fields {
			parts[i] = f.Name + ":" + hiveType(f.Type)
		}
		return "struct<" + strings.Join(parts, ",") + ">"
	}
	return "void"
}
