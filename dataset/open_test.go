package dataset_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/datasettest"
	"github.com/bighead-ml/bighead/dataset/text"
	"github.com/bighead-ml/bighead/value"
)

var formats = []dataset.Format{text.CSV{}, text.NDJSON{}}

// tree writes files below a new folder.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// paths lists a table's files relative to a folder.
func paths(t *testing.T, table dataset.Table, dir string) string {
	t.Helper()
	var out []string
	for _, p := range table.Parts() {
		rel, err := filepath.Rel(dir, p.Path)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, filepath.ToSlash(rel))
	}
	return strings.Join(out, " ")
}

func TestFilesAreFound(t *testing.T) {
	const one = "x\n1\n"
	dir := tree(t, map[string]string{
		"a.csv": one, "b.csv": one, "_SUCCESS": "", ".a.csv.crc": "no", "_temporary/x.csv": "no", "sub/c.csv": one, "sub/deep/d.csv": one, "sub/_x.csv": "no",
		"day=1/part.csv": one, "_hidden=1/part.csv": one, "[odd].csv": one,
	})
	for pattern, want := range map[string]string{
		"a.csv":           "a.csv",
		"sub":             "sub/c.csv sub/deep/d.csv",
		"*.csv":           "[odd].csv a.csv b.csv",
		"[ab].csv":        "a.csv b.csv",
		"s*/*.csv":        "sub/c.csv",
		"sub/**/d.csv":    "sub/deep/d.csv",
		"sub/**":          "sub/c.csv sub/deep/d.csv",
		"**/c.csv":        "sub/c.csv",
		"[odd].csv":       "[odd].csv",
		"day=*":           "day=1/part.csv",
		"day=*/part.csv":  "day=1/part.csv",
		"_hidden=*/*.csv": "_hidden=1/part.csv",
		"./sub/../a.csv":  "a.csv",
	} {
		table, err := dataset.Open(t.Context(), formats, filepath.Join(dir, pattern), dataset.Options{})
		if err != nil {
			t.Errorf("%s: %v", pattern, err)
			continue
		}
		if got := paths(t, table, dir); got != want {
			t.Errorf("%s: %s, want %s", pattern, got, want)
		}
	}
}

func TestLinksAreFollowedButNotForEver(t *testing.T) {
	dir := tree(t, map[string]string{"real/a.csv": "x\n1\n", "real/sub/b.csv": "x\n2\n"})
	if err := os.Symlink(filepath.Join(dir, "real"), filepath.Join(dir, "link")); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	table, err := dataset.Open(t.Context(), formats, filepath.Join(dir, "link"), dataset.Options{})
	if err != nil || len(table.Parts()) != 2 {
		t.Fatalf("through a link: %v", err)
	}
	if err := os.Symlink(filepath.Join(dir, "real"), filepath.Join(dir, "real", "sub", "round")); err != nil {
		t.Fatal(err)
	}
	if _, err := dataset.Open(t.Context(), formats, filepath.Join(dir, "real"), dataset.Options{}); err == nil {
		t.Error("a circle of links ended in a table")
	}
}

func TestWhatCannotBeOpenedSaysWhy(t *testing.T) {
	dir := tree(t, map[string]string{
		"mixed/a.csv": "x\n1\n", "mixed/b.ndjson": `{"x":1}`, "stray/a.csv": "x\n1\n", "stray/README.md": "no", "none/.x": "",
		"half/k=1/a.csv": "x\n1\n", "half/a.csv": "x\n1\n", "order/a=1/b=1/x.csv": "x\n1\n", "order/b=1/a=1/x.csv": "x\n1\n", "twice/a=1/a=2/x.csv": "x\n1\n",
	})
	for pattern, want := range map[string][]string{
		"nowhere":     {"no such file"},
		"none":        {"no data files"},
		"*.parquet":   {"no data files"},
		"mixed":       {"b.ndjson", "is ndjson", "a.csv is csv"},
		"stray":       {"README.md", "format"},
		"half":        {"partitioned by", "k"},
		"order":       {"partitioned by [b, a]", "[a, b]"},
		"twice":       {`"a" stands twice`},
		"s3://bucket": {"s3://", "not there yet"},
		"[":           {"no such file"},
	} {
		path := filepath.Join(dir, pattern)
		if strings.Contains(pattern, "://") {
			path = pattern
		}
		_, err := dataset.Open(t.Context(), formats, path, dataset.Options{})
		for _, w := range want {
			if err == nil || !strings.Contains(err.Error(), w) && pattern != "[" {
				t.Errorf("%s: %v, without %q", pattern, err, w)
			}
		}
	}
	if _, err := dataset.Open(t.Context(), formats, filepath.Join(dir, "stray"), dataset.Options{Format: "orc"}); err == nil || !strings.Contains(err.Error(), "csv, ndjson") {
		t.Errorf("an unknown format: %v", err)
	}
}

