package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/plan"
)

// printReport ends a training set: what came in and went out, and a reason for everything that is missing.
func printReport(w io.Writer, b *plan.Batch, r *engine.Report, out string, took time.Duration) {
	where := ""
	if out != "" {
		where = " → " + out
	}
	fmt.Fprintf(w, "\n%s: %s rows of the spine, %s rows out%s in %s\n", b.Name, count(r.SpineRows), count(r.Rows), where, took.Round(10*time.Millisecond))
	for _, reason := range slices.Sorted(maps.Keys(r.Dropped)) {
		if n := r.Dropped[reason]; n > 0 {
			fmt.Fprintf(w, "  left out %s: %s\n", count(n), reason)
		}
	}
	printSources(w, r)
	printNulls(w, r)
	printExpressionNulls(w, r.ExpressionNulls, r.Uncounted)
	printMonths(w, r)
}

func printSources(w io.Writer, r *engine.Report) {
	for _, s := range r.Sources {
		fmt.Fprintf(w, "  %s: %s rows of %s read", s.Join, count(s.Rows), s.Source)
		var notes []string
		for _, n := range []struct {
			n    int64
			what string
		}{
			{s.NullTime, "without a time"}, {s.NullKey, "without a key"}, {s.Where, "where the condition is not true"},
			{s.NullKnownAt, "without known_at"}, {s.Duplicates, "copies"}, {s.OtherKeys, "of keys that no row asks for"},
		} {
			if n.n > 0 {
				notes = append(notes, count(n.n)+" "+n.what)
			}
		}
		if len(notes) > 0 {
			fmt.Fprintf(w, "; not used: %s", strings.Join(notes, ", "))
		}
		if s.Ties > 0 {
			fmt.Fprintf(w, "; %s share key and time with another and nothing orders them", count(s.Ties))
		}
		if s.Conflicts > 0 {
			fmt.Fprintf(w, "; %s have an id that another row has at another time", count(s.Conflicts))
		}
		if s.TileRows > 0 {
			fmt.Fprintf(w, "; %s tiles stood for %s events of %s days", count(s.Tiles), count(s.TileRows), count(s.TileDays))
		}
		fmt.Fprintln(w)
		for _, n := range s.Notes {
			fmt.Fprintf(w, "    %s\n", n)
		}
		for _, cause := range s.Read.Causes() {
			fmt.Fprintf(w, "    %s cells of %s read as null: %s\n", count(s.Read.Nulled[cause]), cause.Column, cause.Reason)
		}
	}
}

func printNulls(w io.Writer, r *engine.Report) {
	t := newTable("nulls", "in all", "unknown key", "no event yet", "inputs null", "not defined", "defaults")
	for i := 1; i < len(t.right); i++ {
		t.right[i] = true
	}
	for _, v := range r.Values {
		if v.Nulls == 0 && v.Defaults == 0 {
			continue
		}
		t.add("  "+v.Name, share(v.Nulls, r.Rows), orDash(v.UnknownKey), orDash(v.NoEvent), orDash(v.NullInput), orDash(v.Computed), orDash(v.Defaults))
	}
	if len(t.rows) > 0 {
		fmt.Fprintln(w)
		_ = t.print(w)
	}
}

// printExpressionNulls says what made nulls of values (X1), and of what that is not counted.
func printExpressionNulls(w io.Writer, nulls map[string]expr.Nulls, uncounted []string) {
	for _, name := range slices.Sorted(maps.Keys(nulls)) {
		for reason, n := range nulls[name] {
			if n > 0 {
				fmt.Fprintf(w, "  %s made %s nulls: %s\n", name, count(n), expr.Reason(reason))
			}
		}
	}
	for _, name := range uncounted {
		fmt.Fprintf(w, "  nulls that %s makes are not counted: what says when is longer than the engine takes\n", name)
	}
}

func printMonths(w io.Writer, r *engine.Report) {
	if len(r.Months) == 0 {
		return
	}
	fmt.Fprintln(w)
	t := newTable("month", "rows", "filled")
	t.right[1], t.right[2] = true, true
	for _, m := range r.Months {
		t.add(m.Month, count(m.Rows), share(m.Filled, m.Cells))
	}
	_ = t.print(w)
}

func orDash(n int64) string {
	if n == 0 {
		return "-"
	}
	return count(n)
}

func share(n, of int64) string {
	if of == 0 {
		return "-"
	}
	if n == 0 {
		return "0 %"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(of))
}

// count writes a number with thousands apart.
func count(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
