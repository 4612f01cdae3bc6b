package arrow_test

import (
	"os"
	"path/filepath"
	"runtime/metrics"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/datasettest"
)

// mostMemory is what reading a damaged file of some KB may allocate in all.
const mostMemory = 512 << 20

// tryDamaged reads a damaged file: no panic, errors that name the file, bounded memory.
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

// Each place that may be a length becomes a very large one.
func TestLengthsThatLie(t *testing.T) {
	for _, name := range []string{"layouts.arrows", "nested.lz4.arrow"} {
		whole, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), name)
		failed := 0
		for i := 3; i < min(len(whole), 4500); i += 4 {
			was := whole[i]
			whole[i] = 0x7f
			if tryDamaged(t, path, whole) != nil {
				failed++
			}
			whole[i] = was
			if t.Failed() {
				t.Fatalf("%s: byte %d", name, i)
			}
		}
		if failed < 50 {
			t.Errorf("%s: only %d were noticed", name, failed)
		}
	}
}

func FuzzArrow(f *testing.F) {
	for _, name := range []string{"layouts.arrows", "nested.lz4.arrow"} {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	path := filepath.Join(f.TempDir(), "x.arrow")
	f.Fuzz(func(t *testing.T, b []byte) { _ = tryDamaged(t, path, b) })
}
