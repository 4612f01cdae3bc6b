package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/tiletable"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

func (c *cli) backfillCommand() *cobra.Command {
	var from, to string
	var online, prune bool
	cmd := &cobra.Command{
		Use:   "backfill [GROUP …]",
		Short: "Make the tiles that are missing or whose files changed, and nothing else",
		Long: "Make tiles of whole UTC days of event time, [from, to): the missing and changed cells (fold, day) of the groups named, or of all. " +
			"Groups that share a source and a key share their tiles. With --prune nothing is made: tiles are removed of which no definition, in the working tree or applied, is left.",
		ValidArgsFunction: c.complete(groupNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := c.load(cmd.Context())
			if err != nil {
				return err
			}
			if prune {
				if len(args) > 0 || from != "" || to != "" {
					return usagef("--prune looks at all tiles: leave groups, --from and --to out")
				}
				return c.runPrune(cmd.Context(), l)
			}
			b, err := l.backfillOf(cmd.Context(), args, from, to)
			if err != nil {
				return err
			}
			if _, err := c.runBackfill(cmd.Context(), l, b); err != nil || !online {
				return err
			}
			return c.loadOnline(cmd.Context(), l, b, args)
		},
	}
	f := cmd.Flags()
	f.StringVar(&from, "from", "", "the first day, such as 2013-01-01 (default: that of the first event)")
	f.BoolVar(&online, "online", false, "then load what is made into the online store, up to --to or as far as no event may come any more, while requests go on")
	f.StringVar(&to, "to", "", "the day after the last (default: after the last event)")
	f.BoolVar(&prune, "prune", false, "make nothing; remove the tiles that no definition reads any more, neither here nor applied")
	c.engineFlags(cmd)
	return cmd
}

// backfillOf plans the tiles of the groups named, or of all.
func (l *loaded) backfillOf(ctx context.Context, names []string, from, to string) (*plan.Backfill, error) {
	groups := l.typed.Groups
	if len(names) > 0 {
		groups = nil
	}
	for _, n := range names {
		g, err := find("group", l.typed.Groups, func(g *feature.Group) string { return g.Name }, n)
		if err != nil {
			return nil, err
		}
		groups = append(groups, g)
	}
	groups, raw, err := l.withRows(ctx, groups)
	if err != nil {
		return nil, err
	}
	if len(names) > 0 && len(raw) > 0 {
		return nil, mistakef("group %s has no tiles to make: %s", raw[0].Group, raw[0].Reason)
	}
	b := plan.ForBackfill(groups)
	b.Raw = append(b.Raw, raw...)
	for _, bound := range []struct {
		flag, text string
		to         **int64
	}{{"--from", from, &b.From}, {"--to", to, &b.To}} {
		if bound.text == "" {
			continue
		}
		day, ok := value.ParseDate(bound.text)
		if !ok {
			return nil, usagef("%s %q is no day: write it as 2013-10-01", bound.flag, bound.text)
		}
		midnight := day * value.DayMS
		*bound.to = &midnight
	}
	if b.From != nil && b.To != nil && *b.From >= *b.To {
		return nil, usagef("--from %s is not before --to %s: no day lies between them", from, to)
	}
	return b, nil
}

// withRows parts groups whose sources are read here from those whose events are elsewhere, with the reason.
func (l *loaded) withRows(ctx context.Context, groups []*feature.Group) (with []*feature.Group, without []plan.Raw, err error) {
	for _, g := range groups {
		switch p := g.Source.Place; {
		case p.Path != "" || p.Table != "":
			with = append(with, g)
		default: // a log alone
			logged, err := l.logged(ctx, g.Source)
			if err != nil {
				return nil, nil, fmt.Errorf("source %q: %w", g.Source.Name, err)
			}
			if logged {
				with = append(with, g)
			} else {
				without = append(without, plan.Raw{Group: g.Name, Reason: fmt.Sprintf("its source %s has no files, and nothing was accepted of it yet", g.Source.Name)})
			}
		}
	}
	return with, without, nil
}

// tiles is the project's tile table.
func (l *loaded) tiles() *tiletable.Table {
	return tiletable.Open(filepath.Join(l.Root, ".bighead", "tiles"))
}

// tiler is the project's engine, where it keeps tiles.
func (l *loaded) tiler() (engine.Tiler, error) {
	e, err := l.engine()
	if err != nil {
		return nil, err
	}
	t, ok := e.(engine.Tiler)
	if !ok {
		return nil, mistakef("engine %s keeps no tiles; set batch.engine to local", e.Name())
	}
	return t, nil
}

// loadOnline loads what a backfill has made. A server may have sealed its log since, so that tiles of what was its tail are to be made again:
// that is done until there are none.
func (c *cli) loadOnline(ctx context.Context, l *loaded, b *plan.Backfill, groups []string) error {
	for {
		err := c.backfillOnline(ctx, l.Project, groups, b.To)
		var changed *conflict
		if !errors.As(err, &changed) {
			return err
		}
		made, failed := c.runBackfill(ctx, l, b)
		if failed != nil {
			return failed
		}
		if !slices.ContainsFunc(made.Sets, func(s *engine.TileSetReport) bool { return s.Made > 0 }) {
			return err
		}
	}
}

func (c *cli) runBackfill(ctx context.Context, l *loaded, b *plan.Backfill) (*engine.BackfillReport, error) {
	t, err := l.tiler()
	if err != nil {
		return nil, err
	}
	if session, ok := t.(io.Closer); ok {
		defer session.Close()
	}
	bar := newProgress(c.stderr, "backfill")
	in := l.inputs()
	in.Progress, in.At = bar.update, bar.say
	defer l.withinMemory()()
	report, err := t.Backfill(ctx, b, in, l.tiles())
	bar.done()
	if err != nil {
		return nil, err
	}
	if c.json {
		return report, json.NewEncoder(c.stdout).Encode(report)
	}
	report.Print(c.stdout, false)
	printExpressionNulls(c.stdout, report.ExpressionNulls, report.Uncounted)
	return report, nil
}
