// Package flights carries the flights example inside the binary, so that `bighead demo` needs nothing else.
package flights

import (
	"embed"
	"os"
)

// Files is the project: its definitions, its tests and its data, whose source and licence data/README.md names.
//
//go:embed bighead.toml features.py models.py environments tests data/*.parquet data/README.md
var Files embed.FS

// CopyTo writes the project into a folder, which is made where it is missing. It writes over nothing.
func CopyTo(dir string) error { return os.CopyFS(dir, Files) }
