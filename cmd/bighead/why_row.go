package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// This file answers `why` of the columns of a view that are no feature of a group: derived columns, and fields of the request.

// input is a column that a derived one reads.
type input struct {
	Name  string          `json:"name"`
	Value json.RawMessage `json:"value"`
	Is    string          `json:"is"`
}

// whyDerived computes a derived column and what it reads.
func (c *cli) whyDerived(ctx context.Context, p *loaded, v *feature.View, column feature.ViewColumn, row map[string]value.Value, t int64) (*answer, error) {
	reads := allInputs(v, column.Name)
	_, results, err := c.valuesOf(ctx, p, v, reads, row, t)
	if err != nil {
		return nil, err
	}
	for name, x := range row {
		if _, computed := results[name]; !computed {
			results[name] = x
		}
	}
	results[plan.AtColumn] = value.OfTimestamp(t)
	a := &answer{
		View: v.Name, Feature: column.Name, Doc: p.written(v, column.Name), Key: map[string]string{}, At: value.FormatTimestamp(t),
		Value: value.AppendJSON(nil, results[column.Name]), Inputs: []input{},
	}
	for name, x := range row {
		a.Key[name] = x.String()
	}
	for _, name := range derivedOf(v, column.Name).Expr.Columns() {
		a.Inputs = append(a.Inputs, input{name, value.AppendJSON(nil, results[name]), p.origin(v, name)})
	}
	return a, nil
}

func derivedOf(v *feature.View, name string) *feature.Derived {
	for i := range v.Derived {
		if v.Derived[i].Name == name {
			return &v.Derived[i]
		}
	}
	return nil
}

// allInputs is a column and all that it is computed from, one through another.
func allInputs(v *feature.View, name string) []string {
	all := []string{name}
	for i := 0; i < len(all); i++ {
		if d := derivedOf(v, all[i]); d != nil {
			for _, n := range d.Expr.Columns() {
				if !slices.Contains(all, n) {
					all = append(all, n)
				}
			}
		}
	}
	return all
}

// neededBy are the keys and request fields without which columns cannot be computed.
func neededBy(v *feature.View, columns []string) []string {
	read := slices.Clone(columns)
	for _, col := range v.Columns {
		if col.Kind == feature.FeatureColumn && slices.Contains(columns, col.Name) {
			read = append(read, v.Joins[col.Join].On...)
		}
	}
	var needed []string
	for _, k := range slices.Concat(v.Keys, v.Request) {
		if !k.Optional && slices.Contains(read, k.Name) {
			needed = append(needed, k.Name)
		}
	}
	return needed
}

// written is a derived column's expression as its author wrote it.
func (l *loaded) written(v *feature.View, name string) string {
	for _, d := range l.defs.Views {
		if d.Name.Value != v.Name {
			continue
		}
		for _, one := range d.Derive {
			if one.Name.Value == name {
				return strings.Join(strings.Fields(one.SQL.Value), " ")
			}
		}
	}
	return bareText(derivedOf(v, name).Expr)
}

// origin says in a line where a column of a view, a key or `at` comes from.
func (l *loaded) origin(v *feature.View, name string) string {
	for _, col := range v.Columns {
		switch {
		case col.Name != name:
		case col.Kind == feature.FeatureColumn:
			s := v.Joins[col.Join].Group.Source
			return fmt.Sprintf("%s of source %s over %s", describe(col.Feature), s.Name, windowText(col.Feature, s))
		case col.Kind == feature.DerivedColumn:
			return "derived: " + l.written(v, name)
		default:
			return "of the request"
		}
	}
	if name == plan.AtColumn {
		return "the time that is asked for"
	}
	return "a key"
}

// whyRequest says where a field of the request comes from.
func (l *loaded) whyRequest(v *feature.View, column feature.ViewColumn, pairs []string, t int64) (*answer, error) {
	row, err := parseKey(v, column.Name, nil, pairs)
	if err != nil {
		return nil, err
	}
	a := &answer{
		View: v.Name, Feature: column.Name, Key: map[string]string{}, At: value.FormatTimestamp(t), Value: value.AppendJSON(nil, row[column.Name]),
		Doc: fmt.Sprintf("a field of the request: a value of type %s comes with each row that is asked for", column.Type),
	}
	for name, x := range row {
		a.Key[name] = x.String()
	}
	for _, set := range l.typed.TrainingSets {
		for _, col := range set.Spine.Columns {
			if set.View.Name == v.Name && col.Name == column.Name {
				a.Doc += fmt.Sprintf("; in training set %s it is %s of the spine's row", set.Name, bareText(col.Expr))
			}
		}
	}
	return a, nil
}

// printRow prints the answer for a column that is computed from the row itself.
func (a *answer) printRow(w io.Writer) {
	if a.Inputs == nil {
		if _, given := a.Key[a.Feature]; given {
			fmt.Fprintf(w, "%s = %s\n", a.Feature, a.Value)
		} else {
			fmt.Fprintln(w, a.Feature)
		}
		fmt.Fprintf(w, "  is %s\n", strings.ReplaceAll(a.Doc, "; ", "\n  "))
		return
	}
	fmt.Fprintf(w, "%s = %s\n", a.Feature, a.Value)
	fmt.Fprintf(w, "  is %s, derived in view %s\n", a.Doc, a.View)
	fmt.Fprintf(w, "  at %s%s\n", a.At, strings.TrimSuffix(" for "+keyText(a.Key), " for "))
	if len(a.Inputs) == 0 {
		return
	}
	fmt.Fprintln(w)
	t := newTable("it reads", "value", "which is")
	t.right[1] = true
	for _, in := range a.Inputs {
		t.add(in.Name, cut(cellText(in.Value), 30), in.Is)
	}
	_ = t.print(indented{w})
}
