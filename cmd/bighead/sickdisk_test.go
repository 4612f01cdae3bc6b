package main

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/bighead-ml/bighead/engine/local/stream"
	"github.com/bighead-ml/bighead/store/pebble"
)

// sickDisk is a disk under the online store, which is ill for a while in ways in which it does not simply fail.
type sickDisk struct {
	vfs.FS
	slow    atomic.Bool // every call takes its time
	short   atomic.Bool // a write takes half
	touched atomic.Int64

	mu            sync.Mutex
	reads, writes chan struct{} // closed when those that hang may go on; nil: none hang
}

// hang has reads, writes or both hang until what it returns is called.
func (d *sickDisk) hang(reads, writes bool) (release func()) {
	gate := make(chan struct{})
	set := func(c chan struct{}) {
		d.mu.Lock()
		defer d.mu.Unlock()
		if reads {
			d.reads = c
		}
		if writes {
			d.writes = c
		}
	}
	set(gate)
	return sync.OnceFunc(func() { set(nil); close(gate) })
}

// touch is what a call does before it goes to the disk.
func (d *sickDisk) touch(write bool) {
	d.mu.Lock()
	gate := d.reads
	if write {
		gate = d.writes
	}
	d.mu.Unlock()
	if gate != nil {
		d.touched.Add(1)
		<-gate
	}
	if d.slow.Load() {
		d.touched.Add(1)
		time.Sleep(3 * time.Millisecond) // the fault itself
	}
}

func (d *sickDisk) file(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &sickFile{f, d}, nil
}

func (d *sickDisk) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	d.touch(true)
	return d.file(d.FS.Create(name, category))
}

func (d *sickDisk) Open(name string, o ...vfs.OpenOption) (vfs.File, error) {
	d.touch(false)
	return d.file(d.FS.Open(name, o...))
}

func (d *sickDisk) OpenReadWrite(name string, category vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	d.touch(true)
	return d.file(d.FS.OpenReadWrite(name, category, o...))
}

func (d *sickDisk) ReuseForWrite(from, to string, category vfs.DiskWriteCategory) (vfs.File, error) {
	d.touch(true)
	return d.file(d.FS.ReuseForWrite(from, to, category))
}

func (d *sickDisk) Rename(from, to string) error { d.touch(true); return d.FS.Rename(from, to) }

func (d *sickDisk) Unwrap() vfs.FS { return d.FS }

type sickFile struct {
	vfs.File
	disk *sickDisk
}

func (f *sickFile) Write(b []byte) (int, error) {
	f.disk.touch(true)
	if len(b) > 1 && f.disk.short.Load() {
		f.disk.touched.Add(1)
		n, _ := f.File.Write(b[:len(b)/2])
		return n, io.ErrShortWrite
	}
	return f.File.Write(b)
}

func (f *sickFile) ReadAt(b []byte, at int64) (int, error) {
	f.disk.touch(false)
	return f.File.ReadAt(b, at)
}

func (f *sickFile) Sync() error     { f.disk.touch(true); return f.File.Sync() }
func (f *sickFile) SyncData() error { f.disk.touch(true); return f.File.SyncData() }
func (f *sickFile) SyncTo(n int64) (bool, error) {
	f.disk.touch(true)
	return f.File.SyncTo(n)
}

// TestASickDiskUnderTheStore has the disk of the online store be slow, hang or take half of what is written, while events come and values are
// asked for. What is accepted meanwhile is kept. A value that is said to be present counts at least what was counted before and at most what
// was accepted; what cannot be had in time says so. When it is over everything is counted, once each, also by a server that begins there.
func TestASickDiskUnderTheStore(t *testing.T) {
	for _, c := range []struct {
		name string
		sick func(d *sickDisk) (heal func())
		says string // in the status meanwhile; "": nothing need be wrong
	}{
		{"slow", func(d *sickDisk) func() { d.slow.Store(true); return func() { d.slow.Store(false) } }, ""},
		{"writes hang", func(d *sickDisk) func() { return d.hang(false, true) }, "has been at a write for"},
		{"reads hang", func(d *sickDisk) func() { return d.hang(true, false) }, "store pebble fails"},
		{"all hangs", func(d *sickDisk) func() { return d.hang(true, true) }, "has been at a write for"},
		{"short writes", func(d *sickDisk) func() { d.short.Store(true); return func() { d.short.Store(false) } }, "takes no writes"},
	} {
		t.Run(c.name, func(t *testing.T) { testSickDisk(t, c.sick, c.says) })
	}
}

const sickKeys = 40

func testSickDisk(t *testing.T, sick func(*sickDisk) func(), says string) {
	before := outside
	t.Cleanup(func() { outside = before })
	d := &sickDisk{FS: vfs.Default}
	outside.store = func(o *pebble.Options) { o.FS, o.MemoryBytes, o.CacheBytes = d, 64<<10, 1 }
	outside.stream = func(o *stream.Options) { o.Timer = quick{time.Now()} } // what takes ten seconds is soon over
	dir := faultProjectWithin(t, "500ms")
	u := upInside(t, dir)
	id := 0
	acked := map[string]int{}
	push := func(k string) {
		t.Helper()
		if status, _, text := u.post("/v1/events/e", faultEvent(id, k)); status != http.StatusOK || !strings.Contains(text, `"accepted":1`) {
			t.Fatalf("%d %s", status, text)
		}
		id++
		acked[k]++
	}
	key := func(i int) string { return "k" + strconv.Itoa(i%sickKeys) }
	for i := range 10 * sickKeys { // enough for tables
		push(key(i))
	}
	for i := range sickKeys {
		u.awaits(key(i), acked[key(i)])
	}
	seen := map[string]int{}
	for k, n := range acked {
		seen[k] = n
	}
	statuses := map[string]int{}
	ask := func(k string) {
		t.Helper()
		value, status := u.counted(k)
		statuses[status]++
		n, err := strconv.Atoi(value)
		switch {
		case status == "present" && (err != nil || n < seen[k] || n > acked[k]):
			t.Errorf("%s is %s (%s); %d were counted before, and %d are accepted", k, value, status, seen[k], acked[k])
		case status == "present":
			seen[k] = n
		case status == "stale" && (err != nil || n > acked[k]), status == "failed" && value != "null":
			t.Errorf("%s is %s (%s), and %d are accepted", k, value, status, acked[k])
		case status != "stale" && status != "failed":
			t.Errorf("%s is %s (%s)", k, value, status)
		}
	}
	heal := sick(d)
	t.Cleanup(heal)
	for i := 0; i < 3*sickKeys || d.touched.Load() == 0; i++ {
		push(key(i * 7))
		ask(key(i))
	}
	if says != "" {
		awaited(t, func() string { _, text := u.get("/readyz"); return containingOr(text, says) })
	}
	heal()
	for i := range sickKeys {
		push(key(i))
	}
	for i := range sickKeys {
		u.awaits(key(i), acked[key(i)])
	}
	if code := u.stop(); code != exitGood && code != exitInterrupted || strings.Contains(u.log.String(), "panic") {
		t.Fatalf("it ends with %d\n%s", code, u.log.String())
	}
	u = upInside(t, dir)
	for i := range sickKeys {
		u.awaits(key(i), acked[key(i)])
	}
	t.Logf("asked meanwhile: %v; %d calls of the disk were touched", statuses, d.touched.Load())
}

// get asks it for a page.
func (u *inside) get(path string) (status int, text string) {
	u.t.Helper()
	res, err := http.Get(u.url + path)
	if err != nil {
		u.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		u.t.Fatal(err)
	}
	return res.StatusCode, string(b)
}
