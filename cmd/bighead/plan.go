package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bighead-ml/bighead/catalog"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
)

// proposal is what applying the working tree would do: what `plan -o` writes and `apply` takes.
type proposal struct {
	Parent   int64            `json:"parent"` // the applied version that it was made against; 0: none
	Changes  []catalog.Change `json:"changes"`
	Unused   []catalog.Change `json:"unused"`
	Entries  []catalog.Entry  `json:"entries"`
	Breaks   []broken         `json:"breaks,omitempty"`   // versions that endpoints ask and that could not answer any more
	Refilled []*refilled      `json:"refilled,omitempty"` // groups whose history is to be loaded online again
	Folding  []folding        `json:"folding,omitempty"`  // who folds each group online, where the settings name Flink; no part of what is applied
	Cost     *cost            `json:"cost,omitempty"`     // of a backfill, unless it is not asked for; no part of what is applied
}

func (c *cli) planCommand() *cobra.Command {
	var out string
	var cost bool
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "What applying the working tree would change; it changes nothing",
		Args:  exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := c.load(cmd.Context())
			if err != nil {
				return err
			}
			stop := c.timed("plan")
			p, err := c.propose(cmd.Context(), l)
			stop()
			if err != nil {
				return err
			}
			if c.timings {
				fmt.Fprintln(c.stderr, summary(l))
			}
			if out != "" {
				if err := writeProposal(out, p); err != nil {
					return err
				}
			}
			if cost {
				if p.Cost, err = c.costOf(cmd.Context(), l); err != nil {
					return err
				}
			}
			if c.json {
				return json.NewEncoder(c.stdout).Encode(p)
			}
			p.print(c.stdout)
			p.Cost.print(c.stdout)
			return nil
		},
	}
	cmd.Flags().BoolVar(&cost, "cost", true, "also say what a backfill would read and make, by what the sources' files say of themselves")
	cmd.Flags().StringVarP(&out, "out", "o", "", "also write the plan to this file, for apply")
	return cmd
}

