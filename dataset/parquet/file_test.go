package parquet_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/datasettest"
	"github.com/bighead-ml/bighead/dataset/parquet"
	"github.com/bighead-ml/bighead/value"
)

var formats = []dataset.Format{parquet.Format{}}

func open(t *testing.T, path string, o dataset.Options) dataset.Table {
	t.Helper()
	table, err := dataset.Open(t.Context(), formats, path, o)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestOtherWritersFiles(t *testing.T) {
	datasettest.Fixtures(t, formats, "testdata/*.parquet", 20)
}

func TestRowGroupsAreSkippedByRange(t *testing.T) {
	table := open(t, "testdata/groups.parquet", dataset.Options{})
	ms := func(i int64) value.Value { return value.OfTimestamp(i) }
	for _, c := range []struct {
		r     dataset.Range
		first int64 // of the rows that are read
		rows  int
		parts int // skipped
	}{
		{dataset.Range{Column: "i", Min: value.OfInt(25), Max: value.OfInt(49)}, 25, 25, 0},
		{dataset.Range{Column: "i", Min: value.OfInt(24), Max: value.OfInt(25)}, 0, 50, 0},
		{dataset.Range{Column: "i", Min: value.OfInt(75)}, 75, 25, 0},
		{dataset.Range{Column: "i", Max: value.OfInt(24)}, 0, 25, 0},
		{dataset.Range{Column: "i", Min: value.OfInt(100)}, 0, 0, 1},
		{dataset.Range{Column: "t", Min: ms(24_999), Max: ms(24_999)}, 25, 25, 0},
		{dataset.Range{Column: "t", Min: ms(23_999), Max: ms(24_998)}, 0, 25, 0},
		{dataset.Range{Column: "s", Min: value.OfString("050"), Max: value.OfString("0500")}, 50, 25, 0},
		{dataset.Range{Column: "f", Min: value.OfFloat(-12)}, 0, 25, 0},
		{dataset.Range{Column: "none", Min: value.OfInt(0), Max: value.OfInt(1000)}, 25, 75, 0}, // the first group has nulls alone
	} {
		rows, counts, err := datasettest.Drain(t.Context(), table, dataset.Scan{Columns: []string{"i"}, Ranges: []dataset.Range{c.r}})
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) != c.rows || counts.PartsSkipped != c.parts || counts.Parts+c.parts != 1 || c.rows > 0 && (rows[0][0].Int() != c.first || counts.GroupsSkipped != 4-c.rows/25) {
			t.Errorf("%+v: %d rows, counts %+v", c.r, len(rows), counts)
		}
	}
}

// Who writes beside what may not wait is asked to pause after each column.
func TestWritingPauses(t *testing.T) {
	schema := value.Schema{{Name: "a", Type: value.Int}, {Name: "b", Type: value.Int}, {Name: "c", Type: value.Int}}
	pauses := 0
	w, err := dataset.Create(formats, filepath.Join(t.TempDir(), "x.parquet"), schema, dataset.Metadata{}, dataset.WriteOptions{Parallel: 1, Pause: func() { pauses++ }})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	if err := w.Write(value.BatchOf(schema, [][]value.Value{{value.OfInt(1), value.OfInt(2), value.OfInt(3)}})); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if pauses != 2*len(schema) { // a column is taken in, and encoded
		t.Errorf("%d pauses for %d columns", pauses, len(schema))
	}
}

