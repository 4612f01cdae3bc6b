package stream

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/value"
)

// waiter is an event whose time has not come: its ts or known_at lies in the future.
type waiter struct {
	ts       int64
	due      int64 // its time, ts or known_at: it counts for what is asked after it
	at       position
	sequence int64 // of its record
	number   int64 // once its time has come: its place among all that waited
	row      []value.Value
}

// waiting is the events of a space that wait, nearest first. All are in the store's meta, under names in the order of their times; those
// beyond what may be in memory are there alone.
type waiting struct {
	x     *space
	again []*waiter // those that had got their number when the process before ended: tiles may hold them under it, so they come first
	near  []*waiter // by order
	fresh []*waiter // of them, those that are not in the store yet, or got a number
	done  []*waiter // applied, still in the store
	bytes int64     // of near
	// far is the time from which on there may be others in the store alone; MaxTime: there are none.
	far int64
	// oldest is a time that no ts of those that wait lies before; MaxTime: none waits.
	oldest int64
}

// waitingBytes is how much memory the waiting events of a space may take.
var waitingBytes int64 = 32 << 20

func (w *waiting) init(x *space) { w.x, w.far, w.oldest = x, plan.MaxTime, plan.MaxTime }

func (w *waiter) compare(o *waiter) int {
	return cmp.Or(cmp.Compare(w.due, o.due), cmp.Compare(w.at.partition, o.at.partition), cmp.Compare(w.at.offset, o.at.offset))
}

func (w *waiting) prefix() string { return plan.StreamPrefix + w.x.ID + "/waiting/" }

// name is that in the store's meta: names ascend as times do.
func (w *waiting) name(e *waiter) string {
	return fmt.Sprintf("%s%016x%08x%016x", w.prefix(), uint64(e.due)^1<<63, uint32(e.at.partition)^1<<31, uint64(e.at.offset)^1<<63)
}

func (w *waiter) size() int64 { return 160 + bytesOfCell*int64(len(w.row)) }

// add takes in events that must wait.
func (w *waiting) add(es []*waiter) {
	if len(es) == 0 {
		return
	}
	for _, e := range es {
		w.bytes += e.size()
		w.oldest = min(w.oldest, e.ts)
	}
	w.near, w.fresh = append(w.near, es...), append(w.fresh, es...)
	slices.SortFunc(w.near, (*waiter).compare)
}

// next is the time of the first that waits; MaxTime where none does.
func (w *waiting) next() int64 {
	switch {
	case len(w.again) > 0:
		return plan.MinTime
	case len(w.near) > 0:
		return min(w.near[0].due, w.far)
	}
	return w.far
}

// due are the events before a time, in their order. They stay until released.
func (w *waiting) due(ctx context.Context, before int64) ([]*waiter, error) {
	if len(w.again) > 0 {
		return w.again, nil
	}
	if w.far < before {
		if err := w.refill(ctx); err != nil {
			return nil, err
		}
	}
	n, _ := slices.BinarySearchFunc(w.near, before, func(e *waiter, t int64) int {
		if e.due < t {
			return -1
		}
		return 1
	})
	return w.near[:n:n], nil
}

// released takes events out that due gave and that are applied.
func (w *waiting) released(due []*waiter) {
	w.fresh = append(w.fresh, due...) // their numbers
	w.done = append(w.done, due...)
	if len(w.again) > 0 {
		w.again = nil
	} else {
		for _, e := range due {
			w.bytes -= e.size()
		}
		w.near = slices.Clone(w.near[len(due):])
	}
	if w.next() == plan.MaxTime {
		w.oldest = plan.MaxTime
	}
}

func (w *waiting) changed() bool { return len(w.fresh)+len(w.done) > 0 }

// puts are the events that wait anew, and those that got a number.
func (w *waiting) puts() []store.MetaPut {
	out := make([]store.MetaPut, len(w.fresh))
	for i, e := range w.fresh {
		out[i] = store.MetaPut{Name: w.name(e), Bytes: w.append(nil, e)}
	}
	return out
}

// deletes are the events that are applied.
func (w *waiting) deletes() []store.MetaPut {
	out := make([]store.MetaPut, len(w.done))
	for i, e := range w.done {
		out[i] = store.MetaPut{Name: w.name(e)}
	}
	return out
}

