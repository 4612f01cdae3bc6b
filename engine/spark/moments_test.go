package spark

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/engine/enginetest/server"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/value"
)

// Moments keep the promise for numbers that lose digits, over- or underflow on the way, in partial aggregates that Spark merges.
func TestMoments(t *testing.T) {
	s := server.Spark(t)
	r := rand.New(rand.NewPCG(seed, 1))
	around := func(mean, by float64) []float64 {
		out := make([]float64, 40)
		for i := range out {
			out[i] = mean + by*r.NormFloat64()
		}
		return out
	}
	equal := make([]float64, 40)
	for i := range equal {
		equal[i] = 0.1
	}
	sets := [][]float64{
		equal, {1e308}, {1e308, 1e308}, {5e-324, 5e-324}, {0.1, 0.1, 0.1, 0.3}, {-1e308, 1e308},
		around(0, 1), around(1e9, 1e-3), around(1e160, 1e145), around(1e155, 1e153), around(0, 1e140), around(1e-100, 1e-105), append(around(1e160, 1e150), 1, 2, -3),
	}
	var rows []string
	for g, xs := range sets {
		for _, x := range xs {
			rows = append(rows, fmt.Sprintf("(%d, %s)", g, dialect.Literal(value.Float, value.OfFloat(x))))
		}
	}
	table := "(select /*+ repartition(3) */ * from values " + strings.Join(rows, ", ") + " as t(g, x))"
	for _, name := range []string{"variance", "stddev", "skewness", "kurtosis"} {
		a, _ := agg.Lookup(name)
		_, p, problems := a.Check(value.Float, true, agg.Args{Input: "x"})
		if problems != nil {
			t.Fatal(problems)
		}
		fold := a.Folds(value.Float, p)[0]
		out := columns{"g"}
		for i, sql := range aggregates[fold.Kind].sql(fold, "x", " filter (where true)") {
			out.add(sql, aggregates[fold.Kind].columns[i])
		}
		text, _ := a.Text(value.Float, p)
		e, mistakes := expr.Check(text, value.Schema(fold.Columns()))
		if mistakes != nil {
			t.Fatal(mistakes)
		}
		finish, err := e.Print(dialect, dialect.Name)
		if err != nil {
			t.Fatal(err)
		}
		res, err := s.Query(t.Context(), "select "+finish+" from ("+out.selects("from "+table+" group by g")+") order by g")
		if err != nil {
			t.Fatal(err)
		}
		for g, xs := range sets {
			events := make([]agg.Event, len(xs))
			for i, x := range xs {
				events[i].Value = value.OfFloat(x)
			}
			want := a.Plain(value.Float, p, events, 0)
			if err := a.Same(value.Float, p, want, res.Rows[g][0], events); err != nil {
				t.Errorf("%s of set %d: %v", name, g, err)
			}
		}
		if len(res.Altered) > 0 {
			t.Errorf("%s: %v are no values", name, res.Altered)
		}
	}
}
