package flink

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/enginetest"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/project"
)

const corpus = "../enginetest/testdata"

// TestCorpus has Flink fold what scripts of the corpus ask for, some of it each time, by the seed.
func TestCorpus(t *testing.T) {
	t.Logf("seed %d", *seed)
	w := newRoad(*seed)
	sources := scripts(t, filepath.Join(corpus, *folder))
	suite := &enginetest.Suite{Roads: []engine.Engine{w}, Root: corpus, Record: record}
	run := func() *enginetest.Results {
		res, err := suite.Run(t.Context(), sources)
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	run()
	for why, n := range w.declined {
		t.Logf("declined %d times: %s", n, why)
	}
	w.run(t, *atOnce, *questions, Options{})
	res := run()
	if res.Failed() > 0 {
		var b strings.Builder
		_ = res.Write(&b)
		t.Errorf("%d of %d scripts\n%s", res.Failed(), len(sources), &b)
	}
}

// TestCorpusRefusals holds what of the corpus Flink does not fold to testdata/refusals.txt. It needs no Flink.
func TestCorpusRefusals(t *testing.T) {
	w := newRoad(*seed)
	suite := &enginetest.Suite{Roads: []engine.Engine{w}, Root: corpus, Record: record}
	if _, err := suite.Run(t.Context(), scripts(t, corpus)); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/refusals.txt", strings.Join(slices.Sorted(maps.Keys(w.refused)), "\n")+"\n")
}

func record(ctx context.Context, units []project.Unit) ([]*feature.Definitions, error) {
	return project.RecordUnits(ctx, project.Python{Timeout: 10 * time.Minute}, units)
}

// scripts are those of a folder, by path.
func scripts(t testing.TB, folder string) []enginetest.Source {
	t.Helper()
	out, err := enginetest.Scripts(folder)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
