package serve

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bighead-ml/bighead/agg/tile"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/serve/breaker"
	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/value"
)

// Options are how a server answers. The zero value is good for all of them.
type Options struct {
	// Clock says now in ms, for the default at and for what is too far from it; nil: the wall clock. Before the first event a clock of
	// events may say plan.MinTime.
	Clock func() int64
	// Kept is the latest time as of which the store has let go of what nobody needed any more; nil: it never is later than Clock. A clock that
	// was set back by more than late tiles are kept for leaves requests without an answer until it has caught up.
	Kept func() int64
	// Now is the clock by which a store, or a second cache, that fails is left alone; nil: the wall's.
	Now func() time.Time
	// Deadline is the longest that a request may take; 0: 1 s. Groups have their own within it.
	Deadline time.Duration
	// Patient leaves out the groups' own deadlines: for one who asks once, of a store that nobody has read from yet.
	Patient bool
	// MarksEvery is how often the marks of spaces are read again; 0: every second. What this process writes (Watch) is seen at once.
	MarksEvery time.Duration
	// MarksAge is how long marks that were read are gone by, where other processes write to the store too; 0: plan.MarksAge.
	MarksAge time.Duration
	// Cache is how many bytes what is known of keys may take; 0: 64 MiB. StaleFor is how old it may be to stand in while the store fails; 0:
	// an hour.
	Cache    int64
	StaleFor time.Duration
	// Second keeps what keys came to apart from this process, for stale answers; nil: nothing does.
	Second Second
	// Typical gives the values that fallback="typical" stands for; nil: there are none.
	Typical Typicals
	// Recorder keeps what was served; nil: nobody does.
	Recorder Recorder
	// Metrics counts; nil: nothing is counted.
	Metrics *Metrics
	Log     *slog.Logger // nil: slog.Default
}

// Typicals knows what a feature usually is: for fallback="typical".
type Typicals interface {
	// Typical is a value of the feature's type, and the day that it was computed for, ms. It must be quick: requests wait for it.
	Typical(f *feature.Feature) (v value.Value, day int64, ok bool)
}

// Server answers requests for views out of one store. It is safe for concurrent use.
type Server struct {
	store   store.Store
	options Options
	served  atomic.Pointer[served]
	breaker *breaker.Breaker
	late    time.Duration // breaker.LateFor
	cache   *cache
	second  *second  // nil: there is none
	watched *watched // nil: others write to the store too, and what was read stays good only where the store says so
	// versions says what was written since, where others write too; nil: nobody does.
	versions store.Versions
	writes   *watched // what this process writes; nil: nobody says
	// embedded: the store is in this process, on this machine.
	embedded bool
	log      *slog.Logger

	marksMu sync.Mutex   // one reads marks at a time
	heard   atomic.Int64 // when the marks were last read, ns since began
	began   time.Time
	stop    context.CancelFunc
	stopped sync.WaitGroup
}

// served is what is served from one switch to the next. It never changes, but for the marks of its spaces.
type served struct {
	views  map[string]*View
	names  []string
	spaces map[string]*space // by ID
	groups *groups
}

// space is one space of the store as this server knows it.
type space struct {
	id     string
	rolled atomic.Int64               // of its marks; MinTime: not known
	marks  atomic.Pointer[plan.Marks] // nil: nothing fills the space, or nothing could be read of it yet
	// place is how far the stream has come in it at least; nil: not known. What it points to never changes.
	place atomic.Pointer[tile.Positions]
}

