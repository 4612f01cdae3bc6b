package sqlite_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"
	"time"

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

// A stamp stays while the catalog is read, and changes with what is written: by it a server knows that there is nothing to read.
func TestStamp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "catalog.db")
	stamps := map[string]string{sqlite.Stamp(path): "nothing"}
	open := func() *sqlite.Catalog {
		c, err := sqlite.Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	wants := func(what string, change bool) {
		t.Helper()
		s := sqlite.Stamp(path)
		if old, same := stamps[s]; same == change {
			t.Errorf("after %s: a stamp as after %q (%v); want another: %v", what, old, same, change)
		}
		stamps[s] = what
	}
	if err := open().Close(); err != nil {
		t.Fatal(err)
	}
	wants("the first opening", true)
	for range 3 {
		c := open()
		if _, err := c.Typical(t.Context()); err != nil {
			t.Fatal(err)
		}
		wants("reading", false)
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		wants("closing", false)
	}
	c := open()
	defer c.Close()
	if err := c.Register(t.Context(), 0, &catalog.Version{By: "somebody", Definitions: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	wants("a version", true)
	if err := c.SetTypical(t.Context(), []catalog.Typical{{Fingerprint: "f", Value: []byte{1}}}); err != nil {
		t.Fatal(err)
	}
	wants("what is usual", true)
	if _, err := c.Current(t.Context()); err != nil {
		t.Fatal(err)
	}
	wants("reading it", false)
}

// While somebody writes nothing is settled, and once something is, what was being written is there; neither changes the stamp.
func TestSettle(t *testing.T) {
	path := filepath.Join(t.TempDir(), "catalog.db")
	c, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Register(t.Context(), 0, &catalog.Version{By: "somebody", Definitions: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	stamp := sqlite.Stamp(path)
	if err := c.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if now := sqlite.Stamp(path); now != stamp {
		t.Errorf("settling has changed the stamp from %s to %s", stamp, now)
	}
	other, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	writing, err := other.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := writing.Exec("insert into versions select id + 1, at, 'another', entries, definitions from versions"); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if err := c.Settle(short); err == nil {
		t.Error("it is settled while somebody writes")
	}
	settled := make(chan error, 1)
	go func() { settled <- c.Settle(t.Context()) }()
	if err := writing.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := <-settled; err != nil {
		t.Fatal(err)
	}
	if v, err := c.Current(t.Context()); err != nil || v.By != "another" {
		t.Errorf("after it is settled it reads %v, %v", v, err)
	}
}
