package expr

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/valuetest"
)

var drawTypes = append([]value.Type{value.ListOf(value.Int), value.MapOf(value.String)}, valuetest.Scalars...)

func mustCheck(t *rapid.T, text string) *Expr {
	e, errs := Check(text, drawSchema)
	if len(errs) > 0 {
		t.Fatalf("%s: %v at %d", text, errs, errs[0].Start)
	}
	return e
}

// byRow evaluates row after row.
func byRow(e *Expr, rows [][]value.Value) ([]value.Value, Nulls) {
	var nulls Nulls
	f := e.Compile(drawSchema)
	out := make([]value.Value, len(rows))
	for i, row := range rows {
		out[i] = f(row, &nulls)
	}
	return out, nulls
}

// same compares a column with the values and counts of the row evaluator.
func same(t *rapid.T, e *Expr, c *value.Column, got Nulls, want []value.Value, counts Nulls) {
	nulls := 0
	for i, f := range c.Floats {
		if !c.IsNull(i) && f == 0 && math.Signbit(f) {
			t.Fatalf("%s: row %d is −0.0", e, i)
		}
	}
	for i, v := range want {
		if !value.Equal(c.At(i), v) {
			t.Fatalf("%s: row %d of %d is %s by column, %s by row", e, i, len(want), c.At(i), v)
		}
		if !v.HasType(e.Type()) {
			t.Fatalf("%s: %s is no %s", e, v, e.Type())
		}
		if v.IsNull() {
			nulls++
		}
	}
	if c.N != len(want) || c.Nulls.Count() != nulls {
		t.Fatalf("%s: column of %d rows and %d nulls, want %d and %d", e, c.N, c.Nulls.Count(), len(want), nulls)
	}
	if got != counts {
		t.Fatalf("%s: by column %v nulls were counted, by row %v", e, got, counts)
	}
}

// batchOf has in its null cells the cell of another row: they may hold anything.
func batchOf(rows [][]value.Value) *value.Batch {
	b := value.BatchOf(drawSchema, rows)
	for _, c := range b.Columns {
		for i := range c.N {
			if j := (i*31 + 7) % c.N; c.IsNull(i) {
				litter(c.Bools, i, j)
				litter(c.Ints, i, j)
				litter(c.Floats, i, j)
				litter(c.Strs, i, j)
				litter(c.Values, i, j)
			}
		}
	}
	return b
}

func litter[T any](cells []T, i, j int) {
	if cells != nil {
		cells[i] = cells[j]
	}
}

func TestRowAndColumnAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := mustCheck(t, plain(draw(t, rapid.SampledFrom(drawTypes).Draw(t, "type"), rapid.IntRange(1, 4).Draw(t, "depth"))))
		sizes := []int{rapid.IntRange(0, 200).Draw(t, "rows"), rapid.SampledFrom([]int{1, 64, chunk - 1, chunk, chunk + 1, 3*chunk + 70}).Draw(t, "more")}
		p := e.Vectorise(drawSchema)
		var first *value.Column
		var firstWant []value.Value
		var firstCounts, firstGot Nulls
		for _, n := range sizes {
			rows := drawRows(t, n)
			want, counts := byRow(e, rows)
			var got Nulls
			c := p.Eval(batchOf(rows), &got)
			same(t, e, c, got, want, counts)
			if first == nil {
				first, firstWant, firstCounts, firstGot = c, want, counts, got
			}
		}
		same(t, e, first, firstGot, firstWant, firstCounts) // a later Eval has not touched it
	})
}

// TestEachSignatureAgrees holds every signature by itself against rows that meet its edges: deep expressions seldom reach them.
func TestEachSignatureAgrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := drawRows(t, 130)
		batch := batchOf(rows)
		for _, fn := range table {
			o := rapid.SampledFrom(fn.overloads).Draw(t, "signature")
			variable, result := rapid.SampledFrom(valuetest.Scalars).Draw(t, "variable"), value.Null
			switch fn.Name {
			case ".":
				result = rapid.SampledFrom([]value.Type{value.Int, value.String, value.Float}).Draw(t, "field")
			case "cast":
				result = o.result.typ
			}
			e := mustCheck(t, plain(drawCall(t, fn, o, variable, result, 0)))
			want, counts := byRow(e, rows)
			var got Nulls
			same(t, e, e.Vectorise(drawSchema).Eval(batch, &got), got, want, counts)
		}
	})
}

func TestCanonicalTextReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := mustCheck(t, plain(draw(t, rapid.SampledFrom(drawTypes).Draw(t, "type"), rapid.IntRange(1, 5).Draw(t, "depth"))))
		again := mustCheck(t, e.String())
		if again.String() != e.String() || !again.Type().Equal(e.Type()) {
			t.Fatalf("%s reads back as %s", e, again)
		}
		if !equalTrees(e.tree, again.tree) {
			t.Fatalf("%s reads back as another tree", e)
		}
	})
}

func equalTrees(a, b *tree) bool {
	if a.fn != b.fn || a.over != b.over || a.column != b.column || !a.typ.Equal(b.typ) || !value.Equal(a.val, b.val) || len(a.args) != len(b.args) {
		return false
	}
	for i := range a.args {
		if !equalTrees(a.args[i], b.args[i]) {
			return false
		}
	}
	return true
}

// TestFoldingIsEvaluation puts a row's values into the text as constants: the folded expression gives what the row gives, nulls counted alike.
func TestFoldingIsEvaluation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := draw(t, rapid.SampledFrom(drawTypes).Draw(t, "type"), rapid.IntRange(1, 4).Draw(t, "depth"))
		e, row := mustCheck(t, plain(text)), drawRows(t, 1)[0]
		for j, f := range drawSchema {
			if f.Type.Ordered() {
				text = strings.ReplaceAll(text, "«"+f.Name+"»", constantText(f.Type, row[j]))
			}
		}
		folded := mustCheck(t, plain(text))
		var a, b Nulls
		want, got := e.Compile(drawSchema)(row, &a), folded.Compile(drawSchema)(row, &b)
		if !value.Equal(want, got) || a != b {
			t.Fatalf("%s is %s with %v nulls, folded as %s it is %s with %v", e, want, a, folded, got, b)
		}
		if v, ok := folded.Const(); ok && !value.Equal(v, want) {
			t.Fatalf("Const of %s is %s, not %s", folded, v, want)
		}
	})
}
