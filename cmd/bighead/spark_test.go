package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	servers "github.com/bighead-ml/bighead/engine/enginetest/server"
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
