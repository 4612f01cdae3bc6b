package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bighead-ml/bighead/audit"
	"github.com/bighead-ml/bighead/catalog"
	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/project"
	"github.com/bighead-ml/bighead/value"
)

func (c *cli) auditCommand() *cobra.Command {
	var since, until string
	cmd := &cobra.Command{
		Use:   "audit VIEW",
		Short: "Compute again what was served, and say of each difference what made it; exit 1 on skew",
		Long: "Compute again what was served, over all that history has by now, and say of each difference what made it: rows that came late, a stand-in that was said to be one, … or nothing, " +
			"which is skew. Works while `bighead up` runs and without.",
		Args: exactly("VIEW"),

		ValidArgsFunction: c.complete(viewNames, noNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			now := time.Now()
			from, err := parseWhen("--since", since, now)
			if err != nil {
				return err
			}
			to := now.UnixMilli() + 1
			if until != "" {
				if to, err = parseWhen("--until", until, now); err != nil {
					return err
				}
			}
			return c.audit(cmd.Context(), args[0], from, to)
		},
	}
	cmd.Flags().StringVar(&since, "since", "1h", "what was served since: a time, or how long ago")
	cmd.Flags().StringVar(&until, "until", "", "what was served before: a time, or how long ago (default: now)")
	return cmd
}

// parseWhen reads a time, or how long before now it was.
func parseWhen(flag, text string, now time.Time) (int64, error) {
	if t, ok := value.ParseTimestamp(text); ok {
		return t, nil
	}
	if days, ok := value.ParseDate(text); ok {
		return days * value.DayMS, nil
	}
	ms, err := value.ParseDuration(text)
	if err != nil {
		return 0, usagef("%s %q is neither a time, such as 2013-03-01T12:00:00Z, nor how long ago, such as 1h", flag, text)
	}
	return now.UnixMilli() - ms, nil
}

func (c *cli) audit(ctx context.Context, view string, since, until int64) error {
	a, err := c.openApplied(ctx)
	if err != nil {
		return err
	}
	dir := inProject(a.Project, a.Config.String("audit.path"))
	known, err := audit.Views(dir)
	if err != nil {
		return err
	}
	names := slices.Clone(known)
	for _, v := range a.typed.Views {
		names = append(names, v.Name)
	}
	if _, err := find("view", names, func(s string) string { return s }, view); err != nil {
		return err
	}
	k, err := freshRecord(ctx, a.Project)
	if err != nil {
		return err
	}
	task, err := c.auditTask(a, view, dir)
	if err != nil {
		return err
	}
	task.Since, task.Until = since, until
	r, err := audit.Run(ctx, *task)
	if err != nil {
		return err
	}
	if k != nil {
		if err := tellServer(ctx, k, r); err != nil {
			return err
		}
	}
	if err := c.printAudit(r); err != nil {
		return err
	}
	if r.Skewed() {
		return errReported
	}
	return nil
}

// tellServer tells the server that runs what was found, for its metrics.
func tellServer(ctx context.Context, k *caller, r *audit.Report) error {
	body, err := json.Marshal(audit.Report{View: r.View, Classes: r.Classes})
	if err != nil {
		return err
	}
	return k.call(ctx, "POST", "/v1/audits", "application/json", bytes.NewReader(body), nil)
}

func (c *cli) auditTask(a *applied, view, dir string) (*audit.Task, error) {
	e, err := a.engine()
	if err != nil {
		return nil, err
	}
	few, err := engineNamed("local", optionsOf(a.Project))
	if err != nil {
		return nil, err
	}
	t := &audit.Task{Dir: dir, Formats: formats, View: view, Engine: e, Few: few, ByDefinition: byDefinition, Events: a.Config.String("serve.clock") == "events",
		Inputs: a.raw(), Past: a.past}
	if i := slices.IndexFunc(a.typed.Views, func(v *feature.View) bool { return v.Name == view }); i >= 0 {
		t.Now = a.typed.Views[i]
	}
	t.Definition = func(ctx context.Context, fingerprint string) (*feature.View, error) {
		return c.viewOf(ctx, a, view, fingerprint)
	}
	return t, nil
}

