package expr_test

import (
	"fmt"
	"testing"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/value"
)

// benchBatch is rows like those of a source: a tenth of nulls in one column, none in the others.
func benchBatch(n int) *value.Batch {
	s := value.Schema{{Name: "x", Type: value.Int}, {Name: "y", Type: value.Int}, {Name: "f", Type: value.Float}, {Name: "g", Type: value.Float}, {Name: "s", Type: value.String}, {Name: "t", Type: value.Timestamp}}
	b := &value.Batch{Schema: s, N: n}
	for _, f := range s {
		b.Columns = append(b.Columns, value.NewColumn(f.Type, n))
	}
	for i := range n {
		x := int64(i*7919%1000 - 300)
		b.Columns[0].Ints[i], b.Columns[1].Ints[i] = x, x*3
		b.Columns[2].Floats[i], b.Columns[3].Floats[i] = float64(x)/8, float64(x)+0.5
		b.Columns[4].Strs[i] = fmt.Sprint("carrier", x%17)
		b.Columns[5].Ints[i] = 1700000000000 + int64(i)*61_000
		if i%10 == 0 {
			b.Columns[0].SetNull(i)
		}
	}
	return b
}

func BenchmarkColumn(b *testing.B) {
	batch := benchBatch(64 << 10)
	for _, text := range []string{"x >= 15", "x + y", "x * y", "f * g", "f / g", "f >= 15 and g < 7", "not x = y", "x is null", "cast(x as float) * f", "case when x > 0 then f else g end", "coalesce(x, y, 0)",
		"x between 1 and 100", "greatest(x, y)", "s = 'carrier3'", "s in ('carrier1', 'carrier2')", "s like 'car%9'", "extract(hour from t)", "extract(year from t)", "x div 7", "if(x > 15, 1, 0)", "f > 0.5 and x in (1, 2, 3, 4) or s <> 'a'"} {
		e, errs := expr.Check(text, batch.Schema)
		if len(errs) > 0 {
			b.Fatal(errs)
		}
		b.Run(text, func(b *testing.B) {
			p := e.Vectorise(batch.Schema)
			var nulls expr.Nulls
			b.ReportAllocs()
			for b.Loop() {
				p.Eval(batch, &nulls)
			}
			b.ReportMetric(float64(b.N)*float64(batch.N)/b.Elapsed().Seconds()/1e6, "Mrows/s")
		})
	}
}

func BenchmarkRow(b *testing.B) {
	batch := benchBatch(64)
	for _, text := range []string{"x >= 15", "f * g", "f >= 15 and g < 7", "case when x > 0 then f else g end", "s in ('carrier1', 'carrier2')", "extract(hour from t)"} {
		e, errs := expr.Check(text, batch.Schema)
		if len(errs) > 0 {
			b.Fatal(errs)
		}
		b.Run(text, func(b *testing.B) {
			f, row := e.Compile(batch.Schema), batch.Row(1)
			var nulls expr.Nulls
			b.ReportAllocs()
			for b.Loop() {
				f(row, &nulls)
			}
		})
	}
}
