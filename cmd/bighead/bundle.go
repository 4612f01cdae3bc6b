package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/bighead-ml/bighead/plan"
)

// bundle writes what an engine elsewhere runs without us.
func (c *cli) bundle(ctx context.Context, l *loaded, engine string, b *plan.Batch, dir string) error {
	files, err := bundled(ctx, engine, b, l.inputs())
	if world := new(os.PathError); errors.As(err, &world) || ctx.Err() != nil {
		return err
	} else if err != nil {
		return mistakef("%v", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(files[name]), 0o644); err != nil {
			return err
		}
		fmt.Fprintln(c.stdout, path)
	}
	return nil
}
