// Package oip is the surface of the Open Inference Protocol, version 2, over HTTP and gRPC: models by name, asked with tensors. What it answers
// with, the models, is behind an interface (Models); clients such as tritonclient work unchanged.
//
//	models.go   what is asked: models by name and version
//	rows.go     tensors into rows of a model's columns, answers into tensors
//	infer.go    one request, on whichever surface it came
//	http.go     the calls over HTTP; http_infer.go: bodies, with the extensions for binary tensors and compression
//	grpc.go     the calls over gRPC
//
// Tensors, as JSON, as bytes and typed, are those of model/tensor, with which model/remote asks others.
//
// What Triton has beside the protocol (shared memory, tracing, settings, statistics, sequences, classification) is refused by name.
package oip
