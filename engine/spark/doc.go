// Package spark is the batch engine that lets Spark compute: it prints a plan as one query of Spark SQL, submits it over Spark Connect
// (package connect) and hands back the rows. It computes nothing itself, so that the numbers are Spark's, and the oracle's; tiles of a
// backfill it encodes.
//
// The road of a run:
//
//	stage.go    tables that Spark cannot read in place (place.go) become lists of values in the query, or Parquet in a folder of the run
//	print.go    the query as named steps, each with the definition that it stands for
//	spine.go    the spine: rows, their numbers, at, where, range, sample (sample.go)
//	source.go   a join's source: E1, copies (E3), partitions (E6), what is read of an event
//	pairs.go    each asking row beside the events of its key, a flag for each window
//	hot.go      of hot keys beside tiles of their events, blocks of time that make up each window
//	folds.go    each fold as an aggregate: the one table of kinds; order.go says how values are put in order
//	tiled.go    each fold as a state of a tile, and as what many come to
//	values.go   folds of a window, entries of by, finish, default
//	row.go      derived columns, labels, the reasons why a row is left out, output
//	results.go  Arrow records as batches of the plan's output
//	cells.go    a backfill's tiles: the same steps up to the events, then a row for each key and tile
//	states.go   each fold as Spark tells the state of a tile, and how it becomes a state of ours
//	backfill.go a backfill: what engine/cells finds to be made, as queries
//	daily.go    rows of tiles as files of days, each whole or not at all
//	named.go    tables of a catalog that Spark alone reaches: by their names in its own
//	looked.go   of those, for a backfill: which files they have, and when their events lie
//	watch.go    how far Spark is
//	bundle.go   a training set as files that Spark runs without us
//
// print.go to row.go, and cells.go, are pure: from a plan and where its tables are to text. Times are BIGINT ms in every step, dates days. Edges of windows
// come from plan/window.go. The room must not know aggregations: it prints folds, and the finish by the text that an aggregation gives.
package spark
