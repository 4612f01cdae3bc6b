//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/catalog"
	"github.com/bighead-ml/bighead/value"
)

// A crashPhase is what a server was about when it was killed.
type crashPhase struct {
	name  string
	share int // of a hundred kills
	// live does what the phase is about until the moment to kill has come, in a server that is up; hit is asked after the kill whether it
	// came in the midst of it. Others go on sending events meanwhile.
	live func(w *crashWorld, l *life) (hit func() bool)
}

var crashPhases = []crashPhase{
	{"start", 9, nil}, // killed before it is up
	{"ingest", 18, (*crashWorld).ingest},
	{"read", 8, (*crashWorld).reads},
	{"flush", 12, func(w *crashWorld, l *life) func() bool { return w.onWord(l, "what was written is being laid down") }},
	{"compaction", 10, func(w *crashWorld, l *life) func() bool { return w.onWord(l, "what was laid down is being merged") }},
	{"backfill", 13, (*crashWorld).backfills},
	{"apply", 12, (*crashWorld).applies},
	{"seal", 10, (*crashWorld).seals},
	{"shutdown", 8, (*crashWorld).shutsDown},
}

// TestKilledServersLoseNothing kills `bighead up` with SIGKILL, from outside, while clients send events, and in the midst of everything else
// that it does. Clients send again what was not acknowledged and nothing else. Now and then, and at the end, each value of each key must be
// what the oracle makes of what was acknowledged. BIGHEAD_KILLS says how many kills, BIGHEAD_SEED repeats the choices of a run.
func TestKilledServersLoseNothing(t *testing.T) {
	kills := number(t, "BIGHEAD_KILLS", 220)
	if testing.Short() {
		t.Skip("220 servers are started and killed")
	}
	t.Parallel() // it waits for processes
	seed := uint64(number(t, "BIGHEAD_SEED", rand.IntN(1<<31)))
	t.Logf("BIGHEAD_SEED=%d", seed)
	w := newCrashWorld(t, seed)
	var order []*crashPhase
	for i := range kills {
		at := i * 100 / kills
		for p := range crashPhases {
			if at -= crashPhases[p].share; at < 0 {
				order = append(order, &crashPhases[p])
				break
			}
		}
	}
	w.rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	tried, hits, took, values := map[string]int{}, map[string]int{}, map[string]time.Duration{}, 0
	began, done := time.Now(), 0
	once := func(p *crashPhase) {
		at := time.Now()
		hit := w.kill(p)
		took[p.name] += time.Since(at)
		done++
		if t.Failed() {
			t.Fatalf("before kill %d, in %s", done, p.name)
		}
		tried[p.name]++
		if hit {
			hits[p.name]++
		}
	}
	w.begin()
	for i, p := range order {
		once(p)
		if i%50 == 49 || p.name == "backfill" && w.rng.IntN(5) == 0 { // what a load has left by half shows until the next
			values += w.look(false)
		}
	}
	var said []string
	for i := range crashPhases {
		// How many kills come in the midst is the machine's to say, not ours: there are more of them until enough have.
		p := &crashPhases[i]
		n, enough := tried[p.name], 1
		if n >= 20 {
			enough = (n + 2) / 3
		}
		for n > 0 && hits[p.name] < enough && tried[p.name] < 10*n {
			once(p)
		}
		said = append(said, fmt.Sprintf("%s %d of %d in %v", p.name, hits[p.name], tried[p.name], took[p.name].Round(100*time.Millisecond)))
		if hits[p.name] < enough {
			t.Errorf("%d kills of %d came in the midst of: %s", hits[p.name], tried[p.name], p.name)
		}
	}
	values += w.look(true)
	lines := 0
	for _, s := range crashSources {
		all, _ := w.acknowledged(s)
		lines += len(all)
	}
	t.Logf("%d kills in %v, in the midst of: %s; %d events acknowledged, %d values compared, the oracle took %v", done, time.Since(began).Round(time.Second), strings.Join(said, ", "), lines, values,
		w.oracle.Round(100*time.Millisecond))
}

func number(t *testing.T, name string, without int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return without
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q is no number", name, text)
	}
	return n
}

// begin has a first life take in what batch has from before.
func (w *crashWorld) begin() {
	l := born(w.t, w.dir, w.clock, childSizes+"=small").up(w.t)
	w.upload(l)
	l.Stop()
}

// upload has batch make all that is its own, and the online store take it in.
func (w *crashWorld) upload(l *life) {
	for until := time.Now().Add(5 * time.Minute); ; {
		w.makeTiles()
		status, text, err := ask(l.own, "http://up/v1/backfill", "", []byte(`{"groups":["b","t"]}`), nil)
		if err == nil && status == http.StatusOK {
			return
		}
		if err != nil || time.Now().After(until) || status != http.StatusConflict { // the log was sealed since the tiles were made
			w.t.Fatalf("backfill answers %d %s %v", status, text, err)
		}
	}
}

