package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bighead-ml/bighead/catalog"
	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/feature/report"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/project"
	"github.com/bighead-ml/bighead/train"
	"github.com/bighead-ml/bighead/value"
)

// champion is the alias that gates compare with, and that endpoints ask where they name no other.
const champion = "champion"

func (c *cli) trainCommand() *cobra.Command {
	var end string
	var set []string
	var seed int64
	cmd := &cobra.Command{
		Use:   "train MODEL",
		Short: "Train a new version of a model, or register one that answers elsewhere",
		Long:  "Compute the training set's rows, part them by time, fit the pipeline, run the training function in the model's environment, compare what the runtime answers with what the framework does, and register the version. Of a model that answers elsewhere (remote=) nothing is trained: it is asked some of the rows, and its answers are kept, so that another model at its address is noticed. Nothing is promoted: the last line is the command that does.",
		Args:  exactly("MODEL"),

		ValidArgsFunction: c.complete(modelNames, noNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := c.load(cmd.Context())
			if err != nil {
				return err
			}
			m, err := find("model", p.typed.Models, func(m *feature.Model) string { return m.Name }, args[0])
			if err != nil {
				return err
			}
			if m, err = overlaid(m, end, set); err != nil {
				return err
			}
			if cmd.Flags().Changed("seed") {
				if m.Remote != "" {
					return usagef("--seed is for training, and model %s was trained elsewhere", m.Name)
				}
				m.Seed = seed
			}
			return c.train(cmd.Context(), p, m)
		},
	}
	f := cmd.Flags()
	f.StringVar(&end, "end", "", "only rows with at before this time, and labels known by it (RFC 3339, or a date)")
	f.StringArrayVar(&set, "set", nil, "a parameter in place of the definition's, such as --set leaves=63; the value is JSON, or else text")
	f.Int64Var(&seed, "seed", 0, "the seed in place of the definition's")
	c.engineFlags(cmd)
	return cmd
}

func modelNames(l *loaded, _ []string) []string {
	return namesOf(l.typed.Models, func(m *feature.Model) string { return m.Name }, nil)
}

// overlaid is the model with flags laid over its definition.
func overlaid(m *feature.Model, end string, set []string) (*feature.Model, error) {
	copied := *m
	if end != "" {
		t, err := bounded(m.TrainingSet, "", end)
		if err != nil {
			return nil, err
		}
		copied.TrainingSet = t
		if !m.Split.Whole() {
			if *t.End <= m.Split.Test {
				return nil, usagef("--end %s is not after the test's first time, %s: no row would be left for it", end, value.FormatTimestamp(m.Split.Test))
			}
			copied.Split.End = t.End
		}
	}
	copied.Params = maps.Clone(m.Params)
	for _, pair := range set {
		name, text, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, usagef("--set %s: write --set name=value", pair)
		}
		if _, known := m.Params[name]; !known {
			return nil, unknownParam(m, name)
		}
		copied.Params[name] = param(text)
	}
	return &copied, nil
}

func unknownParam(m *feature.Model, name string) error {
	names := slices.Sorted(maps.Keys(m.Params))
	if near := expr.Nearest(name, names); len(near) > 0 {
		return mistakef("model %s has no parameter %q; did you mean %q?", m.Name, name, near[0])
	}
	if len(names) == 0 {
		return mistakef("model %s has no parameters: its definition names none in params=", m.Name)
	}
	return mistakef("model %s has no parameter %q; its definition has %s", m.Name, name, someOf(names))
}

// param is JSON, or where it is none the text itself.
func param(text string) any {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil || d.More() {
		return text
	}
	return v
}

// train makes a version and registers it. The run's folder stays, but of a run that was interrupted.
func (c *cli) train(ctx context.Context, p *loaded, m *feature.Model) error {
	runs := filepath.Join(p.Root, ".bighead", "runs")
	run, err := train.Begin(runs, m.Name, time.Now())
	if err != nil {
		return err
	}
	v, err := c.trainIn(ctx, p, m, run)
	if err != nil && ctx.Err() != nil {
		return errors.Join(err, run.Remove())
	}
	run.Keep()
	c.pruneRuns(p, runs, m.Name)
	if err == nil {
		return c.trained(v)
	}
	return c.notTrained(p, err)
}

// notTrained tells why a run came to nothing.
func (c *cli) notTrained(p *loaded, err error) error {
	var failed *train.Failed
	switch {
	case errors.As(err, &failed):
		return c.printFailed(p, failed)
	case train.IsMistake(err):
		return mistakef("%v", err)
	}
	return err
}

// pruneRuns removes the model's runs beyond those that are kept, and says which. It is no part of the training, which has ended: where it cannot be
// done, that is said too.
func (c *cli) pruneRuns(p *loaded, runs, model string) {
	keep := int(p.Config.Int("train.keep_runs"))
	if keep == 0 {
		return
	}
	done := c.step("runs")
	pruned, err := train.Prune(runs, model, keep)
	if len(pruned.Runs) > 0 {
		done(fmt.Sprintf("removed %s of %s bytes, beyond [train] keep_runs = %d: %s", plural(len(pruned.Runs), "run"), count(pruned.Bytes), keep, strings.Join(pruned.Runs, ", ")))
	}
	if err != nil {
		fmt.Fprintln(c.stderr, "warning:", err)
	}
}

