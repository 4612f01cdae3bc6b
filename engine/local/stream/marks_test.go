package stream

import (
	"errors"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/engine/local/eventlog"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/value"
)

func TestASourceMayGainColumnsOnly(t *testing.T) {
	streams := clicks(t, nil, count("1h"))
	w := opened(t, streams)
	w.push(click(1, -3) + click(2, 5))
	w.flush()
	more := clicks(t, func(s *feature.SourceDef) {
		s.Columns = append(s.Columns, feature.ColumnDef{Name: *text("shop"), Type: feature.TypeDef{Type: "string"}})
	}, count("1h"), append(count("1d"), feature.FeatureDef{Aggregation: "last", Input: text("shop")}))
	w.logs["clicks"].widen(more[0].Source.Schema)
	if err := w.Reconfigure(t.Context(), more); err != nil {
		t.Fatal(err)
	}
	w.push(`{"user":"a","id":7,"ts":"2024-01-01T11:00:00Z","shop":"x"}`)
	w.time.set(noon + 9)
	w.flush()
	w.wants(more[0].Spaces[0], noon+9, "3")
	w.wants(more[0].Spaces[1], noon+9, "3")
	other := clicks(t, func(s *feature.SourceDef) { s.Columns[3].Type.Type = "string" }, count("1h"))
	if err := w.Reconfigure(t.Context(), other); err == nil || !strings.Contains(err.Error(), `source "clicks": column "price" was a float, and is a string`) {
		t.Fatal(err)
	}
	if st := w.Status().Sources[0]; !strings.Contains(st.Stopped, `column "price" was a float`) {
		t.Errorf("%+v", st)
	}
}

// widen shows the rows of a log under a schema that has further columns, as opening it does.
func (l *memoryLog) widen(s value.Schema) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, r := range l.records {
		wide := *r
		wide.Rows = &value.Batch{Schema: s, N: r.Rows.N}
		for _, f := range s {
			c := r.Rows.Column(f.Name)
			if c == nil {
				c = value.NewColumn(f.Type, r.Rows.N)
				for k := range r.Rows.N {
					c.SetNull(k)
				}
			}
			wide.Rows.Columns = append(wide.Rows.Columns, c)
		}
		l.records[i] = &wide
	}
}

func TestWhatLiesBehindBatchIsBatchs(t *testing.T) {
	streams := clicks(t, func(s *feature.SourceDef) { s.Lateness = text("10d") }, count("1h"), count())
	w := opened(t, streams)
	const midnight = noon - value.DayMS/2
	w.push(click(1, -value.DayMS) + click(2, -5))
	w.flush()
	for _, x := range streams[0].Spaces {
		if err := w.SetBatch(t.Context(), x.ID, midnight, 1, 0); err != nil {
			t.Fatal(err)
		}
	}
	w.push(click(3, -value.DayMS/2-1) + click(4, -value.DayMS/2))
	w.flush()
	w.wants(streams[0].Spaces[1], noon, "2") // batch has written nothing here
	for i := range 2 {
		if g := w.stands(i); g.Counts.Behind != 1 || g.Marks.Batch != midnight || g.Marks.Complete != plan.MinTime {
			t.Errorf("%+v", g)
		}
	}
	if err := w.SetBatch(t.Context(), "no such", midnight, 1, 0); err == nil {
		t.Error("a space that is not there has a watermark")
	}
}

func TestDaysThatAreRolledAwayArePartialForBatch(t *testing.T) {
	streams := clicks(t, func(s *feature.SourceDef) { s.Lateness = text("1d") }, count())
	w := opened(t, streams)
	const midnight = noon - value.DayMS/2
	if err := w.SetBatch(t.Context(), streams[0].Spaces[0].ID, midnight-5*value.DayMS, 2, 0); err != nil {
		t.Fatal(err)
	}
	if m := w.stands(0).Marks; m.Complete != midnight-value.DayMS {
		t.Errorf("%+v", m)
	}
}

