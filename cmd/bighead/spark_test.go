package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/dataset"
	servers "github.com/bighead-ml/bighead/engine/enginetest/server"
	"github.com/bighead-ml/bighead/value"
)

// Spark gives a training set and a script's answers as the embedded engine does, and is let go.
func TestSparkComputesATrainingSet(t *testing.T) {
	url := servers.SparkURL(t)
	dir := smallProject(t, smallFeatures)
	settings := "[batch]\nremote = \"" + url + "\"\nstage = \"stage\"\n"
	script := "use features.py\n\nload e\n    k | ts | x\n    a | 2024-01-01T10:00:00Z | 1\n\neval g\n    k | at\n    a | 2024-01-01T10:30:00Z\n----\n    x_sum_1h | x_last\n    1 | 1\n"
	for name, text := range map[string]string{"bighead.toml": settings, "first.feat": script} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	rows := map[string]string{}
	for _, engine := range []string{"local", "spark"} {
		file := filepath.Join(dir, engine+".csv")
		code, out, stderr := bighead(t, dir, "training-set", "t", "--engine", engine, "--out", file)
		if code != exitGood {
			t.Fatalf("training-set --engine %s answers %d\n%s%s", engine, code, out, stderr)
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		rows[engine] = string(b)
	}
	if rows["local"] != rows["spark"] || strings.Count(rows["spark"], "\n") != 4 {
		t.Errorf("spark gives\n%s\nlocal\n%s", rows["spark"], rows["local"])
	}
	if code, out, stderr := bighead(t, dir, "test", filepath.Join(dir, "first.feat"), "--engine", "spark"); code != exitGood || !strings.Contains(out, "1 script, 1 answer, 0 failed") {
		t.Errorf("test --engine spark answers %d\n%s%s", code, out, stderr)
	}
}

const damagedFeatures = `import bighead as bh

e = bh.EventSource("e", path="e.parquet", time="ts")
g = bh.FeatureGroup("g", source=e, keys=["k"], features=[bh.sum("x", windows=["1h"])])
v = bh.FeatureView("v", groups=[g])
t = bh.TrainingSet("t", view=v, spine=bh.Spine("e.csv", at="ts"))
`

// damagedPages is a project that has events in a Parquet file whose pages are not what its footer says.
func damagedPages(t *testing.T) string {
	t.Helper()
	dir := smallProject(t, damagedFeatures)
	path := filepath.Join(dir, "e.parquet")
	schema := value.Schema{{Name: "k", Type: value.String}, {Name: "ts", Type: value.Timestamp}, {Name: "x", Type: value.Int}}
	w, err := dataset.Create(formats, path, schema, dataset.Metadata{}, dataset.WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]value.Value
	for i := range int64(1000) {
		rows = append(rows, []value.Value{value.OfString(fmt.Sprint("k", i%7)), value.OfTimestamp(1_704_067_200_000 + i*60_000), value.OfInt(i * i)})
	}
	if err := w.Write(value.BatchOf(schema, rows)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 4; i < len(b)/2; i++ { // behind the magic, and far before the footer
		b[i] ^= 0xff
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// saysWhichSource has commands fail over damaged pages, and wants the source's line, what is wrong, and nothing written.
func saysWhichSource(t *testing.T, dir string, engine string) {
	t.Helper()
	out := filepath.Join(dir, "rows.csv")
	for _, args := range [][]string{{"training-set", "t", "--engine", engine, "--out", out}, {"backfill", "--engine", engine}} {
		code, stdout, stderr := bighead(t, dir, args...)
		if code != exitOutside || !strings.HasPrefix(stderr, "bighead: features.py:3:5: source \"e\": ") || !strings.Contains(stderr, "e.parquet") || stdout != "" {
			t.Errorf("%s answers %d\n%s%s", strings.Join(args, " "), code, stdout, stderr)
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Errorf("%s is written", out)
	}
}

// A file whose pages are damaged is told with the line of the source that it belongs to.
func TestDamagedPagesAreTracedToTheirSource(t *testing.T) {
	saysWhichSource(t, damagedPages(t), "local")
}

// Spark's failure over such a file is told so too.
func TestDamagedPagesAreTracedToTheirSourceOnSpark(t *testing.T) {
	url := servers.SparkURL(t)
	dir := damagedPages(t)
	if err := os.WriteFile(filepath.Join(dir, "bighead.toml"), []byte("[batch]\nremote = \""+url+"\"\nstage = \"stage\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	saysWhichSource(t, dir, "spark")
	if left, err := os.ReadDir(filepath.Join(dir, "stage")); err == nil && len(left) > 0 {
		t.Errorf("%d files are left for Spark", len(left))
	}
}

// What bighead.toml says of Spark's session and stage is refused by name where it cannot be, before anything is asked for.
func TestSparkSettingsThatCannotBe(t *testing.T) {
	dir := smallProject(t, smallFeatures)
	for toml, says := range map[string]string{
		"stage = \"s3://b/stage\"":                           `[batch] stage = "s3://b/stage": tables for Spark are written into a folder`,
		"settings = [\"spark.sql.ansi.enabled=false\"]":      `[batch] settings: spark.sql.ansi.enabled is true, on which the printed SQL stands`,
		"settings = [\"spark.sql.shuffle.partitions=2\", 1]": "batch.settings",
		"settings = [\"spark.sql.shuffle.partitions\"]":      "is no setting: write name=value",
	} {
		if err := os.WriteFile(filepath.Join(dir, "bighead.toml"), []byte("[batch]\nremote = \"sc://"+closedPort(t)+"\"\n"+toml+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"training-set", "t", "--engine", "spark"}, {"backfill", "--engine", "spark"}} {
			if code, out, stderr := bighead(t, dir, args...); code == exitGood || !strings.Contains(stderr, says) {
				t.Errorf("%s: %s answers %d\n%s%s", toml, args[0], code, out, stderr)
			}
		}
	}
}

// manyEvents is a project that computes on Spark, of rows that are too many to stand in the query.
func manyEvents(t *testing.T, url string) string {
	t.Helper()
	dir := smallProject(t, smallFeatures)
	csv := "k,ts,x\n"
	for i := range 20_000 {
		csv += fmt.Sprintf("k%d,2024-01-%02dT%02d:%02d:00Z,%d\n", i%7, 1+i/1440%28, i/60%24, i%60, i)
	}
	for name, text := range map[string]string{"e.csv": csv, "bighead.toml": "[batch]\nengine = \"spark\"\nremote = \"" + url + "\"\nstage = \"stage\"\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// staged lists what is left for Spark.
func staged(dir string) []string {
	files, _ := filepath.Glob(filepath.Join(dir, "stage", "*")) // the pattern is good
	return files
}

// Ctrl-C while Spark has a run's tables ends it as it ends any command: 130, and nothing is left, of the rows, of tiles or for Spark.
func TestCtrlCOnSpark(t *testing.T) {
	url, dir := servers.SparkURL(t), ""
	for _, args := range [][]string{{"training-set", "t", "--out", "rows.csv"}, {"backfill"}} {
		const tries = 20
		for try := 1; ; try++ {
			dir = manyEvents(t, url)
			if args[0] == "training-set" {
				args[3] = filepath.Join(dir, "rows.csv")
			}
			code, stdout, stderr := interrupted(t, dir, args...)
			if code == exitGood && try < tries { // it was done before the tables were seen: who looks may stand still
				continue
			}
			if code != exitInterrupted || !strings.Contains(stderr, "interrupted; nothing half-written is left") || stdout != "" {
				t.Errorf("%s answers %d\n%s%s", args[0], code, stdout, stderr)
			}
			break
		}
		if left := staged(dir); len(left) > 0 {
			t.Errorf("%s leaves %q for Spark", args[0], left)
		}
		if files, err := filepath.Glob(filepath.Join(dir, "rows.csv*")); err != nil || len(files) > 0 {
			t.Errorf("%q is left", files)
		}
	}
	if err := filepath.WalkDir(filepath.Join(dir, ".bighead", "tiles"), func(path string, f os.DirEntry, err error) error {
		if err == nil && !f.IsDir() && f.Name() != "lock" {
			t.Errorf("%s is left", path)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
	if code, _, stderr := bighead(t, dir, "backfill"); code != exitGood {
		t.Errorf("the next backfill answers %d\n%s", code, stderr)
	}
}

// interrupted runs a command that is interrupted once there are tables for Spark.
func interrupted(t *testing.T, dir string, args ...string) (code int, stdout, stderr string) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	var looking sync.WaitGroup
	looking.Go(func() {
		defer cancel()
		for len(staged(dir)) == 0 {
			select {
			case <-done:
				return
			case <-time.After(time.Millisecond):
			}
		}
	})
	var out, errs bytes.Buffer
	c := &cli{stdin: strings.NewReader(""), stdout: &out, stderr: &errs}
	code = c.run(ctx, append([]string{"--project", dir}, args...))
	close(done)
	looking.Wait()
	return code, out.String(), errs.String()
}

// Of two backfills at once, one makes the tiles; the other is told to wait, or finds them made. Nothing is made twice, or lost.
func TestTwoBackfillsAtOnceOnSpark(t *testing.T) {
	dir := manyEvents(t, servers.SparkURL(t))
	type answer struct {
		code        int
		out, stderr string
	}
	answers := make(chan answer)
	for range 2 {
		go func() {
			code, out, stderr := bighead(t, dir, "backfill", "--json")
			answers <- answer{code, out, stderr}
		}()
	}
	made, good := int64(0), 0
	for range 2 {
		a := <-answers
		if a.code != exitGood {
			if !strings.Contains(a.stderr, "another bighead is making tiles here: wait until it is done") {
				t.Errorf("it answers %d\n%s%s", a.code, a.out, a.stderr)
			}
			continue
		}
		good++
		made += madeCells(t, a.out)
	}
	if good == 0 || made == 0 {
		t.Fatalf("%d made %d cells", good, made)
	}
	if again := madeCells(t, mustRun(t, dir, "backfill", "--json")); again != 0 {
		t.Errorf("%d cells are made again", again)
	}
	if left := staged(dir); len(left) > 0 {
		t.Errorf("%q is left for Spark", left)
	}
	whole := manyEvents(t, "")
	if want := madeCells(t, mustRun(t, whole, "backfill", "--json", "--engine", "local")); made != want {
		t.Errorf("%d cells were made, of %d", made, want)
	}
}

// madeCells is how many cells a backfill says that it made.
func madeCells(t *testing.T, report string) (n int64) {
	t.Helper()
	var r struct{ Sets []struct{ Made int64 } }
	if err := json.Unmarshal([]byte(report), &r); err != nil {
		t.Fatal(err)
	}
	for _, s := range r.Sets {
		n += s.Made
	}
	return n
}
