package audit

import (
	"context"
	"testing"

	"github.com/bighead-ml/bighead/agg/tile"
	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/serve/servetest"
	"github.com/bighead-ml/bighead/value"
)

// summing is an engine that answers every column with the sum of the source's x.
type summing struct{}

func (summing) Name() string { return "summing" }

func (summing) Run(ctx context.Context, p *plan.Batch, in engine.Inputs, out func(*value.Batch) error) (*engine.Report, error) {
	s := p.Joins[0].Scan.Source
	t, err := in.Open(ctx, s.Place, s.Schema)
	if err != nil {
		return nil, err
	}
	sum := int64(0)
	if err := eachBatch(ctx, t, dataset.Scan{Columns: []string{"x"}}, func(b *value.Batch) error {
		for i := range b.N {
			sum += b.Columns[0].At(i).Int()
		}
		return nil
	}); err != nil {
		return nil, err
	}
	row := make([]value.Value, len(p.Output))
	schema := make(value.Schema, len(p.Output))
	for i, o := range p.Output {
		row[i], schema[i] = value.OfInt(sum), value.Field{Name: o.Name, Type: value.Int}
	}
	return &engine.Report{}, out(value.BatchOf(schema, [][]value.Value{row}))
}

// TestWhatFlinkMayHaveRead serves sums of rows of which any two sums differ: two were committed, and of the others some may have been read.
func TestWhatFlinkMayHaveRead(t *testing.T) {
	const at, start = 1_700_003_600_000, 1_700_000_000_000
	p := servetest.Definitions(t, `
e = bh.EventSource("e", columns={"k": bh.String, "x": bh.Int}, time="ts")
g = bh.FeatureGroup("g", source=e, keys=["k"], features=[bh.sum("x", windows=["2h"])])
v = bh.FeatureView("v", groups=[g])
`)
	evidenceOf := func(late int, places ...[2]int64) *evidence {
		a := newAuditor(&Task{Few: summing{}}, p.Views[0], &Report{})
		e := &evidence{a: a, past: &Past{GoneBefore: plan.MinTime}, all: &keyRows{}, plan: a.planOf(0, func(string) bool { return true }),
			vector: &vector{asked: []value.Value{value.OfString("a")}, at: at, values: make([]value.Value, 1)},
			read:   &feature.ServedRead{At: at, Batch: plan.MinTime, Applied: tile.Positions{{Partition: plan.Folded}, {Partition: 0, Offset: 0}, {Partition: 1, Offset: 0}}}}
		s := e.plan.join.Scan.Source
		for i, place := range places {
			cells := make([]value.Value, len(s.Schema))
			cells[s.Schema.Index("k")], cells[s.Schema.Index("x")] = value.OfString("a"), value.OfInt(1<<i)
			ts := int64(start + i)
			cells[s.Schema.Index("ts")] = value.OfTimestamp(ts)
			e.all.add(&pastRow{cells: cells, ts: ts, due: ts, logged: true, arrival: ts + 1, partition: int32(place[0]), offset: place[1], tooLate: i == late})
		}
		return e
	}
	few := [][2]int64{{0, 0}, {1, 0}, {0, 1}, {0, 2}, {1, 1}}
	many := append(few, [2]int64{0, 3}, [2]int64{0, 4}, [2]int64{0, 5}, [2]int64{0, 6}, [2]int64{0, 7})
	for _, c := range []struct {
		name   string
		places [][2]int64
		late   int
		served int64
		found  bool
		class  Class // where none is found
	}{
		{"what was committed", few, -1, 1 + 2, true, ""},
		{"one row on", few, -1, 1 + 2 + 4, true, ""},
		{"rows of both partitions on", few, -1, 1 + 2 + 4 + 8 + 16, true, ""},
		{"one tile newer than another", few, -1, 1 + 2 + 8, true, ""},
		{"a row was committed and is not in", few, -1, 2 + 4, false, Skew},
		{"a row that came late is in, or is not", few, 1, 1 + 4, true, ""},
		{"no rows give it", few, -1, 1 << 20, false, Skew},
		{"many rows on", many, -1, 1<<9 - 1, true, ""},
		{"many rows on, and none give it", many, -1, 1 << 20, false, Late},
	} {
		e := evidenceOf(c.late, c.places...)
		pv := &e.plan.join.Values[0]
		e.vector.values[0] = value.OfInt(c.served)
		s, all, err := e.folded(t.Context(), pv, 0)
		if err != nil || (s != nil) != c.found {
			t.Errorf("%s: found %v, %v", c.name, s, err)
			continue
		}
		sum := int64(0)
		if s != nil {
			for _, r := range s.rows {
				sum += r.cells[e.plan.join.Scan.Source.Schema.Index("x")].Int()
			}
			if sum != c.served {
				t.Errorf("%s: the rows that were found sum up to %d, not to %d", c.name, sum, c.served)
			}
		} else if class, why := e.unexplained(pv, "", all); class != c.class {
			t.Errorf("%s: %s, %s", c.name, class, why)
		}
	}
}
