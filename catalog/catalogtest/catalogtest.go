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
	t.Run("what others wrote is settled, and nothing is written by it", func(t *testing.T) {
		open := fresh(t)
		a, b := open(), open()
		first := version("a")
		for range 2 {
			if err := b.Settle(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if err := a.Register(ctx, 0, first); err != nil {
			t.Fatal(err)
		}
		if err := b.Settle(ctx); err != nil {
			t.Fatal(err)
		}
		if got, err := b.Current(ctx); err != nil || got.ID != first.ID {
			t.Errorf("after it is settled: %v, %v", got, err)
		}
		if err := a.Register(ctx, first.ID, version("b")); err != nil {
			t.Errorf("a writer after it: %v", err)
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
		if v, err := b.Version(ctx, first.ID); err != nil || cmp.Diff(first, v) != "" {
			t.Fatalf("the version before: %+v, %v", v, err)
		}
		if _, err := b.Version(ctx, first.ID+9); !errors.Is(err, catalog.ErrNone) {
			t.Fatalf("a version that never was: %v", err)
		}
		h, err := a.History(ctx, 10)
		if err != nil || len(h) != 2 || h[0].Entries[0].Name != "b" || h[1].Entries[0].Name != "a" {
			t.Fatalf("history %v, %v", h, err)
		}
		if v, err := a.Version(ctx, first.ID); err != nil || v.Entries[0].Name != "a" || len(v.Definitions) == 0 {
			t.Fatalf("the first version: %v, %v", v, err)
		}
		if _, err := a.Version(ctx, 99); !errors.Is(err, catalog.ErrNone) {
			t.Fatalf("a version that was never registered: %v", err)
		}
	})
	runLeases(t, fresh)
	runModels(t, fresh)
	t.Run("typical values are kept until others take their place", func(t *testing.T) {
		open := fresh(t)
		c, at := open(), time.UnixMilli(1700000000123).UTC()
		if got, err := c.Typical(ctx); err != nil || len(got) > 0 {
			t.Fatalf("typical values of an empty catalog: %v, %v", got, err)
		}
		a := catalog.Typical{Fingerprint: "a", Value: []byte{1, 0}, At: at, TrainingSet: "t", Rows: 7}
		b := catalog.Typical{Fingerprint: "b", Value: []byte{2}, At: at, TrainingSet: "t", Rows: 8}
		later := catalog.Typical{Fingerprint: "a", Value: []byte{3}, At: at.Add(time.Hour), TrainingSet: "u", Rows: 9}
		for _, set := range [][]catalog.Typical{{b, a}, {later}, nil} {
			if err := c.SetTypical(ctx, set); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		got, err := open().Typical(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]catalog.Typical{later, b}, got); d != "" {
			t.Error(d)
		}
	})
}

// runLeases checks that a work has one holder at a time, and that each holder's epoch is above those before.
func runLeases(t *testing.T, fresh func(t *testing.T) (open func() catalog.Catalog)) {
	ctx := context.Background()
	take := func(t *testing.T, c catalog.Catalog, holder string, at time.Time, epoch int64, want error) {
		t.Helper()
		l, err := c.Lease(ctx, "stream", holder, at, 10*time.Second)
		if !errors.Is(err, want) || l.Epoch != epoch || err == nil && (l.Holder != holder || !l.Until.Equal(at.Add(10*time.Second))) {
			t.Fatalf("%s at %v: lease %+v, %v; want epoch %d, %v", holder, at, l, err, epoch, want)
		}
	}
	t.Run("a lease has one holder, and each a higher epoch", func(t *testing.T) {
		open := fresh(t)
		a, b := open(), open()
		take(t, a, "a", t0, 1, nil)
		take(t, b, "b", t0.Add(9*time.Second), 1, catalog.ErrHeld)
		take(t, a, "a", t0.Add(9*time.Second), 1, nil) // renewed
		take(t, b, "b", t0.Add(18*time.Second), 1, catalog.ErrHeld)
		take(t, b, "b", t0.Add(19*time.Second), 2, nil) // its time has run out
		take(t, a, "a", t0.Add(20*time.Second), 2, catalog.ErrHeld)
		if err := a.Release(ctx, "stream", "a"); err != nil { // not its own any more
			t.Fatal(err)
		}
		take(t, a, "a", t0.Add(21*time.Second), 2, catalog.ErrHeld)
		if err := b.Release(ctx, "stream", "b"); err != nil {
			t.Fatal(err)
		}
		take(t, a, "a", t0.Add(22*time.Second), 3, nil)
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		take(t, open(), "b", t0.Add(23*time.Second), 3, catalog.ErrHeld)
		if l, err := open().Lease(ctx, "another", "b", t0, time.Second); err != nil || l.Epoch != 1 {
			t.Fatalf("another work: %+v, %v", l, err)
		}
	})
}