// kill is one life: it begins, does what the phase is about, and is killed. After a miss the phase's pauses are shorter, as on a faster machine.
func (w *crashWorld) kill(p *crashPhase) (hit bool) {
	w.aim = max(1, w.aims[p.name])
	defer func() {
		if w.aims[p.name] = max(1, w.aim/2); !hit {
			w.aims[p.name] = min(64, 2*w.aim)
		}
		w.aim = 1
	}()
	l := born(w.t, w.dir, w.clock, childSizes+"=small")
	if p.live == nil {
		w.pause(120)
		early := !strings.Contains(l.text(), " on http://")
		l.Kill()
		return early
	}
	l.up(w.t)
	stop, gone := make(chan struct{}), sync.WaitGroup{}
	for _, c := range w.clients {
		gone.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(4 * time.Millisecond):
				}
				if !c.send(l) {
					return
				}
			}
		})
	}
	gone.Go(func() { w.passTime(stop) })
	asked := p.live(w, l)
	l.Kill()
	close(stop)
	gone.Wait()
	return asked()
}

// passTime has a life take about a quarter of an hour.
func (w *crashWorld) passTime(stop chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-time.After(5 * time.Millisecond):
		}
		w.passes(5_000)
	}
}

// pause is the randomness of a kill: up to so many ms.
func (w *crashWorld) pause(ms int) {
	time.Sleep(time.Duration(w.rng.IntN(ms*1000)/w.aim) * time.Microsecond)
}

func (w *crashWorld) ingest(l *life) func() bool {
	w.pause(200)
	return func() bool {
		for _, c := range w.clients {
			if c.batch != nil {
				return true
			}
		}
		return false
	}
}

