package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

func (c *cli) whyCommand() *cobra.Command {
	var at string
	cmd := &cobra.Command{
		Use:   "why VIEW FEATURE key=value… [--at TIME]",
		Short: "Show the interval and the events that made one value",
		Long: "With --at, show the interval and the events that make one value by the definitions of the working tree. Without, ask what the value is made of online now: " +
			"the tiles and rows of the store, beside what history makes of the same question.",
		Args: whyArgs,

		ValidArgsFunction: c.complete(viewNames, columnNames, keyNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("at") {
				return c.whyOnline(cmd.Context(), args[0], args[1], args[2:])
			}
			t, ok := value.ParseTimestamp(at)
			if !ok {
				return usagef("--at %q is no time: write it as 2013-03-01T12:00:00Z", at)
			}
			p, err := c.load(cmd.Context())
			if err != nil {
				return err
			}
			w, err := c.why(cmd.Context(), p, args[0], args[1], args[2:], t)
			if err != nil {
				return err
			}
			if c.json {
				return json.NewEncoder(c.stdout).Encode(w)
			}
			w.print(c.stdout)
			return nil
		},
	}
	cmd.Flags().StringVar(&at, "at", "", "the time of the question (default: now, of the online store)")
	return cmd
}

// whyArgs says what is missing of the two names.
func whyArgs(cmd *cobra.Command, args []string) error {
	if len(args) < 2 {
		return usagef("%s takes VIEW FEATURE key=value…; it was given %s", cmd.CommandPath(), plural(len(args), "argument"))
	}
	return nil
}

// answer is what `why` found, as --json gives it. A feature has what follows Window; a derived column has Inputs.
type answer struct {
	View    string            `json:"view"`
	Feature string            `json:"feature"`
	Doc     string            `json:"definition"`
	Key     map[string]string `json:"key"`
	At      string            `json:"at"`
	Value   json.RawMessage   `json:"value"`
	Inputs  []input           `json:"inputs,omitempty"`

	From    string           `json:"from,omitempty"`
	Before  string           `json:"before,omitempty"`
	Window  string           `json:"window,omitempty"`
	Source  string           `json:"source,omitempty"`
	Rows    *int64           `json:"rows_in_window,omitempty"`
	KeyRows *int64           `json:"rows_of_key,omitempty"`
	Copies  int64            `json:"copies,omitempty"`
	NotYet  int64            `json:"rows_not_yet_known,omitempty"`
	Events  []map[string]any `json:"events,omitempty"`
	SQL     string           `json:"duckdb,omitempty"`
	columns []eventColumn
}

// eventColumn is a column of the events that the text shows: its head, and its name among the events.
type eventColumn struct{ head, name string }

func (c *cli) why(ctx context.Context, p *loaded, view, name string, pairs []string, t int64) (*answer, error) {
	v, err := find("view", p.typed.Views, func(v *feature.View) string { return v.Name }, view)
	if err != nil {
		return nil, err
	}
	column, err := find("column", v.Columns, func(c feature.ViewColumn) string { return c.Name }, name)
	if err != nil {
		return nil, err
	}
	var needed []string
	switch column.Kind {
	case feature.RequestColumn:
		return p.whyRequest(v, column, pairs, t)
	case feature.DerivedColumn:
		needed = neededBy(v, allInputs(v, name))
	default:
		needed = v.Joins[column.Join].On
	}
	row, err := parseKey(v, name, needed, pairs)
	if err != nil {
		return nil, err
	}
	return c.whyOf(ctx, p, v, column, row, t)
}

// whyOf answers of a feature or a derived column for a row's keys and request fields.
func (c *cli) whyOf(ctx context.Context, p *loaded, v *feature.View, column feature.ViewColumn, row map[string]value.Value, t int64) (*answer, error) {
	name := column.Name
	if column.Kind == feature.DerivedColumn {
		return c.whyDerived(ctx, p, v, column, row, t)
	}
	b, results, err := c.valuesOf(ctx, p, v, []string{name}, row, t)
	if err != nil {
		return nil, err
	}
	j, value1 := b.Joins[0], &b.Joins[0].Values[0]
	key := make([]value.Value, len(j.On))
	for i, on := range j.On {
		key[i] = row[on]
	}
	w, err := engine.Explain(ctx, j, value1, key, t, j.Scan.Read, p.inputs())
	if err != nil {
		return nil, err
	}
	a := newAnswer(v, name, j, value1, key, t, results[name], w)
	if _, logged, err := p.history(ctx, j.Scan.Source); err != nil {
		return nil, err
	} else if logged { // DuckDB cannot read all of a log
		return a, nil
	}
	a.SQL = duckdbStatement(j, value1, key, w, fromHere(p.Path(j.Scan.Source.Place.Path)))
	return a, nil
}

