//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
)

// crashFeatures are definitions with a bit of everything that is kept online: tiles of several levels, kept rows, base tiles, versions of
// entities. places says where each source's rows are; more is what another version has beside.
func crashFeatures(places map[string]string, more string) string {
	return fmt.Sprintf(`import bighead as bh

rows = {"id": bh.Int, "k": bh.String, "c": bh.String, "x": bh.Int, "y": bh.Float, "ts": bh.Timestamp}
log = bh.EventSource("log", columns=rows, time="ts", id="id", order_by="id", lateness="6h"%s)
both = bh.EventSource("both", columns=rows, time="ts", id="id", order_by="id", lateness="6h"%s)
bare = bh.EventSource("bare", columns=rows, time="ts", order_by="id", lateness="6h", where="x is distinct from 3"%s)
things = bh.EntitySource("things", columns={"k": bh.String, "name": bh.String, "n": bh.Int, "gone": bh.Bool, "ts": bh.Timestamp}, keys=["k"], time="ts",
    deleted="gone", lateness="6h"%s)
a = bh.FeatureGroup("a", source=log, keys=["k"], deadline="10m", features=[
    bh.sum("x", windows=["1h", "1d", "7d"]), bh.count(windows=["10m"], resolution="exact", name="exact"), bh.sum("x", name="ever"),
    bh.count(windows=["1d"], by="c", name="by"), bh.last_k("x", k=3, windows=["1d"]), bh.count_distinct("x", windows=["3h"]), bh.avg("y", windows=["6h"]),
    bh.max("x", windows=["1h"], offset="2h", name="before"), bh.last("x"), bh.time_since_last(name="quiet"), bh.min("x", windows=["1h"], default=-1)%s,
])
b = bh.FeatureGroup("b", source=both, keys=["k", "c"], deadline="10m", features=[
    bh.sum("x", windows=["1h", "1d"]), bh.avg("y", windows=["3h"]), bh.count(name="ever"), bh.first("x"), bh.top_k("x", k=2, windows=["1d"])])
n = bh.FeatureGroup("n", source=bare, keys=["c"], deadline="10m", features=[bh.count(windows=["1h", "1d"]), bh.sum("x", name="ever")])
t = bh.FeatureGroup("t", source=things, deadline="10m", features=[bh.latest("name", "n")])
v = bh.FeatureView("v", groups=[a, b, n, t], derive={"d": "a__x_sum_1d + b__ever"})
`, places["log"], places["both"], places["bare"], places["things"], more)
}

// crashMore is what the second version adds: a fold, a level, and a window over folds that are there.
const crashMore = `, bh.max("x", windows=["2d"], name="more"), bh.sum("x", windows=["12h"], name="half")`

// crashWorld is a project that is killed again and again, and all that its clients know of it.
type crashWorld struct {
	t         *testing.T
	rng       *rand.Rand
	dir       string    // the project
	reference string    // a project whose sources are files of what was acknowledged
	recorded  [2]string // the definitions of both versions, recorded once
	wanted    [2]string // the same over the reference
	version   int
	clock     *handClock
	clients   []*crashClient
	oracle    time.Duration   // that it took
	aims      map[string]int  // by phase: a kill's pauses are so many times shorter than at first
	aim       int             // of the phase at hand
	came      map[string]bool // the events whose time has come by now; nil: all that lie before the time that is asked for
}

var crashSources = []string{"log", "both", "bare", "things"}

