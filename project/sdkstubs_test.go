package project

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what is generated and the golden files anew")

const stubsFile = "../sdk/python/bighead/_aggregations.py"

// stub is what the Python function of an aggregation is made of.
type stub struct {
	name, doc string
	input     string // "required", "optional"
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
	{"fallback", "Any = None", "In place of a value that could not be had, in serving alone."},
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
	if s.input == "optional" {
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
	fmt.Fprintf(b, ") -> %s:\n    \"\"\"%s\n\n    Parameters\n    ----------\n", returns, sentence(s.doc))
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

func sentence(s string) string {
	s = strings.TrimSpace(s)
	return strings.ToUpper(s[:1]) + strings.TrimSuffix(s[1:], ".") + "."
}

func stubs() []stub {
	k := stubParam{"k", "int", "How many."}
	var all []stub
	for _, n := range []string{"count", "sum", "avg", "min", "max", "variance", "stddev", "skewness", "kurtosis", "first", "last", "first_row", "last_row",
		"first_k", "last_k", "top_k", "bottom_k", "distinct_k", "count_distinct", "approx_count_distinct", "approx_quantile", "histogram", "time_since_last", "time_since_first", "latest"} {
		s := stub{name: n, doc: n, entity: n == "latest"}
		switch n {
		case "count", "time_since_last", "time_since_first":
			s.input = "optional"
		case "variance", "stddev":
			s.params = []stubParam{{"sample", "bool = False", "Divide by n - 1."}}
		case "first_k", "last_k", "top_k", "bottom_k", "distinct_k", "histogram":
			s.params = []stubParam{k}
		case "count_distinct":
			s.params = []stubParam{{"max", "int = 1000", "Counted exactly up to here."}}
		case "approx_count_distinct":
			s.params = []stubParam{{"lg_k", "int = 12", "x"}}
		case "approx_quantile":
			s.params = []stubParam{{"q", "float", "x"}, {"accuracy", "float = 0.01", "x"}}
		}
		all = append(all, s)
	}
	return all
}

// An aggregation of package agg is a function of the SDK without anybody writing it.
func TestStubsAreThoseOfTheTable(t *testing.T) {
	want := renderStubs(stubs())
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
