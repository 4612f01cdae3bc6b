package stream

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/bighead-ml/bighead/agg/tile"
	"github.com/bighead-ml/bighead/engine/local/sift"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/fault"
)

// Waited is the partition under which tiles note events that had to wait for their time; their offsets are the order in which it came.
const Waited = -2

// space is what is kept online of one group. It belongs to one goroutine at a time.
type space struct {
	*plan.Space
	s      *Stream
	source *feature.Source
	schema value.Schema // of the rows that come

	sifter  *sift.Sifter
	keyed   []int // key columns
	inputs  []*sift.Program
	wheres  []*sift.Program
	bys     []int
	order   []*sift.Program // order_by
	ties    []*sift.Program // of kept rows
	named   []int           // all columns in name order, where kept rows are tied by them
	deleted int
	daily   int  // the level of days, which base tiles are made of; -1 where there are none
	ordered bool // the order within a millisecond matters to a tile
	groups  []foldGroup
	nulls   sift.Nulls

	at      place
	applied tile.Positions // of the rows that were taken from the log
	marks   plan.Marks
	marked  bool // the marks are to be written
	moved   bool // the place is to be written
	now     int64
	heard   int64             // when the last record arrived; MinTime: none was read yet
	ahead   map[position]bool // events that wait though the place in the log lies before them
	waiting waiting
	cache   cache
	counts  GroupCounts
	arrived []arrival     // applied, not yet written
	flight  *flight       // a write on its way to the store, or one that failed and is to be made again; nil: there is none
	fresh   int64         // ms from arrival to write, of the last
	walks   bool          // a walk through all keys is on its way
	turned  time.Duration // when the batch watermark was moved, or read
	swept   int64         // when old versions were last looked for
	expired []int64       // by level, then rows: what was let go before

	since    time.Duration // when it changed after the last write; -1: it has not
	took     time.Duration // the last write
	rested   time.Duration // until when no other is begun, but where somebody waits for it
	patience atomic.Int64  // the group's flush, ms: it may be set anew
	synced   time.Duration // when it was last written to survive a loss of power
	lasted   bool          // it was, and the log has not heard of it
	durable  atomic.Int64  // the place that was written then
	writing  atomic.Int64  // since when the store has been at a write, by the timer; 0: it is not
	unmarked atomic.Bool   // it is new, and the store does not say so yet: whoever serves it finds no marks
	dropped  bool
	shown    atomic.Pointer[GroupStatus]

	scratch scratch
}

// place is how far a space is; it is written with its tiles.
type place struct {
	next   int64 // sequence number of the record to come
	newest int64 // the latest ts or known_at of any event; MinTime before the first
	number int64 // of the last event that had waited
	target int64 // days before it are rolled, or are being rolled
	rolled int64 // days before it are rolled, for all keys
	kept   int64 // the latest now by which anything was let go; a clock may be set back, and what is gone is gone
}

type position struct {
	partition int32
	offset    int64
}

// foldGroup is folds that see the same events.
type foldGroup struct {
	input, where, by int
	folds            []int
}

func newSpace(s *Stream, p *plan.Space, schema value.Schema) *space {
	src := p.Group.Source
	x := &space{Space: p, s: s, source: src, schema: schema, deleted: -1, daily: -1, now: plan.MinTime, heard: plan.MinTime, swept: plan.MinTime, since: -1, synced: -syncEvery}
	x.patience.Store(p.Group.Flush)
	x.at = place{newest: plan.MinTime, target: plan.MinTime, rolled: plan.MinTime, kept: plan.MinTime}
	x.sifter = sift.New(src, schema, &x.nulls)
	for _, k := range p.Group.Keys {
		x.keyed = append(x.keyed, schema.Index(k.Name))
	}
	for _, e := range p.Inputs {
		x.inputs = append(x.inputs, sift.NewProgram(p.Group.Name+": "+e.String(), e, schema))
	}
	for _, e := range p.Wheres {
		x.wheres = append(x.wheres, sift.NewProgram(p.Group.Name+": "+e.String(), e, schema))
	}
	for _, b := range p.Bys {
		x.bys = append(x.bys, schema.Index(b))
	}
	for _, e := range src.OrderBy {
		x.order = append(x.order, sift.NewProgram(src.Name+": order_by", e, schema))
	}
	if src.Deleted != "" {
		x.deleted = schema.Index(src.Deleted)
	}
	if r := p.Rows; r != nil {
		for _, e := range r.Tie {
			x.ties = append(x.ties, sift.NewProgram(src.Name+": order of rows", e, schema))
		}
		if r.AllTied {
			for _, n := range slices.Sorted(slices.Values(src.Schema.Names())) {
				x.named = append(x.named, schema.Index(n))
			}
		}
	}
	x.ordered = x.Tiled > 0 && p.Ordered()
	x.groupFolds()
	if p.Base {
		x.daily = slices.IndexFunc(p.Levels, func(l plan.Level) bool { return l.Step == value.DayMS })
	}
	x.cache.init(x)
	x.scratch.nowhere = make([]*entry, x.cache.slots)
	x.waiting.init(x)
	x.expired = slices.Repeat([]int64{plan.MinTime}, len(p.Levels)+1)
	return x
}

