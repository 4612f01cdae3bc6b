package dataset

import (
	"cmp"
	"slices"
)

// Reason is why a cell that a file holds was read as null.
type Reason string

// The reasons of docs/semantics.md V2, V3 and V5.
const (
	InvalidUTF8 Reason = "invalid utf-8"
	Overflow    Reason = "beyond int64"
	NonFinite   Reason = "not finite"
	OutOfRange  Reason = "outside years 0001-9999"
)

// Cause is a column and the reason for which cells of it became null.
type Cause struct {
	Column string
	Reason Reason
}

// MarshalText writes "column: reason", so that counts by cause are an object in JSON.
func (c Cause) MarshalText() ([]byte, error) { return []byte(c.Column + ": " + string(c.Reason)), nil }

// Counts say what a scan has read, what it did not need to read, and what it could not keep.
type Counts struct {
	Rows          int64           `json:"rows"`
	Bytes         int64           `json:"bytes"`         // read from files, as stored
	Parts         int             `json:"parts"`         // read, at least in part
	PartsSkipped  int             `json:"parts_skipped"` // not opened, by Scan.Ranges
	Groups        int             `json:"groups"`
	GroupsSkipped int             `json:"groups_skipped"` // of parts that were read
	Nulled        map[Cause]int64 `json:"nulled"`
}

// Null counts n cells of a column that became null.
func (c *Counts) Null(column string, reason Reason, n int64) {
	if n == 0 {
		return
	}
	if c.Nulled == nil {
		c.Nulled = map[Cause]int64{}
	}
	c.Nulled[Cause{column, reason}] += n
}

// Add adds the counts of d.
func (c *Counts) Add(d Counts) {
	c.Rows += d.Rows
	c.Bytes += d.Bytes
	c.Parts += d.Parts
	c.PartsSkipped += d.PartsSkipped
	c.Groups += d.Groups
	c.GroupsSkipped += d.GroupsSkipped
	for cause, n := range d.Nulled {
		c.Null(cause.Column, cause.Reason, n)
	}
}

// Causes lists what became null in a fixed order, for reports.
func (c *Counts) Causes() []Cause {
	out := make([]Cause, 0, len(c.Nulled))
	for cause := range c.Nulled {
		out = append(out, cause)
	}
	slices.SortFunc(out, func(a, b Cause) int {
		return cmp.Or(cmp.Compare(a.Column, b.Column), cmp.Compare(a.Reason, b.Reason))
	})
	return out
}
