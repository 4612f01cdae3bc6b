package main

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/enginetest"
	road "github.com/bighead-ml/bighead/engine/enginetest/online"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/project"
)

const corpusFolder = "../../engine/enginetest/testdata"

// corpus is the project's own scripts.
func corpus(t *testing.T) []enginetest.Source {
	t.Helper()
	var out []enginetest.Source
	err := filepath.WalkDir(corpusFolder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".feat" {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(corpusFolder, path)
		out = append(out, enginetest.Source{Path: filepath.ToSlash(name), Text: string(text)})
		return err
	})
	if err != nil || len(out) < 50 {
		t.Fatal(len(out), err)
	}
	return out
}

// recordOnce records scripts in one process of Python, and gives the same each time.
func recordOnce() func(context.Context, []project.Unit) ([]*feature.Definitions, error) {
	var defs []*feature.Definitions
	return func(ctx context.Context, units []project.Unit) ([]*feature.Definitions, error) {
		if defs == nil {
			var err error
			if defs, err = project.RecordUnits(ctx, project.Python{}, units); err != nil {
				return nil, err
			}
		}
		return defs, nil
	}
}

func TestScriptsOnline(t *testing.T) {
	s := enginetest.Suite{Root: corpusFolder, Record: recordOnce(), Roads: []engine.Engine{road.Road{Parts: onlineParts(t.TempDir()), Settings: road.Plain("memory", "direct")}}}
	res, err := s.Run(t.Context(), corpus(t))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	_ = res.Write(&b)
	if res.Failed() > 0 {
		t.Error("\n" + b.String())
	}
	t.Log(b.String())
}
