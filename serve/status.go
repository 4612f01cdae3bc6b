package serve

import "github.com/bighead-ml/bighead/feature"

// Status says how a value came about (Q4). It is the contract's, which the record of what was served knows too.
type Status = feature.Status

// The statuses, as of package feature.
const (
	Present  = feature.Present
	Empty    = feature.Empty
	Default  = feature.Default
	Partial  = feature.Partial
	Stale    = feature.Stale
	Fallback = feature.Fallback
	Failed   = feature.Failed
	statuses = int(Failed) + 1
)

// Statuses lists them all.
func Statuses() []Status { return feature.Statuses() }