// fromHere is a path as a program that is started here finds it.
func fromHere(path string) string {
	if rel, err := relativeTo(".", path); err == nil {
		return rel
	}
	return path
}

// parseKey reads key=value arguments by the types of the view's keys and request fields; needed names those that must be there.
func parseKey(v *feature.View, column string, needed []string, pairs []string) (map[string]value.Value, error) {
	types := map[string]value.Type{}
	var names []string
	for _, k := range append(append([]feature.Key{}, v.Keys...), v.Request...) {
		types[k.Name] = k.Type
		names = append(names, k.Name)
	}
	row := map[string]value.Value{}
	for _, pair := range pairs {
		name, text, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, usagef("%q is not key=value", pair)
		}
		typ, known := types[name]
		if !known {
			return nil, mistakef("view %s has no key or request field %q; it has %s", v.Name, name, strings.Join(names, ", "))
		}
		x, err := value.Parse(typ, text)
		if err != nil {
			return nil, mistakef("%s: %v", name, err)
		}
		if _, twice := row[name]; twice {
			return nil, usagef("%s is given twice", name)
		}
		row[name] = x
	}
	for _, n := range needed {
		if _, ok := row[n]; !ok {
			return nil, mistakef("%s=… is missing: %s needs %s", n, column, strings.Join(needed, ", "))
		}
	}
	return row, nil
}

// valuesOf computes columns for one row, and gives the plan that made them.
func (c *cli) valuesOf(ctx context.Context, p *loaded, v *feature.View, names []string, row map[string]value.Value, t int64) (*plan.Batch, map[string]value.Value, error) {
	only := *v
	only.Columns = nil
	for _, col := range v.Columns {
		if slices.Contains(names, col.Name) {
			only.Columns = append(only.Columns, col)
		}
	}
	b := plan.ForView(&only, nil)
	cells := make([]value.Value, len(b.Spine.Schema))
	for i, f := range b.Spine.Schema {
		cells[i] = row[f.Name]
		if f.Name == plan.AtColumn {
			cells[i] = value.OfTimestamp(t)
		}
	}
	spine := dataset.Memory(b.Spine.Schema, value.BatchOf(b.Spine.Schema, [][]value.Value{cells}))
	results := map[string]value.Value{}
	_, err := c.runPlan(ctx, p, b, spine, func(out *value.Batch) error {
		for _, name := range out.Schema.Names() {
			results[name] = out.Column(name).At(0)
		}
		return nil
	})
	return b, results, err
}

func newAnswer(v *feature.View, name string, j *plan.Join, pv *plan.Value, key []value.Value, t int64, result value.Value, w *engine.Why) *answer {
	a := &answer{
		View: v.Name, Feature: name, Doc: definition(pv.Feature), Key: map[string]string{}, At: value.FormatTimestamp(t), Value: value.AppendJSON(nil, result),
		Before: value.FormatTimestamp(w.End), Window: windowText(pv.Feature, j.Scan.Source), Source: j.Scan.Source.Name,
		Rows: &w.InWindow, KeyRows: &w.KeyRows, Copies: w.Copies, NotYet: w.NotYet, Events: []map[string]any{},
	}
	for i, k := range j.Keys {
		a.Key[k] = key[i].String()
	}
	if w.Start != plan.MinTime {
		a.From = value.FormatTimestamp(w.Start)
	}
	for _, r := range w.Rows {
		e := map[string]any{"time": "", "counts": r.Counts}
		if r.TS != plan.MinTime {
			e["time"] = value.FormatTimestamp(r.TS)
		}
		for i, c := range j.Scan.Read {
			e[c] = json.RawMessage(value.AppendJSON(nil, r.Columns[i]))
		}
		e["input"] = json.RawMessage(value.AppendJSON(nil, r.Input))
		a.Events = append(a.Events, e)
	}
	a.columns = eventColumns(j, pv)
	return a
}

// eventColumns are those that the text shows: the time, what the feature reads beside its key, and its input where that is computed.
func eventColumns(j *plan.Join, pv *plan.Value) []eventColumn {
	columns := []eventColumn{{"time", "time"}}
	time := ""
	if j.Scan.Source.Time != nil {
		time, _ = j.Scan.Source.Time.Column()
	}
	for _, c := range j.Scan.Read {
		if c != time && !slices.Contains(j.Keys, c) {
			columns = append(columns, eventColumn{c, c})
		}
	}
	if in := pv.Feature.Input; in != nil {
		if _, bare := in.Column(); !bare {
			columns = append(columns, eventColumn{bareText(in), "input"})
		}
	}
	return columns
}

