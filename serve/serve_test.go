package serve_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/servetest"
	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/value"
)

const (
	now  = 1_700_000_000_000 // 2023-11-14T22:13:20Z
	hour = 3_600_000
)

const smallDefinitions = `
e = bh.EventSource("e", columns={"k": bh.String, "x": bh.Int}, time="ts", lateness="1h")
g = bh.FeatureGroup("g", source=e, keys=["k"], deadline="10m", features=[
    bh.sum("x", windows=["1h", "30d"]), bh.count(windows=["1h"]), bh.max("x", windows=["1h"], default=7),
    bh.min("x", windows=["1h"], fallback=-1), bh.avg("x", windows=["1h"]), bh.last("x", windows=["10s"], resolution="exact")])
p = bh.EntitySource("p", columns={"n": bh.Int, "make": bh.String, "gone": bh.Bool}, keys=["n"], time="ts", deleted="gone")
h = bh.FeatureGroup("h", source=p, deadline="10m", features=[bh.latest("make")])
q = bh.EntitySource("q", columns={"n": bh.Int, "size": bh.Int}, keys=["n"])
r = bh.FeatureGroup("r", source=q, deadline="10m", features=[bh.latest("size")])
v = bh.FeatureView("v", groups=[g], request={"y": bh.optional(bh.Int)}, derive={"z": "coalesce(g__x_sum_1h, 0) + coalesce(y, 0)", "w": "coalesce(g__x_min_1h, 0)"})
must = bh.FeatureView("must", groups=[g], required=["g__count_1h", "g__x_min_1h"], required_value=["g__x_sum_1h"])
both = bh.FeatureView("both", groups=[g, h, r])
`

// small is a server over the small definitions.
type small struct {
	*serve.Server
	t        testing.TB
	project  *feature.Project
	store    *servetest.Store
	watched  store.Store
	registry *prometheus.Registry
	mu       sync.Mutex
	clock    int64
	marks    plan.Marks
	events   [][]value.Value
	versions [][]value.Value
}

func newSmall(t testing.TB, o serve.Options) *small {
	t.Helper()
	s := &small{t: t, project: servetest.Definitions(t, smallDefinitions), store: servetest.NewStore(), clock: now, marks: plan.NoMarks, registry: prometheus.NewRegistry()}
	for _, f := range s.project.Groups[0].Features {
		f.Typical = f.Name == "x_avg_1h" // no definition can say so yet
	}
	s.watched = serve.Watch(s.store)
	s.write()
	o.Clock = func() int64 { s.mu.Lock(); defer s.mu.Unlock(); return s.clock }
	o.Metrics = serve.NewMetrics(s.registry)
	if o.Deadline == 0 {
		o.Deadline = time.Hour
	}
	s.Server = open(t, s.watched, s.project.Views, o)
	return s
}

func (s *small) at(clock int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock = clock
}

// event adds an event of a key so long before the clock's first time.
func (s *small) event(key string, x, before int64) {
	s.events = append(s.events, []value.Value{value.OfString(key), value.OfInt(x), value.OfTimestamp(now - before)})
}

// write fills the store anew.
func (s *small) write() {
	s.t.Helper()
	const all = now + 10*value.DayMS
	servetest.Fill(s.t, s.watched, s.project.Groups[0], s.events, all, s.marks, plan.MinTime)
	servetest.Fill(s.t, s.watched, s.project.Groups[1], s.versions, all, plan.NoMarks, plan.MinTime)
	m := plan.NoMarks
	m.Generation = 3
	servetest.Fill(s.t, s.watched, s.project.Groups[2], [][]value.Value{{value.OfInt(1), value.OfInt(100)}}, all, m, plan.MinTime)
}

// ask answers one row as text: "name=value status" of each column that is named, or the row's problem.
func (s *small) ask(view string, at *int64, values []value.Value, features ...string) string {
	s.t.Helper()
	r, err := s.Features(context.Background(), serve.Request{View: view, Rows: []serve.Row{{Values: values}}, Features: features, At: at})
	if err != nil {
		s.t.Fatal(err)
	}
	return text(&r.Rows[0], r.Features)
}

func text(a *serve.Answer, features []string) string {
	if a.Problem != nil {
		return a.Problem.Error()
	}
	var out []string
	for i, f := range features {
		out = append(out, fmt.Sprintf("%s=%s %s", f, a.Values[i], a.Statuses[i]))
	}
	return strings.Join(out, ", ")
}

func row(key string) []value.Value { return []value.Value{value.OfString(key), {}} }

