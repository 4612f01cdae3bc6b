// Package pb holds the generated code of the service bighead.v1, for the server and for callers in Go. It knows nothing else of bighead.
//
// The generated files are committed, so building needs no generator. `go generate` needs no protoc: folder gen parses the text itself and
// runs protoc-gen-go at the version of go.mod and protoc-gen-go-grpc v1.6.2.
package pb

//go:generate go run ./gen bighead.proto
