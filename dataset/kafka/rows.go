package kafka

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/cell"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/value"
)

// fields are the columns of payloads. jsonrows.Decoder is one.
type fields interface {
	Begin(rows int)
	Add(payload []byte) error // a row, or an error and none
	AddNulls()
	Finish(*dataset.Counts) *value.Batch
}

// rows makes rows of records of one shape.
type rows struct {
	def      *definition
	shape    *shape
	fields   fields
	own      []*cell.Builder
	programs []*expr.Program // by column of the source; nil: none
	all      value.Schema

	n       int
	offsets []int64
	times   []int64
	dead    []tombstone
}

// tombstone is a row without a value, and the key columns that its record's key gave.
type tombstone struct {
	row  int32
	keys []value.Value // by Topic.Keys
}

func newRows(d *definition, s *shape, f fields) *rows {
	r := &rows{def: d, shape: s, fields: f, all: s.all(), programs: make([]*expr.Program, len(s.columns))}
	for _, f := range s.own {
		r.own = append(r.own, cell.New(f, dataset.UnitOf(s.units[f.Name])))
	}
	for i, m := range s.columns {
		if m.expr != nil {
			r.programs[i] = m.expr.Vectorise(r.all)
		}
	}
	return r
}

func (r *rows) begin(most int) {
	r.fields.Begin(most)
	for _, b := range r.own {
		b.Begin(most)
	}
	r.n, r.dead = 0, nil
	r.offsets, r.times = make([]int64, 0, most), make([]int64, 0, most)
}

// add adds the record's row; an error says why it is none, and leaves nothing behind.
func (r *rows) add(rec *kgo.Record, payload []byte) error {
	err := r.addOwn(rec)
	if err == nil {
		err = r.fields.Add(payload)
	}
	if err != nil {
		for _, b := range r.own {
			b.Undo(r.n)
		}
		return err
	}
	r.added(rec)
	return nil
}

// addTombstone adds the row of a record without a value.
func (r *rows) addTombstone(rec *kgo.Record, keys []value.Value) error {
	if err := r.addOwn(rec); err != nil {
		for _, b := range r.own {
			b.Undo(r.n)
		}
		return err
	}
	r.fields.AddNulls()
	r.dead = append(r.dead, tombstone{int32(r.n), keys})
	r.added(rec)
	return nil
}

func (r *rows) added(rec *kgo.Record) {
	r.offsets, r.times = append(r.offsets, rec.Offset), append(r.times, rec.Timestamp.UnixMilli())
	r.n++
}

// addOwn adds the record's own: key, headers and places.
func (r *rows) addOwn(rec *kgo.Record) error {
	for i, f := range r.shape.own {
		b := r.own[i]
		var err error
		switch f.Name {
		case timestampName:
			err = b.Millis(rec.Timestamp.UnixMilli())
		case partitionName:
			err = b.Int(int64(rec.Partition))
		case offsetName:
			err = b.Int(rec.Offset)
		case keyName:
			err = addText(b, rec.Key)
		case headerName:
			err = addHeaders(b, rec.Headers)
		default:
			err = addText(b, header(rec.Headers, f.Name[len(headerPrefix):]))
		}
		if err != nil {
			return fmt.Errorf("%s is not %s", f.Name, value.An(f.Type.String()))
		}
	}
	return nil
}

// header is the last of its name, as Kafka's clients have it; nil where there is none.
func header(headers []kgo.RecordHeader, name string) []byte {
	for i := len(headers) - 1; i >= 0; i-- {
		if headers[i].Key == name {
			return headers[i].Value
		}
	}
	return nil
}

// addText adds the text of a header or key; nil is null.
func addText(b *cell.Builder, text []byte) error {
	switch {
	case text == nil:
		b.Null()
		return nil
	case b.Type().Kind == value.KindBytes:
		return b.Bytes(text)
	case b.Type().Kind == value.KindString:
		return b.String(text)
	}
	return b.CSV(text, true)
}

