package transform

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Documentation is docs/transforms.md.
func Documentation() string {
	var b strings.Builder
	b.WriteString(docsHead)
	for _, k := range table {
		b.WriteString(k.section())
	}
	return b.String()
}

const docsHead = `# Steps

Generated from ` + "`model/transform`" + ` by ` + "`go generate`" + `; do not edit. What a pipeline is, how it is fitted and what all steps have in common stands in
[models.md](models.md) §7. Every example runs as a test: fitted to its own rows, written, read and applied.
`

func (k *Kind) section() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n## %s\n\n%s\n\n- **Takes** %s%s.\n- **Names.** %s\n- **Nulls.** %s\n", k.Name, k.Doc, k.Types(), k.together(), k.Names, k.Nulls)
	for _, p := range k.Params {
		fmt.Fprintf(&b, "- `%s`: %s%s%s.\n", p.Name, p.Doc, choicesText(p), defaultText(p))
	}
	b.WriteString("\n| rows | step | gives | |\n|---|---|---|---|\n")
	for _, e := range k.Examples {
		fmt.Fprintf(&b, "| %s | `%s` | %s | %s |\n", cellsText(e.In), barred(k.Call(e)), cellsText(e.Want), e.Remark)
	}
	return b.String()
}

func (k *Kind) together() string {
	if k.Many {
		return ", read together"
	}
	return ""
}

func choicesText(p Param) string {
	if p.Choices == nil {
		return ""
	}
	return ": `\"" + strings.Join(p.Choices, "\"`, `\"") + "\"`"
}

func defaultText(p Param) string {
	switch p.Default {
	case "":
		return " (required)"
	case "None":
		return ""
	}
	return " (default `" + p.Default + "`)"
}

// barred lets a text stand in a table.
func barred(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

func cellsText(lines []string) string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = "`" + barred(l) + "`"
	}
	return strings.Join(out, "<br>")
}

// Types names the types that the kind takes.
func (k *Kind) Types() string { return k.types() }

// Call is an example's step as Python writes it.
func (k *Kind) Call(e Example) string {
	names := k.exampleColumns(e)
	text := strconv.Quote(names[0])
	if len(names) > 1 {
		text = `["` + strings.Join(names, `", "`) + `"]`
	}
	args := k.exampleArgs(e)
	for _, p := range k.Params {
		raw, ok := args[p.Name]
		switch {
		case ok && p.Positional:
			text += ", " + python(raw)
		case ok:
			text += ", " + p.Name + "=" + python(raw)
		}
	}
	return "bh." + k.Name + "(" + text + ")"
}

// Shown is what Python shows of an example's step.
func (k *Kind) Shown(e Example) string {
	parts := []string{strings.Join(k.exampleColumns(e), ", ")}
	args := k.exampleArgs(e)
	for _, p := range k.Params {
		if raw, ok := args[p.Name]; ok {
			parts = append(parts, p.Name+"="+strings.ReplaceAll(python(raw), `"`, "'"))
		}
	}
	return "<" + k.Name + "(" + strings.Join(parts, ", ") + ")>"
}

func (k *Kind) exampleColumns(e Example) []string {
	if e.Columns != nil {
		return e.Columns
	}
	names := make([]string, 0, len(e.In))
	for _, line := range e.In {
		name, _, _ := strings.Cut(line, " ")
		names = append(names, name)
	}
	if k.Target {
		names = names[:len(names)-1]
	}
	return names
}

func (k *Kind) exampleArgs(e Example) map[string]json.RawMessage {
	args := map[string]json.RawMessage{}
	if e.Args != "" {
		if err := json.Unmarshal([]byte(e.Args), &args); err != nil {
			panic(err) // an example is ours
		}
	}
	return args
}

// python is JSON of an example as Python writes it.
func python(raw json.RawMessage) string {
	switch string(raw) {
	case "true":
		return "True"
	case "false":
		return "False"
	}
	return string(raw)
}
