package catalog

import (
	"cmp"
	"slices"
)

// Change is what a new version does to one entry.
type Change struct {
	Kind    Kind     `json:"kind"`
	Name    string   `json:"name"`
	What    What     `json:"what"`
	Was     string   `json:"was,omitempty"`     // the old name of what was renamed
	Set     []string `json:"set,omitempty"`     // of what is set otherwise: each setting, from what to what
	Readers []Ref    `json:"readers,omitempty"` // who reads it, in the new version; of what is removed, in the old one
}

// What happens to an entry.
type What string

// The kinds of changes, in the order in which a plan lists them.
const (
	Added   What = "added"
	Changed What = "changed" // another fingerprint: values may change, a new version beside the old
	Set     What = "set"     // the same fingerprint, and other settings: nothing is computed again
	Renamed What = "renamed" // another name, the same fingerprint: nothing is computed again
	Removed What = "removed"
	Unused  What = "unused" // defined, and read by nothing
)

var order = map[Kind]int{Source: 0, Group: 1, Feature: 2, View: 3, TrainingSet: 4, Model: 5, Endpoint: 6}
var whats = map[What]int{Added: 0, Changed: 1, Set: 2, Renamed: 3, Removed: 4, Unused: 5}

// Diff says what becomes of each entry between two versions, by kind, change and name. Entries that stay as they are are left out.
func Diff(was, is []Entry) []Change {
	old, now := byRef(was), byRef(is)
	var changes []Change
	gone := map[Kind]map[string][]string{} // removed names by kind and fingerprint
	for _, e := range was {
		if _, ok := now[Ref{e.Kind, e.Name}]; !ok {
			if gone[e.Kind] == nil {
				gone[e.Kind] = map[string][]string{}
			}
			gone[e.Kind][e.Fingerprint] = append(gone[e.Kind][e.Fingerprint], e.Name)
		}
	}
	readers := readersOf(is)
	for _, e := range is {
		c := Change{Kind: e.Kind, Name: e.Name, Readers: readers[Ref{e.Kind, e.Name}]}
		before, known := old[Ref{e.Kind, e.Name}]
		switch names := gone[e.Kind][e.Fingerprint]; {
		case known && before.Fingerprint == e.Fingerprint:
			if c.Set = differences(before.Settings, e.Settings); len(c.Set) == 0 || before.Settings == nil {
				continue
			}
			c.What = Set
		case known:
			c.What = Changed
		case len(names) > 0:
			c.What, c.Was = Renamed, names[0]
			gone[e.Kind][e.Fingerprint] = names[1:]
		default:
			c.What = Added
		}
		changes = append(changes, c)
	}
	oldReaders := readersOf(was)
	for _, e := range was {
		if slices.Contains(gone[e.Kind][e.Fingerprint], e.Name) {
			changes = append(changes, Change{Kind: e.Kind, Name: e.Name, What: Removed, Readers: oldReaders[Ref{e.Kind, e.Name}]})
		}
	}
	sortChanges(changes)
	return changes
}

// Loose lists the sources and groups that nothing reads.
func Loose(entries []Entry) []Change {
	readers := readersOf(entries)
	var out []Change
	for _, e := range entries {
		if (e.Kind == Source || e.Kind == Group) && len(readers[Ref{e.Kind, e.Name}]) == 0 {
			out = append(out, Change{Kind: e.Kind, Name: e.Name, What: Unused})
		}
	}
	sortChanges(out)
	return out
}

func byRef(entries []Entry) map[Ref]Entry {
	m := make(map[Ref]Entry, len(entries))
	for _, e := range entries {
		m[Ref{e.Kind, e.Name}] = e
	}
	return m
}

func readersOf(entries []Entry) map[Ref][]Ref {
	m := map[Ref][]Ref{}
	for _, e := range entries {
		for _, r := range e.Reads {
			m[r] = append(m[r], Ref{e.Kind, e.Name})
		}
	}
	return m
}

func sortChanges(changes []Change) {
	slices.SortStableFunc(changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(order[a.Kind], order[b.Kind]), cmp.Compare(whats[a.What], whats[b.What]), cmp.Compare(a.Name, b.Name))
	})
}
