package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/examples/flights"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/project"
	"github.com/bighead-ml/bighead/value"
)

func (c *cli) demoCommand() *cobra.Command {
	dir := "bighead-demo"
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "The whole story on real flights, each step explained in a line",
		Args:  exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			d := &demo{cli: c, dir: dir, began: time.Now()}
			return d.run(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&dir, "dir", dir, "where the example project is written")
	return cmd
}

// demo tells the story in steps; each does what a user would do by hand, and names the command.
type demo struct {
	*cli
	dir     string
	began   time.Time
	project *loaded
	models  *rivals // nil: none could be trained
}

func (d *demo) run(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, d.models.close()) }()
	for _, step := range []func(context.Context) error{d.write, d.check, d.test, d.rows, d.why, d.naive, d.learn, d.online} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	d.say("done", "the project is yours to change: cd %s && bighead check", shellWord(d.dir))
	return nil
}

// say tells one step in a line, with the seconds since the start.
func (d *demo) say(what, format string, args ...any) {
	fmt.Fprintf(d.stdout, "[%5.1fs] %-9s %s\n", time.Since(d.began).Seconds(), what, fmt.Sprintf(format, args...))
}

func (d *demo) show(text string) { fmt.Fprintln(d.stdout, indentLines(text, "          ")) }

func (d *demo) write(context.Context) error {
	err := flights.CopyTo(d.dir)
	what := "are written to " + d.dir
	if errors.Is(err, fs.ErrExist) {
		what, err = fmt.Sprintf("were written to %s before, which is used as it is", d.dir), nil
	}
	if err == nil {
		d.say("flights", "336,776 real flights out of New York in 2013, with the weather and the aircraft, %s", what)
	}
	return err
}

func (d *demo) check(ctx context.Context) error {
	p, err := project.Open(d.dir, project.Options{Stderr: d.stderr})
	if err != nil {
		return mistakef("%v", err)
	}
	if d.project, err = d.cli.check(ctx, p); err != nil {
		return err
	}
	if d.project.problems.Failed() {
		return d.printProblems(d.project, "text")
	}
	d.say("check", "features.py and models.py are recorded, typed and checked: %s", strings.TrimPrefix(summary(d.project), "sound: "))
	return nil
}

func (d *demo) test(ctx context.Context) error {
	roads, err := roadsNamed("", engineOptions{})
	if err != nil {
		return err
	}
	var out strings.Builder
	quiet := *d.cli
	quiet.stdout = &out
	if err := quiet.runScripts(ctx, d.project.Project, nil, roads, false); err != nil {
		fmt.Fprint(d.stdout, out.String())
		return err
	}
	d.say("test", "tests/*.feat give what their authors worked out by hand, on the plain definition, on the fast engine, and pushed as events and asked of a server")
	return nil
}

func (d *demo) trainingSet() *feature.TrainingSet { return d.project.typed.TrainingSets[0] }

// demoRows is the training set's file in the project.
const demoRows = "late.parquet"

// rows computes the training set, as `bighead training-set late -o late.parquet` does.
func (d *demo) rows(ctx context.Context) error {
	t := d.trainingSet()
	b := plan.ForTrainingSet(t)
	path := filepath.Join(d.dir, demoRows)
	s, err := d.newSink(path, b, map[string]string{"bighead.training_set": t.Name, "bighead.fingerprint": t.Fingerprint, "bighead.version": version})
	if err != nil {
		return err
	}
	defer s.abort()
	usual := newTypicals(t)
	report, err := d.runPlan(ctx, d.project, b, nil, func(b *value.Batch) error {
		usual.see(b)
		return s.write(b)
	})
	if err != nil {
		return err
	}
	if err := errors.Join(s.close(), usual.keep(ctx, d.dir)); err != nil {
		return err
	}
	d.say("rows", "each flight as it looked two hours before departure: %s rows, %s columns, in %s", count(report.Rows), count(int64(len(b.Output))), path)
	const shown = 3
	kept, err := readRows(ctx, path, demoColumns, shown, func(row []value.Value) bool {
		return !slices.ContainsFunc(row, value.Value.IsNull)
	})
	if err != nil {
		return err
	}
	var text strings.Builder
	if err := writeTable(&text, kept); err != nil {
		return err
	}
	d.show(text.String())
	return nil
}

// demoColumns are the columns that the story looks at, of forty.
var demoColumns = []string{"flight_id", "carrier", "at", "carrier__dep_delay_avg_1h", "carrier__late_1d", "aircraft__arr_delay_last", "wx__wind_gust_max_6h", "late"}

// readRows reads the first rows of a file for which keep is true.
func readRows(ctx context.Context, path string, columns []string, limit int, keep func([]value.Value) bool) (*value.Batch, error) {
	t, err := dataset.Open(ctx, formats, path, dataset.Options{})
	if err != nil {
		return nil, err
	}
	r, err := t.Scan(ctx, dataset.Scan{Columns: columns})
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var rows [][]value.Value
	var schema value.Schema
	for len(rows) < limit {
		b, err := r.Next()
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		schema = b.Schema
		for i := 0; i < b.N && len(rows) < limit; i++ {
			if row := b.Row(i); keep(row) {
				rows = append(rows, row)
			}
		}
	}
	return value.BatchOf(schema, rows), nil
}

// why explains one value, as `bighead why` does.
func (d *demo) why(ctx context.Context) error {
	const view, name, at = "departure", "carrier__late_1d", "2013-03-01T12:00:00Z"
	t, _ := value.ParseTimestamp(at)
	a, err := d.cli.why(ctx, d.project, view, name, []string{"carrier=UA"}, t)
	if err != nil {
		return err
	}
	a.Events = a.Events[max(0, len(a.Events)-3):]
	d.say("why", "one value and what made it: bighead why -C %s %s %s carrier=UA --at %s", shellWord(d.dir), view, name, at)
	var text strings.Builder
	a.print(&text)
	d.show(text.String())
	return nil
}

// naive makes the training set that a join by day would have made, beside ours.
func (d *demo) naive(ctx context.Context) error {
	n, err := compareNaive(ctx, d.cli, d.project, d.trainingSet())
	if err != nil {
		return err
	}
	d.say("leak", "a join by day would have given other values: it sees the whole day, also what had not happened yet")
	d.show(n.text())
	d.say("leak", "%s of its %s values (%.0f %%) hold events from the future; here there are none", count(n.future), count(n.values), 100*float64(n.future)/float64(max(n.values, 1)))
	return nil
}
