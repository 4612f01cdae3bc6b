// Package online is the road of streams and servers: what a question reads is pushed as events, read by the local stream, kept in an
// online store and answered by a server, while the clock goes from one time that is asked for to the next (docs/interface.md §5).
//
//	road.go      the road as an engine, and what it needs of others
//	settings.go  which of the ways online there are a run goes, and how they are drawn
//	question.go  what is asked, as a server is asked it, and its answers as rows
//	feed.go      the rows of sources as events, in an order in which they may arrive
//	script.go    the steps of a run: what is pushed, killed, loaded and asked, one after the other
//	world.go     store, logs, stream and server while the steps are taken
//	batch.go     batch's part: tiles of a backfill, rows, marks
//
// A server must not be known in this room: who makes a Road hands it in (Wire), as are the stores. Events that a row may see are pushed before it
// is asked, and no later ones; within that they come shuffled, twice, early (they wait), with the process killed in between and with any
// part of them loaded by batch, and the answer is the same.
//
// The road declines what no server is asked (enginetest.Declined): training sets, and what the contract lets streams decide otherwise.
package online
