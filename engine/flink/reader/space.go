package reader

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bighead-ml/bighead/agg/tile"
	"github.com/bighead-ml/bighead/engine/flink/part"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/value"
)

// space is what is kept online of one group. It belongs to its loop's goroutine.
type space struct {
	*plan.Space
	r      *Reader
	layout *part.Layout
	topic  string
	from   string // the topic that its job reads
	daily  int    // the level of days, which base tiles are made of; -1 where there are none
	ctx    context.Context
	stop   context.CancelCauseFunc
	// running is the loop and what it has begun.
	running sync.WaitGroup
	tasks   chan *task
	looked  chan *look

	st      plan.State
	place   topicPlace
	marks   plan.Marks
	applied tile.Positions // of the source, that the space has
	marked  bool           // the marks are to be written
	moved   bool           // the place or the state is
	now     int64          // of the clock, which does not go back
	asOf    int64          // the latest time as of which the job had all of its source; MinTime: it had not since it is watched
	reached bool           // the end of the topic as it was when it was opened
	look    *look          // asked for, and not reached yet
	goal    *look          // an earlier one, whose ends the job has yet to commit
	turned  time.Time      // when the batch watermark was moved, or read
	tended  time.Time      // when upkeep was last made
	walks   bool           // a walk through all days is on its way
	expired []int64        // by level: what was let go before

	cells  map[spot]*cell
	bytes  int64
	dirty  []*cell
	tick   uint32
	size   int64 // of a tile with nothing in it, in memory
	varies bool

	feed     *feed
	pending  *fed // taken from the feed, not yet done
	task     *task
	retries  int
	since    time.Time     // when it changed after the last write; zero: it has not
	took     time.Duration // the last write
	rested   time.Time     // until when no other is begun
	patience atomic.Int64  // the group's flush, ms
	group    atomic.Pointer[string]
	writing  atomic.Int64 // since when the store has been at a write, Unix ns; 0: it is not

	stale   []string // meta of our own stream's, which filled the space before, to be deleted
	counts  Counts
	lag     int64  // of the job
	problem string // what was wrong last: a record that is no part, a topic that was made anew
	mu      sync.Mutex
	shown   Status
	held    error
	gone    error // the brokers do not answer
	failed  error
}

// topicPlace is how far a topic was read, as it stands in the store's meta.
type topicPlace struct {
	ID    string          `json:"id"`              // the topic's own, hexadecimal; "": not known yet
	Had   map[int32]int64 `json:"had"`             // last offsets, by partition
	Since *int64          `json:"since,omitempty"` // S, once the space is filled; nil: of a space of before this was noted
}

func newSpace(r *Reader, s Space) *space {
	x := &space{Space: s.Layout.Space, r: r, layout: s.Layout, topic: s.Topic, from: s.Source, daily: -1, st: plan.NoState, marks: plan.NoMarks, now: plan.MinTime, asOf: plan.MinTime, lag: -1,
		tasks: make(chan *task, 16), looked: make(chan *look, 1), cells: map[spot]*cell{}}
	x.ctx, x.stop = context.WithCancelCause(r.ctx)
	x.place.Had = map[int32]int64{}
	x.patience.Store(x.Group.Flush)
	x.group.Store(&s.Group)
	if x.Base {
		x.daily = slices.IndexFunc(x.Levels, func(l plan.Level) bool { return l.Step == value.DayMS })
	}
	x.expired = slices.Repeat([]int64{plan.MinTime}, len(x.Levels))
	x.size, x.varies = x.Layout().Size()
	return x
}

// placeName is where the place in the topic is in the store's meta: among what goes with the space.
func (x *space) placeName() string { return plan.StreamPrefix + x.ID + "/topic" }

