package stream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bighead-ml/bighead/agg/tile"
	"github.com/bighead-ml/bighead/engine/local/eventlog"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/fault"
)

// Options are what a stream works with.
type Options struct {
	Store store.Store
	// Epoch is that of the lease under which the stream writes; 0: the store is this process's alone.
	Epoch int64
	// Log opens the event log of a source. The stream closes it.
	Log func(*feature.Source) (eventlog.Log, error)
	// Clock says now, ms since the epoch; nil: the machine's.
	Clock func() int64
	// Events makes the events themselves the clock for all but arrival: now is a millisecond after the newest ts or known_at that a space
	// has seen, and no event waits.
	Events bool
	// Timer is how the stream waits; nil: the machine's.
	Timer Timer
	// History says of a source that batch has rows of it from before its log; nil: of none.
	History func(*feature.Source) bool
	// Since says of a source from when on its log has every event, where that is known otherwise than from the log: a topic was read back to
	// then. ok false, or nil: it is not.
	Since func(*feature.Source) (ms int64, ok bool)
	// Version is that in which tiles are written; 0: the newest. Upgrade raises it.
	Version byte
	// Memory is how many bytes of tiles may be in memory, about; 0: 256 MiB.
	Memory int64
	// DeadLetters is a folder for what could not be read as rows, a file for each source; "": it is counted alone.
	DeadLetters string
	// Freshness, where not nil, hears how long it took from the arrival of rows until readers could see them. It must be quick.
	Freshness func(group string, ms int64, rows int)

	mostRows int // bytes of rows of one place; 0: tile.MostPacked
}

// Timer is how the stream waits.
type Timer interface {
	// Now is a time that never goes back.
	Now() time.Duration
	After(time.Duration) <-chan time.Time
}

type machine struct{ began time.Time }

func (m machine) Now() time.Duration                     { return time.Since(m.began) }
func (m machine) After(d time.Duration) <-chan time.Time { return time.After(d) }

// ErrClosed says that the stream was closed.
var ErrClosed = errors.New("the stream is closed")

// Stream is the local stream of a project. It is safe for concurrent use.
type Stream struct {
	o     Options
	ctx   context.Context
	stop  context.CancelCauseFunc
	group sync.WaitGroup // walks
	dead  *deadLetters

	mu      sync.RWMutex
	sources []*source
	version atomic.Uint32
	spaces  atomic.Int64     // how many share the memory
	changes sync.Mutex       // of the definitions, one at a time
	going   map[string]int64 // the generations of spaces that Forget has begun to drop
}

// Open starts a stream for what is planned. Sources without a time are left out: batch alone loads them. An error that is
// store.ErrUnavailable says that it is to be tried again. The store stays the caller's, to be closed after the stream.
func Open(ctx context.Context, o Options, streams []*plan.Stream) (*Stream, error) {
	if o.Clock == nil {
		o.Clock = func() int64 { return time.Now().UnixMilli() }
	}
	if o.Timer == nil {
		o.Timer = machine{time.Now()}
	}
	if o.Memory == 0 {
		o.Memory = 256 << 20
	}
	if o.mostRows == 0 {
		o.mostRows = tile.MostPacked
	}
	if o.Version == 0 {
		o.Version = tile.Version
	}
	s := &Stream{o: o, dead: newDeadLetters(o.DeadLetters, o.Clock), going: map[string]int64{}}
	s.version.Store(uint32(o.Version))
	s.ctx, s.stop = context.WithCancelCause(context.Background())
	if o.Epoch > 0 {
		if err := o.Store.Fence(ctx, o.Epoch); err != nil {
			return nil, err
		}
	}
	if err := s.Reconfigure(ctx, streams); err != nil {
		return nil, errors.Join(err, s.end())
	}
	if o.Epoch > 0 {
		s.group.Go(s.confirm)
	}
	return s, nil
}

