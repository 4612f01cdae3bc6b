package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A shell is offered what may stand at a place of the line, and nothing where the project cannot be read.
func TestCompletion(t *testing.T) {
	dir := smallProject(t, smallFeatures+`w = bh.FeatureView("w", groups=[g], request={"r": bh.Int, "o": bh.optional(bh.Int)}, derive={"d": "r + g__x_last", "c": "1 + coalesce(o, 1)"})`)
	for _, c := range []struct{ line, offers string }{
		{"training-set ", "t"}, {"training-set t ", ""}, {"explain ", "g t v w"}, {"preview ", "g t v w"}, {"source ", "e"}, {"source e ", ""},
		{"features ", "v w"}, {"backfill ", "g"}, {"backfill g ", ""}, {"why ", "v w"},
		{"why v ", "g__x_last g__x_sum_1h twice"}, {"why x ", ""}, {"why v twice ", "k="}, {"why w d ", "k= r="}, {"why w d k=1 ", "r="}, {"why w d k=1 r=2 ", ""}, {"why w c ", ""},
		{"get ", "v w"}, {"get w k=1 ", "r= o="}, {"push ", "e"},
		{"training-set t --engine ", "local"}, {"check --format ", "text json github sarif"},
	} {
		args := strings.Split(c.line, " ")
		code, out, _ := bighead(t, dir, append([]string{"__complete"}, args...)...)
		offers, directive, _ := strings.Cut(out, ":")
		if code != exitGood || strings.Join(strings.Fields(offers), " ") != c.offers {
			t.Errorf("for %q the shell is offered %q (%d)", c.line, offers, code)
		}
		wants := "4\n" // names and nothing else
		if strings.Contains(c.offers, "=") {
			wants = "6\n" // and no space behind
		} else if strings.Contains(c.line, "--") {
			wants = "36\n" // in this order
		}
		if directive != wants {
			t.Errorf("for %q the shell is told %q, want %q", c.line, directive, wants)
		}
	}
	if code, out, _ := bighead(t, dir, "__complete", "push", "e", ""); code != exitGood || out != ":0\n" {
		t.Errorf("for a file the shell is told %q (%d)", out, code)
	}
	if code, out, _ := bighead(t, t.TempDir(), "__complete", "training-set", ""); code != exitGood || out != ":4\n" {
		t.Errorf("without a project the shell is offered %q (%d)", out, code)
	}
}

