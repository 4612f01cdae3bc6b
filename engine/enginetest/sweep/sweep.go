package sweep

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/bighead-ml/bighead/value"
)

// Expression is printed SQL over the columns of a loaded table, and the type that its values must have.
type Expression struct {
	SQL  string
	Type value.Type
}

// Answer is what an engine made of an expression.
type Answer struct {
	Values []value.Value // by row of the table; nil where Err is set
	// Broken are the rows whose value broke the value rules on the way out (NaN, infinite, −0.0, a time out of range) and
	// was mended by the client. A printing that meets the contract has none.
	Broken []int
	Err    error // the engine refused the expression, failed on a row, or gave another type
}

// width is how many expressions one statement holds, and length how long its text grows: wide enough that a statement's
// fixed cost is shared, narrow enough that the code an engine generates for it stays within what a JVM takes as one method.
const (
	width  = 40
	length = 60_000
)

// patience is how long a statement may take. Planners are known that take hours over a text of some kilobytes; such an
// expression is one that the engine does not take, and has to be found like the others.
const patience = 2 * time.Minute

// Run evaluates the expressions over a loaded table of n rows. An error of Run itself is the engine's or the harness's; what
// is wrong with one expression is in its answer.
func Run(ctx context.Context, e Engine, table string, n int, exprs []Expression) ([]Answer, error) {
	answers := make([]Answer, len(exprs))
	for from := 0; from < len(exprs); {
		to, size := from, 0
		for ; to < len(exprs) && to-from < width && (to == from || size+len(exprs[to].SQL) <= length); to++ {
			size += len(exprs[to].SQL)
		}
		if err := run(ctx, e, table, n, exprs[from:to], answers[from:to]); err != nil {
			return nil, err
		}
		from = to
	}
	return answers, nil
}

// run evaluates a few expressions in one statement; where it fails, in two of half the width, down to one.
func run(ctx context.Context, e Engine, table string, n int, exprs []Expression, answers []Answer) error {
	items := []string{Quote(rowName)}
	for i, x := range exprs {
		items = append(items, fmt.Sprintf("%s AS `x%d`", x.SQL, i))
	}
	patient, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	res, err := e.Query(patient, "SELECT "+strings.Join(items, ", ")+" FROM "+Quote(table))
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("sweep on %s: %w", e.Dialect(), ctx.Err())
	case err != nil && len(exprs) == 1:
		answers[0].Err = err
		return nil
	case err != nil:
		half := len(exprs) / 2
		if err := run(ctx, e, table, n, exprs[:half], answers[:half]); err != nil {
			return err
		}
		return run(ctx, e, table, n, exprs[half:], answers[half:])
	}
	return collect(e.Dialect(), res, n, exprs, answers)
}

// collect puts the columns of a result, whose rows come in any order, into the answers.
func collect(d Dialect, res Result, n int, exprs []Expression, answers []Answer) error {
	place := make([]int, len(res.Rows)) // of result row i in the table
	seen := make([]bool, n)
	for i, row := range res.Rows {
		at := row[0].Int()
		if row[0].IsNull() || at < 0 || at >= int64(n) || seen[at] {
			return fmt.Errorf("sweep on %s: the result has row number %v twice or from nowhere", d, row[0])
		}
		place[i], seen[at] = int(at), true
	}
	if len(res.Rows) != n {
		return fmt.Errorf("sweep on %s: %d rows of %d came back", d, len(res.Rows), n)
	}
	for c, x := range exprs {
		a := &answers[c]
		if want := d.native(x.Type); res.Native[c+1] != want {
			a.Err = fmt.Errorf("it has type %s, not %s", res.Native[c+1], want)
			continue
		}
		a.Values = make([]value.Value, n)
		for i, row := range res.Rows {
			v, ok := as(x.Type, row[c+1])
			a.Values[place[i]] = v
			if !ok || res.Altered[[2]int{i, c + 1}] {
				a.Broken = append(a.Broken, place[i])
			}
		}
	}
	return nil
}

// native is the name that the engine's client has for the physical type of t.
func (d Dialect) native(t value.Type) string {
	scalar := func(spark, flink string) string { return [...]string{spark, flink}[d] }
	switch t.Kind {
	case value.KindBool:
		return scalar("bool", "BOOLEAN")
	case value.KindInt, value.KindTimestamp, value.KindDate:
		return scalar("int64", "BIGINT")
	case value.KindFloat:
		return scalar("float64", "DOUBLE")
	case value.KindString:
		return scalar("utf8", "VARCHAR")
	case value.KindBytes:
		return scalar("binary", "VARBINARY")
	case value.KindList:
		return scalar("list<", "ARRAY<") + d.native(*t.Elem) + ">"
	case value.KindMap:
		return scalar("map<utf8,", "MAP<VARCHAR,") + d.native(*t.Elem) + ">"
	case value.KindStruct:
		fields := make([]string, len(t.Fields))
		for i, f := range t.Fields {
			fields[i] = f.Name + scalar(":", " ") + d.native(f.Type)
		}
		return scalar("struct<", "ROW<") + strings.Join(fields, ",") + ">"
	}
	return "null"
}

// as gives a value in its physical type the type of the language: integers that are times become times, false where one is
// outside the years 0001–9999.
func as(t value.Type, v value.Value) (value.Value, bool) {
	if v.IsNull() {
		return v, true
	}
	ok := true
	part := func(t value.Type, v value.Value) value.Value {
		v, fine := as(t, v)
		ok = ok && fine
		return v
	}
	switch t.Kind {
	case value.KindTimestamp, value.KindDate:
		v = number(t.Kind, v.Int())
		return v, !v.IsNull()
	case value.KindList:
		elems := make([]value.Value, v.Len())
		for i := range elems {
			elems[i] = part(*t.Elem, v.At(i))
		}
		return value.OfList(elems), ok
	case value.KindMap, value.KindStruct:
		entries := make([]value.Entry, v.Len())
		for i := range entries {
			inner := t.Elem
			if t.Kind == value.KindStruct {
				inner = &t.Fields[i].Type
			}
			entries[i] = value.Entry{Key: v.KeyAt(i), Value: part(*inner, v.At(i))}
		}
		if t.Kind == value.KindStruct {
			return value.OfStruct(entries), ok
		}
		return value.OfMap(entries), ok
	}
	return v, true
}
