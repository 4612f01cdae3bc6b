package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/plan"
)

// storedGroup is what a shared store says of a group of the version that is served: all that a process knows of it which stands by.
type storedGroup struct {
	Source   string  `json:"source"`
	Group    string  `json:"group"`
	Space    string  `json:"space"`
	Newest   string  `json:"newest_event,omitempty"`
	Batch    string  `json:"batch_watermark,omitempty"`
	Complete string  `json:"complete_since,omitempty"`
	Unseen   *unseen `json:"unseen,omitempty"`
}

// stored reads what the store says of the groups, in the order in which the active process has them.
func (o *online) stored(ctx context.Context) ([]storedGroup, error) {
	out, at := []storedGroup{}, map[string]int{}
	for _, s := range plan.ForStream(o.current().typed.Groups) {
		for _, x := range s.Spaces {
			at[x.ID] = len(out)
			out = append(out, storedGroup{Source: s.Source.Name, Group: x.Group.Name, Space: x.ID})
		}
	}
	err := o.store.Meta(ctx, plan.MarksPrefix, func(name string, b []byte) error {
		i, ours := at[strings.TrimPrefix(name, plan.MarksPrefix)]
		if !ours {
			return nil
		}
		m, err := plan.DecodeMarks(b)
		if err != nil {
			return fmt.Errorf("group %s: %w", out[i].Group, err)
		}
		out[i].Batch, out[i].Complete, out[i].Unseen = timeOrNone(m.Batch), timeOrNone(m.Complete), unseenOf(m)
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = o.store.Meta(ctx, plan.StreamPrefix, func(name string, b []byte) error {
		id, state := plan.OfState(name)
		i, ours := at[id]
		if !state || !ours {
			return nil
		}
		s := plan.NoState
		if err := s.Decode(b); err != nil {
			return fmt.Errorf("group %s: %w", out[i].Group, err)
		}
		out[i].Newest = timeOrNone(s.Newest)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// printStored shows of a store that others fill what it says of the groups, in the table of the process that fills it; what that one alone knows is
// a question mark. A store that is full shows here too, which is when that one may be gone.
func printStored(w io.Writer, s *onlineStatus) error {
	if len(s.Stored) == 0 && len(s.Sizes) == 0 {
		if s.Sizes != nil {
			fmt.Fprintln(w, "nothing is in the store yet")
		}
		return nil // what the store does not say is among what is degraded
	}
	spaces, table := map[string]bool{}, groupTable()
	for name := range s.Sizes {
		space, _, _ := strings.Cut(name, "/")
		spaces[space] = true
	}
	for _, g := range s.Stored {
		table.add(g.Group, "?", g.Newest, "?", "?", "?", g.Batch, bytesText(s.Sizes, g.Space))
		delete(spaces, g.Space)
	}
	if len(s.Stored) > 0 {
		if err := table.print(w); err != nil {
			return err
		}
		fmt.Fprintln(w, "?: only the process that has the stream knows")
	}
	for _, src := range storedSources(s.Stored) {
		src.printUnseen(w)
	}
	if len(spaces) == 0 {
		return nil
	}
	head := "in the store"
	if len(s.Stored) > 0 {
		head += ", of no group of this version"
	}
	others := newTable(head, "bytes")
	others.right[1] = true
	for _, space := range slices.Sorted(maps.Keys(spaces)) {
		others.add(space, bytesText(s.Sizes, space))
	}
	return others.print(w)
}

// storedSources are the sources of groups, with what their groups lack.
func storedSources(groups []storedGroup) (out []sourceStatus) {
	for i, g := range groups {
		if i == 0 || g.Source != groups[i-1].Source {
			out = append(out, sourceStatus{Source: g.Source})
		}
		of := &out[len(out)-1].Groups
		*of = append(*of, groupStatus{Group: g.Group, Unseen: g.Unseen})
	}
	return out
}

// bytesText is what a space takes: of a store that did not answer nothing is known, and none is not nothing.
func bytesText(sizes map[string]int64, space string) string {
	if sizes == nil {
		return "unknown"
	}
	return count(spaceBytes(sizes, space))
}
