package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/feature/report"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/project"
	"github.com/bighead-ml/bighead/value"
)

// loaded is a project as its working tree has it: recorded and checked.
type loaded struct {
	*project.Project
	defs     *feature.Definitions
	typed    *feature.Project
	problems feature.Problems
}

// open finds the project and reads its settings.
func (c *cli) open() (*project.Project, error) {
	dir := c.dir
	if dir == "" {
		dir = "."
	}
	p, err := project.Open(dir, project.Options{Profile: c.profile, Flags: c.settings, Stderr: c.stderr})
	if err != nil {
		return nil, mistakef("%v", err)
	}
	for _, w := range p.Config.Warnings() {
		fmt.Fprintln(c.stderr, "warning:", w)
	}
	return p, nil
}

// check records and checks the working tree; what is wrong is in the problems.
func (c *cli) check(ctx context.Context, p *project.Project) (*loaded, error) {
	stop := c.timed("record")
	defs, err := c.record(ctx, p)
	stop()
	if err != nil {
		var setting *project.SettingError
		if errors.As(err, &setting) || errors.Is(err, project.ErrNoDefinitions) {
			return nil, mistakef("%v", err)
		}
		return nil, err
	}
	defer c.timed("check")()
	return c.checked(ctx, p, defs), nil
}

// timed says, where asked, how long the work until stop took.
func (c *cli) timed(what string) (stop func()) {
	began := time.Now()
	return func() {
		if c.timings {
			fmt.Fprintf(c.stderr, "timing: %s %.3fs\n", what, time.Since(began).Seconds())
		}
	}
}

// record runs the definition files, or reads what a notebook recorded.
func (c *cli) record(ctx context.Context, p *project.Project) (*feature.Definitions, error) {
	if c.cells == "" {
		return p.Record(ctx)
	}
	f, err := os.Open(c.cells)
	if err != nil {
		return nil, mistakef("%v", err)
	}
	defer f.Close()
	defs, err := feature.Decode(f)
	if err != nil {
		return nil, mistakef("%s: %v", c.cells, err)
	}
	p.Place(defs)
	return defs, nil
}

func (c *cli) checked(ctx context.Context, p *project.Project, defs *feature.Definitions) *loaded {
	return c.checkedFor(ctx, p, defs, p.Config.String("batch.engine"))
}

// checkedFor checks for a batch engine that is not the settings' own.
func (c *cli) checkedFor(ctx context.Context, p *project.Project, defs *feature.Definitions, batch string) *loaded {
	l := &loaded{Project: p, defs: defs}
	l.typed, l.problems = feature.Check(defs, feature.Options{
		Schema:     func(place feature.Place) (value.Schema, []string, error) { return l.schema(ctx, place) },
		Resolution: p.Config.String("features.resolution"),
		Batch:      batch,
		Stream:     p.Config.String("stream.engine"),
	})
	return l
}

// load is check for commands that need sound definitions: it prints what is wrong and ends the command where anything is.
func (c *cli) load(ctx context.Context) (*loaded, error) {
	p, err := c.open()
	if err != nil {
		return nil, err
	}
	l, err := c.check(ctx, p)
	if err != nil {
		return nil, err
	}
	l.problems = slices.DeleteFunc(l.problems, func(p feature.Problem) bool { return p.Severity == feature.SeverityHint }) // check says them
	return l, c.printProblems(l, "text")
}

// printProblems reports mistakes on stderr, and everything on stdout where a machine asks; errReported where there is an error.
func (c *cli) printProblems(l *loaded, format string) error {
	w := c.stderr
	if format != "text" {
		w = c.stdout
	}
	if err := report.Write(w, format, l.problems, report.Options{Source: l.source, Traceback: c.traceback, Version: version}); err != nil {
		return err
	}
	if l.problems.Failed() {
		return errReported
	}
	return nil
}

// source reads a definition file for reports, a notebook's cell from the recording.
func (l *loaded) source(file string) (string, error) {
	for _, f := range l.defs.Files {
		if f.Path == file && f.Text != nil {
			return *f.Text, nil
		}
	}
	b, err := os.ReadFile(filepath.Join(l.Root, filepath.FromSlash(file)))
	return string(b), err
}

// options say how a place's files are to be understood.
func options(place feature.Place) dataset.Options {
	o := dataset.Options{Format: place.Format, Declared: place.Declared}
	for _, column := range place.TimeColumns {
		if o.TimeUnits == nil {
			o.TimeUnits = map[string]string{}
		}
		o.TimeUnits[column] = place.TimeUnit
	}
	return o
}

func (l *loaded) table(ctx context.Context, place feature.Place) (dataset.Table, error) {
	return openPlace(ctx, l.Project, place)
}

func openPlace(ctx context.Context, p *project.Project, place feature.Place) (dataset.Table, error) {
	if place.Path == "" {
		return openTable(ctx, p, place)
	}
	return dataset.Open(ctx, formats, p.Path(place.Path), options(place))
}

