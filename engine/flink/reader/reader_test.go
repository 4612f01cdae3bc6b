package reader

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/value"
)

// filled is a world in which a job has written the parts of some events of today, which are in the store.
func filled(t *testing.T) (*world, *job) {
	t.Helper()
	w := newWorld(t, rand.New(rand.NewPCG(1, 2)))
	w.open()
	j := &job{w: w}
	w.happen(j, play{user: "ann", kind: "a", x: 3, ts: w.now.Load() - 5000}, play{user: "ann", kind: "b", x: 5, ts: w.now.Load() - 4000})
	w.complete()
	w.check()
	return w, j
}

// happen has events happen, and the job read them.
func (w *world) happen(j *job, events ...play) {
	w.t.Helper()
	for i := range events {
		w.events = append(w.events, events[i])
		w.produce(&kgo.Record{Topic: source, Partition: 0, Value: []byte("{}")})
		w.produce(j.take(&events[i])...)
	}
	w.commit(len(w.events))
}

func TestWhatIsNoPartIsCountedAndSaid(t *testing.T) {
	w, j := filled(t)
	w.produce(&kgo.Record{Topic: topic, Key: []byte(`{"user":"ann"}`), Value: []byte(`{}`)}, &kgo.Record{Topic: topic, Key: []byte("no JSON"), Value: nil})
	w.happen(j, play{user: "bob", x: 1, ts: w.now.Load() - 10})
	w.complete()
	w.check()
	if s := w.status(); s.Counts.Malformed != 2 || !strings.Contains(s.Problem, topic) {
		t.Errorf("%+v", s)
	}
}

// TestTombstonesChangeNothing has Flink take parts back, as it does for a moment where an element leaves a list.
func TestTombstonesChangeNothing(t *testing.T) {
	w, j := filled(t)
	start := value.Floor(w.events[0].ts, w.layout.Space.Levels[0].Step)
	for n := range w.layout.Parts {
		w.produce(&kgo.Record{Topic: topic, Key: keyOf("ann", w.layout.Space.Levels[0].Step, start, n, ""), Value: nil})
	}
	w.happen(j)
	w.complete()
	w.check()
	if s := w.status(); s.Counts.Regressed != 0 || s.Counts.Malformed != 0 {
		t.Errorf("%+v", s.Counts)
	}
}

func TestADayThatIsRolledTakesNothingMore(t *testing.T) {
	w, j := filled(t)
	yesterday := w.events[0].ts
	w.now.Add(3 * value.DayMS)
	w.complete()
	rolled := w.state().Rolled
	if rolled <= yesterday {
		t.Fatalf("days are rolled up to %d, and an event was at %d", rolled, yesterday)
	}
	w.check()
	late := play{user: "ann", kind: "a", x: 100, ts: yesterday}
	w.produce(j.take(&late)...)
	w.produce(&kgo.Record{Topic: source, Partition: 0, Value: []byte("{}")})
	w.commit(len(w.events) + 1)
	s := w.until("the late parts are read", func(s Status) bool { return s.Counts.Late > 1 })
	if s.Counts.Late != 2 { // scalars, and kind a
		t.Errorf("%+v", s.Counts)
	}
	w.flush()
	w.checkBase()
}

