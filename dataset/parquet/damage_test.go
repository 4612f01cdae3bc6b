package parquet_test

import (
	"os"
	"path/filepath"
	"runtime/metrics"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/datasettest"
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
