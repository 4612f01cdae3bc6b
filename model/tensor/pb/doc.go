// Package pb holds the generated code of the Open Inference Protocol's service, for the server (serve/oip), the runtime that asks others (model/remote) and callers in Go. It knows nothing of
// bighead. How it is generated says the package of serve/grpc/pb.
package pb

//go:generate go run ../../../serve/grpc/pb/gen inference.proto
