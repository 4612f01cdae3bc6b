package random

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/enginetest"
	"github.com/bighead-ml/bighead/engine/oracle"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/project"
	"github.com/bighead-ml/bighead/value"
)

var (
	seed  = flag.Uint64("seed", 1, "of the first random case")
	cases = flag.Int("cases", 1000, "how many random cases are run")
)

func TestRandomCases(t *testing.T) {
	r, err := Run(t.Context(), Options{Seed: *seed, Cases: *cases, Roads: []Road{Local(t.TempDir()), Tiles()}, Tries: 2, Workers: runtime.GOMAXPROCS(0), Failures: 3})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Failures {
		t.Errorf("%s", f)
	}
	t.Logf("seeds %d to %d\n%s", *seed, *seed+uint64(r.Cases)-1, r.Stats)
	if *cases >= 1000 {
		enough(t, r)
	}
}

// enough demands that cases hit what they are drawn for, so many times in a thousand.
func enough(t *testing.T, r *Report) {
	need := map[string]int64{
		"asked of entities": 500, "cases: spilled": 100, "cases: group": 200, "cases: view": 200, "cases: training set": 200,
		"conflicts": 500, "copies": 300, "ties": 1000, "daily": 1000, "defaults": 300, "derived values": 1000,
		"dropped: a required value is null": 20, "dropped: at outside start and end": 200, "dropped: label not known by end": 20,
		"dropped: label's span passes the end of the data": 100, "dropped: no label": 50, "dropped: not in the sample": 20, "dropped: the spine's where is not true": 3,
		"events before 1970 inside": 5000, "events at t": 1000, "known_at = t": 200, "known_at > t": 1000,
		"label: event a millisecond before the end": 1, "label: event at the end": 1, "label: event at the start": 20, "label: event a millisecond before the start": 10,
		"null: computed": 200, "null: no input": 100, "null: no row in the window": 1000, "null: no row of the key": 300,
		"nulls that expressions made: of a row": 20, "nulls that expressions made: of a source": 300,
		"rows that where drops": 1000, "rows without a key": 300, "rows without a time": 300, "rows without known_at": 30,
	}
	for _, kind := range []string{"exact", "tiles", "tumbling", "exact, in the past", "tiles, in the past", "tumbling, in the past"} {
		need[kind+": event at the end"] = 30
		need[kind+": event at the start"] = 20
		need[kind+": event a millisecond before the end"] = 10
		need[kind+": event a millisecond before the start"] = 4
	}
	for _, kind := range []string{"unbounded", "unbounded, in the past"} {
		need[kind+": event at the end"] = 50
		need[kind+": event a millisecond before the end"] = 10
	}
	for _, a := range agg.Names() {
		need["not empty: "+a] = 100
	}
	for name, n := range need {
		if got := r.Stats[name]; got < n*int64(r.Cases)/1000 {
			t.Errorf("%s: %d times in %d cases, %d are needed", name, got, r.Cases, n*int64(r.Cases)/1000)
		}
	}
	if r.Stats.Share() <= 0.5 {
		t.Errorf("only %.0f %% of the values are not empty", 100*r.Stats.Share())
	}
}

// TestPythonRecordsTheSameDefinitions writes cases as Python, records it, and compares fingerprints.
func TestPythonRecordsTheSameDefinitions(t *testing.T) {
	var units []project.Unit
	var drawn []*Case
	for n := range uint64(60) {
		c := New(*seed + n)
		text := Python(c.Defs)
		units = append(units, project.Unit{Name: fmt.Sprintf("seed %d", c.Seed), Text: &text})
		drawn = append(drawn, c)
	}
	defs, err := project.RecordUnits(t.Context(), project.Python{Timeout: 10 * time.Minute}, units)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range drawn {
		want, wrong := feature.Check(c.Defs, feature.Options{})
		got, problems := feature.Check(defs[i], feature.Options{})
		if wrong.Failed() || problems.Failed() {
			t.Fatalf("seed %d: %v %v\n%s", c.Seed, wrong.Err(), problems.Err(), *units[i].Text)
		}
		if a, b := fingerprints(want), fingerprints(got); a != b {
			t.Errorf("seed %d: drawn\n%s\nrecorded\n%s\n%s", c.Seed, a, b, *units[i].Text)
		}
	}
}

func fingerprints(p *feature.Project) string {
	var out []string
	for _, g := range p.Groups {
		for _, f := range g.Features {
			out = append(out, g.Name+"."+f.Name+" "+f.Fingerprint)
		}
	}
	for _, v := range p.Views {
		out = append(out, v.Name+" "+v.Fingerprint)
	}
	for _, t := range p.TrainingSets {
		out = append(out, t.Name+" "+t.Fingerprint)
	}
	return strings.Join(out, "\n")
}

// TestScriptsOfCasesGiveTheirAnswers writes cases as scripts and runs those.
func TestScriptsOfCasesGiveTheirAnswers(t *testing.T) {
	var sources []enginetest.Source
	for n := range uint64(60) {
		c := New(*seed + n)
		text, err := c.Script(t.Context(), "written by a test")
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, enginetest.Source{Path: fmt.Sprintf("seed %d", c.Seed), Text: text})
	}
	suite := enginetest.Suite{Record: func(ctx context.Context, units []project.Unit) ([]*feature.Definitions, error) {
		return project.RecordUnits(ctx, project.Python{Timeout: 10 * time.Minute}, units)
	}}
	res, err := suite.Run(t.Context(), sources)
	if err != nil {
		t.Fatal(err)
	}
	if res.Failed() > 0 {
		var b strings.Builder
		_ = res.Write(&b)
		t.Error(b.String())
	}
}

// bent is the oracle, but for sums above a bound.
type bent struct{}

func (bent) Name() string { return "bent" }

func (bent) Run(ctx context.Context, p *plan.Batch, in engine.Inputs, out func(*value.Batch) error) (*engine.Report, error) {
	return oracle.Oracle{}.Run(ctx, p, in, func(b *value.Batch) error {
		rows := make([][]value.Value, b.N)
		for i := range rows {
			rows[i] = b.Row(i)
		}
		for c := range b.Schema {
			for i := range rows {
				if v := rows[i][c]; v.Kind() == value.KindInt && v.Int() == 3 && p.Output[c].Fingerprint != "" {
					rows[i][c] = value.OfInt(4)
				}
			}
		}
		return out(value.BatchOf(b.Schema, rows))
	})
}

// TestADifferenceIsShrunk breaks a road and wants a script of a few lines.
func TestADifferenceIsShrunk(t *testing.T) {
	road := Road{Name: "bent", Open: func(*rand.Rand) (engine.Engine, string) { return bent{}, "a dent" }}
	r, err := Run(t.Context(), Options{Seed: *seed, Cases: 200, Roads: []Road{road}, Failures: 3})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Failures) != 3 {
		t.Fatalf("%d failures of 3", len(r.Failures))
	}
	for _, f := range r.Failures {
		if lines := strings.Count(f.Script, "\n"); lines > 28 || !strings.Contains(f.Script, "eval ") || len(f.Differences) == 0 {
			t.Errorf("%d lines are not small:\n%s", lines, f)
		}
	}
}
