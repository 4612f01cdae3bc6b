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
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

func (c *cli) whyCommand() *cobra.Command {
	var at string
	cmd := &cobra.Command{
		Use:   "why VIEW FEATURE key=value… --at TIME",
		Short: "Show the interval and the events that made one value",
		Args:  cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
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
	cmd.Flags().StringVar(&at, "at", "", "the time of the question")
	return cmd
}

// answer is what `why` found, as --json gives it.
type answer struct {
	View    string            `json:"view"`
	Feature string            `json:"feature"`
	Doc     string            `json:"definition"`
	Key     map[string]string `json:"key"`
	At      string            `json:"at"`
	Value   json.RawMessage   `json:"value"`
	From    string            `json:"from,omitempty"`
	Before  string            `json:"before"`
	Window  string            `json:"window"`
	Source  string            `json:"source"`
	Rows    int64             `json:"rows_in_window"`
	KeyRows int64             `json:"rows_of_key"`
	NotYet  int64             `json:"rows_not_yet_known,omitempty"`
	Events  []map[string]any  `json:"events"`
	SQL     string            `json:"duckdb,omitempty"`
	columns []string
}

func (c *cli) why(ctx context.Context, p *loaded, view, name string, pairs []string, t int64) (*answer, error) {
	v, err := find("view", p.typed.Views, func(v *feature.View) string { return v.Name }, view)
	if err != nil {
		return nil, err
	}
	column, err := find("feature in view "+view, v.Columns, func(c feature.ViewColumn) string { return c.Name }, name)
	if err != nil {
		return nil, err
	}
	if column.Feature == nil {
		return nil, mistakef("%s is not a feature of a group but computed from the row itself; ask for one of the features that it reads", name)
	}
	row, err := parseKey(v, v.Joins[column.Join].On, pairs)
	if err != nil {
		return nil, err
	}
	j, value1, result, err := c.oneValue(ctx, p, v, name, row, t)
	if err != nil {
		return nil, err
	}
	key := make([]value.Value, len(j.On))
	for i, on := range j.On {
		key[i] = row[on]
	}
	show := j.Scan.Read
	w, err := engine.Explain(ctx, j, value1, key, t, show, p.inputs())
	if err != nil {
		return nil, err
	}
	return newAnswer(v, name, j, value1, key, t, result, w, show), nil
}

// parseKey reads key=value arguments by the types of the view's keys and request fields; needed names those that must be there.
func parseKey(v *feature.View, needed []string, pairs []string) (map[string]value.Value, error) {
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
		row[name] = x
	}
	for _, n := range needed {
		if _, ok := row[n]; !ok {
			return nil, mistakef("%s=… is missing: this feature is kept by %s", n, strings.Join(needed, ", "))
		}
	}
	return row, nil
}

// oneValue computes one column for one row, and gives the join and value of the plan that made it.
func (c *cli) oneValue(ctx context.Context, p *loaded, v *feature.View, name string, row map[string]value.Value, t int64) (*plan.Join, *plan.Value, value.Value, error) {
	only := *v
	only.Columns = nil
	for _, col := range v.Columns {
		if col.Name == name {
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
	var result value.Value
	_, err := c.runPlan(ctx, p, b, spine, func(out *value.Batch) error {
		result = out.Column(name).At(0)
		return nil
	})
	if err != nil {
		return nil, nil, result, err
	}
	return b.Joins[0], &b.Joins[0].Values[0], result, nil
}

func newAnswer(v *feature.View, name string, j *plan.Join, pv *plan.Value, key []value.Value, t int64, result value.Value, w *engine.Why, show []string) *answer {
	a := &answer{
		View: v.Name, Feature: name, Doc: describe(pv.Feature), Key: map[string]string{}, At: value.FormatTimestamp(t), Value: value.AppendJSON(nil, result),
		Before: value.FormatTimestamp(w.End), Window: pv.Window.Text(), Source: j.Scan.Source.Name, Rows: w.InWindow, KeyRows: w.KeyRows, NotYet: w.NotYet,
		SQL: duckdbStatement(j, pv, key, w.Start, w.End),
	}
	if d := pv.Feature.Default; !d.IsNull() {
		a.Doc += ", or " + string(value.AppendJSON(nil, d)) + " where that is null,"
	}
	for i, k := range j.Keys {
		a.Key[k] = key[i].String()
	}
	if w.Start != plan.MinTime {
		a.From = value.FormatTimestamp(w.Start)
	}
	a.columns = append([]string{"time"}, show...)
	if pv.Feature.Input != nil {
		a.columns = append(a.columns, "input")
	}
	for _, r := range w.Rows {
		e := map[string]any{"time": "", "counts": r.Counts}
		if r.TS != plan.MinTime {
			e["time"] = value.FormatTimestamp(r.TS)
		}
		for i, c := range show {
			e[c] = json.RawMessage(value.AppendJSON(nil, r.Columns[i]))
		}
		e["input"] = json.RawMessage(value.AppendJSON(nil, r.Input))
		a.Events = append(a.Events, e)
	}
	return a
}

// describe is a feature's definition in a line.
func describe(f *feature.Feature) string {
	var b strings.Builder
	b.WriteString(f.Agg.Name + "(")
	if f.Input != nil {
		b.WriteString(f.Input.String())
	}
	b.WriteString(")")
	if f.Where != nil {
		b.WriteString(" where " + f.Where.String())
	}
	if f.By != "" {
		b.WriteString(" by " + f.By)
	}
	return b.String()
}

// whyEvents is how many events the text shows; --json has up to a thousand.
const whyEvents = 8

func (a *answer) print(w io.Writer) {
	fmt.Fprintf(w, "%s = %s\n", a.Feature, a.Value)
	fmt.Fprintf(w, "  is %s of source %s for %s\n", a.Doc, a.Source, keyText(a.Key))
	from := a.From
	if from == "" {
		from = "-∞"
	}
	fmt.Fprintf(w, "  at %s that is [%s, %s), by %s\n", a.At, from, a.Before, a.Window)
	lie, rows := "rows lie", "rows"
	if a.Rows == 1 {
		lie = "row lies"
	}
	if a.KeyRows == 1 {
		rows = "row"
	}
	fmt.Fprintf(w, "  %s %s in it, of %s %s of this key", count(a.Rows), lie, count(a.KeyRows), rows)
	if a.NotYet > 0 {
		fmt.Fprintf(w, "; %s more lie in it and were not known yet", count(a.NotYet))
	}
	fmt.Fprintln(w)
	if len(a.Events) > 0 {
		fmt.Fprintf(w, "\n  the newest:\n")
		t := newTable(a.columns...)
		for i := len(a.Events) - 1; i >= max(0, len(a.Events)-whyEvents); i-- {
			cells := make([]string, len(a.columns))
			for k, c := range a.columns {
				cells[k] = cut(cellText(a.Events[i][c]), 30)
			}
			if a.Events[i]["counts"] == false {
				cells[0] += " (where is not true)"
			}
			t.add(cells...)
		}
		_ = t.print(indented{w})
	}
	if a.SQL != "" {
		fmt.Fprintf(w, "\n  the same in DuckDB:\n    %s\n", strings.ReplaceAll(a.SQL, "\n", "\n    "))
	}
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
