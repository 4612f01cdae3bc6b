package transform

import (
	"errors"
	"fmt"

	"github.com/bighead-ml/bighead/value"
)

// Applier applies a pipeline, batch after batch, in memory that it uses again. It is not safe for concurrent use: make one for each.
type Applier struct {
	p     *Pipeline
	slots []*value.Column
	calls []call // by unit
	out   value.Batch
	known *value.Field // the first field of the schema that was looked at last
}

// call is one application of an op.
type call struct {
	in      []*value.Column
	out     []*buffer
	names   []string // of in
	n       int
	first   int64 // out of fold, the number of the first row among those of the training set; else -1
	scratch []byte
}

// buffer is a column that is made anew at each call, in the same memory.
type buffer struct {
	value.Column
	nulls value.Bitmap
}

// RowError says that a row holds what a step refuses.
type RowError struct {
	Row    int // of the batch
	Step   int
	Column string
	Reason string
}

// Error names row and column, never the value.
func (e *RowError) Error() string {
	return fmt.Sprintf("row %d: column %q: %s", e.Row, e.Column, e.Reason)
}

func (c *call) refuse(row, column int, reason string) error {
	return &RowError{Row: row, Column: c.names[column], Reason: reason}
}

// NewApplier makes an applier.
func (p *Pipeline) NewApplier() *Applier {
	a := &Applier{p: p}
	a.grow()
	a.out = value.Batch{Schema: p.schema, Columns: make([]*value.Column, len(p.schema))}
	return a
}

// grow takes in the units that were added since.
func (a *Applier) grow() {
	a.slots = append(a.slots, make([]*value.Column, len(a.p.types)-len(a.slots))...)
	for _, u := range a.p.units[len(a.calls):] {
		c := call{in: make([]*value.Column, len(u.ins)), names: u.in}
		if _, renames := u.op.(*identity); !renames {
			for _, slot := range u.outs {
				b := &buffer{Column: value.Column{Type: a.p.types[slot]}}
				c.out, a.slots[slot] = append(c.out, b), &b.Column
			}
		}
		a.calls = append(a.calls, c)
	}
}

// Apply gives the pipeline's columns of a batch that has its input's in their order, and may have others behind them. The result, which may
// hold columns of the batch, is good until the next call. A row that a step refuses is a *RowError, and the whole call's.
func (a *Applier) Apply(in *value.Batch) (*value.Batch, error) {
	return a.result(in, -1)
}

func (a *Applier) result(in *value.Batch, first int64) (*value.Batch, error) {
	if err := a.run(in, first); err != nil {
		return nil, err
	}
	for i, c := range a.p.frame.cols {
		a.out.Columns[i] = a.slots[c.slot]
	}
	a.out.N = in.N
	return &a.out, nil
}

func (a *Applier) run(in *value.Batch, first int64) error {
	if err := a.look(in); err != nil {
		return err
	}
	copy(a.slots, in.Columns[:len(a.p.input)])
	for i, u := range a.p.units {
		c := &a.calls[i]
		for j, slot := range u.ins {
			c.in[j] = a.slots[slot]
		}
		if c.out == nil && len(u.outs) > 0 { // a name alone is new
			a.slots[u.outs[0]] = c.in[0]
			continue
		}
		for _, b := range c.out {
			b.reset(in.N)
		}
		c.n, c.first = in.N, first
		if err := u.op.apply(c); err != nil {
			if row := (*RowError)(nil); errors.As(err, &row) {
				row.Step = u.step
			}
			return err
		}
	}
	return nil
}

