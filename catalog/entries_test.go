package catalog_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/catalog"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
)

// A project with a model and an endpoint, as far as the catalog looks.
func modelled(t *testing.T) *feature.Project {
	t.Helper()
	degraded, errs := expr.Check("share > 0.3", value.Schema{{Name: "share", Type: value.Float}})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	v := &feature.View{Name: "v", Fingerprint: "1"}
	set := &feature.TrainingSet{Name: "t", View: v, Fingerprint: "2"}
	m := &feature.Model{Name: "m", TrainingSet: set, Fingerprint: "3", Train: feature.Function{Name: "fit", File: "models.py", As: "pandas"}, Metrics: []string{"auc"}}
	e := &feature.Endpoint{Name: "e", Model: m, Traffic: []feature.Weighted{{Version: "champion", Weight: 90}, {Version: "2", Weight: 10}}, DegradedWhen: degraded, Deadline: 50}
	return &feature.Project{Views: []*feature.View{v}, TrainingSets: []*feature.TrainingSet{set}, Models: []*feature.Model{m}, Endpoints: []*feature.Endpoint{e}}
}

func TestEntriesOfModels(t *testing.T) {
	p := modelled(t)
	was := catalog.EntriesOf(p)
	reads := map[string]string{}
	for _, e := range was {
		reads[string(e.Kind)+" "+e.Name] = fmt.Sprint(e.Reads)
	}
	if reads["model m"] != "[{training set t} {view v}]" || reads["endpoint e"] != "[{model m}]" {
		t.Errorf("%v", reads)
	}
	p.Models[0].Gate = &feature.Gate{Text: "auc > 0.7"}
	p.Models[0].Pickle = true
	p.Endpoints[0].Traffic[0].Weight, p.Endpoints[0].Fallback, p.Endpoints[0].MaxBatch = 80, value.OfFloat(0.2), 64
	var got []string
	for _, c := range catalog.Diff(was, catalog.EntriesOf(p)) {
		got = append(got, fmt.Sprintf("%s %s %s: %s; readers %v", c.What, c.Kind, c.Name, strings.Join(c.Set, "; "), c.Readers))
	}
	want := []string{
		"set model m: gate none → auc > 0.7; pickle none → True; readers [{endpoint e}]",
		"set endpoint e: traffic champion 90, 2 10 → champion 80, 2 10; fallback none → 0.2; max_batch none → 64; max_delay none → 0s; readers []",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	other := *p.Models[0]
	other.Name, other.Fingerprint = "n", "4"
	p.Models, p.Endpoints[0].Model = append(p.Models, &other), &other
	p.Views[0].Fingerprint = "5"
	got = nil
	for _, c := range catalog.Diff(was, catalog.EntriesOf(p)) {
		if c.What != catalog.Set {
			got = append(got, fmt.Sprintf("%s %s %s; readers %v", c.What, c.Kind, c.Name, c.Readers))
		}
	}
	want = []string{"changed view v; readers [{training set t} {model m} {model n}]", "added model n; readers [{endpoint e}]", "changed endpoint e; readers []"}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
