//go:build race

package onnx

// raced: the race detector throws away a part of what is put into pools, of which a call uses many, purego's own among them.
const raced = true
