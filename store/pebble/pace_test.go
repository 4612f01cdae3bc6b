package pebble

import (
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// A flush rests while nothing waits for it, and no longer once writes would be held up, or the store is being closed.
func TestFlushesRestWhileNobodyWaits(t *testing.T) {
	s, err := Open(Options{Path: t.TempDir(), MemoryBytes: 64 << 10, noCompactions: true})
	if err != nil {
		t.Fatal(err)
	}
	p := &s.disk.pacer
	rests := func() bool {
		p.mu.Lock()
		p.looked = time.Time{}
		p.mu.Unlock()
		return p.rests()
	}
	if !rests() {
		t.Error("nothing is written, and there is no rest")
	}
	file, err := vfs.NewMem().Create("table", flushCategory)
	if err != nil {
		t.Fatal(err)
	}
	paced := &pacedFile{File: file, pacer: p, since: time.Now().Add(-time.Hour)}
	began := time.Now()
	for range 3 { // only the first has worked
		if _, err := paced.Write([]byte("block")); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(began); took < paceRest {
		t.Errorf("an hour of work is followed by %v", took)
	}
	n := 0
	for range paceSublevels + 1 { // each overwrites the first number, so that no two tables lie side by side
		for _, i := range []int{0, n} {
			if err := s.Write(t.Context(), numbered(i)); err != nil {
				t.Fatal(err)
			}
		}
		n++
		if err := s.db.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if rests() {
		t.Errorf("there are %d sublevels, and flushes rest", s.db.Metrics().Levels[0].Sublevels)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if rests() {
		t.Error("the store is closed, and its flushes rest")
	}
}
