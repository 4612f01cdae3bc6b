package agg

import (
	"fmt"
	"strings"

	"github.com/bighead-ml/bighead/value"
)

// ExampleAsOf is the time at which examples are asked: a minute after midnight of the epoch, in ms.
const ExampleAsOf = 60_000

// Run is the value of an example by the definition, and its type; the error is that of a cell that does not read or of Check.
func (a *Aggregation) Run(e Example) (value.Value, value.Type, error) {
	if e.By != nil {
		e.Args.By = &value.String
	}
	output, p, err := a.Check(e.Input, e.Input.Kind != value.KindNull, e.Args)
	if err != nil {
		return value.Value{}, value.Type{}, err
	}
	events, err := e.Events()
	if err != nil {
		return value.Value{}, value.Type{}, err
	}
	return a.Plain(e.Input, p, events, ExampleAsOf), output, nil
}

// Events are the example's, in the order of E2: one a second, from second 1 on.
func (e Example) Events() ([]Event, error) {
	events := make([]Event, len(e.Cells))
	for i, cell := range e.Cells {
		events[i].TS = int64(i+1) * 1000
		v, err := value.Parse(e.Input, cell)
		if err != nil && e.Input.Kind != value.KindNull {
			return nil, err
		}
		events[i].Value = v
		if e.By != nil && e.By[i] != "null" {
			events[i].By = value.OfString(e.By[i])
		}
	}
	return events, nil
}

// Documentation is docs/aggregations.md, made of the table alone.
func Documentation() string {
	var b strings.Builder
	b.WriteString(documentationHead)
	for _, a := range table {
		fmt.Fprintf(&b, "| [`%s`](#%s) | %s | %s | `%s` |\n", a.Name, a.Name, a.signatureTypes(), a.parameters(), a.empty())
	}
	for _, a := range table {
		b.WriteString("\n" + a.document())
	}
	return b.String()
}

const documentationHead = `# Aggregations

Generated from the table in ` + "`agg/`" + ` by ` + "`go generate ./agg`" + `. The rules that hold for all of them stand in [semantics.md](semantics.md) §5; the examples run as
tests.

Null inputs are ignored, but by ` + "`first_row`, `last_row` and `latest`" + `. Beside its own parameters each takes ` + "`windows`, `where`, `default`, `offset`" + ` and, but for
` + "`latest`, `by` with `by_max=1000`" + `: a string column that makes the value a map, with an entry for each of its values among the rows that pass ` + "`where`" + `, at
most ` + "`by_max`" + `, the least by name.

Examples show events one second apart, from 00:00:01 on, oldest first, asked at 00:01:00.

| aggregation | from → to | parameters | over no input |
|---|---|---|---|
`

// parameters lists the aggregation's own, required ones first by their nature.
func (a *Aggregation) parameters() string {
	out := make([]string, len(a.Params))
	for i, p := range a.Params {
		out[i] = "`" + p.Name + "`"
		if p.Default != "" {
			out[i] = "`" + p.Name + "=" + p.Default + "`"
		}
	}
	return strings.Join(out, ", ")
}

// typicalArgs fills what the aggregation requires, so that its types and its empty value can be shown.
func (a *Aggregation) typicalArgs() Args {
	var args Args
	for _, p := range a.Params {
		switch p.Name {
		case "k":
			args.K = new(3)
		case "q":
			args.Q = new(0.5)
		}
	}
	return args
}

// typicalInput is a type that the aggregation takes.
func (a *Aggregation) typicalInput() value.Type {
	if a.Input.Allows(value.Int) {
		return value.Int
	}
	return value.Type{Kind: a.Input.Kinds[0]}
}

// must checks a call that is right by construction.
func (a *Aggregation) must(in value.Type) (value.Type, Params) {
	output, p, err := a.Check(in, true, a.typicalArgs())
	if err != nil {
		panic("agg: " + a.Name + ": " + err.Error())
	}
	return output, p
}

// signatureTypes says what comes of what: "int or bool → int; float → float", "any type → the same".
func (a *Aggregation) signatureTypes() string {
	kinds := a.Input.Kinds
	if kinds == nil {
		kinds = ordered
	}
	var targets []string
	sources := map[string][]value.Kind{}
	same, listed := true, true
	for _, k := range kinds {
		in := value.Type{Kind: k}
		out, _ := a.must(in)
		same = same && out.Equal(in)
		listed = listed && out.Equal(value.ListOf(in))
		if sources[out.String()] == nil {
			targets = append(targets, out.String())
		}
		sources[out.String()] = append(sources[out.String()], k)
	}
	from := a.Input.String()
	if a.Input.Need == Optional {
		from += ", or no input"
	}
	switch {
	case same && len(kinds) > 1:
		return from + " → the same"
	case listed && len(kinds) > 1:
		return from + " → a list of the same"
	case len(targets) == 1:
		return from + " → " + targets[0]
	}
	for i, to := range targets {
		targets[i] = InputRule{Kinds: sources[to]}.String() + " → " + to
	}
	return strings.Join(targets, "; ")
}

