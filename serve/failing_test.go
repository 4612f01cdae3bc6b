package serve_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/servetest"
	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/value"
)

type typical struct{}

func (typical) Typical(f *feature.Feature) (value.Value, int64, bool) {
	return value.OfFloat(2.5), now - value.DayMS, f.Name == "x_avg_1h"
}

var errDown = fmt.Errorf("connection refused: %w", store.ErrUnavailable)

func down(context.Context, []store.Range) error { return errDown }

// still is a clock that stands: what fails fails within ten seconds, and is not tried again, however long a test takes.
func still() time.Time { return time.UnixMilli(now) }

func TestAStoreThatFails(t *testing.T) {
	s := newSmall(t, serve.Options{Typical: typical{}})
	s.event("a", 3, 1000)
	s.write()
	names := []string{"g__x_sum_1h", "g__x_min_1h", "g__x_avg_1h", "z", "w"}
	s.store.SetFault(down)
	expect(t, s.ask("v", nil, row("a"), names...), "g__x_sum_1h=null failed, g__x_min_1h=-1 fallback, g__x_avg_1h=2.5 fallback, z=null failed, w=-1 fallback")
	expect(t, s.ask("must", nil, row("a")[:1]), `BH107: the required feature "g__x_sum_1h" could not be had (come again shortly, or declare a fallback= for it)`)
	expect(t, s.ask("must", nil, row("a")[:1], "g__x_min_1h"), "g__x_min_1h=-1 fallback")
	s.store.SetFault(nil)
	expect(t, s.ask("v", nil, row("a"), names...), "g__x_sum_1h=3 present, g__x_min_1h=3 present, g__x_avg_1h=3.0 present, z=3 present, w=3 present")
	expect(t, s.ask("must", nil, row("b")[:1]), `BH108: "g__x_sum_1h" is null, and its value is required (give the feature a default=, or take it out of required_value)`)
	expect(t, s.ask("must", nil, row("b")[:1], "g__count_1h"), "g__count_1h=0 empty")

	// What nothing was written for since is as good as ever; what was is stale.
	s.store.SetFault(down)
	expect(t, s.ask("v", nil, row("a"), names...), "g__x_sum_1h=3 present, g__x_min_1h=3 present, g__x_avg_1h=3.0 present, z=3 present, w=3 present")
	s.event("a", 9, 500)
	s.write()
	expect(t, s.ask("v", nil, row("a"), names...), "g__x_sum_1h=3 stale, g__x_min_1h=3 stale, g__x_avg_1h=3.0 stale, z=3 stale, w=3 stale")
	past := int64(now - 1)
	expect(t, s.ask("v", &past, row("a"), "g__x_sum_1h"), "g__x_sum_1h=null failed") // a stale answer is none for a time of the caller's
	s.at(now + hour + 1)
	expect(t, s.ask("v", nil, row("a"), "g__x_sum_1h", "g__x_min_1h"), "g__x_sum_1h=null failed, g__x_min_1h=-1 fallback") // too old
}

func TestTheBreakerLeavesAFailingStoreAlone(t *testing.T) {
	s := newSmall(t, serve.Options{Now: still})
	s.store.SetFault(down)
	for range 5 {
		s.ask("v", nil, row("a"), "g__x_sum_1h")
	}
	before := s.store.Reads()
	expect(t, s.ask("v", nil, row("a"), "g__x_sum_1h"), "g__x_sum_1h=null failed")
	if s.store.Reads() != before {
		t.Error("the store is asked though it failed five times")
	}
	if d := s.Degraded(); len(d) != 1 || !strings.Contains(d[0], "store fake fails") {
		t.Errorf("degraded: %q", d)
	}
	want := "# HELP bighead_breaker_state 0 closed, 1 half open, 2 open.\n# TYPE bighead_breaker_state gauge\nbighead_breaker_state{store=\"fake\"} 2\n"
	if err := testutil.GatherAndCompare(s.registry, strings.NewReader(want), "bighead_breaker_state"); err != nil {
		t.Error(err)
	}
}

