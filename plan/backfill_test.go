package plan_test

import (
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
)

func TestBackfillPlans(t *testing.T) {
	runScripts(t, "testdata/backfill.txt", func(p *feature.Project) string { return plan.ForBackfill(p.Groups).String() })
}

// Folds of other inputs, conditions and keys are other states, and features that share a fold share its fingerprint.
func TestFoldsOfABackfillAreDistinct(t *testing.T) {
	runScripts(t, "testdata/backfill.txt", func(p *feature.Project) string {
		b := plan.ForBackfill(p.Groups)
		ids := map[string]string{}
		for _, s := range b.Sets {
			for _, f := range s.Folds {
				if len(f.ID) != 32 {
					t.Errorf("fold %v has the fingerprint %q", f.Features, f.ID)
				}
				if was, ok := ids[f.ID]; ok {
					t.Errorf("folds of %s and %v have one fingerprint", was, f.Features)
				}
				ids[f.ID] = strings.Join(f.Features, ", ")
			}
		}
		return b.String()
	})
}
