package flink

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/project"
)

var rewrite = flag.Bool("rewrite", false, "write testdata; read the diff")

// golden compares a text with a file.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *rewrite {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s is otherwise:\n%s", file, got)
	}
}

// TestPrinted compares the jobs of testdata/*.py with testdata/*.sql.
func TestPrinted(t *testing.T) {
	for _, file := range []string{"group", "plain"} {
		j, err := Print(spaceOf(t, "testdata/"+file+".py"), Options{Brokers: "kafka:9092", Topic: "tiles.g", Properties: map[string]string{"sasl.jaas.config": "the-secret"}})
		if err != nil {
			t.Fatal(err)
		}
		text := j.String()
		if strings.Contains(text, "the-secret") {
			t.Error("a secret is in the text")
		}
		for _, s := range j.tables {
			if strings.HasPrefix(s.sql, "CREATE TEMPORARY TABLE") && !strings.Contains(j.revealed(s.sql), "'the-secret'") {
				t.Errorf("Flink is not told the secret:\n%s", s.sql)
			}
		}
		golden(t, "testdata/"+file+".sql", text)
	}
}

// spaceOf is that of the last group that a file defines.
func spaceOf(t *testing.T, file string) *plan.Space {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	defs, err := record(t.Context(), []project.Unit{{Name: filepath.Base(file), Text: &text}})
	if err != nil {
		t.Fatal(err)
	}
	p, problems := feature.Check(defs[0], feature.Options{Stream: "flink"})
	if problems.Failed() {
		t.Fatal(problems.Err())
	}
	return plan.SpaceOf(p.Groups[len(p.Groups)-1])
}