// versionsBack is how many applied versions an audit looks through for the one that was served.
const versionsBack = 1000

// viewOf is a view as it was under a fingerprint, by what was applied; nil where no version has it that still checks.
func (c *cli) viewOf(ctx context.Context, a *applied, view, fingerprint string) (*feature.View, error) {
	cat, err := openCatalog(ctx, a.Root)
	if err != nil {
		return nil, err
	}
	defer cat.Close()
	all, err := cat.History(ctx, versionsBack)
	if err != nil {
		return nil, err
	}
	for _, v := range all {
		if !slices.ContainsFunc(v.Entries, func(e catalog.Entry) bool {
			return e.Kind == catalog.View && e.Name == view && e.Fingerprint == fingerprint
		}) {
			continue
		}
		whole, err := cat.Version(ctx, v.ID)
		if err != nil {
			return nil, err
		}
		defs, err := feature.Decode(bytes.NewReader(whole.Definitions))
		if err != nil {
			return nil, fmt.Errorf("applied version %d: %w", v.ID, err)
		}
		a.Place(defs)
		l := c.checked(ctx, a.Project, defs)
		if l.problems.Failed() {
			continue
		}
		for _, x := range l.typed.Views {
			if x.Name == view && x.Fingerprint == fingerprint {
				return x, nil
			}
		}
	}
	return nil, nil
}

// raw are inputs without tiles: an audit reads the rows themselves.
func (l *loaded) raw() engine.Inputs {
	in := l.inputs()
	in.Tiles = nil
	return in
}

// past is a source's history, with how its rows came.
func (a *applied) past(ctx context.Context, s *feature.Source) (*audit.Past, error) {
	h, err := a.sides(ctx, s)
	if err != nil {
		return nil, err
	}
	p := &audit.Past{Table: h.path, GoneBefore: plan.MinTime}
	if h.path != nil {
		for _, part := range h.path.Parts() {
			p.FilesChanged = max(p.FilesChanged, part.Modified.UnixMilli())
		}
	}
	if h.log == nil {
		return p, nil
	}
	p.Arrival, p.Partition, p.Offset = logArrival, logPartition, logOffset
	if h.cut != nil {
		p.Log, p.Cut = h.log, *h.cut
	}
	if p.GoneBefore, err = goneBefore(ctx, a.Project, h.log); err != nil {
		return nil, err
	}
	p.Table, err = joinedHistory(h.path, h.log, s, h.cut)
	return p, err
}

// goneBefore is the arrival of the oldest row of a log that is so old that rows before it may have been let go; MinTime: it is not.
func goneBefore(ctx context.Context, p *project.Project, log dataset.Table) (int64, error) {
	keep := p.Config.Duration("events.keep").Milliseconds()
	if keep == 0 {
		return plan.MinTime, nil
	}
	r, err := log.Scan(ctx, dataset.Scan{Columns: []string{logArrival}, BatchRows: 1})
	if err != nil {
		return 0, err
	}
	defer r.Close()
	b, err := r.Next()
	if errors.Is(err, io.EOF) {
		return plan.MinTime, nil
	} else if err != nil {
		return 0, err
	}
	const file = 2 * time.Hour // files go whole, an hour each, some time after they could
	if oldest := b.Columns[0].Ints[0]; oldest < outside.clock()-keep+file.Milliseconds() {
		return oldest, nil
	}
	return plan.MinTime, nil
}

