package reader

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/agg/tile"
	"github.com/bighead-ml/bighead/dataset/kafka"
	"github.com/bighead-ml/bighead/engine/flink/part"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/serve/servetest"
	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/store/memory"
	"github.com/bighead-ml/bighead/value"
)

// definitions have a fold of every shape of part: scalars, lists, what is under by, lists under by.
const definitions = `
plays = bh.EventSource("plays", columns={"user": bh.String, "kind": bh.String, "x": bh.Int}, time="ts", topic="plays", lateness="1d")
user = bh.FeatureGroup("user", source=plays, keys=["user"], flush="5ms", features=[
    bh.count(windows=["1h", "3d"]), bh.sum("x", windows=["1h"]), bh.max("x", windows=["3d"]), bh.time_since_last(windows=["1h"]),
    bh.last_k("x", k=2, windows=["1h", "3d"]), bh.top_k("x", k=3, windows=["1h"]), bh.distinct_k("x", k=2, windows=["1h"]),
    bh.count(by="kind", by_max=2, windows=["1h", "3d"]), bh.sum("x", by="kind", by_max=2, where="x > 0", name="gained", windows=["1h"]),
    bh.first_k("x", k=2, by="kind", by_max=2, windows=["1h"]),
    bh.count(name="ever"), bh.sum("x", name="total"), bh.last_k("x", k=2, name="latest"),
])`

const (
	parts  = 3 // partitions of the topic of tile parts
	topic  = "bh.user"
	source = "plays"
	group  = "bh.user.1"
)

// play is an event.
type play struct {
	user, kind string
	x          int64
	null       bool // x
	ts         int64
}

func (p *play) event(f *plan.Fold) (e agg.Event, ok bool) {
	e.TS = p.ts
	if f.Input >= 0 && !p.null {
		e.Value = value.OfInt(p.x)
	}
	if f.By >= 0 && p.kind != "" {
		e.By = value.OfString(p.kind)
	}
	return e, f.Where < 0 || p.x > 0 && !p.null
}

// world is a fake broker, a store, and a clock, over which readers come and go.
type world struct {
	t      *testing.T
	r      *rand.Rand
	layout *part.Layout
	now    atomic.Int64
	store  *moody
	broker *kfake.Cluster
	client *kgo.Client
	admin  *kadm.Client
	topics *kafka.Cluster
	reader *Reader
	o      Options
	events []play // that the source's topic has
}

func newWorld(t *testing.T, r *rand.Rand) *world {
	t.Helper()
	w := &world{t: t, r: r, store: &moody{Store: memory.New(), r: rand.New(rand.NewPCG(r.Uint64(), 1))}}
	l, lack := part.LayoutOf(plan.SpaceOf(servetest.Definitions(t, definitions).Groups[0]))
	if lack != nil {
		t.Fatal(lack)
	}
	w.layout = l
	var err error
	if w.broker, err = kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, source), kfake.SeedTopics(parts, topic)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.broker.Close)
	if w.client, err = kgo.NewClient(kgo.SeedBrokers(w.broker.ListenAddrs()...), kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)), kgo.MetadataMinAge(20*time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.client.Close)
	w.admin = kadm.NewClient(w.client)
	if w.topics, err = kafka.New(kafka.Config{Brokers: w.broker.ListenAddrs(), Refresh: 50 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.topics.Close() })
	w.now.Store(value.Floor(1_700_000_000_000, value.DayMS) + 7*3_600_000)
	w.o = Options{Store: w.store, Topics: w.topics, Clock: w.now.Load, Look: 10 * time.Millisecond, Upkeep: 20 * time.Millisecond}
	t.Cleanup(func() { w.kill() })
	return w
}

// open begins to read.
func (w *world) open() {
	w.t.Helper()
	w.reader = Open(w.o)
	s := Space{Layout: w.layout, Topic: topic, Source: source, Group: group, Since: plan.MinTime}
	for {
		err := w.reader.Add(w.t.Context(), s)
		if err == nil {
			return
		}
		if !errors.Is(err, store.ErrUnavailable) {
			w.t.Fatal(err)
		}
	}
}

// kill ends the reader as kill -9 does: nothing more is written.
func (w *world) kill() {
	if w.reader == nil {
		return
	}
	w.reader.Lose(ErrClosed)
	_ = w.reader.Close(context.Background())
	w.reader = nil
}

func (w *world) produce(rs ...*kgo.Record) {
	w.t.Helper()
	if err := w.client.ProduceSync(w.t.Context(), rs...).FirstErr(); err != nil {
		w.t.Fatal(err)
	}
}

