package pebble

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/store/storetest"
)

func TestContract(t *testing.T) {
	storetest.Run(t, func(t testing.TB) storetest.Open {
		path := t.TempDir()
		return func() (store.Store, error) { return Open(Options{Path: path}) }
	})
}

// A folder may be moved, or copied to another machine, with the project that it is in.
func TestMovedFolder(t *testing.T) {
	from, to := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")
	s, err := Open(Options{Path: from})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 10 {
		if err := s.Write(t.Context(), numbered(n)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(Options{Path: to}); err != nil {
		t.Fatal(err)
	}
	checkNumbered(t, s, 10)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
