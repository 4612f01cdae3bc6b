package iceberg_test

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/catalog/hadoop"
	icesql "github.com/apache/iceberg-go/catalog/sql"
	"github.com/apache/iceberg-go/table"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/arrow"
	"github.com/bighead-ml/bighead/dataset/datasettest"
	ours "github.com/bighead-ml/bighead/dataset/iceberg"
	"github.com/bighead-ml/bighead/dataset/parquet"
	"github.com/bighead-ml/bighead/value"
)

// world is an empty catalog, as the library and as we have it.
type world struct {
	catalog catalog.Catalog
	ours    ours.Tables
}

func worlds(t *testing.T) map[string]world {
	t.Helper()
	out := map[string]world{}
	dir := t.TempDir()
	file, warehouse := filepath.Join(dir, "catalog.db"), filepath.Join(dir, "warehouse")
	db, err := sql.Open("sqlite", "file:"+file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	c, err := icesql.NewCatalog("default", db, icesql.SQLite, iceberg.Properties{"warehouse": "file://" + warehouse})
	if err != nil {
		t.Fatal(err)
	}
	out["sqlite"] = world{c, ours.Tables{Config: ours.Config{Kind: "sqlite", URI: file, Name: "default", Warehouse: warehouse}}}
	folder := filepath.Join(dir, "hadoop")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	h, err := hadoop.NewCatalog("hadoop", folder, nil)
	if err != nil {
		t.Fatal(err)
	}
	out["hadoop"] = world{h, ours.Tables{Config: ours.Config{Kind: "hadoop", Warehouse: folder}}}
	for name, w := range out {
		w.ours.Parquet, w.ours.Stream = parquet.Format{}, arrow.Stream{}
		out[name] = w
		if err := w.catalog.CreateNamespace(t.Context(), table.Identifier{"db"}, nil); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

var schema = value.Schema{{Name: "k", Type: value.String}, {Name: "ts", Type: value.Timestamp}, {Name: "x", Type: value.Int}, {Name: "ds", Type: value.Date}, {Name: "tags", Type: value.ListOf(value.String)}}

// rows are n, each of its own, over three days, with nulls.
func rows(from, n int) [][]value.Value {
	var out [][]value.Value
	for i := from; i < from+n; i++ {
		x := value.OfInt(int64(i))
		if i%5 == 0 {
			x = value.Value{}
		}
		out = append(out, []value.Value{value.OfString(fmt.Sprintf("k%d", i%3)), value.OfTimestamp(1_700_000_000_000 + int64(i)), x, value.OfDate(19000 + int64(i%3)), value.OfList([]value.Value{value.OfString("a"), {}})})
	}
	return out
}

func appendRows(t *testing.T, w world, name string, batches ...[][]value.Value) {
	t.Helper()
	out, err := w.ours.Create(t.Context(), name, "test", schema, dataset.Metadata{})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Abort()
	for _, b := range batches {
		if err := out.Write(value.BatchOf(schema, b)); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

// read gives a table's rows as sorted text.
func read(t *testing.T, w world, name string, columns ...string) string {
	t.Helper()
	tbl, err := w.ours.Open(t.Context(), name, dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if columns == nil {
		columns = schema.Names()
	}
	return text(t, tbl, columns)
}

func text(t *testing.T, tbl dataset.Table, columns []string) string {
	t.Helper()
	got, _, err := datasettest.Drain(context.Background(), tbl, dataset.Scan{Columns: columns})
	if err != nil {
		t.Fatal(err)
	}
	return sortedText(got)
}

func sortedText(rows [][]value.Value) string {
	lines := map[string]int{}
	var b strings.Builder
	for _, r := range rows {
		lines[fmt.Sprint(r)]++
	}
	for _, r := range sortedKeys(lines) {
		fmt.Fprintln(&b, lines[r], r)
	}
	return b.String()
}

// Rows that are appended are read again, now and as of each snapshot, with and without partitions.
func TestAppendAndTimeTravel(t *testing.T) {
	for name, w := range worlds(t) {
		t.Run(name, func(t *testing.T) {
			for _, partitioned := range []bool{false, true} {
				place := fmt.Sprintf("db.t%v", partitioned)
				if partitioned {
					makePartitioned(t, w, place)
				}
				appendRows(t, w, place, rows(0, 50), rows(50, 7))
				tbl, err := w.catalog.LoadTable(t.Context(), strings.Split(place, "."))
				if err != nil {
					t.Fatal(err)
				}
				first := tbl.CurrentSnapshot()
				appendRows(t, w, place, rows(57, 40))
				if got, want := read(t, w, place), sortedText(rows(0, 97)); got != want {
					t.Errorf("partitioned %v: the table is\n%swant\n%s", partitioned, got, want)
				}
				for _, at := range []string{fmt.Sprint(first.SnapshotID), value.FormatTimestamp(first.TimestampMs)} {
					if got, want := read(t, w, place+"@"+at), sortedText(rows(0, 57)); got != want {
						t.Errorf("partitioned %v: at %s it was\n%swant\n%s", partitioned, at, got, want)
					}
				}
				if partitioned {
					checkPartitions(t, w, place)
				}
				evolve(t, w, place)
			}
			refusals(t, w)
		})
	}
}

func makePartitioned(t *testing.T, w world, place string) {
	t.Helper()
	s := iceberg.NewSchema(0, iceberg.NestedField{ID: 1, Name: "k", Type: iceberg.PrimitiveTypes.String}, iceberg.NestedField{ID: 2, Name: "ts", Type: iceberg.PrimitiveTypes.TimestampTz},
		iceberg.NestedField{ID: 3, Name: "x", Type: iceberg.PrimitiveTypes.Int64}, iceberg.NestedField{ID: 4, Name: "ds", Type: iceberg.PrimitiveTypes.Date},
		iceberg.NestedField{ID: 5, Name: "tags", Type: &iceberg.ListType{ElementID: 6, Element: iceberg.PrimitiveTypes.String}})
	spec := iceberg.NewPartitionSpec(iceberg.PartitionField{SourceIDs: []int{4}, FieldID: 1000, Name: "ds", Transform: iceberg.IdentityTransform{}})
	if _, err := w.catalog.CreateTable(t.Context(), strings.Split(place, "."), s, catalog.WithPartitionSpec(&spec)); err != nil {
		t.Fatal(err)
	}
}

// checkPartitions: a range of the partition column leaves the files of the others unread.
func checkPartitions(t *testing.T, w world, place string) {
	t.Helper()
	tbl, err := w.ours.Open(t.Context(), place, dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range tbl.Parts() {
		if p.Mapped {
			t.Errorf("file %s has the table's columns, and may not be read without it", p.Path)
		}
	}
	day := value.OfDate(19001)
	got, counts, err := datasettest.Drain(t.Context(), tbl, dataset.Scan{Columns: []string{"ds"}, Ranges: []dataset.Range{{Column: "ds", Min: day, Max: day}}})
	if err != nil || len(got) != 32 || counts.PartsSkipped != 4 {
		t.Errorf("a day has %d rows, %d parts skipped (%v); want 32 and 4", len(got), counts.PartsSkipped, err)
	}
}

// evolve renames a column and adds one: older files are read by the columns' ids.
func evolve(t *testing.T, w world, place string) {
	t.Helper()
	tbl, err := w.catalog.LoadTable(t.Context(), strings.Split(place, "."))
	if err != nil {
		t.Fatal(err)
	}
	tx := tbl.NewTransaction()
	if err := tx.UpdateSchema(true, false).RenameColumn([]string{"x"}, "y").AddColumn([]string{"x"}, iceberg.PrimitiveTypes.Int64, "", false, nil).Commit(); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	var want [][]value.Value
	for _, r := range rows(0, 97) {
		want = append(want, []value.Value{r[2], {}})
	}
	if got := read(t, w, place, "y", "x"); got != sortedText(want) {
		t.Errorf("after renaming x to y and adding another x, y and x are\n%swant\n%s", got, sortedText(want))
	}
	now, err := w.ours.Open(t.Context(), place, dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range now.Parts() {
		if !p.Mapped {
			t.Errorf("file %s, older than the names of the columns, may be read without the table", p.Path)
		}
	}
}

func refusals(t *testing.T, w world) {
	t.Helper()
	at := "the Iceberg catalog " + w.ours.Config.URI
	if w.ours.Config.Kind == "hadoop" {
		at = "the Iceberg catalog in " + w.ours.Config.Warehouse
	}
	for place, says := range map[string]string{
		"db.tflase": `there is no table "tflase" in namespace db of ` + at + `; did you mean "tfalse"?`, "bd.tfalse": `there is no namespace "bd" in ` + at + `; did you mean "db"?`,
		"db.tfalse@7": "table db.tfalse of " + at + " has no snapshot 7; its newest are", "db.tfalse@1999-01-01": "had no snapshot at 1999-01-01T00:00:00Z", "db.tfalse@soon": `"soon" is neither a snapshot nor a time`, "tfalse": `write "iceberg:db.table"`,
	} {
		if _, err := w.ours.Open(t.Context(), place, dataset.Options{}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s says %v, want %s", place, err, says)
		}
	}
	if _, err := w.ours.Create(t.Context(), "db.tfalse", "test", schema, dataset.Metadata{}); err == nil || !strings.Contains(err.Error(), `has column "y", which the rows do not have`) {
		t.Errorf("rows without a column say %v", err)
	}
	out, err := w.ours.Create(t.Context(), "db.given_up", "test", schema, dataset.Metadata{})
	if err != nil {
		t.Fatal(err)
	}
	if err := out.Write(value.BatchOf(schema, rows(0, 3))); err != nil {
		t.Fatal(err)
	}
	out.Abort()
	if _, err := w.ours.Open(t.Context(), "db.given_up", dataset.Options{}); err == nil || !strings.Contains(err.Error(), "there is no table") {
		t.Errorf("a table whose rows were given up says %v", err)
	}
}

func sortedKeys(m map[string]int) []string { return slices.Sorted(maps.Keys(m)) }
