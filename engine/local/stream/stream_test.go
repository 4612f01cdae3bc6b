package stream

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/agg/tile"
	"github.com/bighead-ml/bighead/engine/local/eventlog"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/value"
)

// noon is when the tests below begin.
const noon = int64(1_704_110_400_000) // 2024-01-01T12:00:00Z

func text(s string) *feature.Text { return &feature.Text{Value: s} }

// clicks defines a source of clicks, by name and of a topic, with further columns, and groups of features over it.
func clicks(t testing.TB, change func(*feature.SourceDef), groups ...[]feature.FeatureDef) []*plan.Stream {
	t.Helper()
	src := feature.SourceDef{Kind: feature.EventSource, Name: *text("clicks"), Topic: &feature.PlaceDef{Name: *text("web")}, Time: text("ts"), ID: text("id"), Columns: []feature.ColumnDef{
		{Name: *text("user"), Type: feature.TypeDef{Type: "string"}}, {Name: *text("ts"), Type: feature.TypeDef{Type: "timestamp"}},
		{Name: *text("id"), Type: feature.TypeDef{Type: "int"}}, {Name: *text("price"), Type: feature.TypeDef{Type: "float"}}}}
	if change != nil {
		change(&src)
	}
	defs := &feature.Definitions{Version: feature.FormatVersion, Sources: []feature.SourceDef{src}}
	for i, features := range groups {
		defs.Groups = append(defs.Groups, feature.GroupDef{Name: *text(fmt.Sprintf("g%d", i)), Source: &feature.Ref{Index: 0}, Keys: []feature.Text{*text("user")}, Features: features})
	}
	p, problems := feature.Check(defs, feature.Options{})
	if problems.Failed() {
		t.Fatal(problems.Err())
	}
	return plan.ForStream(p.Groups)
}

func count(windows ...string) []feature.FeatureDef {
	f := feature.FeatureDef{Aggregation: "count"}
	for _, w := range windows {
		f.Windows = append(f.Windows, *text(w))
	}
	return []feature.FeatureDef{f}
}

// opened is a world at noon with a stream in it.
func opened(t testing.TB, streams []*plan.Stream) *world {
	t.Helper()
	w := newWorld(t, newMemoryStore(true))
	w.time.set(noon)
	w.open(streams)
	t.Cleanup(w.kill)
	return w
}

func (w *world) open(streams []*plan.Stream) {
	w.t.Helper()
	s, err := Open(w.t.Context(), w.o, streams)
	if err != nil {
		w.t.Fatal(err)
	}
	w.Stream = s
}

func decoded(t *testing.T, def *feature.Source, body string) *value.Batch {
	t.Helper()
	d, err := Decode(def, []byte(body), nil)
	if err != nil || len(d.Poison) > 0 {
		t.Fatal(d, err)
	}
	return d.Rows
}

