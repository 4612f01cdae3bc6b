package feature

// Status says how a value that was served came about (docs/semantics.md Q4).
type Status uint8

// The statuses. From Partial on they are ordered by how bad they are, for derived values.
const (
	Present  Status = iota // a value; null is one too
	Empty                  // no row in E(k, t)
	Default                // a default replaced null
	Partial                // part of the window was never seen
	Stale                  // from an expired cache
	Fallback               // the declared stand-in for a value that could not be had
	Failed                 // could not be had, and nothing stands in
)

var statusNames = [...]string{"present", "empty", "default", "partial", "stale", "fallback", "failed"}

// String is the word of the contract.
func (s Status) String() string { return statusNames[s] }

// Statuses lists them all, for metrics and documents.
func Statuses() []Status {
	return []Status{Present, Empty, Default, Partial, Stale, Fallback, Failed}
}

// ParseStatus finds a status by its word.
func ParseStatus(word string) (Status, bool) {
	for i, name := range statusNames {
		if name == word {
			return Status(i), true
		}
	}
	return 0, false
}

// Derived is the part of an input's status that a derived value takes over: the bad ones; the others count as present.
func (s Status) Derived() Status {
	if s < Partial {
		return Present
	}
	return s
}
