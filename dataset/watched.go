package dataset

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/bighead-ml/bighead/value"
)

// Watched is a file of a table that others may write anew while it is read: what goes wrong then says of which table it is.
func Watched(f File, of string) File { return &watched{f, of} }

type watched struct {
	File
	of string
}

func (w *watched) mapped() bool {
	m, ok := w.File.(interface{ mapped() bool })
	return ok && m.mapped()
}

func (w *watched) Read(ctx context.Context, group int, columns []int, n int, counts *Counts, emit func(*value.Batch) error) error {
	var stopped error // by who takes the rows, which is not the table's doing
	err := w.File.Read(ctx, group, columns, n, counts, func(b *value.Batch) error { stopped = emit(b); return stopped })
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s was dropped or written anew while it was read; run again: %w", w.of, err)
	case err != nil && stopped == nil && ctx.Err() == nil:
		return fmt.Errorf("%s: %w", w.of, err)
	}
	return err
}
