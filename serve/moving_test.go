package serve_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/servetest"
	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/value"
)

const movingDefinitions = `
e = bh.EventSource("e", columns={"k": bh.String, "x": bh.Int}, time="ts", lateness="1h")
g = bh.FeatureGroup("g", source=e, keys=["k"], deadline="10m", features=[
    bh.sum("x", windows=["7d", "30d", "80d"], name="s"), bh.count(name="n"), bh.count(windows=["3d"], resolution="exact", name="exact"),
    bh.count(windows=["10d"], offset="2d", name="before"), bh.first("x", name="first"), bh.max("x", windows=["80d"], name="top")])
p = bh.EntitySource("p", columns={"k": bh.String, "make": bh.Int}, keys=["k"], time="ts")
h = bh.FeatureGroup("h", source=p, deadline="10m", features=[bh.latest("make")])
v = bh.FeatureView("v", groups=[g, h])
`

// movingNow is early on a day, so that windows, whose ends lie on whole hours or days, begin just as early before it.
const movingNow = now/value.DayMS*value.DayMS + hour

// loading writes as a load of batch's does: what is in its part of the store some places at a time, and the marks, which lead to it, at the end.
// Of what is the stream's it writes nothing.
type loading struct {
	store.Store
	part, marks string
}

func (l loading) Write(ctx context.Context, w *store.Write) error {
	mine := slices.DeleteFunc(slices.Clone(w.Puts), func(p store.Put) bool { return p.Space != l.part })
	for some := range slices.Chunk(mine, 32) {
		if err := l.Store.Write(ctx, &store.Write{Puts: some}); err != nil {
			return err
		}
	}
	for _, m := range w.Meta {
		if m.Name == l.marks {
			return l.Store.Write(ctx, &store.Write{Meta: []store.MetaPut{m}})
		}
	}
	return fmt.Errorf("no marks %s", l.marks)
}

// rounds counts what readers have answered, so that one can wait until each request that had begun is over.
type rounds struct {
	mu   sync.Mutex
	more *sync.Cond
	of   []int
	gone int // readers that have ended
}

func newRounds(readers int) *rounds {
	r := &rounds{of: make([]int, readers)}
	r.more = sync.NewCond(&r.mu)
	return r
}

func (r *rounds) done(reader int, gone bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of[reader]++; gone {
		r.gone++
	}
	r.more.Broadcast()
}

// over waits until what each reader asks at the moment is answered, and reports whether all go on.
func (r *rounds) over() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	began := slices.Clone(r.of)
	for i := range r.of {
		for r.of[i] == began[i] && r.gone == 0 {
			r.more.Wait()
		}
	}
	return r.gone == 0
}

// TestTheWatermarkMovesInOneStep moves batch's watermark over sixty midnights, group by group, each with a load of its own, while requests go on
// in this process and in another that hears of it later. What a load was replaced by is removed once what had begun is answered. The events
// stay what they are, and so must each value, whosever the tiles are that it is made of.
func TestTheWatermarkMovesInOneStep(t *testing.T) {
	const midnights = 60
	p := servetest.Definitions(t, movingDefinitions)
	events, versions := movingRows()
	fake := servetest.NewStore()
	watched := serve.Watch(fake)
	marks := func(i int64) plan.Marks {
		m := plan.NoMarks
		m.Batch, m.Generation = movingNow-hour-(midnights-i)*value.DayMS, i+1
		return m
	}
	for g, rows := range [][][]value.Value{events, versions} {
		servetest.Fill(t, watched, p.Groups[g], rows, movingNow, marks(0), plan.MinTime)
	}
	clock := func() int64 { return movingNow }
	here := open(t, watched, p.Views, serve.Options{Clock: clock, Deadline: time.Hour, Cache: 1})
	cached := open(t, serve.Watch(shared{fake}), p.Views, serve.Options{Clock: clock, Deadline: time.Hour, MarksEvery: time.Hour, MarksAge: time.Hour})
	ask := func(s *serve.Server) string {
		r, err := s.Features(t.Context(), serve.Request{View: "v", Rows: []serve.Row{{Values: []value.Value{value.OfString("a")}}, {Values: []value.Value{value.OfString("b")}}}})
		if err != nil {
			t.Error(err)
			return ""
		}
		return text(&r.Rows[0], r.Features) + "; " + text(&r.Rows[1], r.Features)
	}
	truth := movingTruth(events)
	servers := []*serve.Server{here, cached, here, cached}
	seen, stop := newRounds(len(servers)), make(chan struct{})
	var all sync.WaitGroup
	for i, s := range servers {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				got := ask(s)
				if got != truth {
					t.Errorf("server %d\n got %s\nwant %s", i%2, got, truth)
				}
				seen.done(i, got != truth)
				if got != truth {
					return
				}
			}
		})
	}
	defer all.Wait()
	defer close(stop)
	for i := int64(1); i <= midnights; i++ {
		for g, rows := range [][][]value.Value{events, versions} {
			space, m := plan.SpaceOf(p.Groups[g]), marks(i)
			servetest.Fill(t, loading{watched, space.BatchSpace(m.Generation), space.MarksName()}, p.Groups[g], rows, movingNow, m, plan.MinTime)
			if !seen.over() { // the other process goes by the marks of before
				return
			}
			if err := cached.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			if !seen.over() {
				return
			}
			if err := watched.Drop(t.Context(), space.BatchSpace(m.Generation-1)); err != nil {
				t.Fatal(err)
			}
		}
	}
	seen.over()
}

// movingRows are events of two keys, some each day of a hundred days, and versions of one of them.
func movingRows() (events, versions [][]value.Value) {
	for day := range int64(100) {
		for n := range day%3 + 1 {
			at := value.OfTimestamp(movingNow - day*value.DayMS - n*5*hour - 2*hour)
			events = append(events, []value.Value{value.OfString("a"), value.OfInt(day*10 + n), at})
			if n == 0 && day%7 == 0 {
				versions = append(versions, []value.Value{value.OfString("a"), value.OfInt(day), at})
			}
		}
	}
	return events, versions
}

// movingTruth is what the answer must be, counted event by event.
func movingTruth(events [][]value.Value) string {
	var s7, s30, s80, n, exact, before, first, top int64
	oldest := int64(movingNow)
	for _, e := range events {
		x, ago := e[1].Int(), movingNow-e[2].Int()
		within := func(days int64) bool { return ago <= days*value.DayMS }
		n++
		for days, sum := range map[int64]*int64{7: &s7, 30: &s30, 80: &s80} {
			if within(days) {
				*sum += x
			}
		}
		if within(3) {
			exact++
		}
		if within(12) && !within(2) {
			before++
		}
		if within(80) {
			top = max(top, x)
		}
		if e[2].Int() < oldest {
			oldest, first = e[2].Int(), x
		}
	}
	return fmt.Sprintf("g__s_7d=%d present, g__s_30d=%d present, g__s_80d=%d present, g__n=%d present, g__exact_3d=%d present, g__before_10d=%d present, g__first=%d present, g__top_80d=%d present, h__make=0 present; ",
		s7, s30, s80, n, exact, before, first, top) +
		"g__s_7d=null empty, g__s_30d=null empty, g__s_80d=null empty, g__n=0 empty, g__exact_3d=0 empty, g__before_10d=0 empty, g__first=null empty, g__top_80d=null empty, h__make=null empty"
}
