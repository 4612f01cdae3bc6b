package flink

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/engine/enginetest/server"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// memory is a registry of the test's.
type memory map[string]Entry

func (m memory) Get(_ context.Context, name string) (Entry, bool, error) {
	e, ok := m[name]
	return e, ok, nil
}

func (m memory) Put(_ context.Context, e Entry) error { m[e.Name] = e; return nil }

// TestKilled lets the TaskManager die in the middle of duplicates and events out of order, stops the job with a savepoint and lets it go on:
// each time every tile is what Go folds of the events, and nothing is counted twice.
func TestKilled(t *testing.T) {
	f, broker := server.FlinkServer(t), server.Kafka(t)
	space := spaceOf(t, "testdata/group.py")
	space.Group.Source.Place.Topic = "killed.events"
	compact := "compact"
	if err := errors.Join(broker.Make(t.Context(), 2, nil, "killed.events"), broker.Make(t.Context(), 1, map[string]*string{"cleanup.policy": &compact}, "killed.tiles")); err != nil {
		t.Fatal(err)
	}
	options := Options{Brokers: broker.Address, Topic: "killed.tiles", Parallelism: 2, Checkpoint: time.Second}
	job, err := Print(space, options)
	if err != nil {
		t.Fatal(err)
	}
	c, reg := &Cluster{Gateway: f.URL, JobManager: f.JobManager}, memory{}
	id, err := c.Submit(t.Context(), job, reg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Submit(t.Context(), job, memory{}); !errors.Is(err, ErrRuns) || !strings.Contains(err.Error(), id) {
		t.Errorf("a second submission: %v", err)
	}
	w := newFolded(t, space, *seed)
	w.produce(t, broker.Address, 6_000)
	q := &question{space: space, job: job}
	q.until(t, broker.Address, c, id, func() bool { return q.rows() > w.counted()/4 })
	if err := f.KillTaskManager(); err != nil {
		t.Fatal(err)
	}
	w.produce(t, broker.Address, 6_000)
	q.until(t, broker.Address, c, id, func() bool { return q.rows() >= w.counted() })
	stop(t, c, job.Name, reg)
	q.read(t, broker.Address)
	q.lay()
	w.compare(t, q)

	w.produce(t, broker.Address, 2_000)
	options.Parallelism = 1
	other, err := Print(space, options)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Submit(t.Context(), other, reg); !errors.Is(err, ErrOtherText) || !strings.Contains(err.Error(), "killed.tiles") {
		t.Errorf("another text goes on: %v", err)
	}
	id, err = c.Submit(t.Context(), job, reg)
	if err != nil {
		t.Fatal(err)
	}
	q.until(t, broker.Address, c, id, func() bool { return q.rows() >= w.counted() })
	stop(t, c, job.Name, reg)
	q.read(t, broker.Address)
	q.lay()
	w.compare(t, q)
}

// stop stops the job with a savepoint. Flink may refuse it at first, as where what was killed has not all come up again; then it is asked again.
func stop(t *testing.T, c *Cluster, name string, reg Registry) {
	t.Helper()
	for {
		err := c.Stop(t.Context(), name, reg)
		if err == nil {
			return
		}
		if !strings.Contains(err.Error(), "the savepoint failed") {
			t.Fatal(err)
		}
		t.Log(err)
		time.Sleep(200 * time.Millisecond)
	}
}

// until reads the topic until it is enough.
func (q *question) until(t *testing.T, brokers string, c *Cluster, id string, enough func() bool) {
	t.Helper()
	for {
		if q.read(t, brokers); enough() {
			return
		}
		r, err := c.Watch(t.Context(), q.job, id)
		if err != nil {
			t.Fatal(err)
		}
		if r.Ended() {
			t.Fatalf("the job is %s: %v", r.State, r.Failures)
		}
		select {
		case <-t.Context().Done():
			t.Fatal("the test's time is over")
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// folded is what Go folds of the events that were produced.
type folded struct {
	space *plan.Space
	r     *rand.Rand
	seen  map[string]bool
	all   [][]value.Value
	tiles map[string]map[place]states
	n     int64
	next  int
}

func newFolded(t *testing.T, s *plan.Space, seed uint64) *folded {
	t.Logf("seed %d", seed)
	return &folded{space: s, r: rand.New(rand.NewPCG(seed, 11)), seen: map[string]bool{}, tiles: map[string]map[place]states{}}
}

func (w *folded) counted() int64 { return w.n * int64(len(w.space.Levels)) }

// produce sends events: some are copies, some of hours ago, some too late, some no rows.
func (w *folded) produce(t *testing.T, brokers string, n int) {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers), kgo.DefaultProduceTopic(w.space.Group.Source.Place.Topic))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	schema := w.space.Group.Source.Schema
	var records []*kgo.Record
	now := time.Now().UnixMilli()
	for range n {
		var row []value.Value
		if len(w.all) > 0 && w.r.IntN(6) == 0 {
			row = w.all[w.r.IntN(len(w.all))]
		} else {
			row = w.draw(schema, now)
			w.all = append(w.all, row)
		}
		w.fold(row, now)
		// Copies go to one partition, so that the one that came first is the first.
		records = append(records, &kgo.Record{Key: []byte(row[schema.Index("id")].String()), Value: jsonRow(w.r, schema, row), Timestamp: time.UnixMilli(now)})
		if w.r.IntN(100) == 0 {
			records = append(records, &kgo.Record{Value: []byte([]string{"{", "[]", `{"k":"a"}`, `{"ts":"soon","k":"a"}`, "17"}[w.r.IntN(5)])})
		}
	}
	if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func (w *folded) draw(schema value.Schema, now int64) []value.Value {
	w.next++
	row := make([]value.Value, len(schema))
	set := func(name string, v value.Value) { row[schema.Index(name)] = v }
	if w.r.IntN(20) > 0 {
		set("id", value.OfString(fmt.Sprint(w.next)))
	}
	set("k", value.OfString([]string{"a", "b", "é😀"}[w.r.IntN(3)]))
	set("x", value.OfFloat([]float64{1e9 + w.r.Float64(), w.r.NormFloat64(), float64(w.r.IntN(4))}[w.r.IntN(3)]))
	set("n", value.OfInt(int64(w.r.IntN(2000))-1010))
	set("seq", value.OfInt(int64(w.r.IntN(3))))
	if w.r.IntN(8) > 0 {
		set("s", value.OfString([]string{"", "b", "ﬁ", "𝒳", "c,d!"}[w.r.IntN(5)]))
	}
	back := w.r.Int64N(3_600_000)
	if w.r.IntN(10) == 0 {
		back = w.r.Int64N(3 * value.DayMS)
	}
	set("ts", value.OfTimestamp(now-back))
	return row
}

// fold takes in an event as E1 and E3 say.
func (w *folded) fold(row []value.Value, now int64) {
	src := w.space.Group.Source
	schema := src.Schema
	get := func(e *expr.Expr) value.Value { return e.Compile(schema)(row, nil) }
	ts, id := get(src.Time), row[schema.Index(src.ID)]
	if ts.IsNull() || !get(src.Where).Bool() || ts.Int() < now-src.Lateness {
		return
	}
	if copy := id.String() + ts.String(); !id.IsNull() {
		if w.seen[copy] {
			return
		}
		w.seen[copy] = true
	}
	w.n++
	key := string(value.AppendKey(nil, []value.Value{row[schema.Index("k")]}))
	if w.tiles[key] == nil {
		w.tiles[key] = map[place]states{}
	}
	for _, l := range w.space.Levels {
		at := place{l.Step, value.Floor(ts.Int(), l.Step)}
		s := w.tiles[key][at]
		if s == nil {
			s = make(states, w.space.Tiled)
			for i := range s {
				s[i] = w.space.Folds[i].New()
			}
			w.tiles[key][at] = s
		}
		for i, f := range w.space.Folds[:w.space.Tiled] {
			e := agg.Event{TS: ts.Int()}
			for _, o := range src.OrderBy {
				e.Tie = append(e.Tie, get(o))
			}
			if f.Where >= 0 && !get(w.space.Wheres[f.Where]).Bool() {
				continue
			}
			if f.Input >= 0 {
				e.Value = get(w.space.Inputs[f.Input])
			}
			if f.By >= 0 {
				e.By = row[schema.Index(w.space.Bys[f.By])]
			}
			s[i].Add(&e)
		}
	}
}

// rows is how many rows are in the tiles of all levels.
func (q *question) rows() int64 {
	n := int64(0)
	for _, r := range q.records {
		if r.Sub == "" && q.job.Layout.Parts[r.Part].Name == "scalars" {
			n += r.N
		}
	}
	return n
}

// compare demands that tiles are equal: to the bit, but for moments.
func (w *folded) compare(t *testing.T, q *question) {
	t.Helper()
	differ, n := 0, 0
	for key, tiles := range w.tiles {
		for at, want := range tiles {
			got := q.tiles[key][at]
			if got == nil {
				t.Fatalf("no tile %v of %x", at, key)
			}
			for i, f := range w.space.Folds[:w.space.Tiled] {
				n++
				if same(f.Fold, got[i], want[i]) {
					continue
				}
				if differ++; differ <= 5 {
					t.Errorf("tile %v of %x: %s is %+v, want %+v", at, key, f.Fold.ID(), got[i], want[i])
				}
			}
		}
		if len(q.tiles[key]) != len(tiles) {
			t.Errorf("%d tiles of %x, want %d", len(q.tiles[key]), key, len(tiles))
		}
	}
	t.Logf("%d states compared, %d differ", n, differ)
}

func same(f agg.Fold, got, want agg.State) bool {
	if f.Kind == agg.KindMoments {
		g, w := got.(*agg.MomentsState), want.(*agg.MomentsState)
		gv, wv := g.M2/float64(g.N), w.M2/float64(w.N)
		sigma := max(wv, 0)
		near := sigma*1e-9 + 1e-12*math.Abs(w.Mean)*math.Sqrt(sigma)
		return g.N == w.N && (g.N == 0 || math.Abs(gv-wv) <= near+1e-300)
	}
	return string(agg.AppendState(nil, got)) == string(agg.AppendState(nil, want))
}