// checkBase compares what windows without an end read of the days that are rolled.
func (w *world) checkBase() {
	w.t.Helper()
	want := w.folded(w.state().Rolled)
	err := w.store.Store.Scan(w.t.Context(), w.layout.Space.ID, plan.BaseStep, func(key string, _ int64, b []byte) error {
		got, err := w.layout.Space.Layout().Decode(b)
		if err == nil && string(agg.AppendState(nil, got.State(0))) != string(agg.AppendState(nil, want[spot{key, plan.BaseStep, 0}].State(0))) {
			w.t.Errorf("the base tile of %q has another count", key)
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// TestATopicThatWasMadeAnewIsReadFromItsStart deletes the topic under the reader, and has another job write another. Values stay partial.
func TestATopicThatWasMadeAnewIsReadFromItsStart(t *testing.T) {
	w, _ := filled(t)
	if _, err := w.admin.DeleteTopics(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	if err := w.topics.Keep(t.Context(), topic, parts); err != nil {
		t.Fatal(err)
	}
	w.events = nil
	w.client.PurgeTopicsFromClient(topic)
	j := &job{w: w}
	w.happen(j, play{user: "cy", kind: "c", x: 1, ts: w.now.Load() - 7})
	w.until("the topic is read again", func(s Status) bool { return s.Counts.Again == 1 && s.Counts.Applied > 0 })
	w.commit(3)
	w.complete()
	w.check()
	if tiles := w.count("ann"); tiles != 0 {
		t.Errorf("%d tiles of the topic that was deleted are there", tiles)
	}
	// A job that goes on writes only what changes: whether this one began anew, nobody has said.
	if s := w.status(); s.Marks.Complete != plan.MaxTime {
		t.Errorf("values are said to be whole: %+v", s.Marks)
	}
}

// count is how many tiles of a user are in the store.
func (w *world) count(user string) (n int) {
	key := string(value.AppendKey(nil, []value.Value{value.OfString(user)}))
	for _, step := range steps(w.layout.Space) {
		if err := w.store.Store.Scan(w.t.Context(), w.layout.Space.ID, step, func(k string, _ int64, _ []byte) error {
			if k == key {
				n++
			}
			return nil
		}); err != nil {
			w.t.Fatal(err)
		}
	}
	return n
}

// TestAStoreThatHasLostWhatWasWrittenIsFilledAgain empties the store, as one that is shared may begin again, and opens the reader anew as `up` does.
func TestAStoreThatHasLostWhatWasWrittenIsFilledAgain(t *testing.T) {
	w, j := filled(t)
	w.store.set(0, store.ErrLost)
	w.happen(j, play{user: "bob", kind: "b", x: 2, ts: w.now.Load() - 3})
	select {
	case <-w.reader.Done():
	case <-time.After(patience):
		t.Fatal("the reader goes on")
	}
	if !errors.Is(w.reader.Err(), store.ErrLost) {
		t.Fatal(w.reader.Err())
	}
	w.kill()
	id := w.layout.Space.ID
	empty := &store.Write{}
	for _, name := range []string{plan.StateName(id), plan.PlacePrefix + id, plan.MarksPrefix + id, plan.StreamPrefix + id + "/topic"} {
		empty.Meta = append(empty.Meta, store.MetaPut{Name: name})
	}
	w.store.set(0, nil)
	if err := errors.Join(w.store.Drop(t.Context(), id), w.store.Drop(t.Context(), plan.PartsSpace(id)), w.store.Store.Write(t.Context(), empty)); err != nil {
		t.Fatal(err)
	}
	w.open()
	w.complete()
	w.check()
}

// TestThePlaceIsWhatTheJobHadCommitted has a job lag behind: what it has not committed is not promised, and no day is rolled as of then.
func TestThePlaceIsWhatTheJobHadCommitted(t *testing.T) {
	w, j := filled(t)
	as := w.status().AsOf
	w.produce(&kgo.Record{Topic: source, Partition: 0, Value: []byte("{}")}, &kgo.Record{Topic: source, Partition: 0, Value: []byte("{}")})
	w.until("both are seen", func(s Status) bool { return s.Lag == 2 }) // a look between the two finds one, as after the commit
	w.commit(3)
	now := w.now.Add(5 * value.DayMS)
	s := w.until("the lag is seen", func(s Status) bool { return s.Lag == 1 })
	if s.AsOf < as || s.AsOf >= now {
		t.Errorf("as of %d, with the clock at %d", s.AsOf, now)
	}
	w.flush()
	if rolled := w.state().Rolled; rolled > w.events[0].ts {
		t.Errorf("days up to %d are rolled though the job has not read all", rolled)
	}
	if err := w.store.Store.Meta(t.Context(), w.layout.Space.PlaceName(), func(_ string, b []byte) error {
		p, err := plan.DecodePlace(b)
		if !p.Covers(0, 2) || p.Covers(0, 3) {
			t.Errorf("the place is %v", p)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	_ = j
}

// TestDaysFromBatchOnStayUntilTheyAreBatchs has the watermark lie further back than any window of days reaches: what is unbounded needs all days from there on.
func TestDaysFromBatchOnStayUntilTheyAreBatchs(t *testing.T) {
	w, j := filled(t)
	b := value.Floor(w.now.Load(), value.DayMS) - 20*value.DayMS
	if ok, err := w.reader.SetBatch(t.Context(), w.layout.Space.ID, b, 1, 2); !ok || err != nil {
		t.Fatal(ok, err)
	}
	old := play{user: "ann", kind: "a", x: 9, ts: b + 7}
	w.happen(j, old)
	now := w.now.Add(1)
	w.until("all its parts are read, of whatever partition", func(s Status) bool { return s.AsOf >= now })
	w.flush()
	found := false
	if err := w.store.Store.Scan(t.Context(), w.layout.Space.ID, value.DayMS, func(_ string, start int64, _ []byte) error {
		found = found || start == b
		return nil
	}); err != nil || !found {
		t.Errorf("the day from B on is not kept (%v)", err)
	}
}

// TestDaysFromBatchOnAreNotExpired has the clock go on, and readers know of the watermark: of days that no window of days reaches, those before B
// expire and those from there on stay.
func TestDaysFromBatchOnAreNotExpired(t *testing.T) {
	w, j := filled(t)
	b := value.Floor(w.now.Load(), value.DayMS) - 20*value.DayMS
	x := w.old(j, b)
	w.now.Add(3 * value.DayMS) // past what was expired before batch came
	if err := x.do(t.Context(), func(ctx context.Context) error {
		x.turned = time.Time{}
		return x.expire(ctx)
	}); err != nil {
		t.Fatal(err)
	}
	if !w.hasDay("bob", b) {
		t.Error("the day from B on is expired: what is unbounded needs it")
	}
}

// TestDaysFromBatchOnAreNotRolled has a walk that began without batch come to a key once there is one: no base tile of the stream's is read any more, and
// days that went into one would be lost.
func TestDaysFromBatchOnAreNotRolled(t *testing.T) {
	w, j := filled(t)
	b := value.Floor(w.now.Load(), value.DayMS) - 20*value.DayMS
	x := w.old(j, b)
	if err := x.do(t.Context(), func(ctx context.Context) error {
		return x.rollKeys(ctx, []string{keyText("bob")}, b, x.RollEnd(x.clock()))
	}); err != nil {
		t.Fatal(err)
	}
	if !w.hasDay("bob", b) {
		t.Error("the day from B on is gone: what is unbounded needs it")
	}
}

// old has batch's part end at b, and then bob's first event be on the day from there on.
func (w *world) old(j *job, b int64) *space {
	w.t.Helper()
	if ok, err := w.reader.SetBatch(w.t.Context(), w.layout.Space.ID, b, 1, 2); !ok || err != nil {
		w.t.Fatal(ok, err)
	}
	x := w.reader.find(w.layout.Space.ID)
	if b >= w.now.Load()-x.Levels[x.daily].Keep-value.DayMS {
		w.t.Fatal("windows of days reach the day: nothing is tested")
	}
	w.happen(j, play{user: "bob", kind: "a", x: 9, ts: b + 7})
	now := w.now.Add(1)
	w.until("all its parts are read, of whatever partition", func(s Status) bool { return s.AsOf >= now })
	w.flush()
	if !w.hasDay("bob", b) {
		w.t.Fatal("the day is not kept to begin with")
	}
	return x
}

func keyText(user string) string {
	return string(value.AppendKey(nil, []value.Value{value.OfString(user)}))
}

// hasDay tells whether the store has the tile of a day.
func (w *world) hasDay(user string, start int64) (found bool) {
	w.t.Helper()
	r := store.Range{Space: w.layout.Space.ID, Key: keyText(user), Step: value.DayMS, From: start, To: start + 1}
	if err := w.store.Store.Read(w.t.Context(), []store.Range{r}, func(int, int64, []byte) error { found = true; return nil }); err != nil {
		w.t.Fatal(err)
	}
	return found
}

// TestWhatIsBatchsIsLeftToIt moves the batch watermark past some days.
func TestWhatIsBatchsIsLeftToIt(t *testing.T) {
	w, j := filled(t)
	b := value.Floor(w.now.Load(), value.DayMS)
	if ok, err := w.reader.SetBatch(t.Context(), w.layout.Space.ID, b, 1, 2); !ok || err != nil {
		t.Fatal(ok, err)
	}
	behind := play{user: "ann", kind: "a", x: 9, ts: b - 1}
	w.produce(j.take(&behind)...)
	s := w.until("the part behind B is read", func(s Status) bool { return s.Counts.Behind > 0 })
	if s.Marks.Batch != b || s.Marks.Generation != 1 || s.Marks.Loaded != 2 {
		t.Errorf("%+v", s.Marks)
	}
	w.kill()
	w.open()
	if s := w.status(); s.Marks.Batch != b {
		t.Errorf("after a restart %+v", s.Marks)
	}
}

// TestASourceThatIsAlwaysWrittenToIsHad has the job lie as many events behind at every look: what the source had a while ago is had all the same. Until then values
// of the space are partial.
func TestASourceThatIsAlwaysWrittenToIsHad(t *testing.T) {
	const behind = 500
	w := newWorld(t, rand.New(rand.NewPCG(1, 2)))
	event := &kgo.Record{Topic: source, Partition: 0, Value: []byte("{}")}
	for range behind {
		w.produce(&kgo.Record{Topic: event.Topic, Partition: event.Partition, Value: event.Value})
	}
	w.open()
	w.until("the lag is known", func(s Status) bool { return s.Lag == behind })
	if s := w.status(); !s.Filling || s.Filled || s.Marks.Complete != plan.MaxTime || s.AsOf != plan.MinTime {
		t.Errorf("before the job has read anything: %+v", s)
	}
	n := 0 // events that the job has read: behind it lie as many as at first, all the time
	for ; !w.status().Filled; n++ {
		w.produce(&kgo.Record{Topic: event.Topic, Partition: event.Partition, Value: event.Value})
		w.commit(n + 1)
		if n > 20*behind {
			t.Fatalf("it is never filled: %+v", w.status())
		}
	}
	if n < behind {
		t.Errorf("it is filled once %d of the %d events are had that the source had at first", n, behind)
	}
	if s := w.until("it is filled", func(s Status) bool { return !s.Filling }); s.Marks.Complete != plan.MinTime || s.AsOf < w.now.Load() {
		t.Errorf("%+v", s)
	}
}