func (c *cli) applyCommand() *cobra.Command {
	var yes bool
	var drop []string
	cmd := &cobra.Command{
		Use:   "apply [plan.json]",
		Short: "Plan, then register the definitions",
		Long: "Plan, then register the definitions. What would change or remove a column that a version reads which an endpoint asks is refused, for the version could not answer any more: " +
			"define the new column beside the old one, or --drop ENDPOINT.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := c.load(cmd.Context())
			if err != nil {
				return err
			}
			p, err := c.propose(cmd.Context(), l)
			if err != nil {
				return err
			}
			if len(args) == 1 {
				if err := sameProposal(args[0], p); err != nil {
					return err
				}
			}
			p.print(c.stderr)
			if len(p.Changes) == 0 {
				return c.applied(p.Parent)
			}
			for _, name := range drop {
				if _, err := find("endpoint", l.typed.Endpoints, func(e *feature.Endpoint) string { return e.Name }, name); err != nil {
					return err
				}
			}
			if err := refused(p.Breaks, drop); err != nil {
				return err
			}
			if !yes && !c.confirm("Apply?") {
				return mistakef("not applied")
			}
			return c.apply(cmd.Context(), l, p, drop...)
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	cmd.Flags().StringArrayVar(&drop, "drop", nil, "apply also what this endpoint's versions could not answer after; until it is sent to others it answers by its fallback")
	return cmd
}

// cost is what a backfill would read and make now, at most.
type cost struct {
	Cells   int64      `json:"cells"` // (fold, day)
	Rows    int64      `json:"rows"`
	Bytes   int64      `json:"bytes"`
	Unknown int        `json:"unknown_files"` // that do not say when their events lie, so that their cells are not counted
	Raw     []plan.Raw `json:"raw"`           // what has no tiles
	sets    int
}

// costOf surveys what there is, by what the sources' files say of themselves; nil where the project's engine keeps no tiles.
func (c *cli) costOf(ctx context.Context, l *loaded) (*cost, error) {
	t, err := l.tiler()
	if err != nil {
		return nil, nil //nolint:nilerr // another engine keeps no tiles, so there is nothing to say
	}
	b, err := l.backfillOf(ctx, nil, "", "")
	if err != nil {
		return nil, err
	}
	report, err := t.Survey(ctx, b, l.inputs(), l.tiles())
	if err != nil {
		return nil, err
	}
	x := &cost{Raw: append([]plan.Raw{}, report.Raw...), sets: len(report.Sets)}
	x.Rows, x.Bytes = report.Rows()
	for _, s := range report.Sets {
		x.Cells += s.ToMake()
	}
	for _, s := range report.Sources {
		x.Unknown += s.Unknown
	}
	return x, nil
}

func (x *cost) print(w io.Writer) {
	if x == nil {
		return
	}
	for _, raw := range x.Raw {
		if raw.Feature == "" {
			fmt.Fprintf(w, "backfill: no tiles for %s: %s\n", raw.Group, raw.Reason)
		}
	}
	if x.Unknown > 0 {
		fmt.Fprintf(w, "backfill: the times in %s are to be read first; which days they change is not known yet\n", plural(x.Unknown, "file"))
	}
	if x.Cells == 0 && (x.Unknown > 0 || x.sets == 0) {
		return
	}
	if x.Cells == 0 {
		fmt.Fprintln(w, "backfill: all tiles are there")
		return
	}
	fmt.Fprintf(w, "backfill: at most %s cells (fold, day) to make, of %s rows and %s bytes to read\n", count(x.Cells), count(x.Rows), count(x.Bytes))
}

// propose compares the working tree with what is applied.
func (c *cli) propose(ctx context.Context, l *loaded) (*proposal, error) {
	cat, err := openCatalog(ctx, l.Root)
	if err != nil {
		return nil, err
	}
	defer cat.Close()
	p := &proposal{Entries: catalog.EntriesOf(l.typed), Folding: foldingOf(l.Project, l.typed.Groups)}
	var was []catalog.Entry
	current, err := cat.Current(ctx)
	switch {
	case err == nil:
		p.Parent, was = current.ID, current.Entries
	case !errors.Is(err, catalog.ErrNone):
		return nil, err
	}
	// Never null: a program that reads the JSON counts them.
	p.Changes = append([]catalog.Change{}, catalog.Diff(was, p.Entries)...)
	p.Unused = append([]catalog.Change{}, catalog.Loose(p.Entries)...)
	if p.Parent == 0 || len(p.Changes) == 0 {
		return p, nil
	}
	if p.Breaks, err = c.breaks(ctx, l, cat, current); err != nil {
		return nil, err
	}
	p.Refilled, err = c.refilledBy(ctx, l, current)
	return p, err
}

// apply registers what was proposed. Of endpoints whose versions could not answer any more only those are let be that drop names.
func (c *cli) apply(ctx context.Context, l *loaded, p *proposal, drop ...string) error {
	cat, err := openCatalog(ctx, l.Root)
	if err != nil {
		return err
	}
	defer cat.Close()
	if err := c.refuseBreaks(ctx, l, cat, drop); err != nil { // somebody may have deployed since it was proposed
		return err
	}
	var definitions strings.Builder
	if err := feature.Encode(&definitions, l.defs); err != nil {
		return err
	}
	v := &catalog.Version{At: time.Now().UTC().Truncate(time.Millisecond), By: userName(), Entries: p.Entries, Definitions: []byte(definitions.String())}
	if err := cat.Register(ctx, p.Parent, v); errors.Is(err, catalog.ErrStale) {
		return mistakef("%v", err)
	} else if err != nil {
		return err
	}
	if !c.json {
		fmt.Fprintf(c.stdout, "applied as version %d\n", v.ID)
	}
	return c.applied(v.ID)
}

// applied tells a program which version is applied now.
func (c *cli) applied(version int64) error {
	if !c.json {
		return nil
	}
	return json.NewEncoder(c.stdout).Encode(map[string]any{"version": version})
}

func userName() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "unknown"
}

