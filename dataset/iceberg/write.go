package iceberg

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/table"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
)

// Create starts appending rows to a table, which is made, without partitions, where it is not there. They are one snapshot at Close, or none;
// running again appends them again. of is kept in the snapshot's summary.
func (t Tables) Create(ctx context.Context, name, of string, schema value.Schema, meta dataset.Metadata) (dataset.Writer, error) {
	p, err := t.place(name)
	if err != nil {
		return nil, err
	}
	if p.snapshot != nil || p.asOf != nil {
		return nil, fmt.Errorf("%s: rows are appended to what it is now; leave the snapshot out", p.title())
	}
	c, done, err := t.open(ctx)
	if err != nil {
		return nil, err
	}
	tbl, err := load(ctx, c, p)
	made := false
	if missing := new(noTable); errors.As(err, &missing) {
		tbl, err = makeTable(ctx, c, p, schema)
		made = err == nil
	} else if err == nil {
		err = fits(tbl, p, schema)
	}
	if err != nil {
		done()
		return nil, err
	}
	w := &writer{ctx: ctx, place: p, catalog: c, done: done, made: made, tx: tbl.NewTransaction(), ended: make(chan error, 1)}
	return w, w.begin(t.Stream, schema, meta, of)
}

func makeTable(ctx context.Context, c catalog.Catalog, p place, schema value.Schema) (*table.Table, error) {
	var fields []iceberg.NestedField
	id := len(schema)
	for i, f := range schema {
		of, err := written(f.Type, &id)
		if err != nil {
			return nil, fmt.Errorf("%s: column %q: %w", p.title(), f.Name, err)
		}
		fields = append(fields, iceberg.NestedField{ID: i + 1, Name: f.Name, Type: of})
	}
	t, err := c.CreateTable(ctx, p.ident, iceberg.NewSchema(0, fields...))
	if err != nil {
		return nil, fmt.Errorf("%s could not be made: %w", p.title(), err)
	}
	return t, nil
}

// fits refuses rows that are not the table's.
func fits(t *table.Table, p place, schema value.Schema) error {
	id := 0
	for _, f := range schema {
		have, ok := t.Schema().FindFieldByName(f.Name)
		want, err := written(f.Type, &id)
		switch {
		case err != nil:
			return fmt.Errorf("%s: column %q: %w", p.title(), f.Name, err)
		case !ok:
			return fmt.Errorf("%s has no column %q (%s): add it (ALTER TABLE … ADD COLUMN), or write to another table", p.title(), f.Name, want)
		}
		if got, err := typeOf(have.Type); err != nil || !got.Equal(f.Type) || have.Type.Type() != want.Type() {
			return fmt.Errorf("%s: column %q is %s there, and %s is written: write to another table, or alter the column", p.title(), f.Name, have.Type, want)
		}
	}
	for _, f := range t.Schema().Fields() {
		if schema.Index(f.Name) < 0 {
			return fmt.Errorf("%s has column %q, which the rows do not have: write to another table, or keep= it", p.title(), f.Name)
		}
	}
	return nil
}

// writer hands rows to the library as Arrow's stream, which it reads in a goroutine.
type writer struct {
	ctx     context.Context
	place   place
	catalog catalog.Catalog
	done    func()
	made    bool
	tx      *table.Transaction
	pipe    *io.PipeWriter
	rows    dataset.Encoder
	ended   chan error
	closed  bool
	err     error
}

func (w *writer) begin(stream dataset.Format, schema value.Schema, meta dataset.Metadata, of string) (err error) {
	in, out := io.Pipe()
	w.pipe = out
	go func() {
		r, err := ipc.NewReader(in)
		if err == nil {
			defer r.Release()
			if err = w.tx.Append(w.ctx, r, iceberg.Properties{"bighead.of": of}); err == nil {
				err = r.Err()
			}
		}
		in.CloseWithError(errors.Join(errors.New("the rows are not taken any more"), err))
		w.ended <- err
	}()
	w.rows, err = dataset.Encode([]dataset.Format{stream}, stream.Name(), out, schema, meta, dataset.WriteOptions{})
	if err != nil {
		w.err = err
		w.Abort()
	}
	return err
}

func (w *writer) Write(b *value.Batch) error {
	if w.err == nil {
		if w.err = w.rows.Write(b); w.err != nil {
			w.err = fmt.Errorf("%s: %w", w.place.title(), w.err)
		}
	}
	return w.err
}

// Close commits: the rows are a snapshot of the table, or there is an error and it is as it was.
func (w *writer) Close() error {
	if w.err != nil {
		w.Abort()
		return w.err
	}
	err := w.rows.Close()
	w.pipe.CloseWithError(err) // nil: the end
	if failed := <-w.ended; failed != nil {
		err = failed
	}
	if err == nil {
		_, err = w.tx.Commit(w.ctx)
	}
	w.finish(err != nil)
	w.err = errors.New("the writer is closed")
	if errors.Is(err, table.ErrCommitFailed) {
		return fmt.Errorf("%s: another writer was first, and nothing of these rows is in the table; run it again: %w", w.place.title(), err)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", w.place.title(), err)
	}
	return nil
}

// finish leaves no table behind that was made for rows which did not come.
func (w *writer) finish(failed bool) {
	w.closed = true
	if failed && w.made {
		_ = w.catalog.DropTable(context.WithoutCancel(w.ctx), w.place.ident) // what failed is said
	}
	w.done()
}

// Abort leaves the table as it was. Files that were written for it are part of no snapshot.
func (w *writer) Abort() {
	if w.closed {
		return
	}
	_ = w.pipe.CloseWithError(errors.New("the rows were given up")) // as it always does
	<-w.ended
	w.finish(true)
	if w.err == nil {
		w.err = errors.New("the writer was aborted")
	}
}
