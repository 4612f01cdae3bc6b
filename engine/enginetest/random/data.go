package random

import (
	"fmt"
	"slices"

	"github.com/bighead-ml/bighead/engine/enginetest"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
)

// rows draws the rows of a source: some are earlier ones again, changed in a column or not at all.
func (d *draw) rows(s *feature.SourceDef, schema value.Schema) *Data {
	var rows [][]value.Value
	n := d.IntN(12)
	if !d.one(4) {
		n = 10 + d.IntN(30)
	}
	if d.size != nil {
		n = *d.size
	}
	for range n {
		row := make([]value.Value, len(schema))
		for i, f := range schema {
			row[i] = d.cell(s, f)
			if f.Name == "known" {
				row[i] = d.known(schema, row)
			}
		}
		if len(rows) > 0 && d.one(5) {
			row = d.changed(s, schema, rows[d.IntN(len(rows))])
		} else if len(rows) > 0 && d.one(5) {
			d.beside(schema, row, rows[d.IntN(len(rows))])
		}
		rows = append(rows, row)
		d.remember(schema, row)
	}
	return d.parts(s, schema, rows)
}

// remember notes an event, for rows that ask about it.
func (d *draw) remember(schema value.Schema, row []value.Value) {
	h := happened{keys: map[string]value.Value{}}
	for i, f := range schema {
		switch {
		case f.Name == "k" || f.Name == "j":
			h.keys[f.Name] = row[i]
		case f.Name == "ts" && !row[i].IsNull():
			h.ts = row[i].Int()
		case f.Name == "ts":
			return
		case f.Name == "ds" && f.Type.Kind == value.KindDate && !row[i].IsNull():
			h.ts = (row[i].Int() + 1) * value.DayMS
		}
	}
	d.past = append(d.past, h)
}

// cell draws one cell of a source's row.
func (d *draw) cell(s *feature.SourceDef, f value.Field) value.Value {
	switch f.Name {
	case "k", "j":
		return d.key(f.Name)
	case "ts", "known":
		if d.IntN(100) < d.nulls/4 {
			return value.Value{}
		}
		return value.OfTimestamp(d.time())
	case "id":
		if d.IntN(100) < d.nulls/2 {
			return value.Value{}
		}
		n := d.Int64N(12)
		if f.Type.Kind == value.KindInt {
			return value.OfInt(n)
		}
		return value.OfString(fmt.Sprint("id", n))
	case "ds":
		if names := d.named[f.Type.Kind]; len(names) > 0 && !d.one(20) {
			return names[d.IntN(len(names))]
		}
		return d.partition(f.Type)
	}
	if s.Deleted != nil && f.Name == s.Deleted.Value && !d.one(4) {
		return value.OfBool(false)
	}
	return d.value(f.Type)
}

// known draws when a row could be known: mostly when it happened, or before, for what is known later than it is asked about is not seen.
func (d *draw) known(schema value.Schema, row []value.Value) value.Value {
	at := schema.Index("ts")
	if at < 0 { // an entity without a time
		return value.OfTimestamp(d.time())
	}
	ts := row[at]
	if ts.IsNull() || d.IntN(100) < d.nulls/4 {
		return value.Value{}
	}
	t := ts.Int()
	switch d.IntN(8) {
	case 0:
		t = d.time()
	case 1:
		t += d.span()
	case 2:
		t += pick[int64](d, -1, 1)
	case 3, 4:
		t -= d.span()
	}
	return value.OfTimestamp(min(max(t, value.MinTimestamp), value.MaxTimestamp))
}

// partition names a day or, as text, an hour; or, as text, nothing.
func (d *draw) partition(t value.Type) value.Value {
	at := d.time()
	day := value.FormatDate(value.FloorDiv(at, value.DayMS))
	switch {
	case d.one(12):
		return value.Value{}
	case t.Kind == value.KindDate:
		return value.OfDate(value.FloorDiv(at, value.DayMS))
	case d.one(12):
		return value.OfString(day + "-24")
	case d.one(2):
		hour := value.FloorDiv(at, 3_600_000) - 24*value.FloorDiv(at, value.DayMS)
		return value.OfString(fmt.Sprintf("%s-%02d", day, hour))
	}
	return value.OfString(day)
}

// changed is a row again: a copy, or one that differs in a cell.
func (d *draw) changed(s *feature.SourceDef, schema value.Schema, row []value.Value) []value.Value {
	out := slices.Clone(row)
	for range d.IntN(3) {
		i := d.IntN(len(schema))
		out[i] = d.cell(s, schema[i])
	}
	return out
}

