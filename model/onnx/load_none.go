//go:build !((linux || darwin) && (amd64 || arm64)) || static

package onnx

import "errors"

// loadable says why no library can be loaded here; "": it can.
const loadable = "this bighead was built without the means to load libraries (with -tags static, or for another system than Linux and macOS on amd64 and arm64)"

func load(string) (uintptr, error) { return 0, errors.New(loadable) }

func call(uintptr, ...uintptr) uintptr { panic("unreachable: nothing was loaded") }