func (c *cli) trainIn(ctx context.Context, p *loaded, m *feature.Model, run *train.Folder) (*catalog.ModelVersion, error) {
	cat, err := openCatalog(ctx, p.Root)
	if err != nil {
		return nil, err
	}
	defer cat.Close()
	champions, err := championOf(ctx, cat, m.Name)
	if err != nil {
		return nil, err
	}
	lies, err := artifactsOf(p.Project)
	if err != nil {
		return nil, err
	}
	rows, weight, err := c.trainingRows(ctx, p, m.TrainingSet, run.Path)
	if err != nil {
		return nil, err
	}
	e, err := environments(p.Project)
	if err != nil {
		return nil, err
	}
	r, err := train.Run(ctx, train.Options{
		Model: m, Rows: rows, Weight: weight, Root: p.Root, Run: run.Name, Folder: run.Path, Artifacts: lies.folder, Formats: formats,
		Environments: *e, Limits: trainLimits(p), Runtimes: runtimes(p.Project), Champion: champions, Live: c.stderr, Step: c.step,
	})
	if err != nil {
		return nil, err
	}
	if err := c.shareNew(ctx, lies, r.Version.Artifact); err != nil {
		return nil, err
	}
	r.Version.By = userName()
	return r.Version, cat.RegisterModel(ctx, r.Version)
}

// environments are those of a project's models.
func environments(p *project.Project) (*train.Environments, error) {
	py, err := p.Python()
	if err != nil {
		return nil, err
	}
	return &train.Environments{Python: py.Path, Locks: filepath.Join(p.Root, "environments"), Folder: p.Path(p.Config.String("python.environments"))}, nil
}

func trainLimits(p *loaded) train.Limits {
	l := train.Limits{
		Timeout: p.Config.Duration("train.timeout"), Memory: machineMemory(), Disk: p.Config.Bytes("train.disk"), Processes: int(p.Config.Int("train.processes")),
	}
	if p.Config.String("train.memory") != "" {
		l.Memory = p.Config.Bytes("train.memory")
	}
	return l
}

// championOf are the champion's metrics of the test; nil where there is no champion.
func championOf(ctx context.Context, cat catalog.Catalog, model string) (map[string]float64, error) {
	aliases, err := cat.Aliases(ctx, model, time.Now())
	if err != nil || aliases[champion] == 0 {
		return nil, err
	}
	v, err := cat.ModelVersion(ctx, model, aliases[champion])
	if err != nil {
		return nil, err
	}
	return train.TestMetrics(v.Metrics), nil
}

// trainingRows has the engine compute the training set's rows into the run's folder.
func (c *cli) trainingRows(ctx context.Context, p *loaded, t *feature.TrainingSet, folder string) (rows dataset.Table, weight string, err error) {
	done := c.step("rows")
	b := plan.ForTrainingSet(t)
	path := filepath.Join(folder, "rows.parquet")
	sink, err := c.newSink(path, b, map[string]string{"bighead.training_set": t.Name, "bighead.fingerprint": t.Fingerprint, "bighead.version": version})
	if err != nil {
		return nil, "", err
	}
	defer sink.abort()
	report, err := c.runPlan(ctx, p, b, nil, sink.write)
	if err != nil {
		return nil, "", err
	}
	if err := sink.close(); err != nil {
		return nil, "", err
	}
	done(fmt.Sprintf("%s of training set %s", plural(int(report.Rows), "row"), t.Name))
	c.printLeaks(p, t, report)
	for _, o := range b.Output {
		if o.Role == plan.Weight {
			weight = o.Name
		}
	}
	rows, err = dataset.Open(ctx, formats, path, dataset.Options{})
	return rows, weight, err
}

// step tells what begins, and at its end with its time what came of it.
func (c *cli) step(what string) (done func(note string)) {
	began := time.Now()
	return func(note string) {
		fmt.Fprintf(c.stderr, "%-12s %6.1fs  %s\n", what, time.Since(began).Seconds(), strings.TrimSpace(note))
	}
}

// printFailed shows a mistake of the training function as those of definitions look.
func (c *cli) printFailed(p *loaded, f *train.Failed) error {
	_, problems := feature.Check(&feature.Definitions{Version: feature.FormatVersion, Mistakes: append([]feature.Mistake{f.Mistake}, f.More...)}, feature.Options{})
	if err := report.Write(c.stderr, "text", problems, report.Options{Source: p.source, Traceback: c.traceback, Version: version}); err != nil {
		return err
	}
	if f.Log != "" {
		fmt.Fprintf(c.stderr, "   what it printed is in %s\n", f.Log)
	}
	return errReported
}

// trained tells of a new version, and how it is promoted.
func (c *cli) trained(v *catalog.ModelVersion) error {
	if c.json {
		return json.NewEncoder(c.stdout).Encode(v)
	}
	fmt.Fprintf(c.stdout, "%s version %d: %s\n", v.Model, v.Number, cmp.Or(metricsText(v.Metrics), "not measured"))
	promote := fmt.Sprintf("bighead models alias %s %s %d", v.Model, champion, v.Number)
	switch {
	case v.Gate == "":
		fmt.Fprintf(c.stdout, "nothing is promoted; to promote it: %s\n", promote)
	case v.GateHeld:
		fmt.Fprintf(c.stdout, "it holds its gate, %s; nothing is promoted; to promote it: %s\n", v.Gate, promote)
	default:
		fmt.Fprintf(c.stdout, "it does not hold its gate, %s, and is not for promotion\n", v.Gate)
	}
	return nil
}

// metricsText lists metrics in the order of their names, those of the test first.
func metricsText(m map[string]float64) string {
	names := slices.Sorted(maps.Keys(m))
	slices.SortStableFunc(names, func(a, b string) int { return metricOrder(a) - metricOrder(b) })
	var out []string
	for _, n := range names {
		out = append(out, fmt.Sprintf("%s %.4g", n, m[n]))
	}
	return strings.Join(out, ", ")
}

func metricOrder(name string) int {
	for i, prefix := range []string{"test.", "valid."} {
		if strings.HasPrefix(name, prefix) {
			return i
		}
	}
	return 2
}