func (c *cli) printAudit(r *audit.Report) error {
	if c.json {
		return json.NewEncoder(c.stdout).Encode(struct {
			*audit.Report
			Since string `json:"since"`
			Until string `json:"until"`
		}{r, value.FormatTimestamp(r.Since), value.FormatTimestamp(r.Until)})
	}
	w := c.stdout
	for _, d := range r.Damaged {
		fmt.Fprintln(c.stderr, "warning: not audited:", d)
	}
	fmt.Fprintf(w, "%s: %s served since %s, %s computed again: %s\n", r.View, plural64(r.Rows, "vector"), value.FormatTimestamp(r.Since), plural64(r.Values, "value"), classesText(r.Classes))
	var classes []audit.Class
	for _, k := range audit.Classes() {
		if r.Classes[k] > 0 {
			classes = append(classes, k)
		}
	}
	if len(classes) <= 1 && !r.Skewed() {
		return nil
	}
	heads := []string{"feature"}
	for _, k := range classes {
		heads = append(heads, string(k))
	}
	t := newTable(heads...)
	for i := range classes {
		t.right[i+1] = true
	}
	for _, col := range r.Columns {
		cells := []string{col.Name}
		for _, k := range classes {
			cells = append(cells, count(col.Classes[k]))
		}
		t.add(cells...)
	}
	if err := t.print(w); err != nil {
		return err
	}
	for _, col := range r.Columns {
		if col.Worst != nil {
			printExample(w, r.View, col)
		}
	}
	return nil
}

func plural64(n int64, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return count(n) + " " + word + "s"
}

// classesText is how many values are of each class; that there is no skew is always said.
func classesText(n map[audit.Class]int64) string {
	var out []string
	for _, k := range audit.Classes() {
		if n[k] > 0 || k == audit.Skew {
			out = append(out, count(n[k])+" "+string(k))
		}
	}
	return strings.Join(out, ", ")
}

// printExample shows the worst of a column, with what either side is made of.
func printExample(w io.Writer, view string, col *audit.Column) {
	e := col.Worst
	var key []string
	for _, k := range slices.Sorted(maps.Keys(e.Key)) {
		key = append(key, k+"="+cellText(e.Key[k]))
	}
	fmt.Fprintf(w, "\n%s: %s, %s\n", col.Name, e.Class, e.Why)
	fmt.Fprintf(w, "  for %s at %s\n", strings.Join(key, " "), e.At)
	fmt.Fprintf(w, "  served  %s (%s), answered at %s\n", shortened(string(e.Value)), e.Status, e.Served)
	fmt.Fprintf(w, "  history %s\n", shortened(string(e.History)))
	if r := e.Read; r != nil {
		text := "the stream alone"
		if r.Batch != "" {
			text = fmt.Sprintf("batch up to %s (load %d), then the stream", r.Batch, r.Generation)
		}
		fmt.Fprintf(w, "  served from %s, which had come to %s; of this key it was read up to %s\n", text, positionsText(r.Applied), positionsText(r.Read))
	}
	printExampleRows(w, "rows that were not there yet", e.Missing)
	if len(e.Missing) == 0 {
		printExampleRows(w, fmt.Sprintf("rows in the window, by history (%s in all)", count(int64(e.Total))), e.Rows)
	}
	if e.Before != "" {
		fmt.Fprintf(w, "  what history makes of it: bighead why %s %s %s --at %s\n", view, col.Name, strings.Join(key, " "), e.At)
	}
}

func positionsText(p map[string]int64) string {
	if len(p) == 0 {
		return "nothing"
	}
	var out []string
	for _, k := range slices.Sorted(maps.Keys(p)) {
		name := "partition " + k
		switch k {
		case "-1":
			name = "pushed row"
		case "-2":
			name = "row that had waited"
		}
		out = append(out, fmt.Sprintf("%s %d", name, p[k]))
	}
	return strings.Join(out, ", ")
}

func printExampleRows(w io.Writer, head string, rows []audit.ExampleRow) {
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(w, "  %s:\n", head)
	columns := slices.Sorted(maps.Keys(rows[0].Columns))
	t := newTable(append([]string{"time", "arrived"}, columns...)...)
	for _, r := range rows {
		arrived := r.Arrival
		if arrived == "" {
			arrived = "in the source's files"
		}
		cells := []string{r.TS, arrived}
		for _, c := range columns {
			cells = append(cells, cut(cellText(r.Columns[c]), 30))
		}
		t.add(cells...)
	}
	_ = t.print(indented{w})
}