func newCrashWorld(t *testing.T, seed uint64) *crashWorld {
	w := &crashWorld{t: t, rng: rand.New(rand.NewPCG(seed, 0)), dir: t.TempDir(), reference: t.TempDir(), aims: map[string]int{}, aim: 1}
	begin, _ := value.ParseTimestamp("2024-01-10T00:00:00Z")
	w.clock = newHandClock(t, begin)
	toml := "[serve]\nlisten = \"127.0.0.1:0\"\ndeadline = \"10m\"\n[log]\nlevel = \"debug\"\n"
	w.write(w.dir, "bighead.toml", toml)
	w.write(w.reference, "bighead.toml", "")
	if err := os.Mkdir(filepath.Join(w.dir, "both"), 0o755); err != nil {
		t.Fatal(err)
	}
	w.write(w.dir, "both/old.ndjson", strings.Join(crashOld, "\n")+"\n")
	files := map[string]string{}
	for _, s := range crashSources {
		files[s] = fmt.Sprintf(`, path="%s.ndjson"`, s)
		w.write(w.reference, s+".ndjson", "")
	}
	for i, more := range []string{"", crashMore} {
		w.recorded[i] = w.record(w.dir, crashFeatures(map[string]string{"both": `, path="both/*.ndjson"`}, more))
		w.wanted[i] = w.record(w.reference, crashFeatures(files, more))
	}
	w.bighead(w.dir, "apply", "--yes", "--definitions", w.recorded[0])
	for i := range 3 {
		w.clients = append(w.clients, &crashClient{w: w, n: i, rng: rand.New(rand.NewPCG(seed, uint64(i)+1)), acked: map[string][]string{}})
	}
	return w
}

