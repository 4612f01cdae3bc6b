//go:build unix

package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/agg/tile"
)

// nextBinary is this test as it would be with one more version of tiles: bighead itself where it is told a clock.
func nextBinary(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "next")
	build := exec.Command("go", "test", "-c", "-tags", "nextversion", "-o", file, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return file
}

// TestUpgrade has two versions of bighead take turns at one project, as servers do while they are replaced: the newer one writes what the
// older one reads until `bighead upgrade --finish`, and nothing is missing on either side. After it the older one refuses the store.
func TestUpgrade(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program of another version")
	}
	t.Parallel() // it waits for processes
	if tile.Version != 1 {
		t.Fatal("there is a second version of tiles: let this test, and the build tag, begin from it")
	}
	w := newCrashWorld(t, 1)
	w.begin()
	older, newer := os.Args[0], nextBinary(t)
	turn := func(program string, do ...func(*life)) {
		t.Helper()
		l := bornOf(t, program, w.dir, []string{childSizes + "=small", childClock + "=" + w.clock.file.Name()}).up(t)
		for range 20 {
			for _, c := range w.clients {
				if !c.send(l) {
					t.Fatalf("it is gone:\n%s", l.LogTail(30))
				}
			}
			w.clock.pass(60_000)
		}
		w.compare(l, false)
		for _, f := range do {
			f(l)
		}
		w.compare(l, false)
		l.Stop()
		if !strings.Contains(l.text(), "all that was accepted is kept") {
			t.Fatalf("it ends with\n%s", l.LogTail(30))
		}
	}
	command := func(program string, args ...string) string {
		t.Helper()
		c := exec.Command(program, append(args, "--project", w.dir)...)
		c.Env = append(os.Environ(), childClock+"="+w.clock.file.Name())
		out, _ := c.CombinedOutput() // how it ends shows in what it says
		return string(out)
	}
	turn(older)
	turn(newer, func(l *life) { w.upload(l) })
	if out := command(newer, "upgrade"); !strings.Contains(out, "format 1, which the bighead before this one reads too") {
		t.Errorf("before the end of the upgrade: %s", out)
	}
	turn(older)
	turn(newer, func(l *life) {
		var a upgraded
		for i := range 2 {
			status, text, err := ask(l.own, "http://up/v1/upgrade", "", nil, &a)
			if err != nil || status != http.StatusOK || a.Format != 2 || (a.Rewritten > 100) != (i == 0) {
				t.Fatalf("finish %d: %d %s %v", i, status, text, err)
			}
		}
	})
	turn(newer)
	if out := command(newer, "upgrade", "--finish"); !strings.Contains(out, "format 2; 0 places were of another") {
		t.Errorf("once more: %s", out)
	}
	if out := command(older, "up"); !strings.Contains(out, "written in format 2, by a newer bighead") || strings.Contains(out, " on http://") {
		t.Errorf("going back: %s", out)
	}
	turn(newer)
}