// Open serves views out of a store, which stays the caller's. A store that cannot be reached is no error: values say so until it can.
func Open(ctx context.Context, views []*feature.View, st store.Store, o Options) (*Server, error) {
	if o.Clock == nil {
		o.Clock = func() int64 { return time.Now().UnixMilli() }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Deadline == 0 {
		o.Deadline = time.Second
	}
	if o.MarksEvery == 0 {
		o.MarksEvery = time.Second
	}
	if o.MarksAge == 0 {
		o.MarksAge = plan.MarksAge
	}
	if o.Cache == 0 {
		o.Cache = 64 << 20
	}
	if o.StaleFor == 0 {
		o.StaleFor = time.Hour
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Metrics == nil {
		o.Metrics = NewMetrics(nil)
	}
	s := &Server{store: st, options: o, log: o.Log, breaker: breaker.New(o.Now), late: breaker.LateFor, cache: newCache(o.Cache, o.StaleFor.Milliseconds()), began: time.Now()}
	s.embedded = !st.Traits().Shared
	asks := st
	if w, ok := st.(*watched); ok {
		asks = w.Store
		if s.writes = w; s.embedded {
			s.watched = w
		}
	}
	if st.Traits().Versioned && s.watched == nil {
		s.versions, _ = asks.(store.Versions)
	}
	o.Metrics.watchBreaker(st.Traits().Name, s.breaker)
	s.served.Store(&served{groups: newGroups(nil)})
	if s.writes != nil { // before anything is read: what is written meanwhile is heard of
		moved := func() {
			if err := s.Refresh(context.WithoutCancel(ctx)); err != nil {
				s.log.Warn("marks of spaces cannot be read; those that are known stay", "error", err)
			}
		}
		s.writes.moved.Store(&moved)
		hear := s.hear
		s.writes.told.Store(&hear)
	}
	if err := s.Switch(ctx, views); err != nil {
		s.hearNothing()
		return nil, err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	s.stopped.Go(func() { s.readMarks(running) })
	if o.Second != nil {
		s.second = newSecond(o.Second, o.StaleFor, o.Metrics, o.Log, o.Now)
		s.stopped.Go(func() { s.second.run(running) })
	}
	return s, nil
}

// Close ends what goes on beside requests. Requests that are being answered are finished by their callers first.
func (s *Server) Close() {
	s.hearNothing()
	s.stop()
	s.stopped.Wait()
}

// hearNothing ends that writes are heard of.
func (s *Server) hearNothing() {
	if s.writes != nil {
		s.writes.moved.Store(nil)
		s.writes.told.Store(nil)
	}
}

// Switch serves other definitions from now on. A request that has begun is finished under those that it began with.
func (s *Server) Switch(ctx context.Context, views []*feature.View) error {
	next := &served{views: map[string]*View{}, spaces: map[string]*space{}, groups: newGroups(views)}
	for _, v := range views {
		if next.views[v.Name] != nil {
			return fmt.Errorf("serve: two views are called %q", v.Name)
		}
		next.views[v.Name] = s.newView(v, next.space)
		next.names = append(next.names, v.Name)
	}
	slices.Sort(next.names)
	err := s.refresh(ctx, next)
	s.served.Store(next)
	if err == nil {
		err = s.refresh(ctx, next) // marks that were written before it was stored were read for what was served until then
	}
	if err != nil {
		s.log.WarnContext(ctx, "marks of spaces cannot be read; values fail until they can", "error", err)
	}
	s.cache.of.InvalidateAll() // its keys are parts of the plans that were
	return nil
}

func (d *served) space(id string) *space {
	if d.spaces[id] == nil {
		d.spaces[id] = &space{id: id}
		d.spaces[id].rolled.Store(plan.MinTime)
	}
	return d.spaces[id]
}

// Names are the views that are served, sorted. The slice is shared.
func (s *Server) Names() []string { return s.served.Load().names }

// View is a view as it is served now. It stays good for requests that have begun, whatever is switched to.
func (s *Server) View(name string) (*View, error) {
	d := s.served.Load()
	if v := d.views[name]; v != nil {
		return v, nil
	}
	return nil, unknownView(name, d.names)
}

// Features answers a request. The error is a *Problem where the request itself is wrong, and the context's where that has ended; what
// is wrong with a row is the row's answer.
func (s *Server) Features(ctx context.Context, r Request) (*Response, error) {
	v, err := s.View(r.View)
	if err != nil {
		return nil, err
	}
	out := &Response{}
	return out, v.Answer(ctx, r, out)
}

// Degraded says what goes worse than it should though requests are answered: one line each; none: nothing does.
func (s *Server) Degraded() []string {
	var out []string
	if s.breaker.IsOpen() {
		out = append(out, "store "+s.store.Traits().Name+" fails: answers are stale, stand-ins or failed")
	}
	if age, yes := s.outOfDate(); yes {
		out = append(out, fmt.Sprintf("marks of spaces were last read %v ago: answers are stale, stand-ins or failed", age.Round(time.Second)))
	}
	d := s.served.Load()
	for _, id := range sortedSpaces(d.spaces) {
		if d.spaces[id].marks.Load() == nil {
			out = append(out, "space "+id+" is filled by nobody: its values fail")
		}
	}
	return out
}

func sortedSpaces(m map[string]*space) []string {
	out := make([]string, 0, len(m))
	for id := range m {
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}
