package transform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/value"
)

// drawn is a table of every type, with nulls.
func drawn(r *rand.Rand, n int) *value.Batch {
	schema := value.Schema{{Name: "x", Type: value.Float}, {Name: "y", Type: value.Float}, {Name: "k", Type: value.Int}, {Name: "c", Type: value.String}, {Name: "b", Type: value.Bool},
		{Name: "t", Type: value.Timestamp}, {Name: "d", Type: value.Date}, {Name: "s", Type: value.String}, {Name: "l", Type: value.ListOf(value.Float)},
		{Name: "m", Type: value.MapOf(value.Int)}, {Name: "words", Type: value.ListOf(value.String)}, {Name: "label", Type: value.Float}}
	words := []string{"late", "on", "time", "Größe", "naïve", "B_1", "x"}
	rows := make([][]value.Value, n)
	for i := range rows {
		row := []value.Value{
			value.OfFloat(r.NormFloat64() * 10), value.OfFloat(math.Round(r.ExpFloat64() * 4)), value.OfInt(r.Int64N(40) - 10), value.OfString(words[r.IntN(len(words))]),
			value.OfBool(r.IntN(2) == 0), value.OfTimestamp(r.Int64N(2e12)), value.OfDate(r.Int64N(30000)),
			value.OfString(words[r.IntN(len(words))] + " " + words[r.IntN(len(words))]),
			value.OfList([]value.Value{value.OfFloat(r.Float64()), {}}[:r.IntN(3)]),
			value.OfMap([]value.Entry{{Key: "p", Value: value.OfInt(1)}, {Key: "q", Value: value.OfInt(r.Int64N(3))}}[:r.IntN(3)]),
			value.OfList([]value.Value{value.OfString("v"), value.OfString(words[r.IntN(len(words))])}[:r.IntN(3)]),
			value.OfFloat(r.NormFloat64()),
		}
		for j := range row[:len(row)-1] {
			if r.IntN(8) == 0 {
				row[j] = value.Value{}
			}
		}
		rows[i] = row
	}
	return value.BatchOf(schema, rows)
}

// cut is the table in batches of drawn sizes, some empty.
func cut(r *rand.Rand, b *value.Batch) []*value.Batch {
	var out []*value.Batch
	for at := 0; at < b.N; {
		n := min(r.IntN(20), b.N-at)
		out = append(out, part(b, at, n))
		at += n
	}
	return out
}

func part(b *value.Batch, at, n int) *value.Batch {
	rows := make([]int32, n)
	for i := range rows {
		rows[i] = int32(at + i)
	}
	out := &value.Batch{Schema: b.Schema, N: n}
	for _, c := range b.Columns {
		out.Columns = append(out.Columns, c.Take(rows))
	}
	return out
}

func step(kind, args string, columns ...string) Step {
	return Step{Kind: kind, Columns: columns, Args: json.RawMessage(args)}
}

// everything is a pipeline with every kind of step; TestEveryKind holds it to that.
func everything() []Step {
	return []Step{
		step("cross", `{"name": "twice"}`, "s", "c"),
		step("bag_of_words", `{"max_features": 4}`, "twice"),
		step("cross", `{"name": "pair"}`, "c", "b"),
		step("embedding", `{"table": {"late|true": [0.5, -1.0], "on|false": [0.25, 2.0]}, "unknown": [0.0, 3.0]}`, "pair"),
		step("hashing", `{"n": 4, "name": "h"}`, "words"),
		step("impute", `{"strategy": "median", "indicator": true}`, "x", "k"),
		step("impute", `{"strategy": "most_frequent"}`, "s"),
		step("clip", `{"quantiles": [0.05, 0.95]}`, "x"),
		step("standard", ``, "x"),
		step("cross", ``, "c", "b"),
		step("target_encode", ``, "c_x_b"),
		step("standard", ``, "c_x_b"),
		step("rename", `{"to": ["age"]}`, "y"),
		step("log1p", ``, "age"),
		step("robust", ``, "age"),
		step("bucketize", `{"quantiles": 4}`, "k"),
		step("min_max", ``, "k"),
		step("one_hot", `{"min_count": 2}`, "c"),
		step("count_encode", ``, "b"),
		step("date_parts", `{"parts": ["hour", "weekday"], "zone": "Europe/Berlin"}`, "t"),
		step("cyclic", `{"period": 24}`, "t_hour"),
		step("date_parts", `{"parts": ["month", "iso_week"]}`, "d"),
		step("ordinal", ``, "d_month"),
		step("tf_idf", `{"max_features": 5}`, "s"),
		step("expand", ``, "l", "m"),
		step("impute", `{"strategy": "constant", "value": 0.5}`, "l_*"),
		step("drop", ``, "b", "m_q"),
		step("select", ``, "age", "c_*", "h_*", "k", "k_missing", "l_*", "m_*", "pair_0", "s_*", "t_*", "twice_*", "x", "x_missing", "d_*", "c_x_b"),
	}
}

