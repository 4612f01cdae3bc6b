package main

import (
	"fmt"

	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/feature/report"
)

// printLeaks warns of what only the data shows: revisions of an id without known_at, features whose history begins after the spine.
func (c *cli) printLeaks(l *loaded, t *feature.TrainingSet, r *engine.Report) {
	var warnings feature.Problems
	seen := map[string]bool{}
	for _, s := range r.Sources {
		source, err := find("source", l.typed.Sources, func(s *feature.Source) string { return s.Name }, s.Source)
		if err != nil || seen[s.Source] {
			continue
		}
		seen[s.Source] = true
		if s.Revised > 0 && source.KnownAt == nil {
			warnings = append(warnings, feature.Revised(source, s.Revised))
		}
		if s.RowsBefore > 0 && source.Kind == feature.Events {
			warnings = append(warnings, feature.ShortHistory(source, featuresOf(t, source), r.EarliestAt, s.First, s.RowsBefore))
		}
	}
	if len(warnings) == 0 {
		return
	}
	fmt.Fprintln(c.stderr)
	if err := report.Write(c.stderr, "text", feature.Settle(warnings), report.Options{Source: l.source, Version: version}); err != nil {
		fmt.Fprintln(c.stderr, err)
	}
}

func featuresOf(t *feature.TrainingSet, s *feature.Source) []string {
	var names []string
	for _, c := range t.View.Columns {
		if c.Feature != nil && t.View.Joins[c.Join].Group.Source == s {
			names = append(names, c.Name)
		}
	}
	return names
}
