package stream

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine/local/eventlog"
	"github.com/bighead-ml/bighead/engine/local/sift"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/fault"
)

// Result is what became of rows for one source.
type Result struct {
	Source string
	// Accepted rows are durable; Duplicated were accepted before; NotYet are durable too, and have no time yet, so that they are no events.
	Accepted, Duplicated, NotYet int64
	Rejected                     []Reject
	// Again: a batch under this idempotency key was accepted before, and nothing was done; its rows are Duplicated.
	Again bool
}

// Reject is a row that was refused.
type Reject struct {
	Line   int // of the body, from 1; of a JSON array, the element
	Reason string
}

// ErrUnknown is what every error is that says that there is no such source or topic.
type ErrUnknown struct {
	Name    string
	Nearest []string
	Known   []string
}

func (e *ErrUnknown) Error() string {
	text := fmt.Sprintf("no source or topic %q takes events", e.Name)
	if len(e.Nearest) > 0 {
		return text + fmt.Sprintf("; did you mean %q?", e.Nearest[0])
	}
	return text + "; there are: " + strings.Join(e.Known, ", ")
}

// ErrBody is what every error is that says that a body is no rows at all.
type ErrBody struct{ Err error }

func (e *ErrBody) Error() string { return e.Err.Error() }
func (e *ErrBody) Unwrap() error { return e.Err }

// takers are the sources that a name stands for: all of a topic, or the one of that name.
func (s *Stream) takers(name string) []*source {
	var byTopic []*source
	for _, src := range s.all() {
		if src.def.Name == name {
			return []*source{src}
		}
		if src.def.Place.Topic == name && name != "" {
			byTopic = append(byTopic, src)
		}
	}
	return byTopic
}

func (s *Stream) unknown(name string) error {
	e := &ErrUnknown{Name: name}
	for _, src := range s.all() {
		e.Known = append(e.Known, src.def.Name)
		if t := src.def.Place.Topic; t != "" {
			e.Known = append(e.Known, t)
		}
	}
	slices.Sort(e.Known)
	e.Known = slices.Compact(e.Known)
	e.Nearest = expr.Nearest(name, e.Known)
	return e
}

// Push takes rows as JSON, one on a line or as an array, for the source or all sources of the topic of that name. When it returns without
// an error, what Results call accepted is durable; readers see it within the groups' flush. once names a batch that may come again; "":
// none. An error says that the body could not be read (ErrBody), that there is no such source (ErrUnknown), or that the log failed: then sources named before in
// the Results have the rows, and pushing again is harmless where rows have ids or the batch has a name.
func (s *Stream) Push(ctx context.Context, name string, body []byte, once string) ([]Result, error) {
	to := s.takers(name)
	if len(to) == 0 {
		return nil, s.unknown(name)
	}
	fields := map[string]bool{}
	for _, src := range to {
		for _, f := range src.def.Schema {
			fields[f.Name] = true
		}
	}
	rows := make([]*Decoded, len(to))
	for i, src := range to {
		var err error
		if rows[i], err = Decode(src.def, body, fields); err != nil {
			return nil, &ErrBody{err}
		}
	}
	var out []Result
	for i, src := range to {
		r, err := src.accept(ctx, &eventlog.Arriving{Partition: eventlog.Pushed, Rows: rows[i].Rows, Once: once})
		if err != nil {
			return out, err
		}
		for _, p := range rows[i].Poison {
			r.Rejected = append(r.Rejected, Reject{p.Line, p.Reason})
			if !r.Again {
				src.reject(p)
			}
		}
		if !r.Again {
			src.unread(&rows[i].Counts)
		}
		out = append(out, r)
	}
	return out, nil
}

// unread counts the cells that became null on reading (V5).
func (src *source) unread(c *dataset.Counts) {
	src.mu.Lock()
	defer src.mu.Unlock()
	for _, n := range c.Nulled {
		src.counts.Unread += n
	}
}

