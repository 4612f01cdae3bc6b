package sweep

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/engine/enginetest/server"
	"github.com/bighead-ml/bighead/value"
)

func TestMain(m *testing.M) { os.Exit(server.Main(m)) }

const seed = 1

// onBoth runs a test on each engine, with the table loaded.
func onBoth(t *testing.T, table Table, f func(t *testing.T, e Engine)) {
	t.Run("Spark", func(t *testing.T) { load(t, OnSpark(server.Spark(t), t.TempDir()), table, f) })
	t.Run("Flink", func(t *testing.T) { load(t, OnFlink(server.Flink(t), t.TempDir()), table, f) })
}

func load(t *testing.T, e Engine, table Table, f func(t *testing.T, e Engine)) {
	began := time.Now()
	if err := e.Load(t.Context(), "edges", table); err != nil {
		t.Fatal(err)
	}
	t.Logf("loaded %d rows of %d columns in %v", len(table.Rows), len(table.Columns), time.Since(began).Round(time.Millisecond))
	began = time.Now()
	f(t, e)
	t.Logf("swept in %v", time.Since(began).Round(time.Millisecond))
}

// TestSourcesReadAsTheContractSays reads every column back through its source printing.
func TestSourcesReadAsTheContractSays(t *testing.T) {
	table := Edges(seed)
	onBoth(t, table, func(t *testing.T, e Engine) {
		var exprs []Expression
		for _, c := range table.Columns {
			exprs = append(exprs, Expression{SQL: Quote(c.Name), Type: c.Type})
		}
		answers, err := Run(t.Context(), e, "edges", len(table.Rows), exprs)
		if err != nil {
			t.Fatal(err)
		}
		for c, a := range answers {
			name := table.Columns[c].Name
			if a.Err != nil {
				t.Errorf("%s: %v", name, a.Err)
				continue
			}
			if len(a.Broken) > 0 {
				t.Errorf("%s: rows %v break the value rules", name, a.Broken[:1])
			}
			for i, v := range a.Values {
				if want := table.Values(i)[c]; !value.Equal(v, want) {
					t.Errorf("%s, row %d (%v): %v, want %v", name, i, table.Rows[i][c], v, want)
					break
				}
			}
		}
	})
}

// TestABadExpressionDoesNotSpoilItsNeighbours puts refused and failing expressions among good ones.
func TestABadExpressionDoesNotSpoilItsNeighbours(t *testing.T) {
	table := Edges(seed)
	onBoth(t, table, func(t *testing.T, e Engine) {
		bad := map[int]string{3: "nope", 17: "int_a / 0 / (", 44: "CAST(string_a AS BIGINT)", 60: "int_a IS NULL"}
		var exprs []Expression
		for i := range 70 {
			sql := "int_a"
			if bad[i] != "" {
				sql = bad[i]
			}
			exprs = append(exprs, Expression{SQL: sql, Type: value.Int})
		}
		answers, err := Run(t.Context(), e, "edges", len(table.Rows), exprs)
		if err != nil {
			t.Fatal(err)
		}
		for i, a := range answers {
			if (a.Err != nil) != (bad[i] != "") {
				t.Errorf("expression %d (%s): %v", i, exprs[i].SQL, a.Err)
			}
		}
		if text := fmt.Sprint(answers[60].Err); !strings.Contains(strings.ToLower(text), "it has type bool") {
			t.Errorf("another type is told as %q", text)
		}
	})
}

// TestBrokenValuesAreSeen lets an engine return what the contract forbids.
func TestBrokenValuesAreSeen(t *testing.T) {
	table := Table{Columns: value.Schema{{Name: "f", Type: value.Float}, {Name: "n", Type: value.Int}}, Rows: [][]Cell{{1.0, int64(0)}, {0.0, int64(1) << 62}, {nil, nil}}}
	onBoth(t, table, func(t *testing.T, e Engine) {
		answers, err := Run(t.Context(), e, "edges", 3, []Expression{{"f * -1e0", value.Float}, {"n", value.Timestamp}, {"n", value.Date}, {"n", value.Int}})
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []string{"[1]", "[1]", "[1]", "[]"} {
			if got := fmt.Sprint(answers[i].Broken); got != want {
				t.Errorf("expression %d: broken rows %s, want %s (%v)", i, got, want, answers[i].Err)
			}
		}
		if v := answers[0].Values[1]; !value.Equal(v, value.OfFloat(0)) {
			t.Errorf("the mended value is %v", v)
		}
	})
}

// TestNestedSources reads lists, maps and structs whose parts break the value rules; what Flink cannot mend it refuses.
func TestNestedSources(t *testing.T) {
	deep := value.StructOf(value.Field{Name: "f", Type: value.Float}, value.Field{Name: "it's", Type: value.Timestamp})
	structs := Table{Columns: value.Schema{{Name: "st", Type: deep}}, Rows: [][]Cell{
		{Struct{math.NaN(), int64(1)}}, {Struct{math.Copysign(0, -1), int64(math.MaxInt64)}}, {Struct{nil, nil}}, {nil}}}
	lists := Table{Columns: value.Schema{{Name: "fs", Type: value.ListOf(value.Float)}, {Name: "days", Type: value.MapOf(value.Date)}}}
	for i, l := range edgeFloatLists {
		lists.Rows = append(lists.Rows, []Cell{l, []Cell{map[string]Cell{"a": int64(1), "b": int64(1) << 40}, nil}[i%2]})
	}
	same := func(table Table) func(*testing.T, Engine) {
		return func(t *testing.T, e Engine) {
			var exprs []Expression
			for _, c := range table.Columns {
				exprs = append(exprs, Expression{Quote(c.Name), c.Type})
			}
			answers, err := Run(t.Context(), e, "edges", len(table.Rows), exprs)
			if err != nil {
				t.Fatal(err)
			}
			for c, a := range answers {
				for i := range table.Rows {
					if want := table.Values(i)[c]; a.Err != nil || len(a.Broken) > 0 || !value.Equal(a.Values[i], want) {
						t.Errorf("%s, row %d: %v, want %v", table.Columns[c].Name, i, a, want)
					}
				}
			}
		}
	}
	onBoth(t, structs, same(structs))
	t.Run("Spark lists", func(t *testing.T) { load(t, OnSpark(server.Spark(t), t.TempDir()), lists, same(lists)) })
	for _, c := range lists.Columns {
		if text, err := Flink.SourceColumn(c.Name, c.Type); err == nil || !strings.Contains(err.Error(), c.Name) {
			t.Errorf("Flink prints %s as %s", c.Type, text)
		}
	}
	t.Run("Spark text", func(t *testing.T) {
		text, err := Spark.SourceColumn("s", value.String)
		if err != nil {
			t.Fatal(err)
		}
		res, err := server.Spark(t).Query(t.Context(), "SELECT "+text+" FROM (SELECT cast(unhex(h) AS string) s FROM VALUES ('ff41'), ('41') t(h)) ORDER BY 1 NULLS FIRST")
		if err != nil || len(res.Altered) > 0 || !res.Rows[0][0].IsNull() || res.Rows[1][0].Str() != "A" {
			t.Errorf("invalid UTF-8 reads as %v (%v), want null", res.Rows, err)
		}
	})
}
