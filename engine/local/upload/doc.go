// Package upload writes what batch knows into the online store (docs/data-path.md §4): the tiles of backfills at the levels that a space
// keeps, base tiles of unbounded windows, and the rows of a source that no tile stands for.
//
//	tiles.go    from the table of tiles, a bucket of keys at a time
//	rows.go     from the source itself: events of exact windows, versions of entities, snapshots
//	batch.go    many puts, written some at a time
//
// Each load goes into a part of the store of its own (plan.Space.BatchSpace), which nobody reads until the space's marks name it. So a
// load that is ended half-way is invisible, a source that was corrected leaves nothing of before, and no request sees a mixture. In
// return all that batch owns is written anew each time; it is made of tiles, and is small beside its events.
//
// The room must not compute a window's edge: plan does.
package upload
