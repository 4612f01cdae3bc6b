package sweep

import (
	"testing"

	"github.com/bighead-ml/bighead/expr"
)

// TestCasesCoverTheTable checks every case, and that none of the table's signatures is without one.
func TestCasesCoverTheTable(t *testing.T) {
	schema := Edges(seed).Columns
	seen := map[string]bool{}
	for _, c := range languageCases() {
		if _, errs := expr.Check(c.text, schema); len(errs) > 0 {
			t.Errorf("%s %s: %s: %v", c.function, c.signature, c.text, errs)
		}
		seen[c.function+c.signature] = true
	}
	for _, f := range expr.Functions() {
		for _, sig := range f.Signatures() {
			if !seen[f.Name+sig] {
				t.Errorf("%s %s has no case", f.Name, sig)
			}
		}
	}
	t.Logf("%d cases", len(languageCases()))
}