func (w *crashWorld) write(dir, name, text string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

func (w *crashWorld) bighead(dir string, args ...string) string {
	w.t.Helper()
	code, out, stderr := bighead(w.t, dir, args...)
	if code != exitGood {
		w.t.Fatalf("bighead %s answers %d\n%s%s", strings.Join(args, " "), code, out, stderr)
	}
	return out
}

// record runs definitions once, for all commands to come.
func (w *crashWorld) record(dir, text string) string {
	w.t.Helper()
	w.write(dir, "features.py", text)
	c := &cli{dir: dir, stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}}
	p, err := c.open()
	if err != nil {
		w.t.Fatal(err)
	}
	defs, err := p.Record(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	f, err := os.CreateTemp(w.t.TempDir(), "*.json")
	if err != nil {
		w.t.Fatal(err)
	}
	if err := errors.Join(feature.Encode(f, defs), f.Close()); err != nil {
		w.t.Fatal(err)
	}
	return f.Name()
}

// crashClient sends events, one batch after the other, and sends a batch that was not acknowledged again until it is.
type crashClient struct {
	w     *crashWorld
	n     int
	rng   *rand.Rand
	next  int64
	batch *crashBatch // not acknowledged yet

	mu    sync.Mutex
	acked map[string][]string // lines by source
	least int64               // the earliest ts that is not acknowledged; 0: all is
	calls int                 // that went out
}

type crashBatch struct {
	source, name string
	lines        []string
	least        int64
}

// make makes a batch: most of it of the last minutes, some late, a little of the future.
func (c *crashClient) make() *crashBatch {
	now := c.w.clock.now()
	sources := crashSources
	b := &crashBatch{source: sources[c.rng.IntN(len(sources))], least: now}
	for range 1 + c.rng.IntN(8) {
		c.next++
		id := int64(c.n)*1e9 + c.next
		ts := now - c.rng.Int64N(10*60_000)
		switch c.rng.IntN(20) {
		case 0:
			ts = now - c.rng.Int64N(3*3_600_000)
		case 1:
			ts = now + c.rng.Int64N(20*60_000)
		}
		b.least = min(b.least, ts)
		b.lines = append(b.lines, c.line(b.source, id, ts))
	}
	b.name = fmt.Sprintf("%d-%d", c.n, c.next)
	return b
}

func (c *crashClient) line(source string, id, ts int64) string {
	k := fmt.Sprintf("k%d", c.rng.IntN(crashKeys))
	if source == "things" {
		return fmt.Sprintf(`{"k":%q,"name":"n%d","n":%d,"gone":%v,"ts":%q}`, k, id, id%7, c.rng.IntN(6) == 0, value.FormatTimestamp(ts))
	}
	x, y := fmt.Sprint(c.rng.IntN(10)-2), fmt.Sprint(float64(c.rng.IntN(1000))/8)
	if c.rng.IntN(10) == 0 {
		x = "null"
	}
	if c.rng.IntN(30) == 0 {
		k = ""
	}
	line := fmt.Sprintf(`{"id":%d,"k":%q,"c":"c%d","x":%s,"y":%s,"ts":%q}`, id, k, c.rng.IntN(crashClasses), x, y, value.FormatTimestamp(ts))
	return strings.Replace(line, `"k":""`, `"k":null`, 1)
}

// crashOld is what batch has from before: four days, up to the eighth of January.
var crashOld = func() (lines []string) {
	begin, _ := value.ParseTimestamp("2024-01-05T00:00:00Z")
	for i := range int64(500) {
		lines = append(lines, fmt.Sprintf(`{"id":%d,"k":"k%d","c":"c%d","x":%d,"y":0.5,"ts":%q}`, -1-i, i%crashKeys, i/7%crashClasses, i%9, value.FormatTimestamp(begin+i*4*value.DayMS/500)))
	}
	return lines
}()

const crashKeys, crashClasses = 6, 2

// crashLateness is the lateness of all sources, ms; no event is more than half of it old when it is made.
const crashLateness = 6 * 3_600_000

// send sends the batch at hand, or a new one. It is false where the server is gone.
func (c *crashClient) send(l *life) bool {
	c.mu.Lock()
	if c.batch == nil {
		c.batch = c.make()
	}
	c.least = c.batch.least
	c.calls++
	c.mu.Unlock()
	var got pushAnswer
	status, text, err := l.post("/v1/events/"+c.batch.source, c.batch.name, []byte(strings.Join(c.batch.lines, "\n")), &got)
	switch {
	case errors.Is(err, errNoAnswer):
		c.w.t.Error(err)
		return false
	case err != nil:
		return false
	case status == http.StatusServiceUnavailable:
		return true // told to come again
	case status != http.StatusOK:
		c.w.t.Errorf("push answers %d %s", status, text)
		return false
	}
	s := got.Sources[c.batch.source]
	if s == nil || len(s.Rejected) > 0 || s.NotYet > 0 || s.Accepted+s.Duplicated != int64(len(c.batch.lines)) {
		c.w.t.Errorf("of %d events of %s: %s", len(c.batch.lines), c.batch.source, text)
	}
	c.mu.Lock()
	c.acked[c.batch.source] = append(c.acked[c.batch.source], c.batch.lines...)
	c.least = 0
	c.mu.Unlock()
	c.batch = nil
	return true
}

// acknowledged is what all clients know to be kept, and the earliest time of what they do not know of; 0: they know of all.
func (w *crashWorld) acknowledged(source string) (lines []string, least int64) {
	for _, c := range w.clients {
		c.mu.Lock()
		lines = append(lines, c.acked[source]...)
		if c.least != 0 && (least == 0 || c.least < least) {
			least = c.least
		}
		c.mu.Unlock()
	}
	return lines, least
}

// timeOf is the ts of an event's line.
func timeOf(t *testing.T, line string) int64 {
	t.Helper()
	_, at, _ := strings.Cut(line, `"ts":"`)
	ts, ok := value.ParseTimestamp(at[:strings.IndexByte(at, '"')])
	if !ok {
		t.Fatal(line)
	}
	return ts
}

// crashSpine asks for every key there is, and one that there is not.
func crashSpine() (rows []string) {
	for k := range crashKeys + 1 {
		for c := range crashClasses {
			rows = append(rows, fmt.Sprintf(`"k":"k%d","c":"c%d"`, k, c))
		}
	}
	return append(rows, `"k":null,"c":"c0"`)
}

// passes has so many ms go by, unless what is on its way to a server then is later than lateness allows: however long one stands still meanwhile, what
// comes counts. It is false where it has not.
func (w *crashWorld) passes(ms int64) bool {
	soonest := int64(math.MaxInt64)
	for _, c := range w.clients {
		c.mu.Lock()
		defer c.mu.Unlock() // none makes a batch of the time before, meanwhile
		if c.least != 0 {
			soonest = min(soonest, c.least+crashLateness)
		}
	}
	if w.clock.now()+ms >= soonest {
		return false
	}
	w.clock.pass(ms)
	return true
}

// answered has all clients send what is not acknowledged yet until it is.
func (w *crashWorld) answered(l *life) {
	w.t.Helper()
	for _, c := range w.clients {
		for c.batch != nil {
			if !c.send(l) {
				w.t.Fatalf("it ended:\n%s", l.LogTail(30))
			}
		}
	}
}

// compare has all be acknowledged, asks for all vectors, and wants what batch makes of it. The clock stands; what is not visible yet may take its time.
func (w *crashWorld) compare(l *life, whole bool) (values int) {
	w.t.Helper()
	w.answered(l)
	var got featuresAnswer
	var want []map[string]json.RawMessage
	at, difference := "", ""
	deadline := time.After(5 * time.Minute)
	for {
		status, text, err := l.post("/v1/features/v", "", []byte(`{"rows":[{`+strings.Join(crashSpine(), "},{")+`}]}`), &got)
		if err != nil || status != http.StatusOK {
			w.t.Fatalf("features answers %d %s %v", status, text, err)
		}
		if got.At != at {
			at, want = got.At, w.batch(got.At)
		}
		if difference, values = w.differ(&got, want, whole); difference == "" {
			return values
		}
		select {
		case <-deadline:
			w.t.Fatalf("as of %s: %s\n%s", at, difference, l.LogTail(20))
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (w *crashWorld) differ(got *featuresAnswer, want []map[string]json.RawMessage, whole bool) (string, int) {
	n := 0
	var out []string
	if len(got.Rows) != len(want) {
		return fmt.Sprintf("%d rows where batch has %d", len(got.Rows), len(want)), 0
	}
	if w.version == 1 != slices.Contains(got.Features, "a__more_2d") {
		return fmt.Sprintf("version %d is not served yet: %v", w.version, got.Features), 0
	}
	for i, row := range got.Rows {
		if row.Error != nil {
			return fmt.Sprintf("row %d: %s", i, row.Error), 0
		}
		statuses, err := statusesOf(row.Status, len(got.Features))
		if err != nil {
			return err.Error(), 0
		}
		for f, name := range got.Features {
			n++
			good := slices.Contains([]string{"present", "empty", "default"}, statuses[f]) || !whole && statuses[f] == "partial"
			if !good || !sameJSON(w.t, row.Values[f], want[i][name]) {
				out = append(out, fmt.Sprintf("%s of {%s}: online %s (%s), batch %s", name, crashSpine()[i], row.Values[f], statuses[f], want[i][name]))
			}
		}
	}
	return strings.Join(out, "\n"), n
}

// batch is the oracle's answer over what was acknowledged.
func (w *crashWorld) batch(at string) (rows []map[string]json.RawMessage) {
	w.t.Helper()
	for _, s := range crashSources {
		lines, least := w.acknowledged(s)
		if least != 0 {
			w.t.Fatal("something is not acknowledged")
		}
		if s == "both" {
			lines = append(lines, crashOld...)
		}
		if w.came != nil {
			lines = slices.DeleteFunc(lines, func(line string) bool { return !w.came[line] })
		}
		w.write(w.reference, s+".ndjson", strings.Join(lines, "\n")+"\n")
	}
	var spine strings.Builder
	for _, row := range crashSpine() {
		fmt.Fprintf(&spine, "{%s,\"asked\":%q}\n", row, at)
	}
	w.write(w.reference, "spine.ndjson", spine.String())
	began := time.Now()
	defer func() { w.oracle += time.Since(began) }()
	return byTheOracle(w.t, w.reference, w.wanted[w.version], "v", filepath.Join(w.reference, "spine.ndjson"))
}
