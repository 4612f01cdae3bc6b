package serve_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/servetest"
	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/value"
)

// TestWhatIsKnownIsWhatIsRead lets time pass and events come, and demands of a server that remembers the very answers of one that does not:
// where all writes go through it, and where others write and the store says what was written since.
func TestWhatIsKnownIsWhatIsRead(t *testing.T) {
	t.Run("embedded", func(t *testing.T) {
		st := servetest.NewStore()
		writer := serve.Watch(st)
		knownIsRead(t, st, writer, writer)
	})
	t.Run("versions", func(t *testing.T) {
		st := servetest.NewStore()
		knownIsRead(t, st, versioned{st}, serve.Watch(versioned{st}))
	})
}

func knownIsRead(t *testing.T, st *servetest.Store, writer, served store.Store) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 3))
	p := servetest.Definitions(t, referenceDefinitions)
	w := draw(r, p, 1_700_000_000_000+r.Int64N(10*value.DayMS))
	clock := w.now - 3*hour
	marks := map[string]plan.Marks{}
	for _, g := range p.Groups {
		m := plan.NoMarks
		if s := plan.SpaceOf(g); s.Replaced() {
			m.Generation = 1
		} else if r.IntN(2) == 0 {
			m.Batch = value.Floor(clock, value.DayMS) - value.DayMS
			m.Complete = m.Batch + r.Int64N(2)*hour
		}
		marks[g.Name] = m
	}
	write := func() {
		for _, g := range p.Groups {
			if r.IntN(2) == 0 {
				ahead := r.Int64N(2) * r.Int64N(2*hour) // the clock of who writes
				servetest.Fill(t, writer, g, w.rows[g.Source.Name], clock+ahead, marks[g.Name], plan.MinTime)
			}
		}
	}
	registry := prometheus.NewRegistry()
	o := serve.Options{Clock: func() int64 { return clock }, Deadline: time.Hour, MarksAge: time.Hour, Metrics: serve.NewMetrics(registry)}
	for range 3 {
		write()
	}
	known := open(t, served, p.Views, o)
	o.Cache, o.Metrics = 1, nil
	read := open(t, st, p.Views, o)
	asked := plan.ForServe(p.Views[0]).Asked // a plan takes longer than a request
	const wanted, most = 500, 3000           // hits; requests, of which 150 have a thousand as a rule, and 690 at times
	hits := func() float64 { return metric(t, registry, "bighead_cache_total", "result", "hit") }
	for n := 0; n < 150 || n < most && hits() < wanted; n++ {
		if r.IntN(3) == 0 {
			clock += []int64{1, 3, 900, 5000, 60_000, hour / 2}[r.IntN(6)]
		}
		if r.IntN(4) == 0 {
			write()
		}
		_, _, rows := requests(r, asked, clock)
		q := serve.Request{View: "v", Rows: rows}
		if r.IntN(3) == 0 {
			at := clock - r.Int64N(1000)
			q.At = &at
		}
		for _, s := range []*serve.Server{read, known} { // they need not be told of writes
			if err := s.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		a, err := known.Features(t.Context(), q)
		b, err2 := read.Features(t.Context(), q)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		for i := range a.Rows {
			if got, want := text(&a.Rows[i], a.Features), text(&b.Rows[i], b.Features); got != want || a.At != b.At {
				t.Fatalf("at %d and %d, row %v:\nknown %s\n read %s", a.At, b.At, rows[i].Values, got, want)
			}
		}
	}
	results, err := testutil.GatherAndCount(registry, "bighead_cache_total")
	if t.Logf("%v hits", hits()); err != nil || results != 3 || hits() < wanted {
		t.Errorf("%d results, %v hits (%v): nothing was remembered", results, hits(), err)
	}
}

// metric is the value of a counter whose label has a value.
func metric(t testing.TB, g prometheus.Gatherer, name, label, want string) float64 {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if f.GetName() == name && l.GetName() == label && l.GetValue() == want {
					sum += m.GetCounter().GetValue()
				}
			}
		}
	}
	return sum
}

const minute = 60_000

// TestWindowsMoveOverWhatIsKnown asks each minute for an hour and more: the store is read again where an event has left a window, and not
// because time has passed.
func TestWindowsMoveOverWhatIsKnown(t *testing.T) {
	s := newSmall(t, serve.Options{})
	s.event("a", 3, 20*minute)
	s.event("a", 4, 50*minute)
	s.write()
	reads := 0
	for after := range int64(70) {
		s.at(now + after*minute)
		before := s.store.Reads()
		// A tile of a minute is in the window while any of it is.
		want := "7 present"
		if start := value.Floor(now+after*minute-hour, minute); start > now-20*minute {
			want = "null empty"
		} else if start > now-50*minute {
			want = "3 present"
		}
		expect(t, s.ask("v", nil, row("a"), "g__x_sum_1h"), "g__x_sum_1h="+want)
		reads += s.store.Reads() - before
	}
	if reads < 3 || reads > 5 {
		t.Errorf("read %d times: once, and for each event when the coarse tile that has it is cut, and when it has left", reads)
	}
}

// TestEventsAheadOfTheClock are in the store before the clock of who serves has come to them: what was known then does not hold once it has.
func TestEventsAheadOfTheClock(t *testing.T) {
	for name, of := range map[string]func(*servetest.Store) store.Store{
		"embedded": func(s *servetest.Store) store.Store { return serve.Watch(s) },
		"versions": func(s *servetest.Store) store.Store { return serve.Watch(versioned{s}) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSmall(t, serve.Options{})
			s.event("a", 3, 1000)
			s.event("a", 4, -150_000)
			s.event("a", 5, -2*hour)
			s.write()
			clock := int64(now)
			server := open(t, of(s.store), s.project.Views, serve.Options{Clock: func() int64 { return clock }, Deadline: time.Hour, MarksAge: time.Hour})
			for _, c := range []struct {
				after int64
				want  string
			}{{0, "3 present"}, {minute, "3 present"}, {3 * minute, "7 present"}, {hour, "7 present"}, {hour + 2*minute, "4 present"}, {2*hour + 1, "5 present"}, {2*hour + 2, "5 present"}} {
				clock = now + c.after
				for range 2 {
					r, err := server.Features(t.Context(), serve.Request{View: "v", Rows: []serve.Row{{Values: row("a")}}, Features: []string{"g__x_sum_1h"}})
					if err != nil {
						t.Fatal(err)
					}
					expect(t, text(&r.Rows[0], r.Features), "g__x_sum_1h="+c.want)
				}
			}
		})
	}
}