func (x *space) groupFolds() {
	for i, f := range x.Folds[:x.Tiled] {
		k := slices.IndexFunc(x.groups, func(g foldGroup) bool { return g.input == f.Input && g.where == f.Where && g.by == f.By })
		if k < 0 {
			k = len(x.groups)
			x.groups = append(x.groups, foldGroup{input: f.Input, where: f.Where, by: f.By})
		}
		x.groups[k].folds = append(x.groups[k].folds, i)
	}
}

// delay is how long a change may wait to be written: the group's flush, and longer, up to a second, while the stream is behind and writing
// would take more than a quarter of the time. Then more of what changes is written once, and the stream comes along.
func (x *space) delay(behind bool) time.Duration {
	d := time.Duration(x.patience.Load()) * time.Millisecond
	if behind {
		d = max(d, min(3*x.took, time.Second))
	}
	return d
}

// due is when what has changed is to be written, by the timer: not before the last write has been back for half as long as it took, so that a
// stream which is up to date leaves a third of the time to others.
func (x *space) due(behind bool) time.Duration { return max(x.since+x.delay(behind), x.rested) }

// notice notes when the space began to differ from what is written.
func (x *space) notice(now time.Duration) {
	if x.since < 0 && x.changed() {
		x.since = now
	}
}

// clock is now for what a space keeps and lets go: it never goes back, and under the clock of the events it is the newest of them.
func (x *space) clock() int64 {
	if x.s.o.Events {
		return x.passed()
	}
	x.now = max(x.now, x.s.o.Clock())
	return x.now
}

// passed is the time that the space's own events have reached: a millisecond after the newest.
func (x *space) passed() int64 {
	if x.at.newest == plan.MinTime {
		return plan.MinTime
	}
	return x.at.newest + 1
}

// come is the time before which events have come: the wall's clock decides as it is, and after it was set back, events wait again, and what was applied stays.
func (x *space) come() int64 {
	if x.s.o.Events {
		return plan.MaxTime
	}
	return x.s.o.Clock()
}

func (x *space) stateName() string { return plan.StateName(x.ID) }

func (p *place) append(dst []byte) []byte {
	s := plan.State{Next: p.next, Newest: p.newest, Number: p.number, Target: p.target, Rolled: p.rolled, Kept: p.kept}
	return s.Append(dst)
}

func (p *place) decode(b []byte) error {
	s := plan.State{Kept: p.kept}
	if err := s.Decode(b); err != nil {
		return err
	}
	*p = place{next: s.Next, newest: s.Newest, number: s.Number, target: s.Target, rolled: s.Rolled, kept: s.Kept}
	return nil
}

// load reads from the store how far the space is; found is false for a space that is new.
func (x *space) load(ctx context.Context) (found bool, err error) {
	x.marks, err = readMarks(ctx, x.s.o.Store, x.MarksName())
	if err != nil {
		return false, err
	}
	err = x.s.o.Store.Meta(ctx, x.stateName(), func(name string, b []byte) error {
		if name != x.stateName() {
			return nil
		}
		found = true
		if err := x.at.decode(b); err != nil {
			return fmt.Errorf("state of space %s: %w", x.ID, err)
		}
		return nil
	})
	x.turned = x.s.o.Timer.Now()
	if err != nil || !found {
		return false, err
	}
	if x.s.o.Store.Traits().Atomic { // else tiles may be ahead of the place
		x.cache.resumed(x.at.newest)
	}
	if err := x.loadApplied(ctx); err != nil {
		return false, err
	}
	x.now = x.at.kept
	if err := x.rolledSince(ctx); err != nil {
		return false, err
	}
	if fault.Planted("stream: what waits is forgotten with its process") {
		return true, nil
	}
	return true, x.waiting.load(ctx)
}

// loadApplied reads the positions that are in the space; a store that was written before there were any says none.
func (x *space) loadApplied(ctx context.Context) error {
	return x.s.o.Store.Meta(ctx, x.PlaceName(), func(name string, b []byte) (err error) {
		if name == x.PlaceName() {
			x.applied, err = plan.DecodePlace(b)
		}
		return err
	})
}

func readMarks(ctx context.Context, from store.Store, of string) (plan.Marks, error) {
	m := plan.NoMarks
	err := from.Meta(ctx, of, func(name string, b []byte) (err error) {
		if name == of {
			m, err = plan.DecodeMarks(b)
		}
		return err
	})
	return m, err
}

// begin makes a space that is new ready for the log from a record on. Complete is S.
func (x *space) begin(ctx context.Context, next, complete int64) error {
	if err := x.s.o.Store.Drop(ctx, x.ID); err != nil {
		return err
	}
	x.at.next, x.marks.Complete = next, complete
	x.marked, x.moved = true, true
	x.unmarked.Store(true)
	x.cache.began()
	if target := x.RollEnd(x.clock()); x.Base && x.clock() > plan.MinTime { // there is nothing to roll
		x.at.target, x.at.rolled = target, target
	}
	return nil
}

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

// keptFrom is the time from which on tiles of a level are needed; a tile that starts before it is dead.
func (x *space) keptFrom(level int) int64 { return plus(x.clock(), -x.Levels[level].Keep) }

// rowsFrom is that of chunks of rows.
func (x *space) rowsFrom() int64 {
	if x.Rows.Step == 0 {
		return plan.MinTime
	}
	return plus(x.clock(), -x.Rows.Keep)
}

// none is a header of no event.
func none() tile.Header { return tile.Header{Newest: tile.None, Through: tile.None} }
