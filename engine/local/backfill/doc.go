// Package backfill makes tiles in this process (docs/data-path.md §2): the states of folds by key, from a source's events, a UTC day at
// a time, and only those that are missing or whose source files changed.
//
//	survey.go   what there is, what has to be made, and which scans make it
//	times.go    when the events of files lie that do not say so
//	scan.go     a source's batches: E1, expressions a column at a time, rows to buckets of days and keys
//	copies.go   copies of one id and time (E3): they lie in one day
//	fold.go     a bucket's rows to states by key and tile
//	commit.go   files to the table, some at a time
//
// Groups of one source are made in one scan where they need the same days. A day's rows are shared out to buckets by the MD5 of their key
// where they are many, and what does not fit the memory limit waits on disk (package exchange), so that neither a day nor a source
// has to fit memory.
//
// The room must not compute a window's edge, and knows no aggregation: it adds events to the states of folds.
package backfill