// PushRows is Push of rows that are typed already, in the source's schema.
func (s *Stream) PushRows(ctx context.Context, name string, rows *value.Batch, once string) (Result, error) {
	src := s.source(name)
	if src == nil {
		return Result{}, s.unknown(name)
	}
	return src.accept(ctx, &eventlog.Arriving{Partition: eventlog.Pushed, Rows: rows, Once: once})
}

// Ingest takes typed rows of a topic's partition with their offsets, which ascend. Those at or below the last that the source's log has of
// the partition came before and are left out.
func (s *Stream) Ingest(ctx context.Context, name string, partition int32, offsets []int64, rows *value.Batch) (Result, error) {
	src := s.source(name)
	if src == nil {
		return Result{}, s.unknown(name)
	}
	return src.accept(ctx, &eventlog.Arriving{Partition: partition, Offsets: offsets, Rows: rows})
}

// Positions are the last offsets that a source's log has, by partition: a topic is read from behind them.
func (s *Stream) Positions(name string) (map[int32]int64, error) {
	src := s.source(name)
	if src == nil {
		return nil, s.unknown(name)
	}
	return src.log.Positions(), nil
}

// Reject puts what could not be read as a row of a source into its dead letters, and counts it.
func (s *Stream) Reject(name string, p Poison) error {
	src := s.source(name)
	if src == nil {
		return s.unknown(name)
	}
	src.reject(p)
	return nil
}

func (src *source) reject(p Poison) {
	src.mu.Lock()
	src.counts.Rejected++
	src.mu.Unlock()
	src.s.dead.add(src.def.Name, p)
}

// accept makes rows durable.
func (src *source) accept(ctx context.Context, a *eventlog.Arriving) (Result, error) {
	r := Result{Source: src.def.Name}
	if err := src.s.Err(); err != nil {
		return r, err
	}
	if a.Rows.N == 0 {
		return r, nil
	}
	id := src.ids.Get().(*identifier)
	r.NotYet = id.fill(a)
	src.ids.Put(id)
	got, err := src.log.Append(ctx, a)
	if err != nil {
		return r, fmt.Errorf("source %q: append to the event log: %w", src.def.Name, err)
	}
	if got.Again {
		r.Duplicated, r.Again = int64(a.Rows.N)-r.NotYet, true
		return r, nil
	}
	r.Duplicated = int64(len(got.Copies))
	r.Accepted = int64(a.Rows.N) - r.NotYet - r.Duplicated
	src.mu.Lock()
	defer src.mu.Unlock()
	c := &src.counts
	c.Accepted += r.Accepted + r.NotYet
	c.NotYet += r.NotYet
	c.Copies += r.Duplicated
	c.Conflicts += got.Conflicts
	c.Differs += got.Differs
	return r, nil
}

// identifier tells the ids and times by which the log knows copies, for one goroutine.
type identifier struct {
	sifter *sift.Sifter
	id     int
}

func newIdentifier(def *feature.Source) *identifier {
	i := &identifier{sifter: sift.New(def, def.Schema, nil), id: -1}
	if def.ID != "" {
		i.id = def.Schema.Index(def.ID)
	}
	return i
}

// fill sets the ids and times of rows that are events for some key (E1): only they can be copies (E3). It returns how many have no time.
func (d *identifier) fill(a *eventlog.Arriving) (notYet int64) {
	timed := d.sifter.Timed(a.Rows)
	notYet = int64(a.Rows.N - timed.N)
	if d.id < 0 || fault.Planted("stream: a copy counts again") {
		return notYet
	}
	a.IDs, a.Times = make([]string, a.Rows.N), make([]int64, a.Rows.N)
	events := d.sifter.Events(timed, nil, &sift.Counts{})
	ids := events.Columns[d.id]
	var buf []byte
	for i := range events.N {
		if !ids.IsNull(i) {
			buf = value.Append(buf[:0], ids.At(i))
			row := events.Row(i)
			a.IDs[row], a.Times[row] = string(buf), events.Times[i]
		}
	}
	return notYet
}
