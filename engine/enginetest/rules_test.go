package enginetest

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/bighead-ml/bighead/engine/enginetest/script"
)

// TestEveryRuleIsCited reads the rules of the contract and wants a script for each of them, and no script that cites what is no rule.
func TestEveryRuleIsCited(t *testing.T) {
	page, err := os.ReadFile("../../docs/semantics.md")
	if err != nil {
		t.Fatal(err)
	}
	var rules []string
	for _, m := range regexp.MustCompile(`(?m)^- \*\*([A-Z][0-9]+)\*\* `).FindAllStringSubmatch(string(page), -1) {
		rules = append(rules, m[1])
	}
	if len(rules) < 38 || !slices.Contains(rules, "V1") || !slices.Contains(rules, "I2") {
		t.Fatalf("the rules of the contract are not found: %v", rules)
	}
	cited := map[string]bool{}
	for _, s := range scripts(t, "testdata") {
		f, err := script.Parse(s.Path, s.Text)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range f.Rules {
			cited[r] = true
			if !slices.Contains(rules, r) {
				t.Errorf("%s cites %s, which the contract does not have", s.Path, r)
			}
		}
	}
	for _, r := range rules {
		if !cited[r] {
			t.Errorf("no script cites %s", r)
		}
	}
}
