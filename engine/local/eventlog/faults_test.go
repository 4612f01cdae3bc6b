package eventlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/bighead-ml/bighead/value"
)

// failing is a segment's file that fails when it is told to.
type failing struct {
	File
	plan *faultPlan
}

type faultPlan struct {
	short          int // how many bytes the next write takes before the disk is full; −1: all
	sync, truncate error
}

func (f failing) Write(b []byte) (int, error) {
	if f.plan.short < 0 {
		return f.File.Write(b)
	}
	n, err := f.File.Write(b[:min(f.plan.short, len(b))])
	if err == nil {
		err = syscall.ENOSPC
	}
	return n, err
}

func (f failing) Sync() error {
	if f.plan.sync != nil {
		return f.plan.sync
	}
	return f.File.Sync()
}

func (f failing) Truncate(n int64) error {
	if f.plan.truncate != nil {
		return f.plan.truncate
	}
	return f.File.Truncate(n)
}

// openFailing opens a log on a disk that does what the plan says.
func openFailing(t *testing.T, dir string, plan *faultPlan) *eventLog {
	o := testOptions(newClock())
	o.Open = func(path string) (File, error) {
		f, err := OpenFile(path)
		return failing{f, plan}, err
	}
	return open(t, dir, o)
}

func one(i int) *Arriving {
	return arriving(Pushed, nil, event{fmt.Sprint("e", i), testNow, int64(i), 1})
}

func TestAFullDiskIsNoEnd(t *testing.T) {
	dir, plan := t.TempDir(), &faultPlan{short: -1}
	l := openFailing(t, dir, plan)
	appendTo(t, l, one(0))
	for _, short := range []int{0, 1, frameHead, frameHead + 20} {
		plan.short = short
		if _, err := l.Append(context.Background(), one(1)); !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), l.segments[0].path) {
			t.Fatalf("a write that ends after %d bytes: %v", short, err)
		}
		if l.Next() != 2 {
			t.Fatalf("what was not written is record %d", l.Next()-1)
		}
	}
	plan.short = -1
	if out := appendTo(t, l, one(1)); len(out.Copies) > 0 || out.Sequence != 2 {
		t.Fatalf("what failed comes again, and is %+v", out)
	}
	l.recent = recent{}
	if n := len(readAll(t, l, 1)); n != 2 {
		t.Fatalf("%d records", n)
	}
	l.Close()
	l = open(t, dir, testOptions(newClock()))
	readAll(t, l, 1)
}

func TestAfterAFailedSyncNothingIsAccepted(t *testing.T) {
	for _, name := range []string{"sync", "truncate"} {
		t.Run(name, func(t *testing.T) {
			dir, plan := t.TempDir(), &faultPlan{short: -1}
			l := openFailing(t, dir, plan)
			appendTo(t, l, one(0))
			if name == "sync" {
				plan.sync = syscall.EIO
			} else {
				plan.short, plan.truncate = 10, syscall.EIO
			}
			if _, err := l.Append(context.Background(), one(1)); !errors.Is(err, syscall.EIO) {
				t.Fatal(err)
			}
			plan.sync, plan.short, plan.truncate = nil, -1, nil
			for i := range 3 { // the disk is well again, and nobody knows what it has dropped
				if _, err := l.Append(context.Background(), one(i)); !errors.Is(err, syscall.EIO) || !strings.Contains(err.Error(), "open it again") {
					t.Fatalf("an append after it: %v", err)
				}
			}
			if n := len(readAll(t, l, 1)); n != 1 {
				t.Fatalf("%d records can be read, one was acknowledged", n)
			}
			l.Close()
			l = open(t, dir, testOptions(newClock()))
			out := appendTo(t, l, one(1)) // it may be there or not, as Append says
			if n := len(readAll(t, l, 1)); n != 2 || out.Sequence != 2 {
				t.Fatalf("%d records after it came again: %+v", n, out)
			}
		})
	}
}