func TestAStoreThatDoesNotComeBack(t *testing.T) {
	p := servetest.Definitions(t, strings.ReplaceAll(smallDefinitions, `deadline="10m"`, `deadline="20ms"`))
	for name, listens := range map[string]bool{"though its context ends": false, "until its context ends": true} {
		st := servetest.NewStore()
		servetest.Fill(t, st, p.Groups[0], nil, now, plan.NoMarks, plan.MinTime)
		server := open(t, st, p.Views, serve.Options{Clock: func() int64 { return now }, Deadline: time.Hour})
		release := make(chan struct{})
		st.SetFault(func(ctx context.Context, _ []store.Range) error {
			if listens {
				<-ctx.Done()
				return ctx.Err()
			}
			<-release
			return nil
		})
		// An answer that waited for the store would never come.
		r, err := server.Features(t.Context(), serve.Request{View: "v", Rows: []serve.Row{{Values: row("a")}}, Features: []string{"g__x_sum_1h", "g__x_min_1h"}})
		if err != nil {
			t.Fatal(err)
		}
		expect(t, text(&r.Rows[0], r.Features), "g__x_sum_1h=null failed, g__x_min_1h=-1 fallback")
		close(release)
		// A caller that goes away is told nothing. Its groups would wait for as long as it takes to hear that it has gone.
		server = open(t, st, servetest.Definitions(t, smallDefinitions).Views, serve.Options{Clock: func() int64 { return now }, Deadline: time.Hour})
		ctx, cancel := context.WithCancel(t.Context())
		st.SetFault(func(context.Context, []store.Range) error { cancel(); <-ctx.Done(); return ctx.Err() })
		if _, err := server.Features(ctx, serve.Request{View: "v", Rows: []serve.Row{{Values: row("a")}}}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: a caller that went away: %v", name, err)
		}
	}
}