func TestEveryKind(t *testing.T) {
	for _, kind := range KindNames() {
		if !slices.ContainsFunc(everything(), func(s Step) bool { return s.Kind == kind }) {
			t.Errorf("no step is %s", kind)
		}
	}
}

func mustFit(t *testing.T, in value.Schema, steps []Step, target string, rows Rows) *Pipeline {
	t.Helper()
	p, err := Fit(context.Background(), in, steps, target, rows)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func marshalled(t *testing.T, p *Pipeline) string {
	t.Helper()
	data, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// However rows are cut, and however little is kept in memory, the same constants come out, and the same answers.
func TestFitDoesNotDependOnBatchesOrMemory(t *testing.T) {
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 1))
		table := drawn(r, 200)
		in := table.Schema[:len(table.Schema)-1]
		whole := mustFit(t, in, everything(), "label", RowsOf(table))
		want := marshalled(t, whole)
		pieces := cut(r, table)
		for _, memory := range []int{0, 1, 150, 250, 100_000} {
			p, err := fit(context.Background(), in, everything(), "label", RowsOf(pieces...), memory)
			if err != nil {
				t.Fatal(err)
			}
			if got := marshalled(t, p); got != want {
				t.Fatalf("seed %d, %d numbers kept:\n%s\nnot\n%s", seed, memory, got, want)
			}
		}
		again, err := Decode([]byte(want))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.EqualFunc(again.Columns(), whole.Columns(), func(a, b Column) bool { return fmt.Sprint(a) == fmt.Sprint(b) }) {
			t.Errorf("read back, columns are %v, not %v", again.Columns(), whole.Columns())
		}
		compareRows(t, seed, whole, again, table, pieces)
	}
}

func compareRows(t *testing.T, seed uint64, whole, again *Pipeline, table *value.Batch, pieces []*value.Batch) {
	t.Helper()
	out, err := whole.NewApplier().Apply(table)
	if err != nil {
		t.Fatal(err)
	}
	a, at := again.NewApplier(), 0
	for _, piece := range pieces {
		got, err := a.Apply(piece)
		if err != nil {
			t.Fatal(err)
		}
		for i := range piece.N {
			if value.CompareRows(got.Row(i), out.Row(at)) != 0 {
				t.Fatalf("seed %d, row %d is %v alone, %v among all", seed, at, got.Row(i), out.Row(at))
			}
			at++
		}
	}
}

// What Check says of columns is what Fit leaves, but for families.
func TestCheckForetellsColumns(t *testing.T) {
	table := drawn(rand.New(rand.NewPCG(1, 1)), 100)
	in := table.Schema[:len(table.Schema)-1]
	foretold, problems := Check(in, everything())
	if problems != nil {
		t.Fatal(problems)
	}
	fitted := mustFit(t, in, everything(), "label", RowsOf(table)).Columns()
	i := 0
	for _, c := range foretold {
		n := 0
		for ; i < len(fitted); i++ {
			f := fitted[i]
			if c.Family && !familyHas(c.Name, f.Name) || !c.Family && (n > 0 || f.Name != c.Name) {
				break
			}
			if !f.Type.Equal(c.Type) || f.Categorical != c.Categorical || !slices.Equal(f.From, c.From) {
				t.Errorf("%v was foretold, %v fitted", c, f)
			}
			n++
		}
		if n == 0 && c.Name != "m_*" {
			t.Errorf("%v was foretold, and is not among %v", c, fitted)
		}
	}
	if i < len(fitted) {
		t.Errorf("%v was not foretold", fitted[i])
	}
}

// Rows are read once for what can be learnt at once, and again for what is made of it.
func TestPasses(t *testing.T) {
	table := drawn(rand.New(rand.NewPCG(1, 1)), 50)
	for _, c := range []struct {
		steps []Step
		reads int
	}{
		{[]Step{step("log1p", ``, "x"), step("rename", `{"to": ["z"]}`, "x")}, 0},
		{[]Step{step("standard", ``, "x"), step("impute", `{"strategy": "median"}`, "y"), step("ordinal", ``, "c")}, 1},
		{[]Step{step("impute", `{"strategy": "median"}`, "x", "y"), step("standard", ``, "@numeric")}, 2},
		{[]Step{step("log1p", ``, "x"), step("standard", ``, "x")}, 1},
		{[]Step{step("one_hot", ``, "c"), step("standard", ``, "x")}, 2},
	} {
		reads := 0
		rows := func() iter.Seq2[*value.Batch, error] { reads++; return RowsOf(table)() }
		mustFit(t, table.Schema, c.steps, "", rows)
		if reads != c.reads {
			t.Errorf("%v: %d passes, want %d", c.steps, reads, c.reads)
		}
	}
}