// load reads from the store how far the space is; found is false for one that is new.
func (x *space) load(ctx context.Context) (found bool, err error) {
	metas := map[string]func([]byte) error{
		x.MarksName():        func(b []byte) (err error) { x.marks, err = plan.DecodeMarks(b); return err },
		plan.StateName(x.ID): x.st.Decode,
		x.PlaceName():        func(b []byte) (err error) { x.applied, err = plan.DecodePlace(b); return err },
		x.placeName():        func(b []byte) error { found = true; return json.Unmarshal(b, &x.place) },
	}
	for _, name := range slices.Sorted(maps.Keys(metas)) {
		err := x.r.o.Store.Meta(ctx, name, func(got string, b []byte) error {
			if got != name {
				return nil
			}
			if err := metas[name](b); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			return nil
		})
		if err != nil {
			return false, err
		}
	}
	if x.place.Had == nil {
		x.place.Had = map[int32]int64{}
	}
	x.turned, x.now = time.Now(), x.st.Kept
	return found, nil
}

// begin makes a space empty, to be read from the start of its topic. complete is S; until it is filled all values of it are partial.
func (x *space) begin(ctx context.Context, complete int64) error {
	if err := errors.Join(x.r.o.Store.Drop(ctx, x.ID), x.r.o.Store.Drop(ctx, plan.PartsSpace(x.ID))); err != nil {
		return err
	}
	x.stale = nil
	err := x.r.o.Store.Meta(ctx, plan.StreamPrefix+x.ID+"/waiting/", func(name string, _ []byte) error {
		x.stale = append(x.stale, name)
		return nil
	})
	if err != nil {
		return err
	}
	x.marks.Complete, x.marked, x.moved = plan.MaxTime, true, true
	kept := x.st.Kept
	x.st, x.place, x.applied = plan.NoState, topicPlace{Had: map[int32]int64{}, Since: &complete}, tile.Positions{{Partition: plan.Folded}}
	x.st.Kept, x.asOf, x.reached, x.look, x.goal = kept, plan.MinTime, false, nil, nil
	x.cells, x.dirty, x.bytes = map[spot]*cell{}, nil, 0
	if x.daily >= 0 { // there is nothing to roll; what comes of before then moves it back (lower)
		x.st.Rolled = x.RollEnd(x.clock())
		x.st.Target = x.st.Rolled
	}
	return nil
}

// again is begin of a space whose topic is not the one it was. A job that goes on writes only what changes into it, and nothing tells that from one
// that began anew: so values stay partial until whoever sees to the job has it begin anew, with another topic.
func (x *space) again(ctx context.Context) error {
	if err := x.begin(ctx, plan.MaxTime); err != nil {
		return err
	}
	return x.write(ctx)
}

// rolls reports whether days may be in base tiles: not before the space was filled once.
func (x *space) rolls() bool { return x.daily >= 0 && x.st.Next > 0 && x.marks.Batch == plan.MinTime }

// follow goes by another job's commits.
func (x *space) follow(group string) {
	if old := x.group.Swap(&group); *old != group {
		x.asOf, x.look, x.goal = plan.MinTime, nil, nil
	}
}

// topicID is the one of the topic that was read; zero: not known.
func (p *topicPlace) topicID() (id [16]byte) {
	b, err := hex.DecodeString(p.ID)
	if err == nil {
		copy(id[:], b)
	}
	return id
}

// clock is now for what a space keeps and lets go.
func (x *space) clock() int64 {
	x.now = max(x.now, x.r.o.Clock())
	return x.now
}

// keptFrom is the time from which on tiles of a level are needed.
func (x *space) keptFrom(level int) int64 { return plus(x.clock(), -x.Levels[level].Keep) }

// plus adds times that may lie at the ends of their range.
func plus(a, b int64) int64 {
	switch c := a + b; {
	case a > 0 && b > 0 && c < 0:
		return math.MaxInt64
	case a < 0 && b < 0 && c >= 0:
		return math.MinInt64
	default:
		return c
	}
}

// hold notes why the space is not read just now; nil: it is.
func (x *space) hold(err error) {
	x.mu.Lock()
	x.held = err
	x.mu.Unlock()
}

// end notes why the loop has ended.
func (x *space) end(err error) {
	if errors.Is(err, store.ErrFenced) || errors.Is(err, store.ErrLost) {
		x.r.Lose(err)
	}
	x.mu.Lock()
	if x.ctx.Err() == nil {
		x.failed = err
	}
	x.mu.Unlock()
	x.stop(err)
}
