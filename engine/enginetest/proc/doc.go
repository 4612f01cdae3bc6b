// Package proc starts the servers of an engine for a test, waits until they answer, and sees that none outlives it.
//
// A [Process] leads its own process group, writes to a log file and is ended by [Process.Stop]. Where the kernel offers
// it (Linux), the process is also killed when the test process dies in any way, kill -9 included. Nothing in this package
// sleeps and hopes: readiness is a probe that is repeated until it succeeds, the process exits, or the context ends.
//
// It must not know engines: what to start and what "ready" means is the caller's.
package proc