// addHeaders adds the struct of the headers that expressions read.
func addHeaders(b *cell.Builder, headers []kgo.RecordHeader) error {
	entries := make([]value.Entry, len(b.Type().Fields))
	for i, f := range b.Type().Fields {
		one := cell.New(f, b.Unit())
		one.Begin(1)
		if err := addText(one, header(headers, f.Name)); err != nil {
			return err
		}
		var counts dataset.Counts
		entries[i] = value.Entry{Key: f.Name, Value: one.Finish(&counts).At(0)}
		for cause := range counts.Nulled {
			b.LoseWithin(cause.Reason)
		}
	}
	b.Value(value.OfStruct(entries))
	return nil
}

// finish gives the rows since begin.
func (r *rows) finish(a *dataset.Arrival) {
	payload := r.fields.Finish(&a.Counts)
	all := &value.Batch{Schema: r.all, N: r.n, Columns: payload.Columns}
	for _, b := range r.own {
		all.Columns = append(all.Columns, b.Finish(&a.Counts))
	}
	out := &value.Batch{Schema: r.def.topic.Schema, N: r.n, Columns: make([]*value.Column, len(r.shape.columns))}
	for i, m := range r.shape.columns {
		if m.at >= 0 {
			out.Columns[i] = all.Columns[m.at]
			continue
		}
		var nulls expr.Nulls
		out.Columns[i] = fitted(r.programs[i].Eval(all, &nulls), out.Schema[i].Type)
		if nulls.Total() > 0 {
			if a.Nulls == nil {
				a.Nulls = map[string]expr.Nulls{}
			}
			a.Nulls[out.Schema[i].Name] = nulls
		}
	}
	r.bury(out)
	a.Rows, a.Offsets, a.Times = out, r.offsets, r.times
	a.Counts.Rows += int64(r.n)
	for _, d := range r.dead {
		a.Tombstones = append(a.Tombstones, d.row)
	}
}

// fitted is a column as its type: ints as floats, a bare null as nulls.
func fitted(c *value.Column, t value.Type) *value.Column {
	switch {
	case c.Type.Equal(t):
		return c
	case c.Type.Kind == value.KindNull:
		out := value.NewColumn(t, c.N)
		for i := range c.N {
			out.SetNull(i)
		}
		return out
	}
	out := value.NewColumn(t, c.N)
	out.Nulls = c.Nulls
	for i, x := range c.Ints[:c.N] {
		out.Floats[i] = float64(x)
	}
	return out
}

// bury makes tombstones of their rows: what their records' keys say, and nothing else.
func (r *rows) bury(b *value.Batch) {
	if len(r.dead) == 0 {
		return
	}
	t := &r.def.topic
	for i, f := range b.Schema {
		key := slices.Index(t.Keys, f.Name)
		if r.shape.columns[i].own && f.Name != t.Deleted { // read of the record, which is there
			continue
		}
		values := make([]value.Value, b.N)
		for j := range b.N {
			values[j] = b.Columns[i].At(j)
		}
		for _, d := range r.dead {
			switch {
			case key >= 0:
				values[d.row] = d.keys[key]
			case f.Name == t.Deleted:
				values[d.row] = value.OfBool(true)
			case f.Name == t.Time && f.Type.Kind == value.KindTimestamp:
				values[d.row] = value.OfTimestamp(r.times[d.row])
			default:
				values[d.row] = value.Value{}
			}
		}
		b.Columns[i] = value.ColumnOf(f.Type, values)
	}
}

// textKey reads the key of a tombstone where it is no schema's: an object with the key columns, or of a single column its text.
func textKey(f value.Field, unit dataset.Unit, key []byte) (value.Value, error) {
	b := cell.New(f, unit)
	b.Begin(1)
	var quoted string
	if len(key) > 0 && key[0] == '"' && json.Unmarshal(key, &quoted) == nil {
		key = []byte(quoted)
	}
	if err := addText(b, key); err != nil {
		return value.Value{}, &poison{fmt.Sprintf("the record's key is no %s for column %q", f.Type, f.Name)}
	}
	var counts dataset.Counts
	v := b.Finish(&counts).At(0)
	if v.IsNull() {
		return v, &poison{fmt.Sprintf("the record's key is no %s for column %q", f.Type, f.Name)}
	}
	return v, nil
}
