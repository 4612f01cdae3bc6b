package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// run is a command in a folder: its exit code, stdout and stderr.
func runIn(dir string, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	c := &cli{stdin: strings.NewReader(""), stdout: &out, stderr: &errs}
	code = c.run(context.Background(), append([]string{"-C", dir}, args...))
	return code, out.String(), errs.String()
}

// Tiles go when nothing defines their folds any more: not while the working tree does, nor while what is applied does.
func TestPrune(t *testing.T) {
	dir := smallProject(t, smallFeatures)
	must := func(args ...string) string {
		t.Helper()
		code, stdout, stderr := runIn(dir, args...)
		if code != 0 {
			t.Fatalf("%v answers %d\n%s%s", args, code, stdout, stderr)
		}
		return stdout
	}
	define := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "features.py"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	nothing := "nothing to remove: every tile is of a fold that is defined or applied\n"
	if got := must("backfill", "--prune"); got != nothing {
		t.Errorf("without tiles: %s", got)
	}
	must("backfill")
	must("apply", "--yes")
	count := strings.Replace(smallFeatures, `bh.sum("x", windows=["1h"])`, `bh.count("x", windows=["1h"])`, 1)
	define(count)
	must("backfill")
	if got := must("backfill", "--prune"); got != nothing {
		t.Errorf("the sum is applied: %s", got)
	}
	must("apply", "--yes")
	var pruned struct {
		Pruned []struct {
			Source string
			Keys   []string
			Folds  []string
			Cells  int64
			Files  int
			Bytes  int64
		}
	}
	if err := json.Unmarshal([]byte(must("backfill", "--prune", "--json")), &pruned); err != nil {
		t.Fatal(err)
	}
	if len(pruned.Pruned) != 1 || pruned.Pruned[0].Source != "e" || pruned.Pruned[0].Cells < 1 || len(pruned.Pruned[0].Folds) < 1 {
		t.Errorf("the sum is gone: %+v", pruned)
	}
	if got := must("backfill", "--prune"); got != nothing {
		t.Errorf("again: %s", got)
	}
	if got := must("backfill"); strings.Contains(got, "made") {
		t.Errorf("what is defined was removed: %s", got)
	}
	if code, _, stderr := runIn(dir, "backfill", "--prune", "g"); code != exitUsage || !strings.Contains(stderr, "--prune looks at all tiles") {
		t.Errorf("with a group: %d %s", code, stderr)
	}
}

// A plan says what a backfill would read, and of which sources it cannot.
func TestPlanSaysTheCost(t *testing.T) {
	dir := smallProject(t, smallFeatures+`
w = bh.EventSource("w", columns={"k": bh.String, "ts": bh.Timestamp, "x": bh.Float}, time="ts")
h = bh.FeatureGroup("h", source=w, keys=["k"], features=[bh.sum("x", windows=["1h"])])
`)
	code, stdout, stderr := runIn(dir, "plan")
	if code != 0 || !strings.Contains(stdout, "backfill: no tiles for h: its source w has no files, and nothing was accepted of it yet\nbackfill: the times in 1 file are to be read first; ") {
		t.Errorf("plan answers %d\n%s%s", code, stdout, stderr)
	}
	if code, _, stderr := runIn(dir, "backfill", "g"); code != 0 {
		t.Fatal(stderr)
	}
	if _, stdout, _ = runIn(dir, "plan"); !strings.HasSuffix(stdout, "backfill: all tiles are there\n") {
		t.Errorf("after a backfill plan says\n%s", stdout)
	}
}
