package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/bighead-ml/bighead/engine/local/eventlog"
	"github.com/bighead-ml/bighead/store/pebble"
	"github.com/bighead-ml/bighead/value"
)

// inside is `bighead up` in the test's own process, on disks and by clocks of the test's.
type inside struct {
	t     *testing.T
	dir   string
	url   string
	log   *lockedText
	last  string // what was seen last, where that is to be told
	end   context.CancelFunc
	ended chan int
}

// upInside starts it, and waits until it answers.
func upInside(t *testing.T, dir string) *inside {
	t.Helper()
	ctx, end := context.WithCancel(t.Context())
	u := &inside{t: t, dir: dir, log: &lockedText{}, end: end, ended: make(chan int, 1)}
	go func() {
		c := &cli{stdin: strings.NewReader(""), stdout: &lockedText{}, stderr: u.log}
		u.ended <- c.run(ctx, []string{"--project", dir, "up"})
	}()
	t.Cleanup(func() { u.stop() })
	u.url = awaited(t, func() string {
		_, after, _ := strings.Cut(u.log.String(), " on http://")
		at, _, found := strings.Cut(after, ": ")
		if !found {
			return ""
		}
		return "http://" + at
	})
	return u
}

// stop ends it, and gives how it ended.
func (u *inside) stop() int {
	u.end()
	code := <-u.ended
	u.ended <- code
	return code
}

