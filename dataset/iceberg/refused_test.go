package iceberg_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/bighead-ml/bighead/dataset"
)

// Files whose rows are not all there, or that are not Parquet, are refused by name, in the newest snapshot; what the table was before them is read.
func TestFilesThatAreNotPlain(t *testing.T) {
	w := worlds(t)["hadoop"]
	for kind, c := range map[string]struct {
		add  func(t *testing.T, data iceberg.DataFile, d *table.RowDelta) (refused string)
		says string
	}{
		"position deletes": {func(t *testing.T, data iceberg.DataFile, d *table.RowDelta) string {
			b := fileOf(t, iceberg.EntryContentPosDeletes, data.FilePath()+".deletes.parquet", iceberg.ParquetFile)
			d.AddDeletes(b.ReferencedDataFile(data.FilePath()).Build())
			return data.FilePath()
		}, "has rows that were deleted beside it (merge on read)"},
		"equality deletes": {func(t *testing.T, data iceberg.DataFile, d *table.RowDelta) string {
			b := fileOf(t, iceberg.EntryContentEqDeletes, data.FilePath()+".deletes.parquet", iceberg.ParquetFile)
			d.AddDeletes(b.EqualityFieldIDs([]int{1}).Build())
			return data.FilePath()
		}, "has rows that were deleted beside it (merge on read)"},
		"ORC": {func(t *testing.T, data iceberg.DataFile, d *table.RowDelta) string {
			d.AddRows(fileOf(t, iceberg.EntryContentData, data.FilePath()+".orc", iceberg.OrcFile).Build())
			return data.FilePath() + ".orc"
		}, "is ORC, and Parquet is read: rewrite the table as Parquet"},
		"Avro": {func(t *testing.T, data iceberg.DataFile, d *table.RowDelta) string {
			d.AddRows(fileOf(t, iceberg.EntryContentData, data.FilePath()+".avro", iceberg.AvroFile).Build())
			return data.FilePath() + ".avro"
		}, "is AVRO, and Parquet is read: rewrite the table as Parquet"},
	} {
		t.Run(kind, func(t *testing.T) {
			name := "db." + strings.ReplaceAll(strings.ToLower(kind), " ", "_")
			appendRows(t, w, name, rows(0, 20))
			tbl, err := w.catalog.LoadTable(t.Context(), strings.Split(name, "."))
			if err != nil {
				t.Fatal(err)
			}
			before := fmt.Sprint(tbl.CurrentSnapshot().SnapshotID)
			tasks, err := tbl.Scan().PlanFiles(t.Context())
			if err != nil || len(tasks) != 1 {
				t.Fatalf("the table has %d files (%v), want 1", len(tasks), err)
			}
			tx := tbl.NewTransaction()
			delta := tx.NewRowDelta(nil)
			refused := c.add(t, tasks[0].File, delta)
			if err := delta.Commit(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := tx.Commit(t.Context()); err != nil {
				t.Fatal(err)
			}
			_, err = w.ours.Open(t.Context(), name, dataset.Options{})
			if err == nil || !strings.Contains(err.Error(), filepath.Base(refused)+" "+c.says) || !strings.Contains(err.Error(), "table "+name+" of the Iceberg catalog in "+w.ours.Config.Warehouse) {
				t.Errorf("it says %v, want %s %s", err, filepath.Base(refused), c.says)
			}
			if got, want := read(t, w, name+"@"+before), sortedText(rows(0, 20)); got != want {
				t.Errorf("before, the table was\n%swant\n%s", got, want)
			}
		})
	}
}

// fileOf describes a file of an unpartitioned table, of a row; the file itself is never looked at.
func fileOf(t *testing.T, content iceberg.ManifestEntryContent, path string, format iceberg.FileFormat) *iceberg.DataFileBuilder {
	t.Helper()
	b, err := iceberg.NewDataFileBuilder(*iceberg.UnpartitionedSpec, content, path, format, nil, nil, nil, 1, 100)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
