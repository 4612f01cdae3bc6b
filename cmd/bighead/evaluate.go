package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bighead-ml/bighead/audit"
	"github.com/bighead-ml/bighead/catalog"
	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/drift"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/train"
	"github.com/bighead-ml/bighead/value"
)

func (c *cli) evaluateCommand() *cobra.Command {
	var from, to, failOn, more string
	cmd := &cobra.Command{
		Use:   "evaluate ENDPOINT",
		Short: "Say by version how good predictions were, as far as their truth is known, and how far features and scores have moved away from training",
		Long: "Join what an endpoint has predicted with the labels that came for it (POST /v1/labels, and its label source), and with the vectors that it was made of, and say by version: how many predictions, how many of them " +
			"degraded, how many with a label, the metrics beside those of training's test, and which scores and features lie otherwise than in training. Works while `bighead up` runs and without.",
		Args: exactly("ENDPOINT"),

		ValidArgsFunction: c.complete(endpointNames, noNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			now := time.Now()
			since, err := parseWhen("--from", from, now)
			if err != nil {
				return err
			}
			until := now.UnixMilli() + 1
			if to != "" {
				if until, err = parseWhen("--to", to, now); err != nil {
					return err
				}
			}
			switch {
			case since >= until:
				return usagef("--from %s is not before --to", from)
			case failOn != "" && failOn != "drift":
				return usagef("--fail-on %q: it takes drift", failOn)
			}
			r, err := c.evaluate(cmd.Context(), args[0], more, since, until)
			if err != nil {
				return err
			}
			if err := c.printEvaluated(r); err != nil {
				return err
			}
			if failOn != "" && r.Drifted() {
				return errReported
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&from, "from", "7d", "what was predicted from then on: a time, or how long ago")
	f.StringVar(&to, "to", "", "what was predicted before: a time, or how long ago (default: now)")
	f.StringVar(&more, "labels", "", "a file with more labels: prediction_id, label and, where it has it, at, when the label was known")
	f.StringVar(&failOn, "fail-on", "", "drift: exit 1 where a feature or a score has drifted")
	return cmd
}

func (c *cli) evaluate(ctx context.Context, endpoint, more string, since, until int64) (*audit.Evaluated, error) {
	p, err := c.open()
	if err != nil {
		return nil, err
	}
	a, err := c.loadApplied(ctx, p)
	if err != nil {
		return nil, err
	}
	predictions := inProject(p, p.Config.String("audit.predictions"))
	names, err := audit.Views(predictions) // of endpoints that are not there any more too
	if err != nil {
		return nil, err
	}
	var task model.Task
	var from *feature.LabelSource
	for _, e := range a.typed.Endpoints {
		if names = append(names, e.Name); e.Name == endpoint {
			task, from = e.Model.Task, e.Labels
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if _, err := find("endpoint", names, func(s string) string { return s }, endpoint); err != nil {
		return nil, err
	}
	if _, err := freshRecord(ctx, p); err != nil {
		return nil, err
	}
	labels, err := labelTables(ctx, p)
	if err != nil {
		return nil, err
	}
	if more != "" {
		t, err := dataset.Open(ctx, formats, more, dataset.Options{})
		if err != nil {
			return nil, mistakef("--labels: %v", err)
		}
		own, err := audit.PlainLabels(t)
		if err != nil {
			return nil, mistakef("--labels %s: %v", more, err)
		}
		labels = append(labels, own)
	}
	source, err := c.labelRows(ctx, a.loaded, from)
	if err != nil {
		return nil, err
	}
	lie, err := artifactsOf(p)
	if err != nil {
		return nil, err
	}
	cat, err := openCatalog(ctx, p.Root)
	if err != nil {
		return nil, err
	}
	r, err := audit.Evaluate(ctx, audit.Evaluation{
		Predictions: predictions, Served: inProject(p, p.Config.String("audit.path")), Formats: formats, Labels: labels, From: source,
		Endpoint: endpoint, Task: task, Since: since, Until: until,
		Trained: func(ctx context.Context, name string, version int64) (*audit.Trained, error) {
			return trainedVersion(ctx, lie, cat, name, version)
		},
	})
	return r, errors.Join(err, cat.Close())
}

// labelRows opens the rows of a label source, as history has them: those of its place, and those that its stream has accepted. nil: there is none.
func (c *cli) labelRows(ctx context.Context, l *loaded, s *feature.LabelSource) (*audit.LabelSource, error) {
	switch {
	case s == nil:
		return nil, nil
	case s.Trained != nil:
		return &audit.LabelSource{LabelSource: s, Compute: func(ctx context.Context, p *plan.Batch, rows dataset.Table, out func(*value.Batch) error) (*engine.Report, error) {
			return c.runPlan(ctx, l, p, rows, out)
		}}, nil
	}
	in := l.inputs()
	var rows dataset.Table
	var err error
	if s.Source != nil {
		rows, err = in.Rows(ctx, s.Source)
	} else {
		rows, err = in.Open(ctx, s.Place, s.Schema)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: labels of %s: %w", s.Pos, s.Name(), err)
	}
	return &audit.LabelSource{LabelSource: s, Rows: rows}, nil
}

func trainedVersion(ctx context.Context, lie *artifacts, cat catalog.Catalog, name string, version int64) (*audit.Trained, error) {
	v, err := cat.ModelVersion(ctx, name, version)
	if err != nil {
		return nil, err
	}
	m, err := lie.manifest(ctx, v.Artifact)
	if err != nil {
		return nil, err
	}
	return &audit.Trained{Manifest: m, Test: train.TestMetrics(v.Metrics)}, nil
}

func (c *cli) printEvaluated(r *audit.Evaluated) error {
	if c.json {
		return json.NewEncoder(c.stdout).Encode(r)
	}
	w := c.stdout
	fmt.Fprintf(w, "endpoint %s, %s to %s: %s, %s of them with a label\n", r.Endpoint, r.Since, r.Until, plural64(r.Predictions, "prediction"), count(r.Labelled))
	if r.Unknown > 0 {
		fmt.Fprintf(w, "%s for predictions of that time that the record has of no endpoint: not recorded, dropped, or not made here\n", plural64(r.Unknown, "label"))
	}
	if r.Source != nil {
		printJoined(w, r.Source)
	}
	for _, d := range r.Damaged {
		fmt.Fprintln(w, "cannot be read:", d)
	}
	if r.Predictions == 0 {
		fmt.Fprintln(w, "nothing was predicted then, or nothing of it is recorded ([audit] sample, sample_predictions, keep, keep_predictions)")
		return nil
	}
	if err := printVersions(w, r); err != nil {
		return err
	}
	for _, v := range r.Versions {
		if err := printDrift(w, v); err != nil {
			return err
		}
	}
	return nil
}

// printJoined says what became of a label source's rows, and which predictions they left without a label.
func printJoined(w io.Writer, s *audit.JoinedLabels) {
	type part struct {
		n    int64
		what string
	}
	list := func(first string, parts ...part) string {
		for _, p := range parts {
			if p.n > 0 {
				first += ", " + count(p.n) + " " + p.what
			}
		}
		return first
	}
	if s.Computed {
		fmt.Fprintln(w, list(fmt.Sprintf("labels of %s, computed of history: %s with one", s.Name, plural64(s.Labelled, "prediction")),
			part{s.NotOver, "whose span is not over yet"}, part{s.Waiting - s.NotOver, "without one"}, part{s.Keyless, "whose keys are not recorded"}))
		return
	}
	fmt.Fprintln(w, list(fmt.Sprintf("labels of %s: %s, %s of them known after predictions of theirs", s.Name, plural64(s.Rows, "row"), count(s.Matched)),
		part{s.Unmatched, "of no prediction here of that time"}, part{s.Early, "known before all predictions of theirs"}, part{s.NotKnown, "not known yet"}, part{s.WithoutKey, "without a key"}))
	fmt.Fprintln(w, list(plural64(s.Labelled, "prediction")+" with a label by them",
		part{s.Waiting, "without one"}, part{s.Ambiguous, `with several, in no metric: take="first" or "last" says which`}, part{s.Keyless, "whose keys are not recorded"}))
}

// versionName is how commands call a version.
func versionName(v *audit.EvaluatedVersion) string {
	if v.Version == nil {
		return "fallback"
	}
	name := fmt.Sprintf("%s@%d", v.Model, *v.Version)
	if v.Shadow {
		name += " (shadow)"
	}
	return name
}

// printVersions prints a line for each version: live metrics, and behind them those of its test.
func printVersions(w io.Writer, r *audit.Evaluated) error {
	var names []string
	for _, task := range model.Tasks() {
		for _, m := range model.MetricsOf(task) {
			has := func(v *audit.EvaluatedVersion) bool { _, ok := v.Metrics[m.Name]; return ok }
			if !slices.Contains(names, m.Name) && slices.ContainsFunc(r.Versions, has) {
				names = append(names, m.Name)
			}
		}
	}
	head := []string{"version", "predictions", "degraded", "labelled"}
	for _, n := range names {
		head = append(head, n, "test")
	}
	t := newTable(head...)
	for i := 1; i < len(head); i++ {
		t.right[i] = true
	}
	for _, v := range r.Versions {
		row := []string{versionName(v), count(v.Predictions), percent(v.Degraded, v.Predictions), percent(v.Labelled, v.Predictions)}
		for _, n := range names {
			row = append(row, figure(v.Metrics, n), figure(v.Test, n))
		}
		t.add(row...)
	}
	if err := t.print(w); err != nil {
		return err
	}
	for _, v := range r.Versions {
		if v.NewClass > 0 {
			fmt.Fprintf(w, "%s: %s of a class that it does not know, in no metric\n", versionName(v), plural64(v.NewClass, "label"))
		}
		if v.Unfit > 0 {
			fmt.Fprintf(w, "%s: %s that cannot be of its task, in no metric, such as: %s\n", versionName(v), plural64(v.Unfit, "label"), v.WhyUnfit)
		}
	}
	return nil
}

func percent(n, of int64) string {
	if of == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f%%", 100*float64(n)/float64(of))
}

func figure(of map[string]float64, name string) string {
	x, ok := of[name]
	if !ok {
		return "–"
	}
	return fmt.Sprintf("%.4f", x)
}

// What a page shows of a version, at most: columns that have drifted or moved, and beside the scores those that have not.
const (
	shownDrifted = 20
	shownColumns = 5
)

// printDrift prints what of a version has moved, and in a line what has not.
func printDrift(w io.Writer, v *audit.EvaluatedVersion) error {
	all := append(slices.Clip(v.Scores), v.Features...)
	if len(all) == 0 {
		if v.Version != nil {
			fmt.Fprintf(w, "\n%s: no drift is measured: %s\n", versionName(v), v.NoDrift)
		}
		return nil
	}
	fmt.Fprintf(w, "\n%s against its training: %s\n", versionName(v), verdictsText(all))
	if v.NoDrift != "" {
		fmt.Fprintln(w, v.NoDrift)
	}
	t := newTable("", "verdict", "rows", "PSI", "by chance", "Jensen-Shannon", "Wasserstein/σ", "missing", "in training", "mean", "in training")
	for i := 2; i < len(t.head); i++ {
		t.right[i] = true
	}
	shown, more := 0, 0
	for _, x := range all {
		alarming := x.Verdict == drift.Drifted || x.Verdict == drift.Slight
		if alarming && shown >= shownDrifted {
			more++
			continue
		}
		if !alarming && (x.Verdict == drift.NotMeasured || shown >= shownColumns) && !slices.Contains(v.Scores, x) {
			continue
		}
		shown++
		t.add(x.Column, strings.ReplaceAll(string(x.Verdict), "_", " "), count(x.Rows), optional(x.PSI), optional(x.Threshold), optional(x.JensenShannon), optional(x.Wasserstein),
			fmt.Sprintf("%.1f%%", 100*x.Missing), fmt.Sprintf("%.1f%%", 100*x.ReferenceMissing), optional(x.Mean), optional(x.ReferenceMean))
	}
	if err := t.print(w); err != nil {
		return err
	}
	if more > 0 {
		fmt.Fprintf(w, "… and %d more; --json has all\n", more)
	}
	for _, x := range all {
		if x.Verdict == drift.TooFew && x.Needs > 0 {
			fmt.Fprintf(w, "too few: it takes about %s rows to tell drift in %s from chance\n", count(x.Needs), x.Column)
			break
		}
	}
	return nil
}

// verdictsText counts comparisons by verdict, in words.
func verdictsText(all []*drift.Comparison) string {
	words := map[drift.Verdict]string{drift.Drifted: "have drifted", drift.Slight: "have moved a little", drift.TooFew: "have too few rows to say", drift.Steady: "have not", drift.NotMeasured: "are not measured"}
	var out []string
	for _, k := range drift.Verdicts() {
		n := 0
		for _, x := range all {
			if x.Verdict == k {
				n++
			}
		}
		if n > 0 || k == drift.Drifted {
			out = append(out, fmt.Sprintf("%d %s", n, words[k]))
		}
	}
	return fmt.Sprintf("of %d features and scores %s", len(all), strings.Join(out, ", "))
}

func optional(x *float64) string {
	if x == nil {
		return "–"
	}
	return fmt.Sprintf("%.3g", *x)
}
