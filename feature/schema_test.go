package feature

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"strings"
	"testing"
)

var updateSchema = flag.Bool("update-schema", false, "write schema/definitions.schema.json anew")

const schemaFile = "schema/definitions.schema.json"

// The schema is made of the Go types and their comments: one place says what a recording is.
func TestSchemaIsThatOfTheTypes(t *testing.T) {
	want := renderSchema(t)
	if *updateSchema {
		if err := os.WriteFile(schemaFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the types say: run go test ./feature -run Schema -update-schema", schemaFile)
	}
}

type object = map[string]any

const (
	filePattern = `[^\n]+`
	posPattern  = `^` + filePattern + `:[1-9][0-9]*:[1-9][0-9]*$`
	spanPattern = `^` + filePattern + `:[1-9][0-9]*:[1-9][0-9]*-[1-9][0-9]*:[1-9][0-9]*$`
)

func renderSchema(t *testing.T) []byte {
	g := &schemaGen{t: t, comments: readComments(t), defs: object{}}
	g.defs["Pos"] = object{"type": "string", "pattern": posPattern, "description": g.comments["Pos"]}
	g.defs["Span"] = object{"type": "string", "pattern": spanPattern, "description": g.comments["Span"]}
	count := object{"type": "integer", "minimum": 0}
	g.defs["Run"] = object{"type": "array", "prefixItems": []any{count, object{"type": "integer", "minimum": 1}, object{"type": "integer", "minimum": 1}},
		"minItems": 3, "maxItems": 3, "description": "[offset, line, col]. " + g.comments["Run"]}
	g.structure(reflect.TypeFor[wireLiteral](), "Literal")
	root := g.structure(reflect.TypeFor[Definitions](), "Definitions")
	root["properties"].(object)["version"] = object{"const": FormatVersion, "description": "the version of this format"}
	delete(g.defs, "Definitions")
	out := object{"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A recording of feature definitions", "$defs": g.defs}
	for k, v := range root {
		out[k] = v
	}
	b, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(b, '\n')
}

type schemaGen struct {
	t        *testing.T
	comments map[string]string
	defs     object
}

func (g *schemaGen) structure(typ reflect.Type, name string) object {
	properties, required := object{}, []string{}
	s := object{"type": "object", "additionalProperties": false, "properties": properties}
	if c := g.comments[name]; c != "" {
		s["description"] = c
	}
	g.defs[name] = s
	g.fields(typ, name, properties, &required)
	s["required"] = required
	return s
}

func (g *schemaGen) fields(typ reflect.Type, name string, properties object, required *[]string) {
	for i := range typ.NumField() {
		f := typ.Field(i)
		if f.Anonymous {
			g.fields(f.Type, f.Type.Name(), properties, required)
			continue
		}
		key, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		p := g.of(f.Type)
		if c := g.comments[name+"."+f.Name]; c != "" {
			p["description"] = c
		}
		properties[key] = p
		if options == "" {
			*required = append(*required, key)
		}
	}
}

func (g *schemaGen) of(typ reflect.Type) object {
	switch typ {
	case reflect.TypeFor[Pos](), reflect.TypeFor[Span](), reflect.TypeFor[Run](), reflect.TypeFor[Literal]():
		return object{"$ref": "#/$defs/" + typ.Name()}
	case reflect.TypeFor[Arg[int64]]():
		return g.arg("Integer", "integer")
	case reflect.TypeFor[Arg[float64]]():
		return g.arg("Number", "number")
	case reflect.TypeFor[Arg[bool]]():
		return g.arg("Truth", "boolean")
	}
	switch typ.Kind() {
	case reflect.Interface:
		return object{}
	case reflect.Pointer:
		return g.of(typ.Elem())
	case reflect.Slice:
		return object{"type": "array", "items": g.of(typ.Elem())}
	case reflect.Struct:
		if _, ok := g.defs[typ.Name()]; !ok {
			g.structure(typ, typ.Name())
		}
		return object{"$ref": "#/$defs/" + typ.Name()}
	case reflect.Int:
		return object{"type": "integer", "minimum": 0}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.String:
		if values := g.comments["const "+typ.Name()]; values != "" {
			return object{"enum": strings.Fields(values)}
		}
		return object{"type": "string"}
	}
	g.t.Fatalf("no schema for %s", typ)
	return nil
}

func (g *schemaGen) arg(name, kind string) object {
	g.defs[name] = object{"type": "object", "additionalProperties": false, "required": []string{"value", "at"},
		"properties": object{"value": object{"type": kind}, "at": object{"$ref": "#/$defs/Span"}}, "description": "A plain argument and its place."}
	return object{"$ref": "#/$defs/" + name}
}

// readComments gives the comments of types by name, of fields by type.field, and the values of named string constants under
// "const " and their type.
func readComments(t *testing.T) map[string]string {
	found := map[string]string{}
	for _, file := range []string{"definition.go", "position.go", "literal.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			gen, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, s := range gen.Specs {
				switch s := s.(type) {
				case *ast.TypeSpec:
					found[s.Name.Name] = line(gen.Doc)
					if st, ok := s.Type.(*ast.StructType); ok {
						fieldComments(found, s.Name.Name, st)
					}
				case *ast.ValueSpec:
					if id, ok := s.Type.(*ast.Ident); ok && len(s.Values) == 1 {
						found["const "+id.Name] += " " + strings.Trim(s.Values[0].(*ast.BasicLit).Value, `"`)
					}
				}
			}
		}
	}
	return found
}

func fieldComments(found map[string]string, name string, st *ast.StructType) {
	for _, f := range st.Fields.List {
		for _, n := range f.Names {
			found[fmt.Sprintf("%s.%s", name, n.Name)] = strings.TrimSpace(line(f.Doc) + " " + line(f.Comment))
		}
	}
}

func line(c *ast.CommentGroup) string { return strings.Join(strings.Fields(c.Text()), " ") }
