package parquet_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/metrics"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/datasettest"
	"github.com/bighead-ml/bighead/value"
)

// mostMemory is what reading a damaged file of a few KB may allocate in all: a million cells are read of it at most.
const mostMemory = 512 << 20

// tryDamaged reads a damaged file and holds it against what is promised: no panic, errors that name the file, bounded memory.
func tryDamaged(t *testing.T, path string, b []byte) error {
	t.Helper()
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
	allocated := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(allocated)
	before := allocated[0].Value.Uint64()
	err := datasettest.TryAll(t.Context(), formats, path, dataset.Options{})
	metrics.Read(allocated)
	if size := allocated[0].Value.Uint64() - before; size > mostMemory {
		t.Errorf("%d MiB allocated, then %v", size>>20, err)
	}
	if err != nil && (!strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "defect of bighead")) {
		t.Errorf("error %v", err)
	}
	return err
}

func TestFlippedBits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.parquet")
	for _, name := range []string{"codec_zstd_v1", "codec_lz4_v2", "codec_brotli_v2", "groups", "nested_v1", "empty"} {
		whole, err := os.ReadFile(filepath.Join("testdata", name+".parquet"))
		if err != nil {
			t.Fatal(err)
		}
		failed, tried := 0, 0
		for i := 0; i < len(whole); i += 3 {
			tried++
			whole[i] ^= 1 << (i * 5 % 8)
			if tryDamaged(t, path, whole) != nil {
				failed++
			}
			whole[i] ^= 1 << (i * 5 % 8)
			if t.Failed() {
				t.Fatalf("%s: byte %d, bit %d", name, i, i*5%8)
			}
		}
		if failed < tried/20 {
			t.Errorf("%s: only %d of %d flips were noticed", name, failed, tried)
		}
	}
}

func FuzzParquet(f *testing.F) {
	for _, name := range []string{"codec_none_v1", "codec_snappy_v2", "codec_lz4_v1", "nested_v2", "empty", "duckdb"} {
		b, err := os.ReadFile(filepath.Join("testdata", name+".parquet"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	path := filepath.Join(f.TempDir(), "x.parquet")
	f.Fuzz(func(t *testing.T, b []byte) {
		_ = tryDamaged(t, path, b)
	})
}

// TestFlippedBitsOfOwnFiles flips a bit of each byte of files that are written here: what is read is an error, or what was written.
func TestFlippedBitsOfOwnFiles(t *testing.T) {
	schema := value.Schema{
		{Name: "id", Type: value.Int}, {Name: "name", Type: value.String}, {Name: "x", Type: value.Float}, {Name: "ok", Type: value.Bool},
		{Name: "at", Type: value.Timestamp}, {Name: "all", Type: value.ListOf(value.Int)},
	}
	for name, n := range map[string]int{"few": 5, "many": 300} {
		rows := make([][]value.Value, n)
		for i := range rows {
			rows[i] = []value.Value{value.OfInt(int64(i)), value.OfString(fmt.Sprint("k", i%7)), value.OfFloat(float64(i) / 3), value.OfBool(i%3 == 0), value.OfTimestamp(int64(i) * 1000), value.OfList([]value.Value{value.OfInt(1), value.OfInt(int64(i))})}
			if i%4 == 1 {
				rows[i][1+i%5] = value.Value{}
			}
		}
		path := filepath.Join(t.TempDir(), "own.parquet")
		w, err := dataset.Create(formats, path, schema, dataset.Metadata{Keys: map[string]string{"view": "v"}}, dataset.WriteOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(w.Write(value.BatchOf(schema, rows)), w.Close()); err != nil {
			t.Fatal(err)
		}
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		read := func() ([][]value.Value, value.Schema, error) {
			table, err := dataset.Open(t.Context(), formats, path, dataset.Options{})
			if err != nil {
				return nil, nil, err
			}
			rows, _, err := datasettest.Drain(t.Context(), table, dataset.Scan{})
			return rows, table.Schema(), err
		}
		noticed := 0
		for i := range whole {
			bad := bytes.Clone(whole)
			bad[i] ^= 1 << (i * 5 % 8)
			if err := os.WriteFile(path, bad, 0o666); err != nil {
				t.Fatal(err)
			}
			got, columns, err := read()
			switch {
			case err != nil:
				noticed++
			case fmt.Sprint(columns) != fmt.Sprint(schema), len(got) != len(rows):
				t.Errorf("%s: byte %d of %d, bit %d: %d rows of %v, and they were %d", name, i, len(whole), i*5%8, len(got), columns, len(rows))
			default:
				for j := range got {
					if value.CompareRows(got[j], rows[j]) != 0 {
						t.Errorf("%s: byte %d of %d, bit %d: row %d is %v, and was %v", name, i, len(whole), i*5%8, j, got[j], rows[j])
						break
					}
				}
			}
		}
		t.Logf("%s: %d of %d flips are errors, the others change nothing that is read", name, noticed, len(whole))
	}
}
