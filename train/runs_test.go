package train

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// began begins runs of a model, one a second, and gives their names.
func began(t *testing.T, runs, model string, from time.Time, n int) (all []*Folder, names []string) {
	t.Helper()
	for i := range n {
		f, err := Begin(runs, model, from.Add(time.Duration(i)*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(f.Path, "log.txt"), []byte("12345"), 0o644); err != nil {
			t.Fatal(err)
		}
		all, names = append(all, f), append(names, f.Name)
	}
	return all, names
}

func listed(t *testing.T, runs string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(runs)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestPrune keeps a model's newest runs, all of other models, and those that are being written, however old.
func TestPrune(t *testing.T) {
	runs := t.TempDir()
	if p, err := Prune(filepath.Join(runs, "none"), "m", 1); err != nil || p.Runs != nil {
		t.Errorf("no runs: %v, %v", p, err)
	}
	t0 := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	all, names := began(t, runs, "m", t0, 6)
	others, otherNames := began(t, runs, "m-m", t0.Add(-time.Hour), 2) // a model whose name has the other's in it
	for _, f := range append(all[1:], others...) {
		f.Keep()
	}
	old := "20250101T000000-m-abcdef" // of a bighead that locked nothing
	for _, name := range []string{old, "by hand", gone + "20250101T000000-m-000000"} {
		if err := os.Mkdir(filepath.Join(runs, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	p, err := Prune(runs, "m", 2)
	if want := []string{old, names[1], names[2], names[3]}; err != nil || !slices.Equal(p.Runs, want) || p.Bytes != 15 {
		t.Fatalf("%v, %v, want %v", p, err, want)
	}
	want := append(slices.Clone(otherNames), names[0], names[4], names[5], "by hand")
	slices.Sort(want)
	if got := listed(t, runs); !slices.Equal(got, want) {
		t.Errorf("left are %v, want %v", got, want)
	}
	all[0].Keep() // it has ended now, and is the oldest
	if p, err := Prune(runs, "m", 2); err != nil || !slices.Equal(p.Runs, names[:1]) {
		t.Errorf("%v, %v", p, err)
	}
	if p, err := Prune(runs, "m", 2); err != nil || p.Runs != nil {
		t.Errorf("nothing is left to remove: %v, %v", p, err)
	}
}

// TestARunLeavesNoTrace removes what an interrupted run wrote.
func TestARunLeavesNoTrace(t *testing.T) {
	runs := t.TempDir()
	all, names := began(t, runs, "m", time.Now(), 1)
	if !runName.MatchString(names[0]) || !strings.Contains(names[0], "-m-") {
		t.Error(names)
	}
	if err := all[0].Remove(); err != nil || len(listed(t, runs)) > 0 {
		t.Errorf("%v, %v", err, listed(t, runs))
	}
}