// beside puts a row next to another of the same key: a millisecond from it, or on the step below, or a millisecond before that.
func (d *draw) beside(schema value.Schema, row, other []value.Value) {
	for i, f := range schema {
		switch {
		case f.Name == "k" || f.Name == "j":
			row[i] = other[i]
		case f.Name == "ts" && !other[i].IsNull():
			t := other[i].Int()
			if d.one(2) {
				t = value.Floor(t, steps[d.IntN(len(steps))])
			}
			row[i] = value.OfTimestamp(min(max(t-1+d.Int64N(2), value.MinTimestamp), value.MaxTimestamp))
		}
	}
}

// parts cuts rows into files; a snapshot's sometimes by partition, with an empty one.
func (d *draw) parts(s *feature.SourceDef, schema value.Schema, rows [][]value.Value) *Data {
	data := &Data{Schema: schema}
	if ds := schema.Index("ds"); ds >= 0 && s.Snapshot != nil && d.one(2) {
		data.Parts = byPartition(ds, rows)
		data.name(d.partition(schema[ds].Type))
		return data
	}
	for first := true; first || len(rows) > 0; first = false {
		n := d.IntN(len(rows) + 1)
		if d.one(2) {
			n = len(rows)
		}
		data.Parts = append(data.Parts, enginetest.Part{Rows: rows[:n:n]})
		rows = rows[n:]
	}
	return data
}

// byPartition puts rows of a snapshot table into a part for each partition.
func byPartition(ds int, rows [][]value.Value) []enginetest.Part {
	var out []enginetest.Part
	for _, row := range rows {
		at := slices.IndexFunc(out, func(p enginetest.Part) bool { return value.Equal(p.Partition["ds"], row[ds]) })
		if at < 0 {
			at = len(out)
			out = append(out, enginetest.Part{Partition: map[string]value.Value{"ds": row[ds]}})
		}
		out[at].Rows = append(out[at].Rows, row)
	}
	return out
}

// name sees that there is a partition, without rows if need be.
func (d *Data) name(ds value.Value) {
	if !slices.ContainsFunc(d.Parts, func(p enginetest.Part) bool { return value.Equal(p.Partition["ds"], ds) }) {
		d.Parts = append(d.Parts, enginetest.Part{Partition: map[string]value.Value{"ds": ds}})
	}
}

// asker draws the keys that a row asks for, and when: those of an event, so that a window begins or ends with it, or a millisecond
// beside, or holds it; or anything.
func (d *draw) asker() (keys map[string]value.Value, at value.Value) {
	t, keys := d.times[d.IntN(len(d.times))], map[string]value.Value{}
	if len(d.past) > 0 && !d.one(10) {
		h := d.past[d.IntN(len(d.past))]
		t = h.ts
		if !d.one(10) {
			keys = h.keys
		}
	}
	if len(d.spans) > 0 && d.one(4) { // a label's span ends with the event
		t -= d.spans[d.IntN(len(d.spans))]
	} else if len(d.cuts) > 0 && !d.one(10) {
		w := d.cuts[d.IntN(len(d.cuts))]
		t += w.back
		switch d.IntN(14) {
		case 0, 1:
			t += w.size + pick[int64](d, 0, 0, 1)
		case 2:
		case 3:
			t = value.Floor(t+w.size, steps[d.IntN(len(steps))])
		default:
			t += 1 + d.Int64N(w.size)/pick[int64](d, 1, 2, 10)
		}
	}
	if d.one(3) {
		t += pick[int64](d, -1, 1, 1)
	}
	return keys, value.OfTimestamp(min(max(t, value.MinTimestamp), value.MaxTimestamp))
}

// askedKey is the key of the event that a row asks about, or one of the case's.
func (d *draw) askedKey(keys map[string]value.Value, name string) value.Value {
	if v, ok := keys[name]; ok && !d.one(12) {
		return v
	}
	return d.key(name)
}

// spine draws the rows that a group or a view is asked for.
func (d *draw) spine(c *Case) {
	schema := c.asks()
	data := &Data{Schema: schema}
	var rows [][]value.Value
	for range max(d.IntN(4)+d.IntN(8), d.least) {
		row := make([]value.Value, len(schema))
		keys, at := d.asker()
		for i, f := range schema {
			switch f.Name {
			case "at":
				row[i] = at
			case "k", "j", "other":
				row[i] = d.askedKey(keys, keyOf(f.Name))
			default:
				row[i] = d.value(f.Type)
			}
		}
		if len(rows) > 0 && d.one(8) {
			row = rows[d.IntN(len(rows))]
		}
		rows = append(rows, row)
	}
	data.Parts = []enginetest.Part{{Rows: rows}}
	c.Spine = data
}

// keyOf is the key whose cells a column of the spine has: another name may stand for k.
func keyOf(name string) string {
	if name == "other" {
		return "k"
	}
	return name
}
