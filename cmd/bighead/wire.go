package main

import (
	"context"
	"path/filepath"

	"github.com/bighead-ml/bighead/catalog"
	"github.com/bighead-ml/bighead/catalog/sqlite"
	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/arrow"
	"github.com/bighead-ml/bighead/dataset/parquet"
	"github.com/bighead-ml/bighead/dataset/text"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/local"
)

// This file is the only one that names implementations: what the interfaces of the rooms are made of in this binary.

// formats are the kinds of files that are read and written.
var formats = []dataset.Format{parquet.Format{}, text.CSV{}, text.NDJSON{}, arrow.Format{}}

// engineOptions are what a project or a flag says about running a plan.
type engineOptions struct {
	Memory  int64 // bytes; 0: the engine's default
	Threads int   // 0: all cores
}

// engines are the roads of a batch plan, the one that is used by default first.
func engines(o engineOptions) []engine.Engine {
	return []engine.Engine{
		local.New(local.Options{Memory: o.Memory, Threads: o.Threads}),
	}
}

// openCatalog opens what remembers applied definitions.
func openCatalog(ctx context.Context, root string) (catalog.Catalog, error) {
	return sqlite.Open(ctx, filepath.Join(root, ".bighead", "catalog.db"))
}
