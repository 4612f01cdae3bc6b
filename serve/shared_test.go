package serve_test

import (
	"strings"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/servetest"
	"github.com/bighead-ml/bighead/store"
)

// shared is a store that other processes write to too.
type shared struct{ *servetest.Store }

func (shared) Traits() store.Traits { return store.Traits{Name: "shared", Atomic: true, Shared: true} }

// TestAnotherProcessWrites has two servers over one store, of which one knows of no write: it answers what is there all the same, at once.
func TestAnotherProcessWrites(t *testing.T) {
	s := newSmall(t, serve.Options{})
	other := open(t, serve.Watch(shared{s.store}), s.project.Views, serve.Options{Clock: func() int64 { return now }, Deadline: time.Hour})
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
	server := open(t, writer, s.project.Views, serve.Options{Clock: func() int64 { return now }, Deadline: time.Hour, MarksEvery: time.Hour})
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
