package eventlog

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"path/filepath"
	"slices"

	"github.com/bighead-ml/bighead/engine/local/eventlog/seen"
	"github.com/bighead-ml/bighead/value"
)

// onceKeep is for how long a batch that came is known by its name, ms after its arrival.
const onceKeep = value.DayMS

// idsInMemory is seen.Open's limit; tests make it small.
var idsInMemory = 0

// memory is what was met: in the log, and in the frame that is being made.
type memory struct {
	index *seen.Index
	fresh seen.Table
	keep  int64 // ms
}

func openMemory(dir string, keep int64) (*memory, error) {
	index, err := seen.Open(dir, idsInMemory)
	if err != nil {
		return nil, err
	}
	return &memory{index: index, keep: keep}, nil
}

// horizon is the time before which nothing is remembered.
func (m *memory) horizon(now int64) int64 {
	if h := now - m.keep; h <= now {
		return h
	}
	return math.MinInt64 // beyond 64 bits
}

// settle moves what is durable now to the index.
func (m *memory) settle(upTo int64) {
	m.index.Add(m.fresh.Entries(), upTo)
	m.fresh.Reset()
}

// openMemories opens the memories of ids and of batches, and has them see what the log has and they have not.
func (w *writer) openMemories(segments []*segment) error {
	l := w.log
	var err error
	if w.once, err = openMemory(filepath.Join(l.dir, onceFolder), onceKeep); err != nil {
		return err
	}
	if l.o.HasID {
		if w.ids, err = openMemory(filepath.Join(l.dir, idsFolder), l.o.Copies); err != nil {
			return err
		}
	}
	from := int64(math.MaxInt64)
	for _, m := range w.memories() {
		from = min(from, m.index.Next())
		if m.index.Next() > l.next {
			return fmt.Errorf("%s: its last record is %d, and the memory of ids has met record %d: %w", l.dir, l.next-1, m.index.Next()-1, ErrDamaged)
		}
	}
	for _, s := range segments {
		if s.end <= from {
			continue
		}
		if err := s.replay(from, w.remember); err != nil {
			return err
		}
	}
	return nil
}

// remember puts a record of the log into the memories that have not met it.
func (w *writer) remember(h *head) error {
	now := w.log.o.Clock()
	if h.Sequence >= w.once.index.Next() {
		if h.Once != "" && h.Arrival >= w.once.horizon(now) {
			w.once.fresh.Add(seen.Entry{Key: seen.KeyOf(h.Once), Time: h.Arrival})
		}
		w.once.settle(h.Sequence + 1)
	}
	if w.ids == nil || h.Sequence < w.ids.index.Next() {
		return w.room()
	}
	if h.id != nil {
		horizon := w.ids.horizon(now)
		for i, k := range h.id.keys {
			if k != (seen.Key{}) && h.id.times[i] >= horizon {
				w.ids.fresh.Add(h.id.entry(i))
			}
		}
	}
	w.ids.settle(h.Sequence + 1)
	return w.room()
}

// room has the memories make room, before anything is decided.
func (w *writer) room() error {
	for _, m := range w.memories() {
		if err := m.index.Room(); err != nil {
			return fmt.Errorf("remember ids: %w", err)
		}
	}
	return nil
}

// accepted are the rows of a request that are to be appended; the memories remember them as fresh.
func (w *writer) accepted(d *draft, r *request) ([]int32, error) {
	if r.a.Once != "" {
		e := seen.Entry{Key: seen.KeyOf(r.a.Once), Time: d.arrival}
		v, err := w.once.index.Look(e, w.once.horizon(d.arrival))
		if err != nil {
			return nil, err
		}
		if v != seen.New || w.once.fresh.Look(e, w.once.horizon(d.arrival)) != seen.New {
			r.out.Again = true
			return nil, nil
		}
	}
	first := 0
	if last, ok := d.positions[r.a.Partition]; ok && r.a.Offsets != nil {
		at, found := slices.BinarySearch(r.a.Offsets, last)
		if first = at; found {
			first++
		}
	}
	rows, err := w.originals(d, r, first)
	if err == nil && len(rows) > 0 && r.a.Once != "" {
		w.once.fresh.Add(seen.Entry{Key: seen.KeyOf(r.a.Once), Time: d.arrival})
	}
	return rows, err
}

