// Package catalogtest is the contract suite of catalogs.
package catalogtest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bighead-ml/bighead/catalog"
)

// Run checks one implementation. Each call of open opens the same empty catalog of that test anew.
func Run(t *testing.T, fresh func(t *testing.T) (open func() catalog.Catalog)) {
	ctx := context.Background()
	version := func(name string) *catalog.Version {
		return &catalog.Version{
			At: time.UnixMilli(1700000000123).UTC(), By: "ada", Definitions: []byte(`{"version":1}`),
			Entries: []catalog.Entry{{Kind: catalog.Group, Name: name, Fingerprint: "f", Reads: []catalog.Ref{{Kind: catalog.Source, Name: "s"}}}},
		}
	}
	t.Run("nothing is applied at first", func(t *testing.T) {
		c := fresh(t)()
		if _, err := c.Current(ctx); !errors.Is(err, catalog.ErrNone) {
			t.Fatalf("Current of an empty catalog: %v", err)
		}
	})
	t.Run("what was registered is there after closing", func(t *testing.T) {
		open := fresh(t)
		c := open()
		v := version("a")
		if err := c.Register(ctx, 0, v); err != nil || v.ID == 0 {
			t.Fatalf("Register: id %d, %v", v.ID, err)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		got, err := open().Current(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(v, got); d != "" {
			t.Error(d)
		}
	})
	t.Run("of two that saw the same state one is refused", func(t *testing.T) {
		open := fresh(t)
		a, b := open(), open()
		first := version("a")
		if err := a.Register(ctx, 0, first); err != nil {
			t.Fatal(err)
		}
		if err := b.Register(ctx, 0, version("b")); !errors.Is(err, catalog.ErrStale) {
			t.Fatalf("a second first version: %v", err)
		}
		if err := b.Register(ctx, first.ID, version("b")); err != nil {
			t.Fatal(err)
		}
		h, err := a.History(ctx, 10)
		if err != nil || len(h) != 2 || h[0].Entries[0].Name != "b" || h[1].Entries[0].Name != "a" {
			t.Fatalf("history %v, %v", h, err)
		}
	})
}
