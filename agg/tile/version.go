package tile

// Version is the newest encoding, and Oldest the oldest that is still read: the one before it. Whoever writes says in which of the two, so that
// programs of neighbouring versions share a store, and the older one can be gone back to, until all are of the newer
// (docs/data-path.md §1).
//
// Version 1 is the first. What a further one would be is there for tests alone, under the build tag nextversion: it has a byte more.
const (
	Version = 1 + next
	Oldest  = max(1, Version-1)
)

// VersionOf is the version that an encoding says it is of; 0: of none.
func VersionOf(b []byte) byte {
	if len(b) == 0 {
		return 0
	}
	return b[0]
}