// What the power left: sectors of zeros in the last frame are a torn end, and another byte is damage.
func TestZerosAtTheEndAreTorn(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, testOptions(newClock()))
	appendTo(t, l, one(0))
	path, size := l.segments[0].path, l.segments[0].bytes
	var many []event
	for i := range 200 {
		many = append(many, event{fmt.Sprint("many", i), testNow, 1, 1})
	}
	appendTo(t, l, arriving(Pushed, nil, many...))
	l.Close()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	from := (size + 2*sector) / sector * sector
	for name, change := range map[string]func(b []byte){
		"a sector":   func(b []byte) { clear(b[from : from+sector]) },
		"the end":    func(b []byte) { clear(b[from:]) },
		"everything": func(b []byte) { clear(b[size:]) },
		"a byte":     func(b []byte) { b[from]++ },
	} {
		b := append([]byte(nil), whole...)
		change(b)
		if err := os.WriteFile(path, b, 0o666); err != nil {
			t.Fatal(err)
		}
		l, err := Open(dir, testSchema, testOptions(newClock()))
		if name == "a byte" {
			if !errors.Is(err, ErrDamaged) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if l.Next() != 2 {
			t.Errorf("%s: next is %d", name, l.Next())
		}
		l.Close()
	}
}

func TestDamageIsMetByReaders(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, testOptions(newClock()))
	for i := range 400 {
		appendTo(t, l, one(i))
	}
	if len(l.segments) < 2 {
		t.Fatal("one segment")
	}
	path := l.segments[0].path
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
	l.recent = recent{}
	c, err := l.Read(context.Background(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for err == nil {
		_, err = c.Next(context.Background())
	}
	if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), path) {
		t.Errorf("reading on: %v", err)
	}
	table, err := l.Table(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	r, err := table.Scan(context.Background(), scanOf("id"))
	for err == nil {
		_, err = r.Next()
	}
	if !errors.Is(err, ErrDamaged) {
		t.Errorf("scanning: %v", err)
	}
	l.Release(l.Next())
	l.o.Clock = func() int64 { return testNow + 10*value.DayMS }
	if err := l.Seal(context.Background()); !errors.Is(err, ErrDamaged) {
		t.Errorf("sealing: %v", err)
	}
	if files, _ := filepath.Glob(filepath.Join(dir, sealedFolder, "*")); len(files) > 0 {
		t.Errorf("sealing left %v", files)
	}
}

// TestAColumnWhoseNameIsDamaged flips a bit of a column's name in a sealed file: its values are not null, as those of a column that came later, but damaged.
func TestAColumnWhoseNameIsDamaged(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, testOptions(newClock()))
	for i := range 4 {
		appendTo(t, l, one(i))
	}
	l.Release(l.Next())
	l.o.Clock = func() int64 { return testNow + value.DayMS }
	if err := l.Seal(context.Background()); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, sealedFolder, "*"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	name := testSchema[0].Name
	places := 0
	for at := range b {
		if at == 0 || int(b[at-1]) != len(name) || !bytes.HasPrefix(b[at:], []byte(name)) {
			continue
		}
		bad := bytes.Clone(b)
		bad[at] ^= 1
		if err := os.WriteFile(files[0], bad, 0o666); err != nil {
			t.Fatal(err)
		}
		places++
		l.recent = recent{}
		c, err := l.Read(context.Background(), 1)
		if err != nil {
			t.Fatal(err)
		}
		switch r, err := c.Next(context.Background()); {
		case err == nil && r.Rows.Columns[0].IsNull(0):
			t.Errorf("with byte %d of %d flipped %s is null", at, len(b), name)
		case err != nil && !strings.Contains(err.Error(), files[0]):
			t.Errorf("it does not name the file: %v", err)
		}
		c.Close()
	}
	if places == 0 {
		t.Error("the name is not in the file")
	}
}

func TestALogThatLostItsEndIsRefused(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, testOptions(newClock()))
	for i := range 4 {
		appendTo(t, l, one(i))
	}
	size := l.segments[0].bytes
	appendTo(t, l, one(4))
	if err := l.rememberUpTo(context.Background(), 6); err != nil {
		t.Fatal(err)
	}
	path := l.segments[0].path
	l.Close()
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, testSchema, testOptions(newClock())); !errors.Is(err, ErrDamaged) {
		t.Fatalf("the last record is gone, and its id is known: %v", err)
	}
}
