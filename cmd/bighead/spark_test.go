package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