func (w *world) flush() {
	w.t.Helper()
	if err := w.Flush(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) push(body string) Result {
	w.t.Helper()
	got, err := w.Push(w.t.Context(), "clicks", []byte(body), "")
	if err != nil || len(got) != 1 {
		w.t.Fatal(got, err)
	}
	return got[0]
}

// click is a row as JSON, some milliseconds after noon.
func click(id int, after int64) string {
	return fmt.Sprintf(`{"user":"a","id":%d,"ts":%d,"price":1.5}`+"\n", id, noon+after)
}

// value is the only value of a space for user a, at a time.
func (w *world) value(x *plan.Space, at int64) string {
	w.t.Helper()
	values, _, err := look(w.t.Context(), w.store, x, string(value.AppendKey(nil, []value.Value{value.OfString("a")})), at)
	if err != nil {
		w.t.Fatal(err)
	}
	return values[0].String()
}

func (w *world) wants(x *plan.Space, at int64, want string) {
	w.t.Helper()
	if got := w.value(x, at); got != want {
		w.t.Fatalf("%s, want %s", got, want)
	}
}

func (w *world) stands(i int) GroupStatus { return w.Status().Sources[0].Groups[i] }

func TestAnEventIsSeenWithinFlush(t *testing.T) {
	streams := clicks(t, nil, count("1h"))
	w := newWorld(t, newMemoryStore(true))
	w.time.set(noon)
	fresh := make(chan int64, 9)
	w.o.Freshness = func(group string, ms int64, rows int) {
		if group != "g0" || rows != 1 {
			t.Errorf("%s, %d rows", group, rows)
		}
		fresh <- ms
	}
	w.open(streams)
	defer w.kill()
	w.flush() // the first write, of the space's place
	began := w.time.Now()
	w.push(click(1, -1))
	w.time.set(noon + 250)
	w.until(func() bool { return len(fresh) > 0 })
	if took := w.time.Now() - began; took < 100*time.Millisecond { // the group's flush
		t.Errorf("written after %v", took)
	}
	if ms := <-fresh; ms != 250 {
		t.Errorf("fresh after %d ms", ms)
	}
	w.wants(streams[0].Spaces[0], noon+250, "1")
}

// until lets time pass until something is so.
func (w *world) until(so func() bool) {
	for !so() {
		w.time.pass(10 * time.Millisecond)
		runtime.Gosched()
	}
}

func TestAnEventWaitsForItsTime(t *testing.T) {
	streams := clicks(t, nil, count("1h"))
	w := opened(t, streams)
	w.push(click(1, 0) + click(2, 5000))
	w.flush()
	w.wants(streams[0].Spaces[0], noon, "0")
	if g := w.stands(0); g.Counts.Waiting != 2 {
		t.Fatalf("%+v", g)
	}
	w.kill()
	w.open(streams)
	w.time.set(noon + 1)
	w.flush()
	w.wants(streams[0].Spaces[0], noon+1, "1")
	w.time.set(noon + 5001)
	w.flush()
	w.wants(streams[0].Spaces[0], noon+5001, "2")
	if g := w.stands(0); g.Counts.Waiting != 0 || len(metaOf(w, "/waiting/")) > 0 {
		t.Errorf("%+v, %v", g, metaOf(w, "/waiting/"))
	}
}

func metaOf(w *world, part string) (names []string) {
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	for n := range w.store.meta {
		if strings.Contains(n, part) {
			names = append(names, n)
		}
	}
	return names
}

func TestAClockThatIsSetBackTakesNothingOut(t *testing.T) {
	streams := clicks(t, nil, count("1h"))
	w := opened(t, streams)
	w.push(click(1, -1))
	w.flush()
	w.time.set(noon - 60_000)
	w.push(click(2, -50_000))
	w.flush()
	w.wants(streams[0].Spaces[0], noon, "1")
	w.time.set(noon + 1)
	w.flush()
	w.wants(streams[0].Spaces[0], noon+1, "2")
}

func TestAStoreOutOfReachHoldsTheStream(t *testing.T) {
	streams := clicks(t, nil, count("1h"))
	w := opened(t, streams)
	w.flush()
	w.store.fail(fmt.Errorf("no connection: %w", store.ErrUnavailable))
	w.push(click(1, -3)) // the log takes it all the same
	// Time goes by faster here than a write that is not run yet, so that it may first be said that the store is at one for long.
	w.until(func() bool { return strings.Contains(w.Status().Sources[0].Held, "no connection") })
	if st := w.Status().Sources[0]; st.Stopped != "" {
		t.Fatalf("%+v", st)
	}
	w.push(click(2, -2))
	w.store.fail(nil)
	w.until(func() bool { return w.Status().Sources[0].Held == "" })
	w.flush()
	w.wants(streams[0].Spaces[0], noon, "2")
	if st := w.Status().Sources[0]; st.Held != "" || st.Groups[0].Lag != 0 {
		t.Errorf("%+v", st)
	}
}

func TestAnotherWriterStopsTheStream(t *testing.T) {
	streams := clicks(t, nil, count("1h"))
	w := newWorld(t, newMemoryStore(true))
	w.o.Epoch = 3
	w.time.set(noon)
	w.open(streams)
	defer w.kill()
	w.push(click(1, -3))
	w.flush()
	if err := w.store.Fence(t.Context(), 4); err != nil {
		t.Fatal(err)
	}
	w.push(click(2, -2))
	if err := w.Flush(t.Context()); !errors.Is(err, store.ErrFenced) {
		t.Fatal(err)
	}
	<-w.Done()
	if !errors.Is(w.Err(), store.ErrFenced) || !w.Status().Fenced {
		t.Errorf("%v, %+v", w.Err(), w.Status())
	}
	if _, err := w.Push(t.Context(), "clicks", []byte(click(3, -1)), ""); !errors.Is(err, store.ErrFenced) {
		t.Errorf("push: %v", err)
	}
	w.wants(streams[0].Spaces[0], noon, "1")
	if _, err := Open(t.Context(), w.o, streams); !errors.Is(err, store.ErrFenced) {
		t.Errorf("open: %v", err)
	}
}

func TestAnyOtherErrorStopsTheSourceWhereItIs(t *testing.T) {
	streams := clicks(t, nil, count("1h"))
	w := opened(t, streams)
	w.push(click(1, -3))
	w.flush()
	w.store.fail(errors.New("no space left"))
	w.push(click(2, -2))
	if err := w.Flush(t.Context()); err == nil || !strings.Contains(err.Error(), `source "clicks" has stopped: no space left`) {
		t.Fatal(err)
	}
	if st := w.Status().Sources[0]; st.Stopped != "no space left" {
		t.Errorf("%+v", st)
	}
	w.kill()
	w.store.fail(nil)
	w.open(streams)
	w.flush()
	w.wants(streams[0].Spaces[0], noon, "2")
}

// TestAWaitingEventSurvivesACrashBetweenTilesAndPlace is of a store that is not atomic: tiles are written, the place in the log is not.
func TestAWaitingEventSurvivesACrashBetweenTilesAndPlace(t *testing.T) {
	streams := clicks(t, nil, count("1h"))
	for _, late := range []bool{false, true} { // crash when it begins to wait, or when its time has come
		for n := range 4 {
			w := newWorld(t, newMemoryStore(false))
			w.time.set(noon + 30_000)
			w.open(streams)
			w.flush()
			crash := func() {
				w.store.mu.Lock()
				w.store.crash, w.store.puts = n/2, -(n % 2)
				w.store.mu.Unlock()
			}
			if !late {
				crash()
			}
			w.push(click(1, 30_050) + click(2, 29_999))
			_ = w.Flush(t.Context())
			if late {
				w.time.set(noon + 30_051)
				crash()
				w.push(click(3, 30_020))
				_ = w.Flush(t.Context())
			}
			w.kill()
			w.store.mu.Lock()
			w.store.crash, w.store.broken = -1, nil
			w.store.mu.Unlock()
			w.time.set(noon + 30_060)
			w.open(streams)
			w.flush()
			w.wants(streams[0].Spaces[0], noon+30_060, map[bool]string{false: "2", true: "3"}[late])
			w.kill()
		}
	}
}

func TestATileKnowsWhatBecameKnownLast(t *testing.T) {
	streams := clicks(t, func(s *feature.SourceDef) {
		s.Columns = append(s.Columns, feature.ColumnDef{Name: *text("known"), Type: feature.TypeDef{Type: "timestamp"}})
		s.KnownAt = text("known")
	}, count("1h"))
	w := opened(t, streams)
	w.push(fmt.Sprintf(`{"user":"a","id":1,"ts":%d,"known":%d}`, noon-50, noon-7))
	w.flush()
	x, tiles := streams[0].Spaces[0], 0
	for p, b := range w.store.places {
		got, err := x.Layout().Decode([]byte(b))
		if err != nil || got.Newest != noon-7 {
			t.Errorf("%+v: %+v, %v", p, got, err)
		}
		tiles++
	}
	if tiles != len(x.Levels) || w.stands(0).Newest != noon-7 {
		t.Errorf("%d tiles, %+v", tiles, w.stands(0))
	}
}

func TestAStoreIsToldForHowLongTilesAreNeeded(t *testing.T) {
	streams := clicks(t, nil, append(count("1h", "30d"), feature.FeatureDef{Aggregation: "last", Input: text("price")}, feature.FeatureDef{Aggregation: "sum", Input: text("price"), Windows: []feature.Text{*text("1m")}, Resolution: text("exact")}))
	w := opened(t, streams)
	w.push(click(1, -value.DayMS) + click(2, -5))
	w.flush()
	x := streams[0].Spaces[0]
	keep := map[int64]int64{plan.BaseStep: 0, value.DayMS: 0, x.Rows.RowStep(): x.Rows.Keep}
	for _, l := range x.Levels {
		if l.Step != value.DayMS {
			keep[l.Step] = l.Keep
		}
	}
	if len(w.store.keeps) < len(keep) {
		t.Fatalf("%v", w.store.keeps)
	}
	for p, got := range w.store.keeps {
		if want := keep[p.step]; want == 0 && got != 0 || want > 0 && got != p.at+want-noon {
			t.Errorf("step %d at %d is kept for %d, want %d", p.step, p.at, got, want)
		}
	}
}

// shops is a source of entities that may be deleted.
func shops(t *testing.T) []*plan.Stream {
	t.Helper()
	defs := &feature.Definitions{Version: feature.FormatVersion, Sources: []feature.SourceDef{{Kind: feature.EntitySource, Name: *text("shops"), Keys: []feature.Text{*text("k")}, Time: text("ts"), Deleted: text("gone"),
		Columns: []feature.ColumnDef{{Name: *text("k"), Type: feature.TypeDef{Type: "string"}}, {Name: *text("ts"), Type: feature.TypeDef{Type: "timestamp"}}, {Name: *text("gone"), Type: feature.TypeDef{Type: "bool"}}}}}}
	defs.Groups = []feature.GroupDef{{Name: *text("g"), Source: &feature.Ref{Index: 0}, Features: []feature.FeatureDef{{Aggregation: "latest", Input: text("gone")}}}}
	p, problems := feature.Check(defs, feature.Options{})
	if problems.Failed() {
		t.Fatal(problems.Err())
	}
	return plan.ForStream(p.Groups)
}

// A deletion stays until batch's part has it, and a day longer where there is none yet: it would rise from the dead in a part that is loaded with
// a watermark before it.
func TestADeletionStaysUntilBatchHasIt(t *testing.T) {
	w := newWorld(t, newMemoryStore(true))
	w.time.set(noon)
	w.open(shops(t))
	x := w.source("shops").main.spaces[0]
	w.kill() // what the loop owns is the test's now
	const deleted, none = noon, int64(plan.MinTime)
	kept := x.Rows.Keep
	for _, c := range []struct {
		now, batch int64
		goes       int
	}{
		{deleted + kept + 1, none, 0},
		{deleted + kept + value.DayMS, none, 0},
		{deleted + kept + value.DayMS + 1, none, 1},
		{deleted + kept + 9*value.DayMS, deleted, 0},
		{deleted + kept + 9*value.DayMS, deleted + 1, 1},
		{deleted + kept, deleted + 1, 0}, // late rows may come that it must hide
	} {
		w.time.set(c.now)
		x.heard, x.now, x.marks.Batch = c.now, c.now, c.batch
		rows := &tile.Packed{}
		rows.Add(&tile.Row{TS: deleted, Deleted: true})
		if got := prunable(rows, x.prunedFrom(), x.hiddenFrom()); got != c.goes {
			t.Errorf("%+v: %d go", c, got)
		}
	}
}

func TestADeletedEntityGoesInTheEnd(t *testing.T) {
	w := opened(t, shops(t))
	row := func(key string, ts int64, gone bool) []byte {
		return fmt.Appendf(nil, `{"k":%q,"ts":%d,"gone":%t}`, key, ts, gone)
	}
	for i, body := range [][]byte{row("a", noon-9, false), row("a", noon-5, true), row("b", noon+3*value.DayMS-5, false)} {
		if i == 2 {
			w.time.set(noon + 3*value.DayMS)
		}
		if _, err := w.Push(t.Context(), "shops", body, ""); err != nil {
			t.Fatal(err)
		}
		w.flush()
		if n := len(w.store.places); n != []int{1, 1, 2}[i] {
			t.Fatalf("%d entities are kept", n)
		}
	}
	w.time.pass(upkeepEvery)
	w.until(func() bool { w.store.mu.Lock(); defer w.store.mu.Unlock(); return len(w.store.places) == 1 })
}

// TestRowsOfAKeyThatAreTooMany has the rows of one key be more than are kept together: its source stops and says so.
func TestRowsOfAKeyThatAreTooMany(t *testing.T) {
	exact := []feature.FeatureDef{{Aggregation: "sum", Input: text("price"), Windows: []feature.Text{*text("1h")}, Resolution: text("exact")}}
	w := newWorld(t, newMemoryStore(true))
	w.time.set(noon)
	w.o.mostRows = 30
	w.open(clicks(t, nil, exact))
	t.Cleanup(w.kill)
	for id := range 2 {
		w.push(click(id, -5))
		w.flush()
	}
	w.push(click(3, -5))
	err := w.Flush(t.Context())
	const said = "group g0: the rows of one key take 32 bytes in the 5m from "
	if err == nil || !strings.Contains(err.Error(), said) || !strings.Contains(err.Error(), "more than are kept together (30): windows with a resolution of tiles") {
		t.Error(err)
	}
}

// TestTheCacheKnowsWhatRowsTake compares what is counted of rows of a key that were written, and of those that were read, with what they take.
func TestTheCacheKnowsWhatRowsTake(t *testing.T) {
	exact := []feature.FeatureDef{{Aggregation: "sum", Input: text("price"), Windows: []feature.Text{*text("1h")}, Resolution: text("exact")}}
	w := opened(t, clicks(t, nil, exact))
	for id := range 100 {
		w.push(click(id, -5))
		if id == 50 {
			w.flush()
			w.kill()
			w.open(clicks(t, nil, exact))
		}
	}
	w.flush()
	w.kill() // what the loop owns is the test's now
	x := w.source("clicks").main.spaces[0]
	for _, k := range x.cache.keys {
		e := k.places[0]
		took := bytesOfKey + int64(len(k.text)) + bytesOfRows + e.rows.Size()
		if len(x.cache.keys) != 1 || len(k.places) != 1 || e.rows.Len() != 100 || e.rows.Size() < 100*16 || x.cache.bytes != took {
			t.Errorf("%d keys, %d rows of %d bytes: %d are counted, want %d", len(x.cache.keys), e.rows.Len(), e.rows.Size(), x.cache.bytes, took)
		}
	}
	if len(x.cache.keys) == 0 {
		t.Error("nothing is in memory")
	}
}

func TestCloseWritesAll(t *testing.T) {
	streams := clicks(t, nil, count("1h"))
	w := opened(t, streams)
	w.push(click(1, -5))
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.wants(streams[0].Spaces[0], noon, "1")
	if _, err := w.Push(t.Context(), "clicks", []byte(click(2, -5)), ""); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

var _ eventlog.Log = (*memoryLog)(nil)