// A row of training is encoded by the other folds alone, as by a plain computation; no step is told its own label.
func TestOutOfFold(t *testing.T) {
	const seed, folds = 3, 4
	table := drawn(rand.New(rand.NewPCG(5, 5)), 120)
	in := table.Schema[:len(table.Schema)-1]
	steps := []Step{step("target_encode", `{"smoothing": 2.0, "folds": 4, "seed": 3}`, "c")}
	p := mustFit(t, in, steps, "label", RowsOf(cut(rand.New(rand.NewPCG(1, 2)), table)...))
	o, err := p.OutOfFold()
	if err != nil {
		t.Fatal(err)
	}
	fold := split{folds, seed}.fold
	c, label := table.Column("c"), table.Column("label")
	used := map[int]int{}
	for at := 110; at >= 0; at -= 10 { // in any order
		got, err := o.Apply(part(table, at, 10), int64(at))
		if err != nil {
			t.Fatal(err)
		}
		for i := range got.N {
			row := at + i
			used[fold(int64(row))]++
			var sum, all, n, rows float64
			for j := range table.N {
				if fold(int64(j)) == fold(int64(row)) {
					continue
				}
				all, rows = all+label.Floats[j], rows+1
				if value.Equal(c.At(j), c.At(row)) {
					sum, n = sum+label.Floats[j], n+1
				}
			}
			want := (sum + 2*all/rows) / (n + 2)
			if x := got.Column("c").At(i); x.IsNull() || math.Abs(x.Float()-want) > 1e-12 {
				t.Errorf("row %d is %s, want %v", row, x, want)
			}
		}
	}
	for f := range folds {
		if used[f] < 15 {
			t.Errorf("fold %d has %d of 120 rows", f, used[f])
		}
	}
	label.Floats[7] += 100
	q := mustFit(t, in, steps, "label", RowsOf(table))
	if marshalled(t, p) == marshalled(t, q) {
		t.Error("a label that changed changed nothing")
	}
	if a, b := outOfFold(t, p, table, 7), outOfFold(t, q, table, 7); a != b {
		t.Errorf("row 7 is %v, and %v where its own label is another", a, b)
	}
}

func outOfFold(t *testing.T, p *Pipeline, table *value.Batch, row int) float64 {
	t.Helper()
	o, err := p.OutOfFold()
	if err != nil {
		t.Fatal(err)
	}
	out, err := o.Apply(part(table, row, 1), int64(row))
	if err != nil {
		t.Fatal(err)
	}
	return out.Column("c").Floats[0]
}

