package faults

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

var root = filepath.Join("..", "..", "..")

func TestEnoughDefectsArePlanted(t *testing.T) {
	names, err := Names(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(names) < 40 {
		t.Errorf("%d defects are planted, and 40 are wanted", len(names))
	}
	shape := regexp.MustCompile(`^[a-z]+: [^ ].*[^ .]$`)
	for _, n := range names {
		if !shape.MatchString(n) {
			t.Errorf("%q does not read `room: what is wrong`", n)
		}
	}
}

func TestNamesRefusesWhatCannotBeListed(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"twice":      {"package a\nvar x, y = fault.Planted(\"a: b\"), fault.Planted(\"a: b\")\n", "planted at"},
		"no literal": {"package a\nvar x = fault.Planted(name)\n", "no literal"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "a.go"), []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := Names(dir); err == nil || !regexp.MustCompile(c.want).MatchString(err.Error()) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
