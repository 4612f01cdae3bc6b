package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
)

// keptRows are rows in a file of the command's own, since a sample may be longer than memory. They are written once and read again in order.
// The format is Arrow's: it has every type, and no engine takes it for a file that it could read where it lies.
type keptRows struct {
	path   string
	schema value.Schema
	rows   int64
	writer dataset.Writer
	batch  [][]value.Value // that add has gathered
}

// keepRows begins a file.
func keepRows(dir, name string, schema value.Schema) (*keptRows, error) {
	k := &keptRows{path: filepath.Join(dir, name+".arrow"), schema: schema}
	w, err := dataset.Create(formats, k.path, schema, dataset.Metadata{}, dataset.WriteOptions{})
	if err != nil {
		return nil, fmt.Errorf("keep rows: %w", err)
	}
	k.writer = w
	return k, nil
}

// keptTogether is how many rows that are added one by one are written together.
const keptTogether = 4096

func (k *keptRows) add(row []value.Value) error {
	if k.batch = append(k.batch, row); len(k.batch) < keptTogether {
		return nil
	}
	return k.flush()
}

func (k *keptRows) flush() error {
	if len(k.batch) == 0 {
		return nil
	}
	b := value.BatchOf(k.schema, k.batch)
	k.batch = k.batch[:0]
	return k.write(b)
}

func (k *keptRows) write(b *value.Batch) error {
	k.rows += int64(b.N)
	return k.writer.Write(b)
}

// done ends the writing.
func (k *keptRows) done() error {
	if err := k.flush(); err != nil {
		return err
	}
	return k.writer.Close()
}

// table is the rows once they are written.
func (k *keptRows) table(ctx context.Context) (dataset.Table, error) {
	if k.rows == 0 {
		return dataset.Memory(k.schema), nil
	}
	return dataset.Open(ctx, formats, k.path, dataset.Options{})
}

// each hands over the rows in order.
func (k *keptRows) each(ctx context.Context, do func(row []value.Value) error) error {
	c, err := k.open(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	for {
		row, err := c.next()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := do(row); err != nil {
			return err
		}
	}
}

// rowCursor reads kept rows one by one.
type rowCursor struct {
	reader dataset.Reader
	batch  *value.Batch
	at     int
}

func (k *keptRows) open(ctx context.Context) (*rowCursor, error) {
	t, err := k.table(ctx)
	if err != nil {
		return nil, err
	}
	r, err := t.Scan(ctx, dataset.Scan{})
	if err != nil {
		return nil, err
	}
	return &rowCursor{reader: r}, nil
}

// next is the next row, or io.EOF.
func (c *rowCursor) next() ([]value.Value, error) {
	for c.batch == nil || c.at == c.batch.N {
		b, err := c.reader.Next()
		if err != nil {
			return nil, err
		}
		c.batch, c.at = b, 0
	}
	c.at++
	return c.batch.Row(c.at - 1), nil
}

func (c *rowCursor) close() error { return c.reader.Close() }
