package feature_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/value"
)

const modelled = `
s = bh.EventSource("s", path="flights.parquet", time="dep_time")
g = bh.FeatureGroup("g", source=s, keys=["carrier"], features=[bh.avg("dep_delay", windows=["1d"]), bh.last("dest")])
v = bh.FeatureView("v", groups=[g], request={"distance": bh.Int, "day": bh.Date})
t = bh.TrainingSet("t", view=v, spine=bh.Spine("flights.parquet", at="sched_dep"), labels={"late": "dep_delay >= 15", "minutes": "dep_delay"}, label_time="dep_time",
    features=["day", "g__dest_last", "distance"])

def fit(data, params):
    return None

m = bh.Model("m", training_set=t, label="late", pipeline=bh.Pipeline([bh.drop("day"), bh.ordinal(bh.strings, unknown=-1)]), train=fit,
    split=bh.TimeSplit(valid="2013-09-01", test="2013-11-01"), environment=bh.Environment(["LightGBM == 4.7.0"], python="3.11"),
    gate="auc > 0.7 and auc >= champion.auc - 0.01", params={"rate": 1.0, "n": 3})
e = bh.Endpoint("e", model=m)
`

func TestModelAndEndpoint(t *testing.T) {
	p := checked(t, modelled, feature.Options{})
	m, e := p.Models[0], p.Endpoints[0]
	if m.Train.Name != "fit" || m.Train.File != "features.py" || m.Train.Pos.Line != 8 || m.Train.Pos.Col != 5 || m.Train.As != "pandas" {
		t.Errorf("train %+v", m.Train)
	}
	if m.Task != model.Binary || m.Label != "late" || m.Seed != 1 || m.Pickle || !slices.Equal(m.Metrics, []string{"auc", "average_precision", "log_loss", "brier", "accuracy"}) {
		t.Errorf("%+v", m)
	}
	if m.Split.Valid != 1377993600000 || m.Split.Test != 1383264000000 || m.Split.End != nil {
		t.Errorf("split %+v", m.Split)
	}
	if !slices.Equal(m.Environment.Packages, []string{"lightgbm==4.7.0"}) || m.Environment.Python != "3.11" {
		t.Errorf("environment %+v", m.Environment)
	}
	if got := string(m.Steps[1].Args); got != `{"unknown":-1}` || m.Steps[1].Columns[0] != "@strings" || m.Steps[0].Args != nil {
		t.Errorf("steps %+v %s", m.Steps, got)
	}
	var in []string
	for _, f := range p.TrainingSets[0].ModelSchema() {
		in = append(in, f.Name)
	}
	if got := strings.Join(in, " "); got != "g__dest_last distance day" {
		t.Errorf("what goes in stands in the view's order: %s", got)
	}
	if len(m.Inputs) != 2 || m.Inputs[0].Name != "g__dest_last" || !m.Inputs[0].Categorical || m.Inputs[1].Type.Kind != value.KindInt {
		t.Errorf("inputs %+v", m.Inputs)
	}
	if m.Params["n"] != int64(3) || m.Params["rate"] != 1.0 {
		t.Errorf("params %#v", m.Params)
	}
	if e.Model != m || e.Deadline != 50 || e.DegradedWhen.String() != "(share_defaulted > 0.3)" || e.Traffic != nil || !e.Fallback.IsNull() || e.MaxBatch != 0 {
		t.Errorf("endpoint %+v", e)
	}
}

func TestGates(t *testing.T) {
	gate := checked(t, modelled, feature.Options{}).Models[0].Gate
	auc := func(x float64) map[string]float64 { return map[string]float64{"auc": x} }
	for _, c := range []struct {
		name          string
		own, champion map[string]float64
		want          bool
	}{
		{"better", auc(0.8), auc(0.75), true},
		{"a little worse", auc(0.745), auc(0.75), true},
		{"worse", auc(0.73), auc(0.75), false},
		{"too bad, though nobody is champion", auc(0.6), nil, false},
		{"nobody is champion", auc(0.8), nil, true},
		{"a champion that was not measured so", auc(0.8), map[string]float64{"brier": 0.1}, true},
		{"not measured", map[string]float64{"brier": 0.1}, auc(0.1), false},
		{"no number", auc(math.NaN()), auc(0.1), false},
		{"a champion without a number", auc(0.8), auc(math.NaN()), true},
	} {
		if got := gate.Holds(c.own, c.champion); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// I1: what changes what a model learns changes its fingerprint, and nothing else does.
func TestFingerprintOfModels(t *testing.T) {
	of := func(old, with string) string {
		t.Helper()
		if !strings.Contains(modelled, old) {
			t.Fatalf("no %q", old)
		}
		return checked(t, strings.Replace(modelled, old, with, 1), feature.Options{}).Models[0].Fingerprint
	}
	was := of("m = ", "m = ")
	for _, c := range [][2]string{
		{`def fit(data, params):`, "def fit(data, params, more=1):"}, {`gate="auc > 0.7`, `gate="auc > 0.8`}, {`train=fit,`, `train=fit, as_="arrow", owner="me", metrics=["auc"],`},
		{`bh.Model("m"`, `bh.Model("other"`}, {`{"rate": 1.0, "n": 3}`, `{"n": 3, "rate": 1.0}`}, {`"LightGBM == 4.7.0"`, `"lightgbm==4.7.0"`},
		{`train=fit,`, `train=fit, seed=1, task="binary",`},
	} {
		if got := of(c[0], c[1]); got != was {
			t.Errorf("%s → %s changes what is learned", c[0], c[1])
		}
	}
	seen := map[string]string{was: "nothing"}
	for _, c := range [][2]string{
		{`label="late"`, `label="minutes"`}, {`"minutes": "dep_delay"`, `"minutes": "dep_delay + 1"`}, {`unknown=-1`, `unknown=-2`}, {`bh.drop("day"), `, ``},
		{`bh.strings, unknown`, `"g__dest_last", unknown`}, {`"2013-09-01"`, `"2013-08-01"`}, {`"2013-11-01"`, `"2013-12-01"`}, {`test="2013-11-01"`, `test="2013-11-01", end="2013-12-01"`},
		{`"rate": 1.0`, `"rate": 1`}, {`"n": 3`, `"n": 4`}, {`train=fit,`, `train=fit, seed=2,`}, {`4.7.0`, `4.6.0`}, {`"3.11"`, `"3.12"`},
		{`, environment=bh.Environment(["LightGBM == 4.7.0"], python="3.11")`, ``}, {`label="late", `, `label="late", task="multiclass", `},
	} {
		got := ""
		if strings.Contains(c[1], "multiclass") {
			p := checked(t, strings.Replace(strings.Replace(modelled, c[0], c[1], 1), `gate="auc > 0.7 and auc >= champion.auc - 0.01", `, "", 1), feature.Options{})
			got = p.Models[0].Fingerprint
		} else {
			got = of(c[0], c[1])
		}
		if other, ok := seen[got]; ok {
			t.Errorf("%s → %s has the fingerprint of %s", c[0], c[1], other)
		}
		seen[got] = c[0]
	}
}
