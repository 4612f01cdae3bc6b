package serve_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/enginetest"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/servetest"
	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/value"
)

const referenceDefinitions = `
columns = {"k": bh.String, "n": bh.Int, "x": bh.Float, "i": bh.Int, "s": bh.String, "b": bh.Bool, "o": bh.Int, "known": bh.Timestamp}
e = bh.EventSource("e", columns=columns, time="ts", order_by="o", delay="90s", lateness="1h")
f = bh.EventSource("f", columns=columns, time="ts", lateness="2h", where="i is null or i <> 3")
c = bh.EventSource("c", columns=columns, time="ts", known_at="known", lateness="3h")
def features():
    return [
        bh.sum("x", windows=["1h", "1d", "7d"]), bh.count(windows=["90s", "10m", "6h"]), bh.max("x"), bh.sum("i"), bh.count(name="all"),
        bh.avg("x", windows=["2d"], offset="1d", name="before"), bh.sum("i", windows=["7d"], tumbling=True, name="week"),
        bh.min("s", windows=["1d"], tumbling=True, origin="1970-01-01T05:00:00Z", name="five", default="none"),
        bh.sum("i", windows=["3d"], refresh="daily", name="daily"), bh.sum("x", windows=["45m"], resolution="5m", name="own"),
        bh.sum("x", windows=["7s", "90m"], resolution="exact", name="exact"), bh.last("x", offset="2h", name="then"),
        bh.last_k("s", k=3, windows=["2h"]), bh.last_row("s", windows=["2h"], resolution="exact", name="row"), bh.first("i", windows=["1d"]),
        bh.count("i", windows=["1d"], where="x > 0", name="where", by="s"), bh.count("i", windows=["3h"], resolution="exact", where="x > 0", name="xwhere", by="s"),
        bh.time_since_last("b", windows=["1d"]), bh.time_since_first(), bh.stddev("x", windows=["1d"]), bh.approx_quantile("x", q=0.5, windows=["1d"]),
        bh.count_distinct("s", windows=["1d"], max=3), bh.histogram("s", k=2, windows=["1d"]), bh.avg("b", windows=["1d"], default=0.5),
    ]
ge = bh.FeatureGroup("ge", source=e, deadline="10m", keys=["k"], features=features())
gf = bh.FeatureGroup("gf", source=f, deadline="10m", keys=["k", "n"], features=features())
gc = bh.FeatureGroup("gc", source=c, deadline="10m", keys=["n"], features=features())
p = bh.EntitySource("p", columns={"n": bh.Int, "make": bh.String, "year": bh.Int, "gone": bh.Bool, "o": bh.Int}, keys=["n"], time="ts", deleted="gone", order_by="o", delay="30s")
gp = bh.FeatureGroup("gp", source=p, deadline="10m", features=[bh.latest("make"), bh.latest("year", default=1900), bh.latest("year", offset="2h", name="old")])
q = bh.EntitySource("q", columns={"k": bh.String, "size": bh.Int}, keys=["k"])
gq = bh.FeatureGroup("gq", source=q, deadline="10m", features=[bh.latest("size")])
v = bh.FeatureView("v", groups=[ge, gf, gc, gp, gq, gp.on(n="m").prefix("other")], request={"amount": bh.Float, "m": bh.optional(bh.Int)},
    derive={"twice": "amount * 2 + coalesce(ge__x_sum_1h, 0)", "share": "ge__count_90s / twice", "late": "extract(hour from at)"})
`

// world is random rows of every source of a project.
type world struct {
	project *feature.Project
	rows    map[string][][]value.Value // by source
	now     int64
}

func draw(r *rand.Rand, p *feature.Project, now int64) *world {
	w := &world{project: p, rows: map[string][][]value.Value{}, now: now}
	for _, s := range p.Sources {
		for range 50 + r.IntN(400) {
			w.rows[s.Name] = append(w.rows[s.Name], w.row(r, s))
		}
	}
	return w
}

func (w *world) row(r *rand.Rand, s *feature.Source) []value.Value {
	row := make([]value.Value, len(s.Schema))
	back := []int64{100, 20_000, 7_200_000, value.DayMS, 9 * value.DayMS, 40 * value.DayMS}[r.IntN(6)]
	ts := w.now - 1 - r.Int64N(back)
	if r.IntN(4) == 0 {
		ts = value.Floor(ts, []int64{1000, 60_000, 3_600_000, value.DayMS}[r.IntN(4)])
	}
	if r.IntN(40) == 0 {
		ts = w.now + 1 + r.Int64N(3) // not yet
	}
	for i, f := range s.Schema {
		switch {
		case f.Name == "ts":
			row[i] = value.OfTimestamp(ts)
		case f.Name == "known":
			row[i] = value.OfTimestamp(ts + r.Int64N(3)*r.Int64N(400_000))
		case f.Name == "gone":
			row[i] = value.OfBool(r.IntN(4) == 0)
		case f.Name == "k":
			row[i] = value.OfString(string(rune('a' + r.IntN(3))))
		case f.Name == "n":
			row[i] = value.OfInt(r.Int64N(3))
		case r.IntN(6) == 0: // null
		default:
			row[i] = drawn(r, f.Type)
		}
	}
	return row
}