// look refuses a batch whose columns are not the input's. A schema that was seen at the last call is not looked at again.
func (a *Applier) look(in *value.Batch) error {
	want := a.p.input
	if len(in.Schema) < len(want) || len(in.Columns) < len(want) {
		return fmt.Errorf("a batch of %d columns, the pipeline reads %d", min(len(in.Schema), len(in.Columns)), len(want))
	}
	if len(want) == 0 || a.known == &in.Schema[0] {
		return nil
	}
	for i, f := range want {
		got := in.Schema[i]
		if got.Name != f.Name || !got.Type.Equal(f.Type) {
			return fmt.Errorf("column %d of the batch is %q, %s; the pipeline reads %q, %s, there", i, got.Name, got.Type, f.Name, f.Type)
		}
	}
	a.known = &in.Schema[0]
	return nil
}

func (b *buffer) reset(n int) {
	b.N, b.Nulls = n, nil
	switch b.Type.Kind {
	case value.KindBool:
		b.Bools = zeroed(b.Bools, n)
	case value.KindInt, value.KindTimestamp, value.KindDate:
		b.Ints = zeroed(b.Ints, n)
	case value.KindFloat:
		b.Floats = zeroed(b.Floats, n)
	case value.KindString, value.KindBytes:
		b.Strs = zeroed(b.Strs, n)
	default:
		b.Values = zeroed(b.Values, n)
	}
}

func zeroed[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	s = s[:n]
	clear(s)
	return s
}

// null makes a cell null.
func (b *buffer) null(i int) {
	if b.Nulls == nil {
		b.nulls = zeroed(b.nulls, (b.N+63)/64)
		b.Nulls = b.nulls
	}
	b.Nulls.Set(i)
}

// put makes a cell a number, null where it is none (V2).
func (b *buffer) put(i int, x float64) {
	x, ok := value.Finite(x)
	if !ok {
		b.null(i)
		return
	}
	b.Floats[i] = x
}

// copyCell makes a cell what another column has there, which must be of the same type.
func (b *buffer) copyCell(c *value.Column, i int) {
	if c.Nulls.Get(i) {
		b.null(i)
		return
	}
	switch b.Type.Kind {
	case value.KindBool:
		b.Bools[i] = c.Bools[i]
	case value.KindInt, value.KindTimestamp, value.KindDate:
		b.Ints[i] = c.Ints[i]
	case value.KindFloat:
		b.put(i, c.Floats[i])
	case value.KindString, value.KindBytes:
		b.Strs[i] = c.Strs[i]
	default:
		b.Values[i] = c.Values[i]
	}
}

// set makes a cell a value of its type.
func (b *buffer) set(i int, v value.Value) {
	if v.IsNull() {
		b.null(i)
		return
	}
	b.Column.Set(i, v)
}

// numeral is cell i of a column of ints, floats or bools as a float; false where it is null, or is no finite number (V2).
func numeral(c *value.Column, i int) (float64, bool) {
	if c.Nulls.Get(i) {
		return 0, false
	}
	switch c.Type.Kind {
	case value.KindFloat:
		return value.Finite(c.Floats[i])
	case value.KindBool:
		if c.Bools[i] {
			return 1, true
		}
		return 0, true
	}
	return float64(c.Ints[i]), true
}

// ErrNotFitted says that a pipeline was read from a file, which does not know how its training rows were split.
var ErrNotFitted = errors.New("the pipeline was not fitted here: what it learnt out of fold is not kept in its file")

// OutOfFold applies a pipeline to the rows that it was fitted over. Each row gets of target_encode what the other folds say, so that its own
// label is not in its features; of all other steps what Apply gives. It is not safe for concurrent use.
type OutOfFold struct{ a *Applier }

// OutOfFold makes one; ErrNotFitted where the pipeline was decoded.
func (p *Pipeline) OutOfFold() (*OutOfFold, error) {
	if !p.fitted {
		return nil, ErrNotFitted
	}
	return &OutOfFold{p.NewApplier()}, nil
}

// Apply is Applier.Apply for rows of the training set, of which the batch's first was the first-th that Fit saw, from 0 on. Batches may come
// in any order, and cut otherwise.
func (o *OutOfFold) Apply(in *value.Batch, first int64) (*value.Batch, error) {
	return o.a.result(in, first)
}
