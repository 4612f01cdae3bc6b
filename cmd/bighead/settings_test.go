package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const settingsFeatures = `import bighead as bh

e = bh.EventSource("e", columns={"k": bh.String, "ts": bh.Timestamp, "x": bh.Int}, time="ts", lateness="1h", pii=["k"])
g = bh.FeatureGroup("g", source=e, keys=["k"], deadline="10ms", flush="50ms", max_staleness="0s", owner="a", tags=["t"], description="of g", features=[
    bh.sum("x", windows=["1h"], fallback=-1, description="of the sum"), bh.count(name="n")])
v = bh.FeatureView("v", groups=[g], required=["g__n"], description="of v")
`

// TestSettingsAreApplied changes what is in no fingerprint, one thing after the other: each is a change that a plan lists and apply takes, though
// nothing is computed again. A comment is none.
func TestSettingsAreApplied(t *testing.T) {
	dir := smallProject(t, settingsFeatures)
	mustRun(t, dir, "apply", "--yes")
	for _, c := range []struct{ old, new, says string }{
		{`deadline="10ms"`, `deadline="20s"`, "= g  deadline 10ms → 20s; the same meaning"},
		{`flush="50ms"`, `flush="1s"`, "= g  flush 50ms → 1s"},
		{`max_staleness="0s"`, `max_staleness="1m"`, "= g  max_staleness 0s → 1m"},
		{`owner="a"`, `owner="b"`, "= g  owner a → b"},
		{`tags=["t"]`, `tags=["t", "u"]`, "= g  tags t → t, u"},
		{`description="of g"`, `description="others"`, "= g  description of g → others"},
		{`fallback=-1`, `fallback=bh.typical`, "= g.x_sum_1h  fallback -1 → typical"},
		{`, description="of the sum"`, ``, "= g.x_sum_1h  description of the sum → none"},
		{`required=["g__n"]`, `required_value=["g__n"]`, "= v  required g__n → none; required_value none → g__n"},
		{`description="of v"`, `description="others"`, "= v  description of v → others"},
		{`lateness="1h"`, `lateness="2h"`, "= e  lateness 1h → 2h"},
		{`, pii=["k"]`, ``, "= e  pii k → none"},
		{`"x": bh.Int}`, `"x": bh.Int, "y": bh.Int}`, "= e  columns k string, ts timestamp, x int → k string, ts timestamp, x int, y int"},
		{`groups=[g]`, `groups=[g.prefix("h")]`, "= v  names g__x_sum_1h, g__n → h__x_sum_1h, h__n"},
		{`import bighead as bh`, "import bighead as bh  # no change\n", "no changes"},
	} {
		text := strings.Replace(settingsFeatures, c.old, c.new, 1)
		if strings.HasPrefix(c.new, "groups=") {
			text = strings.Replace(text, `required=["g__n"], `, "", 1)
		}
		if text == settingsFeatures {
			t.Fatalf("%q is not in the definitions", c.old)
		}
		if err := os.WriteFile(filepath.Join(dir, "features.py"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if code, out, stderr := bighead(t, dir, "plan"); code != exitGood || !strings.Contains(out, c.says) {
			t.Errorf("%s: plan answers %d\n%s%s", c.new, code, out, stderr)
		}
	}
}

// TestADeadlineIsServed changes a deadline under a server that runs.
func TestADeadlineIsServed(t *testing.T) {
	dir := smallProject(t, settingsFeatures)
	if err := os.WriteFile(filepath.Join(dir, "bighead.toml"), []byte("[serve]\nlisten = \"127.0.0.1:0\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	mustRun(t, dir, "apply", "--yes")
	startUp(t, dir)
	mustRun(t, dir, "push", "e", lineFile(t, `{"k":"a","ts":"`+time.Now().UTC().Format(time.RFC3339)+`","x":5}`))
	if err := os.WriteFile(filepath.Join(dir, "features.py"), []byte(strings.Replace(settingsFeatures, `deadline="10ms"`, `deadline="20s"`, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	if out := mustRun(t, dir, "apply", "--yes"); !strings.Contains(out, "applied as version 2") {
		t.Fatal(out)
	}
	awaited(t, func() string { return containingOr(mustRun(t, dir, "status"), "version 2 is served") })
}
