// Package seen remembers which ids were met at which times, so that a copy of an event is told from an event (docs/semantics.md E3).
//
// The package knows keys, times and files. It does not know records or logs: whoever owns the index shows it again what it had not
// on disk when the process ended.
package seen

import (
	"crypto/sha256"
)

// Key stands for an id: the first 16 bytes of the SHA-256 of its canonical encoding, so that nobody can make two ids that meet. The zero
// Key is no id.
type Key [16]byte

// KeyOf is an id's key; that of "" is no id.
func KeyOf(id string) Key {
	if id == "" {
		return Key{}
	}
	sum := sha256.Sum256([]byte(id))
	return Key(sum[:16])
}

// Entry is that an id was met.
type Entry struct {
	Key   Key
	Time  int64  // ts of its event, ms
	Print uint32 // of its event's cells, to tell copies that differ
}

// Verdict says what an event is beside those that were met.
type Verdict uint8

// The verdicts, from weak to strong.
const (
	New      Verdict = iota // its id was not met
	Conflict                // its id was met with another time alone
	Copy                    // its id was met with its time
	Differs                 // a copy that has another print
)

// judge is what an event is beside one of its id that was met; one of before the horizon is forgotten, though it may be there still.
func (e *Entry) judge(met *Entry, horizon int64) Verdict {
	switch {
	case met.Time < horizon:
		return New
	case met.Time != e.Time:
		return Conflict
	case met.Print != e.Print:
		return Differs
	}
	return Copy
}

// firm reports whether no further entry can say more: there is one entry of an id and time.
func (v Verdict) firm() bool { return v >= Copy }

// String is the verdict in a word.
func (v Verdict) String() string { return [...]string{"new", "conflict", "copy", "differs"}[v] }
