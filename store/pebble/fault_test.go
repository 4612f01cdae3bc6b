package pebble

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/bighead-ml/bighead/store"
)

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// closeFailed closes a store that may have failed, and then says so; what matters is that it comes back.
func closeFailed(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil && (!strings.Contains(err.Error(), s.path) || strings.Contains(err.Error(), "only by another process")) {
		t.Errorf("close: %v", err)
	}
}

// TestLostPower takes the power away, which loses what was not synced, at random a block at a time. What must be there is everything up
// to the last synced write; what comes after may be there, up to the first that is not.
func TestLostPower(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for _, percent := range []int{0, 20, 50, 90, 100} {
		disk := vfs.NewCrashableMem()
		synced, open := 0, 0
		var rest *vfs.MemFS
		for range 3 { // lives, each on what the last one left
			s, err := Open(Options{Path: "p", FS: disk})
			if err != nil {
				t.Fatalf("%d%%: open: %v", percent, err)
			}
			open = checkNumbered(t, s, synced)
			writes := random.IntN(150)
			for n := open; n < open+writes; n++ {
				w := numbered(n)
				if err := s.Write(context.Background(), w); err != nil {
					t.Fatal(err)
				}
				if w.Sync {
					synced = n + 1
				}
			}
			rest = disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rand.New(rand.NewPCG(seed, 1))})
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			disk = rest
		}
		s, err := Open(Options{Path: "p", FS: rest})
		if err != nil {
			t.Fatalf("%d%%: open after the power was lost: %v", percent, err)
		}
		checkNumbered(t, s, synced)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestEveryWriteOfTheDiskFails has the n-th operation that writes fail, alone or with all later ones, for n throughout a history that
// flushes and compacts. Whatever pebble does then, no call may end the process; what had returned is there when the store is opened on a disk that
// works, and each write that had not is there whole or not at all.
func TestEveryWriteOfTheDiskFails(t *testing.T) {
	from := rand.Int64N(3) // every third, others in each run
	for _, once := range []bool{false, true} {
		for n := from; ; n += 3 {
			mem := vfs.NewMem()
			var ops atomic.Int64
			works := false
			fault := errorfs.InjectorFunc(func(op errorfs.Op) error {
				if works || op.Kind.ReadOrWrite() != errorfs.OpIsWrite || op.Kind == errorfs.OpLock || op.Kind == errorfs.OpFileClose {
					return nil
				}
				if i := ops.Add(1) - 1; i == n || i > n && !once {
					return syscall.ENOSPC
				}
				return nil
			})
			written := history(t, errorfs.Wrap(mem, fault))
			works = true
			s, err := Open(Options{Path: "p", FS: mem})
			if err != nil {
				t.Fatalf("operation %d: open again: %v", n, err)
			}
			checkNumbered(t, s, written)
			// What was laid down twice, or by half, would show when it is merged.
			if err := s.db.Compact(t.Context(), []byte{kindMeta}, []byte{kindValue + 1}, false); err != nil {
				t.Errorf("operation %d: compact: %v", n, err)
			}
			checkNumbered(t, s, written)
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if ops.Load() <= n {
				t.Logf("once %v, from %d: the history writes %d times", once, from, ops.Load())
				break
			}
		}
	}
}

// history writes until the first error, and gives how many writes had returned.
func history(t *testing.T, fs vfs.FS) (written int) {
	t.Helper()
	s, err := Open(Options{Path: "p", FS: fs, Logger: quiet, noCompactions: raced})
	if err != nil {
		if !errors.Is(err, syscall.ENOSPC) && !strings.Contains(err.Error(), syscall.ENOSPC.Error()) {
			t.Errorf("open does not say what is wrong: %v", err)
		}
		return 0
	}
	defer closeFailed(t, s)
	for ; written < 60; written++ {
		err := s.Write(context.Background(), numbered(written))
		if err == nil && written%20 == 19 {
			err = s.Drop(context.Background(), fmt.Sprint("none", written)) // lays down what is in memory
		}
		if err != nil {
			if !strings.Contains(err.Error(), syscall.ENOSPC.Error()) || !strings.Contains(err.Error(), "online store in p") {
				t.Errorf("a write does not say what is wrong, and where: %v", err)
			}
			if again := s.Write(context.Background(), numbered(written)); again == nil && !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("a write after a failure that was for good succeeds")
			}
			break
		}
	}
	if err := s.Read(context.Background(), []store.Range{{Space: "s", Key: "a", Step: 1, From: 0, To: 5}}, func(int, int64, []byte) error { return nil }); err != nil {
		t.Errorf("a read after the disk failed: %v", err)
	}
	return written
}

// A shortDisk writes half of what its log is given, once there is a limit.
type shortDisk struct {
	vfs.FS
	short atomic.Bool
}

