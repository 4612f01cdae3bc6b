// Package backfill makes tiles in this process (docs/data-path.md §2): the states of folds by key, from a source's events, a UTC day at
// a time, and only those that are missing or whose source files changed.
//
//	run.go      a backfill: what has to be made is engine/cells'
//	job.go      a scan, and where its rows wait
//	scan.go     a source's batches: E1, expressions a column at a time, rows to buckets of days and keys
//	copies.go   copies of one id and time (E3): they lie in one day
//	fold.go     a bucket's rows to states by key and tile
//
// Groups of one source are made in one scan where they need the same days. A day's rows are shared out to buckets by the MD5 of their key
// where they are many, and what does not fit the memory limit waits on disk (package exchange), so that neither a day nor a source
// has to fit memory.
//
// The room must not compute a window's edge, and knows no aggregation: it adds events to the states of folds.
package backfill
