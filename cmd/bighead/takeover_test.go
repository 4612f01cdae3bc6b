//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/engine/enginetest/proc"
	redisserver "github.com/bighead-ml/bighead/engine/enginetest/server"
	"github.com/bighead-ml/bighead/value"
)

// The events come in the order of users, and most groups are keyed by something else, so that one process must fold all of them. %s is where
// the source lies.
const takeoverFeatures = `import bighead as bh

e = bh.EventSource("e", %s, time="ts", id="id", order_by="id")
shop = bh.FeatureGroup("shop", source=e, keys=["shop"], deadline="20s", flush="20ms", features=[
    bh.count(), bh.count(windows=["1h", "1d"]), bh.sum("x", windows=["6h"]), bh.last("x"), bh.count_distinct("user"),
    bh.count(windows=["6h"], resolution="exact", name="exactly"), bh.max("x", windows=["1d"]), bh.avg("x", windows=["1d"], by="user")])
pair = bh.FeatureGroup("pair", source=e, keys=["user", "shop"], deadline="20s", features=[bh.count(), bh.sum("x"), bh.last_k("x", k=3)])
everything = bh.FeatureGroup("everything", source=e, keys=["world"], deadline="20s", flush="0ms", features=[bh.count(), bh.sum("x", windows=["1d"]), bh.min("x")])
v = bh.FeatureView("v", groups=[shop, pair, everything])
`

const (
	takeoverUsers, takeoverShops = 7, 5
	takeoverColumns              = `columns={"id": bh.Int, "ts": bh.Timestamp, "user": bh.String, "shop": bh.String, "world": bh.String, "x": bh.Int}`
)

// takeover is a project with several servers, what is pushed to them, and what was acknowledged.
type takeover struct {
	t    *testing.T
	dir  string
	seed uint64

	mu      sync.Mutex
	r       *rand.Rand
	servers []*upProcess
	started int
	events  bytes.Buffer  // all that were acknowledged, as lines
	next    int64         // id
	every   time.Duration // between batches

	acks, refused, reads, stale atomic.Int64
}

// upProcess is a `bighead up` of its own.
type upProcess struct {
	*proc.Process
	program, url string
}

func newTakeover(t *testing.T, toml string) *takeover {
	t.Helper()
	w := &takeover{t: t, dir: t.TempDir(), seed: rand.Uint64()}
	w.r = rand.New(rand.NewPCG(w.seed, 0))
	t.Logf("seed %d", w.seed)
	w.file("features.py", fmt.Sprintf(takeoverFeatures, takeoverColumns))
	w.file("bighead.toml", "[serve]\nlisten = \"127.0.0.1:0\"\nclock = \"events\"\ndeadline = \"30s\"\n[log]\nlevel = \"warn\"\nformat = \"text\"\n"+toml)
	if code, out, stderr := bighead(t, w.dir, "apply", "--yes"); code != exitGood {
		t.Fatal(out, stderr)
	}
	return w
}

