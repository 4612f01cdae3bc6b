// Package catalog remembers what is registered: which definitions were applied, when and by whom, so that `plan` can say what a
// change means before anything is computed. Implementations stand in folders of their own (sqlite, the embedded default); all pass
// catalogtest.Run.
//
// It also keeps the leases of work that one process does at a time, and the registry of trained models.
//
// It knows definitions by name, kind and fingerprint only (docs/semantics.md I1), and no engines.
package catalog

import (
	"context"
	"errors"
	"time"
)

// Catalog holds the applied versions of one project, oldest first, never changed once registered. It is safe for concurrent use, also
// by several processes.
type Catalog interface {
	Models
	// Current is the newest version, or ErrNone.
	Current(ctx context.Context) (*Version, error)
	// Version is one of those that were registered, or ErrNone.
	Version(ctx context.Context, id int64) (*Version, error)
	// Register adds a version after parent (0: the first), or fails with ErrStale where another was registered since. It sets v.ID.
	Register(ctx context.Context, parent int64, v *Version) error
	// History lists versions, newest first, without their definitions; at most limit.
	History(ctx context.Context, limit int) ([]*Version, error)
	// Lease gives or renews the right to do what only one process may do at a time: name is that work, holder this process. It is given
	// where nobody holds it, where its time has run out at now, or where the holder is the same; a new holder gets an epoch that is one
	// higher than any before, and the same holder keeps its own. ErrHeld says that another has it, with the lease that stands.
	Lease(ctx context.Context, name, holder string, now time.Time, ttl time.Duration) (Lease, error)
	// Release ends a lease that this holder has; its epoch is never given again.
	Release(ctx context.Context, name, holder string) error
	// SetTypical keeps what features usually are, in the place of what was kept for the same fingerprints.
	SetTypical(ctx context.Context, values []Typical) error
	// Typical is all that is kept, by fingerprint.
	Typical(ctx context.Context) ([]Typical, error)
	// Settle waits until what others are in the midst of writing is written, or given up: what can be told of a catalog from outside, such as that its
	// files have changed, may be there before what is written can be read. Nothing is changed by it.
	Settle(ctx context.Context) error
	Close() error
}

// Lease is who does a work alone, until when. Writes carry the epoch, so that a holder that lost its lease without noticing is refused.
type Lease struct {
	Holder string
	Epoch  int64 // from 1 on
	Until  time.Time
}

// Typical is what a feature usually is, by a training set: the median, or the most frequent value of what has no order.
type Typical struct {
	Fingerprint string // of the feature
	Value       []byte // canonical encoding (value.Append)
	At          time.Time
	TrainingSet string // where it was computed
	Rows        int64  // how many values it is of
}

// ErrHeld says that another process has the lease.
var ErrHeld = errors.New("another process has the lease")

// ErrNone says that what was asked for was never registered; of versions of the project, that nothing was ever applied.
var ErrNone = errors.New("nothing is applied yet")

// ErrStale says that someone else applied a version meanwhile; plan again and see.
var ErrStale = errors.New("another version was applied meanwhile: run `bighead plan` again")

// Version is one state of a project's definitions.
type Version struct {
	ID      int64
	At      time.Time
	By      string
	Entries []Entry
	// Definitions is the recording that was applied, as JSON of feature.Definitions.
	Definitions []byte
}

// Kind is what an entry is.
type Kind string

// The kinds of entries, in the order in which a plan lists them.
const (
	Source      Kind = "source"
	Group       Kind = "group"
	Feature     Kind = "feature"
	View        Kind = "view"
	TrainingSet Kind = "training set"
	Model       Kind = "model"
	Endpoint    Kind = "endpoint"
)

// Entry is one registered thing. Its name is unique within its kind; a feature's is group.feature.
type Entry struct {
	Kind        Kind   `json:"kind"`
	Name        string `json:"name"`
	Fingerprint string `json:"fingerprint"`
	// Reads names the entries that this one is made of, as kind and name: a view's features, a group's source.
	Reads []Ref `json:"reads,omitempty"`
	// Settings are what of it is in no fingerprint; nil: an earlier bighead registered it and did not note them.
	Settings []Setting `json:"settings"`
}

// Ref names an entry.
type Ref struct {
	Kind Kind   `json:"kind"`
	Name string `json:"name"`
}
