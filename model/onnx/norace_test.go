//go:build !race

package onnx

const raced = false
