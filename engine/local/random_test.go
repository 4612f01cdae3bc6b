package local_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/local"
	"github.com/bighead-ml/bighead/engine/oracle"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

var (
	seed  = flag.Uint64("seed", 1, "of the first random case")
	cases = flag.Int("cases", 400, "how many random cases are run")
	stop  = flag.Bool("stop", false, "stop at the first that fails")
)

// TestRandomCases draws definitions, events and spines, and compares this engine under drawn options with the oracle.
func TestRandomCases(t *testing.T) {
	for n := range *cases {
		s := *seed + uint64(n)
		if !t.Run(fmt.Sprintf("seed=%d", s), func(t *testing.T) { runCase(t, newDraw(s)) }) && (*stop || n > 20) {
			return
		}
	}
}

func runCase(t *testing.T, d *draw) {
	c := d.joined()
	for range 2 {
		o := d.options(t)
		checkCase(t, c, o)
	}
}

// case is a plan with what it reads.
type testCase struct {
	plan   *plan.Batch
	spine  *memory
	tables map[string]*memory
}

type memory struct {
	schema value.Schema
	rows   [][]value.Value
}

// table cuts the rows into batches at random and hands them out in a random order.
func (m *memory) table(r *rand.Rand) dataset.Table {
	rows := m.rows
	var batches []*value.Batch
	for len(rows) > 0 {
		n := 1 + r.IntN(len(rows))
		batches = append(batches, value.BatchOf(m.schema, rows[:n]))
		rows = rows[n:]
	}
	return dataset.Memory(m.schema, batches...)
}

func (c *testCase) inputs(r *rand.Rand) engine.Inputs {
	spine := dataset.Memory(c.spine.schema, value.BatchOf(c.spine.schema, c.spine.rows))
	return engine.Inputs{
		Spine: spine,
		Open: func(_ context.Context, p feature.Place, _ value.Schema) (dataset.Table, error) {
			m := c.tables[p.Path]
			if m == nil {
				return nil, fmt.Errorf("no table %q", p.Path)
			}
			return m.table(r), nil
		},
	}
}

type answer struct {
	rows   [][]value.Value
	report *engine.Report
}

func ask(e engine.Engine, c *testCase, in engine.Inputs) (*answer, error) {
	a := &answer{}
	rep, err := e.Run(context.Background(), c.plan, in, func(b *value.Batch) error {
		for i := range b.N {
			a.rows = append(a.rows, b.Row(i))
		}
		for i, o := range c.plan.Output {
			if b.Schema[i].Name != o.Name || b.Columns[i].N != b.N || !b.Columns[i].Type.Equal(o.Type) {
				return fmt.Errorf("column %d is %v, want %v", i, b.Schema[i], o)
			}
		}
		return nil
	})
	a.report = rep
	return a, err
}

func checkCase(t *testing.T, c *testCase, o local.Options) {
	t.Helper()
	type cell struct {
		row  int
		name string
	}
	events := map[cell][]agg.Event{}
	r := rand.New(rand.NewPCG(1, 1))
	want, wantErr := ask(oracle.Oracle{Aggregate: func(row int, v *plan.Value, es []agg.Event, asOf int64) value.Value {
		events[cell{row, v.Name}] = es
		return oracle.Plain(v, es, asOf)
	}}, c, c.inputs(r))
	got, gotErr := ask(local.New(o), c, c.inputs(r))
	if (wantErr != nil) != (gotErr != nil) {
		t.Fatalf("%+v: error %v, want %v\n%s", o, gotErr, wantErr, c)
	}
	if wantErr != nil {
		return
	}
	if len(got.rows) != len(want.rows) {
		t.Fatalf("%+v: %d rows, want %d\n%s", o, len(got.rows), len(want.rows), c)
	}
	values := map[string]*plan.Value{}
	for _, j := range c.plan.Joined() {
		for i := range j.Values {
			values[j.Values[i].Name] = &j.Values[i]
		}
	}
	loose := false // the promise lets a value be null on one side alone
	for n := range want.rows {
		for i, out := range c.plan.Output {
			w, g, v := want.rows[n][i], got.rows[n][i], values[out.Name]
			err := fmt.Errorf("%v and %v differ", w, g)
			if v != nil && v.Feature.Agg.Entity == false {
				in := value.Null
				if v.Feature.Input != nil {
					in = v.Feature.Input.Type()
				}
				p := v.Feature.Agg.Promise(in, v.Feature.Params)
				p.Default = v.Feature.Default
				err = p.Check(w, g, p.Scale(events[cell{n, out.Name}]))
			} else if value.Equal(w, g) {
				err = nil
			}
			loose = loose || !value.Equal(w, g) && (w.IsNull() != g.IsNull() || w.Kind() != value.KindFloat || v != nil && !v.Feature.Default.IsNull())
			if err != nil {
				t.Fatalf("%+v: row %d, %s: oracle and local: %v\nevents %v\n%s", o, n, out.Name, err, events[cell{n, out.Name}], c)
			}
		}
	}
	if !loose {
		checkReport(t, c, got.report, want.report)
	}
}