func TestIntegersAsTimes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.parquet")
	schema := value.Schema{{Name: "t", Type: value.Int}, {Name: "s", Type: value.String}}
	w, err := dataset.Create(formats, path, schema, dataset.Metadata{}, dataset.WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	if err := w.Write(value.BatchOf(schema, [][]value.Value{{value.OfInt(-1), {}}, {value.OfInt(1_700_000_000), {}}, {{}, {}}, {value.OfInt(1 << 60), {}}})); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for unit, want := range map[string]string{
		"s":  "[[1969-12-31T23:59:59Z] [2023-11-14T22:13:20Z] [null] [null]]",
		"ms": "[[1969-12-31T23:59:59.999Z] [1970-01-20T16:13:20Z] [null] [null]]",
		"us": "[[1969-12-31T23:59:59.999Z] [1970-01-01T00:28:20Z] [null] [null]]",
		"ns": "[[1969-12-31T23:59:59.999Z] [1970-01-01T00:00:01.700Z] [null] [2006-07-14T23:58:24.606Z]]",
	} {
		rows, counts, err := datasettest.Drain(t.Context(), open(t, path, dataset.Options{TimeUnits: map[string]string{"t": unit}}), dataset.Scan{Columns: []string{"t"}})
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(rows); got != want {
			t.Errorf("%s: %s, want %s", unit, got, want)
		}
		if lost := counts.Nulled[dataset.Cause{Column: "t", Reason: dataset.OutOfRange}]; lost != int64(strings.Count(want, "null")-1) {
			t.Errorf("%s: %d lost", unit, lost)
		}
	}
	for _, units := range []map[string]string{{"s": "ms"}, {"t": "minutes"}, {"u": "ms"}} {
		if _, err := dataset.Open(t.Context(), formats, path, dataset.Options{TimeUnits: units}); err == nil {
			t.Errorf("units %v were taken", units)
		}
	}
}

func TestLeftOutColumnsSayWhy(t *testing.T) {
	table := open(t, "testdata/types.parquet", dataset.Options{})
	for column, want := range map[string]string{"time": "time of day", "nothing": "no type", "int_keys": "keys"} {
		_, err := table.Scan(t.Context(), dataset.Scan{Columns: []string{column}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", column, err)
		}
	}
	typed := open(t, "testdata/types.parquet", dataset.Options{Declared: value.Schema{{Name: "nothing", Type: value.Date}}})
	rows, _, err := datasettest.Drain(t.Context(), typed, dataset.Scan{Columns: []string{"nothing"}})
	if err != nil || len(rows) != 40 || !rows[0][0].IsNull() {
		t.Errorf("a column without a type, declared: %d rows, %v", len(rows), err)
	}
	_, err = dataset.Open(t.Context(), formats, "testdata/types.parquet", dataset.Options{Declared: value.Schema{{Name: "time", Type: value.Int}}})
	if err == nil || !strings.Contains(err.Error(), "time of day") {
		t.Errorf("a time of day, declared: %v", err)
	}
}

func TestChecksumsAreChecked(t *testing.T) {
	whole, err := os.ReadFile("testdata/codec_none_v1.parquet")
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(whole, []byte("alpha")) // in the dictionary of s
	whole[at] = 'A'
	path := filepath.Join(t.TempDir(), "x.parquet")
	if err := os.WriteFile(path, whole, 0o666); err != nil {
		t.Fatal(err)
	}
	err = datasettest.TryAll(t.Context(), formats, path, dataset.Options{})
	if err == nil || !strings.Contains(err.Error(), "checksum") || !strings.Contains(err.Error(), `"s"`) || !strings.Contains(err.Error(), path) {
		t.Errorf("a flipped letter: %v", err)
	}
}

func TestMetadataIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.parquet")
	schema := value.Schema{{Name: "a", Type: value.Int}}
	m := dataset.Metadata{Keys: map[string]string{"view": "departure"}, Columns: map[string]dataset.ColumnInfo{"a": {Doc: "an \"a\"", Fingerprint: "f00"}}}
	w, err := dataset.Create(formats, path, schema, m, dataset.WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got := open(t, path, dataset.Options{}).Parts()[0].Metadata; fmt.Sprint(got) != fmt.Sprint(m) {
		t.Errorf("metadata %v, want %v", got, m)
	}
}

func TestNoFileIsTakenForAnother(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"text": "a,b\n1,2\n", "short": "PAR1", "marks": "PAR1PAR1PAR1", "encrypted": "PAR1 and much more PARE"} {
		path := filepath.Join(dir, name+".parquet")
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := dataset.Open(t.Context(), formats, path, dataset.Options{}); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