// originals are the rows from first on that are no copies. The log is asked for all of them before any is remembered, so that a memory
// that cannot be read fails this request alone and leaves no trace.
func (w *writer) originals(d *draft, r *request, first int) ([]int32, error) {
	n := r.a.Rows.N
	rows := make([]int32, 0, n-first)
	if w.ids == nil {
		for i := first; i < n; i++ {
			rows = append(rows, int32(i))
		}
		return rows, nil
	}
	verdicts := make([]seen.Verdict, n)
	horizon := w.ids.horizon(d.arrival)
	told := func(i int) bool { return r.id.keys[i] != (seen.Key{}) && r.id.times[i] >= horizon }
	for i := first; i < n; i++ {
		if told(i) {
			var err error
			if verdicts[i], err = w.ids.index.Look(r.id.entry(i), horizon); err != nil {
				return nil, err
			}
		}
	}
	for i := first; i < n; i++ {
		v := verdicts[i]
		if told(i) && v < seen.Copy {
			v = max(v, w.ids.fresh.Look(r.id.entry(i), horizon))
		}
		switch v {
		case seen.Conflict:
			r.out.Conflicts++
		case seen.Differs:
			r.out.Differs++
		}
		if v >= seen.Copy {
			r.out.Copies = append(r.out.Copies, int32(i))
			continue
		}
		rows = append(rows, int32(i))
		if told(i) {
			w.ids.fresh.Add(r.id.entry(i))
		}
	}
	return rows, nil
}

// prints tells rows apart whose cells differ, but for one in four thousand million.
func prints(b *value.Batch) []uint32 {
	out := make([]uint32, b.N)
	var buf [9]byte
	var text []byte
	for _, c := range b.Columns {
		for i := range out {
			if c.Nulls.Get(i) || c.Type.Kind == value.KindNull {
				buf[0] = 0
				out[i] = crc32.Update(out[i], castagnoli, buf[:1])
				continue
			}
			buf[0] = 1
			switch c.Type.Kind {
			case value.KindBool:
				buf[1] = 0
				if c.Bools[i] {
					buf[1] = 1
				}
				out[i] = crc32.Update(out[i], castagnoli, buf[:2])
			case value.KindInt, value.KindTimestamp, value.KindDate:
				out[i] = crc32.Update(out[i], castagnoli, appendNumber(buf[:1], uint64(c.Ints[i])))
			case value.KindFloat:
				out[i] = crc32.Update(out[i], castagnoli, appendNumber(buf[:1], math.Float64bits(c.Floats[i])))
			case value.KindString, value.KindBytes:
				text = append(appendNumber(append(text[:0], 1), uint64(len(c.Strs[i]))), c.Strs[i]...)
				out[i] = crc32.Update(out[i], castagnoli, text)
			default:
				text = value.Append(text[:0], c.Values[i])
				out[i] = crc32.Update(out[i], castagnoli, text)
			}
		}
	}
	return out
}

// appendNumber adds 8 bytes, little-endian.
func appendNumber(dst []byte, x uint64) []byte { return binary.LittleEndian.AppendUint64(dst, x) }

// settle has the memories keep what the frame brought, which is durable now.
func (w *writer) settle(upTo int64) {
	for _, m := range w.memories() {
		m.settle(upTo)
	}
}

// forgetFresh drops what a frame brought that could not be written.
func (w *writer) forgetFresh() {
	for _, m := range w.memories() {
		m.fresh.Reset()
	}
}

// freeze has the memories written to disk; what is in them by now is there once Wait returns.
func (w *writer) freeze() error {
	for _, m := range w.memories() {
		if err := m.index.Freeze(); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) memories() []*memory {
	return slices.DeleteFunc([]*memory{w.once, w.ids}, func(m *memory) bool { return m == nil })
}

// forget drops what the memories need not know any more.
func (w *writer) forget(now int64) error {
	for _, m := range w.memories() {
		if err := m.index.Forget(m.horizon(now)); err != nil {
			return err
		}
	}
	return nil
}