// Reconfigure takes in definitions that changed. Spaces that are new are filled from the log's first record on, beside those there are, which
// are written until Forget drops them. The schema of a source may gain columns; a source that changed otherwise stops, and the error says
// why, while the others go on.
func (s *Stream) Reconfigure(ctx context.Context, streams []*plan.Stream) error {
	s.changes.Lock()
	defer s.changes.Unlock()
	var errs []error
	for _, p := range streams {
		if p.Source.Time == nil {
			continue
		}
		if err := s.reconfigure(ctx, p); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (s *Stream) reconfigure(ctx context.Context, p *plan.Stream) error {
	src := s.source(p.Source.Name)
	if src == nil {
		src, err := s.open(ctx, p)
		if err != nil {
			return err
		}
		s.mu.Lock()
		s.sources = append(s.sources, src)
		s.mu.Unlock()
		return nil
	}
	if src.ctx.Err() != nil {
		return src.why()
	}
	old := src.def
	if err := gained(old.Schema, p.Source.Schema); err != nil {
		err = fmt.Errorf("source %q: %w: restart under another name, or undo it", old.Name, err)
		src.fail(err)
		return err
	}
	if len(p.Source.Schema) == len(old.Schema) && p.Source.Fingerprint == old.Fingerprint && p.Source.Lateness == old.Lateness {
		return src.add(ctx, p.Spaces)
	}
	return s.reopen(ctx, src, p)
}

// reopen starts a source again whose rows have further columns, or mean something else; the spaces there are go on as they were.
func (s *Stream) reopen(ctx context.Context, src *source, p *plan.Stream) error {
	if err := errors.Join(src.flush(ctx), src.end()); err != nil {
		return err
	}
	s.spaces.Add(-int64(len(src.spaces)))
	both := &plan.Stream{Source: p.Source, Spaces: slices.Clone(p.Spaces)}
	for _, x := range src.spaces {
		if !slices.ContainsFunc(both.Spaces, func(y *plan.Space) bool { return x.ID == y.ID }) {
			both.Spaces = append(both.Spaces, x.Space)
		}
	}
	now, err := s.open(ctx, both)
	if err != nil {
		src.mu.Lock()
		src.failed = err
		src.mu.Unlock()
		return err
	}
	now.counts = src.counts
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sources[slices.Index(s.sources, src)] = now
	return nil
}

// SetBatch moves a space's batch watermark, generation and the time of its load in one step, once batch has written what ends at or before it. Days that the stream had rolled away before
// it was batch's are then nobody's: values that need them are partial.
func (s *Stream) SetBatch(ctx context.Context, id string, watermark, generation, loaded int64) error {
	for _, src := range s.all() {
		x := src.find(id)
		if x == nil {
			continue
		}
		if fault.Planted("stream: batch's watermark moves by a day too much") {
			watermark += value.DayMS
		}
		return src.do(ctx, func(ctx context.Context) error {
			if x.marks.Batch == plan.MinTime && watermark < x.at.target && x.daily >= 0 {
				x.marks.Complete = max(x.marks.Complete, x.at.target)
			}
			x.marks.Batch, x.marks.Generation, x.marks.Loaded, x.marked = max(x.marks.Batch, watermark), generation, loaded, true
			x.turned = s.o.Timer.Now()
			return x.write(ctx, true)
		})
	}
	return fmt.Errorf("no space %q is filled by the stream", id)
}

// SetComplete says that a source's spaces have seen every event from a time on: where a topic was read from.
func (s *Stream) SetComplete(ctx context.Context, name string, since int64) error {
	src := s.source(name)
	if src == nil {
		return s.unknown(name)
	}
	return src.do(ctx, func(ctx context.Context) error {
		for _, x := range src.main.spaces {
			x.marks.Complete, x.marked = since, true
			if err := x.write(ctx, true); err != nil {
				return err
			}
		}
		return nil
	})
}

// Flush waits until all that was accepted before is applied, as far as its time has come, and written.
func (s *Stream) Flush(ctx context.Context) error {
	for _, src := range s.all() {
		if err := src.flush(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Now is the time by the stream's clock, ms: the wall's, or on the clock of the events a millisecond after the newest that was applied;
// plan.MinTime before the first.
func (s *Stream) Now() int64 {
	if !s.o.Events {
		return s.o.Clock()
	}
	now := int64(plan.MinTime)
	for _, src := range s.all() {
		src.mu.Lock()
		for _, x := range src.spaces {
			if st := x.shown.Load(); st != nil && st.Newest > plan.MinTime {
				now = max(now, st.Newest+1)
			}
		}
		src.mu.Unlock()
	}
	return now
}

// Kept is the latest time as of which anything was let go, ms; plan.MinTime: nothing was. It lies after Now where the clock was set back: then
// nothing that lies further before it than a source's lateness can be answered.
func (s *Stream) Kept() int64 {
	kept := int64(plan.MinTime)
	for _, src := range s.all() {
		src.mu.Lock()
		for _, x := range src.spaces {
			if st := x.shown.Load(); st != nil {
				kept = max(kept, st.Kept)
			}
		}
		src.mu.Unlock()
	}
	return kept
}

// Done is closed when the stream has ended: closed, fenced off by another process, or with a store that has lost what was written.
func (s *Stream) Done() <-chan struct{} { return s.ctx.Done() }

// Err is why the stream has ended: ErrClosed, or what is store.ErrFenced or store.ErrLost; nil while it runs.
func (s *Stream) Err() error {
	if s.ctx.Err() == nil {
		return nil
	}
	return context.Cause(s.ctx)
}

// Close applies and writes all that was accepted, as far as the context allows, and closes the logs. What is not written is replayed by the
// next stream.
func (s *Stream) Close(ctx context.Context) error {
	s.changes.Lock()
	defer s.changes.Unlock()
	var errs []error
	if s.Err() == nil {
		for _, src := range s.all() {
			if src.ctx.Err() == nil {
				errs = append(errs, src.flush(ctx))
			}
		}
	}
	return errors.Join(append(errs, s.end())...)
}

// end stops everything where it is.
func (s *Stream) end() error {
	s.stop(ErrClosed)
	var errs []error
	for _, src := range s.all() {
		errs = append(errs, src.end())
	}
	s.group.Wait()
	return errors.Join(append(errs, s.dead.close())...)
}

func (s *Stream) all() []*source {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Clone(s.sources)
}

func (s *Stream) source(name string) *source {
	for _, src := range s.all() {
		if src.def.Name == name {
			return src
		}
	}
	return nil
}

// memory is a space's share.
func (s *Stream) memory() int64 { return s.o.Memory / max(s.spaces.Load(), 1) }
