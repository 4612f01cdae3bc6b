// Package pebble is the embedded online store: a log-structured merge tree in a folder, for exactly one process.
//
// # Layout
//
// The place of a value stands in its key so that a read is one seek and then steps, and so that what expires lies together:
//
//	'v' length of space, space | step | period | key, ended | start
//
// Numbers are big-endian with the sign bit turned, so that bytes sort as numbers; a key's 0x00 is written 0x00 0xff and its end 0x00
// 0x01, so that no key is the beginning of another. All but the start is the prefix that Bloom filters know. A period is
// store.PeriodSteps steps: to expire is one range deletion over whole periods, which compactions carry out by dropping files. What that
// costs: a read over several periods seeks once for each (60 tiles: at most 3), and up to 31 tiles of a key and step stay longer than
// needed, 16 on average. The period itself is 8 bytes of a key, which blocks write once for neighbours.
//
// Steps of zero and below have one period, so their values lie by key and start, and to expire is a walk.
//
// # What lasts
//
// A write goes to the log by write(2) before it returns, so the end of the process, however it comes, loses nothing; the disk's own
// cache is asked only where Write.Sync says so. Pebble has no such middle way: without a sync, records stay in the process until 32 KB
// have come together. So every commit asks pebble for a sync, and the file system that pebble sees leaves it out of the log's (log.go).
//
// # When the disk fails
//
// Pebble ends the process where it cannot write its log or manifest. Here that becomes an error of the write, and of every later one
// until the store is opened again; reads go on, and the folder stays as it is, as if the process had ended (log.go). OpenHealing gives a store
// that opens itself again once the disk takes writes. A file that is damaged is an error of the read that meets it, and names the folder.
package pebble
