//go:build unix

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/value"
)

// soakFeatures are folds in tiles of several levels and a base tile, one by a column, rows of an exact window and versions of entities, over a hundred keys. What is kept of them is as much after two minutes as ever after.
const soakFeatures = `import bighead as bh
e = bh.EventSource("e", columns={"id": bh.Int, "k": bh.String, "c": bh.String, "x": bh.Int, "ts": bh.Timestamp}, time="ts", id="id", lateness="1m")
things = bh.EntitySource("things", columns={"k": bh.String, "name": bh.String, "ts": bh.Timestamp}, keys=["k"], time="ts", lateness="1m")
g = bh.FeatureGroup("g", source=e, keys=["k"], deadline="20s", features=[bh.count(name="n"), bh.sum("x", windows=["1m", "1h", "1d"]), bh.count(windows=["10s"], resolution="1s", name="recent"),
    bh.last_k("x", k=5, windows=["1h"]), bh.count_distinct("x", windows=["1h"]), bh.count(windows=["2s"], resolution="exact", name="exact"), bh.count(windows=["1h"], by="c", name="by")])
h = bh.FeatureGroup("h", source=things, deadline="20s", features=[bh.latest("name")])
v = bh.FeatureView("v", groups=[g, h])
`

const soakKeys = 100

// soaker sends events to a server, and knows how many it was told are kept.
type soaker struct {
	t    *testing.T
	l    *life
	next atomic.Int64
	kept [soakKeys]atomic.Int64
	sum  [soakKeys]atomic.Int64
	read atomic.Int64 // requests for features

	again atomic.Int64 // pushes that had no answer

	named [soakKeys]atomic.Bool // a version of the entity was acknowledged
}

// TestSoak has a server take events at half of what it can for a while, with reads beside it: its memory, goroutines and open files must stay
// as they were once it was warm, and at the end each key has as many events as were acknowledged. BIGHEAD_SOAK says for how long.
func TestSoak(t *testing.T) {
	long := 5 * time.Second
	if text := os.Getenv("BIGHEAD_SOAK"); text != "" {
		var err error
		if long, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	} else if testing.Short() {
		t.Skip("it takes a while")
	}
	dir := smallProject(t, soakFeatures)
	for name, text := range map[string]string{"bighead.toml": "[serve]\nlisten = \"127.0.0.1:0\"\ndeadline = \"30s\"\n[log]\nlevel = \"warn\"\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if code, out, stderr := bighead(t, dir, "apply", "--yes"); code != exitGood {
		t.Fatal(out, stderr)
	}
	s := &soaker{t: t, l: bornOf(t, binary(t), dir, nil).up(t)}
	full := s.push(2*time.Second, 0)
	t.Logf("it takes %.0f events a second", full)
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for i := range 2 {
		readers.Go(func() { s.reads(i, stop) })
	}
	var first, last soakState // under load
	began, parts := time.Now(), 10
	for i := range parts {
		s.push(long/time.Duration(parts), full/2)
		last = s.state()
		if i == 2 {
			first = last // it is warm
		}
		t.Logf("after %v: %v", time.Since(began).Round(time.Second), last)
	}
	close(stop)
	readers.Wait()
	if long >= time.Minute && (last.rss > first.rss*13/10+64<<20 || last.heap > first.heap*3/2+64<<20) { // in seconds nothing is warm
		t.Errorf("it grew from %v to %v", first, last)
	}
	// What is done for requests and in the background ends; what leaks stays.
	awaitedSaying(t, func() string {
		last = s.state()
		return map[bool]string{true: "as before"}[last.goroutines <= first.goroutines+16 && last.files <= first.files+16]
	}, func() string { return fmt.Sprintf("it grew from %v to %v", first, last) })
	s.counts()
	t.Logf("%d events, %d reads; %d pushes had no answer, and came again", s.next.Load(), s.read.Load(), s.again.Load())
	s.l.Stop()
	if text := s.l.text(); !strings.Contains(text, "all that was accepted is kept") || strings.Contains(text, "panic") || strings.Contains(text, `"ERROR"`) {
		t.Errorf("it said\n%s", s.l.LogTail(30))
	}
}

const soakBatch = 100

// push sends for a while, as fast as it goes or so many events a second, by schedule, and gives how many a second were acknowledged.
func (s *soaker) push(d time.Duration, rate float64) float64 {
	const clients = 4
	began, sent := time.Now(), atomic.Int64{}
	var all sync.WaitGroup
	for c := range clients {
		all.Go(func() {
			for i := 0; time.Since(began) < d; i++ {
				if rate > 0 { // each client's i-th batch has its time
					due := began.Add(time.Duration(float64((i*clients+c)*soakBatch) / rate * float64(time.Second)))
					time.Sleep(time.Until(due))
				}
				if !s.send() {
					return
				}
				sent.Add(soakBatch)
			}
		})
	}
	all.Wait()
	return float64(sent.Load()) / time.Since(began).Seconds()
}

