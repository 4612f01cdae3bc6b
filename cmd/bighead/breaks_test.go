package main

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/catalog"
)

// TestApplyKeepsWhatEndpointsRead changes, renames and removes what a version reads that an endpoint asks: apply refuses, says whom it would
// hurt and what to do instead, and --drop names the endpoint that may be.
func TestApplyKeepsWhatEndpointsRead(t *testing.T) {
	dir := smallProject(t, predictingFeatures)
	const sum, last = `bh.sum("x", windows=["1h"])`, `bh.last("x", default=0)`
	defined := func(old, new string) {
		t.Helper()
		text := strings.Replace(predictingFeatures, old, new, 1)
		if text == predictingFeatures && old != new {
			t.Fatalf("%q is not in the definitions", old)
		}
		if err := os.WriteFile(filepath.Join(dir, "features.py"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	refuses := func(args []string, want ...string) {
		t.Helper()
		code, out, stderr := bighead(t, dir, args...)
		for _, w := range append(want, "not applied:") {
			if code != exitMistake || out != "" || !strings.Contains(stderr, w) {
				t.Errorf("%v: %d %s%s\nwant %q", args, code, out, stderr, w)
			}
		}
	}
	apply := []string{"apply", "--yes"}
	mustRun(t, dir, apply...)
	// Nothing is deployed: everything may change.
	defined(sum, `bh.sum("x", windows=["2h"])`)
	mustRun(t, dir, apply...)
	defined("", "")
	mustRun(t, dir, apply...)

	registerVersion(t, dir, "lgb_binary", nil)
	mustRun(t, dir, "deploy", "m", "--to", "late")
	defined(sum, `bh.sum("x", windows=["1h"], where="x > 0")`)
	refuses(apply, "endpoint late asks m@1, which reads g__x_sum_1h of view v, which would be another now", "define what is new under another name", "bighead apply --drop late")
	if out := mustRun(t, dir, "plan"); !strings.Contains(out, "which would be another now; apply refuses that unless --drop late") {
		t.Error(out)
	}
	var p proposal
	if err := json.Unmarshal([]byte(mustRun(t, dir, "plan", "--json")), &p); err != nil || len(p.Breaks) != 1 || p.Breaks[0].Version != 1 || strings.Join(p.Breaks[0].Changed, " ") != "g__x_sum_1h" {
		t.Errorf("%+v, %v", p.Breaks, err)
	}
	defined(sum+", ", "")
	refuses(apply, "g__x_sum_1h of view v, which would be gone")
	defined(sum+", "+last, `bh.sum("x", windows=["2h"]), bh.last("x", default=1)`)
	refuses(apply, "g__x_last of view v, which would be another now, and g__x_sum_1h of view v, which would be gone")
	defined(last, last+`, bh.count(name="n")`) // the version does not read it
	mustRun(t, dir, apply...)
	defined(`deadline="10m")`+"\n", `deadline="9m")`+"\n") // nor is this in any fingerprint
	mustRun(t, dir, apply...)

	// A shadow and a canary are asked too.
	registerVersion(t, dir, "xgb_binary", nil)
	mustRun(t, dir, "deploy", "m@2", "--to", "late", "--shadow")
	defined(sum+", ", "")
	refuses(apply, "endpoint late asks m@1, ", "endpoint late asks m@2, ")
	if err := os.RemoveAll(artifactsFolder(dir)); err != nil {
		t.Fatal(err)
	}
	refuses(apply, "of which it cannot be said what it reads: open artifact")

	if code, out, stderr := bighead(t, dir, "apply", "--yes", "--drop", "lat"); code != exitMistake || out != "" || !strings.Contains(stderr, `did you mean "late"?`) {
		t.Errorf("%d %s%s", code, out, stderr)
	}
	if out := mustRun(t, dir, "apply", "--yes", "--drop", "late"); !strings.Contains(out, "applied as version") {
		t.Error(out)
	}
	// What was given up is not asked for again.
	defined(sum+", "+last, `bh.last("x", default=1)`)
	mustRun(t, dir, apply...)
	// An endpoint that is taken out asks nobody.
	defined(`late = bh.Endpoint("late", model=m, deadline="10m")`, "")
	mustRun(t, dir, apply...)
}

// TestApplyFollowsAliases looks an endpoint's alias up as the server does, where nothing was deployed to it.
func TestApplyFollowsAliases(t *testing.T) {
	dir := smallProject(t, predictingFeatures)
	mustRun(t, dir, "apply", "--yes")
	registerVersion(t, dir, "lgb_binary", nil)
	changed := strings.Replace(predictingFeatures, `bh.last("x", default=0)`, `bh.last("x", default=2)`, 1)
	if err := os.WriteFile(filepath.Join(dir, "features.py"), []byte(changed), 0o644); err != nil {
		t.Fatal(err)
	}
	cat, err := openCatalog(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	err = cat.SetAlias(context.Background(), &catalog.AliasChange{Model: "m", Alias: champion, Number: 1, At: time.Now(), By: "test"})
	if err := cat.Close(); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if code, out, stderr := bighead(t, dir, "apply", "--yes"); code != exitMistake || !strings.Contains(stderr, "endpoint late asks m@1, which reads g__x_last of view v") {
		t.Errorf("%d %s%s", code, out, stderr)
	}
}

// TestApplyLooksAgain has somebody deploy between the plan and the answer to its question.
func TestApplyLooksAgain(t *testing.T) {
	dir := smallProject(t, predictingFeatures)
	mustRun(t, dir, "apply", "--yes")
	registerVersion(t, dir, "lgb_binary", nil)
	if err := os.WriteFile(filepath.Join(dir, "features.py"), []byte(strings.Replace(predictingFeatures, `default=0`, `default=2`, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	c := &cli{dir: dir, stdout: io.Discard, stderr: io.Discard}
	l, err := c.load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p, err := c.propose(t.Context(), l)
	if err != nil || len(p.Changes) == 0 || len(p.Breaks) > 0 {
		t.Fatalf("%+v, %v", p, err)
	}
	deployed := mustRun(t, dir, "deploy", "m", "--to", "late")
	if err := c.apply(t.Context(), l, p); err == nil || !strings.Contains(err.Error(), "endpoint late asks m@1") {
		t.Errorf("%v, after %s", err, deployed)
	}
}
