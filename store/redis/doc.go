// Package redis is the online store that servers share: Redis 6 or newer, alone, behind Sentinel, or as a Cluster.
//
// # Layout
//
// What lies at a key, a step and a period (store.Period) is one hash, with starts as its fields:
//
//	{prefix:space:key}:step:period
//
// The braces make all of a key lie on one node of a Cluster, where it can be read and written at once. Steps of zero and below have one
// period. Beside the values stand {prefix}:meta, {prefix}:epoch, {prefix}:writes, which counts them, {prefix}:versions, and {prefix}:kept, the steps in
// which something was put without Keep.
//
// # What is atomic
//
// A Read is one transaction, of hashes that it knows by name: it never looks through the names of the server, which only upkeep does (Scan,
// Expire, Drop, Sizes). A Write is one script, which first looks at the epoch; a script holds up the server, so a Write takes at
// most maxPuts puts. In a Cluster that holds of one key at a time: epoch, then values, then epoch and meta.
//
// # What is lost
//
// A server that begins again from an older file, or a replica that takes over before it had everything, has lost writes that it said were
// done. The count of writes then lies behind what the writer has heard, and the next Write says so (store.ErrLost). In a Cluster that is told
// of the node alone that has the count.
//
// # What goes away
//
// A hash lives until the longest Keep of what was put in it is over, by the server's own clock; one put without Keep makes it stay. So
// Expire has nothing to do but for steps that are kept, where it looks through all names, and for steps of zero and below, of which a hash has
// all of a key and lives as long as the newest in it: there it looks into each hash too, 100,000 of nine fields in about a second. Redis 7.4 can let fields expire one by one;
// a hash for each period needs no such server, and an expiry for 32 tiles rather than for each.
//
// A server that evicts what it likes when its memory is full would make wrong numbers of missing tiles. Open refuses it.
//
// # Versions
//
// {prefix}:versions has a version for each of 131,072 lots of owners (a space and a key), which a Write moves for what it puts, in its script; "all" is
// of what is dropped. All who write must do so: a process of a time before versions must not write to a store beside servers that go by them.
package redis
