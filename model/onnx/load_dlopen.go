//go:build (linux || darwin) && (amd64 || arm64) && !static

package onnx

import (
	"sync"

	"github.com/ebitengine/purego"
)

// loadable says why no library can be loaded here; "": it can.
const loadable = ""

// load loads a library and finds its entry point.
func load(path string) (entry uintptr, err error) {
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return 0, err
	}
	return purego.Dlsym(handle, "OrtGetApiBase")
}

// arguments are what calls hand over: purego has them escape to the heap, and so would each call's own.
var arguments = sync.Pool{New: func() any { return new([10]uintptr) }}

// call calls a function of C. Arguments are words: none of the functions that are used takes a floating point number.
func call(fn uintptr, args ...uintptr) uintptr {
	all := arguments.Get().(*[10]uintptr)
	defer arguments.Put(all)
	r, _, _ := purego.SyscallN(fn, all[:copy(all[:], args)]...)
	return r
}
