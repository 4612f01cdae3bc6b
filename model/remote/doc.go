// Package remote asks models that run elsewhere, in any container or server that speaks the Open Inference Protocol, version 2, over HTTP or gRPC:
// MLServer, KServe, Triton, another bighead.
//
//	open.go     an address, its metadata, and what of it are a model's inputs and outputs
//	predict.go  rows into tensors, tensors into answers, which are believed in nothing
//	http.go     the protocol over HTTP, in binary where the server has the extension, else in JSON
//	grpc.go     the protocol over gRPC
//
// What a server says is checked against what it said before: datatypes, shapes, lengths, NaN. What may pass by itself (no connection, one that
// ends half-way, a server that is busy) is model.ErrUnavailable; what does not (another shape than it said, a request that it refuses) is not.
// Connections are kept and shared; an answer is read up to a bound. A request is sent again only where a connection that was kept has been
// closed before a byte of the answer came, which is what the libraries below do by themselves; a server that says that it is busy is not asked again.
package remote
