package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
)

// explain shows the plans of batch, of the stream and of a request one below the other, as they are planned, and the same as JSON.
func TestExplainShowsAllPlans(t *testing.T) {
	dir := smallProject(t, smallFeatures)
	typed := typedProject(t, dir)
	v, of := typed.Views[0], typed.Views[0].Joins[0].Group
	batch, stream, serve := plan.ForView(v, nil).String(), plan.ForStream([]*feature.Group{of})[0].String(), plan.ForServe(v).String()
	for name, texts := range map[string][]string{"v": {batch, stream, serve}, "g": {plan.ForGroup(of, nil).String(), stream}, "t": {plan.ForTrainingSet(typed.TrainingSets[0]).String(), stream}} {
		code, out, stderr := bighead(t, dir, "explain", name)
		if code != exitGood || len(texts[0]) < 40 || !strings.Contains(stream, "tiles of ") || !strings.HasPrefix(serve, "serve v\n") {
			t.Fatalf("explain %s answers %d: %s", name, code, stderr)
		}
		for at, rest := 0, out; at < len(texts); at++ {
			_, after, found := strings.Cut(rest, "\n"+texts[at])
			if rest = after; !found {
				t.Errorf("explain %s does not show, behind the %d before it,\n%s\nit says\n%s", name, at, texts[at], out)
				break
			}
		}
		var as map[string]any
		if _, text, _ := bighead(t, dir, "explain", name, "--json"); json.Unmarshal([]byte(text), &as) != nil || as["plan"] != texts[0] || as["stream"] != stream || name == "v" && as["serve"] != serve {
			t.Errorf("explain %s --json says %s", name, text)
		}
	}
}