// A step behind an encoded label learns from what training rows get, not from what serving rows do.
func TestStepsBehindLearnOutOfFold(t *testing.T) {
	table := drawn(rand.New(rand.NewPCG(5, 5)), 100)
	in := table.Schema[:len(table.Schema)-1]
	encode := step("target_encode", ``, "c")
	p := mustFit(t, in, []Step{encode, step("standard", ``, "c")}, "label", RowsOf(table))
	o, err := mustFit(t, in, []Step{encode}, "label", RowsOf(table)).OutOfFold()
	if err != nil {
		t.Fatal(err)
	}
	out, err := o.Apply(table, 0)
	if err != nil {
		t.Fatal(err)
	}
	var sum float64
	for i := range out.N {
		sum += out.Column("c").Floats[i]
	}
	if got, want := p.units[1].op.(*scaling).Center, sum/100; math.Abs(got-want) > 1e-14 {
		t.Errorf("the mean is %v, want %v", got, want)
	}
	again, err := Decode([]byte(marshalled(t, p)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := again.OutOfFold(); !errors.Is(err, ErrNotFitted) {
		t.Errorf("read from a file it still knows folds: %v", err)
	}
}

func TestFitRefuses(t *testing.T) {
	for _, c := range []struct {
		columns []string
		steps   []Step
		target  string
		want    []string
	}{
		{[]string{"x float: null | null", "y int: null | null", "z int: 1 | 2"}, []Step{step("standard", ``, "@numeric")}, "", []string{"standard of x: it has no value", "standard of y"}},
		{[]string{"c string: null"}, []Step{step("one_hot", ``, "c")}, "", []string{"one_hot of c: it has no value"}},
		{[]string{"c string: null"}, []Step{step("impute", `{"strategy": "most_frequent"}`, "c")}, "", []string{"impute of c: it has no value"}},
		{[]string{"c string: a | b"}, []Step{step("one_hot", `{"min_count": 2}`, "c")}, "", []string{"no value comes 2 times"}},
		{[]string{"c string: a", "c_a int: 1"}, []Step{step("one_hot", ``, "c")}, "", []string{`two columns would be called "c_a"`, "rename"}},
		{[]string{"x float: 1e300 | -1e300 | 1e300"}, []Step{step("standard", ``, "x")}, "", []string{"too large"}},
		{[]string{"x float: 1 | 1"}, []Step{step("bucketize", `{"quantiles": 3}`, "x")}, "", []string{"all the same"}},
		{[]string{"c string: a"}, []Step{step("target_encode", ``, "c")}, "", []string{"fitted to the label"}},
		{[]string{"c string: a", "y string: b"}, []Step{step("target_encode", ``, "c")}, "y", []string{"the label is a string"}},
		{[]string{"c string: a", "y int: 1"}, []Step{step("target_encode", ``, "c")}, "y", []string{"too few rows"}},
		{[]string{"c string: null | null", "y int: 1 | 0"}, []Step{step("target_encode", ``, "c")}, "y", []string{"target_encode of c: it has no value"}},
		{[]string{"c string: a", "y int: 1"}, []Step{step("target_encode", ``, "c")}, "z", []string{`no column "z"`}},
		{[]string{"l list<int>: [] | null"}, []Step{step("expand", ``, "l")}, "", []string{"no element"}},
		{[]string{"s string: a | b"}, []Step{step("tf_idf", ``, "s")}, "", []string{"no word"}},
		{[]string{"x int: 1"}, []Step{step("standrad", ``, "x")}, "", []string{`no step is called "standrad"`}},
	} {
		table, err := ParseColumns(c.columns)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Fit(context.Background(), table.Schema, c.steps, c.target, RowsOf(table))
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q %v: %v, want %q", c.columns, c.steps, err, want)
			}
		}
	}
}

func TestFitStops(t *testing.T) {
	table := drawn(rand.New(rand.NewPCG(5, 5)), 10)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Fit(ctx, table.Schema, []Step{step("standard", ``, "x")}, "", RowsOf(table)); !errors.Is(err, context.Canceled) {
		t.Errorf("after Ctrl-C: %v", err)
	}
	broken := errors.New("a page is torn")
	rows := func() iter.Seq2[*value.Batch, error] {
		return func(yield func(*value.Batch, error) bool) { _ = yield(table, nil) && yield(nil, broken) }
	}
	if _, err := Fit(context.Background(), table.Schema, []Step{step("standard", ``, "x")}, "", rows); !errors.Is(err, broken) || !strings.Contains(err.Error(), "from 10 on") {
		t.Errorf("of rows that cannot be read: %v", err)
	}
}

// Sums, means and variances are those of exact arithmetic, rounded, but for a bit or two, also where the mean is large.
func TestMomentsAreNearlyExact(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	for _, offset := range []float64{0, 1e3, 1e9, 1e12} {
		m := moments{}
		sum, n := new(big.Float).SetPrec(2000), 1000
		var xs []*big.Float
		for range n {
			x := offset + r.NormFloat64()
			m.add(x)
			xs = append(xs, new(big.Float).SetPrec(2000).SetFloat64(x))
			sum.Add(sum, xs[len(xs)-1])
		}
		mean := new(big.Float).Quo(sum, big.NewFloat(float64(n)))
		squares := new(big.Float).SetPrec(2000)
		for _, x := range xs {
			d := new(big.Float).Sub(x, mean)
			squares.Add(squares, d.Mul(d, d))
		}
		wantMean, _ := mean.Float64()
		wantVariance, _ := squares.Quo(squares, big.NewFloat(float64(n))).Float64()
		gotMean, _ := m.mean()
		gotVariance, err := m.variance()
		if err != nil || math.Abs(gotMean-wantMean) > 4e-16*math.Abs(wantMean) || math.Abs(gotVariance-wantVariance) > 1e-15*wantVariance*max(1, offset*offset*1e-16) {
			t.Errorf("around %g: mean %v, variance %v, want %v, %v; %v", offset, gotMean, gotVariance, wantMean, wantVariance, err)
		}
	}
	constant := moments{}
	for range 1000 {
		constant.add(0.1)
	}
	if v, _ := constant.variance(); v != 0 {
		t.Errorf("the variance of a constant is %v", v)
	}
}
