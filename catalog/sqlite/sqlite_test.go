package sqlite_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/bighead-ml/bighead/catalog"
	"github.com/bighead-ml/bighead/catalog/catalogtest"
	"github.com/bighead-ml/bighead/catalog/sqlite"
)

func TestCatalog(t *testing.T) {
	catalogtest.Run(t, func(t *testing.T) func() catalog.Catalog {
		path := filepath.Join(t.TempDir(), "a folder with ? and #", "catalog.db")
		return func() catalog.Catalog {
			c, err := sqlite.Open(context.Background(), path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			return c
		}
	})
}
