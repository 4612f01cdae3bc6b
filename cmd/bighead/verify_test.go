package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/audit"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/value"
)

// found is a report of verify as --json gives it.
func found(t *testing.T, dir string, wantCode int, args ...string) *verifyReport {
	t.Helper()
	code, out, stderr := bighead(t, dir, append([]string{"verify", "--json"}, args...)...)
	r := &verifyReport{}
	if err := json.Unmarshal([]byte(out), r); err != nil || code != wantCode {
		t.Fatalf("verify %v answers %d, and %d is wanted: %v\n%s%s", args, code, wantCode, err, out, stderr)
	}
	return r
}

// column is what was found of a column in the first pair of roads.
func (r *verifyReport) column(t *testing.T, name string) *audit.Verified {
	t.Helper()
	for _, c := range r.Found[0].Columns {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("nothing was found of %s", name)
	return nil
}

const threeRows = "k,at\nb,2024-01-02T11:00:00Z\nno such,2024-01-02T11:00:00Z\na,2024-01-02T10:20:00Z\n"

func sampleFile(t *testing.T, dir, text string) string {
	t.Helper()
	path := filepath.Join(dir, "sample.csv")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// Roads are compared by feature. What is changed in the store differs, and is shown at its definition with what either side is made of.
func TestVerify(t *testing.T) {
	before := comparedCells
	t.Cleanup(func() { comparedCells = before })
	comparedCells = 1 // a row at a time
	s := serveClasses(t, classFeatures, header)
	s.push("a 10:00:00 3", "a 10:10:00 4", "b 10:30:00 9")
	sample := sampleFile(t, s.dir, threeRows)
	s.done()
	for roads, says := range map[string]string{
		"local,oracle":        "oracle against local: 18 values of 3 rows compared, 18 equal, 0 within the promise, 0 differing, 0 missing\n",
		"oracle,served,local": "served against oracle: 18 values of 3 rows compared, 18 equal, 0 within the promise, 0 differing, 0 missing\n",
	} {
		if out := mustRun(t, s.dir, "verify", "v", "--roads", roads, "--sample", sample); !strings.Contains(out, says) || !strings.Contains(out, "\nequal by the promise\n") {
			t.Errorf("%s: %s", roads, out)
		}
	}
	s.open()
	s.tiles(func(space *plan.Space, p *store.Put) { // twice the sum, nothing else
		tile, err := space.Layout().Decode(p.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		for i := range space.Layout().Folds() {
			if f := space.Folds[i]; f.Kind == agg.KindIntSum {
				tile.State(i).Merge(tile.State(i).Clone())
			}
		}
		p.Bytes = space.Layout().Append(nil, tile)
	})
	s.done()
	code, out, stderr := bighead(t, s.dir, "verify", "v", "--roads", "local,served", "--sample", sample)
	for _, says := range []string{
		"features.py:5:5: g__x_sum_1h differs in 1 row; first in row 3 of the sample\n  for k=a at 2024-01-02T10:30:00.001Z\n  local   7\n  served  14\n",
		"served reads, now:\n    g__x_sum_1h = 14 (present) online at 2024-01-02T10:30:00.001Z", "stream  tile", "alone it is",
		"by history:\n    g__x_sum_1h = 7\n", "2024-01-02T10:10:00Z  4", "\ndiffers\n",
	} {
		if code != exitMistake || !strings.Contains(out, says) {
			t.Errorf("of changed tiles it answers %d and does not say %q:\n%s%s", code, says, out, stderr)
		}
	}
	if strings.Contains(out, "twice differs") || strings.Contains(out, "g__x_max_2d differs") {
		t.Errorf("what is right of its own inputs differs, or what was not changed:\n%s", out)
	}
}

// What the online store cannot have is missing, a stand-in is said to be one, and where nothing is answered nothing is proved.
func TestVerifyProvesNothingOfNothing(t *testing.T) {
	s := serveClasses(t, classFeatures, header)
	s.push("a 10:00:00 3")
	s.tiles(func(_ *plan.Space, p *store.Put) { p.Bytes = []byte("damaged") })
	s.done()
	r := found(t, s.dir, exitGood, "v", "--roads", "local,served", "--sample", sampleFile(t, s.dir, "k\na\n"))
	if r.Verdict != verdictPartly {
		t.Errorf("of missing values the verdict is %q", r.Verdict)
	}
	if sum, least := r.column(t, "g__x_sum_1h"), r.column(t, "g__x_min_1h"); sum.Missing != 1 || sum.Compared.Compared != 0 || least.Said["fallback"] != 1 || least.Compared.Compared != 0 {
		t.Errorf("of a damaged tile: %+v, with a fallback: %+v", sum, least)
	}
	none, err := keepRows(s.dir, "none", value.Schema{{Name: "k", Type: value.String}, {Name: "at", Type: value.Timestamp}})
	if err != nil {
		t.Fatal(err)
	}
	if err := none.done(); err != nil {
		t.Fatal(err)
	}
	empty := found(t, s.dir, exitMistake, "v", "--roads", "local,oracle", "--sample", none.path)
	if empty.Verdict != verdictNothing {
		t.Errorf("of no rows the verdict is %q", empty.Verdict)
	}
}

func TestVerifyRefuses(t *testing.T) {
	dir := smallProject(t, smallFeatures)
	sample := sampleFile(t, dir, threeRows)
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"v --roads local --sample x.csv", exitUsage, "two roads"}, {"v --roads local,spork --sample x.csv", exitUsage, "local, oracle, spark and served"},
		{"v --roads local,local", exitUsage, "local twice"}, {"v --roads local,spark", exitMistake, "[batch] remote"}, {"--roads local,oracle", exitUsage, "the name of a view"},
		{"v --roads local,oracle --at when --sample " + sample, exitMistake, `no column "when"`}, {"v --roads local,oracle --sample none.csv", exitMistake, "none.csv"},
		{"v --roads local,oracle --sample " + sample + " --report r.json", exitMistake, "--new-key"},
		{"v --roads local,oracle --sample " + sample + " --report r.json --key " + sample, exitMistake, "no PEM file"},
		{"--check " + sample, exitMistake, "no signed report"}, {"--check none.json", exitMistake, "none.json"}, {"--new-key " + sample, exitMistake, "is there already"},
	} {
		if code, out, stderr := bighead(t, dir, append([]string{"verify"}, strings.Fields(c.args)...)...); code != c.code || !strings.Contains(stderr, c.says) {
			t.Errorf("verify %s answers %d: %s%s", c.args, code, out, stderr)
		}
	}
	for name, text := range map[string]string{"null": "k,at\na,2024-01-02T10:20:00Z\nb,\n"} {
		code, out, stderr := bighead(t, dir, "verify", "v", "--roads", "local,oracle", "--sample", sampleFile(t, dir, text))
		if code != exitMistake || !strings.Contains(stderr, "row 2 of") {
			t.Errorf("%s: %d %s%s", name, code, out, stderr)
		}
	}
}

// What Spark would not compute as it is meant is refused before anything is read, with its line; what else is defined is no matter.
func TestVerifyRefusesWhatSparkIsNotTold(t *testing.T) {
	dir := smallProject(t, `import bighead as bh

e = bh.EventSource("e", path="e.csv", time="ts")
g = bh.FeatureGroup("g", source=e, keys=["k"], features=[
    bh.sum("x", windows=["1h"]),
    bh.last("round(ln(x))", name="log"),
])
h = bh.FeatureGroup("h", source=e, keys=["k"], features=[bh.sum("x", windows=["1h"])])
v = bh.FeatureView("v", groups=[g])
fine = bh.FeatureView("fine", groups=[h])
`)
	if err := os.WriteFile(filepath.Join(dir, "bighead.toml"), []byte("[batch]\nremote = \"sc://127.0.0.1:1\"\nstage = \"stage\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	sample := sampleFile(t, dir, threeRows)
	if code, out, stderr := bighead(t, dir, "verify", "v", "--roads", "local,oracle", "--sample", sample); code != exitGood {
		t.Errorf("on our own roads: %d %s%s", code, out, stderr)
	}
	code, out, stderr := bighead(t, dir, "verify", "v", "--roads", "local,spark", "--sample", "none.csv")
	for _, says := range []string{"view v cannot be computed on spark", "features.py:6:", "BH031", "ln"} {
		if code != exitMistake || !strings.Contains(stderr, says) {
			t.Errorf("%d, without %q: %s%s", code, says, out, stderr)
		}
	}
	if code, _, stderr := bighead(t, dir, "verify", "fine", "--roads", "local,spark", "--sample", sample); code == exitGood || !strings.Contains(stderr, "127.0.0.1:1") || strings.Contains(stderr, "BH031") {
		t.Errorf("a view that Spark can be told: %d %s", code, stderr)
	}
}

// Without a file the rows are those of a training set's spine, or of a source; the same seed draws the same ones.
func TestVerifyDrawsItsSample(t *testing.T) {
	dir := smallProject(t, smallFeatures)
	r := found(t, dir, exitGood, "v", "--roads", "local,oracle")
	if r.Sample.Of != "the spine of training set t" || r.Sample.Rows != 3 || r.Sample.Drawn != 3 || r.Sample.Seed != nil || r.Verdict != verdictEqual {
		t.Errorf("of the spine: %+v %s", r.Sample, r.Verdict)
	}
	var rows strings.Builder
	rows.WriteString("k,at\n")
	for i := range 500 {
		fmt.Fprintf(&rows, "%c,2024-01-02T10:%02d:%02dZ\n", 'a'+i%3, i%60, i/60)
	}
	sample := sampleFile(t, dir, rows.String())
	draw := func(args ...string) *sampledRows {
		r := found(t, dir, exitGood, append([]string{"v", "--roads", "local,oracle", "--sample", sample}, args...)...)
		return &sampledRows{r.Sample.Rows, r.Sample.Drawn, r.Sample.Hash, r.Sample.File}
	}
	whole, one, again, two := draw(), draw("--sample-size", "100"), draw("--sample-size", "100"), draw("--sample-size", "100", "--seed", "2")
	if whole.rows != 500 || one.rows != 100 || one.of != 500 || *one != *again || one.hash == two.hash || one.file != two.file || two.rows != 100 {
		t.Errorf("all: %+v, seed 1: %+v and %+v, seed 2: %+v", whole, one, again, two)
	}
	if of := found(t, dir, exitGood, "v", "--roads", "local,oracle", "--sample", "e").Sample; of.Of != "source e" || of.Rows == 0 {
		t.Errorf("of the source: %+v", of)
	}
}

type sampledRows struct {
	rows, of   int64
	hash, file string
}

// What was found is signed, and says so to whoever has the key; what was changed since is refused.
func TestVerifySignsItsReport(t *testing.T) {
	dir := smallProject(t, smallFeatures)
	at := func(name string) string { return filepath.Join(dir, name) }
	mustRun(t, dir, "verify", "--new-key", at("key.pem"))
	mustRun(t, dir, "verify", "--new-key", at("other.pem"))
	if info, err := os.Stat(at("key.pem")); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("others may read the key: %v %v", info.Mode(), err)
	}
	if err := os.WriteFile(at("bighead.toml"), []byte("[verify]\nkey = \"key.pem\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	mustRun(t, dir, "verify", "v", "--roads", "local,oracle", "--report", at("r.json"))
	for _, c := range []struct {
		public string
		code   int
		says   string
	}{
		{at("key.pem.pub"), exitGood, "it attests of view v of "}, {at("other.pem.pub"), exitMistake, "is signed by ed25519:"}, {"", exitGood, "the key that the report itself names"},
		{at("key.pem"), exitMistake, "PRIVATE KEY, not a PUBLIC KEY"}, {"nothing", exitMistake, "neither a key nor a file"},
	} {
		if code, out, stderr := bighead(t, dir, "verify", "--check", at("r.json"), "--public", c.public); code != c.code || !strings.Contains(out+stderr, c.says) {
			t.Errorf("checked with %q it answers %d\n%s%s", c.public, code, out, stderr)
		}
	}
	text, err := os.ReadFile(at("r.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at("r.json"), []byte(strings.Replace(string(text), `"differing":0`, `"differing":1`, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := bighead(t, dir, "verify", "--check", at("r.json")); code != exitMistake || !strings.Contains(stderr, "changed after it was signed") {
		t.Errorf("of a changed report it answers %d %s", code, stderr)
	}
}
