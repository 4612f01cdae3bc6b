package project

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/model/transform"
)

const stepsFile = "../sdk/python/bighead/_steps.py"

const stepsHead = `"""The steps of a pipeline.

This file is generated from the table of package transform: go test ./project -run Steps -update.
"""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from bighead._arguments import Call, recorded
from bighead._step import Columns, Selector, Step, bools, numeric, step, strings, times

`

// renderSteps writes the function of each kind of step.
func renderSteps() []byte {
	var b bytes.Buffer
	b.WriteString(stepsHead)
	b.WriteString("__all__ = [\n    \"Step\",\n    \"Selector\",\n    \"numeric\",\n    \"strings\",\n    \"bools\",\n    \"times\",\n")
	for _, k := range transform.Kinds() {
		fmt.Fprintf(&b, "    %q,\n", k.Name)
	}
	b.WriteString("]\n")
	for _, k := range transform.Kinds() {
		b.WriteString("\n\n")
		renderStep(&b, k)
	}
	return b.Bytes()
}

func renderStep(b *bytes.Buffer, k *transform.Kind) {
	fmt.Fprintf(b, "@recorded\ndef %s(\n    call: Call,\n    columns: Columns,\n", k.Name)
	starred := false
	for _, p := range k.Params {
		if !p.Positional && !starred {
			b.WriteString("    *,\n")
			starred = true
		}
		fmt.Fprintf(b, "    %s: %s,\n", p.Name, pythonParam(p))
	}
	fmt.Fprintf(b, ") -> Step:\n    %s\n\n", docstring(k.Doc))
	fmt.Fprintf(b, "    Parameters\n    ----------\n    columns : str or Selector or list of those\n        %s\n", columnsDoc(k))
	for _, p := range k.Params {
		typ, def, has := strings.Cut(pythonParam(p), " = ")
		note := ""
		if has {
			note = ", default " + def
			if def == "None" {
				note = ", optional"
			}
		}
		fmt.Fprintf(b, "    %s : %s%s\n        %s.\n", p.Name, strings.TrimSuffix(typ, " | None"), note, upper(strings.ReplaceAll(p.Doc, "`", "``"))+choices(p))
	}
	fmt.Fprintf(b, "\n    Returns\n    -------\n    Step\n        The step, to stand in a pipeline's list.\n\n    Notes\n    -----\n")
	fmt.Fprintf(b, "    %s\n\n", wrap("Names: "+lower(strings.ReplaceAll(k.Names, "`", "``")), ""))
	fmt.Fprintf(b, "    %s\n\n", wrap("Nulls: "+lower(strings.ReplaceAll(k.Nulls, "`", "``")), ""))
	fmt.Fprintf(b, "    Examples\n    --------\n    >>> import bighead as bh\n    >>> %s\n    %s\n    \"\"\"\n    return step(call, %q, locals())\n", k.Call(k.Examples[0]), k.Shown(k.Examples[0]), k.Name)
}

func columnsDoc(k *transform.Kind) string {
	return "What it reads: names, globs, selectors such as `numeric`; of type " + k.Types() + "."
}

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func lower(s string) string { return strings.ToLower(s[:1]) + s[1:] }

func choices(p transform.Param) string {
	if p.Choices == nil {
		return ""
	}
	return ": ``\"" + strings.Join(p.Choices, "\"``, ``\"") + "\"``"
}

// pythonParam is a parameter's annotation, with its default.
func pythonParam(p transform.Param) string {
	text := map[transform.ParamType]string{
		transform.Number: "float", transform.Whole: "int", transform.Truth: "bool", transform.Text: "str", transform.Numbers: "Sequence[float]",
		transform.TextList: "str | Sequence[str]", transform.Constant: "Any", transform.NumberOrText: "float | str", transform.WholeOrText: "int | str",
		transform.VectorsByText: "Mapping[str, Sequence[float]]",
	}[p.Type]
	switch {
	case p.Default == "None" && text != "Any":
		return text + " | None = None"
	case p.Default != "":
		return text + " = " + p.Default
	}
	return text
}

// A kind of step of package transform is a function of the SDK without anybody writing it.
func TestStepsAreThoseOfTheTable(t *testing.T) {
	want := renderSteps()
	if *update {
		if err := os.WriteFile(stepsFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(stepsFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what package transform says: run go test ./project -run Steps -update", stepsFile)
	}
}
