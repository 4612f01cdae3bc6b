package pebble

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/store/storetest"
)

func TestHealingContract(t *testing.T) {
	storetest.Run(t, func(t testing.TB) storetest.Open {
		path := t.TempDir()
		return func() (store.Store, error) { return OpenHealing(Options{Path: path}) }
	})
}

// TestAStoreHeals has the disk fail from its n-th operation on, for n throughout a history, until it has refused a few writes. A writer that
// repeats what failed gets all of it written, through the same store; reads go on meanwhile, and nothing is lost.
func TestAStoreHeals(t *testing.T) {
	from := rand.Int64N(7) // every seventh, others in each run
	healed := 0
	for n := from; ; n += 7 {
		var ops, failures atomic.Int64
		var broken atomic.Bool
		fault := errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind.ReadOrWrite() != errorfs.OpIsWrite || op.Kind == errorfs.OpLock || op.Kind == errorfs.OpFileClose {
				return nil
			}
			if ops.Add(1)-1 == n {
				broken.Store(true)
			}
			if broken.Load() {
				failures.Add(1)
				return syscall.ENOSPC
			}
			return nil
		})
		mem := vfs.NewMem()
		h, err := OpenHealing(Options{Path: "p", FS: errorfs.Wrap(mem, fault), Logger: quiet, noCompactions: raced})
		if err != nil {
			continue // while it is being opened the first time, nothing is there to heal
		}
		refused := 0
		for written := 0; written < 60; {
			err := h.Write(context.Background(), numbered(written))
			if err == nil && written%20 == 19 {
				err = h.Drop(context.Background(), fmt.Sprint("none", written)) // lays down what is in memory
			}
			if err == nil {
				written++
				continue
			}
			if !errors.Is(err, store.ErrUnavailable) || !broken.Load() && !strings.Contains(err.Error(), syscall.ENOSPC.Error()) {
				t.Fatalf("operation %d: write %d: %v", n, written, err)
			}
			if refused++; refused == 3 {
				broken.Store(false)
			}
			if broken.Load() {
				checkNumbered(t, h, written)
			}
			h.mu.Lock()
			h.next = time.Time{} // nobody waits in a test
			h.mu.Unlock()
		}
		checkNumbered(t, h, 60)
		if err := h.Close(); err != nil && !broken.Load() { // the disk may fail behind the last write
			t.Errorf("operation %d: %v", n, err)
		}
		s, err := Open(Options{Path: "p", FS: mem})
		if err != nil {
			t.Fatalf("operation %d: %v", n, err)
		}
		checkNumbered(t, s, 60)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if refused > 0 {
			healed++
		}
		if ops.Load() <= n {
			break
		}
	}
	t.Logf("from %d: healed %d times", from, healed)
	if healed < 10 {
		t.Errorf("it had to heal only %d times", healed)
	}
}

// TestDamageDoesNotHeal damages a table: what meets it stays an error that names the folder.
func TestDamageDoesNotHeal(t *testing.T) {
	path := t.TempDir()
	h, err := OpenHealing(Options{Path: path, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 30 { // of one table
		if err := h.Write(t.Context(), numbered(n)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(h.now.db.Flush(), h.Close()); err != nil {
		t.Fatal(err)
	}
	tables, err := filepath.Glob(filepath.Join(path, "*.sst"))
	if err != nil || len(tables) != 1 {
		t.Fatalf("tables %v, %v", tables, err)
	}
	b, err := os.ReadFile(tables[0])
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(b) / 2 {
		b[i] ^= 0x55
	}
	if err := os.WriteFile(tables[0], b, 0o644); err != nil {
		t.Fatal(err)
	}
	if h, err = OpenHealing(Options{Path: path, Logger: quiet}); err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	for range 3 {
		err := h.Scan(t.Context(), "s", 1, func(string, int64, []byte) error { return nil })
		if err == nil || errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), path) {
			t.Fatalf("a damaged table: %v", err)
		}
		if err := h.Write(t.Context(), numbered(30)); err == nil || errors.Is(err, store.ErrUnavailable) {
			t.Fatalf("a write after damage was met: %v", err)
		}
	}
}

// A reader that does not let go keeps the store as it is, and the next write tries again.
func TestAStoreIsNotTakenFromItsReaders(t *testing.T) {
	h, err := OpenHealing(Options{Path: "p", FS: vfs.NewMem(), Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Write(t.Context(), numbered(0)); err != nil {
		t.Fatal(err)
	}
	h.now.state.fail(errors.New("something happened"))
	rows := 0
	err = h.Scan(t.Context(), "s", 1, func(string, int64, []byte) error {
		rows++
		if err := h.Write(t.Context(), numbered(1)); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("a write while it is read: %v", err)
		}
		return nil
	})
	if err != nil || rows != 2 {
		t.Fatalf("%d rows, %v", rows, err)
	}
	h.next = time.Time{}
	if err := h.Write(t.Context(), numbered(1)); err != nil {
		t.Fatal(err)
	}
	checkNumbered(t, h, 2)
	if err := h.Close(); err != nil {
		t.Error(err)
	}
}