// definition is a feature's, with what stands for null.
func definition(f *feature.Feature) string {
	if f.Default.IsNull() {
		return describe(f)
	}
	return describe(f) + ", or " + string(value.AppendJSON(nil, f.Default)) + " where that is null,"
}

// bareText is an expression without the parentheses around the whole.
func bareText(e *expr.Expr) string { return bare(e.String()) }

// bare is SQL without the parentheses around the whole.
func bare(text string) string {
	if !strings.HasPrefix(text, "(") {
		return text
	}
	depth := 0
	for i, quote := 0, byte(0); i < len(text); i++ {
		switch c := text[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth == 0 && i < len(text)-1 {
				return text
			}
		}
	}
	return text[1 : len(text)-1]
}

// describe is a feature's definition in a line.
func describe(f *feature.Feature) string {
	var b strings.Builder
	b.WriteString(f.Agg.Name + "(")
	if f.Input != nil {
		b.WriteString(bareText(f.Input))
	}
	b.WriteString(")")
	if f.Where != nil {
		b.WriteString(" where " + bareText(f.Where))
	}
	if f.By != "" {
		b.WriteString(" by " + f.By)
	}
	return b.String()
}

// whyEvents is how many events the text shows; --json has up to a thousand.
const whyEvents = 8

func (a *answer) print(w io.Writer) {
	if a.Rows == nil {
		a.printRow(w)
		return
	}
	fmt.Fprintf(w, "%s = %s\n", a.Feature, a.Value)
	fmt.Fprintf(w, "  is %s of source %s for %s\n", a.Doc, a.Source, keyText(a.Key))
	from := a.From
	if from == "" {
		from = "-∞"
	}
	fmt.Fprintf(w, "  at %s that is [%s, %s), by %s\n", a.At, from, a.Before, a.Window)
	lie := "rows lie"
	if *a.Rows == 1 {
		lie = "row lies"
	}
	fmt.Fprintf(w, "  %s %s in it, of %s of this key", count(*a.Rows), lie, rowsText(*a.KeyRows))
	if a.Copies > 0 {
		fmt.Fprintf(w, "; %s more lie in it and are copies, which count once", count(a.Copies))
	}
	if a.NotYet > 0 {
		fmt.Fprintf(w, "; %s more lie in it and were not known yet", count(a.NotYet))
	}
	fmt.Fprintln(w)
	a.printEvents(w)
	if a.SQL != "" {
		fmt.Fprintf(w, "\n  the same in DuckDB:\n    %s\n", strings.ReplaceAll(a.SQL, "\n", "\n    "))
	}
}

func (a *answer) printEvents(w io.Writer) {
	if len(a.Events) == 0 {
		return
	}
	head := "the newest:"
	if *a.Rows <= int64(min(whyEvents, len(a.Events))) {
		head = "newest first:"
	}
	fmt.Fprintf(w, "\n  %s\n", head)
	var heads []string
	for _, c := range a.columns {
		heads = append(heads, cut(c.head, 30))
	}
	t := newTable(heads...)
	for i := len(a.Events) - 1; i >= max(0, len(a.Events)-whyEvents); i-- {
		cells := make([]string, len(a.columns))
		for k, c := range a.columns {
			cells[k] = cut(cellText(a.Events[i][c.name]), 30)
		}
		if a.Events[i]["counts"] == false {
			cells[0] += " (where is not true)"
		}
		t.add(cells...)
	}
	_ = t.print(indented{w})
}

func rowsText(n int64) string {
	if n == 1 {
		return "1 row"
	}
	return count(n) + " rows"
}

func keyText(key map[string]string) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(key)) {
		parts = append(parts, k+"="+key[k])
	}
	return strings.Join(parts, ", ")
}

func cellText(x any) string {
	if raw, ok := x.(json.RawMessage); ok {
		return strings.Trim(string(raw), `"`)
	}
	return fmt.Sprint(x)
}

// indented puts spaces before each line written to it in one piece.
type indented struct{ io.Writer }

func (i indented) Write(p []byte) (int, error) {
	if _, err := io.WriteString(i.Writer, "    "); err != nil {
		return 0, err
	}
	return i.Writer.Write(p)
}
