package spark_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/enginetest"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/project"
)

const corpus = "../enginetest/testdata"

// TestCorpus runs every script on Spark.
func TestCorpus(t *testing.T) {
	road := onSpark(t, quick, false)
	folders, err := os.ReadDir(corpus)
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range folders {
		t.Run(folder.Name(), func(t *testing.T) {
			t.Parallel() // planning a query takes longer than running it, and takes one core
			sources := scripts(t, filepath.Join(corpus, folder.Name()))
			suite := &enginetest.Suite{Roads: []engine.Engine{road}, Root: corpus, Record: record}
			res, err := suite.Run(t.Context(), sources)
			if err != nil {
				t.Fatal(err)
			}
			if res.Failed() > 0 {
				var b strings.Builder
				_ = res.Write(&b)
				t.Errorf("%d of %d scripts\n%s", res.Failed(), len(sources), &b)
			}
		})
	}
}

func record(ctx context.Context, units []project.Unit) ([]*feature.Definitions, error) {
	return project.RecordUnits(ctx, project.Python{}, units)
}

// scripts are those of a folder, by path.
func scripts(t testing.TB, folder string) []enginetest.Source {
	t.Helper()
	var out []enginetest.Source
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".feat" {
			return err
		}
		text, err := os.ReadFile(path)
		out = append(out, enginetest.Source{Path: filepath.ToSlash(path), Text: string(text)})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) == 0 {
		t.Fatalf("no scripts in %s", folder)
	}
	return out
}
