package fetch

import (
	"context"
	_ "embed"
)

// tritonPackages are tritonclient and what its clients over HTTP and gRPC import, each with its version; its client for asyncio is left out.
//
//go:embed triton.txt
var tritonPackages []byte

// TritonHome is a tritonclient that can be imported.
type TritonHome struct {
	Python string // the interpreter
	Dir    string // to put in PYTHONPATH
}

// Triton returns the pinned tritonclient, fetched if need be: some 70 MB.
func Triton(ctx context.Context) (TritonHome, error) {
	python, dir, err := pythonPackages(ctx, "triton", "tritonclient", tritonPackages, "tritonclient/http/__init__.py")
	return TritonHome{Python: python, Dir: dir}, err
}