// commit shows that the job has read so many of the source's events.
func (w *world) commit(n int) {
	w.t.Helper()
	o := kadm.Offsets{}
	o.Add(kadm.Offset{Topic: source, Partition: 0, At: int64(n), LeaderEpoch: -1})
	answers, err := w.admin.CommitOffsets(w.t.Context(), group, o)
	if err == nil {
		err = answers.Error()
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) status() Status { return w.reader.Status()[0] }

// patience is how long something is waited for that comes at once where all is well: a machine that stands still does not end it.
const patience = 10 * time.Minute

// until waits for the reader.
func (w *world) until(what string, done func(s Status) bool) Status {
	w.t.Helper()
	for began := time.Now(); ; time.Sleep(2 * time.Millisecond) {
		s := w.status()
		if done(s) {
			return s
		}
		if s.Stopped != "" || time.Since(began) > patience {
			w.t.Fatalf("waiting until %s: %+v", what, s)
		}
	}
}

// complete moves the clock on a little and waits until all that was produced and committed before is in the store.
func (w *world) complete() {
	w.t.Helper()
	now := w.now.Add(1)
	w.until("all is read", func(s Status) bool { return s.AsOf >= now && s.Filled && s.Rolled >= w.layout.Space.RollEnd(now) })
	w.flush()
}

func (w *world) flush() {
	w.t.Helper()
	if err := w.reader.Flush(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// job is Flink as far as the topic of tile parts shows it: the events that it has read, in its order.
type job struct {
	w    *world
	read []*play
}

// take reads an event and gives what the job writes of it then.
func (j *job) take(p *play) []*kgo.Record {
	j.read = append(j.read, p)
	var out []*kgo.Record
	for _, level := range j.w.layout.Space.Levels {
		start := value.Floor(p.ts, level.Step)
		for n := range j.w.layout.Parts {
			if r := j.record(n, level.Step, start, p); r != nil {
				out = append(out, r)
			}
		}
	}
	return out
}

// record is the record of a part of a tile that has an event.
func (j *job) record(n int, step, start int64, p *play) *kgo.Record {
	pt := &j.w.layout.Parts[n]
	sub := ""
	if pt.By >= 0 {
		if sub = p.kind; sub == "" {
			return nil
		}
	}
	row, rows := map[string]any{}, int64(0)
	states := map[int]agg.State{}
	for _, f := range slices.Concat(pt.Folds, pt.Lists) {
		fold := j.w.layout.Space.Folds[f].Fold
		fold.By, fold.ByMax = false, 0
		states[f] = fold.New()
	}
	passed := map[int]int64{}
	for _, e := range j.read {
		if e.user != p.user || value.Floor(e.ts, step) != start || pt.By >= 0 && e.kind != sub {
			continue
		}
		rows++
		for f, s := range states {
			event, ok := e.event(&j.w.layout.Space.Folds[f])
			if where := j.w.layout.Space.Folds[f].Where; where >= 0 && ok {
				passed[where] = passed[where] + 1
			}
			if event.By = (value.Value{}); ok {
				s.Add(&event)
			}
		}
	}
	for _, f := range pt.Folds {
		row[fmt.Sprintf("f%d", f)] = asFlink(j.w.t, states[f])
	}
	if pt.By >= 0 && !pt.List {
		for w := range j.w.layout.Space.Wheres {
			row[fmt.Sprintf("w%d", w)] = passed[w]
		}
	}
	if !pt.List {
		row["#n"] = rows
	} else if row[fmt.Sprintf("f%d", pt.Folds[0])] == "" {
		return nil // no row of it passes
	}
	return &kgo.Record{Topic: topic, Key: keyOf(p.user, step, start, n, sub), Value: asJSON(row)}
}

func asJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

func keyOf(user string, step, start int64, part int, sub string) []byte {
	return asJSON(map[string]any{"user": user, "#step": step, "#start": start, "#part": part, "#sub": sub})
}

// asFlink is a state as Flink's JSON has it.
func asFlink(t *testing.T, s agg.State) any {
	switch s := s.(type) {
	case *agg.CountState:
		return s.N
	case *agg.IntSumState:
		if len(agg.AppendState(nil, s)) == 0 {
			return nil
		}
		n := new(big.Int).Lsh(big.NewInt(s.Hi), 64)
		return n.Add(n, new(big.Int).SetUint64(s.Lo)).String()
	case *agg.EventListState:
		return texts(s.Events(), func(e agg.Event) string { return order(e.TS) + order(e.Value.Int()) })
	case *agg.ValueListState:
		return texts(s.Values(), func(v value.Value) string { return order(v.Int()) })
	}
	if c := s.Cells(nil); len(c) == 1 && c[0].IsNull() {
		return nil
	} else if len(c) == 1 {
		return c[0].Int()
	}
	t.Fatalf("no text for a state of %T", s)
	return nil
}

func texts[T any](xs []T, text func(T) string) string {
	var out []string
	for _, x := range xs {
		out = append(out, text(x))
	}
	return strings.Join(out, ",")
}

// order is the text of order of a number.
func order(n int64) string {
	if n < 0 {
		return fmt.Sprintf("10%019d", uint64(n)+1<<63)
	}
	return fmt.Sprintf("11%019d", n)
}

// folded are the tiles that our own stream would have of the events: all by place, and base tiles through a time.
func (w *world) folded(through int64) map[spot]*tile.Tile {
	out := map[spot]*tile.Tile{}
	s := w.layout.Space
	add := func(p *play, step, start int64) {
		at := spot{string(value.AppendKey(nil, []value.Value{value.OfString(p.user)})), step, start}
		if out[at] == nil {
			out[at] = s.Layout().New()
		}
		for i := range s.Folds[:s.Tiled] {
			if e, ok := p.event(&s.Folds[i]); ok {
				out[at].State(i).Add(&e)
			}
		}
	}
	for i := range w.events {
		p := &w.events[i]
		for _, l := range s.Levels {
			add(p, l.Step, value.Floor(p.ts, l.Step))
		}
		if p.ts < through {
			add(p, plan.BaseStep, 0)
		}
	}
	return out
}

// check compares the store with what our own stream would have, as far as anybody may read it.
func (w *world) check() {
	w.t.Helper()
	state := w.state()
	want, s := w.folded(state.Rolled), w.layout.Space
	now, n := w.now.Load(), 0
	for at := range want {
		for _, l := range s.Levels {
			if at.step == l.Step && (at.start < now-l.Keep || l.Step == value.DayMS && at.start < state.Rolled) {
				delete(want, at)
			}
		}
	}
	for _, step := range append([]int64{plan.BaseStep}, steps(s)...) {
		err := w.store.Store.Scan(w.t.Context(), s.ID, step, func(key string, start int64, b []byte) error {
			at := spot{key, step, start}
			got, err := s.Layout().Decode(b)
			if err != nil || want[at] == nil {
				return err
			}
			n++
			for i := range s.Folds[:s.Tiled] {
				if a, b := agg.AppendState(nil, got.State(i)), agg.AppendState(nil, want[at].State(i)); !bytes.Equal(a, b) {
					w.t.Errorf("key %q step %d start %d: fold %d (%s) is %x, want %x", key, step, start, i, s.Folds[i].Fold.ID(), a, b)
				}
			}
			delete(want, at)
			return nil
		})
		if err != nil {
			w.t.Fatal(err)
		}
	}
	for at := range want {
		w.t.Errorf("there is no tile of %q step %d start %d", at.key, at.step, at.start)
	}
	if n == 0 && len(w.events) > 0 {
		w.t.Error("nothing was compared")
	}
}

func (w *world) state() plan.State {
	state := plan.NoState
	if err := w.store.Store.Meta(w.t.Context(), plan.StateName(w.layout.Space.ID), func(_ string, b []byte) error { return state.Decode(b) }); err != nil {
		w.t.Fatal(err)
	}
	return state
}

func steps(s *plan.Space) (out []int64) {
	for _, l := range s.Levels {
		out = append(out, l.Step)
	}
	return out
}

// moody is a store that now and then cannot be reached, before it has written or after.
type moody struct {
	store.Store
	mu    sync.Mutex
	r     *rand.Rand
	often int   // one of so many; 0: never
	fail  error // of each write, until it is taken away
}

func (m *moody) mood() (before, after bool, fail error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.often > 0 && m.r.IntN(m.often) == 0 {
		return m.r.IntN(2) == 0, true, m.fail
	}
	return false, false, m.fail
}

func (m *moody) set(often int, fail error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.often, m.fail = often, fail
}

func (m *moody) Write(ctx context.Context, w *store.Write) error {
	before, after, fail := m.mood()
	if fail != nil {
		return fail
	}
	if before {
		return store.ErrUnavailable
	}
	if !w.Sync && slices.ContainsFunc(w.Meta, func(x store.MetaPut) bool { return strings.HasPrefix(x.Name, plan.MarksPrefix) }) {
		return fmt.Errorf("%w: marks are written that a loss of power could take back", errors.ErrUnsupported)
	}
	err := m.Store.Write(ctx, w)
	if err == nil && after {
		return store.ErrUnavailable
	}
	return err
}

func (m *moody) Read(ctx context.Context, rs []store.Range, found func(int, int64, []byte) error) error {
	if before, _, _ := m.mood(); before {
		return store.ErrUnavailable
	}
	return m.Store.Read(ctx, rs, found)
}