func checkReport(t *testing.T, c *testCase, got, want *engine.Report) {
	t.Helper()
	if got.SpineRows != want.SpineRows || got.Rows != want.Rows || fmt.Sprint(got.Dropped) != fmt.Sprint(want.Dropped) {
		t.Fatalf("report has %d of %d rows, dropped %v; want %d of %d, %v\n%s", got.Rows, got.SpineRows, got.Dropped, want.Rows, want.SpineRows, want.Dropped, c)
	}
	if fmt.Sprint(got.Months) != fmt.Sprint(want.Months) {
		t.Fatalf("months %v, want %v\n%s", got.Months, want.Months, c)
	}
	i := 0
	for _, j := range c.plan.Joined() {
		for range j.Values {
			g, w := *got.Values[i], *want.Values[i]
			if j.Scan.Source.ID != "" { // a key may have been seen in a copy alone, outside of the times that matter
				g.NoEvent, w.NoEvent = g.NoEvent+g.UnknownKey, w.NoEvent+w.UnknownKey
				g.UnknownKey, w.UnknownKey = 0, 0
			}
			if g != w {
				t.Fatalf("values %+v, want %+v\n%s", g, w, c)
			}
			i++
		}
	}
}

func (c *testCase) String() string {
	var b strings.Builder
	fmt.Fprintln(&b, c.plan)
	print := func(name string, m *memory) {
		fmt.Fprintf(&b, "%s %v\n", name, m.schema.Names())
		for i, r := range m.rows {
			fmt.Fprintln(&b, "  ", i, r)
		}
	}
	print("spine", c.spine)
	for name, m := range c.tables {
		print(name, m)
	}
	return b.String()
}

// draw makes everything of one seed.
type draw struct {
	*rand.Rand
	seed  uint64
	keyed []value.Type
	wild  bool // the rows drawn have many extreme numbers
}

func newDraw(seed uint64) *draw {
	d := &draw{Rand: rand.New(rand.NewPCG(seed, 77)), seed: seed}
	d.keyed = [][]value.Type{{value.Int}, {value.String}, {value.String, value.Int}, {value.Date, value.Bool}}[d.IntN(4)]
	return d
}

func (d *draw) chance(of int) bool { return d.IntN(of) == 0 }

func (d *draw) options(t *testing.T) local.Options {
	o := local.Options{Threads: 1 + d.IntN(3), Buckets: 1 << d.IntN(4), BatchRows: []int{0, 1, 3, 64, 1000}[d.IntN(5)], Texts: []int{0, 0, 3}[d.IntN(3)]}
	if d.chance(3) {
		o.Memory, o.TempDir = 1+d.Int64N(20_000), t.TempDir()
	}
	return o
}

const day0 = 1704067200000 // 2024-01-01

// time lies within two weeks, mostly on round steps, so that it meets edges and other times.
func (d *draw) time() int64 {
	step := []int64{1000, 60_000, 3_600_000, 3_600_000, 6 * 3_600_000, value.DayMS}[d.IntN(6)]
	return day0 + d.Int64N(14*value.DayMS/step)*step + []int64{0, 0, 0, 1, -1}[d.IntN(5)]
}

func (d *draw) cell(t value.Type, nulls int) value.Value {
	if nulls > 0 && d.chance(nulls) {
		return value.Value{}
	}
	switch t.Kind {
	case value.KindBool:
		return value.OfBool(d.chance(2))
	case value.KindInt:
		if d.wild && d.chance(2) || d.chance(20) {
			return value.OfInt([]int64{-1 << 63, 1<<63 - 1, 1 << 62}[d.IntN(3)])
		}
		return value.OfInt(d.Int64N(9) - 3)
	case value.KindFloat:
		if d.chance(25) {
			return value.OfFloat([]float64{1e300, -1e300, 1e-300, 1e16}[d.IntN(4)])
		}
		return value.OfFloat(float64(d.IntN(41)-20) / 8)
	case value.KindString:
		return value.OfString([]string{"a", "b", "c", "dd", "", "é"}[d.IntN(6)])
	case value.KindBytes:
		return value.OfBytes([]byte{byte(d.IntN(3))})
	case value.KindTimestamp:
		return value.OfTimestamp(d.time())
	case value.KindDate:
		return value.OfDate(19723 + d.Int64N(10))
	}
	return value.OfList([]value.Value{value.OfInt(d.Int64N(3))})
}

