package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/audit"
	"github.com/bighead-ml/bighead/value"
)

// print says what was found. path is where the signed report is, "": there is none.
func (x *verification) print(ctx context.Context, path string) error {
	if x.json {
		return json.NewEncoder(x.stdout).Encode(x.report)
	}
	w, r := x.stdout, x.report
	fmt.Fprintf(w, "%s of %s, %s\n", r.View, r.Project, r.Fingerprint)
	r.Sample.print(w)
	for _, road := range r.Roads {
		fmt.Fprintf(w, "  on %s %s in %s\n", road.Name, road.Version, seconds(road.MS))
	}
	for _, a := range r.Found {
		if err := printAgainst(w, a); err != nil {
			return err
		}
	}
	for _, a := range r.Found {
		for _, col := range a.Columns {
			if col.First == nil {
				continue
			}
			if err := x.printDifference(ctx, a, col); err != nil {
				return err
			}
		}
	}
	fmt.Fprintf(w, "\n%s\n", r.Verdict)
	if path != "" {
		fmt.Fprintf(w, "the signed report is %s\n", path)
	}
	return nil
}

func seconds(ms int64) string { return fmt.Sprintf("%.1f s", float64(ms)/1000) }

func (s *sample) print(w io.Writer) {
	drawn := ""
	if s.Seed != nil {
		drawn = fmt.Sprintf(" of %s, drawn by seed %d", count(s.Drawn), *s.Seed)
	}
	fmt.Fprintf(w, "  asks %s%s of %s, as of %s\n", plural64(s.Rows, "row"), drawn, s.Of, s.AsOf)
}

// printAgainst prints the counts of a pair of roads, by feature.
func printAgainst(w io.Writer, a *audit.Against) error {
	fmt.Fprintf(w, "\n%s against %s: %s of %s compared, %s equal, %s within the promise, %s differing, %s missing%s\n", a.Road, a.Against, plural64(a.Compared.Compared, "value"),
		plural64(a.Rows, "row"), count(a.Equal), count(a.Within), count(a.Differing), count(a.Compared.Missing), saidText(a.Said))
	if a.Missing > 0 {
		fmt.Fprintf(w, "  %s not answered by both\n", plural64(a.Missing, "row"))
	}
	t := newTable("feature", "compared", "equal", "within", "differing", "missing")
	words := slices.Sorted(maps.Keys(a.Said))
	t.head = append(t.head, words...)
	t.right = append(t.right, make([]bool, len(words))...)
	for i := 1; i < len(t.right); i++ {
		t.right[i] = true
	}
	for _, col := range a.Columns {
		cells := []string{col.Name}
		for _, n := range []int64{col.Compared.Compared, col.Equal, col.Within, col.Differing, col.Missing} {
			cells = append(cells, count(n))
		}
		for _, s := range words {
			cells = append(cells, count(col.Said[s]))
		}
		t.add(cells...)
	}
	return t.print(indented{w})
}

func saidText(said map[string]int64) string {
	var b strings.Builder
	for _, s := range slices.Sorted(maps.Keys(said)) {
		fmt.Fprintf(&b, ", %s differ and were said to be %s", count(said[s]), s)
	}
	return b.String()
}

// printDifference explains the first row in which a feature differs.
func (x *verification) printDifference(ctx context.Context, a *audit.Against, col *audit.Verified) error {
	d, w := col.First, x.stdout
	fmt.Fprintf(w, "\n%s: %s differs in %s; first in row %d of the sample\n", col.Definition, col.Name, plural64(col.Differing, "row"), d.Row)
	fmt.Fprintf(w, "  for %s at %s\n", keyText(texts(d.Key)), d.At)
	width := max(len(a.Against), len(a.Road))
	fmt.Fprintf(w, "  %-*s  %s\n  %-*s  %s\n", width, a.Against, shortened(string(d.Want)), width, a.Road, shortened(string(d.Got)))
	fmt.Fprintf(w, "  %s\n", d.Why)
	history, online, err := x.whyDiffering(ctx, col)
	if err != nil {
		return fmt.Errorf("why of %s: %w", col.Name, err)
	}
	if online != nil {
		fmt.Fprintf(w, "\n  %s reads, now:\n", servedRoad)
		var b strings.Builder
		(&onlineWhy{View: x.view.Name, Feature: col.Name, Online: online}).printOnline(&b)
		fmt.Fprintln(w, indentLines(b.String(), "    "))
	}
	fmt.Fprint(w, "\n  by history:\n")
	var b strings.Builder
	history.print(&b)
	fmt.Fprintln(w, indentLines(b.String(), "    "))
	return nil
}

func texts(key map[string]json.RawMessage) map[string]string {
	out := map[string]string{}
	for k, v := range key {
		out[k] = cellText(v)
	}
	return out
}

// madeOnline asks what a value is made of online now.
func (x *verification) madeOnline(ctx context.Context, name string, row map[string]value.Value) (*madeAnswer, error) {
	ask := whyRequest{View: x.view.Name, Feature: name}
	for _, k := range slices.Sorted(maps.Keys(row)) {
		ask.Pairs = append(ask.Pairs, k+"="+row[k].String())
	}
	body, err := json.Marshal(ask)
	if err != nil {
		return nil, err
	}
	made := &madeAnswer{}
	return made, x.askOnline(ctx, x.applied, body, made)
}