func (p *proposal) print(w io.Writer) {
	if len(p.Changes) == 0 {
		fmt.Fprintln(w, "no changes: what is defined is what is applied")
	}
	kind := catalog.Kind("")
	for _, ch := range p.Changes {
		if ch.Kind != kind {
			kind = ch.Kind
			fmt.Fprintf(w, "%ss\n", kind)
		}
		fmt.Fprintf(w, "  %s %s%s\n", changeMarks[ch.What], ch.Name, changeNote(ch))
	}
	for _, u := range p.Unused {
		fmt.Fprintf(w, "%s %s is read by nothing\n", u.Kind, u.Name)
	}
	for _, b := range p.Breaks {
		fmt.Fprintf(w, "%s; apply refuses that unless --drop %s\n", b, b.Endpoint)
	}
	for _, r := range p.Refilled {
		fmt.Fprintln(w, r)
	}
	for _, f := range p.Folding {
		fmt.Fprintln(w, f)
	}
}

var changeMarks = map[catalog.What]string{catalog.Added: "+", catalog.Changed: "~", catalog.Set: "=", catalog.Renamed: "→", catalog.Removed: "-"}

func changeNote(ch catalog.Change) string {
	note := ""
	switch ch.What {
	case catalog.Added:
		note = "  to be computed"
		if ch.Kind != catalog.Feature {
			note = ""
		}
	case catalog.Changed:
		note = "  another meaning: a new version beside the old one"
		switch ch.Kind {
		case catalog.View, catalog.TrainingSet:
			note = "  other columns, or columns of another meaning: a new version beside the old one"
		case catalog.Model:
			note = "  versions that are trained from now on learn something else; those that are there stay"
		case catalog.Endpoint:
			note = "  it asks another model"
		}
	case catalog.Set:
		note = "  " + strings.Join(ch.Set, "; ") + "; the same meaning, nothing is computed again"
	case catalog.Renamed:
		note = "  was " + ch.Was + "; the same meaning, nothing is computed again"
	case catalog.Removed:
		note = "  kept until it has no readers"
	}
	var readers []string
	for _, r := range ch.Readers {
		if slices.Contains([]catalog.Kind{catalog.View, catalog.TrainingSet, catalog.Model, catalog.Endpoint}, r.Kind) {
			readers = append(readers, string(r.Kind)+" "+r.Name)
		}
	}
	if len(readers) > 0 && ch.What != catalog.Added {
		note += "; read by " + strings.Join(readers, ", ")
	}
	return note
}

func writeProposal(path string, p *proposal) error {
	b, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	return writeWhole(path, append(b, '\n'))
}

// sameProposal refuses to apply a plan that is no longer what would happen.
func sameProposal(path string, now *proposal) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return mistakef("%v", err)
	}
	var then proposal
	if err := json.Unmarshal(b, &then); err != nil {
		return mistakef("%s is no plan: %v", path, err)
	}
	then.Cost, then.Folding, then.Refilled = nil, now.Folding, now.Refilled
	a, _ := json.Marshal(then)
	n, _ := json.Marshal(now)
	if string(a) != string(n) {
		return mistakef("%s is not what would happen now: definitions or what is applied have changed; plan again", path)
	}
	return nil
}

// confirm asks on a terminal; where nobody can answer it is no.
func (c *cli) confirm(question string) bool {
	if !terminal(c.stderr) {
		fmt.Fprintln(c.stderr, "nobody to ask: use --yes")
		return false
	}
	fmt.Fprintf(c.stderr, "%s [y/N] ", question)
	var answer string
	_, _ = fmt.Fscanln(c.stdin, &answer)
	return strings.EqualFold(answer, "y") || strings.EqualFold(answer, "yes")
}
