package tiletable

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
)

// Part is one file of a source as it was at some moment. A file that was written again has another size or time of modification; one that
// has neither is taken to be the same.
type Part struct {
	Path     string // relative to the table's folder where it can be
	Size     int64
	Modified time.Time
	// Files is what an engine that sees a folder elsewhere has found there, "" for who has not looked: Size and Modified are then what a catalog says,
	// and it is taken to be as it was seen last.
	Files string
	// Reading tells readings of one file apart: its format, the unit of its times, columns selected from it, rows left out of it. Places are roads and in no
	// fingerprint, so that what they change is noticed here.
	Reading string
	Times   Times
	Grows   bool // rows are being added to it; not kept
}

// Times is when a part's events lie.
type Times struct {
	Known       bool
	First, Last int64 // ms
}

// NoTimes is of a part without an event that has a time.
var NoTimes = Times{Known: true, First: math.MaxInt64, Last: math.MinInt64}

// Add widens it by a time.
func (t *Times) Add(ms int64) { t.First, t.Last = min(t.First, ms), max(t.Last, ms) }

// days is the days that the part's events can lie in.
func (t Times) days() (from, to int64) {
	if !t.Known {
		return math.MinInt64, math.MaxInt64
	}
	if t.First > t.Last {
		return 0, 0
	}
	return value.FloorDiv(t.First, value.DayMS), value.FloorDiv(t.Last, value.DayMS) + 1
}

// identity is what must not change for a cell to stay good.
func (p *Part) identity() string {
	text := p.unseen()
	if p.Files != "" {
		text += "\x00" + p.Files
	}
	return text
}

// unseen is the identity for who does not see the part's files.
func (p *Part) unseen() string {
	return fmt.Sprintf("%s\x00%d\x00%d\x00%s", p.Path, p.Size, p.Modified.UnixNano(), p.Reading)
}

// Parts are a source's files as they are now, in the order of its table.
func (t *Table) Parts(source dataset.Table, s *feature.Source, known ...*Set) []Part {
	learnt := map[string]Times{}
	for _, set := range known {
		for identity, i := range set.partIDs() {
			if p := &set.parts[i]; p.Times.Known {
				learnt[identity] = p.Times
			}
		}
	}
	reading := readingOf(s)
	column, bare := "", false
	if s.Time != nil {
		column, bare = s.Time.Column()
	}
	var out []Part
	for _, p := range source.Parts() {
		part := Part{Path: t.relative(p.Path), Size: p.Size, Modified: p.Modified.UTC().Round(0), Files: p.Files, Reading: reading + p.Shown, Grows: p.Grows}
		if bare {
			part.Times = statedTimes(p, column)
		}
		if times, ok := learnt[part.identity()]; ok && !part.Times.Known {
			part.Times = times
		}
		out = append(out, part)
	}
	return out
}

// AsRead are a source's parts less what came since the set was made: those that grow have the length that the set has read of them, and those
// that were begun since are left out. Tiles of them are as good as they were. Where the set has read none that grows, all stay: it is behind.
func (s *Set) AsRead(parts []Part) []Part {
	var out, unread []Part
	read := false
	for _, p := range parts {
		best := -1
		for i, had := range s.parts {
			if p.Grows && had.Path == p.Path && had.Reading == p.Reading && had.Size <= p.Size && (best < 0 || had.Size > s.parts[best].Size) {
				best = i
			}
		}
		switch {
		case best >= 0:
			out, read = append(out, s.parts[best]), true
		case p.Grows:
			unread = append(unread, p)
		default:
			out = append(out, p)
		}
	}
	if read {
		return out
	}
	return append(out, unread...)
}

// statedTimes is what a file says about the times in it.
func statedTimes(p dataset.Part, column string) Times {
	b, ok := p.Bounds[column]
	switch {
	case p.Rows == 0, ok && b.Nulls >= 0 && b.Nulls == p.Rows:
		return NoTimes
	case ok && !b.Min.IsNull() && !b.Max.IsNull():
		return Times{true, b.Min.Int(), b.Max.Int()}
	}
	return Times{}
}

func readingOf(s *feature.Source) string {
	p := &s.Place
	units := slices.Sorted(slices.Values(p.TimeColumns))
	text := fmt.Sprintf("%q %q %q %q", p.Format, p.TimeUnit, units, p.TableSelect)
	if s.Time != nil {
		text += fmt.Sprintf(" %q", s.Time)
	}
	return checksum([]byte(text))[:8]
}

// relative is a path as the table keeps it, so that a project's folder can be moved as a whole.
func (t *Table) relative(path string) string {
	if strings.Contains(path, "://") { // a location on another file system
		return path
	}
	dir, err := filepath.Abs(t.dir)
	abs, err2 := filepath.Abs(path)
	if err != nil || err2 != nil {
		return path
	}
	if rel, err := filepath.Rel(dir, abs); err == nil {
		return filepath.ToSlash(rel)
	}
	return abs
}

// Days is the days that the parts' events lie in, [from, to); a part whose times are not known makes it all days. from = to: none.
func Days(parts []Part) (from, to int64) {
	first := true
	for i := range parts {
		a, b := parts[i].Times.days()
		switch {
		case a == b:
		case first:
			from, to, first = a, b, false
		default:
			from, to = min(from, a), max(to, b)
		}
	}
	return from, to
}