func (a *Aggregation) empty() string {
	in := a.typicalInput()
	_, p := a.must(in)
	return a.Plain(in, p, nil, ExampleAsOf).String()
}

// document is the section of one aggregation.
func (a *Aggregation) document() string {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s\n\n%s\n\n", a.Name, a.Doc)
	for _, p := range a.Params {
		fmt.Fprintf(&b, "- `%s`: %s%s\n", p.Name, p.Doc, defaultText(p))
	}
	if len(a.Params) > 0 {
		b.WriteByte('\n')
	}
	b.WriteString("| call | inputs | value | |\n|---|---|---|---|\n")
	for _, e := range a.Examples {
		fmt.Fprintf(&b, "| `%s` | %s | `%s` | %s |\n", a.callText(e), inputsText(e), e.Want, e.Remark)
	}
	in := a.typicalInput()
	_, p := a.must(in)
	fmt.Fprintf(&b, "\nFolds over %s %s: %s", article(in), in, a.foldsText(in, p))
	if text, ok := a.Text(in, p); ok {
		fmt.Fprintf(&b, "; finished by `%s`", text)
	} else {
		b.WriteString("; finished by a function of ours")
	}
	fmt.Fprintf(&b, ". Values compare: %s.", a.compareText())
	if a.Chooses && a.Input.Allows(value.Float) {
		b.WriteString(" On Spark and Flink its input may not come through `exp`, `ln`, `log10` or `pow` (X9).")
	}
	b.WriteByte('\n')
	return b.String()
}

func defaultText(p Param) string {
	if p.Default == "" {
		return " (required)"
	}
	return " (default " + p.Default + ")"
}

func (a *Aggregation) foldsText(in value.Type, p Params) string {
	var out []string
	for _, f := range a.Folds(in, p) {
		var columns []string
		for _, c := range f.Columns() {
			columns = append(columns, c.Name)
		}
		text := "`" + f.ID() + "`"
		if columns != nil {
			text += " (" + strings.Join(columns, ", ") + ")"
		}
		out = append(out, text)
	}
	return strings.Join(out, " and ")
}

// compareText says how values compare, for floats apart where other types are exact.
func (a *Aggregation) compareText() string {
	rule := a.Promise(value.Float, Params{}).Rule
	if rule != Exact && a.Promise(value.Int, Params{}).Rule == Exact {
		return "exactly, of floats " + rule.String()
	}
	return rule.String()
}

func (a *Aggregation) callText(e Example) string {
	var args []string
	if e.Input.Kind != value.KindNull {
		args = append(args, `"x"`)
	}
	if e.By != nil {
		args = append(args, `by="c"`)
	}
	add := func(name string, v any) { args = append(args, fmt.Sprintf("%s=%v", name, v)) }
	if e.Args.K != nil {
		add("k", *e.Args.K)
	}
	if e.Args.Max != nil {
		add("max", *e.Args.Max)
	}
	if e.Args.Q != nil {
		add("q", *e.Args.Q)
	}
	if e.Args.Accuracy != nil {
		add("accuracy", *e.Args.Accuracy)
	}
	if e.Args.LgK != nil {
		add("lg_k", *e.Args.LgK)
	}
	if e.Args.ByMax != nil {
		add("by_max", *e.Args.ByMax)
	}
	if e.Args.Sample {
		add("sample", "True")
	}
	return "bh." + a.Name + "(" + strings.Join(args, ", ") + ")"
}

func inputsText(e Example) string {
	if len(e.Cells) == 0 {
		return "no event"
	}
	if e.Input.Kind == value.KindNull && e.By == nil {
		return fmt.Sprintf("%d rows", len(e.Cells))
	}
	cells := make([]string, len(e.Cells))
	for i, c := range e.Cells {
		cells[i] = c
		if e.By != nil {
			cells[i] = e.By[i] + ": " + c
		}
		if e.By != nil && e.Input.Kind == value.KindNull {
			cells[i] = e.By[i]
		}
	}
	return "`" + strings.Join(cells, "`, `") + "`"
}
