package kafka

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/cell"
	"github.com/bighead-ml/bighead/value"
)

// cells are the columns of payloads whose schema has types: fields in which each payload has its own reading.
type cells struct {
	schema   value.Schema
	builders []*cell.Builder
	slots    []value.Value // the row that is read; texts in it may be views of the payload
	n        int
	read     reading
}

func newCells(s value.Schema, units map[string]string) *cells {
	c := &cells{schema: s, slots: make([]value.Value, len(s))}
	for _, f := range s {
		c.builders = append(c.builders, cell.New(f, dataset.UnitOf(units[f.Name])))
	}
	return c
}

// Begin starts a batch.
func (c *cells) Begin(rows int) {
	c.n = 0
	for _, b := range c.builders {
		b.Begin(rows)
	}
}

// Add reads a payload.
func (c *cells) Add(payload []byte) error {
	clear(c.slots)
	if err := c.read(payload, c); err != nil {
		for _, b := range c.builders {
			b.Undo(c.n)
		}
		return err
	}
	for i, b := range c.builders {
		b.Value(c.slots[i])
	}
	c.n++
	return nil
}

// AddNulls adds a row of nulls.
func (c *cells) AddNulls() {
	for _, b := range c.builders {
		b.Null()
	}
	c.n++
}

// Finish gives the batch.
func (c *cells) Finish(counts *dataset.Counts) *value.Batch {
	b := &value.Batch{Schema: c.schema, N: c.n, Columns: make([]*value.Column, len(c.builders))}
	for i, one := range c.builders {
		b.Columns[i] = one.Finish(counts)
	}
	return b
}

// typed is Avro or Protobuf in a registry's wire format: a zero byte, the schema's number, under Protobuf the message's place in the
// schema, the payload.
type typed struct {
	def     *definition
	schemas *Schemas
	plans   map[string]*plan // by number and place
	rows    []*rows          // by shape
	keyed   map[string]*cells
}

func newTyped(d *definition, s *Schemas) (*typed, error) {
	if _, err := d.keySchema(); err != nil {
		return nil, err
	}
	return &typed{def: d, schemas: s, plans: map[string]*plan{}, keyed: map[string]*cells{}}, nil
}

func (f *typed) plan(ctx context.Context, text []byte) (*plan, []byte, error) {
	w, err := f.parse(text)
	if err != nil {
		return nil, nil, err
	}
	if p := f.plans[string(w.key)]; p != nil {
		return p, w.payload, nil
	}
	p, err := f.makePlan(ctx, w)
	if err != nil {
		return nil, nil, err
	}
	f.plans[string(w.key)] = p
	return p, w.payload, nil
}

// wire is a text of the wire format, taken apart.
type wire struct {
	id      int
	index   []int
	key     []byte // all but the payload
	payload []byte
}

func (f *typed) parse(text []byte) (wire, error) {
	if len(text) < registryHeader || text[0] != 0 {
		return wire{}, &poison{"it does not begin as the registry's wire format does: a zero byte and the number of a schema"}
	}
	w := wire{id: int(binary.BigEndian.Uint32(text[1:])), key: text[:registryHeader], payload: text[registryHeader:]}
	if f.def.topic.Format != "protobuf" {
		return w, nil
	}
	index, n := messageIndex(w.payload)
	if n < 0 {
		return wire{}, &poison{"the place of the message in its schema is cut or nonsense"}
	}
	w.index, w.key, w.payload = index, text[:registryHeader+n], w.payload[n:]
	return w, nil
}

// messageIndex reads the place of a message: how many numbers, then the numbers, zigzag; none is the first message.
func messageIndex(b []byte) (index []int, n int) {
	next := func() int64 {
		x, size := protowire.ConsumeVarint(b[n:])
		if size < 0 {
			return -1
		}
		n += size
		return protowire.DecodeZigZag(x)
	}
	count := next()
	if count < 0 || count > 16 {
		return nil, -1
	}
	if count == 0 {
		return []int{0}, n
	}
	for range count {
		i := next()
		if i < 0 || i > 1<<16 {
			return nil, -1
		}
		index = append(index, int(i))
	}
	return index, n
}

