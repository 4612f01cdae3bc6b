package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/engine/local/eventlog"
	"github.com/bighead-ml/bighead/engine/local/stream"
	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/store/pebble"
	"github.com/bighead-ml/bighead/value"
)

// damageKeys are how many keys a damaged project has; of key k<i> there are 10+i events.
const damageKeys = 20

// damagedProject is a project with a log whose first hour is sealed, and a store with tables on its disk, ended in good order.
func damagedProject(t *testing.T) string {
	t.Helper()
	var ahead atomic.Int64
	begin, _ := value.ParseTimestamp("2024-01-10T10:30:00Z") // so that it is no turn of an hour or of a day by chance
	outside.clock = func() int64 { return begin + ahead.Load() }
	outside.store = func(o *pebble.Options) { o.MemoryBytes = 64 << 10 }
	outside.log = func(o *eventlog.Options) { o.SegmentBytes = 2 << 10 }
	outside.stream = func(o *stream.Options) { o.Timer = quick{time.Now()} }
	dir := faultProject(t)
	u := upInside(t, dir)
	id := 0
	push := func(k, n int) {
		var b strings.Builder
		for range n {
			id++
			fmt.Fprintf(&b, `{"id":%d,"k":"k%d","ts":%d}`+"\n", id, k, outside.clock()-1000)
		}
		if status, _, text := u.post("/v1/events/e", b.String()); status != http.StatusOK {
			t.Fatalf("%d %s", status, text)
		}
	}
	for k := range damageKeys {
		push(k, 5)
	}
	ahead.Store(3_600_000)
	sealed := filepath.Join(dir, ".bighead", "events", "e", "sealed", "2*")
	awaited(t, func() string { files, _ := filepath.Glob(sealed); return strings.Join(files, " ") })
	for k := range damageKeys {
		push(k, 5+k)
	}
	for k := range damageKeys {
		u.awaits(fmt.Sprint("k", k), 10+k)
	}
	if code := u.stop(); code != exitGood && code != exitInterrupted {
		t.Fatalf("%d\n%s", code, u.log.String())
	}
	return dir
}

// quick is a timer that is a hundred times as fast as the machine's.
type quick struct{ began time.Time }

func (q quick) Now() time.Duration                     { return time.Since(q.began) * 100 }
func (q quick) After(d time.Duration) <-chan time.Time { return time.After(d / 100) }

// TestDamagedFiles flips a byte of each kind of file that a project keeps, at random places: the server refuses to start and names what is
// damaged, or the values that need it fail; a wrong value is never given, and no panic reaches anybody.
func TestDamagedFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts many servers")
	}
	before, every := outside, reloadEvery
	reloadEvery = 10 * time.Millisecond
	t.Cleanup(func() { outside, reloadEvery = before, every })
	seed := rand.Uint64N(1 << 31)
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	dir := damagedProject(t)
	for _, kind := range []string{"events/e/wal/*.wal", "events/e/sealed/2*", "events/e/ids/*", "online/*.sst", "online/log/*.log", "online/MANIFEST-*", "catalog.db"} {
		files, err := filepath.Glob(filepath.Join(dir, ".bighead", filepath.FromSlash(kind)))
		if err != nil || len(files) == 0 {
			t.Errorf("there is no %s", kind)
			continue
		}
		seen := 0
		for range 6 {
			if damageOne(t, rng, dir, files[rng.IntN(len(files))]) {
				seen++
			}
		}
		t.Logf("%s: of 6 damages %d were seen", kind, seen)
	}
}

