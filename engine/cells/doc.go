// Package cells is what the backfills of all engines have in common (docs/data-path.md §2): which cells of the table of tiles, each a fold on
// a UTC day, are missing or made from files that have changed, and how what an engine makes of them comes into the table.
//
//	work.go     a survey or a backfill, source after source
//	survey.go   what there is, and what has to be made
//	times.go    when the events of files lie that do not say so
//	job.go      what an engine is asked to make: the same folds, of the same files, on some days
//	commit.go   files to the table, some at a time
//
// The room makes no tile and reads no column but times: an engine does, which is handed jobs and hands files back.
package cells
