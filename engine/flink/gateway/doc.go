// Package gateway is a client of Flink's SQL gateway: statements in, typed rows out, over its REST interface (v3, Flink
// 2.0 and later).
//
// A [Session] has its own settings and temporary tables on the gateway; both end with it. [Session.Exec] runs a statement
// and waits until the gateway has taken it; [Session.Query] returns all rows of a bounded query; [Session.Pages] hands
// them on page by page, also of an unbounded one. When the context ends, the operation is cancelled on the gateway. What
// Flink refuses is an [*Error] with the last cause of its stack trace.
//
// The package knows nothing of features, plans or printing. Jobs are watched through the JobManager, not through here.
package gateway