// damageOne flips a byte of a copy, and starts a server over it. It is true where the damage was
// seen.
func damageOne(t *testing.T, rng *rand.Rand, dir, file string) (seen bool) {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	rel, _ := filepath.Rel(dir, file)
	b, err := os.ReadFile(filepath.Join(to, rel))
	if err != nil || len(b) == 0 {
		return false
	}
	at := rng.IntN(len(b))
	b[at] ^= byte(1 + rng.IntN(255))
	if err := os.WriteFile(filepath.Join(to, rel), b, 0o644); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(rel, "events") { // all of the log is read again
		if err := os.RemoveAll(filepath.Join(to, ".bighead", "online")); err != nil {
			t.Fatal(err)
		}
	}
	name := fmt.Sprintf("byte %d of %d of %s", at, len(b), rel)
	ctx, end := context.WithCancel(t.Context())
	u := &inside{t: t, dir: to, log: &lockedText{}, end: end, ended: make(chan int, 1)}
	go func() {
		c := &cli{stdin: strings.NewReader(""), stdout: &lockedText{}, stderr: u.log}
		u.ended <- c.run(ctx, []string{"--project", to, "up"})
	}()
	defer func() {
		if t.Failed() {
			t.Logf("%s: degraded %s\n%s", name, u.last, u.log.String())
		}
		u.stop()
		if said := u.log.String(); strings.Contains(said, "panic") || strings.Contains(said, "our bug") {
			t.Errorf("%s: %s", name, said)
		}
	}()
	u.url = awaited(t, func() string {
		_, after, _ := strings.Cut(u.log.String(), " on http://")
		if at, _, found := strings.Cut(after, ": "); found {
			return "http://" + at
		}
		select {
		case code := <-u.ended:
			u.ended <- code
			return "refused"
		default:
			return ""
		}
	})
	if u.url == "refused" {
		if said := u.log.String(); !strings.Contains(said, ".bighead") && !strings.Contains(said, "version 1") {
			t.Errorf("%s: it refuses to start, and does not say what is damaged: %s", name, said)
		}
		return true
	}
	return u.allRight(name)
}

// allRight asks for all keys: each value is right, or has failed; it is true where one has. What a log of the store has lost at its end, the
// stream reads again first.
func (u *inside) allRight(name string) (failed bool) {
	u.t.Helper()
	for k := range damageKeys {
		said := awaited(u.t, func() string {
			value, status := u.counted(fmt.Sprint("k", k))
			if value == fmt.Sprint(10+k) && status == "present" || status == "failed" && value == "null" {
				return status
			}
			var n int
			if _, err := fmt.Sscan(value, &n); err != nil || n > 10+k || status != "present" && status != "empty" {
				u.t.Errorf("%s: of k%d it counts %s, which is %s, and there are %d", name, k, value, status, 10+k)
				return "wrong"
			}
			u.last = fmt.Sprintf("k%d is %s %s; %s", k, value, status, u.degraded())
			if strings.Contains(u.last, "is not read any more") { // it lags for good, and says so
				return "failed"
			}
			return ""
		})
		failed = failed || said == "failed"
	}
	return failed
}

// degraded is what the server says goes worse than it should.
func (u *inside) degraded() string {
	u.t.Helper()
	res, err := http.Get(u.url + "/readyz")
	if err != nil {
		u.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		u.t.Fatal(err)
	}
	return string(b)
}

// TestDamagedTile damages what lies at one place of the store, whose own checksums know nothing of it: the values that need it fail, are counted, and
// all others are as they were.
func TestDamagedTile(t *testing.T) {
	before := outside
	t.Cleanup(func() { outside = before })
	dir := damagedProject(t)
	st, err := pebble.Open(pebble.Options{Path: filepath.Join(dir, ".bighead", "online")})
	if err != nil {
		t.Fatal(err)
	}
	damaged := 0
	sizes, err := st.Sizes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for space := range sizes {
		var puts []store.Put
		for _, step := range []int64{0, 86_400_000} {
			err := st.Scan(t.Context(), space, step, func(key string, start int64, b []byte) error {
				if strings.Contains(key, "k7") {
					bad := append([]byte{}, b...)
					bad[len(bad)/2] ^= 1
					puts = append(puts, store.Put{Space: space, Key: key, Step: step, Start: start, Bytes: bad})
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := st.Write(t.Context(), &store.Write{Puts: puts}); err != nil {
			t.Fatal(err)
		}
		damaged += len(puts)
	}
	if err := st.Close(); err != nil || damaged == 0 {
		t.Fatalf("%d places damaged, %v", damaged, err)
	}
	u := upInside(t, dir)
	for k := range damageKeys {
		value, status := u.counted(fmt.Sprint("k", k))
		if k == 7 && (value != "null" || status != "failed") || k != 7 && (value != fmt.Sprint(10+k) || status != "present") {
			t.Errorf("of k%d it counts %s, which is %s", k, value, status)
		}
	}
	res, err := http.Get(u.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || !strings.Contains(string(text), `bighead_tiles_refused_total{group="g",reason="damaged"} 1`) {
		t.Errorf("the metrics do not count it:\n%s", text)
	}
}
