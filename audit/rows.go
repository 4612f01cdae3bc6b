package audit

import (
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
)

// rows are vectors of a view as they will lie in a file, column by column: what waits to be written then takes a fifth of the memory, has
// next to no pointers for the collector to follow, and is made of the same memory again and again. They are for one goroutine.
type rows struct {
	*shape
	batch value.Batch
	room  int // of rows, in the columns

	// What is used again from record to record.
	place []int  // by column of the record: among the shape's
	there []bool // by column of the shape: the record has it
	read  []byte // texts of the record's reads, one after the other
	ends  []int  // where each ends
	line  []byte
	texts arena

	// The last text of statuses and what it is of: most rows have the same.
	said   []feature.Status
	saidOf []int
	text   string
}

// leastRoom is for how many rows columns are made longer.
const leastRoom = 64

func rowsOf(v *feature.View) *rows {
	r := &rows{shape: shapeOf(v)}
	r.batch.Schema, r.there = r.schema, make([]bool, len(r.columns))
	for _, f := range r.schema {
		r.batch.Columns = append(r.batch.Columns, value.NewColumn(f.Type, 0))
	}
	return r
}

// resize makes room for n rows, or cuts them off there.
func (r *rows) resize(n int) {
	for _, c := range r.batch.Columns {
		c.Resize(n)
	}
	r.room = n
}

// add adds the rows of a record, of which nothing but the text of features is kept. Whatever is wrong with it, it must not end the server: then
// none of its rows is there.
func (r *rows) add(s *feature.Served) (err error) {
	defer func() {
		if x := recover(); x != nil {
			r.resize(r.batch.N)
			err = fmt.Errorf("a defect of bighead: %v\n%s", x, debug.Stack())
		}
	}()
	if need := r.batch.N + len(s.Rows); need > r.room {
		r.resize(max(need, r.batch.N+r.batch.N/4, leastRoom))
	}
	r.fill(r.batch.N, s)
	r.batch.N += len(s.Rows)
	return nil
}

// whole is all rows; good until the next add or empty.
func (r *rows) whole() *value.Batch {
	r.resize(r.batch.N)
	return &r.batch
}

// empty takes them all away.
func (r *rows) empty() {
	r.batch.N = 0
	r.resize(0)
}

// fill sets the rows of a record from one on.
func (r *rows) fill(from int, s *feature.Served) {
	r.read, r.ends = r.read[:0], r.ends[:0]
	for i := range s.Reads {
		r.read = appendRead(r.read, &s.Reads[i], s.At)
		r.ends = append(r.ends, len(r.read))
	}
	r.place = r.place[:0]
	clear(r.there)
	for _, c := range s.Columns {
		r.place = append(r.place, r.places[c])
		r.there[r.places[c]] = true
	}
	columns, answers := r.batch.Columns, r.batch.Columns[ownColumns+r.asked:]
	for i := range s.Rows {
		row, at := &s.Rows[i], from+i
		for k, own := range [ownColumns]value.Value{value.OfTimestamp(s.Time), value.OfTimestamp(s.At), value.OfInt(s.Version),
			value.OfString(r.statusText(row)), value.OfString(r.reads(row))} {
			columns[k].Set(at, own)
		}
		for k, x := range row.Asked {
			if x.Kind() == value.KindString {
				r.line = append(r.line[:0], x.Str()...) // it may be a few bytes of a large text
				x = value.OfString(r.texts.text(r.line))
			}
			columns[ownColumns+k].Set(at, x)
		}
		for k, p := range r.place {
			answers[p].Set(at, row.Values[k])
		}
		for p, is := range r.there {
			if !is {
				answers[p].SetNull(at)
			}
		}
	}
}

// reads is what a row was read by, as JSON.
func (r *rows) reads(row *feature.ServedRow) string {
	r.line = append(r.line[:0], '[')
	for i, k := range row.Reads {
		if i > 0 {
			r.line = append(r.line, ',')
		}
		from := 0
		if k > 0 {
			from = r.ends[k-1]
		}
		r.line = append(r.line, r.read[from:r.ends[k]]...)
	}
	r.line = append(r.line, ']')
	return r.texts.text(r.line)
}

// statusText is a row's statuses in the order of the file's columns; nothing stands for a column that was not asked for.
func (r *rows) statusText(row *feature.ServedRow) string {
	if len(row.Statuses) == len(r.columns) && !slices.ContainsFunc(row.Statuses, func(x feature.Status) bool { return x != feature.Present }) {
		return feature.Present.String()
	}
	if r.text != "" && slices.Equal(r.said, row.Statuses) && slices.Equal(r.saidOf, r.place) {
		return r.text
	}
	words := make([]string, len(r.columns))
	for k, at := range r.place {
		words[at] = row.Statuses[k].String()
	}
	r.said, r.saidOf = append(r.said[:0], row.Statuses...), append(r.saidOf[:0], r.place...)
	r.text = strings.Join(words, ",")
	return r.text
}

// arena makes strings, many from one piece of memory.
type arena struct{ b *strings.Builder }

const arenaBytes = 64 << 10

func (a *arena) text(b []byte) string {
	if a.b == nil || a.b.Cap()-a.b.Len() < len(b) { // what was made of the piece before stays where it is
		a.b = new(strings.Builder)
		a.b.Grow(max(len(b), arenaBytes))
	}
	from := a.b.Len()
	a.b.Write(b)
	return a.b.String()[from:]
}
