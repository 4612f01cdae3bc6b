// Package store is the online store: bytes by key and time, read many at once and written whole.
//
// It knows nothing of what the bytes mean (package agg/tile does), of features, plans or clocks. Implementations stand in folders of
// their own (memory, pebble, redis) and only cmd/bighead/wire.go names them; each passes storetest.Run. Adding one: a folder with a
// type that implements Store, its line in wire.go, and a call of storetest.Run in its test.
//
// The words: a space is everything that is kept for one meaning (a group under one set of folds and levels), and dies as a whole. In
// it a place is a key, a step (the length of tiles in ms; zero and below are kinds of their own, whose meaning is the plan's) and a
// start (ms since the epoch; a multiple of a step above zero). At a place lies one value, which is replaced, never changed in place.
package store

import (
	"context"
	"errors"
)

// Store holds values by place. It is safe for concurrent use by readers and one writer; a second process that writes is kept out by
// its epoch (Write) or, where the store is embedded, by its lock. A call whose context has ended returns an error that is the
// context's; where the context's deadline was the cause it is ErrUnavailable as well.
type Store interface {
	// Read finds what lies in the ranges, in one round trip: found is called for each value there is, ranges in their order, starts
	// ascending. The bytes are good only during the call and must not be changed. It sees each Write whole or not at all where Atomic is true, elsewhere what
	// the Write says of one key. An error of found ends it and is returned as it is. Concurrency: found is called by the caller's
	// goroutine; it may read the store, and must not write.
	Read(ctx context.Context, ranges []Range, found func(i int, start int64, bytes []byte) error) error
	// Write puts and deletes all of w, in w's order, in one atomic step where Atomic is true; elsewhere the values of one key in one
	// space together, and meta last, so that what meta says is there. It refuses with ErrFenced, and writes nothing, where a higher
	// epoch has written or called Fence (where Atomic is false, a writer that is overtaken meanwhile may have written values, never
	// meta). When it returns without an error, what was written is seen by every later Read and, where Lasting is true, survives the
	// end of the process (Durable says of what else). After any other error than ErrFenced and a mistake in w (Check), w may be written
	// or not; the same Write may be repeated. It keeps nothing of w.
	Write(ctx context.Context, w *Write) error
	// Fence raises the store's epoch, so that no write of a lower one succeeds any more, also after the store was opened anew where
	// Lasting is true. It fails with ErrFenced where a higher epoch stands already. From then on Write fails with ErrLost, and writes
	// nothing, where a store that is Shared has lost what was written since; another Fence takes the store as it is.
	Fence(ctx context.Context, epoch int64) error

	// Meta calls found for each meta value whose name begins with prefix, names ascending. The bytes are good only during the call.
	Meta(ctx context.Context, prefix string, found func(name string, bytes []byte) error) error
	// Scan calls found for everything of one step in a space, in an order of the store's own: neither the places of a key nor its starts
	// need stand together. It is for upkeep: it need not see writes that are made meanwhile, may show a place twice, and a writer is not
	// kept waiting. The bytes are good only during the call; an error of found, which may write, ends it and is returned as it is.
	Scan(ctx context.Context, space string, step int64, found func(key string, start int64, bytes []byte) error) error
	// Expire lets values of a step that start before a time go. With a step above zero it costs about the same however many they are,
	// since they go by whole periods (Period): the newest of them, at most PeriodSteps-1 of a key, may stay and be shown until all of
	// their period is before the time, and values that were put with Keep until that is over. With a step of zero or below it is a
	// walk through all of the step, and exact: all of a key is one period, which Keep lets go as a whole once nothing is put any more, so that
	// what is old in a key that is written again and again goes by the walk alone. It costs about a second for 100,000 keys of nine values.
	Expire(ctx context.Context, space string, step, before int64) error
	// Drop removes a space whole, meta excepted. Like Expire, it is refused with ErrFenced where this Store has written or fenced
	// under an epoch and a higher one stands.
	Drop(ctx context.Context, space string) error
	// Sizes estimates the bytes that each space takes, upkeep of the store included. Where a store counts only what it has laid down on
	// disk, a young space is there with 0.
	Sizes(ctx context.Context) (map[string]int64, error)
	// Traits says what the implementation promises.
	Traits() Traits
	// Close flushes and lets go. No other call may run or follow.
	Close() error
}

// Traits are what implementations differ in.
type Traits struct {
	Name string
	// Atomic: a Write is seen, and survives, whole or not at all.
	Atomic bool
	// Lasting: what was written is there when the store is opened again.
	Lasting bool
	// Shared: other processes may open the same store.
	Shared bool
	// Durable: Write survives the loss of power, not only the end of the process.
	Durable bool
	// Versioned: the store is a Versions that can be asked.
	Versioned bool
}

// Versions is a store that says what was written since without showing it, so that what was read once need not be read again.
type Versions interface {
	// Versions fills versions, one for each owner, with a number that is another after each Write and Drop that changed something the owner
	// has, and may be another after others too. A Read that begins after it finds at least what a version stands for; where the version is the
	// same afterwards, it has found just that (what Expire takes excepted). It is one round trip.
	Versions(ctx context.Context, owners []Owner, versions []uint64) error
}

// Owner is all that lies under a key in a space.
type Owner struct {
	Space string
	Key   string // as of a Range
}

// Range is the places of a key and step that start in [From, To); From >= To is empty. With a step of zero or below math.MinInt64 and
// math.MaxInt64 leave a side open. With a step above zero it touches at most MaxPeriods periods, and costs a store in proportion to them,
// also where nothing lies there.
type Range struct {
	Space    string
	Key      string // the canonical encoding of the key (value.AppendKey)
	Step     int64
	From, To int64
}

// Put is one value to be put; nil Bytes delete what lies there, empty ones are a value.
type Put struct {
	Space string
	Key   string
	Step  int64
	Start int64
	Bytes []byte
	// Keep is for how long, in ms from now, the value is needed at least; 0: until it is deleted. A store that can lets it go then.
	Keep int64
}

// MetaPut is one small named value beside the places: positions, watermarks. nil Bytes delete it.
type MetaPut struct {
	Name  string
	Bytes []byte
}

// Write is what is written together.
type Write struct {
	Epoch int64 // of the writer's lease; 0 where there is none
	Puts  []Put
	Meta  []MetaPut
	// Sync asks that the write survive a loss of power, where the store can.
	Sync bool
}

// ErrFenced says that a writer with a higher epoch is at work: this one has lost its lease and must stop.
var ErrFenced = errors.New("another process has taken over writing")

// ErrLost says that the store has no more what it had said was written: it began again from an older state, or empty. Who keeps in memory
// what lies in the store must read it anew.
var ErrLost = errors.New("the online store has lost what was written to it")

// ErrLocked says that another process has an embedded store open.
var ErrLocked = errors.New("another process has the online store open: stop it, or share one store between servers with [store] kind = \"redis\"")

// ErrUnavailable is what every error is that may pass by itself: a lost connection, a time-out, a server that is loading. What is not
// ErrUnavailable is a defect or a mistake, and repeating it does not help.
var ErrUnavailable = errors.New("the online store cannot be reached")
