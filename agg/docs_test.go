package agg_test

import (
	"flag"
	"os"
	"testing"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/value"
)

var rewrite = flag.Bool("rewrite", false, "write what is generated instead of comparing it")

// compareFile compares a generated file with the one that is committed.
func compareFile(t *testing.T, path, got string) {
	t.Helper()
	if *rewrite {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s is not what the table says; run: go test ./agg -run '%s' -rewrite", path, t.Name())
	}
}

func TestDocumentationIsCurrent(t *testing.T) {
	compareFile(t, "../docs/aggregations.md", agg.Documentation())
}

// Examples hold by the definition and by the folds.
func TestExamplesRun(t *testing.T) {
	for _, a := range agg.All() {
		if len(a.Examples) == 0 || a.Doc == "" {
			t.Errorf("%s has no example or no documentation", a.Name)
		}
		for _, e := range a.Examples {
			plain, output, err := a.Run(e)
			if err != nil {
				t.Errorf("%s of %v: %v", a.Name, e.Cells, err)
				continue
			}
			want, err := value.Parse(output, e.Want)
			if err != nil {
				t.Errorf("%s: %v", a.Name, err)
			}
			if !value.Equal(plain, want) {
				t.Errorf("%s of %v is %s by the definition, documented %s", a.Name, e.Cells, plain, e.Want)
			}
			if e.By != nil {
				e.Args.By = &value.String
			}
			_, p, _ := a.Check(e.Input, e.Input.Kind != value.KindNull, e.Args)
			events, _ := e.Events()
			c := call{a: a, in: e.Input, p: p, events: events, asOf: agg.ExampleAsOf}
			if got := c.finish(c.states(events)); !value.Equal(got, want) {
				t.Errorf("%s of %v is %s by its folds, documented %s", a.Name, e.Cells, got, e.Want)
			}
		}
	}
}
