package enginetest

import (
	"fmt"
	"strconv"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/enginetest/script"
	"github.com/bighead-ml/bighead/value"
)

// answer compares the oracle's answer with the script's.
func (er *EvalResult) answer(f *script.File, j *Judge, shown int) {
	er.keep("oracle", j.Want, shown)
	er.now = answerText(er.eval, j.Want, shown)
	x := &er.eval.Expect
	switch {
	case x.Line == 0:
		er.fail(f.ErrorAt(er.eval.Name, "no answer stands under it: write ---- and rows, or let --rewrite do it"))
	case len(x.Errors) > 0:
		er.fail(fmt.Errorf("%s:%d: want error %s, got %d rows", f.Path, x.Errors[0].Line, x.Errors[0], len(j.Want.Rows)))
	case x.Table.Header == nil:
		er.fail(fmt.Errorf("%s:%d: nothing stands under the ----: write a header, or let --rewrite do it", f.Path, x.Line))
	default:
		er.expected(f, j, shown)
	}
	er.counts(f, "oracle", j.Want)
}

// expected compares the oracle's rows with those of the script, cell by cell: values of features by the promise, derived floats to
// relative 1e-12, since a script has not their inputs, the rest exactly.
func (er *EvalResult) expected(f *script.File, j *Judge, shown int) {
	t := &er.eval.Expect.Table
	columns := make([]int, len(t.Header))
	for i, h := range t.Header {
		columns[i] = j.Want.Schema[:shown].Index(h.Text)
		if columns[i] < 0 {
			er.fail(f.ErrorAt(h, "the answer has no column %q; it has %s", h.Text, j.Want.Schema[:shown].Names()))
			return
		}
	}
	if len(t.Rows) != len(j.Want.Rows) {
		er.fail(fmt.Errorf("%s:%d: want %d rows, got %d", f.Path, er.eval.Expect.Line, len(t.Rows), len(j.Want.Rows)))
	}
	for n := range min(len(t.Rows), len(j.Want.Rows)) {
		for i, c := range t.Rows[n] {
			field := j.Want.Schema[columns[i]]
			want, err := script.ParseCell(field.Type, c.Text)
			if err != nil {
				er.fail(f.ErrorAt(c, "column %q: %v", field.Name, err))
				continue
			}
			got := j.Want.Rows[n][columns[i]]
			if err := j.expected(n, field.Name, want, got); err != nil {
				er.Differences = append(er.Differences, Difference{Road: "oracle", Row: n + 1, Line: c.Line, Column: field.Name, Want: want, Got: got, Why: err.Error()})
			}
		}
	}
}

// expected compares a cell of a script with the oracle's.
func (j *Judge) expected(n int, name string, want, got value.Value) error {
	r := j.rules[name]
	switch {
	case value.Equal(want, got), r.derived != nil && agg.Close(want, got):
		return nil
	case r.feature != nil:
		return j.Promise(n, r.feature, want, got)
	}
	return fmt.Errorf("differs")
}

// compare compares another road's answer with the oracle's.
func (er *EvalResult) compare(f *script.File, j *Judge, road string, got *Answer, shown int) {
	er.keep(road, got, shown)
	for _, d := range j.Compare(got) {
		d.Road = road
		if rows := er.eval.Expect.Table.Rows; d.Row > 0 && d.Row <= len(rows) {
			d.Line = rows[d.Row-1][0].Line
		}
		er.Differences = append(er.Differences, d)
	}
	er.counts(f, road, got)
}

// keep notes what a road gave.
func (er *EvalResult) keep(road string, a *Answer, shown int) {
	rr := RoadResult{Road: road, Columns: a.Schema[:shown].Names()}
	for _, row := range a.Rows {
		rr.Rows = append(rr.Rows, row[:shown])
	}
	er.Roads = append(er.Roads, rr)
}

// answerText is the answer as --rewrite writes it: the columns that the script asks for, all of them where it has none yet.
func answerText(e *script.Eval, a *Answer, shown int) script.Answer {
	var out script.Answer
	var columns []int
	for _, h := range e.Expect.Table.Header {
		if i := a.Schema[:shown].Index(h.Text); i >= 0 {
			columns = append(columns, i)
		}
	}
	if len(columns) == 0 {
		for i := range shown {
			columns = append(columns, i)
		}
	}
	for _, i := range columns {
		out.Header = append(out.Header, script.FormatHeader(a.Schema[i].Name))
	}
	for _, row := range a.Rows {
		cells := make([]string, len(columns))
		for n, i := range columns {
			cells[n] = script.FormatCell(row[i])
		}
		out.Rows = append(out.Rows, cells)
	}
	for _, c := range e.Expect.Counts {
		if n, ok := Counts(a.Report)[c.Name]; ok {
			out.Counts = append(out.Counts, script.Count{Name: c.Name, N: n})
		}
	}
	return out
}

// counts compares a road's report with the counts that the script expects.
func (er *EvalResult) counts(f *script.File, road string, a *Answer) {
	if len(er.eval.Expect.Counts) == 0 {
		return
	}
	all := Counts(a.Report)
	for _, c := range er.eval.Expect.Counts {
		if a.Counted != nil && !a.Counted(c.Name) {
			last := &er.Roads[len(er.Roads)-1]
			last.Uncounted = append(last.Uncounted, c.Name)
			continue
		}
		n, ok := all[c.Name]
		if !ok {
			er.fail(fmt.Errorf("%s:%d: nothing is counted as %q", f.Path, c.Line, c.Name))
			continue
		}
		if n != c.N {
			er.Differences = append(er.Differences, Difference{Road: road, Line: c.Line, Column: strconv.Quote(c.Name), Want: value.OfInt(c.N), Got: value.OfInt(n), Why: "counted"})
		}
	}
}

// Counts are the numbers of a report under the names that scripts use: "rows", "dropped: no label", "g: duplicates", "x_sum_1h: nulls".
func Counts(r *engine.Report) map[string]int64 {
	out := map[string]int64{"spine rows": r.SpineRows, "rows": r.Rows}
	for _, why := range dropReasons {
		out["dropped: "+string(why)] = r.Dropped[why]
	}
	for _, s := range r.Sources {
		for name, n := range map[string]int64{
			"rows": s.Rows, "null time": s.NullTime, "null key": s.NullKey, "where": s.Where, "null known_at": s.NullKnownAt,
			"duplicates": s.Duplicates, "conflicts": s.Conflicts, "other keys": s.OtherKeys, "ties": s.Ties, "used": s.Used,
		} {
			out[s.Join+": "+name] = n
		}
	}
	for _, v := range r.Values {
		for name, n := range map[string]int64{
			"nulls": v.Nulls, "unknown key": v.UnknownKey, "no event": v.NoEvent, "null input": v.NullInput, "computed": v.Computed, "defaults": v.Defaults,
		} {
			out[v.Name+": "+name] = n
		}
	}
	return out
}
