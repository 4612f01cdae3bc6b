// Package sdk carries the Python SDK inside the binary, so that a project needs nothing installed but Python.
//
// The package itself lives in python/bighead and needs the standard library alone; python/pyproject.toml makes a wheel
// of the same files for editors and notebooks. It holds no knowledge of its own: what a definition means is decided in
// package feature.
package sdk

import (
	"embed"
	"io/fs"
	"regexp"
)

//go:embed python/bighead/*.py python/bighead/py.typed
var files embed.FS

// Files is the folder that holds the package "bighead": put it, or a copy of it, on sys.path.
func Files() fs.FS {
	sub, err := fs.Sub(files, "python")
	if err != nil {
		panic(err) // the folder is embedded: only a bad path literal gets here
	}
	return sub
}

var versionLine = regexp.MustCompile(`(?m)^__version__ = "([^"]+)"$`)

// Version is the SDK's version, and the binary's: both are released as one. It is written once, in
// python/bighead/_version.py.
func Version() string {
	b, err := files.ReadFile("python/bighead/_version.py")
	if err != nil {
		panic(err)
	}
	m := versionLine.FindSubmatch(b)
	if m == nil {
		panic("python/bighead/_version.py holds no version")
	}
	return string(m[1])
}