func (d *draw) key(t value.Type, nulls int) value.Value {
	if nulls > 0 && d.chance(nulls) {
		return value.Value{}
	}
	switch t.Kind {
	case value.KindInt:
		return value.OfInt(d.Int64N(5) * 1000)
	case value.KindString:
		return value.OfString([]string{"k1", "k2", "k", ""}[d.IntN(4)])
	case value.KindDate:
		return value.OfDate(d.Int64N(3))
	}
	return value.OfBool(d.chance(2))
}

var inputColumns = value.Schema{
	{Name: "b", Type: value.Bool}, {Name: "i", Type: value.Int}, {Name: "f", Type: value.Float}, {Name: "s", Type: value.String},
	{Name: "y", Type: value.Bytes}, {Name: "t", Type: value.Timestamp}, {Name: "d", Type: value.Date}, {Name: "l", Type: value.ListOf(value.Int)},
}

func must(e *expr.Expr, errs expr.Errors) *expr.Expr {
	if len(errs) > 0 {
		panic(errs)
	}
	return e
}

func exprOf(text string, s value.Schema) (*expr.Expr, expr.Errors) { return expr.Check(text, s) }

// source draws a source and its rows.
func (d *draw) source(name string) (*feature.Source, *memory) {
	s := &feature.Source{Name: name, Place: feature.Place{Path: name}, Kind: feature.RowKind(max(0, d.IntN(5)-2))}
	for i, k := range d.keyed {
		n := fmt.Sprint("k", i)
		s.Schema = append(s.Schema, value.Field{Name: n, Type: k})
		s.Keys = append(s.Keys, n)
	}
	s.Schema = append(s.Schema, value.Field{Name: "ts", Type: value.Timestamp}, value.Field{Name: "id", Type: []value.Type{value.Int, value.String, value.Float}[d.IntN(3)]},
		value.Field{Name: "known", Type: value.Timestamp}, value.Field{Name: "gone", Type: value.Bool}, value.Field{Name: "ds", Type: []value.Type{value.Date, value.String}[d.IntN(2)]}, value.Field{Name: "o", Type: value.Int})
	s.Schema = append(s.Schema, inputColumns...)
	column := func(text string) *expr.Expr { return must(expr.Check(text, s.Schema)) }
	if d.chance(3) {
		s.Delay = []int64{1, 1000, 3_600_000, value.DayMS}[d.IntN(4)]
	}
	if d.chance(3) {
		s.Where = column([]string{"i > 0", "b", "f < 1.5 or s = 'a'", "i div (i - 1) >= 0"}[d.IntN(4)])
	}
	if d.chance(3) {
		s.OrderBy = append(s.OrderBy, column("o"))
		if d.chance(2) {
			s.OrderBy = append(s.OrderBy, column([]string{"s", "-i"}[d.IntN(2)]))
		}
	}
	if s.Kind == feature.Snapshots {
		s.Snapshot = "ds"
		return s, d.rows(s)
	}
	if s.Kind != feature.Entities || !d.chance(3) {
		s.Time = column([]string{"ts", "ts", "ts + interval '1 second'"}[d.IntN(3)])
	}
	if d.chance(3) {
		s.KnownAt = column([]string{"known", "coalesce(known, ts)"}[d.IntN(2)])
	}
	if s.Kind == feature.Entities && d.chance(2) {
		s.Deleted = "gone"
	}
	if s.Kind == feature.Events && d.chance(3) {
		s.ID = "id"
	}
	return s, d.rows(s)
}