func (d *shortDisk) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := d.FS.Create(name, c)
	return &shortFile{f, d}, err
}

func (d *shortDisk) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := d.FS.ReuseForWrite(from, to, c)
	return &shortFile{f, d}, err
}

type shortFile struct {
	vfs.File
	disk *shortDisk
}

func (f *shortFile) Write(b []byte) (int, error) {
	if !f.disk.short.Load() {
		return f.File.Write(b)
	}
	n, err := f.File.Write(b[:len(b)/2])
	return n, errors.Join(err, syscall.ENOSPC)
}

// TestShortWrite has the disk take half a record: the write fails, and when the store is opened again it is not there by half.
func TestShortWrite(t *testing.T) {
	disk := &shortDisk{FS: vfs.NewMem()}
	s, err := Open(Options{Path: "p", FS: disk})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 10 {
		if err := s.Write(context.Background(), numbered(n)); err != nil {
			t.Fatal(err)
		}
	}
	disk.short.Store(true)
	if err := s.Write(context.Background(), numbered(10)); err == nil || !strings.Contains(err.Error(), "takes no writes until it is opened again") {
		t.Errorf("a short write: %v", err)
	}
	disk.short.Store(false)
	if err := s.Write(context.Background(), numbered(10)); err == nil {
		t.Error("a write behind half a record succeeds")
	}
	closeFailed(t, s)
	s, err = Open(Options{Path: "p", FS: disk})
	if err != nil {
		t.Fatal(err)
	}
	n := checkNumbered(t, s, 10)
	if err := s.Write(context.Background(), numbered(n)); err != nil {
		t.Errorf("after opening again: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestDamaged flips bytes of tables, one place after the other: a read must give what was written or an error that names the folder.
func TestDamaged(t *testing.T) {
	path := t.TempDir()
	ctx := context.Background()
	s, err := Open(Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 30 { // of one table
		if err := s.Write(ctx, numbered(n)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.db.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	tables, err := filepath.Glob(filepath.Join(path, "*.sst"))
	if err != nil || len(tables) != 1 {
		t.Fatalf("tables %v, %v", tables, err)
	}
	good, err := os.ReadFile(tables[0])
	if err != nil {
		t.Fatal(err)
	}
	failed := 0
	for at := 0; at < len(good); at += 1 + len(good)/60 {
		bad := append([]byte{}, good...)
		bad[at] ^= 0x10
		if err := os.WriteFile(tables[0], bad, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := readDamaged(t, path); err != nil {
			failed++
			if !strings.Contains(err.Error(), path) || errors.Is(err, store.ErrUnavailable) {
				t.Errorf("byte %d: %v", at, err)
			}
		}
	}
	if failed < 40 {
		t.Errorf("of 60 damages %d were seen", failed)
	}
}

// readDamaged opens the store and reads all of it. What it reads must be right.
func readDamaged(t *testing.T, path string) error {
	t.Helper()
	s, err := Open(Options{Path: path, Logger: quiet})
	if err != nil {
		return err
	}
	defer closeFailed(t, s)
	return s.Scan(context.Background(), "s", 1, func(key string, start int64, bytes []byte) error {
		if want := numbered(int(start)).Puts[0].Bytes; string(bytes) != string(want) {
			t.Errorf("a damaged table reads as %q@%d = %.20q", key, start, bytes)
		}
		return nil
	})
}

// TestFrozen looks at the folder before and after a store that has failed tries to lay down what is in memory, and is closed.
func TestFrozen(t *testing.T) {
	mem := vfs.NewMem()
	s, err := Open(Options{Path: "p", FS: mem})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 10 {
		if err := s.Write(context.Background(), numbered(n)); err != nil {
			t.Fatal(err)
		}
	}
	s.state.fail(errors.New("something happened"))
	before := contents(t, mem)
	if _, err := s.db.AsyncFlush(); err != nil {
		t.Error(err)
	}
	closeFailed(t, s)
	if after := contents(t, mem); after != before {
		t.Errorf("the folder was\n%sand is\n%s", before, after)
	}
	if s, err = Open(Options{Path: "p", FS: mem}); err != nil {
		t.Fatal(err)
	}
	checkNumbered(t, s, 10)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// contents lists the files of a store with their sizes.
func contents(t *testing.T, fs vfs.FS) string {
	t.Helper()
	var b strings.Builder
	for _, dir := range []string{"p", "p/log"} {
		names, err := fs.List(dir)
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(names)
		for _, name := range names {
			info, err := fs.Stat(dir + "/" + name)
			if err != nil {
				t.Fatal(err)
			}
			if !info.IsDir() {
				fmt.Fprintf(&b, "%s/%s %d\n", dir, name, info.Size())
			}
		}
	}
	return b.String()
}
