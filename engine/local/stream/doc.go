// Package stream is the local stream: rows that are accepted go to their source's event log, and from there, filtered, keyed and folded,
// into the tiles and rows that the online store keeps for each key (docs/data-path.md §3).
//
//	stream.go    what is open, and the calls from outside
//	push.go      rows in: durable in the log before anybody is told so
//	decode.go    JSON into typed rows, and why a row is refused
//	source.go    one source: its log, and the loops that read it
//	loop.go      one loop: records in, writes out, waiting, retrying
//	space.go     what is kept online of one group: its place in the log, its state in the store's meta
//	apply.go     which rows count, are late, or must wait (E1–E4)
//	fold.go      rows into tiles of each level, and into kept rows
//	cache.go     tiles in memory, read when first touched, let go when clean
//	flush.go     what changed, into the store, with the place in the log
//	waiting.go   events whose time has not come
//	upgrade.go   tiles of an older version, written anew
//	roll.go      days into base tiles; what is expired
//
// A space is the unit: it has its own place in the log, its own waiting events and its own tiles, so that a new one is filled beside the
// old ones and joins them when it has caught up. One write carries tiles, place and waiting events together. Where the store is not
// atomic, tiles may be ahead of the place after a crash: each tile says what is in it by partition and offset, so the replay leaves out
// what is there; an event that waited gets a number when its time has come, under a partition of its own (Waited), and that number is
// written before any tile is.
//
// A source has one goroutine that folds, and one more while new spaces catch up. Nobody else touches a space.
package stream
