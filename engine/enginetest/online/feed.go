package online

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/enginetest"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// feed is the rows of all sources that have a clock, in the order in which they could be known.
type feed struct {
	events []*event
}

// event is one row on its way.
type event struct {
	source *feature.Source
	row    []value.Value
	ts     int64 // plan.MinTime: it has none
	known  int64
	last   int64         // the later of ts and known
	due    int64         // when it comes: its last, or later where it is a copy that must not be the first
	copy   string        // what copies have in common; "": it can be none
	later  bool          // it is another copy than the one that counts
	cells  []value.Value // all columns in name order
}

func newFeed(ctx context.Context, q *question, in engine.Inputs) (*feed, error) {
	f := &feed{}
	for _, s := range q.sources {
		if s.Time == nil {
			continue // batch's alone
		}
		t, err := in.Open(ctx, s.Place, s.Schema)
		if err != nil {
			return nil, fmt.Errorf("source %q: %w", s.Name, err)
		}
		rows, err := dataset.ReadAll(ctx, t)
		if err != nil {
			return nil, fmt.Errorf("source %q: %w", s.Name, err)
		}
		events := eventsOf(s, rows)
		if err := orderCopies(q, s, events); err != nil {
			return nil, err
		}
		f.events = append(f.events, events...)
	}
	slices.SortStableFunc(f.events, (*event).compare)
	return f, nil
}

func (e *event) compare(o *event) int {
	if c := cmp.Or(cmp.Compare(e.due, o.due), cmp.Compare(e.known, o.known)); c != 0 || e.later != o.later {
		return cmp.Or(c, b2i(e.later)-b2i(o.later))
	}
	return value.CompareRows(e.cells, o.cells)
}

// eventsOf reads the times of rows.
func eventsOf(s *feature.Source, rows [][]value.Value) []*event {
	ts, known := s.Time.Compile(s.Schema), s.KnownAt
	id := -1
	if s.ID != "" {
		id = s.Schema.Index(s.ID)
	}
	names := slices.Sorted(slices.Values(s.Schema.Names()))
	var out []*event
	for _, row := range rows {
		e := &event{source: s, row: row, ts: plan.MinTime, known: plan.MinTime, last: plan.MinTime, due: plan.MinTime}
		for _, n := range names {
			e.cells = append(e.cells, row[s.Schema.Index(n)])
		}
		out = append(out, e)
		t := ts(row, nil)
		if t.IsNull() {
			continue
		}
		e.ts, e.known, e.last = t.Int(), t.Int(), t.Int()
		if known != nil {
			k := known.Compile(s.Schema)(row, nil)
			if e.due = e.last; k.IsNull() {
				continue
			}
			e.known = k.Int()
			e.last = max(e.ts, e.known)
		}
		e.due = e.last
		if id >= 0 && !row[id].IsNull() && counts(s, row) {
			e.copy = string(value.Append(value.Append(nil, row[id]), t))
		}
	}
	return out
}

// counts tells whether the source's where lets a row in.
func counts(s *feature.Source, row []value.Value) bool {
	if s.Deleted != "" && row[s.Schema.Index(s.Deleted)].Bool() {
		return true
	}
	return s.Where == nil || s.Where.Compile(s.Schema)(row, nil).Bool()
}

// orderCopies puts of each set of copies the one first that counts (E3): the least, of those whose key is not null, by known_at and columns.
func orderCopies(q *question, s *feature.Source, events []*event) error {
	sets := map[string][]*event{}
	for _, e := range events {
		if e.copy != "" {
			sets[e.copy] = append(sets[e.copy], e)
		}
	}
	for _, set := range sets {
		var first *event
		for _, g := range q.groups {
			if g.Source != s {
				continue
			}
			keyed := slices.DeleteFunc(slices.Clone(set), func(e *event) bool { return nullKey(g, e.row) })
			if len(keyed) == 0 {
				continue
			}
			least := slices.MinFunc(keyed, func(a, b *event) int {
				return cmp.Or(cmp.Compare(a.known, b.known), value.CompareRows(a.cells, b.cells))
			})
			if first != nil && value.CompareRows(first.cells, least.cells) != 0 {
				return enginetest.Declined(OtherCopies)
			}
			first = least
		}
		for _, e := range set {
			if first != nil && e != first {
				e.due, e.known, e.later = max(e.due, first.due), max(e.known, first.known), true
			}
		}
	}
	return nil
}

func nullKey(g *feature.Group, row []value.Value) bool {
	return slices.ContainsFunc(g.Keys, func(k feature.Key) bool { return row[g.Source.Schema.Index(k.Name)].IsNull() })
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
