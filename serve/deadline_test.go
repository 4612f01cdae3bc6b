package serve_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/servetest"
	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/value"
)

const unequalDefinitions = `
e = bh.EventSource("e", columns={"k": bh.String, "x": bh.Int}, time="ts")
a = bh.FeatureGroup("a", source=e, keys=["k"], deadline="DEADLINE_A", features=[bh.sum("x", windows=["1h"], name="s"), bh.max("x", windows=["30d"], name="m")])
b = bh.FeatureGroup("b", source=e, keys=["k"], deadline="DEADLINE_B", features=[bh.sum("x", windows=["1h"], name="s"), bh.max("x", windows=["30d"], name="m")])
v = bh.FeatureView("v", groups=[a, b])
`

// TestDeadlinesOfGroups asks a view of two groups, of which one may take 20 ms and one ten minutes, of a store that answers what is read for one of them and
// hangs at what is read for the other, in both orders; over a store whose writes are all ours, and over one that says what has been written.
func TestDeadlinesOfGroups(t *testing.T) {
	for name, of := range map[string]func(*servetest.Store) store.Store{
		"embedded": func(s *servetest.Store) store.Store { return s },
		"versions": func(s *servetest.Store) store.Store { return versioned{s} },
	} {
		t.Run(name, func(t *testing.T) { deadlinesOfGroups(t, of) })
	}
}

func deadlinesOfGroups(t *testing.T, of func(*servetest.Store) store.Store) {
	const hastyTakes = 20 * time.Millisecond
	for patient, deadlines := range map[string][2]string{"a": {"10m", hastyTakes.String()}, "b": {hastyTakes.String(), "10m"}} {
		p := servetest.Definitions(t, strings.NewReplacer("DEADLINE_A", deadlines[0], "DEADLINE_B", deadlines[1]).Replace(unequalDefinitions))
		groups := map[string]int{"a": 0, "b": 1}
		hasty := map[string]string{"a": "b", "b": "a"}[patient]
		fake := servetest.NewStore()
		st := serve.Watch(of(fake))
		events := [][]value.Value{{value.OfString("a"), value.OfInt(3), value.OfTimestamp(now - 1000)}, {value.OfString("a"), value.OfInt(4), value.OfTimestamp(now - 20*value.DayMS)}}
		fill := func(group string) {
			servetest.Fill(t, st, p.Groups[groups[group]], events, now, plan.NoMarks, plan.MinTime)
		}
		fill("a")
		fill("b")
		server := open(t, st, p.Views, serve.Options{Clock: func() int64 { return now }, Deadline: time.Hour, MarksAge: time.Hour})
		ask := func(ctx context.Context) string {
			t.Helper()
			features := []string{patient + "__s_1h", patient + "__m_30d", hasty + "__s_1h", hasty + "__m_30d"}
			r, err := server.Features(ctx, serve.Request{View: "v", Rows: []serve.Row{{Values: []value.Value{value.OfString("a")}}}, Features: features})
			if err != nil {
				t.Fatal(err)
			}
			return strings.NewReplacer(patient+"__", "patient ", hasty+"__", "hasty ").Replace(text(&r.Rows[0], r.Features))
		}
		// hang has the store hang at the second value of a group, until release; at hears that it does. Until something of the next group is found
		// nobody knows that one is read.
		hang := func(group string) (at chan struct{}, release func()) {
			var values atomic.Int64
			at, end := make(chan struct{}), make(chan struct{})
			space := plan.SpaceOf(p.Groups[groups[group]]).ID
			fake.SetBend(func(r store.Range, _ int64, b []byte) []byte {
				if r.Space == space && values.Add(1) == 2 {
					close(at)
					<-end
				}
				return b
			})
			return at, func() { close(end); fake.SetBend(nil) }
		}
		told := func(at chan struct{}) context.Context {
			c := servetest.NewTold(t.Context())
			go func() { <-at; close(c.Over) }()
			return c
		}

		// What may take little time is read first, so that it is there though what may take long hangs.
		at, release := hang(patient)
		expect(t, ask(told(at)), "patient s_1h=null failed, patient m_30d=null failed, hasty s_1h=3 present, hasty m_30d=4 present")
		release()
		// Where it hangs itself, all that was to be read after it is missing too.
		at, release = hang(hasty)
		fill(hasty) // what is cached of it is void
		expect(t, ask(told(at)), "patient s_1h=null failed, patient m_30d=null failed, hasty s_1h=3 stale, hasty m_30d=4 stale")
		release()

		// A request that needs the hasty group alone of the store ends at its deadline, however patient the other one is. Were that one waited for,
		// no answer would come.
		expect(t, ask(t.Context()), "patient s_1h=3 present, patient m_30d=4 present, hasty s_1h=3 present, hasty m_30d=4 present")
		fill(hasty)
		_, release = hang(hasty)
		expect(t, ask(t.Context()), "patient s_1h=3 present, patient m_30d=4 present, hasty s_1h=3 stale, hasty m_30d=4 stale")
		release()
		// And the other way round the patient group is waited for beyond the hasty one's deadline: as long as the store takes.
		fill(patient)
		at, release = hang(patient)
		go func() {
			<-at // the request has begun: when as much time again has passed as the hasty group may take, its deadline is over
			over, cancel := context.WithTimeout(context.Background(), 2*hastyTakes)
			defer cancel()
			<-over.Done()
			release()
		}()
		expect(t, ask(t.Context()), "patient s_1h=3 present, patient m_30d=4 present, hasty s_1h=3 present, hasty m_30d=4 present")
	}
}