func (d *draw) rows(s *feature.Source) *memory {
	m := &memory{schema: s.Schema}
	d.wild = d.chance(3)
	for range d.IntN([]int{3, 30, 200}[d.IntN(3)]) {
		row := make([]value.Value, len(s.Schema))
		for i, f := range s.Schema {
			switch {
			case f.Name[0] == 'k' && f.Name != "known":
				row[i] = d.key(f.Type, 30)
			case f.Name == "ts":
				row[i] = d.cell(f.Type, 30)
			case f.Name == "known":
				if ts := row[s.Schema.Index("ts")]; !ts.IsNull() && !d.chance(20) {
					row[i] = value.OfTimestamp(ts.Int() + []int64{0, 0, 1, -1, 3_600_000, 3 * value.DayMS, -value.DayMS}[d.IntN(7)])
				}
			case f.Name == "id" && f.Type.Kind == value.KindInt:
				row[i] = value.OfInt(d.Int64N(1000))
			case f.Name == "ds" && f.Type.Kind == value.KindString:
				row[i] = value.OfString([]string{"2024-01-03", "2024-01-05", "2024-01-05-07", "x", "2024-01-10-23"}[d.IntN(5)])
			case f.Name == "ds":
				row[i] = value.OfDate(19723 + 2*d.Int64N(5))
			default:
				row[i] = d.cell(f.Type, 8)
			}
		}
		m.rows = append(m.rows, row)
		if len(m.rows) > 1 && d.chance(6) { // a copy, or nearly one
			again := append([]value.Value(nil), m.rows[d.IntN(len(m.rows))]...)
			for range d.IntN(3) {
				i := d.IntN(len(again))
				if n := s.Schema[i].Name; n != "ts" && n != "id" || d.chance(4) {
					again[i] = row[i]
				}
			}
			m.rows = append(m.rows, again)
		}
	}
	return m
}

// joined is a view of one to three groups over drawn sources, sometimes a training set with labels.
func (d *draw) joined() *testCase {
	c := &testCase{tables: map[string]*memory{}}
	v := &feature.View{Name: "v"}
	for i, k := range d.keyed {
		v.Keys = append(v.Keys, feature.Key{Name: fmt.Sprint("k", i), Type: k})
	}
	var on []string
	for _, k := range v.Keys {
		on = append(on, k.Name)
	}
	var sources []*feature.Source
	for g := range 1 + d.IntN(3) {
		var s *feature.Source
		if len(sources) > 0 && d.chance(3) {
			s = sources[0]
		} else {
			var m *memory
			s, m = d.source(fmt.Sprint("s", g))
			c.tables[s.Name] = m
			sources = append(sources, s)
		}
		group := &feature.Group{Name: fmt.Sprint("g", g), Source: s, Keys: v.Keys}
		v.Joins = append(v.Joins, feature.Join{Group: group, Prefix: group.Name, On: on})
		for i := range 1 + d.IntN(4) {
			f := d.feature(fmt.Sprint("x", i), s)
			if f == nil {
				continue
			}
			group.Features = append(group.Features, f)
			v.Columns = append(v.Columns, feature.ViewColumn{Name: group.Name + "__" + f.Name, Type: f.Type, Kind: feature.FeatureColumn, Join: g, Feature: f})
		}
	}
	c.spine = d.spine(v)
	if d.chance(2) {
		c.plan = plan.ForView(v, value.Schema{{Name: "row", Type: value.Int}})
	} else {
		c.plan = d.trainingSet(v, sources)
	}
	return c
}

func (d *draw) trainingSet(v *feature.View, sources []*feature.Source) *plan.Batch {
	spine := value.Schema{{Name: "row", Type: value.Int}, {Name: "at", Type: value.Timestamp}, {Name: "y", Type: value.Int}}
	t := &feature.TrainingSet{Name: "t", View: v, KeepNull: d.chance(3)}
	for _, k := range v.Keys {
		spine = append(spine, value.Field{Name: k.Name, Type: k.Type})
	}
	t.Spine = feature.Spine{Schema: spine, At: must(expr.Check("at", spine)), Keep: []string{"row"}}
	for _, k := range v.Keys {
		t.Spine.Columns = append(t.Spine.Columns, feature.SpineColumn{Name: k.Name, Expr: must(expr.Check(k.Name, spine))})
	}
	if d.chance(3) {
		t.Spine.Where = must(expr.Check("row % 3 <> 1", spine))
	}
	if d.chance(3) {
		t.Spine.Sample, t.Spine.SampleBy = 0.5, []string{"row"}
	}
	if d.chance(2) {
		from, to := d.time(), d.time()
		t.Start, t.End = &from, &to
	}
	if d.chance(2) {
		t.Labels = append(t.Labels, feature.Label{Name: "ly", Expr: must(expr.Check("y > 2", spine))})
	}
	if d.chance(2) {
		t.LabelTime = must(expr.Check("at + interval '1 hour'", spine))
	}
	for i := range d.IntN(3) {
		s := sources[d.IntN(len(sources))]
		if s.Kind != feature.Events {
			continue
		}
		f := d.feature(fmt.Sprint("label", i), s)
		if f == nil {
			continue
		}
		var on []string
		for _, k := range v.Keys {
			on = append(on, k.Name)
		}
		within := []int64{1, 3_600_000, 2 * value.DayMS}[d.IntN(3)]
		f.Window = feature.Window{Size: within}
		t.Labels = append(t.Labels, feature.Label{Name: f.Name, Feature: f, Source: s, Keys: v.Keys, On: on, Within: within})
	}
	return plan.ForTrainingSet(t)
}

