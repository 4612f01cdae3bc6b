package serve

import (
	"slices"
	"sync"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
)

// groups are the groups of the views that are served, each a view of its own once somebody asks it.
type groups struct {
	names []string // sorted
	of    map[string]*feature.Group

	mu    sync.Mutex
	views map[string]*View
}

func newGroups(views []*feature.View) *groups {
	g := &groups{of: map[string]*feature.Group{}, views: map[string]*View{}}
	for _, v := range views {
		for _, j := range v.Joins {
			if g.of[j.Group.Name] == nil {
				g.of[j.Group.Name] = j.Group
				g.names = append(g.names, j.Group.Name)
			}
		}
	}
	slices.Sort(g.names)
	return g
}

// Group is a group that a served view has, as a view of its own: its keys are asked, its features answered by their own names. It has the
// same spaces, and so the same values.
func (s *Server) Group(name string) (*View, error) {
	d := s.served.Load()
	g := d.groups
	of := g.of[name]
	if of == nil {
		return nil, unknownGroup(name, g.names)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.views[name] == nil {
		g.views[name] = s.newView(of.AsView(), func(id string) *space { return d.spaces[id] })
	}
	return g.views[name], nil
}

// Groups are the names that Group knows, sorted. The slice is shared.
func (s *Server) Groups() []string { return s.served.Load().groups.names }

func unknownGroup(name string, served []string) *Problem {
	return &Problem{Code: feature.CodeUnknownView, Detail: "no group " + quoted(name) + " is served", Field: "group", Near: expr.Nearest(name, served),
		Cure: "served views have: " + listed(served)}
}