func drawn(r *rand.Rand, t value.Type) value.Value {
	switch t.Kind {
	case value.KindBool:
		return value.OfBool(r.IntN(2) == 0)
	case value.KindInt:
		return value.OfInt(r.Int64N(9) - 4)
	case value.KindFloat:
		return value.OfFloat(float64(r.IntN(2000)-1000) / 8)
	}
	return value.OfString([]string{"", "x", "y", "zebra", "ö"}[r.IntN(5)])
}

// inputs are the tables of the world.
func (w *world) inputs() engine.Inputs {
	return engine.Inputs{Open: func(_ context.Context, at feature.Place, schema value.Schema) (dataset.Table, error) {
		rows, ok := w.rows[at.Path]
		if !ok {
			return nil, fmt.Errorf("no rows of %q", at.Path)
		}
		return enginetest.NewTable(schema, enginetest.Part{Rows: rows}), nil
	}}
}

// TestAnswersAreTheOracles fills a store with random events under random marks, and demands of every value that it is the oracle's by the
// contract's promise.
func TestAnswersAreTheOracles(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 2))
	p := servetest.Definitions(t, referenceDefinitions)
	seen := map[serve.Status]int{}
	const wanted = 100 // values of each status, of which twelve worlds have three hundred at least as a rule
	statuses := []serve.Status{serve.Present, serve.Empty, serve.Default}
	few := func(s serve.Status) bool { return seen[s] < wanted }
	for n := 0; n < 12 || n < 120 && slices.ContainsFunc(statuses, few); n++ {
		w := draw(r, p, 1_700_000_000_000+r.Int64N(10*value.DayMS))
		checkWorld(t, r, w, seen)
	}
	for _, s := range statuses {
		if few(s) {
			t.Errorf("only %d values are %s", seen[s], s)
		}
	}
}

func checkWorld(t *testing.T, r *rand.Rand, w *world, seen map[serve.Status]int) {
	t.Helper()
	st := servetest.NewStore()
	for _, g := range w.project.Groups {
		m, roll := plan.NoMarks, int64(plan.MinTime)
		s := plan.SpaceOf(g)
		switch {
		case s.Replaced():
			m.Generation = 1 + r.Int64N(5)
		case r.IntN(2) == 0:
			m.Batch = value.Floor(w.now, value.DayMS) - r.Int64N(12)*value.DayMS
		case r.IntN(2) == 0:
			roll = s.RollEnd(w.now) - r.Int64N(3)*value.DayMS
		}
		servetest.Fill(t, st, g, w.rows[g.Source.Name], w.now, m, roll)
	}
	v := w.project.Views[0]
	server := open(t, st, w.project.Views, serve.Options{Clock: func() int64 { return w.now }, Deadline: time.Hour})
	schema, rows, asked := requests(r, plan.ForServe(v).Asked, w.now)
	got, err := server.Features(t.Context(), serve.Request{View: "v", Rows: asked})
	if err != nil {
		t.Fatal(err)
	}
	if got.At != w.now {
		t.Fatalf("at %d, the clock says %d", got.At, w.now)
	}
	b := plan.ForView(v, nil)
	in := w.inputs()
	in.Spine = enginetest.NewTable(schema, enginetest.Part{Rows: rows})
	j, err := enginetest.NewJudge(t.Context(), b, in, schema, rows)
	if err != nil {
		t.Fatal(err)
	}
	a := &enginetest.Answer{Schema: j.Want.Schema, Report: j.Want.Report}
	for i := range got.Rows {
		if got.Rows[i].Problem != nil {
			t.Fatalf("row %d: %v", i, got.Rows[i].Problem)
		}
		row := make([]value.Value, len(a.Schema))
		for c, f := range a.Schema {
			for k, name := range got.Features {
				if name == f.Name {
					row[c] = got.Rows[i].Values[k]
				}
			}
			if k := schema.Index(f.Name); k >= 0 {
				row[c] = rows[i][k]
			}
		}
		a.Rows = append(a.Rows, row)
		for _, s := range got.Rows[i].Statuses {
			seen[s]++
		}
	}
	for _, d := range j.Compare(a) {
		t.Errorf("at %s, row %v: %s", value.FormatTimestamp(w.now), rows[max(0, d.Row-1)], d)
	}
	if t.Failed() {
		t.FailNow()
	}
}

// requests draws rows of a view's keys and fields, as a spine and as a request.
func requests(r *rand.Rand, asked []feature.Key, at int64) (value.Schema, [][]value.Value, []serve.Row) {
	schema := value.Schema{}
	for _, k := range asked {
		schema = append(schema, value.Field{Name: k.Name, Type: k.Type})
	}
	schema = append(schema, value.Field{Name: "at", Type: value.Timestamp})
	var rows [][]value.Value
	var out []serve.Row
	for range 1 + r.IntN(12) {
		row := make([]value.Value, len(schema))
		for i, f := range schema {
			switch {
			case f.Name == "at":
				row[i] = value.OfTimestamp(at)
			case r.IntN(8) == 0:
			case f.Name == "k":
				row[i] = value.OfString(string(rune('a' + r.IntN(4))))
			case f.Name == "n" || f.Name == "m":
				row[i] = value.OfInt(r.Int64N(4))
			default:
				row[i] = drawn(r, f.Type)
			}
		}
		rows, out = append(rows, row), append(out, serve.Row{Values: row[:len(asked)]})
	}
	return schema, rows, out
}

func open(t testing.TB, st store.Store, views []*feature.View, o serve.Options) *serve.Server {
	t.Helper()
	s, err := serve.Open(context.Background(), views, st, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}