func (s *soaker) send() bool {
	var b strings.Builder
	now := time.Now().UnixMilli()
	first := s.next.Add(soakBatch) - soakBatch
	for id := first; id < first+soakBatch; id++ {
		fmt.Fprintf(&b, "{\"id\":%d,\"k\":\"k%d\",\"c\":\"c%d\",\"x\":%d,\"ts\":%q}\n", id, id%soakKeys, id%3, id%7, value.FormatTimestamp(now-id%500))
	}
	if !s.taken("e", fmt.Sprint(first), b.String(), soakBatch) {
		return false
	}
	if first/soakBatch%10 == 0 { // each tenth time a version of one of the entities comes too
		line := fmt.Sprintf("{\"k\":\"k%d\",\"name\":\"n%d\",\"ts\":%q}\n", first/soakBatch/10%soakKeys, first, value.FormatTimestamp(now))
		if !s.taken("things", fmt.Sprint("things-", first), line, 1) {
			return false
		}
		s.named[first/soakBatch/10%soakKeys].Store(true)
	}
	for id := first; id < first+soakBatch; id++ {
		s.kept[id%soakKeys].Add(1)
		s.sum[id%soakKeys].Add(id % 7)
	}
	return true
}

// taken has events taken in. Where no answer came they come again under their key, and count once: a server cuts off a caller that takes more than 15 s, and
// a machine that stands still for so long, or its disk, is no fault of either.
func (s *soaker) taken(source, key, lines string, n int64) bool {
	for {
		var a pushAnswer
		status, text, err := s.l.post("/v1/events/"+source, key, []byte(lines), &a)
		if err != nil && !errors.Is(err, errNoAnswer) && s.t.Context().Err() == nil {
			select {
			case <-s.l.Done():
			default:
				s.again.Add(1)
				continue
			}
		}
		if got := a.Sources[source]; err != nil || status != http.StatusOK || got == nil || got.Accepted+got.Duplicated != n {
			s.t.Errorf("push answers %d %s %v", status, text, err)
			return false
		}
		return true
	}
}

// reads asks for the vectors of ten keys at a time, fifty times a second.
func (s *soaker) reads(n int, stop chan struct{}) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for i := n; ; i += 10 {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		a, err := s.ask(i%soakKeys, 10)
		if err != nil {
			s.t.Error(err)
			return
		}
		for _, row := range a.Rows {
			if text := string(row.Status); row.Error != nil || text == "" || strings.Trim(strings.NewReplacer(`"present"`, "", `"empty"`, "").Replace(text), "[],") != "" {
				s.t.Errorf("a row is %s, %v", row.Status, row.Error)
				return
			}
		}
		s.read.Add(1)
	}
}

func (s *soaker) ask(from, n int) (*featuresAnswer, error) {
	var rows []string
	for i := range n {
		rows = append(rows, fmt.Sprintf(`{"k":"k%d"}`, (from+i)%soakKeys))
	}
	var a featuresAnswer
	status, text, err := s.l.post("/v1/features/v", "", []byte(`{"rows":[`+strings.Join(rows, ",")+`]}`), &a)
	if err != nil || status != http.StatusOK {
		return nil, fmt.Errorf("features answers %d %s %w", status, text, err)
	}
	return &a, nil
}

// counts wants all that was acknowledged counted, once each.
func (s *soaker) counts() {
	s.t.Helper()
	wrong := ""
	awaitedSaying(s.t, func() string {
		a, err := s.ask(0, soakKeys)
		if err != nil {
			s.t.Fatal(err)
		}
		wrong = ""
		by, name := slices.Index(a.Features, "g__by_1h"), slices.Index(a.Features, "h__name")
		if by < 0 || name < 0 {
			s.t.Fatal(a.Features)
		}
		for k, row := range a.Rows {
			each := map[string]int64{}
			if err := json.Unmarshal(row.Values[by], &each); err != nil {
				s.t.Fatal(err, string(row.Values[by]))
			}
			if total := each["c0"] + each["c1"] + each["c2"]; total != s.kept[k].Load() {
				wrong = fmt.Sprintf("of k%d %d events, counted by c are %s", k, s.kept[k].Load(), row.Values[by])
			}
			if (string(row.Values[name]) != "null") != s.named[k].Load() {
				wrong = fmt.Sprintf("k%d is named %s", k, row.Values[name])
			}
			n, sum := fmt.Sprint(s.kept[k].Load()), fmt.Sprint(s.sum[k].Load())
			if string(row.Values[0]) != n || string(row.Values[3]) != sum { // the day has all of it, unless a midnight lies between
				wrong = fmt.Sprintf("of k%d %s events with the sum %s, counted are %s, %s", k, n, sum, row.Values[0], row.Values[3])
			}
		}
		return map[bool]string{true: "all"}[wrong == ""]
	}, func() string { return wrong })
}

// soakState is what a process takes.
type soakState struct {
	rss, heap         int64 // bytes
	goroutines, files int
}

func (s soakState) String() string {
	return fmt.Sprintf("RSS %d MiB, heap goal %d MiB, %d goroutines, %d files", s.rss>>20, s.heap>>20, s.goroutines, s.files)
}

func (s *soaker) state() soakState {
	// What is in use goes up and down between collections, by more than it could grow; at what size the next one is due follows what was alive at the last.
	st := soakState{heap: int64(s.l.metric(s.t, "go_memstats_next_gc_bytes")), goroutines: int(s.l.metric(s.t, "go_goroutines"))}
	proc := filepath.Join("/proc", strconv.Itoa(s.l.PID()))
	if files, err := os.ReadDir(filepath.Join(proc, "fd")); err == nil {
		st.files = len(files)
	}
	if text, err := os.ReadFile(filepath.Join(proc, "status")); err == nil { // where there is no /proc, the heap has to do
		_, after, _ := strings.Cut(string(text), "VmRSS:")
		if f := strings.Fields(after); len(f) > 0 {
			kib, _ := strconv.ParseInt(f[0], 10, 64)
			st.rss = kib << 10
		}
	}
	return st
}
