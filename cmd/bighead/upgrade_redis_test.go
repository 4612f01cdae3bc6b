//go:build unix

package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/bighead-ml/bighead/agg/tile"
	redisserver "github.com/bighead-ml/bighead/engine/enginetest/server"
)

// nextBighead is bighead as it would be with one more version of tiles.
func nextBighead(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "bighead")
	build := exec.Command("go", "build", "-tags", "nextversion", "-o", file, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return file
}

// TestTwoVersionsShareRedis has servers of two versions of bighead over one Redis, as they are while servers are replaced one by one: both
// take what is pushed and answer, and each takes over from the other, ended in good order or at once. All the while, and once the upgrade is
// finished and the older ones are gone, both answer what batch makes of all that was acknowledged.
func TestTwoVersionsShareRedis(t *testing.T) {
	t.Parallel() // it waits for processes, and its Redis is its own
	if tile.Version != 1 {
		t.Fatal("there is a second version of tiles: let this test, and the build tag, begin from it")
	}
	redis := redisserver.Redis(t)
	w := newTakeover(t, "[stream]\nlease = \"2s\"\n"+onRedis("redis://"+redis.Addr))
	older, newer := binary(t), nextBighead(t)
	w.startOf(older)
	w.active()
	w.startOf(newer)
	pushed := func(during func()) {
		t.Helper()
		ctx, stop := context.WithCancel(t.Context())
		var beside sync.WaitGroup
		beside.Go(func() { w.push(ctx) })
		beside.Go(func() { w.read(ctx) })
		more := func() {
			acks := w.acks.Load()
			awaited(t, func() string { return map[bool]string{true: "yes"}[w.acks.Load() >= acks+20] })
		}
		more()
		during()
		more()
		stop()
		beside.Wait()
		w.active()
		w.settled()
		w.compare()
	}
	pushed(func() {})
	turns := map[string]int{}
	for i := 0; turns[older] < 2 || turns[newer] < 2; i++ {
		if i == 50 { // a lease that was lost meanwhile takes a turn of its own
			t.Fatalf("turns: %v", turns)
		}
		pushed(func() {
			u := w.active()
			if turns[older]+turns[newer] < 2 {
				w.kill(u)
			} else {
				w.stop(u)
			}
			next := w.active()
			if next.program == u.program {
				t.Fatal("one of the other version was to take over")
			}
			turns[next.program]++
			w.startOf(u.program)
		})
	}
	if got := w.upgrade(newer); got.Format != 1 {
		t.Errorf("while both run it is written in format %d", got.Format)
	}

	// All are of the newer version: it is finished, and the older one stays out.
	for _, u := range append([]*upProcess{}, w.servers...) {
		if u.program == older {
			w.stop(u)
		}
	}
	w.active()
	w.startOf(newer)
	if got := w.upgrade(newer, "--finish"); got.Format != 2 || got.Rewritten < 100 {
		t.Errorf("finished: %+v", got)
	}
	pushed(func() { w.kill(w.active()); w.startOf(newer) })
	out, err := exec.CommandContext(t.Context(), older, "--project", w.dir, "up").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "written in format 2, by a newer bighead") {
		t.Errorf("going back: %v %s", err, out)
	}
	t.Logf("%d batches of %d events; %d values were read meanwhile, %d stale or failed", w.acks.Load(), w.next, w.reads.Load(), w.stale.Load())
}

// stop ends a server in good order, and forgets it.
func (w *takeover) stop(u *upProcess) {
	w.forget(u)
	u.Stop()
}

// upgrade has a program say in which format the store is written, or finish that.
func (w *takeover) upgrade(program string, args ...string) (a upgraded) {
	w.t.Helper()
	awaited(w.t, func() string {
		w.active()
		cmd := exec.CommandContext(w.t.Context(), program, append([]string{"--project", w.dir, "--json", "upgrade"}, args...)...)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil && strings.Contains(stderr.String(), "this process stands by") {
			return "" // it was the active one a moment ago
		}
		if err != nil || json.Unmarshal(out, &a) != nil {
			w.t.Fatalf("upgrade says %s%s, %v", out, stderr.String(), err)
		}
		return "it says"
	})
	return a
}
