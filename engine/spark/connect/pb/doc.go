// Package pb holds the generated code of the part of the Spark Connect protocol that bighead speaks.
//
// It knows nothing of bighead. The generated files are committed, so building needs no protoc; regenerating needs protoc
// (Debian: protobuf-compiler), protoc-gen-go v1.36.12 and protoc-gen-go-grpc v1.6.2.
package pb

//go:generate protoc --go_out=. --go_opt=paths=source_relative --go-grpc_out=. --go-grpc_opt=paths=source_relative spark_connect.proto
