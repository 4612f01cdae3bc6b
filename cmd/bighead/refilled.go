package main

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/catalog"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
)

// refilled is a group whose online tiles are others once what is proposed is applied, as they are with another window or fold: the stream fills them from its log,
// and of history that is batch's nothing is there until it is loaded again.
type refilled struct {
	Group     string   `json:"group"`
	Views     []string `json:"views"`
	Endpoints []string `json:"endpoints"` // that predict by those views
}

func (r *refilled) String() string {
	text := "group " + r.Group + " gets other tiles online: what batch had loaded is partial"
	var readers []string
	for _, v := range r.Views {
		readers = append(readers, "view "+v)
	}
	for _, e := range r.Endpoints {
		readers = append(readers, "endpoint "+e)
	}
	if len(readers) > 0 {
		text += " in " + strings.Join(readers, ", ")
	}
	return text + " until it is loaded again: bighead backfill " + r.Group + " --online, at once after apply"
}

// refilledBy are the groups of a version that have history by batch and other tiles than those of the same name now.
func (c *cli) refilledBy(ctx context.Context, l *loaded, current *catalog.Version) (out []*refilled, err error) {
	a, err := c.loadRegistered(ctx, l.Project, current)
	var m *mistake
	if errors.As(err, &m) { // an older bighead took what this one refuses: which tiles it has is not known
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	before := map[string]string{}
	for _, g := range a.typed.Groups {
		before[g.Name] = plan.SpaceOf(g).ID
	}
	for _, g := range l.typed.Groups {
		was, ok := before[g.Name]
		if batch := g.Source.Place.Path != "" || g.Source.Place.Table != ""; !ok || !batch || was == plan.SpaceOf(g).ID {
			continue
		}
		r := &refilled{Group: g.Name, Views: []string{}, Endpoints: []string{}}
		reads := func(v *feature.View) bool {
			return slices.ContainsFunc(v.Joins, func(j feature.Join) bool { return j.Group == g })
		}
		for _, v := range l.typed.Views {
			if reads(v) {
				r.Views = append(r.Views, v.Name)
			}
		}
		for _, e := range l.typed.Endpoints {
			if reads(e.Model.TrainingSet.View) {
				r.Endpoints = append(r.Endpoints, e.Name)
			}
		}
		out = append(out, r)
	}
	return out, nil
}
