package plan_test

import (
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
)

func TestOnlinePlans(t *testing.T) {
	runScripts(t, "testdata/online.txt", func(p *feature.Project) string {
		var b strings.Builder
		for _, s := range plan.ForStream(p.Groups) {
			b.WriteString(s.String())
		}
		for _, v := range p.Views {
			b.WriteString(plan.ForServe(v).String())
		}
		return b.String()
	})
}

// TestASpaceIsNamedByWhatItHolds tells what makes another space from what does not: a reader must never take one for the other.
func TestASpaceIsNamedByWhatItHolds(t *testing.T) {
	const head = `
e = bh.EventSource("e", columns={"k": bh.String, "x": bh.Float, "y": bh.Float}, time="ts")
`
	id := func(text string) string {
		t.Helper()
		g := checkedGroups(t, "import bighead as bh\n"+head+text)[0]
		return plan.SpaceOf(g).ID
	}
	base := id(`g = bh.FeatureGroup("g", source=e, keys=["k"], features=[bh.avg("x", windows=["1h"])])`)
	for _, c := range []struct {
		text  string
		other bool
	}{
		{`g = bh.FeatureGroup("g", source=e, keys=["k"], features=[bh.avg("x", windows=["1h"], name="renamed")])`, false},
		{`g = bh.FeatureGroup("g", source=e, keys=["k"], owner="me", flush="1s", features=[bh.avg("x", windows=["1h"], default=0.0)])`, false},
		{`g = bh.FeatureGroup("g", source=e, keys=["k"], features=[bh.avg("x", windows=["1h"]), bh.count("x", windows=["1h"])])`, false}, // its folds are avg's
		{`g = bh.FeatureGroup("g", source=e, keys=["k"], features=[bh.avg("y", windows=["1h"])])`, true},
		{`g = bh.FeatureGroup("g", source=e, keys=["k"], features=[bh.avg("x", windows=["1h"], where="x > 1")])`, true},
		{`g = bh.FeatureGroup("g", source=e, keys=["k"], features=[bh.avg("x", windows=["1h", "30d"])])`, true}, // more levels
		{`g = bh.FeatureGroup("g", source=e, keys=["k"], features=[bh.avg("x", windows=["1h"]), bh.avg("x", windows=["1h"], resolution="exact", name="z")])`, true},
		{`g = bh.FeatureGroup("g", source=e, keys=["k"], features=[bh.avg("x", windows=["1h"]), bh.max("x")])`, true},
	} {
		if got := id(c.text); (got != base) != c.other {
			t.Errorf("%s\nis in the space %s, beside %s", c.text, got, base)
		}
	}
}