// makePlan finds out how payloads of a schema are read.
func (f *typed) makePlan(ctx context.Context, w wire) (*plan, error) {
	r, m, err := f.messageOf(ctx, w, "value")
	if err != nil {
		return nil, err
	}
	var others []other // of the subject; asked for when something is missing
	history := func() error {
		if others == nil {
			others, err = f.schemas.others(ctx, r, f.def.topic.Format, w.index)
			return err
		}
		return nil
	}
	s, err := f.def.settle(func(path []string) ([]value.Type, error) { return f.types(r, m, path, history, &others) })
	if err != nil {
		return nil, asSchemaError(err, r)
	}
	into := f.rowsOf(s)
	read, err := m.compile(s.payload, s.units, func(path []string) error {
		if err := history(); err != nil {
			return err
		}
		return absent(r, m, others, path)
	})
	if err != nil {
		return nil, asSchemaError(err, r)
	}
	c := into.fields.(*cells)
	return &plan{rows: into, set: func() { c.read = read }}, nil
}

func (f *typed) messageOf(ctx context.Context, w wire, part string) (*registered, message, error) {
	r, err := f.schemas.get(ctx, w.id, f.def.topic.Name+"-"+part)
	if err != nil {
		return nil, nil, err
	}
	m, err := f.schemas.messageOf(ctx, r, f.def.topic.Format, w.index)
	return r, m, err
}

// types are those of a path: the schema's; of a path that it lacks, the newest version's that has it.
func (f *typed) types(r *registered, m message, path []string, history func() error, others *[]other) ([]value.Type, error) {
	t, problem, ok := m.typeOf(path)
	if !ok {
		if err := history(); err != nil {
			return nil, err
		}
		if err := absent(r, m, *others, path); err != nil {
			return nil, err
		}
		for _, o := range *others {
			if t, problem, ok = o.message.typeOf(path); ok {
				break
			}
		}
	}
	if problem != "" {
		return nil, &mismatch{path, problem}
	}
	return []value.Type{t}, nil
}

// mismatch says why a field of a schema is no column.
type mismatch struct {
	path    []string
	problem string
}

func (m *mismatch) Error() string { return strings.Join(m.path, ".") + ": " + m.problem }

// asSchemaError gives an error of settling or compiling its schema. What is the registry's stays what it is.
func asSchemaError(err error, r *registered) error {
	var m *mismatch
	var u *unfit
	switch {
	case errors.As(err, &m):
		return r.wrong(strings.Join(m.path, "."), m.problem)
	case errors.As(err, &u):
		return r.wrong(u.column, u.Error())
	}
	return err
}

// rowsOf are the rows of a shape, made once.
func (f *typed) rowsOf(s *shape) *rows {
	for _, r := range f.rows {
		if value.StructOf(r.all...).Equal(value.StructOf(s.all()...)) {
			return r
		}
	}
	r := newRows(f.def, s, newCells(s.payload, s.units))
	f.rows = append(f.rows, r)
	return r
}

// keys reads the key of a tombstone: of a schema, or the text of the one key column.
func (f *typed) keys(ctx context.Context, key []byte) ([]value.Value, error) {
	if len(key) < registryHeader || key[0] != 0 {
		return f.def.textKey(key)
	}
	w, err := f.parse(key)
	if err != nil {
		return nil, err
	}
	c := f.keyed[string(w.key)]
	if c == nil {
		if c, err = f.keyCells(ctx, w); err != nil {
			return nil, err
		}
		f.keyed[string(w.key)] = c
	}
	c.Begin(1)
	if err := c.Add(w.payload); err != nil {
		return nil, &poison{fmt.Sprintf("the record's key: %v", err)}
	}
	return f.def.keyRow(c.Finish(&dataset.Counts{}))
}

func (f *typed) keyCells(ctx context.Context, w wire) (*cells, error) {
	r, m, err := f.messageOf(ctx, w, "key")
	if err != nil {
		return nil, err
	}
	schema, err := f.def.keySchema()
	if err != nil {
		return nil, err
	}
	c := newCells(schema, f.def.topic.TimeUnits)
	c.read, err = m.compile(schema, f.def.topic.TimeUnits, func(path []string) error { return absent(r, m, nil, path) })
	if err != nil {
		return nil, asSchemaError(err, r)
	}
	return c, nil
}