func (l *loaded) schema(ctx context.Context, place feature.Place) (value.Schema, []string, error) {
	schema, found, err := l.columns(ctx, place)
	if err != nil {
		return nil, nil, err
	}
	var warnings []string
	for _, w := range found {
		warnings = append(warnings, strings.TrimSpace(w.Column+" "+w.Message))
	}
	return schema, warnings, nil
}

// columns asks the catalog of a table, and opens files, which say it themselves.
func (l *loaded) columns(ctx context.Context, place feature.Place) (value.Schema, []dataset.Warning, error) {
	if place.Path == "" {
		return tableSchema(ctx, l.Project, place)
	}
	t, err := l.table(ctx, place)
	if err != nil {
		return nil, nil, err
	}
	return t.Schema(), t.Warnings(), nil
}

// inputs opens the tables that plans name; tiles of earlier backfills may stand for rows.
func (l *loaded) inputs() engine.Inputs {
	return engine.Inputs{Tiles: l.tiles(), Open: func(ctx context.Context, place feature.Place, schema value.Schema) (dataset.Table, error) {
		return l.openChecked(ctx, place, schema)
	}, Source: func(ctx context.Context, s *feature.Source) (dataset.Table, error) {
		rows, _, err := l.history(ctx, s)
		return rows, err
	}}
}

// engineFlags are those of commands that run plans.
func (c *cli) engineFlags(cmd *cobra.Command) {
	if c.settings == nil {
		c.settings = map[string]string{}
	}
	for _, f := range []struct{ name, key, help string }{
		{"engine", "batch.engine", "the engine that runs it, such as local"},
		{"memory", "batch.memory", "how much memory the engine may use before it spills to disk, such as 2GiB"},
		{"threads", "batch.threads", "how many cores the engine may use"},
	} {
		cmd.Flags().Func(f.name, f.help, func(text string) error {
			c.settings[f.key] = text
			return nil
		})
	}
	offer(cmd, "engine", engineNames()...)
}

// runPlan runs a plan on the project's engine, with a bar on a terminal. spine, where not nil, takes the place of the plan's own.
func (c *cli) runPlan(ctx context.Context, l *loaded, b *plan.Batch, spine dataset.Table, out func(*value.Batch) error) (*engine.Report, error) {
	e, err := l.engine()
	if err != nil {
		return nil, err
	}
	if session, ok := e.(io.Closer); ok {
		defer session.Close()
	}
	bar := newProgress(c.stderr, b.Name)
	defer bar.done()
	in := l.inputs()
	in.Spine, in.Progress, in.At = spine, bar.update, bar.say
	defer l.withinMemory()()
	report, err := e.Run(ctx, b, in, out)
	if errors.Is(err, engine.ErrNoTime) {
		err = mistakef("%v", err)
	}
	return report, err
}

// withinMemory tells the garbage collector of batch.memory until end is called, so that it tidies up rather than goes beyond. What is
// needed is held all the same.
func (l *loaded) withinMemory() (end func()) {
	const least = 128 << 20 // below, it would do nothing else
	limit := l.Config.Bytes("batch.memory")
	before := debug.SetMemoryLimit(-1)
	if limit <= 0 || limit >= before {
		return func() {}
	}
	debug.SetMemoryLimit(max(limit, least))
	return func() { debug.SetMemoryLimit(before) }
}

func (l *loaded) engine() (engine.Engine, error) {
	e, err := engineNamed(l.Config.String("batch.engine"), optionsOf(l.Project))
	if err != nil {
		return nil, mistakef("batch.engine %v", err)
	}
	return e, nil
}

// optionsOf is what a project says about running plans.
func optionsOf(p *project.Project) engineOptions {
	o := engineOptions{Memory: p.Config.Bytes("batch.memory"), Threads: int(p.Config.Int("batch.threads")), Remote: p.Config.String("batch.remote"), Settings: p.Config.Strings("batch.settings"), TLS: sparkTLS(p)}
	if o.Stage = p.Config.String("batch.stage"); o.Stage != "" && !strings.Contains(o.Stage, "://") { // else it is refused by name
		o.Stage = inProject(p, o.Stage)
	}
	return o
}

// engineNamed is an engine of this binary.
func engineNamed(name string, o engineOptions) (engine.Engine, error) {
	if name == "spark" && o.Remote == "" {
		return nil, errors.New("\"spark\" computes where a Connect server is: name it in bighead.toml, [batch] remote = \"sc://host:15002\"")
	}
	for _, e := range engines(o) {
		if e.Name() == name {
			return e, nil
		}
	}
	return nil, fmt.Errorf("%q is not in this binary: it has %s", name, strings.Join(engineNames(), " and "))
}

func engineNames() []string {
	var names []string
	for _, e := range engines(engineOptions{}) {
		names = append(names, e.Name())
	}
	return names
}