func expect(t testing.TB, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

func TestStatuses(t *testing.T) {
	s := newSmall(t, serve.Options{})
	s.event("a", 3, 1000)
	s.event("a", 4, 2000)
	s.event("b", 5, 2*hour)
	s.write()
	names := []string{"g__x_sum_1h", "g__count_1h", "g__x_max_1h", "g__x_last_10s", "z"}
	expect(t, s.ask("v", nil, row("a"), names...), "g__x_sum_1h=7 present, g__count_1h=2 present, g__x_max_1h=4 present, g__x_last_10s=3 present, z=7 present")
	expect(t, s.ask("v", nil, row("b"), names...), "g__x_sum_1h=null empty, g__count_1h=0 empty, g__x_max_1h=7 default, g__x_last_10s=null empty, z=0 present")
	before := s.store.Reads()
	expect(t, s.ask("v", nil, []value.Value{{}, value.OfInt(2)}, names...), "g__x_sum_1h=null empty, g__count_1h=0 empty, g__x_max_1h=7 default, g__x_last_10s=null empty, z=2 present")
	if s.store.Reads() != before {
		t.Error("a null key is read")
	}
	// The stream has seen nothing of the last two days but one: a window that meets them is partial, and what is derived of it too.
	day := value.Floor(now, value.DayMS)
	s.marks = plan.Marks{Batch: day - value.DayMS, Complete: now - hour/2}
	s.write()
	expect(t, s.ask("v", nil, row("a"), append(names, "g__x_sum_30d")...),
		"g__x_sum_1h=7 partial, g__count_1h=2 partial, g__x_max_1h=4 partial, g__x_last_10s=3 present, z=7 partial, g__x_sum_30d=7 partial")
}

func TestASpaceThatNobodyFillsAnswersNothing(t *testing.T) {
	s := newSmall(t, serve.Options{})
	s.event("a", 3, 1000)
	s.write()
	name := plan.SpaceOf(s.project.Groups[0]).MarksName()
	if err := s.watched.Write(t.Context(), &store.Write{Meta: []store.MetaPut{{Name: name}}}); err != nil {
		t.Fatal(err)
	}
	expect(t, s.ask("v", nil, row("a"), "g__x_sum_1h", "g__x_min_1h", "z", "y"), "g__x_sum_1h=null failed, g__x_min_1h=-1 fallback, z=null failed, y=null present")
	if d := s.Degraded(); len(d) != 1 || !strings.Contains(d[0], "filled by nobody") {
		t.Errorf("degraded: %q", d)
	}
	if err := s.watched.Write(t.Context(), &store.Write{Meta: []store.MetaPut{{Name: name, Bytes: []byte("?")}}}); err != nil {
		t.Fatal(err)
	}
	expect(t, s.ask("v", nil, row("a"), "g__x_sum_1h"), "g__x_sum_1h=null failed")
	s.write()
	expect(t, s.ask("v", nil, row("a"), "g__x_sum_1h"), "g__x_sum_1h=3 present")
}

func TestTimesThatCannotBeAnswered(t *testing.T) {
	s := newSmall(t, serve.Options{})
	s.event("a", 3, 1000)
	s.event("b", 4, 5000)
	s.marks = plan.Marks{Batch: value.Floor(now, value.DayMS), Complete: plan.MinTime}
	s.write()
	for at, want := range map[int64]string{
		now + 1000:     "g__x_sum_1h=3 present",
		now + 1001:     "BH106: at 2023-11-14T22:13:21.001Z lies ahead of the server's clock, 2023-11-14T22:13:20Z (leave at out for the newest answer, or set the clocks)",
		now - 999:      "g__x_sum_1h=3 present",
		now - 1000:     "BH106: at 2023-11-14T22:13:19Z is not after the newest event of the row's keys, 2023-11-14T22:13:19Z: online stores cannot look back (leave at out for the newest answer; the past is for training sets and p.features)",
		now - hour:     "g__x_sum_1h=null empty", // nothing that has been read is newer, so this is what it was
		now - hour - 1: "BH106: at 2023-11-14T21:13:19.999Z is more than 1h ago, for which alone late tiles are kept: online stores cannot look back (leave at out for the newest answer; the past is for training sets and p.features)",
	} {
		expect(t, s.ask("v", &at, row("a"), "g__x_sum_1h"), want)
	}
	// Another key of the same request has its answer.
	at := int64(now - 2000)
	r, err := s.Features(t.Context(), serve.Request{View: "v", Rows: []serve.Row{{Values: row("a")}, {Values: row("b")}}, Features: []string{"g__x_sum_1h"}, At: &at})
	if err != nil {
		t.Fatal(err)
	}
	if r.Rows[0].Problem == nil || r.Rows[0].Problem.Code != feature.CodeLookBack || r.Rows[1].Problem != nil || r.Rows[1].Values[0].Int() != 4 {
		t.Errorf("%+v", r.Rows)
	}
	s.at(value.Floor(now, value.DayMS) + 10)
	early := value.Floor(now, value.DayMS) - 1
	if got := s.ask("v", &early, row("c"), "g__x_sum_1h"); !strings.Contains(got, "is before 2023-11-14T00:00:00Z, up to which batch has filled the store: online stores cannot look back") {
		t.Error(got)
	}
}

// What a clock that was ahead has let go of is not answered; nothing let go of refuses nothing.
func TestTimesThatTheStoreHasLetGoOf(t *testing.T) {
	kept := int64(plan.MinTime)
	s := newSmall(t, serve.Options{Kept: func() int64 { return kept }})
	s.event("a", 3, 1000)
	s.write()
	for _, kept = range []int64{plan.MinTime, plan.MinTime + 1, now, now + hour} {
		expect(t, s.ask("v", nil, row("a"), "g__x_sum_1h"), "g__x_sum_1h=3 present")
	}
	kept = now + hour + 1
	if got := s.ask("v", nil, row("a"), "g__x_sum_1h"); !strings.Contains(got, "the server's clock was at 2023-11-14T23:13:20.001Z and is at 2023-11-14T22:13:20Z") {
		t.Error(got)
	}
}

// Without a time of the caller's an answer is for the clock's, but after every event that it holds, and after what batch has filled.
func TestTheTimeOfAnAnswer(t *testing.T) {
	s := newSmall(t, serve.Options{})
	s.event("a", 3, 0) // at the clock's very millisecond
	s.event("b", 4, -700)
	s.versions = [][]value.Value{
		{value.OfInt(1), value.OfString("old"), value.OfBool(false), value.OfTimestamp(now - hour)},
		{value.OfInt(1), value.OfString("new"), value.OfBool(false), value.OfTimestamp(now)},
		{value.OfInt(1), value.OfString("next"), value.OfBool(false), value.OfTimestamp(now + 1)},
	}
	s.write()
	at := func(view string, values ...value.Value) int64 {
		t.Helper()
		r, err := s.Features(t.Context(), serve.Request{View: view, Rows: []serve.Row{{Values: values}}})
		if err != nil || r.Rows[0].Problem != nil {
			t.Fatal(err, r.Rows[0].Problem)
		}
		return r.At - now
	}
	for key, want := range map[string]int64{"a": 1, "b": 701, "c": 0} {
		if got := at("v", row(key)...); got != want {
			t.Errorf("key %s is answered for the clock + %d ms, want %d", key, got, want)
		}
	}
	expect(t, s.ask("v", nil, row("b"), "g__x_sum_1h", "g__x_last_10s"), "g__x_sum_1h=4 present, g__x_last_10s=4 present")
	if got := at("both", value.OfString("c"), value.OfInt(1)); got != 1 {
		t.Errorf("an entity's row of this moment: the clock + %d ms", got)
	}
	expect(t, s.ask("both", nil, []value.Value{value.OfString("c"), value.OfInt(1)}, "h__make", "r__size"), "h__make=new present, r__size=100 present")
	s.at(now + 2)
	expect(t, s.ask("both", nil, []value.Value{value.OfString("c"), value.OfInt(1)}, "h__make"), "h__make=next present")
	s.at(plan.MinTime) // a clock of events before the first
	s.marks = plan.Marks{Batch: value.Floor(now, value.DayMS), Complete: plan.MinTime}
	s.write()
	if got := at("v", row("c")...); got != s.marks.Batch-now {
		t.Errorf("before the first event: %d", got)
	}
}

func TestTablesAreReplacedAsAWhole(t *testing.T) {
	s := newSmall(t, serve.Options{})
	ask := func() string {
		return s.ask("both", nil, []value.Value{value.OfString("c"), value.OfInt(1)}, "r__size")
	}
	expect(t, ask(), "r__size=100 present")
	m := plan.NoMarks
	m.Generation = 4
	servetest.Fill(t, s.watched, s.project.Groups[2], [][]value.Value{{value.OfInt(2), value.OfInt(5)}}, now, m, plan.MinTime)
	expect(t, ask(), "r__size=null empty")
	m.Generation = 0
	servetest.Fill(t, s.watched, s.project.Groups[2], nil, now, m, plan.MinTime)
	expect(t, ask(), "r__size=null stale") // there is no table any more, but what it said is known
	expect(t, s.ask("both", nil, []value.Value{value.OfString("c"), value.OfInt(7)}, "r__size"), "r__size=null failed")
}

// The stream may know an older version than batch: a late row, or one that it has kept.
func TestTheLastVersionIsThatOfBoth(t *testing.T) {
	s := newSmall(t, serve.Options{})
	version := func(make string, before int64, gone bool) [][]value.Value {
		return [][]value.Value{{value.OfInt(1), value.OfString(make), value.OfBool(gone), value.OfTimestamp(now - before)}}
	}
	midnight := plan.Marks{Batch: value.Floor(now, value.DayMS), Complete: plan.MinTime}
	for _, c := range []struct {
		batch, stream [][]value.Value
		want          string
	}{
		{version("batch's", 2*value.DayMS, false), version("stream's", 3*value.DayMS, false), "h__make=batch's present"},
		{version("batch's", 2*value.DayMS, false), version("stream's", value.DayMS, false), "h__make=stream's present"},
		{version("batch's", 2*value.DayMS, true), version("stream's", 3*value.DayMS, false), "h__make=null empty"},
		{version("batch's", 2*value.DayMS, false), version("stream's", value.DayMS, true), "h__make=null empty"},
	} {
		g := s.project.Groups[1]
		servetest.Fill(t, s.watched, g, c.stream, now, plan.NoMarks, plan.MinTime)
		servetest.Fill(t, s.watched, g, c.batch, now, midnight, plan.MinTime)
		expect(t, s.ask("both", nil, []value.Value{value.OfString("c"), value.OfInt(1)}, "h__make"), c.want)
	}
}

func TestWhatACallerDoesWrong(t *testing.T) {
	s := newSmall(t, serve.Options{})
	for want, r := range map[string]serve.Request{
		`BH100: no view "vv" is served (did you mean "v"?  served are: both, must, v)`:                                   {View: "vv"},
		`BH101: view must has no column "g__x_sum_1d" (did you mean "g__x_sum_1h" or "g__x_sum_30d"?  its columns are: `: {View: "must", Features: []string{"g__x_sum_1d"}},
		`BH109: 200000 rows of 6 features are more than 1048576 values`:                                                  {View: "must", Rows: make([]serve.Row, 200_000), Features: strings.Fields(strings.Repeat("g__x_sum_1h ", 6))},
	} {
		if _, err := s.Features(t.Context(), r); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("\n got %v\nwant %s", err, want)
		}
	}
	r, err := s.Features(t.Context(), serve.Request{View: "v", Features: []string{"y"}, Rows: []serve.Row{
		{Values: []value.Value{value.OfInt(1), {}}}, {Values: row("a")}, {Problem: serve.Absent(feature.Key{Name: "k", Type: value.String})}, {Values: row("a")[:1]}}})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, text(&r.Rows[0], r.Features), `BH104: "k" is no string: "1" (write a string of valid UTF-8)`)
	expect(t, text(&r.Rows[1], r.Features), "y=null present")
	expect(t, text(&r.Rows[2], r.Features), `BH103: "k" is absent (send it, a string or null; null is the key of no events, and what may be absent is declared bh.optional)`)
	expect(t, text(&r.Rows[3], r.Features), `BH117: a row of 1 values where view v asks for 2`)
	if _, err := serve.Open(t.Context(), []*feature.View{s.project.Views[0], s.project.Views[0]}, s.store, serve.Options{}); err == nil {
		t.Error("two views of one name are served")
	}
}

