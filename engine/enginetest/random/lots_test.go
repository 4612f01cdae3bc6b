package random

import (
	"context"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/enginetest"
	"github.com/bighead-ml/bighead/engine/enginetest/script"
	"github.com/bighead-ml/bighead/engine/oracle"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// TestRandomCasesOfManyLots asks by one plan about many lots. That the oracle's answer to each is the same alone and among the others is an
// error of Run where it is not so.
func TestRandomCasesOfManyLots(t *testing.T) {
	n := *cases / 20
	r, err := Run(t.Context(), Options{Seed: *seed, Cases: n, Lots: 10, Roads: []Road{Local(t.TempDir()), Tiles()}, Workers: runtime.GOMAXPROCS(0), Failures: 3})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Failures {
		t.Errorf("%s", f)
	}
	t.Logf("seeds %d to %d: %d definitions, %d lots gave rows\n%s", *seed, *seed+uint64(r.Cases)-1, r.Cases, r.Pairs, r.Stats)
	if r.Pairs < 8*n {
		t.Errorf("%d lots of %d gave rows", r.Pairs, 10*n)
	}
	if n >= 50 && r.Stats.Share() < 0.35 {
		t.Errorf("only %.0f %% of the values are not empty", 100*r.Stats.Share())
	}
}

// TestTheFirstLotIsTheCaseOfItsSeed holds the lots of a seed to New, but for what is made alike.
func TestTheFirstLotIsTheCaseOfItsSeed(t *testing.T) {
	for n := range uint64(50) {
		c, lots := New(*seed+n), lotsOf(*seed+n, 4)
		again := lotsOf(*seed+n, 4)
		for i := range lots {
			a, err := lots[i].Script(t.Context())
			b, again := again[i].Script(t.Context())
			if err != nil || again != nil || a != b {
				t.Fatalf("seed %d, lot %d is drawn otherwise the second time: %v %v\n%s\n%s", c.Seed, i, err, again, a, b)
			}
		}
		for name, d := range c.Tables {
			if got := lots[0].Tables[name].Rows(); got < d.Rows() || got > d.Rows() && !made(lots[0], name) {
				t.Errorf("seed %d: %d rows of %s, its case has %d", c.Seed, got, name, d.Rows())
			}
		}
	}
}

// made tells whether rows were added to a table.
func made(c *Case, source string) bool {
	for i := range c.Defs.Sources {
		if s := &c.Defs.Sources[i]; s.Name.Value == source {
			return s.Snapshot != nil || c.labels(i)
		}
	}
	return false
}

// neighbours is the oracle, but it answers two rows that follow each other and ask of different lots with each other's values.
type neighbours struct{}

func (neighbours) Name() string { return "neighbours" }

func (neighbours) Run(ctx context.Context, p *plan.Batch, in engine.Inputs, out func(*value.Batch) error) (*engine.Report, error) {
	return oracle.Oracle{}.Run(ctx, p, in, func(b *value.Batch) error {
		rows := make([][]value.Value, b.N)
		for i := range rows {
			rows[i] = b.Row(i)
		}
		if n := len(rows); p.Group != nil && n > 2 {
			rows[0], rows[n-1] = rows[n-1], rows[0]
		}
		return out(value.BatchOf(b.Schema, rows))
	})
}

// TestADifferenceNamesItsLot breaks roads in a value and in a row's place.
func TestADifferenceNamesItsLot(t *testing.T) {
	for name, road := range map[string]engine.Engine{"bent": bent{}, "neighbours": neighbours{}} {
		r, err := Run(t.Context(), Options{Seed: *seed, Cases: 60, Lots: 6, Roads: []Road{{Name: name, Open: func(*rand.Rand) (engine.Engine, string) { return road, "a dent" }}}, Failures: 3})
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Failures) != 3 {
			t.Fatalf("%s: %d failures of 3", name, len(r.Failures))
		}
		for _, f := range r.Failures {
			if !strings.Contains(f.Settings, ", lot ") || !strings.Contains(f.Script, "eval ") || len(f.Differences) == 0 {
				t.Errorf("%s: no lot or no script:\n%s", name, f)
			}
			if alone := strings.Contains(f.Settings, "alone too"); alone && strings.Count(f.Script, "\n") > 30 {
				t.Errorf("%s: it is not shrunk:\n%s", name, f)
			}
		}
	}
}