// A plan's cost names groups whose events are elsewhere instead of failing, and ends with its context.
func TestPlanCost(t *testing.T) {
	dir := flightsProject(t, `import bighead as bh
e = bh.EventSource("e", path="data/weather.parquet", time="time")
g = bh.FeatureGroup("g", source=e, keys=["origin"], features=[bh.sum("temp", windows=["1h"])])
c = bh.EventSource("c", path="c.csv", time="ts")
i = bh.FeatureGroup("i", source=c, keys=["k"], features=[bh.sum("x", windows=["1h"])])
p = bh.EventSource("p", columns={"k": bh.String, "x": bh.Int}, time="ts")
h = bh.FeatureGroup("h", source=p, keys=["k"], features=[bh.count(windows=["1h"])])
`)
	if err := os.WriteFile(filepath.Join(dir, "c.csv"), []byte("k,ts,x\na,2024-01-01T10:00:00Z,1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	code, out, stderr := bighead(t, dir, "plan")
	if want := "backfill: no tiles for h: its source p has no files, and nothing was accepted of it yet\nbackfill: the times in 1 file are to be read first; which days they change is not known yet\nbackfill: at most 728 cells (fold, day) to make, of 26,115 rows"; code != exitGood || !strings.Contains(out, want) {
		t.Errorf("plan answers %d\n%s%s\nwant %s", code, out, stderr, want)
	}
	code, out, stderr = bighead(t, dir, "plan", "--json")
	if code != exitGood || !strings.Contains(out, `"cost":{"cells":728,"rows":26115,`) {
		t.Errorf("plan --json answers %d\n%s%s", code, out, stderr)
	}
	if err := os.WriteFile(filepath.Join(dir, "plan.json"), []byte(out), 0o644); err != nil { // apply takes it, whatever it costs by then
		t.Fatal(err)
	}
	if code, out, stderr := bighead(t, dir, "apply", "--yes", filepath.Join(dir, "plan.json")); code != exitGood {
		t.Errorf("apply answers %d\n%s%s", code, out, stderr)
	}
	pushed := smallProject(t, `import bighead as bh
p = bh.EventSource("p", columns={"k": bh.String, "x": bh.Int}, time="ts")
h = bh.FeatureGroup("h", source=p, keys=["k"], features=[bh.count(windows=["1h"])])
`)
	if code, out, stderr := bighead(t, pushed, "plan"); code != exitGood || !strings.HasSuffix(out, "\nbackfill: no tiles for h: its source p has no files, and nothing was accepted of it yet\n") {
		t.Errorf("where nothing has files plan answers %d\n%s%s", code, out, stderr)
	}
	if code, out, stderr := bighead(t, dir, "backfill"); code != exitGood || !strings.Contains(out, "no tiles for h: its source p has no files, and nothing was accepted of it yet") {
		t.Errorf("backfill answers %d\n%s%s", code, out, stderr)
	}
	if code, out, stderr := bighead(t, dir, "backfill", "h"); code != exitMistake || out != "" || !strings.Contains(stderr, "group h has no tiles to make: its source p has no files, and nothing was accepted of it yet") {
		t.Errorf("backfill h answers %d\n%s%s", code, out, stderr)
	}
	c := &cli{stdin: strings.NewReader(""), stdout: t.Output(), stderr: t.Output(), dir: dir}
	l, err := c.load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.costOf(ctx, l); err == nil || c.fail(ctx, err) != exitInterrupted {
		t.Errorf("under an ended context the cost is told, or %v", err)
	}
}

// explain shows the jobs of the groups that a name reads, and says of others where and why Flink has none; no password is in it.
func TestExplainFlink(t *testing.T) {
	dir := smallProject(t, strings.ReplaceAll(flinkFeatures, "CLICKS", "clicks.topic"))
	if err := os.WriteFile(filepath.Join(dir, "bighead.toml"), []byte("[project]\nname = \"p\"\n[stream]\nbrokers = [\"kafka:9092\"]\nparallelism = 3\n[stream.tls]\nenabled = true\n[stream.sasl]\nmechanism = \"PLAIN\"\nuser = \"us\"\npassword = \"hush-hush\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	code, out, stderr := bighead(t, dir, "explain", "v", "--engine", "flink")
	if code != exitGood {
		t.Fatalf("explain answers %d\n%s%s", code, out, stderr)
	}
	for _, want := range []string{"-- group g (features.py:4:5)\nSET ", "'parallelism.default' = '3'", "'kafka:9092'", "'topic' = 'clicks.topic'", "'properties.group.id' = '${group.id}'", "x_all (features.py:",
		"EXECUTE STATEMENT SET", "\n-- group h (features.py:8:5): our own stream folds it\n-- features.py:8:", "exact windows"} {
		if !strings.Contains(out, want) {
			t.Errorf("it lacks %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, "hush-hush") {
		t.Error("the password is shown")
	}
	code, out, _ = bighead(t, dir, "explain", "v", "--engine", "flink", "--json")
	var said struct {
		Jobs []struct{ Group, At, SQL, Why string }
	}
	if err := json.Unmarshal([]byte(out), &said); code != exitGood || err != nil || len(said.Jobs) != 2 || said.Jobs[0].SQL == "" || said.Jobs[0].Why != "" || said.Jobs[1].SQL != "" || !strings.Contains(said.Jobs[1].Why, "features.py:8:") {
		t.Errorf("explain --json answers %d %v\n%s", code, err, out)
	}
}

// Settings of Flink's own are among a job's; those that jobs stand on can't be changed, and a gateway's password is shown to nobody.
func TestFlinksOwnSettings(t *testing.T) {
	dir := smallProject(t, strings.ReplaceAll(flinkFeatures, "CLICKS", "clicks"))
	if code, _, stderr := bighead(t, dir, "apply", "--yes"); code != exitGood {
		t.Fatal(stderr)
	}
	for _, c := range []struct{ settings, says string }{
		{`["restart-strategy.type=fixed-delay", "a.b = c=d"]`, ""},
		{`["state.backend.type"]`, `[stream] settings has "state.backend.type", which is no "name=value"`},
		{`["=x"]`, `[stream] settings has "=x"`},
		{`["execution.checkpointing.mode=AT_LEAST_ONCE"]`, "[stream] settings can't change execution.checkpointing.mode"},
	} {
		t.Setenv("GATEWAY", "http://us:hush-hush@127.0.0.1:9")
		if err := os.WriteFile(filepath.Join(dir, "bighead.toml"), []byte("[project]\nname = \"p\"\n[stream]\nengine = \"flink\"\ngateway = \"${env:GATEWAY}\"\nbrokers = [\"kafka:9092\"]\nsettings = "+c.settings+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		code, out, stderr := bighead(t, dir, "explain", "g", "--engine", "flink")
		if c.says == "" && (code != exitGood || !strings.Contains(out, "SET 'a.b' = 'c=d';\nSET 'restart-strategy.type' = 'fixed-delay';\n")) || c.says != "" && (code != exitMistake || !strings.Contains(stderr, c.says)) {
			t.Errorf("settings = %s: explain answers %d\n%s%s", c.settings, code, out[:min(len(out), 300)], stderr)
		}
		if c.says == "" {
			_, said, _ := bighead(t, dir, "doctor")
			_, shown, _ := bighead(t, dir, "config")
			if all := said + shown; strings.Contains(all, "hush-hush") || !strings.Contains(said, "127.0.0.1:9") {
				t.Errorf("the password is shown, or no gateway:\n%s", all)
			}
			continue
		}
		if code, _, stderr := bighead(t, dir, "up"); code != exitMistake || !strings.Contains(stderr, c.says) {
			t.Errorf("settings = %s: up answers %d\n%s", c.settings, code, stderr)
		}
	}
}

// plan says who folds each group online, where that may be Flink.
func TestPlanSaysWhoFolds(t *testing.T) {
	dir := smallProject(t, strings.ReplaceAll(flinkFeatures, "CLICKS", "clicks"))
	if _, out, _ := bighead(t, dir, "plan"); strings.Contains(out, "is folded by") {
		t.Errorf("without Flink plan says\n%s", out)
	}
	if err := os.WriteFile(filepath.Join(dir, "bighead.toml"), []byte("[project]\nname = \"p\"\n[stream]\nengine = \"flink\"\ngateway = \"http://h:1\"\nbrokers = [\"kafka:9092\"]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	code, out, stderr := bighead(t, dir, "plan", "--cost=false")
	if code != exitGood || !strings.Contains(out, "\ngroup g is folded by Flink\ngroup h is folded by our own stream: features.py:8:") {
		t.Errorf("plan answers %d\n%s%s", code, out, stderr)
	}
	code, out, _ = bighead(t, dir, "plan", "--cost=false", "--json")
	if code != exitGood || !strings.Contains(out, `"folding":[{"group":"g","by":"flink"},{"group":"h","by":"local","why":"features.py:8:`) {
		t.Errorf("plan --json answers %d\n%s", code, out)
	}
	if err := os.WriteFile(filepath.Join(dir, "plan.json"), []byte(out), 0o644); err != nil {
		t.Fatal(err)
	}
	if code, out, stderr := bighead(t, dir, "apply", "--yes", filepath.Join(dir, "plan.json")); code != exitGood {
		t.Errorf("apply answers %d\n%s%s", code, out, stderr)
	}
}

// explain shows what an engine of this binary is handed, and says of others that they are not there.
func TestExplainEngine(t *testing.T) {
	dir := smallProject(t, smallFeatures)
	_, plain, _ := bighead(t, dir, "explain", "g")
	if code, out, _ := bighead(t, dir, "explain", "g", "--engine", "local"); code != exitGood || out != plain || plain == "" {
		t.Errorf("explain --engine local answers %d\n%s", code, out)
	}
	if code, out, _ := bighead(t, dir, "explain", "g", "--engine", "spark"); code != exitGood || !strings.HasPrefix(out, "-- keys of g with more than ") || !strings.Contains(out, "\nwith\n-- ") || !strings.Contains(out, "features.py:") {
		t.Errorf("explain --engine spark answers %d\n%s", code, out)
	} else if !strings.Contains(out, "\n-- what backfill makes of ") || !strings.Contains(out, "`#tile`") {
		t.Errorf("of a group explain --engine spark does not show the tiles\n%s", out)
	}
	code, out, stderr := bighead(t, dir, "explain", "g", "--engine", "beam")
	if want := "bighead: --engine \"beam\" is not in this binary: it has local; what other engines are handed cannot be shown\n"; code != exitMistake || out != "" || stderr != want {
		t.Errorf("explain --engine beam answers %d\n%s%s", code, out, stderr)
	}
	code, _, stderr = bighead(t, dir, "training-set", "t", "--engine", "spark")
	if code != exitMistake || !strings.Contains(stderr, "[batch] remote = ") {
		t.Errorf("an engine without its server answers %d\n%s", code, stderr)
	}
}
