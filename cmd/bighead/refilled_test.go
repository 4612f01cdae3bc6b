package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// A group with another window has other tiles online, into which nobody has loaded what was before the stream: plan and apply say so, of whom it concerns, and of no other change.
func TestPlanSaysWhatIsToBeLoadedAgain(t *testing.T) {
	const defined = `import bighead as bh

e = bh.EventSource("e", path="e.csv", time="ts")
p = bh.EventSource("p", columns={"k": bh.String, "x": bh.Int}, time="ts")
g = bh.FeatureGroup("g", source=e, keys=["k"], features=[bh.sum("x", windows=["1h"])])
h = bh.FeatureGroup("h", source=p, keys=["k"], features=[bh.sum("x", windows=["1h"])])
v = bh.FeatureView("v", groups=[g])
w = bh.FeatureView("w", groups=[h])
both = bh.FeatureView("both", groups=[g, h])
t = bh.TrainingSet("t", view=v, spine=bh.Spine(e, at="ts"), labels={"l": "x > 1"})
def learn(data, params):
    return None
m = bh.Model("m", training_set=t, train=learn, task="binary", split=bh.TimeSplit(valid="2024-01-02", test="2024-01-03"))
late = bh.Endpoint("late", model=m)
`
	dir := smallProject(t, defined)
	change := func(was, is string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "features.py"), []byte(strings.Replace(defined, was, is, 1)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	says := func() (out []*refilled) {
		t.Helper()
		var p proposal
		if err := json.Unmarshal([]byte(mustRun(t, dir, "plan", "--cost=false", "--json")), &p); err != nil {
			t.Fatal(err)
		}
		return p.Refilled
	}
	if got := says(); got != nil {
		t.Errorf("before anything is applied: %v", got)
	}
	mustRun(t, dir, "apply", "--yes")
	if got := says(); got != nil {
		t.Errorf("of no change: %v", got)
	}
	change(`bh.FeatureView("v", groups=[g])`, `bh.FeatureView("v", groups=[g], derive={"twice": "2 * g__x_sum_1h"})`)
	if got := says(); got != nil {
		t.Errorf("of a view's own column: %v", got)
	}
	change(`source=p, keys=["k"], features=[bh.sum("x", windows=["1h"])]`, `source=p, keys=["k"], features=[bh.sum("x", windows=["1h", "7d"])]`)
	if got := says(); got != nil {
		t.Errorf("of a group that has no history by batch: %v", got)
	}
	change(`windows=["1h"]`, `windows=["1h", "7d"]`)
	if got, want := says(), []*refilled{{"g", []string{"v", "both"}, []string{"late"}}}; !reflect.DeepEqual(got, want) {
		t.Errorf("of another window: %v", got)
	}
	want := "group g gets other tiles online: what batch had loaded is partial in view v, view both, endpoint late until it is loaded again: bighead backfill g --online, at once after apply\n"
	if code, _, stderr := bighead(t, dir, "apply", "--yes"); code != exitGood || !strings.Contains(stderr, want) {
		t.Errorf("apply says %d\n%s", code, stderr)
	}
}
