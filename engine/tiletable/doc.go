// Package tiletable keeps tiles on disk: the states of folds by key and time, made from a source's events a UTC day at a time
// (docs/data-path.md §2), so that what was folded once is not read again.
//
// A Table is a folder (.bighead/tiles). In it each source and key has a Set, a folder of its own:
//
//	departures-1f2e3d4c/
//	    manifest.json                 which cells there are, and what they were made from
//	    2013-01-31-9c0d1e2f.tiles     one day: keys, their tiles, and a column for each fold
//
// A cell is one fold on one day. It is found by the fold's fingerprint (docs/semantics.md I1), never by the name of a group or feature,
// so that renaming costs nothing and a changed meaning is another cell. A cell is good for as long as the source files whose events may
// lie in its day are those that it was made from, by path, size and time of modification. Days without events are cells without a file,
// one for many days.
//
// Nothing is ever changed in place. Files are staged under hidden names, synced and renamed; then the manifest is staged, synced and
// renamed, and what it says is true from that moment on; then files that nothing names are removed. Whatever ends the process, the next
// reader sees the manifest before or after, and the next writer removes what was left over. Every byte that is read is covered by a
// checksum: damage is ErrDamaged, never a value.
//
// Keys lie in a file in the order of the MD5 of their canonical encoding, in 2^n buckets by its first n bits, so that part of the keys
// can be read, a day can be written without holding it all, and an engine whose one common hash is MD5 can make the same buckets. A state
// is agg.AppendState's bytes.
//
// The package knows folds, days and files. It does not know windows, groups or how states are made; engine/cells says which are to be made, and engines make them.
// Writing is for one process at a time (Lock); readers need no lock, and find a file that was replaced meanwhile missing.
package tiletable
