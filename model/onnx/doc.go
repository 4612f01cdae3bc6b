// Package onnx runs ONNX models with ONNX Runtime, whose library it finds on the machine and opens when the first model is: the binary is built
// without C, and without the library all other runtimes work.
//
// What each file must not know: scan.go reads of a model's file what the library does not tell (what computes an output, the names of classes) and
// refuses what reaches outside of it; library.go and load_*.go find and load the library, install.go brings it; api.go is the library's table of
// functions, of which the numbers are fixed since they were first given; session.go opens a model, and predict.go answers with it.
//
// Memory that C is handed is never on a goroutine's stack, which moves: it lies in a frame or a slot of a pool, both of the heap, and is kept alive
// until the call is over. What C hands out is released where it was asked for.
package onnx
