package reader

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bighead-ml/bighead/agg/tile"
	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine/flink/part"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/store"
)

// Options are what a reader works with.
type Options struct {
	Store store.Store
	// Epoch is that of the lease under which it writes; 0: the store is this process's alone.
	Epoch  int64
	Topics dataset.KeyedTopics // nil: nothing is read, and what is in the store is kept as it is
	// Clock says now, ms since the epoch; nil: the machine's.
	Clock func() int64
	// Version is that in which tiles are written; 0: the newest. Upgrade raises it.
	Version byte
	// Memory is how many bytes of tiles of a space may be in memory, about; 0: 64 MiB.
	Memory int64
	// Look is how often it is asked how far a job has come, and Upkeep how often what is old is looked for; 0: a second, half a minute.
	Look, Upkeep time.Duration
}

// Space is a space that Flink folds.
type Space struct {
	Layout *part.Layout
	Topic  string // of its tile parts
	Source string // the topic that its job reads
	// Group is the consumer group under which the job commits what it has read of Source; "": there is no job. A job that begins at the
	// source's start has one of its own.
	Group string
	// Since is S of a space that is new: the time from which its job will have seen every event, once it has read all that its source had.
	Since int64
}

// ID is the space's.
func (s *Space) ID() string { return s.Layout.Space.ID }

// ErrClosed says that the reader was closed.
var ErrClosed = errors.New("the reader of Flink's tiles is closed")

// Reader fills the spaces of a project that Flink folds. It is safe for concurrent use.
type Reader struct {
	o       Options
	ctx     context.Context
	stop    context.CancelCauseFunc
	version atomic.Uint32

	mu     sync.Mutex
	spaces []*space
}

// Open makes a reader of no space yet. The store stays the caller's, to be closed after the reader; its epoch is fenced by the caller.
func Open(o Options) *Reader {
	if o.Clock == nil {
		o.Clock = func() int64 { return time.Now().UnixMilli() }
	}
	if o.Version == 0 {
		o.Version = tile.Version
	}
	if o.Memory == 0 {
		o.Memory = 64 << 20
	}
	if o.Look == 0 {
		o.Look = time.Second
	}
	if o.Upkeep == 0 {
		o.Upkeep = 30 * time.Second
	}
	r := &Reader{o: o}
	r.version.Store(uint32(o.Version))
	r.ctx, r.stop = context.WithCancelCause(context.Background())
	return r
}

// Add begins to read a space, where the store says that it is; one that is new is emptied and read from the start of its topic, which need
// not be there yet. A space that is read already goes by the Group and the group's settings that are given now. An error that is
// store.ErrUnavailable says that it is to be tried again.
func (r *Reader) Add(ctx context.Context, s Space) error {
	if err := r.Err(); err != nil {
		return err
	}
	if x := r.find(s.ID()); x != nil {
		x.patience.Store(s.Layout.Space.Group.Flush)
		return x.do(ctx, func(context.Context) error { x.follow(s.Group); return nil })
	}
	x := newSpace(r, s)
	found, err := x.load(ctx)
	if err == nil && !found {
		err = x.begin(ctx, s.Since)
	}
	if err != nil {
		return fmt.Errorf("group %q: %w", s.Layout.Space.Group.Name, err)
	}
	x.publish()
	r.mu.Lock()
	r.spaces = append(r.spaces, x)
	r.mu.Unlock()
	x.running.Go(func() { x.end(x.run(x.ctx)) })
	return nil
}

// Leave reads spaces no longer. What is in the store of them stays, but for what lies beside their tiles; whoever drops them drops the rest.
func (r *Reader) Leave(ctx context.Context, ids ...string) error {
	for _, id := range ids {
		x := r.find(id)
		if x == nil {
			continue
		}
		x.stop(ErrClosed)
		x.running.Wait()
		r.mu.Lock()
		r.spaces = slices.DeleteFunc(r.spaces, func(y *space) bool { return y == x })
		r.mu.Unlock()
		if err := r.o.Store.Drop(ctx, plan.PartsSpace(id)); err != nil {
			return err
		}
	}
	return nil
}

// SetBatch moves a space's batch watermark, generation and the time of its load in one step; false: the space is not one of the reader's.
// Days that were rolled away before they were batch's are then nobody's: values that need them are partial.
func (r *Reader) SetBatch(ctx context.Context, id string, watermark, generation, loaded int64) (bool, error) {
	x := r.find(id)
	if x == nil {
		return false, nil
	}
	return true, x.do(ctx, func(ctx context.Context) error {
		if x.rolls() && watermark < x.st.Target {
			x.marks.Complete = max(x.marks.Complete, x.st.Target)
		}
		x.marks.Batch, x.marks.Generation, x.marks.Loaded, x.marked = max(x.marks.Batch, watermark), generation, loaded, true
		x.turned = time.Now()
		return x.write(ctx)
	})
}

// Still has something done while nothing of a space is written, and all that was read is.
func (r *Reader) Still(ctx context.Context, id string, do func(context.Context) error) error {
	x := r.find(id)
	if x == nil {
		return fmt.Errorf("no space %q is filled by Flink", id)
	}
	return x.do(ctx, func(ctx context.Context) error {
		if err := x.write(ctx); err != nil {
			return err
		}
		return do(ctx)
	})
}

// Upgrade has tiles written in a version from now on. Those that there are in others are the caller's to write anew (Still).
func (r *Reader) Upgrade(version byte) { r.version.Store(uint32(version)) }

// Flush writes all that was read.
func (r *Reader) Flush(ctx context.Context) error {
	for _, x := range r.all() {
		if x.ctx.Err() != nil {
			continue // it has stopped, and its status says why
		}
		if err := x.do(ctx, x.write); err != nil {
			return err
		}
	}
	return nil
}

// Kept is the latest time as of which anything was let go, ms; plan.MinTime: nothing was.
func (r *Reader) Kept() int64 {
	kept := int64(plan.MinTime)
	for _, s := range r.Status() {
		kept = max(kept, s.Kept)
	}
	return kept
}

// Lose ends the reader where it is, for a reason that is store.ErrFenced or store.ErrLost.
func (r *Reader) Lose(err error) { r.stop(err) }

// Done is closed when the reader has ended.
func (r *Reader) Done() <-chan struct{} { return r.ctx.Done() }

// Err is why the reader has ended; nil while it runs.
func (r *Reader) Err() error {
	if r.ctx.Err() == nil {
		return nil
	}
	return context.Cause(r.ctx)
}

// Close writes what was read, as far as the context allows, and ends. What is not written is read again by the next reader.
func (r *Reader) Close(ctx context.Context) error {
	var err error
	if r.Err() == nil {
		err = r.Flush(ctx)
	}
	r.stop(ErrClosed)
	for _, x := range r.all() {
		x.running.Wait()
	}
	return err
}

func (r *Reader) all() []*space {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.spaces)
}

func (r *Reader) find(id string) *space {
	for _, x := range r.all() {
		if x.ID == id {
			return x
		}
	}
	return nil
}
