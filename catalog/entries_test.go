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

// Where an endpoint's labels come from is set otherwise, and the source is read: it is not loose.
func TestLabelsOfAnEndpoint(t *testing.T) {
	p := modelled(t)
	sql := func(text string) *expr.Expr {
		e, errs := expr.Check(text, value.Schema{{Name: "k", Type: value.String}, {Name: "late", Type: value.Bool}, {Name: "ts", Type: value.Timestamp}})
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		return e
	}
	landed := &feature.Source{Name: "landed", Fingerprint: "l"}
	p.Sources = append(p.Sources, landed)
	was := catalog.EntriesOf(p)
	if loose := catalog.Loose(was); len(loose) != 1 || loose[0].Name != "landed" {
		t.Errorf("%v", loose)
	}
	l := &feature.LabelSource{Source: landed, Value: sql("late"), At: sql("ts"), On: []feature.SpineColumn{{Name: "k", Expr: sql("upper(k)")}}, Where: sql("k <> ''"), Take: feature.TakeLast}
	p.Endpoints[0].Labels = l
	is := catalog.EntriesOf(p)
	if loose := catalog.Loose(is); len(loose) != 0 {
		t.Errorf("%v", loose)
	}
	check := func(was, is []catalog.Entry, want string) {
		t.Helper()
		changes := catalog.Diff(was, is)
		if len(changes) != 1 || changes[0].What != catalog.Set || strings.Join(changes[0].Set, "; ") != want {
			t.Errorf("%v, want %s", changes, want)
		}
	}
	check(was, is, `labels none → landed; labels: value none → late; labels: at none → ts; labels: on none → k = upper(k); labels: where none → (k <> ''); labels: take none → last`)
	p.Endpoints[0].Labels = &feature.LabelSource{Place: feature.Place{Table: "hive:a.b"}, Value: sql("late"), At: sql("ts"), ID: sql("k")}
	named := catalog.EntriesOf(p)
	check(is, named, `labels landed → hive:a.b; labels: on k = upper(k) → k; labels: where (k <> '') → none; labels: take last → none`)
	p.Endpoints[0].Labels = &feature.LabelSource{Trained: p.TrainingSets[0]}
	check(named, catalog.EntriesOf(p), `labels hive:a.b → training set t; labels: value late → none; labels: at ts → none; labels: on k → none`)
}
