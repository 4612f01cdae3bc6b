package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/feature"
)

// byTheOracle has the oracle, not the engine that `bighead features` would ask, compute a view of a project in a folder over the rows of a file, as
// of their column "asked": what is online is held against the definition of right answers, and not against another road to them. definitions is a
// recording; "": the project's own files.
func byTheOracle(t *testing.T, dir, definitions, view, spine string) (rows []map[string]json.RawMessage) {
	t.Helper()
	ctx := t.Context()
	var said strings.Builder
	c := &cli{dir: dir, cells: definitions, stdin: strings.NewReader(""), stdout: &said, stderr: &said}
	l, err := c.load(ctx)
	if err != nil {
		t.Fatal(err, said.String())
	}
	v, err := find("view", l.typed.Views, func(v *feature.View) string { return v.Name }, view)
	if err != nil {
		t.Fatal(err)
	}
	table, err := dataset.Open(ctx, formats, spine, dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := planOver(v, table.Schema(), "asked")
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "oracle.ndjson")
	s, err := c.sinkFor(ctx, l, out, v.Name, b, nil)
	if err != nil {
		t.Fatal(err)
	}
	in := l.raw()
	in.Spine = table
	if _, err := roads(engineOptions{})["oracle"].Run(ctx, b, in, s.write); err != nil {
		t.Fatal(err)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		var row map[string]json.RawMessage
		if err := json.Unmarshal(line, &row); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	return rows
}
