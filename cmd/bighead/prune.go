package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/bighead-ml/bighead/catalog"
	"github.com/bighead-ml/bighead/engine/tiletable"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
)

// runPrune removes the tiles of folds that neither the working tree names nor what is applied, and says which.
func (c *cli) runPrune(ctx context.Context, l *loaded) error {
	applied, err := c.appliedGroups(ctx, l)
	if err != nil {
		return err
	}
	live := map[tiletable.Column]bool{}
	for _, groups := range [][]*feature.Group{l.typed.Groups, applied} {
		for _, s := range plan.ForBackfill(groups).Sets {
			for i := range s.Folds {
				live[tiletable.Column{Fingerprint: s.Folds[i].ID, Fold: s.Folds[i].Fold.Fold.ID()}] = true
			}
		}
	}
	lock, err := l.tiles().Lock()
	if err != nil {
		return err
	}
	defer lock.Close()
	pruned, err := lock.Prune(func(f tiletable.Column) bool { return live[f] })
	if err != nil {
		return err
	}
	if c.json {
		return json.NewEncoder(c.stdout).Encode(map[string]any{"pruned": append([]tiletable.Pruned{}, pruned...)})
	}
	for _, p := range pruned {
		fmt.Fprintf(c.stdout, "%s by %s: removed %d cells (fold, day) of %s; %d files of %d bytes\n", p.Source, strings.Join(p.Keys, ", "), p.Cells, strings.Join(p.Folds, ", "), p.Files, p.Bytes)
	}
	if len(pruned) == 0 {
		fmt.Fprintln(c.stdout, "nothing to remove: every tile is of a fold that is defined or applied")
	}
	return nil
}

// appliedGroups are the groups of the version that is applied, none where nothing is.
func (c *cli) appliedGroups(ctx context.Context, l *loaded) ([]*feature.Group, error) {
	cat, err := openCatalog(ctx, l.Root)
	if err != nil {
		return nil, err
	}
	defer cat.Close()
	v, err := cat.Current(ctx)
	if errors.Is(err, catalog.ErrNone) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defs, err := feature.Decode(bytes.NewReader(v.Definitions))
	if err != nil {
		return nil, fmt.Errorf("applied version %d: %w", v.ID, err)
	}
	applied := c.checked(ctx, l.Project, defs)
	if applied.problems.Failed() {
		return nil, mistakef("version %d, which is applied, is not sound on the sources as they are now, so that its tiles cannot be told; apply the working tree first: %v", v.ID, applied.problems.Err())
	}
	return applied.typed.Groups, nil
}
