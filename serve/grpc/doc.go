// Package grpc is the server's surface over gRPC: the service bighead.v1 (folder pb has its text), health and reflection.
//
// It asks the same core, through the same gate, as serve/http. Requests are read from protobuf's wire form straight into typed values by
// the view's schema, and answers are appended to one buffer: the generated messages are for callers, and for what is rare. What a caller
// does wrong is a status whose details have the number, the field, the nearest name and the cure; what goes wrong inside is logged and
// never shown.
package grpc
