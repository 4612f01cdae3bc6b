package random

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/engine/enginetest"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// Stats count what random cases met, by name.
type Stats map[string]int64

func (s Stats) add(name string, n int64) {
	if n != 0 {
		s[name] += n
	}
}

func (s Stats) merge(o Stats) {
	for name, n := range o {
		s[name] += n
	}
}

// declined tells whether a road was not for a case.
func (s Stats) declined() bool {
	for name := range s {
		if strings.HasPrefix(name, "declined on ") {
			return true
		}
	}
	return false
}

// Share is the part of the values asked that were neither null nor an empty count, list or map.
func (s Stats) Share() float64 {
	if s["values"] == 0 {
		return 0
	}
	return float64(s["values: not empty"]) / float64(s["values"])
}

// String lists the counts by name, with the share of values that are not empty first.
func (s Stats) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%.0f %% of %d values are not empty\n", 100*s.Share(), s["values"])
	for _, name := range slices.Sorted(maps.Keys(s)) {
		fmt.Fprintf(&b, "%12d  %s\n", s[name], name)
	}
	return b.String()
}

// measure counts what a case met, from the oracle's answer and report and from the distance of events to windows' edges.
func (c *Case) measure(k *compiled, j *enginetest.Judge) Stats {
	s := Stats{"cases": 1}
	s.add("cases: "+string(c.Kind), 1)
	r := j.Want.Report
	for _, v := range r.Sources {
		s.add("rows of sources", v.Rows)
		s.add("rows without a time", v.NullTime)
		s.add("rows without a key", v.NullKey)
		s.add("rows that where drops", v.Where)
		s.add("rows without known_at", v.NullKnownAt)
		s.add("copies", v.Duplicates)
		s.add("conflicts", v.Conflicts)
		s.add("ties", v.Ties)
	}
	for _, v := range r.Values {
		s.add("null: no row of the key", v.UnknownKey)
		s.add("null: no row in the window", v.NoEvent)
		s.add("null: no input", v.NullInput)
		s.add("null: computed", v.Computed)
		s.add("defaults", v.Defaults)
	}
	for what, made := range r.ExpressionNulls {
		kind := "source"
		if strings.HasPrefix(what, "derived ") || strings.HasSuffix(what, " of the spine") {
			kind = "row"
		}
		s.add("nulls that expressions made: of a "+kind, made.Total())
	}
	for why, n := range r.Dropped {
		s.add("dropped: "+string(why), n)
	}
	c.measureValues(s, k, j)
	c.measureEdges(s, k)
	return s
}

// measureValues counts values by aggregation.
func (c *Case) measureValues(s Stats, k *compiled, j *enginetest.Judge) {
	for _, join := range k.plan.Joined() {
		for _, v := range join.Values {
			at := j.Want.Schema.Index(v.Name)
			if at < 0 {
				continue
			}
			for _, row := range j.Want.Rows {
				s.add("values", 1)
				if !empty(v.Feature, row[at]) {
					s.add("values: not empty", 1)
					s.add("not empty: "+v.Feature.Agg.Name, 1)
				}
			}
		}
	}
	for _, d := range k.plan.Derive {
		if at := j.Want.Schema.Index(d.Name); at >= 0 {
			for _, row := range j.Want.Rows {
				if !row[at].IsNull() {
					s.add("derived values", 1)
				}
			}
		}
	}
}

// empty tells a value of nothing: null, a count of 0, an empty list or map.
func empty(f *feature.Feature, v value.Value) bool {
	switch {
	case v.IsNull():
		return true
	case v.Kind() == value.KindList || v.Kind() == value.KindMap:
		return v.Len() == 0
	case f.Agg.Name == "count" || f.Agg.Name == "count_distinct" || f.Agg.Name == "approx_count_distinct":
		return v.Int() == 0
	}
	return false
}

// measureEdges counts how often an event of the asked key lies on a window's edge or a millisecond before it, in cases whose times are
// plain columns.
func (c *Case) measureEdges(s Stats, k *compiled) {
	var rows [][]value.Value
	var schema value.Schema
	if c.Spine != nil {
		rows, schema = k.rows, c.Spine.Schema
	} else {
		schema = c.Tables["spine"].Schema
		for _, p := range c.Tables["spine"].Parts {
			rows = append(rows, p.Rows...)
		}
	}
	at, ok := k.plan.Spine.At.Column()
	if !ok {
		return
	}
	for _, row := range rows {
		t := row[schema.Index(at)]
		if t.IsNull() {
			continue
		}
		for _, j := range k.plan.Joined() {
			c.measureJoin(s, j, schema, row, t.Int())
		}
	}
}

func (c *Case) measureJoin(s Stats, j *plan.Join, schema value.Schema, row []value.Value, t int64) {
	src := j.Scan.Source
	if src.Kind != feature.Events {
		s.add("asked of entities", 1)
		return
	}
	column, ok := src.Time.Column()
	if !ok {
		return
	}
	data := c.Tables[src.Name]
	ts, known := data.Schema.Index(column), data.Schema.Index("known")
	for _, p := range data.Parts {
		for _, e := range p.Rows {
			if e[ts].IsNull() || !sameKey(j, schema, row, data.Schema, e) {
				continue
			}
			if j.Scan.KnownAt != nil && known >= 0 && !e[known].IsNull() {
				s.add("known_at = t", one(e[known].Int() == t))
				s.add("known_at > t", one(e[known].Int() > t))
			}
			for _, v := range j.Values {
				measureWindow(s, v.Window, t, e[ts].Int())
			}
		}
	}
}

func measureWindow(s Stats, w plan.Window, t, ts int64) {
	start, end := w.Bounds(t)
	kind := "exact"
	switch {
	case w.Forward > 0:
		kind = "label"
	case w.Unbounded:
		kind = "unbounded"
	case w.Tumbling:
		kind = "tumbling"
	case w.Resolution > 0:
		kind = "tiles"
	}
	if w.Delay+w.Offset > 0 && w.Forward == 0 {
		kind += ", in the past"
	}
	s.add(kind+": event at the end", one(ts == end))
	s.add(kind+": event a millisecond before the end", one(ts == end-1))
	if !w.Unbounded {
		s.add(kind+": event at the start", one(ts == start))
		s.add(kind+": event a millisecond before the start", one(ts == start-1))
	}
	s.add("events before 1970 inside", one(start <= ts && ts < end && ts < 0))
	s.add("events inside", one(start <= ts && ts < end))
	s.add("events at t", one(ts == t))
	s.add("daily", one(w.Daily && start <= ts && ts < end))
}

func one(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func sameKey(j *plan.Join, schema value.Schema, row []value.Value, of value.Schema, event []value.Value) bool {
	for i, on := range j.On {
		at := schema.Index(on)
		if at < 0 || !value.Equal(row[at], event[of.Index(j.Keys[i])]) {
			return false
		}
	}
	return true
}
