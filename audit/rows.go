package audit

import (
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
)

// columns are rows as they will lie in a file, column by column: what waits to be written then takes a fifth of the memory, has
// next to no pointers for the collector to follow, and is made of the same memory again and again. They are for one goroutine.
type columns struct {
	batch value.Batch
	room  int // of rows, in the columns
	texts arena
}

// leastRoom is for how many rows columns are made longer.
const leastRoom = 64

func columnsOf(schema value.Schema) columns {
	c := columns{batch: value.Batch{Schema: schema}}
	for _, f := range schema {
		c.batch.Columns = append(c.batch.Columns, value.NewColumn(f.Type, 0))
	}
	return c
}

// resize makes room for n rows, or cuts them off there.
func (c *columns) resize(n int) {
	for _, x := range c.batch.Columns {
		x.Resize(n)
	}
	c.room = n
}

// added adds n rows of a record, which fill sets from one on. Whatever is wrong with the record, it must not end the server: then none of its rows is there.
func (c *columns) added(n int, fill func(from int)) (err error) {
	defer func() {
		if x := recover(); x != nil {
			c.resize(c.batch.N)
			err = fmt.Errorf("a defect of bighead: %v\n%s", x, debug.Stack())
		}
	}()
	if need := c.batch.N + n; need > c.room {
		c.resize(max(need, c.batch.N+c.batch.N/4, leastRoom))
	}
	fill(c.batch.N)
	c.batch.N += n
	return nil
}

// count is how many rows there are.
func (c *columns) count() int { return c.batch.N }

// whole is all rows; good until the next are added, or they are emptied.
func (c *columns) whole() *value.Batch {
	c.resize(c.batch.N)
	return &c.batch
}

// empty takes them all away.
func (c *columns) empty() {
	c.batch.N = 0
	c.resize(0)
}

// rows are vectors of a view.
type rows struct {
	*shape
	columns

	// What is used again from record to record.
	place []int  // by column of the record: among the shape's
	there []bool // by column of the shape: the record has it
	read  []byte // texts of the record's reads, one after the other
	ends  []int  // where each ends
	line  []byte

	// The last text of statuses and what it is of: most rows have the same.
	said   []feature.Status
	saidOf []int
	text   string
}

func rowsOf(v *feature.View) *rows {
	s := shapeOf(v)
	return &rows{shape: s, columns: columnsOf(s.written()), there: make([]bool, len(s.columns))}
}

// add adds the rows of a record, of which nothing but the text of features is kept.
func (r *rows) add(s *feature.Served) error {
	return r.added(len(s.Rows), func(from int) { r.fill(from, s) })
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
	all := r.batch.Columns
	columns, answers, prediction := all[:len(all)-1], all[ownColumns+r.asked:len(all)-1], all[len(all)-1]
	for i := range s.Rows {
		row, at := &s.Rows[i], from+i
		for k, own := range [ownColumns]value.Value{value.OfTimestamp(s.Time), value.OfTimestamp(s.At), value.OfInt(s.Version),
			value.OfString(r.statusText(row)), value.OfString(r.reads(row))} {
			columns[k].Set(at, own)
		}
		for k, x := range row.Asked {
			r.setCopied(columns[ownColumns+k], at, x)
		}
		for k, p := range r.place {
			answers[p].Set(at, row.Values[k])
		}
		for p, is := range r.there {
			if !is {
				answers[p].SetNull(at)
			}
		}
		r.setText(prediction, at, row.Prediction)
	}
}

// setText copies a text into a cell; "": null.
func (c *columns) setText(to *value.Column, at int, text string) {
	if text == "" {
		to.SetNull(at)
		return
	}
	to.Set(at, value.OfString(c.texts.copied(text)))
}

// setCopied sets a cell to what a request said. A text is copied: it may be a few bytes of a large one.
func (c *columns) setCopied(to *value.Column, at int, x value.Value) {
	if x.Kind() == value.KindString {
		x = value.OfString(c.texts.copied(x.Str()))
	}
	to.Set(at, x)
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
	if len(row.Statuses) == len(r.shape.columns) && !slices.ContainsFunc(row.Statuses, func(x feature.Status) bool { return x != feature.Present }) {
		return feature.Present.String()
	}
	if r.text != "" && slices.Equal(r.said, row.Statuses) && slices.Equal(r.saidOf, r.place) {
		return r.text
	}
	words := make([]string, len(r.shape.columns))
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
	a.grow(len(b))
	from := a.b.Len()
	a.b.Write(b)
	return a.b.String()[from:]
}

func (a *arena) copied(s string) string {
	a.grow(len(s))
	from := a.b.Len()
	a.b.WriteString(s)
	return a.b.String()[from:]
}

func (a *arena) grow(n int) {
	if a.b == nil || a.b.Cap()-a.b.Len() < n { // what was made of the piece before stays where it is
		a.b = new(strings.Builder)
		a.b.Grow(max(n, arenaBytes))
	}
}