// TestEveryFormIsOfManyLots sees that groups, views, training sets, snapshot tables, ids and labels are among the definitions.
func TestEveryFormIsOfManyLots(t *testing.T) {
	met := map[string]int{}
	for n := range uint64(100) {
		for _, c := range lotsOf(*seed+n, 3)[1:] {
			met[string(c.Kind)]++
			for i := range c.Defs.Sources {
				s := &c.Defs.Sources[i]
				switch rows := c.Tables[s.Name.Value].Rows(); {
				case s.Name.Value == "spine":
				case rows == 0:
					met["empty"]++
				case rows == 1:
					met["one row"]++
				case rows > 40:
					met["many rows"]++
				}
				if s.Snapshot != nil {
					met["snapshot"]++
				}
				if s.ID != nil {
					met["id"]++
				}
				if c.labels(i) {
					met["label"]++
				}
			}
		}
	}
	for _, what := range []string{string(script.Group), string(script.View), string(script.TrainingSet), "empty", "one row", "many rows", "snapshot", "id", "label"} {
		if met[what] < 5 {
			t.Errorf("%s: %d times in 200 lots", what, met[what])
		}
	}
}

// miscounting is the oracle, but for a row more in the report.
type miscounting struct{}

func (miscounting) Name() string { return "miscounting" }

func (miscounting) Run(ctx context.Context, p *plan.Batch, in engine.Inputs, out func(*value.Batch) error) (*engine.Report, error) {
	report, err := oracle.Oracle{}.Run(ctx, p, in, out)
	if err == nil {
		report.Rows++
	}
	return report, err
}

// TestReportsOfAllLotsAreCompared breaks a count, which is of all lots.
func TestReportsOfAllLotsAreCompared(t *testing.T) {
	r, err := Run(t.Context(), Options{Seed: *seed, Cases: 1, Lots: 6, Roads: []Road{{Name: "miscounting", Open: func(*rand.Rand) (engine.Engine, string) { return miscounting{}, "a dent" }}}})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Failures) != 1 || !strings.HasSuffix(r.Failures[0].Settings, "lots together") || !strings.Contains(r.Failures[0].Script, "eval ") {
		t.Errorf("%v", r.Failures)
	}
}

// unwilling is the bent road, but it declines the second question, as Flink's does what it was not asked before.
type unwilling struct{ asked int }

func (*unwilling) Name() string { return "unwilling" }

func (r *unwilling) Run(ctx context.Context, p *plan.Batch, in engine.Inputs, out func(*value.Batch) error) (*engine.Report, error) {
	if r.asked++; r.asked%2 == 0 {
		return nil, enginetest.Declined("every second time")
	}
	return bent{}.Run(ctx, p, in, out)
}

// TestALotThatIsNotAskedAlone sees that such a one is not called right alone.
func TestALotThatIsNotAskedAlone(t *testing.T) {
	failed := 0
	for n := range uint64(60) {
		road := &unwilling{}
		r, err := Run(t.Context(), Options{Seed: *seed + n, Cases: 1, Lots: 6, Roads: []Road{{Name: "unwilling", Open: func(*rand.Rand) (engine.Engine, string) { return road, "a dent" }}}})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range r.Failures {
			if failed++; road.asked == 2 && !strings.Contains(f.Settings, "which was not asked alone") {
				t.Errorf("%s", f.Settings)
			}
		}
	}
	if failed < 3 {
		t.Errorf("%d failures", failed)
	}
}