func TestASpaceKnowsSinceWhenItIsComplete(t *testing.T) {
	streams := clicks(t, nil, count("1h"))
	both := clicks(t, nil, count("1h"), count("2h"))
	w := opened(t, streams)
	w.push(click(1, -5))
	w.flush()
	w.time.set(noon + 1000)
	w.push(click(2, 900))
	w.flush()
	w.logs["clicks"].letGo(2)
	if err := w.Reconfigure(t.Context(), both); err != nil {
		t.Fatal(err)
	}
	w.flush()
	if a, b := w.stands(0).Marks.Complete, w.stands(1).Marks.Complete; a != plan.MinTime || b != noon+1000 {
		t.Errorf("complete from %d and %d", a, b)
	}
	w.wants(both[0].Spaces[0], noon+1000, "2")
	w.wants(both[0].Spaces[1], noon+1000, "1")
	w.kill()
	w.o.History = func(s *feature.Source) bool { return s.Name == "clicks" }
	w.store, w.logs = newMemoryStore(true), map[string]*memoryLog{}
	w.o.Store = w.store
	w.open(streams)
	if m := w.stands(0).Marks.Complete; m != noon+1000 {
		t.Errorf("with a history before, complete from %d", m)
	}
	if err := w.SetComplete(t.Context(), "clicks", noon-7); err != nil {
		t.Fatal(err)
	}
	if m, err := readMarks(t.Context(), w.store, streams[0].Spaces[0].MarksName()); err != nil || m.Complete != noon-7 {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestRecordsThatWentUnreadAreMissed(t *testing.T) {
	streams := clicks(t, nil, count("1h"))
	w := opened(t, streams)
	w.push(click(1, -5))
	w.flush()
	w.push(click(2, -4))
	w.kill()
	w.time.set(noon + 1000)
	log := w.logs["clicks"]
	if _, err := log.Append(t.Context(), &eventlog.Arriving{Partition: eventlog.Pushed, Rows: decoded(t, streams[0].Source, click(3, 900))}); err != nil {
		t.Fatal(err)
	}
	log.letGo(3)
	w.open(streams)
	w.flush()
	w.wants(streams[0].Spaces[0], noon+1000, "2")
	if m := w.stands(0).Marks; m.Complete != noon+1000 {
		t.Errorf("%+v", m)
	}
}

func TestALogThatWasReplacedIsRefused(t *testing.T) {
	streams := clicks(t, nil, count("1h"))
	w := opened(t, streams)
	w.push(click(1, -5))
	w.flush()
	w.kill()
	w.logs = map[string]*memoryLog{}
	if _, err := Open(t.Context(), w.o, streams); err == nil || !strings.Contains(err.Error(), "it was cut or replaced") {
		t.Fatal(err)
	}
}

func TestOnlyWhatIsWrittenIsReleased(t *testing.T) {
	streams := clicks(t, nil, count("1h"))
	w := opened(t, streams)
	w.flush()
	w.push(click(1, -5))
	log := w.logs["clicks"]
	if log.mu.Lock(); log.free > 1 {
		t.Errorf("released before %d", log.free)
	}
	log.mu.Unlock()
	w.flush()
	if log.mu.Lock(); log.free != 2 {
		t.Errorf("released before %d", log.free)
	}
	log.mu.Unlock()
}

func TestLogsAreSealedNowAndThen(t *testing.T) {
	w := opened(t, clicks(t, nil, count("1h")))
	log := w.logs["clicks"]
	w.until(func() bool { return log.seals() == 1 })
	began := w.time.Now()
	w.until(func() bool { return log.seals() == 2 })
	if took := w.time.Now() - began; took < sealEvery/2 {
		t.Errorf("again after %v", took)
	}
	log.mu.Lock()
	log.broken = errors.New("no space left")
	log.mu.Unlock()
	w.until(func() bool { return w.Status().Sources[0].Unsealed == "no space left" })
	w.push(click(1, -5)) // a log that only grows takes rows all the same
	w.flush()
	log.mu.Lock()
	log.broken = nil
	log.mu.Unlock()
	w.until(func() bool { return w.Status().Sources[0].Unsealed == "" })
}

// What nobody needs any more leaves the memory too, and not only when that is full.
func TestExpiredTilesLeaveTheMemory(t *testing.T) {
	w := opened(t, clicks(t, nil, count("1h")))
	w.push(click(1, -5))
	w.flush()
	before := w.stands(0).Bytes
	w.time.set(noon + 30*value.DayMS)
	w.time.pass(upkeepEvery)
	w.until(func() bool { return w.stands(0).Bytes < before })
	w.push(click(2, 30*value.DayMS-5))
	w.flush()
	w.wants(w.source("clicks").main.spaces[0].Space, noon+30*value.DayMS, "1")
}

// TestAStateBeforeTheFirstRoll goes on from a state that does not say up to when days are rolled, as an earlier bighead left one on the clock of
// the events before its first roll: no key is asked for days of all times, and none is lost.
func TestAStateBeforeTheFirstRoll(t *testing.T) {
	streams := clicks(t, nil, count())
	w := newWorld(t, newMemoryStore(true))
	w.o.Events = true
	w.open(streams)
	t.Cleanup(func() { w.kill() })
	x := streams[0].Spaces[0]
	w.push(click(1, 0))
	w.flush()
	rolled := w.stands(0).Rolled
	if rolled != x.RollEnd(noon+1) {
		t.Fatalf("the first event leaves days rolled up to %s", value.FormatTimestamp(rolled))
	}
	w.kill()
	var at place
	name := plan.StateName(x.ID)
	if err := w.store.Meta(t.Context(), name, func(_ string, b []byte) error { return at.decode(b) }); err != nil {
		t.Fatal(err)
	}
	at.rolled, at.target, at.newest = plan.MinTime, plan.MinTime, noon+400*value.DayMS // of another key
	if err := w.store.Write(t.Context(), &store.Write{Epoch: w.o.Epoch, Meta: []store.MetaPut{{Name: name, Bytes: at.append(nil)}}}); err != nil {
		t.Fatal(err)
	}
	w.wants(x, noon+2, "1")
	w.open(streams)
	w.until(func() bool { return w.stands(0).Rolled > rolled || w.Status().Sources[0].Stopped != "" })
	if why := w.Status().Sources[0].Stopped; why != "" {
		t.Fatal(why)
	}
	w.wants(x, noon+400*value.DayMS+1, "1")
	w.push(click(2, 400*value.DayMS))
	w.flush()
	w.wants(x, noon+400*value.DayMS+1, "2")
}

// TestALogWithoutSpacesIsReleased has a source whose groups others fold: its log is kept all the same, and need not keep what came as it came.
func TestALogWithoutSpacesIsReleased(t *testing.T) {
	streams := clicks(t, nil, count("1h"))
	streams[0].Spaces = nil
	w := opened(t, streams)
	w.push(click(1, -5))
	w.push(click(2, -4))
	w.flush()
	log := w.logs["clicks"]
	log.mu.Lock()
	defer log.mu.Unlock()
	if log.free != 3 {
		t.Errorf("released up to %d", log.free)
	}
}
