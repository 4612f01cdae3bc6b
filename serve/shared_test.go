package serve_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/servetest"
	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/value"
)

// shared is a store that other processes write to too.
type shared struct{ *servetest.Store }

func (shared) Traits() store.Traits { return store.Traits{Name: "shared", Atomic: true, Shared: true} }

// versioned is one that says what was written since.
type versioned struct{ *servetest.Store }

func (versioned) Traits() store.Traits {
	return store.Traits{Name: "versioned", Atomic: true, Shared: true, Versioned: true}
}

// TestWhatNobodyHasWrittenSince is not read again, whoever writes; what was written since is.
func TestWhatNobodyHasWrittenSince(t *testing.T) {
	s := newSmall(t, serve.Options{})
	registry := prometheus.NewRegistry()
	server := open(t, serve.Watch(versioned{s.store}), s.project.Views, serve.Options{Clock: func() int64 { return now }, Deadline: time.Hour, MarksAge: time.Hour, Metrics: serve.NewMetrics(registry)})
	ask := func(keys ...string) (out string) {
		t.Helper()
		r := serve.Request{View: "v", Features: []string{"g__x_sum_1h"}}
		for _, k := range keys {
			r.Rows = append(r.Rows, serve.Row{Values: row(k)})
		}
		a, err := server.Features(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		for i := range a.Rows {
			out += text(&a.Rows[i], a.Features) + ";"
		}
		return out
	}
	s.event("a", 3, 1000)
	s.event("b", 5, 1000)
	s.write()
	expect(t, ask("a", "b"), "g__x_sum_1h=3 present;g__x_sum_1h=5 present;")
	reads, asks := s.store.Reads(), s.store.Asks()
	for range 3 {
		expect(t, ask("b", "a"), "g__x_sum_1h=5 present;g__x_sum_1h=3 present;")
	}
	if s.store.Reads() != reads || s.store.Asks() != asks+3 {
		t.Errorf("%d reads and %d questions for versions, of three requests", s.store.Reads()-reads, s.store.Asks()-asks)
	}
	// One of the two is written by another.
	s.event("b", 6, 500)
	servetest.Fill(t, s.store, s.project.Groups[0], s.events[1:], now, s.marks, plan.MinTime)
	key := string(value.AppendKey(nil, []value.Value{value.OfString("b")}))
	s.store.SetFault(func(_ context.Context, ranges []store.Range) error {
		for _, x := range ranges {
			if x.Key != key {
				t.Errorf("%q is read", x.Key)
			}
		}
		return nil
	})
	expect(t, ask("a", "b", "a"), "g__x_sum_1h=3 present;g__x_sum_1h=11 present;g__x_sum_1h=3 present;")
	if hits := metric(t, registry, "bighead_cache_total", "result", "hit"); hits != 7 {
		t.Errorf("%v hits, want 7", hits)
	}

	// Where the versions cannot be had, what is known is stale, and what is not fails.
	s.store.SetFault(down)
	expect(t, ask("a", "c"), "g__x_sum_1h=3 stale;g__x_sum_1h=null failed;")
}

// TestAnotherProcessWrites has two servers over one store, of which one knows of no write: it answers what is there all the same, at once.
func TestAnotherProcessWrites(t *testing.T) {
	s := newSmall(t, serve.Options{})
	other := open(t, serve.Watch(shared{s.store}), s.project.Views, serve.Options{Clock: func() int64 { return now }, Deadline: time.Hour, MarksAge: time.Hour})
	for i := range int64(5) {
		s.event("a", 1, 1000*(i+1))
		s.write()
		for range 2 {
			r, err := other.Features(t.Context(), serve.Request{View: "v", Rows: []serve.Row{{Values: row("a")}}, Features: []string{"g__count_1h"}})
			if err != nil {
				t.Fatal(err)
			}
			if got := r.Rows[0].Values[0].Int(); got != i+1 {
				t.Errorf("after event %d it is %d", i+1, got)
			}
		}
	}
}

// TestMarksThatAreTooOld are not gone by where another process may have removed what they name: then nothing that was read is answered.
func TestMarksThatAreTooOld(t *testing.T) {
	s := newSmall(t, serve.Options{})
	s.event("a", 3, 1000)
	s.write()
	for _, c := range []struct {
		store store.Store
		age   time.Duration
		want  string
	}{{shared{s.store}, time.Hour, "3 present"}, {shared{s.store}, time.Nanosecond, "null failed"}, {s.watched, time.Nanosecond, "3 present"}} {
		o := serve.Options{Clock: func() int64 { return now }, Deadline: time.Hour, MarksEvery: time.Hour, MarksAge: c.age}
		server := open(t, c.store, s.project.Views, o)
		r, err := server.Features(t.Context(), serve.Request{View: "v", Rows: []serve.Row{{Values: row("a")}}, Features: []string{"g__x_sum_1h"}})
		if err != nil {
			t.Fatal(err)
		}
		expect(t, text(&r.Rows[0], r.Features), "g__x_sum_1h="+c.want)
		if d := strings.Join(server.Degraded(), ""); strings.Contains(d, "last read") != strings.Contains(c.want, "failed") {
			t.Errorf("degraded: %q", d)
		}
	}
}

// TestMarksThatThisProcessMoves are seen at once, also on a store that others write to.
func TestMarksThatThisProcessMoves(t *testing.T) {
	s := newSmall(t, serve.Options{})
	writer := serve.Watch(shared{s.store})
	server := open(t, writer, s.project.Views, serve.Options{Clock: func() int64 { return now }, Deadline: time.Hour, MarksEvery: time.Hour, MarksAge: time.Hour})
	name := plan.SpaceOf(s.project.Groups[0]).MarksName()
	if err := writer.Write(t.Context(), &store.Write{Meta: []store.MetaPut{{Name: name}}}); err != nil {
		t.Fatal(err)
	}
	if d := strings.Join(server.Degraded(), ""); !strings.Contains(d, "filled by nobody") {
		t.Errorf("degraded: %q", d)
	}
}

// TestBeforeTheClockOfTheEvents asks before the first event: what was known then is no answer afterwards.
func TestBeforeTheClockOfTheEvents(t *testing.T) {
	for _, watching := range []bool{true, false} {
		s := newSmall(t, serve.Options{})
		st := s.watched
		if !watching {
			st = s.store
		}
		clock := int64(plan.MinTime)
		server := open(t, st, s.project.Views, serve.Options{Clock: func() int64 { return clock }, Kept: func() int64 { return plan.MinTime }, Deadline: time.Hour})
		ask := func() string {
			r, err := server.Features(t.Context(), serve.Request{View: "v", Rows: []serve.Row{{Values: row("a")}}, Features: []string{"g__x_sum_1h"}})
			if err != nil {
				t.Fatal(err)
			}
			return text(&r.Rows[0], r.Features)
		}
		expect(t, ask(), "g__x_sum_1h=null empty")
		s.event("a", 3, 1000)
		s.write()
		clock = now
		expect(t, ask(), "g__x_sum_1h=3 present")
	}
}

// written is a store to which somebody writes right after its meta was first read.
type written struct {
	*servetest.Store
	once sync.Once
	then func()
}

func (w *written) Meta(ctx context.Context, prefix string, found func(name string, b []byte) error) error {
	err := w.Store.Meta(ctx, prefix, found)
	w.once.Do(w.then)
	return err
}

// TestMarksThatAreWrittenWhileItOpens are known once it is open: nobody tells of them afterwards.
func TestMarksThatAreWrittenWhileItOpens(t *testing.T) {
	p := servetest.Definitions(t, smallDefinitions)
	st := &written{Store: servetest.NewStore()}
	st.then = func() {
		for _, g := range p.Groups[:2] {
			servetest.Fill(t, st.Store, g, nil, now, plan.NoMarks, plan.MinTime)
		}
		m := plan.NoMarks
		m.Generation = 1
		servetest.Fill(t, st.Store, p.Groups[2], nil, now, m, plan.MinTime)
	}
	server := open(t, serve.Watch(st), p.Views, serve.Options{Clock: func() int64 { return now }, Deadline: time.Hour, MarksEvery: time.Hour})
	if d := server.Degraded(); len(d) > 0 {
		t.Errorf("degraded: %q", d)
	}
}
