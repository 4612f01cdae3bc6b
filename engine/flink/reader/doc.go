// Package reader brings what Flink folds into the online store: it reads the compacted topics of tile parts (package part), puts the parts of
// a tile together and writes it whole, so that who reads the store finds the tiles that our own stream would have written.
//
//	reader.go    what is read, and the calls from outside
//	space.go     one space: its place in its topic, its state in the store's meta
//	loop.go      its loop: records in, writes out, waiting, retrying
//	feed.go      the topic, and how far the job has come, beside the loop
//	apply.go     records into tiles
//	cell.go      tiles in memory, with how many rows are in which part of them
//	flush.go     what changed, into the store, with the place in the topic
//	progress.go  what the job has of its source, and so the space
//	roll.go      days into base tiles; what is expired
//	status.go    how it stands
//
// The topic is the truth: whatever a process or the store forgets is read again. A place in the topic is written with the tiles that were
// made up to there, in one write; a topic that was made anew is read from its start, into a space that is emptied.
//
// Flink goes back in time when it recovers, and where its state had expired it begins a tile anew. A part with fewer rows than stand is
// therefore counted and left out (part.Merge). How many rows stand lies beside each tile, in a space of its own with the same places
// (plan.PartsSpace): so it is read and written with the tile, expires with it, costs readers of tiles nothing, and the encoding of tiles
// stays what it is. In the tile's header there would be no room for what is under by, a number for each string. Where the store is not
// atomic it may be older than its tile, and then parts that stand are taken once more, which is harmless.
//
// What was committed by the job's consumer group before the topic of parts ended where it does is in the parts up to there, since Flink
// writes all parts before it commits at a checkpoint. So the space's place (plan.PlaceName) are those offsets, and a space is filled, and its
// days may be rolled, as of when they were the source's last.
//
// A tile's newest event is not in its parts. It is taken for the end of the tile, or for when its part came, whichever is first: never too
// early, but for events from the future, which Flink folds when they come.
package reader
