//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/bighead-ml/bighead/engine/enginetest/proc"
	"github.com/bighead-ml/bighead/engine/local/eventlog"
	"github.com/bighead-ml/bighead/engine/local/stream"
	"github.com/bighead-ml/bighead/store/pebble"
)

// childClock names the file that holds the time, for a run of this test binary that is bighead itself: main with a clock that the test
// moves, and, where its sizes are small, in a hurry, so that within a part of a second all happens that takes a server hours.
const (
	childClock = "BIGHEAD_TEST_CLOCK"
	childSizes = "BIGHEAD_TEST_SIZES" // small: a little is much
)

// hurry is how much faster than the machine's a child's timers run: it flushes each ms, rolls days each 0.3 s, and seals each 0.6 s.
const hurry = 100

// childMain is the program. It does not return.
func childMain() {
	f, err := os.OpenFile(os.Getenv(childClock), os.O_RDWR, 0)
	if err != nil {
		panic(err)
	}
	ms, err := sharedTime(f)
	if err != nil {
		panic(err)
	}
	outside.clock = ms.Load
	small := os.Getenv(childSizes) == "small"
	for _, name := range []string{childClock, childSizes, "BIGHEAD_KILLS", "BIGHEAD_SEED"} { // they are no settings, which it would say
		if err := os.Unsetenv(name); err != nil {
			panic(err)
		}
	}
	if small {
		outside.store = func(o *pebble.Options) { o.MemoryBytes = 256 << 10 }
		outside.log = func(o *eventlog.Options) { o.SegmentBytes = 8 << 10 }
		outside.stream = func(o *stream.Options) { o.Timer = hurried{time.Now()} }
		reloadEvery = 10 * time.Millisecond
	}
	main()
}

// hurried is a timer that runs faster than the machine's.
type hurried struct{ began time.Time }

func (h hurried) Now() time.Duration                     { return time.Since(h.began) * hurry }
func (h hurried) After(d time.Duration) <-chan time.Time { return time.After(d / hurry) }

// sharedTime is the time in a file, in ms since the epoch, in memory that all who have the file share: a time that is written while it is read is
// never half the old and half the new, as it might be with reads and writes.
func sharedTime(f *os.File) (*atomic.Int64, error) {
	const size = int(unsafe.Sizeof(atomic.Int64{}))
	if err := f.Truncate(int64(size)); err != nil {
		return nil, err
	}
	b, err := syscall.Mmap(int(f.Fd()), 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED) // as long as the process lives
	if err != nil {
		return nil, err
	}
	return (*atomic.Int64)(unsafe.Pointer(&b[0])), nil
}

// handClock is a clock in a file, which the processes of a test share. It is moved by hand.
type handClock struct {
	ms   *atomic.Int64
	file *os.File
}

func newHandClock(t *testing.T, ms int64) *handClock {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "clock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	c := &handClock{file: f}
	if c.ms, err = sharedTime(f); err != nil {
		t.Fatal(err)
	}
	c.pass(ms)
	return c
}

func (c *handClock) now() int64 { return c.ms.Load() }

// pass has so many ms go by; back where there are less than none.
func (c *handClock) pass(ms int64) { c.ms.Add(ms) }

// life is one run of `bighead up`.
type life struct {
	*proc.Process
	log    string // where it writes
	url    string // once it is up
	client *http.Client
	own    *http.Client // through the project's socket
}

// born starts a server in a project. It is ended with the test.
func born(t *testing.T, dir string, c *handClock, env ...string) *life {
	t.Helper()
	return bornOf(t, os.Args[0], dir, append(env, childClock+"="+c.file.Name()))
}

// bornOf starts a server of a program.
func bornOf(t *testing.T, program, dir string, env []string) *life {
	t.Helper()
	l := &life{log: filepath.Join(t.TempDir(), "log")}
	var err error
	l.Process, err = proc.Start(proc.Spec{
		Name: "bighead up", Path: program, Args: []string{"up", "--project", dir}, Log: l.log,
		Env: append(os.Environ(), env...),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Stop)
	hear := func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, address)
		return hearing{c}, err
	}
	l.client = &http.Client{Transport: &http.Transport{DialContext: hear, MaxIdleConnsPerHost: 8}, Timeout: 10 * time.Minute}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(dir, ".bighead", socketName))
	}
	l.own = &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}, Timeout: 10 * time.Minute}
	return l
}

// hearing is a connection on which an answer is heard though the other side takes no more of the question and goes: what comes of a body that is
// too large does not hang on whether its end is written before the answer is read.
type hearing struct{ net.Conn }

func (c hearing) Write(b []byte) (int, error) {
	_, _ = c.Conn.Write(b) // where nobody is there any more, reading says so
	return len(b), nil
}

// Stop asks it to end and waits until it has. It is not killed for being slow, as servers of others are: what it says at its end is held against it, and a
// machine that stands still is no fault of its.
func (l *life) Stop() {
	select {
	case <-l.Done():
	default:
		_ = syscall.Kill(l.PID(), syscall.SIGTERM)
		select {
		case <-l.Done():
		case <-time.After(10 * time.Minute):
		}
	}
	l.Process.Stop() // what it has left in its group, or itself
}

// text is what it has written.
func (l *life) text() string {
	b, err := os.ReadFile(l.log)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// said waits until it has written something, false where it ended before.
func (l *life) said(what string) bool {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		if strings.Contains(l.text(), what) {
			return true
		}
		select {
		case <-l.Done():
			return strings.Contains(l.text(), what)
		case <-tick.C:
		}
	}
}

// up waits until it answers.
func (l *life) up(t *testing.T) *life {
	t.Helper()
	if !l.said(" on http://") {
		t.Fatalf("it ended before it was up:\n%s", l.LogTail(30))
	}
	l.url = awaited(t, func() string {
		_, after, _ := strings.Cut(l.text(), " on http://")
		at, _, found := strings.Cut(after, ": ")
		if !found {
			return ""
		}
		return "http://" + at
	})
	return l
}

// post asks, and reads the answer into out where it is good. The error is of a server that is gone.
func (l *life) post(path, name string, body []byte, out any) (status int, text []byte, err error) {
	return ask(l.client, l.url+path, name, body, out)
}

func ask(k *http.Client, url, name string, body []byte, out any) (status int, text []byte, err error) {
	req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if name != "" {
		req.Header.Set("Idempotency-Key", name)
	}
	res, err := k.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	if text, err = io.ReadAll(res.Body); err != nil {
		return 0, nil, err
	}
	if res.StatusCode == http.StatusOK && out != nil {
		if err := json.Unmarshal(text, out); err != nil {
			return 0, nil, errors.Join(errNoAnswer, fmt.Errorf("%w: %s", err, text))
		}
	}
	return res.StatusCode, text, nil
}

var errNoAnswer = errors.New("an answer that is no JSON of ours")

// metric is the sum of a metric's values.
func (l *life) metric(t *testing.T, name string) float64 {
	t.Helper()
	res, err := l.client.Get(l.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	sum, found := 0.0, false
	for line := range strings.Lines(string(b)) {
		var x float64
		rest, ok := strings.CutPrefix(line, name)
		if !ok || rest == "" || rest[0] != ' ' && rest[0] != '{' {
			continue
		}
		if _, err := fmt.Sscan(rest[strings.LastIndexByte(rest, ' ')+1:], &x); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		sum, found = sum+x, true
	}
	if !found {
		t.Fatalf("there is no metric %s", name)
	}
	return sum
}