// within waits for something, for so long at most, and reports whether it came.
func within(l *life, most time.Duration, so func() bool) bool {
	deadline, tick := time.After(most), time.NewTicker(500*time.Microsecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-deadline:
			return false
		case <-l.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}

// comesTo waits for what a server does sooner or later, whatever the machine's speed. One that does not says where it stands.
func (w *crashWorld) comesTo(l *life, what string, so func() bool) {
	if within(l, 5*time.Minute, so) {
		return
	}
	said := slices.DeleteFunc(strings.Split(l.text(), "\n"), func(line string) bool { return strings.Contains(line, `"level":"DEBUG"`) })
	_ = syscall.Kill(l.PID(), syscall.SIGQUIT)
	select {
	case <-l.Done():
	case <-time.After(time.Minute):
	}
	w.t.Errorf("it does not come to %q; it said\n%s\nand stands at\n%s", what, strings.Join(said[max(0, len(said)-30):], "\n"), l.LogTail(1500))
}

// onWord kills when the server says that it begins something.
func (w *crashWorld) onWord(l *life, word string) func() bool {
	w.pause(50)
	n := strings.Count(l.text(), word)
	w.comesTo(l, word, func() bool { return strings.Count(l.text(), word) > n })
	w.pause(4)
	return func() bool { return true }
}

func (w *crashWorld) reads(l *life) func() bool {
	asking := w.asking(l)
	w.pause(150)
	return asking
}

// asking asks for all vectors, again and again, until the server is gone, and sees that what was counted stays counted, whatever else goes on. The
// answer says whether it was gone while it was asked.
func (w *crashWorld) asking(l *life) (asked func() bool) {
	var mu sync.Mutex
	asking := false
	done := make(chan struct{})
	go func() {
		defer close(done)
		counted := map[int]int64{}
		for {
			mu.Lock()
			asking = true
			mu.Unlock()
			var got featuresAnswer
			status, text, err := l.post("/v1/features/v", "", []byte(`{"rows":[{`+strings.Join(crashSpine(), "},{")+`}]}`), &got)
			if err != nil {
				return
			}
			mu.Lock()
			asking = false
			mu.Unlock()
			if status != http.StatusOK || strings.Contains(string(text), `"failed"`) {
				w.t.Errorf("features answers %d %s", status, text)
				return
			}
			w.stillCounted(&got, counted)
		}
	}()
	return func() bool { <-done; return asking }
}

// stillCounted sees that no count of all events of a key is less than it was.
func (w *crashWorld) stillCounted(got *featuresAnswer, counted map[int]int64) {
	f := slices.Index(got.Features, "b__ever")
	for i, row := range got.Rows {
		var n int64
		if row.Error != nil || f < 0 || json.Unmarshal(row.Values[f], &n) != nil {
			w.t.Errorf("row %d of %v: %s %v", i, got.Features, row.Error, row.Values)
			return
		}
		if n < counted[i] {
			w.t.Errorf("as of %s %d events of {%s} are counted, after %d", got.At, n, crashSpine()[i], counted[i])
		}
		counted[i] = n
	}
}

// backfills has batch make all that lies before the last midnight before which nothing may come any more, and the online store take it in.
func (w *crashWorld) backfills(l *life) func() bool {
	w.makeTiles()
	asked := w.asking(l)
	done := make(chan int, 1)
	go func() {
		status, text, err := ask(l.own, "http://up/v1/backfill", "", []byte(`{"groups":["b"]}`), nil)
		if err == nil && status != http.StatusOK && status != http.StatusConflict {
			w.t.Errorf("backfill answers %d %s", status, text)
		}
		if err != nil {
			status = 0
		}
		done <- status
	}()
	w.pause(30)
	select {
	case status := <-done:
		return func() bool { asked(); return status == 0 }
	default:
	}
	return func() bool { asked(); return <-done == 0 }
}

// makeTiles writes the files that the source `both` has for batch, day by day, and their tiles.
func (w *crashWorld) makeTiles() {
	midnight := value.Floor(w.clock.now()-crashLateness, value.DayMS) // before one looks at what is acknowledged: time passes meanwhile
	lines, least := w.acknowledged("both")
	if least != 0 && least < midnight {
		w.t.Fatal("an event that is not acknowledged lies before what becomes batch's")
	}
	days := map[string][]string{}
	for _, line := range lines {
		if ts := timeOf(w.t, line); ts < midnight {
			day := value.FormatTimestamp(ts)[:10]
			days[day] = append(days[day], line)
		}
	}
	for day, lines := range days {
		name, text := filepath.Join("both", day+".ndjson"), strings.Join(lines, "\n")+"\n"
		if was, err := os.ReadFile(filepath.Join(w.dir, name)); err != nil || string(was) != text {
			w.write(w.dir, name, text)
		}
	}
	w.bighead(w.dir, "backfill", "b", "--definitions", w.recorded[w.version])
}

// applies registers the other version, which is then filled beside the one that is served, and takes its place.
func (w *crashWorld) applies(l *life) func() bool {
	w.version = 1 - w.version
	cat, err := openCatalog(w.t.Context(), w.dir)
	if err != nil {
		w.t.Fatal(err)
	}
	defer cat.Close()
	now, err := cat.Current(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	text, err := os.ReadFile(w.recorded[w.version])
	if err != nil {
		w.t.Fatal(err)
	}
	if err := cat.Register(w.t.Context(), now.ID, &catalog.Version{At: time.Now(), By: "test", Entries: now.Entries, Definitions: text}); err != nil {
		w.t.Fatal(err)
	}
	w.comesTo(l, "another version", func() bool { return strings.Contains(l.text(), "its spaces are being filled") })
	w.pause(4) // it is over soon: what the other version has kept is there yet
	return func() bool { return !strings.Contains(l.text(), "\"another version is served\"") }
}

// seals lets an hour go by, and kills while a file of the log is written.
func (w *crashWorld) seals(l *life) func() bool {
	w.pause(30)
	w.comesTo(l, "the next hour", func() bool { return w.passes(3_600_000) })
	glob := filepath.Join(w.dir, ".bighead", "events", "*", "sealed", ".*.tmp")
	staged := func() bool { files, _ := filepath.Glob(glob); return len(files) > 0 }
	within(l, 4*time.Second, staged) // it may have come and gone between two looks
	w.pause(2)
	return staged // what a kill has left
}

// shutsDown asks it to end, and does not wait.
func (w *crashWorld) shutsDown(l *life) func() bool {
	w.pause(60)
	_ = syscall.Kill(l.PID(), syscall.SIGTERM)
	w.pause(25)
	ended := false
	select {
	case <-l.Done():
		ended = true
	default:
	}
	return func() bool { return !ended }
}

// look begins a life that is not killed, has all clients be answered, and compares.
func (w *crashWorld) look(last bool) int {
	l := born(w.t, w.dir, w.clock, childSizes+"=small").up(w.t)
	values := w.compare(l, false)
	if last { // all of batch's, so that nothing is partial any more
		w.clock.pass(31 * 3_600_000)
		w.upload(l)
		values += w.compare(l, true)
	}
	l.Stop()
	if text := l.text(); !strings.Contains(text, "all that was accepted is kept") {
		w.t.Fatalf("it ends with\n%s", l.LogTail(30))
	}
	return values
}