// post asks it.
func (u *inside) post(path, body string) (status int, head http.Header, text string) {
	u.t.Helper()
	res, err := http.Post(u.url+path, "application/json", strings.NewReader(body))
	if err != nil {
		u.t.Fatalf("%v\n%s", err, u.log.String())
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		u.t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(b)
}

// counted asks how many events there are of a key: its value and status.
func (u *inside) counted(k string) (value, status string) {
	u.t.Helper()
	code, _, text := u.post("/v1/features/v", fmt.Sprintf(`{"rows":[{"k":%q}]}`, k))
	var a featuresAnswer
	if err := json.Unmarshal([]byte(text), &a); code != http.StatusOK || err != nil || len(a.Rows) != 1 {
		u.t.Fatalf("features answers %d %s", code, text)
	}
	if a.Rows[0].Error != nil {
		return "", a.Rows[0].Error.String()
	}
	statuses, err := statusesOf(a.Rows[0].Status, len(a.Features))
	if err != nil {
		u.t.Fatal(err)
	}
	return string(a.Rows[0].Values[0]), statuses[0]
}

// awaits asks until so many events are counted.
func (u *inside) awaits(k string, n int) {
	u.t.Helper()
	last := ""
	deadline := time.After(5 * time.Minute)
	for {
		value, status := u.counted(k)
		if value == fmt.Sprint(n) && status == "present" {
			return
		}
		last = value + " " + status
		select {
		case <-deadline:
			u.t.Fatalf("%d events were acknowledged, and counted are %s\n%s", n, last, u.log.String())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// faultProject counts events, in tiles, in kept rows, and for ever.
func faultProject(t *testing.T) string { return faultProjectWithin(t, "10m") }

// faultProjectWithin is faultProject with another deadline for answers.
func faultProjectWithin(t *testing.T, within string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"bighead.toml": "[serve]\nlisten = \"127.0.0.1:0\"\ndeadline = \"" + within + "\"\n[log]\nlevel = \"warn\"\n",
		"features.py": `import bighead as bh
e = bh.EventSource("e", columns={"id": bh.Int, "k": bh.String, "ts": bh.Timestamp}, time="ts", id="id")
g = bh.FeatureGroup("g", source=e, keys=["k"], deadline="` + within + `", features=[bh.count(name="n"), bh.count(windows=["1d"], name="day"),
    bh.count(windows=["1h"], resolution="exact", name="exact")])
v = bh.FeatureView("v", groups=[g])
`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if code, out, stderr := bighead(t, dir, "apply", "--yes"); code != exitGood {
		t.Fatal(out, stderr)
	}
	return dir
}

// halfPast is a clock that stands, far from the turn of an hour, at which logs begin and end files.
func halfPast() func() int64 {
	const hour = 3_600_000
	at := value.Floor(time.Now().UnixMilli(), hour) + hour/2
	return func() int64 { return at }
}

// faultEvent is one event of a moment ago.
func faultEvent(id int, k string) string {
	return fmt.Sprintf(`[{"id":%d,"k":%q,"ts":%d}]`, id, k, outside.clock()-1000)
}

// fullDisk is a disk, of the log, the store or both, that is full for a while: a write takes half and fails, and nothing new can be made.
type fullDisk struct {
	full           atomic.Bool
	onLog, onStore atomic.Int64 // writes that failed
}

func (d *fullDisk) under(t *testing.T, log, store bool) {
	before := outside
	t.Cleanup(func() { outside = before })
	if log {
		outside.log = func(o *eventlog.Options) {
			o.Open = func(path string) (eventlog.File, error) {
				f, err := eventlog.OpenFile(path)
				return fullFile{f, d}, err
			}
		}
	}
	if store {
		outside.store = func(o *pebble.Options) {
			o.FS = neverReused{errorfs.Wrap(vfs.Default, errorfs.InjectorFunc(func(op errorfs.Op) error {
				if d.full.Load() && op.Kind.ReadOrWrite() == errorfs.OpIsWrite && op.Kind != errorfs.OpLock && op.Kind != errorfs.OpFileClose && op.Kind != errorfs.OpRemove {
					d.onStore.Add(1)
					return syscall.ENOSPC
				}
				return nil
			}))}
		}
	}
}

// neverReused makes a file anew where an old one would be written over: errorfs has no hand on what is written to the latter.
type neverReused struct{ vfs.FS }

func (d neverReused) ReuseForWrite(from, to string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if err := d.Remove(from); err != nil {
		return nil, err
	}
	return d.Create(to, category)
}

// TestADiskThatDoesNotSync fails a sync of the log: what is on the disk is not known then, so the server says so, ends, and is to be started
// again. What was acknowledged is counted once each.
func TestADiskThatDoesNotSync(t *testing.T) {
	before := outside
	t.Cleanup(func() { outside = before })
	outside.clock = halfPast()
	var broken atomic.Bool
	outside.log = func(o *eventlog.Options) {
		o.Open = func(path string) (eventlog.File, error) {
			f, err := eventlog.OpenFile(path)
			return unsynced{f, &broken}, err
		}
	}
	dir := faultProject(t)
	u := upInside(t, dir)
	for id := range 5 {
		if status, _, text := u.post("/v1/events/e", faultEvent(id, "a")); status != http.StatusOK {
			t.Fatalf("%d %s", status, text)
		}
	}
	u.awaits("a", 5)
	broken.Store(true)
	if status, head, text := u.post("/v1/events/e", faultEvent(5, "a")); status != http.StatusServiceUnavailable || head.Get("Retry-After") == "" || !strings.Contains(text, syscall.EIO.Error()) {
		t.Errorf("%d %s", status, text)
	}
	code := <-u.ended
	u.ended <- code
	if said := u.log.String(); code != exitOutside || !strings.Contains(said, "start it again") || !strings.Contains(said, syscall.EIO.Error()) || strings.Contains(said, "panic") {
		t.Errorf("it ends with %d\n%s", code, said)
	}
	broken.Store(false)
	u = upInside(t, dir)
	if status, _, text := u.post("/v1/events/e", faultEvent(5, "a")); status != http.StatusOK { // it may be there or not
		t.Fatalf("%d %s", status, text)
	}
	u.awaits("a", 6)
}

// TestADiskThatHangsAtASync holds up a sync of the log under a server. Who pushes waits, and is not told that anything is kept; features are answered
// meanwhile with what is there. When the disk goes on, so does what waited, and all counts once.
func TestADiskThatHangsAtASync(t *testing.T) {
	before := outside
	t.Cleanup(func() { outside = before })
	outside.clock = halfPast()
	var hangs atomic.Pointer[hang]
	outside.log = func(o *eventlog.Options) {
		o.Open = func(path string) (eventlog.File, error) {
			f, err := eventlog.OpenFile(path)
			return hanging{f, &hangs}, err
		}
	}
	u := upInside(t, faultProject(t))
	if status, _, text := u.post("/v1/events/e", faultEvent(0, "a")); status != http.StatusOK {
		t.Fatalf("%d %s", status, text)
	}
	u.awaits("a", 1)
	h := &hang{reached: make(chan struct{}), gone: make(chan struct{})}
	hangs.Store(h)
	release := sync.OnceFunc(func() { hangs.Store(nil); close(h.gone) })
	t.Cleanup(release) // before the server is waited for
	const pushes = 3
	answers := make(chan string, pushes)
	for id := range pushes {
		go func() {
			res, err := http.Post(u.url+"/v1/events/e", "application/json", strings.NewReader(faultEvent(1+id, "a")))
			if err != nil {
				answers <- err.Error()
				return
			}
			defer res.Body.Close()
			text, err := io.ReadAll(res.Body)
			answers <- fmt.Sprint(res.StatusCode, " ", string(text), err)
		}()
	}
	<-h.reached
	for range 20 {
		for _, k := range []string{"a", "never seen"} {
			if n, status := u.counted(k); n != map[string]string{"a": "1", "never seen": "0"}[k] || status != "present" && status != "empty" {
				t.Errorf("while the disk hangs %s of %s are counted: %s", n, k, status)
			}
		}
	}
	if status, head, _ := u.post("/v1/features/nothing", "{}"); status != http.StatusNotFound || head == nil {
		t.Errorf("a mistake is answered with %d", status)
	}
	select {
	case a := <-answers:
		t.Errorf("what is not on the disk is answered: %s", a)
	default:
	}
	release()
	for range pushes {
		if a := <-answers; !strings.HasPrefix(a, "200 ") || !strings.Contains(a, `"accepted":1`) {
			t.Errorf("a push that waited is answered with %s", a)
		}
	}
	u.awaits("a", 1+pushes)
}

// hang holds up syncs from the first on, which reached tells of, until gone is closed.
type hang struct {
	once          sync.Once
	reached, gone chan struct{}
}

// hanging is a file of the log whose syncs may be held up.
type hanging struct {
	eventlog.File
	now *atomic.Pointer[hang] // nil: they are not
}

func (f hanging) Sync() error {
	if h := f.now.Load(); h != nil {
		h.once.Do(func() { close(h.reached) })
		<-h.gone
	}
	return f.File.Sync()
}

// unsynced is a file of the log whose syncs fail while the disk is broken.
type unsynced struct {
	eventlog.File
	broken *atomic.Bool
}

func (f unsynced) Sync() error {
	if f.broken.Load() {
		return syscall.EIO
	}
	return f.File.Sync()
}

type fullFile struct {
	eventlog.File
	disk *fullDisk
}

func (f fullFile) Write(b []byte) (int, error) {
	if !f.disk.full.Load() {
		return f.File.Write(b)
	}
	f.disk.onLog.Add(1)
	n, err := f.File.Write(b[:len(b)/2])
	return n, errors.Join(err, syscall.ENOSPC)
}

// TestADiskThatIsFullForAWhile fills the disk under a server that takes events in. It says 503 while it cannot keep them, goes on answering
// with what it has, and goes on taking events once there is room; what was acknowledged is counted once each.
func TestADiskThatIsFullForAWhile(t *testing.T) {
	for _, c := range []struct {
		name       string
		log, store bool
	}{{"log", true, false}, {"store", false, true}, {"both", true, true}} {
		t.Run(c.name, func(t *testing.T) {
			d := &fullDisk{}
			d.under(t, c.log, c.store)
			dir := faultProject(t)
			u := upInside(t, dir)
			id, acked := 0, 0
			push := func() int {
				status, head, text := u.post("/v1/events/e", faultEvent(id, "a"))
				switch {
				case status == http.StatusOK && (strings.Contains(text, `"accepted":1`) || strings.Contains(text, `"duplicated":1`)):
					id++
					acked++
				case status != http.StatusServiceUnavailable || head.Get("Retry-After") == "" || !strings.Contains(text, syscall.ENOSPC.Error()):
					t.Fatalf("%d %s", status, text)
				}
				return status
			}
			for range 20 {
				push()
			}
			u.awaits("a", acked)
			d.full.Store(true)
			before, refused := acked, 0
			awaited(t, func() string {
				if push() != http.StatusOK {
					refused++
				}
				if (!c.log || d.onLog.Load() >= 20) && (!c.store || d.onStore.Load() > 0) {
					return "failed"
				}
				return ""
			})
			if c.log && (acked > before || refused < 20) {
				t.Errorf("on a full disk %d events were acknowledged, %d refused", acked-before, refused)
			}
			if value, status := u.counted("a"); status == "present" {
				if n, err := strconv.Atoi(value); err != nil || n < before {
					t.Errorf("counted are %s, after %d", value, before)
				}
			}
			d.full.Store(false)
			awaited(t, func() string {
				if push() == http.StatusOK {
					return "taken"
				}
				return ""
			})
			u.awaits("a", acked)
			if code := u.stop(); code != exitGood && code != exitInterrupted {
				t.Fatalf("it ends with %d\n%s", code, u.log.String())
			}
			upInside(t, dir).awaits("a", acked)
		})
	}
}