func (w *takeover) file(name, text string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

func (w *takeover) int(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.r.IntN(n)
}

// start starts a server and waits until it serves.
func (w *takeover) start() {
	w.t.Helper()
	w.startOf(binary(w.t))
}

// startOf starts a server of a program.
func (w *takeover) startOf(program string) {
	w.t.Helper()
	w.mu.Lock()
	w.started++
	log := filepath.Join(w.t.TempDir(), fmt.Sprintf("up-%d.log", w.started))
	w.mu.Unlock()
	p, err := proc.Start(proc.Spec{Name: "bighead up", Path: program, Args: []string{"--project", w.dir, "up"}, Dir: w.dir, Env: os.Environ(), Log: log})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(p.Stop)
	u := &upProcess{Process: p, program: program}
	ctx, cancel := context.WithTimeout(w.t.Context(), 5*time.Minute)
	defer cancel()
	err = p.Ready(ctx, func(context.Context) error {
		_, after, _ := strings.Cut(p.LogTail(100), "on http://")
		at, _, found := strings.Cut(after, ": ")
		if !found {
			return fmt.Errorf("it says no address")
		}
		u.url = "http://" + at
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.mu.Lock()
	w.servers = append(w.servers, u)
	w.mu.Unlock()
}

// any is one of the servers.
func (w *takeover) any() *upProcess {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.servers[w.r.IntN(len(w.servers))]
}

// active waits for the server that has the stream.
func (w *takeover) active() *upProcess {
	w.t.Helper()
	var found *upProcess
	awaited(w.t, func() string {
		w.mu.Lock()
		servers := append([]*upProcess{}, w.servers...)
		w.mu.Unlock()
		for _, u := range servers {
			if _, body, err := asked(w.t.Context(), u, "GET", "/healthz", ""); err == nil && strings.Contains(body, `"active"`) {
				found = u
				return u.url
			}
		}
		return ""
	})
	return found
}

// kill ends a server at once, and forgets it.
func (w *takeover) kill(u *upProcess) {
	w.forget(u)
	u.Kill()
}

func (w *takeover) forget(u *upProcess) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.servers = slices.DeleteFunc(slices.Clone(w.servers), func(x *upProcess) bool { return x == u })
}

func asked(ctx context.Context, u *upProcess, method, path, body string) (int, string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute) // what ends a request is its own deadline, or the server's end
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, u.url+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Content-Type", "application/json")
	if strings.HasPrefix(path, "/v1/events/") {
		req.Header.Set("Content-Type", "application/x-ndjson")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return res.StatusCode, string(text), err
}

// batch draws events: some late, all within a day.
func (w *takeover) batch() (lines string, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var b strings.Builder
	n = 1 + w.r.IntN(30)
	first, _ := value.ParseTimestamp("2024-01-01T00:00:00Z")
	for range n {
		w.next++
		ts := first + w.next*20_000 - int64(w.r.IntN(3_600_000))
		fmt.Fprintf(&b, `{"id":%d,"ts":%q,"user":"u%d","shop":"s%d","world":"all","x":%d}`+"\n",
			w.next, value.FormatTimestamp(ts), w.next%takeoverUsers, w.r.IntN(takeoverShops), w.r.IntN(1000)-500)
	}
	return b.String(), n
}

// push pushes batches until ctx ends, each again and again, to one server and another, until it is acknowledged.
func (w *takeover) push(ctx context.Context) {
	for ctx.Err() == nil {
		lines, n := w.batch()
		for {
			code, body, err := asked(w.t.Context(), w.any(), "POST", "/v1/events/e", lines)
			var a pushAnswer
			if err == nil && code == http.StatusOK {
				if err := json.Unmarshal([]byte(body), &a); err != nil || a.Sources["e"] == nil || a.Sources["e"].Accepted+a.Sources["e"].Duplicated != int64(n) {
					w.t.Errorf("%d events are answered by %s (%v)", n, body, err)
				}
				break
			}
			if err == nil && code != http.StatusServiceUnavailable {
				w.t.Errorf("pushing answers %d %s", code, body)
			}
			w.refused.Add(1)
			select {
			case <-w.t.Context().Done():
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
		w.mu.Lock()
		w.events.WriteString(lines)
		w.mu.Unlock()
		w.acks.Add(1)
		select {
		case <-ctx.Done():
		case <-time.After(w.every):
		}
	}
}

// read asks all servers, and sees that what was counted once is counted ever after.
func (w *takeover) read(ctx context.Context) {
	counted, by := map[string]float64{}, map[string]string{} // how much, and who said so as of when
	for ctx.Err() == nil {
		shop, user := fmt.Sprintf("s%d", w.int(takeoverShops)), fmt.Sprintf("u%d", w.int(takeoverUsers))
		body := fmt.Sprintf(`{"rows":[{"shop":%q,"user":%q,"world":"all"}],"features":["shop__count","pair__count","everything__count"],"status":true}`, shop, user)
		u := w.any()
		code, text, err := asked(ctx, u, "POST", "/v1/features/v", body)
		if err != nil {
			continue // it was killed
		}
		var a featuresAnswer
		if err := json.Unmarshal([]byte(text), &a); code != http.StatusOK || err != nil || len(a.Rows) != 1 {
			w.t.Errorf("features answers %d %s", code, text)
			return
		}
		if a.Rows[0].Error != nil {
			if a.Rows[0].Error.Code != "BH106" { // on the clock of the events more may have come each time that it was asked
				w.t.Errorf("features answers %s", text)
			}
			continue
		}
		statuses, err := statusesOf(a.Rows[0].Status, 3)
		if err != nil {
			w.t.Errorf("%v: %s", err, text)
			return
		}
		for i, key := range []string{shop, shop + user, "all"} {
			if statuses[i] != "present" && statuses[i] != "empty" {
				w.stale.Add(1)
				continue
			}
			var n float64
			if err := json.Unmarshal(a.Rows[0].Values[i], &n); err != nil || n < counted[key] {
				_, health, _ := asked(ctx, u, "GET", "/readyz", "")
				w.t.Errorf("%s of %s as of %s by %s is %s (%s) after it was %v, %s; the server says %s", a.Features[i], key, a.At, u.url, a.Rows[0].Values[i], statuses[i], counted[key], by[key], health)
			}
			counted[key], by[key] = n, fmt.Sprintf("as of %s by %s", a.At, u.url)
			w.reads.Add(1)
		}
	}
}

// settled waits until the active server has applied all that was accepted.
func (w *takeover) settled() {
	w.t.Helper()
	awaited(w.t, func() string {
		code, out, _ := bighead(w.t, w.dir, "status", "--json")
		var s onlineStatus
		if code != exitGood || json.Unmarshal([]byte(out), &s) != nil || s.Role != "active" || len(s.Stream.Sources) != 1 || len(s.Stream.Sources[0].Groups) != 3 || len(s.Degraded) > 0 {
			return ""
		}
		for _, g := range s.Stream.Sources[0].Groups {
			if g.Lag > 0 {
				return ""
			}
		}
		return out
	})
}

// compare asks each of the servers for all keys, once it has all values, and a project that has in a file what was acknowledged here for the
// same.
func (w *takeover) compare() {
	w.t.Helper()
	rows, spine := []string{}, "user,shop,world,asked\n"
	for user := range takeoverUsers {
		for shop := range takeoverShops {
			rows = append(rows, fmt.Sprintf(`{"user":"u%d","shop":"s%d","world":"all"}`, user, shop))
			spine += fmt.Sprintf("u%d,s%d,all,AT\n", user, shop)
		}
	}
	for _, u := range w.servers {
		differ := []string{"nothing was answered"}
		defer func() {
			for _, d := range differ {
				w.t.Error(d)
			}
		}()
		awaited(w.t, func() string {
			online := &featuresAnswer{}
			code, text, err := asked(w.t.Context(), u, "POST", "/v1/features/v", `{"rows":[`+strings.Join(rows, ",")+`],"status":true}`)
			if err != nil || code != http.StatusOK || json.Unmarshal([]byte(text), online) != nil || len(online.Rows) != len(rows) {
				w.t.Fatalf("features answers %d %s, %v", code, text, err)
			}
			if strings.Contains(text, `"failed"`) || strings.Contains(text, `"stale"`) || strings.Contains(text, `"partial"`) || strings.Contains(text, `"error"`) {
				return "" // the store was not reached a moment ago
			}
			if differ = w.differences(online, strings.ReplaceAll(spine, "AT", online.At)); len(differ) > 0 {
				return "" // what was applied last is not written yet
			}
			return "the same"
		})
	}
}

// differences are between what is online and what the oracle makes of all that was acknowledged.
func (w *takeover) differences(online *featuresAnswer, spine string) (out []string) {
	w.t.Helper()
	dir := w.t.TempDir()
	for name, text := range map[string]string{"bighead.toml": "", "features.py": fmt.Sprintf(takeoverFeatures, `path="e.ndjson"`), "e.ndjson": w.events.String(), "spine.csv": spine} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			w.t.Fatal(err)
		}
	}
	values := 0
	for i, offline := range byTheOracle(w.t, dir, "", "v", filepath.Join(dir, "spine.csv")) {
		for k, name := range online.Features {
			values++
			if got, want := online.Rows[i].Values[k], offline[name]; !sameJSON(w.t, got, want) {
				out = append(out, fmt.Sprintf("seed %d: row %d, %s as of %s: online %s, the oracle %s", w.seed, i, name, online.At, got, want))
			}
		}
	}
	if values != len(online.Rows)*len(online.Features) || values == 0 {
		w.t.Fatalf("%d values were compared", values)
	}
	return out
}

// TestTakeover kills the server that has the stream, again and again, at any moment while events are pushed to it and to those that stand by, and
// holds one up for longer than its lease. Others take over; at the end each event that was acknowledged counts once.
func TestTakeover(t *testing.T) {
	t.Parallel()      // it waits for processes, and its Redis is its own
	const deaths = 20 // those that count are of topics, where groups are keyed otherwise: TestTopicsTakeover
	redis := redisserver.Redis(t)
	w := newTakeover(t, "[stream]\nlease = \"300ms\"\n"+onRedis("redis://"+redis.Addr))
	for range 3 {
		w.start()
	}
	ctx, stop := context.WithCancel(t.Context())
	var beside sync.WaitGroup
	beside.Go(func() { w.push(ctx) })
	beside.Go(func() { w.push(ctx) })
	beside.Go(func() { w.read(ctx) })
	for i := range deaths {
		u := w.active()
		acks, more := w.acks.Load(), int64(w.int(8))
		awaited(t, func() string { return map[bool]string{true: "yes"}[w.acks.Load() >= acks+more] })
		select { // any moment, not only that of an answer
		case <-time.After(time.Duration(w.int(30_000)) * time.Microsecond):
		case <-t.Context().Done():
		}
		if i%5 == 4 {
			w.holdUp(u)
		}
		w.kill(u)
		w.start()
	}
	stop()
	beside.Wait()
	w.active()
	w.settled()
	w.compare()
	t.Logf("%d deaths, %d batches of %d events, refused %d times; %d values were read meanwhile, %d stale or failed", deaths, w.acks.Load(), w.next, w.refused.Load(), w.reads.Load(), w.stale.Load())
	if w.acks.Load() < deaths || w.reads.Load() < deaths {
		t.Error("too little was pushed and read for this to mean anything")
	}
}

// holdUp stops a server for longer than its lease, and lets it go on: it must not go on as if nothing had been. That it stood by shows in its log, where it
// stays: it may be the active one again before anybody asks. Where nobody has taken the lease meanwhile it may go on, and is held up again.
func (w *takeover) holdUp(u *upProcess) {
	w.t.Helper()
	signal := func(s syscall.Signal) {
		if err := syscall.Kill(u.PID(), s); err != nil {
			w.t.Errorf("signal %v: %v", s, err)
		}
	}
	stoodBy := func() int { return strings.Count(u.LogTail(1<<20), "this process stands by now") }
	before := stoodBy()
	awaited(w.t, func() string {
		signal(syscall.SIGSTOP)
		pause(w.t.Context(), time.Second)
		signal(syscall.SIGCONT)
		for range 100 {
			if stoodBy() > before {
				return "it stood by"
			}
			pause(w.t.Context(), 20*time.Millisecond)
		}
		return ""
	})
}
