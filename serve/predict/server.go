package predict

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bighead-ml/bighead/catalog"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/serve"
)

// Options are how endpoints are answered. The zero value is good for all of them.
type Options struct {
	// Now is the clock of deadlines' parts, of how long models take, and of decisions; nil: the wall's.
	Now      func() time.Time
	Recorder Recorder // nil: nobody keeps predictions
	Metrics  *Metrics // nil: nothing is counted
	Canary   Rules    // zero: the defaults
	// Shadows is how many requests wait for shadows at most; what comes beyond is left out, and counted. 0: 256.
	Shadows int
	// Manifest reads what an artifact says of itself without opening its model, for fallback="popular" of a version that cannot be opened; nil: there is
	// no such fallback then.
	Manifest func(ctx context.Context, artifact string) (*model.Manifest, error)
	Log      *slog.Logger // nil: slog.Default
}

// Server answers endpoints. It is safe for concurrent use.
type Server struct {
	features *serve.Server
	open     func(ctx context.Context, artifact string) (*model.Artifact, error)
	o        Options
	log      *slog.Logger
	metrics  *Metrics
	table    atomic.Pointer[table]

	mu       sync.Mutex // one changes the table at a time
	versions map[versionID]*version
	trials   map[int64]*trial // of canaries, by the traffic's ID

	shadows  chan *shadowJob
	stopping chan struct{}
	stopped  sync.WaitGroup
}

// table is the endpoints that are served from one change to the next.
type table struct {
	endpoints map[string]*endpoint
	names     []string // sorted
}

// Open answers endpoints out of the views of a server. open opens an artifact by its name. A version that cannot be opened is no error: its
// endpoint says so (Degraded). The error is of reading models.
func Open(ctx context.Context, features *serve.Server, endpoints []*feature.Endpoint, models catalog.Models, open func(ctx context.Context, artifact string) (*model.Artifact, error), o Options) (*Server, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Metrics == nil {
		o.Metrics = NewMetrics(nil)
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Shadows == 0 {
		o.Shadows = 256
	}
	o.Canary = o.Canary.filled()
	s := &Server{features: features, open: open, o: o, log: o.Log, metrics: o.Metrics, versions: map[versionID]*version{}, trials: map[int64]*trial{},
		shadows: make(chan *shadowJob, o.Shadows), stopping: make(chan struct{})}
	s.table.Store(&table{endpoints: map[string]*endpoint{}})
	if err := s.Refresh(ctx, endpoints, models); err != nil {
		return nil, err
	}
	s.metrics.watch(s)
	s.stopped.Go(s.runShadows)
	return s, nil
}

// Close ends what goes on beside requests, and closes the versions. Requests that are being answered are finished by their callers first.
func (s *Server) Close() {
	s.metrics.unwatch(s)
	close(s.stopping)
	s.stopped.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.swap(&table{endpoints: map[string]*endpoint{}})
}

// Names are the endpoints that are served, sorted. The slice is shared.
func (s *Server) Names() []string { return s.table.Load().names }

// Endpoint is an endpoint's definition as it is served now.
func (s *Server) Endpoint(name string) (*feature.Endpoint, error) {
	t := s.table.Load()
	if e := t.endpoints[name]; e != nil {
		return e.def, nil
	}
	return nil, unknownEndpoint(name, t.names)
}

// View is the view whose keys and request fields an endpoint's rows have, as it is served now.
func (s *Server) View(name string) (*serve.View, error) {
	d, err := s.Endpoint(name)
	if err != nil {
		return nil, err
	}
	return s.features.View(d.Model.TrainingSet.View.Name)
}

// Degraded says what goes worse than it should though requests are answered: one line each.
func (s *Server) Degraded() []string {
	t := s.table.Load()
	var out []string
	for _, name := range t.names {
		e := t.endpoints[name]
		if e.wrong != "" {
			out = append(out, "endpoint "+name+": "+e.wrong)
		}
		for _, v := range e.all {
			if v.leftAlone() {
				out = append(out, "endpoint "+name+": "+v.id().String()+" does not answer, and is left alone but for a request a second that tries it")
			}
		}
	}
	return out
}

// Trying reports whether a canary is under way, to be decided on.
func (s *Server) Trying() bool {
	for _, e := range s.table.Load().endpoints {
		if e.trial != nil {
			return true
		}
	}
	return false
}

// Status is how an endpoint stands.
type Status struct {
	Endpoint string           `json:"endpoint"`
	Model    string           `json:"model"`
	Traffic  *catalog.Traffic `json:"traffic"` // as it is answered with; of its definition where ID is 0
	// Champion is the version of the model that is called so, 0 where none is: the registry's word, which no canary changes. It need not be one that the
	// endpoint asks.
	Champion int64         `json:"champion,omitempty"`
	Canary   *CanaryStatus `json:"canary,omitempty"`
	Degraded string        `json:"degraded,omitempty"`
	// LeftAlone are versions that do not answer, and are asked once a second until they do.
	LeftAlone []string `json:"left_alone,omitempty"`
}

// Statuses are how all endpoints stand, by name.
func (s *Server) Statuses() []Status {
	t := s.table.Load()
	out := []Status{}
	for _, name := range t.names {
		e := t.endpoints[name]
		st := Status{Endpoint: name, Model: e.def.Model.Name, Traffic: e.traffic, Champion: e.champion, Degraded: e.wrong}
		if e.trial != nil {
			st.Canary = e.trial.status(s.o.Canary, s.o.Now())
		}
		for _, v := range e.all {
			if v.leftAlone() {
				st.LeftAlone = append(st.LeftAlone, v.id().String())
			}
		}
		out = append(out, st)
	}
	return out
}

// acquire finds an endpoint's state, to be released.
func (s *Server) acquire(name string) (*endpoint, error) {
	for {
		t := s.table.Load()
		e := t.endpoints[name]
		if e == nil {
			return nil, unknownEndpoint(name, t.names)
		}
		if e.acquire() { // else another state has taken its place this moment
			return e, nil
		}
	}
}

// swap serves another table, and lets go of the one that was, and of versions that nothing asks any more.
func (s *Server) swap(next *table) {
	next.names = slices.Sorted(maps.Keys(next.endpoints))
	old := s.table.Swap(next)
	used := map[versionID]bool{}
	for _, e := range next.endpoints {
		for _, v := range e.all {
			used[v.id()] = true
		}
	}
	for id, v := range s.versions {
		if !used[id] {
			delete(s.versions, id)
			v.release()
		}
	}
	if old == nil {
		return
	}
	for _, e := range old.endpoints {
		e.release()
	}
}

func (s *Server) versionClosed(v *version, err error) {
	if err != nil {
		s.log.Warn("a version was not closed in order", "version", v.id().String(), "error", err)
	}
}

// version gives a version, opened where it is not yet. The table's reference to it is the server's.
func (s *Server) version(ctx context.Context, models catalog.Models, id versionID) (*version, error) {
	if v := s.versions[id]; v != nil {
		return v, nil
	}
	mv, err := models.ModelVersion(ctx, id.model, id.number)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", id, err)
	}
	v, err := s.load(ctx, mv)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be opened: %w", id, err)
	}
	s.versions[id] = v
	return v, nil
}