// A request sees one plan, and what is pushed is in the next answer, while views are switched and events written.
func TestRequestsWhileAllMoves(t *testing.T) {
	s := newSmall(t, serve.Options{})
	other := servetest.Definitions(t, strings.ReplaceAll(smallDefinitions, `bh.sum("x", windows=["1h", "30d"])`, `bh.sum("x", windows=["1h"])`))
	servetest.Fill(t, s.watched, other.Groups[0], nil, now, plan.NoMarks, plan.MinTime)
	var written sync.Mutex // of how many events the writer has said that they are in
	count := int64(0)
	stop := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		defer close(stop)
		for i := range int64(60) {
			s.event("a", 1, 1000+i)
			servetest.Fill(t, s.watched, s.project.Groups[0], s.events, now, plan.NoMarks, plan.MinTime)
			servetest.Fill(t, s.watched, other.Groups[0], s.events, now, plan.NoMarks, plan.MinTime)
			written.Lock()
			count = i + 1
			written.Unlock()
			if err := s.Switch(t.Context(), [][]*feature.View{s.project.Views, other.Views}[i%2]); err != nil {
				t.Error(err)
			}
		}
	})
	for range 4 {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				written.Lock()
				least := count
				written.Unlock()
				r, err := s.Features(t.Context(), serve.Request{View: "v", Rows: []serve.Row{{Values: row("a")}, {Values: row("b")}}})
				if err != nil {
					t.Error(err)
					return
				}
				i := slices.Index(r.Features, "g__count_1h")
				if got := r.Rows[0].Values[i].Int(); got < least || r.Rows[1].Values[i].Int() != 0 {
					t.Errorf("%d events of a, after %d were in; %s of b", got, least, r.Rows[1].Values[i])
				}
				if n := len(r.View.Columns()); n != len(r.Features) || n != len(r.Rows[0].Values) {
					t.Errorf("a mixture: %d columns, %d features, %d values", n, len(r.Features), len(r.Rows[0].Values))
				}
			}
		})
	}
	all.Wait()
}
