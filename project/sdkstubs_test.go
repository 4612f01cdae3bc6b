package project

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/bighead-ml/bighead/agg"
)

var update = flag.Bool("update", false, "write what is generated and the golden files anew")

const stubsFile = "../sdk/python/bighead/_aggregations.py"

// stub is what the Python function of an aggregation is made of.
type stub struct {
	name, doc string
	optional  bool // the input need not be given
	params    []stubParam
	entity    bool
}

type stubParam struct{ name, python, doc string }

// common are the arguments that every aggregation takes, with their documentation. Those of the contract's table of §2 come first.
var commonBefore = []stubParam{
	{"windows", "Sequence[str] | None = None", `How far back, such as ''["1h", "7d"]''; since ever where it is not given.`},
	{"name", "str | None = None", "In place of ''{input}_{aggregation}''; needed where the input is an expression."},
	{"where", "str | None = None", "SQL; other rows do not count."},
	{"by", "str | None = None", "A column: the value becomes a map with an entry for each of its values."},
	{"by_max", "int = 1000", "The most entries of such a map."},
	{"default", "Any = None", "In place of null, in training and in serving."},
	{"fallback", "Any = None", "In place of a value that could not be had, in serving alone: a constant, or `typical`."},
}

var commonAfter = []stubParam{
	{"resolution", "str | None = None", `How finely the window's start moves: ''"5m"'', ''"exact"''.`},
	{"offset", `str = "0s"`, "How long ago the window ends."},
	{"refresh", "str | None = None", `''"daily"'': the value of the last midnight.`},
	{"tumbling", "bool = False", "Windows that do not overlap, the last whole one."},
	{"origin", "str | None = None", "Where tumbling windows begin."},
	{"description", "str | None = None", "For the catalog and the table's metadata."},
	{"source", "Source | None = None", "Of a label: where its events come from."},
	{"keys", "Sequence[str] | None = None", "Of a label: the source's columns that name what it is of."},
	{"within", "str | None = None", "Of a label: the span after ''at''."},
}

const stubsHead = `"""The aggregations.

This file is generated from the table of package agg: go test ./project -run Stubs -update.
"""

from __future__ import annotations

from typing import Any, Sequence

from bighead._arguments import Call, recorded
from bighead._feature import Feature, feature, several
from bighead._sources import Source

`

func renderStubs(all []stub) []byte {
	var b bytes.Buffer
	b.WriteString(stubsHead)
	b.WriteString("__all__ = [\n")
	for _, s := range all {
		fmt.Fprintf(&b, "    %q,\n", s.name)
	}
	b.WriteString("]\n")
	for _, s := range all {
		b.WriteString("\n\n")
		renderStub(&b, s)
	}
	return b.Bytes()
}

func renderStub(b *bytes.Buffer, s stub) {
	input := stubParam{"input", "str", "A column or SQL."}
	if s.optional {
		input.python = "str | None = None"
		input.doc = "A column or SQL; without it every row counts."
	}
	returns, body := "Feature", fmt.Sprintf("feature(call, %q, locals())", s.name)
	doc := "The feature, to stand in a group's list."
	if s.entity {
		input = stubParam{"*columns", "str", "Columns; each makes a feature."}
		returns, body = "Feature | list[Feature]", fmt.Sprintf("several(call, %q, columns, locals())", s.name)
		doc = "The feature, or a list of them where there are several columns; a group's list takes both."
	}
	params := append([]stubParam{}, commonBefore...)
	params = append(append(params, s.params...), commonAfter...)
	fmt.Fprintf(b, "@recorded\ndef %s(\n    call: Call,\n    %s: %s,\n", s.name, input.name, input.python)
	if !s.entity {
		b.WriteString("    *,\n")
	}
	for _, p := range params {
		fmt.Fprintf(b, "    %s: %s,\n", p.name, p.python)
	}
	fmt.Fprintf(b, ") -> %s:\n    %s\n\n    Parameters\n    ----------\n", returns, docstring(s.doc))
	for _, p := range append([]stubParam{input}, params...) {
		typ, def, has := strings.Cut(p.python, " = ")
		note := ""
		if has {
			note = ", default " + def
			if def == "None" {
				note = ", optional"
			}
		}
		typ = strings.TrimSuffix(typ, " | None")
		fmt.Fprintf(b, "    %s : %s%s\n        %s\n", p.name, typ, note, strings.ReplaceAll(p.doc, "''", "``"))
	}
	fmt.Fprintf(b, "\n    Returns\n    -------\n    %s\n        %s\n    \"\"\"\n    return %s\n", returns, doc, body)
}

// docstring is the documentation in numpydoc: a sentence, then the rest, wrapped.
func docstring(doc string) string {
	doc = strings.ReplaceAll(strings.TrimSpace(doc), "`", "``")
	first, rest, more := strings.Cut(doc, ". ")
	if !more {
		return wrap(doc, `"""`)
	}
	return wrap(first+".", `"""`) + "\n\n    " + wrap(rest, "")
}

// wrap breaks a text into lines that fit behind an indent of four.
func wrap(s, opening string) string {
	var lines []string
	line := opening
	for word := range strings.FieldsSeq(s) {
		if utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > 108 && line != opening {
			lines, line = append(lines, line), ""
		}
		if line != "" && line != opening {
			line += " "
		}
		line += word
	}
	return strings.Join(append(lines, line), "\n    ")
}

// pythonType is that of a parameter, by the type of its field in agg.Args.
func pythonType(t *testing.T, name string) string {
	field := ""
	for part := range strings.SplitSeq(name, "_") {
		field += strings.ToUpper(part[:1]) + part[1:]
	}
	f, ok := reflect.TypeFor[agg.Args]().FieldByName(field)
	if !ok {
		t.Fatalf("the parameter %q has no field %s in agg.Args", name, field)
	}
	kind := f.Type
	if kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	python, ok := map[reflect.Kind]string{reflect.Int: "int", reflect.Float64: "float", reflect.Bool: "bool"}[kind.Kind()]
	if !ok {
		t.Fatalf("the parameter %q is a %s, which has no Python type here", name, kind)
	}
	return python
}

// stubs are the aggregations as the SDK shows them.
func stubs(t *testing.T) []stub {
	var all []stub
	for _, a := range agg.All() {
		s := stub{name: a.Name, doc: a.Doc, optional: a.Input.Need == agg.Optional, entity: a.Entity}
		for _, p := range a.Params {
			python := pythonType(t, p.Name)
			if p.Default != "" {
				python += " = " + p.Default
			}
			doc := strings.ReplaceAll(p.Doc, "`", "``")
			s.params = append(s.params, stubParam{p.Name, python, strings.ToUpper(doc[:1]) + doc[1:] + "."})
		}
		all = append(all, s)
	}
	return all
}

// An aggregation of package agg is a function of the SDK without anybody writing it.
func TestStubsAreThoseOfTheTable(t *testing.T) {
	want := renderStubs(stubs(t))
	if *update {
		if err := os.WriteFile(stubsFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(stubsFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what package agg says: run go test ./project -run Stubs -update", stubsFile)
	}
}