func (d *draw) spine(v *feature.View) *memory {
	m := &memory{schema: value.Schema{{Name: "row", Type: value.Int}, {Name: "at", Type: value.Timestamp}, {Name: "y", Type: value.Int}}}
	for _, k := range v.Keys {
		m.schema = append(m.schema, value.Field{Name: k.Name, Type: k.Type})
	}
	for i := range d.IntN([]int{2, 20, 100}[d.IntN(3)]) {
		row := []value.Value{value.OfInt(int64(i)), value.OfTimestamp(d.time()), d.cell(value.Int, 4)}
		if d.chance(2000) {
			row[1] = value.Value{}
		}
		for _, k := range v.Keys {
			row = append(row, d.key(k.Type, 20))
		}
		m.rows = append(m.rows, row)
	}
	return m
}

// feature draws an aggregation over a source; nil where the draw makes none.
func (d *draw) feature(name string, s *feature.Source) *feature.Feature {
	f := &feature.Feature{Name: name}
	all := agg.All()
	f.Agg = all[d.IntN(len(all))]
	for f.Agg.Entity != (s.Kind != feature.Events) {
		f.Agg = all[d.IntN(len(all))]
	}
	in := value.Null
	if !(f.Agg.Input.Need == agg.Optional && d.chance(2)) {
		c := inputColumns[d.IntN(len(inputColumns))]
		text := c.Name
		if c.Type.Kind == value.KindInt && d.chance(3) {
			text = "i + 1"
		}
		f.Input = must(expr.Check(text, s.Schema))
		in = c.Type
		if !f.Agg.Input.Allows(in) {
			return nil
		}
	}
	args := d.args(f.Agg)
	if f.Agg.Entity == false {
		if d.chance(4) {
			f.By, args.By = "s", new(value.String)
			if d.chance(3) {
				args.ByMax = new(1 + d.IntN(3))
			}
		}
		if d.chance(3) {
			f.Where = must(expr.Check([]string{"b", "i >= 0", "o = 1 or f > 0.0"}[d.IntN(3)], s.Schema))
		}
	}
	var err error
	if f.Type, f.Params, err = f.Agg.Check(in, f.Input != nil, args); err != nil {
		panic(err)
	}
	f.Window = d.window(s)
	if d.chance(4) && f.Type.Ordered() {
		f.Default = d.cell(f.Type, 0)
	}
	return f
}

func (d *draw) args(a *agg.Aggregation) (args agg.Args) {
	for _, p := range a.Params {
		switch p.Name {
		case "k":
			args.K = new(1 + d.IntN(4))
		case "q":
			args.Q = new(float64(d.IntN(5)) / 4)
		case "max":
			args.Max = new(1 + d.IntN(5))
		case "lg_k":
			args.LgK = new([]int{8, 12, 16}[d.IntN(3)])
		case "sample":
			args.Sample = d.chance(2)
		}
	}
	return args
}

func (d *draw) window(s *feature.Source) feature.Window {
	w := feature.Window{}
	if d.chance(4) {
		w.Offset = []int64{1, 3_600_000, value.DayMS}[d.IntN(3)]
	}
	w.Daily = d.chance(8)
	if s.Kind != feature.Events || d.chance(4) {
		w.Unbounded = true
		return w
	}
	w.Size = []int64{1, 1000, 3_600_000, 6 * 3_600_000, value.DayMS, 3 * value.DayMS, 7 * value.DayMS}[d.IntN(7)]
	switch d.IntN(4) {
	case 0:
		w.Tumbling = true
		if d.chance(2) {
			w.Origin = 345600000 // a Monday
		}
	case 1:
		for _, r := range []int64{value.DayMS, 3_600_000, 60_000, 1000} {
			if w.Size%r == 0 && d.chance(2) {
				w.Resolution = r
				break
			}
		}
	}
	return w
}