// A store that is late is a busy machine's and is asked again: an embedded one that lets go when it is told to, one behind a network that
// answers all the same. One that holds on fails.
func TestALateStoreIsLeftAloneWhereItHangs(t *testing.T) {
	p := servetest.Definitions(t, strings.ReplaceAll(smallDefinitions, `deadline="10m"`, `deadline="1ms"`))
	release := make(chan struct{})
	defer close(release)
	letsGo := func(ctx context.Context, _ []store.Range) error { <-ctx.Done(); return ctx.Err() }
	holdsOn := func(context.Context, []store.Range) error { <-release; return nil }
	answered := make(chan struct{}) // hears that a request has its answer
	comes := func(ctx context.Context, _ []store.Range) error {
		select {
		case <-answered:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for name, c := range map[string]struct {
		fault   func(context.Context, []store.Range) error
		network bool
		late    time.Duration // how long after its time an answer may come: where it does, as long as the test's goroutines take
		opens   bool
	}{
		"embedded, lets go": {letsGo, false, time.Hour, false}, "embedded, holds on": {holdsOn, false, time.Millisecond, true},
		"shared, comes": {comes, true, time.Hour, false}, "shared, does not come": {letsGo, true, time.Millisecond, true}, "shared, holds on": {holdsOn, true, time.Millisecond, true},
	} {
		fake := servetest.NewStore()
		servetest.Fill(t, fake, p.Groups[0], nil, now, plan.NoMarks, plan.MinTime)
		var st store.Store = fake
		if c.network {
			st = shared{fake}
		}
		server := open(t, st, p.Views, serve.Options{Clock: func() int64 { return now }, Now: still, Deadline: time.Hour, MarksAge: time.Hour})
		server.LateFor(c.late)
		fake.SetFault(c.fault)
		fails := func() bool {
			return strings.Contains(strings.Join(server.Degraded(), "\n"), "fails: answers are stale")
		}
		ask := func() {
			t.Helper()
			r, err := server.Features(t.Context(), serve.Request{View: "v", Rows: []serve.Row{{Values: row("a")}}, Features: []string{"g__x_sum_1h"}})
			if err != nil {
				t.Fatal(err)
			}
			expect(t, text(&r.Rows[0], r.Features), "g__x_sum_1h=null failed")
			for told := name != "shared, comes"; !told && !fails(); runtime.Gosched() { // one that is left alone hears nothing
				select {
				case answered <- struct{}{}:
					told = true
				default:
				}
			}
		}
		for range 20 { // no fewer than the breaker needs, and as many where it must not open
			ask()
		}
		for c.opens && !fails() {
			ask() // until what holds on has been waited for
		}
		if fails() != c.opens {
			t.Errorf("%s: degraded: %q", name, server.Degraded())
		}
	}
}

// Who asks patiently waits for a store as long as the request may take, whatever the groups say.
func TestPatience(t *testing.T) {
	p := servetest.Definitions(t, strings.ReplaceAll(smallDefinitions, `deadline="10m"`, `deadline="1ms"`))
	st := servetest.NewStore()
	servetest.Fill(t, st, p.Groups[0], nil, now, plan.NoMarks, plan.MinTime)
	server := open(t, st, p.Views, serve.Options{Clock: func() int64 { return now }, Deadline: time.Hour, Patient: true})
	st.SetFault(func(ctx context.Context, _ []store.Range) error {
		if at, ok := ctx.Deadline(); !ok || time.Until(at) < time.Minute {
			return errDown
		}
		return nil
	})
	r, err := server.Features(t.Context(), serve.Request{View: "v", Rows: []serve.Row{{Values: row("a")}}, Features: []string{"g__x_sum_1h"}})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, text(&r.Rows[0], r.Features), "g__x_sum_1h=null empty")
}

func TestDamagedTilesFailTheirValuesAlone(t *testing.T) {
	s := newSmall(t, serve.Options{})
	s.event("a", 3, 1000)
	s.event("a", 4, 20*value.DayMS)
	s.write()
	s.store.SetBend(func(r store.Range, _ int64, b []byte) []byte {
		if r.Step > hour { // only the month's tiles are so long
			b = bytes.Clone(b)
			b[len(b)/2] ^= 1
		}
		return b
	})
	names := []string{"g__x_sum_30d", "g__x_sum_1h", "g__x_last_10s"}
	expect(t, s.ask("v", nil, row("a"), names...), "g__x_sum_30d=null failed, g__x_sum_1h=3 present, g__x_last_10s=3 present")
	other := plan.SpaceOf(s.project.Groups[1])
	s.store.SetBend(func(r store.Range, _ int64, b []byte) []byte {
		if r.Step < 0 { // rows, of another meaning
			return servetest.EmptyRows(other)
		}
		return b
	})
	expect(t, s.ask("v", nil, row("a"), names...), "g__x_sum_30d=7 present, g__x_sum_1h=3 present, g__x_last_10s=null failed")
	want := "# HELP bighead_tiles_refused_total Tiles and rows in the store that could not be used: damaged, or written for something else.\n# TYPE bighead_tiles_refused_total counter\n" +
		"bighead_tiles_refused_total{group=\"g\",reason=\"damaged\"} %d\nbighead_tiles_refused_total{group=\"g\",reason=\"other\"} 1\n" +
		"bighead_tiles_refused_total{group=\"h\",reason=\"damaged\"} 0\nbighead_tiles_refused_total{group=\"h\",reason=\"other\"} 0\n" +
		"bighead_tiles_refused_total{group=\"r\",reason=\"damaged\"} 0\nbighead_tiles_refused_total{group=\"r\",reason=\"other\"} 0\n"
	if err := testutil.GatherAndCompare(s.registry, strings.NewReader(fmt.Sprintf(want, 2)), "bighead_tiles_refused_total"); err != nil {
		t.Error(err)
	}
}
