// Package connect is a client of Spark's Connect server: SQL in, typed rows or Arrow records out.
//
// It speaks a hand-picked, wire-compatible part of the protocol (folder pb), because that part is small and stable and the
// project's own Go client is not. A [Session] has its own temporary views and settings on the server. [Session.Exec] runs a
// command, [Session.Query] a query; [Session.Records] streams a query's Arrow records without holding them all. A query is
// interrupted on the server when its context ends. What the server refuses is an [*Error] with Spark's error class.
//
// The package knows nothing of features, plans or printing. More of the protocol: see pb/spark_connect.proto.
package connect