// written notes that all is in the store, and lets go of what is too much for memory.
func (w *waiting) written() {
	w.fresh, w.done = nil, nil
	for len(w.near) > 0 && (w.bytes > waitingBytes || w.near[len(w.near)-1].due >= w.far) {
		last := w.near[len(w.near)-1]
		w.near = w.near[:len(w.near)-1]
		w.bytes -= last.size()
		w.far = min(w.far, last.due)
	}
}

var errEnough = errors.New("enough")

// refill brings the nearest of those that are in the store alone into memory. What was not written yet is in memory in any case.
func (w *waiting) refill(ctx context.Context) error {
	from, far := w.far, int64(plan.MaxTime)
	here := map[position]bool{}
	for _, e := range slices.Concat(w.again, w.near, w.done) {
		here[e.at] = true
	}
	var got []*waiter
	bytes := w.bytes
	err := w.x.s.o.Store.Meta(ctx, w.prefix(), func(name string, b []byte) error {
		e, err := w.decode(name, b)
		if err != nil {
			return err
		}
		if e.due < from || here[e.at] {
			return nil
		}
		if bytes > waitingBytes/2 && len(got) > 0 && got[len(got)-1].due != e.due {
			far = e.due
			return errEnough
		}
		got, bytes = append(got, e), bytes+e.size()
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	w.far, w.bytes = far, bytes
	w.near = append(w.near, got...)
	slices.SortFunc(w.near, (*waiter).compare)
	return nil
}

// load reads what waited when the process before ended.
func (w *waiting) load(ctx context.Context) error {
	x := w.x
	x.ahead = map[position]bool{}
	err := x.s.o.Store.Meta(ctx, w.prefix(), func(name string, b []byte) error {
		e, err := w.decode(name, b)
		if err != nil {
			return err
		}
		x.counts.Waiting++
		w.oldest = min(w.oldest, e.ts)
		if e.sequence >= x.at.next {
			x.ahead[e.at] = true
		}
		if e.number > 0 {
			w.again = append(w.again, e)
			x.at.number = max(x.at.number, e.number)
		} else {
			w.far = min(w.far, e.due)
		}
		return nil
	})
	slices.SortFunc(w.again, func(a, b *waiter) int { return cmp.Compare(a.number, b.number) })
	return err
}

const waiterVersion = 1

// append encodes an event: a version, times, position, sequence, number, and the columns that are not null, each by name.
func (w *waiting) append(dst []byte, e *waiter) []byte {
	dst = append(dst, waiterVersion)
	for _, n := range []int64{e.ts, e.due, int64(e.at.partition), e.at.offset, e.sequence, e.number} {
		dst = binary.AppendVarint(dst, n)
	}
	for i, f := range w.x.schema {
		if !e.row[i].IsNull() {
			dst = value.Append(value.Append(dst, value.OfString(f.Name)), e.row[i])
		}
	}
	return dst
}

func (w *waiting) decode(name string, b []byte) (*waiter, error) {
	bad := func(why any) (*waiter, error) { return nil, fmt.Errorf("waiting event %q: %v", name, why) }
	if len(b) == 0 || b[0] != waiterVersion {
		return bad("written by another version of bighead")
	}
	b = b[1:]
	var numbers [6]int64
	for i := range numbers {
		v, n := binary.Varint(b)
		if n <= 0 {
			return bad("cut short")
		}
		numbers[i], b = v, b[n:]
	}
	e := &waiter{ts: numbers[0], due: numbers[1], at: position{int32(numbers[2]), numbers[3]}, sequence: numbers[4], number: numbers[5]}
	e.row = make([]value.Value, len(w.x.schema))
	for len(b) > 0 {
		column, rest, err := value.Decode(b)
		if err != nil {
			return bad(err)
		}
		v, rest, err := value.Decode(rest)
		if err != nil {
			return bad(err)
		}
		b = rest
		i := w.x.schema.Index(column.Str())
		switch {
		case i < 0: // the source has lost the column
		case !v.HasType(w.x.schema[i].Type):
			return bad(fmt.Sprintf("column %q is %s, and the source says %s", column.Str(), value.An(v.Kind().String()), w.x.schema[i].Type))
		default:
			e.row[i] = v
		}
	}
	return e, nil
}