func TestPartitionColumns(t *testing.T) {
	dir := tree(t, map[string]string{
		"d=2024-01-31/n=7/s=a%2Fb%20c/x.csv":                                    "x\n1\n",
		"d=2024-02-01/n=-12/s=100%25 of %/x.csv":                                "x\n2\n",
		"d=__HIVE_DEFAULT_PARTITION__/n=007/s=__HIVE_DEFAULT_PARTITION__/x.csv": "x\n3\n",
	})
	read := func(o dataset.Options) (value.Schema, string, error) {
		table, err := dataset.Open(t.Context(), formats, dir, o)
		if err != nil {
			return nil, "", err
		}
		rows, _, err := datasettest.Drain(t.Context(), table, dataset.Scan{})
		return table.Schema(), fmt.Sprint(rows), err
	}
	schema, rows, err := read(dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(schema); got != "[{x int} {d date} {n int} {s string}]" {
		t.Errorf("schema %s", got)
	}
	if rows != "[[1 2024-01-31 7 a/b c] [2 2024-02-01 -12 100%25 of %] [3 null 7 null]]" {
		t.Errorf("rows %s", rows)
	}
	declared := value.Schema{{Name: "d", Type: value.String}, {Name: "n", Type: value.String}, {Name: "x", Type: value.Float}}
	schema, rows, err = read(dataset.Options{Declared: declared})
	if err != nil || fmt.Sprint(schema) != "[{x float} {d string} {n string} {s string}]" || !strings.HasSuffix(rows, "[3.0 null 007 null]]") {
		t.Errorf("declared: %v %s %v", schema, rows, err)
	}
	for _, bad := range []value.Field{{Name: "s", Type: value.Int}, {Name: "n", Type: value.Date}, {Name: "d", Type: value.Bool}} {
		if _, _, err := read(dataset.Options{Declared: value.Schema{bad}}); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", bad.Name)) {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

func TestFoldersHideAFilesColumn(t *testing.T) {
	dir := tree(t, map[string]string{"k=1/x.csv": "k,x\nold,1\n"})
	table, err := dataset.Open(t.Context(), formats, dir, dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	rows, _, err := datasettest.Drain(t.Context(), table, dataset.Scan{})
	if err != nil || fmt.Sprint(rows) != "[[1 1]]" || len(table.Warnings()) != 1 || table.Warnings()[0].Column != "k" {
		t.Errorf("%v %v %v", rows, table.Warnings(), err)
	}
}

// broken is a format whose reader fails at a row of one file, or panics.
type broken struct{ panics bool }

func (broken) Name() string         { return "broken" }
func (broken) Extensions() []string { return []string{".broken"} }
func (b broken) Open(_ context.Context, path string, _ dataset.Options) (dataset.File, error) {
	return brokenFile{b, path}, nil
}

// encodable adds the half of a Format that the test does not need.
type encodable struct{ broken }

func (encodable) Encode(io.Writer, value.Schema, dataset.Metadata, dataset.WriteOptions) (dataset.Encoder, error) {
	return nil, errors.ErrUnsupported
}

type brokenFile struct {
	broken
	path string
}

func (brokenFile) Schema() value.Schema        { return value.Schema{{Name: "x", Type: value.Int}} }
func (brokenFile) Warnings() []dataset.Warning { return nil }
func (brokenFile) Metadata() dataset.Metadata  { return dataset.Metadata{} }
func (brokenFile) Groups() []dataset.Group     { return make([]dataset.Group, 5) }

func (f brokenFile) Read(_ context.Context, group int, _ []int, _ int, _ *dataset.Counts, emit func(*value.Batch) error) error {
	if group == 3 {
		if f.panics {
			panic("ours")
		}
		return &fs.PathError{Op: "read", Path: f.path, Err: fs.ErrPermission}
	}
	return emit(value.BatchOf(f.Schema(), [][]value.Value{{value.OfInt(int64(group))}}))
}

func TestErrorsComeInOrder(t *testing.T) {
	dir := tree(t, map[string]string{"a.broken": ""})
	for _, panics := range []bool{false, true} {
		table, err := dataset.Open(t.Context(), []dataset.Format{encodable{broken{panics}}}, dir, dataset.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			rows, _, err := datasettest.Drain(t.Context(), table, dataset.Scan{Parallel: 4})
			if fmt.Sprint(rows) != "[[0] [1] [2]]" || err == nil || !strings.Contains(err.Error(), "a.broken") {
				t.Fatalf("rows %v, error %v", rows, err)
			}
		}
		r, err := table.Scan(t.Context(), dataset.Scan{})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Next(); err == nil {
			t.Error("a batch after close")
		}
	}
}

func TestCountsByCauseAreJSON(t *testing.T) {
	b, err := json.Marshal(dataset.Counts{Nulled: map[dataset.Cause]int64{{Column: "x", Reason: dataset.NonFinite}: 2}})
	if err != nil || !strings.Contains(string(b), `{"x: not finite":2}`) {
		t.Errorf("%s %v", b, err)
	}
}
