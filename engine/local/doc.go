// Package local is the embedded batch engine: point-in-time joins in this process, columns at a time (docs/data-path.md §2).
//
// The road of a run:
//
//	spine.go    the spine's rows as columns, its times and its keys
//	scan.go     a source's batches: E1 row by row, expressions a column at a time, keys to codes, rows to buckets
//	copies.go   copies of one id and time (E3), where a source declares an id
//	bucket.go   a bucket's events in the order (key, ts, tie), its spine rows in the order (key, at)
//	view.go     the events that pass where, under by, with a non-null input; what a window sees is a range of their positions
//	fold.go     each fold as a question about ranges (package ranges), finish.go the value of it
//	emit.go     the spine's order again: derived columns, labels, dropped rows, output
//
// Rows are shared out to buckets by key (package exchange), a bucket is worked on by one goroutine, and what does not fit the memory
// limit waits on disk. Options change the speed of a run and never its values, but for the order in which floats are added.
//
// The room must not compute a window's edge (plan/window.go does) nor know aggregations: it knows folds and evaluates a finish. To teach
// it a fold, write one file with its kernel and one line in the table of fold.go.
package local
