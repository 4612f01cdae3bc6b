package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bighead-ml/bighead/audit"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// servedRoad is the road of what is online now.
const servedRoad = "served"

// verifyOptions are what the flags say.
type verifyOptions struct {
	roads    []string
	sampling sampling
	report   string // where the signed report goes; "": nowhere
	key      string // of a file, over [verify] key
	newKey   string
	check    string
	public   string
}

func (c *cli) verifyCommand() *cobra.Command {
	var o verifyOptions
	var names string
	cmd := &cobra.Command{
		Use:   "verify VIEW --roads ROAD,ROAD [--sample FILE]",
		Short: "Compare what two roads or more answer to the same rows, by feature; exit 1 on a difference",
		Long: "Compare what each road answers with what the first of them does. Roads are the engines of this binary, and `served`, the online store as it is now: where it is among them, " +
			"rows are asked as of now and not as of a column of the sample, and the definitions are those that were applied. Without --sample the rows are those of the view's first training set, " +
			"or of an event source that has all that the view asks for. With --report what was found is written down and signed.",
		Args: cobra.MaximumNArgs(1),

		ValidArgsFunction: c.complete(viewNames, noNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.roads = strings.Split(names, ",")
			switch {
			case o.newKey != "":
				return c.newVerifyKey(o.newKey)
			case o.check != "":
				return c.checkReport(o.check, o.public)
			case len(args) != 1:
				return usagef("verify takes the name of a view; with --check a report, with --new-key a file for a key")
			case len(o.roads) < 2:
				return usagef("verify needs --roads with two roads, such as local,oracle")
			}
			return c.verify(cmd.Context(), args[0], &o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&names, "roads", "", "the roads, the first of which the others are compared with")
	f.StringVar(&o.sampling.name, "sample", "", "a file with the view's keys, request fields and a time, or the name of a training set or source")
	f.StringVar(&o.sampling.at, "at", plan.AtColumn, "the column of the sample with the time at which a row asks")
	f.Int64Var(&o.sampling.size, "sample-size", 0, "ask no more rows than this, drawn by a hash of key and time (default: all of a file, else 1000)")
	f.Int64Var(&o.sampling.seed, "seed", 1, "of the draw: the same rows come of the same seed")
	f.StringVar(&o.report, "report", "", "write what was found into this file, as signed JSON")
	f.StringVar(&o.key, "key", "", "the file of the key that signs (default: [verify] key)")
	f.StringVar(&o.newKey, "new-key", "", "make a key for signing reports in this file, and its public part beside it")
	f.StringVar(&o.check, "check", "", "check the signature of a report, and say what it attests")
	f.StringVar(&o.public, "public", "", "the public key that must have signed it: a file, or its text")
	return cmd
}

// verification is one run of verify.
type verification struct {
	*cli
	options *verifyOptions
	applied *applied
	view    *feature.View
	dir     string // for rows
	sample  *sample
	answers map[string]*keptRows // by road
	report  *verifyReport
}

// verifyReport is what a verification found, as --json gives it and --report signs it.
type verifyReport struct {
	Kind        string           `json:"kind"`
	Bighead     string           `json:"bighead"`
	Platform    string           `json:"platform"`
	Project     string           `json:"project"`
	View        string           `json:"view"`
	Fingerprint string           `json:"fingerprint"`
	Roads       []roadRun        `json:"roads"`
	Sample      *sample          `json:"sample"`
	Began       string           `json:"began"`
	Ended       string           `json:"ended"`
	Verdict     string           `json:"verdict"`
	Found       []*audit.Against `json:"compared"`
}

// The verdicts; the last two end the command with exit 1.
const (
	verdictEqual   = "equal by the promise"
	verdictPartly  = "equal by the promise, as far as there were answers"
	verdictDiffers = "differs"
	verdictNothing = "nothing compared"
)

// roadRun is one road and how it went.
type roadRun struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	MS      int64  `json:"ms"`
}

func (c *cli) verify(ctx context.Context, view string, o *verifyOptions) error {
	if err := c.knownRoads(o.roads); err != nil {
		return err
	}
	online := slices.Contains(o.roads, servedRoad)
	a, err := c.definitionsFor(ctx, online)
	if err != nil {
		return err
	}
	v, err := find("view", a.typed.Views, func(v *feature.View) string { return v.Name }, view)
	if err != nil {
		return err
	}
	for _, road := range o.roads { // before anything is read
		if err := c.tellable(ctx, a.loaded, v, road); err != nil {
			return err
		}
	}
	var sign *signer
	if o.report != "" { // before anything is computed
		if sign, err = c.signerOf(a.Project, o.key); err != nil {
			return err
		}
	}
	dir, err := os.MkdirTemp("", "bighead-verify-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	x := &verification{cli: c, options: o, applied: a, view: v, dir: dir, answers: map[string]*keptRows{}, report: &verifyReport{
		Kind: reportKind, Bighead: version, Platform: runtime.GOOS + "/" + runtime.GOARCH, Project: a.Name(), View: v.Name, Fingerprint: v.Fingerprint,
		Began: value.FormatTimestamp(time.Now().UnixMilli()),
	}}
	if err := x.run(ctx, online); err != nil {
		return err
	}
	if sign != nil {
		if err := sign.write(o.report, x.report); err != nil {
			return err
		}
	}
	if err := x.print(ctx, o.report); err != nil {
		return err
	}
	if x.report.Verdict == verdictDiffers || x.report.Verdict == verdictNothing {
		return errReported
	}
	return nil
}

// tellable refuses a view that a road elsewhere would not compute as it is meant, with the lines of the definitions. What else the project has
// is no matter: it is not asked for there.
func (c *cli) tellable(ctx context.Context, l *loaded, v *feature.View, road string) error {
	_, elsewhere, lack := handed(road, plan.ForView(v, nil), nil)
	if !elsewhere {
		return nil
	}
	there := c.checkedFor(ctx, l.Project, l.defs, road)
	sound := slices.ContainsFunc(there.typed.Views, func(x *feature.View) bool { return x.Name == v.Name && x.Fingerprint == v.Fingerprint })
	switch {
	case !sound && there.problems.Failed():
		fmt.Fprintf(c.stderr, "view %s cannot be computed on %s as it is defined:\n", v.Name, road)
		there.problems = slices.DeleteFunc(there.problems, func(p feature.Problem) bool { return p.Severity != feature.SeverityError })
		return c.printProblems(there, "text")
	case lack != nil:
		return mistakef("%v", lack)
	}
	return nil
}

// knownRoads refuses names of no road. Which engines there are depends on the project, which is looked at later.
func (c *cli) knownRoads(names []string) error {
	known := append(slices.Sorted(maps.Keys(roads(engineOptions{Remote: "any"}))), servedRoad)
	for i, n := range names {
		if !slices.Contains(known, n) {
			return usagef("--roads %q: there are %s and %s", n, strings.Join(known[:len(known)-1], ", "), servedRoad)
		}
		if slices.Contains(names[:i], n) {
			return usagef("--roads names %s twice", n)
		}
	}
	return nil
}

// definitionsFor are those that were applied where the online store is asked, else the working tree's.
func (c *cli) definitionsFor(ctx context.Context, online bool) (*applied, error) {
	if !online {
		l, err := c.load(ctx)
		if err != nil {
			return nil, err
		}
		return newApplied(l, nil), nil
	}
	return c.openApplied(ctx)
}

// run draws the sample, asks every road, and compares.
func (x *verification) run(ctx context.Context, online bool) error {
	known := roads(optionsOf(x.applied.Project))
	for _, e := range known {
		if session, ok := e.(io.Closer); ok {
			defer session.Close()
		}
	}
	for _, n := range x.options.roads { // before rows are read
		if n == "spark" && known[n] == nil {
			_, err := engineNamed(n, optionsOf(x.applied.Project))
			return mistakef("--roads: %v", err)
		}
		x.report.Roads = append(x.report.Roads, roadRun{Name: n})
	}
	var err error
	if x.sample, err = x.options.sampling.draw(ctx, x.applied, x.view, x.dir, online); err != nil {
		return err
	}
	x.report.Sample = x.sample
	if online { // first, for it says as of when the others are asked
		if err := x.timed(ctx, servedRoad, nil, x.askServed); err != nil {
			return err
		}
	}
	for _, n := range x.options.roads {
		if e := known[n]; e != nil {
			if err := x.timed(ctx, n, e, func(ctx context.Context) error { return x.ask(ctx, e) }); err != nil {
				return err
			}
		}
	}
	return x.compare(ctx)
}

// timed asks a road and notes what it is and how long it took.
func (x *verification) timed(ctx context.Context, name string, e engine.Engine, ask func(context.Context) error) error {
	i := slices.IndexFunc(x.report.Roads, func(r roadRun) bool { return r.Name == name })
	r := &x.report.Roads[i]
	r.Version = version
	if name == servedRoad {
		r.Version = fmt.Sprintf("applied version %d", x.applied.version.ID)
	}
	if other, ok := e.(interface {
		Version(ctx context.Context) (string, error)
	}); ok {
		var err error
		if r.Version, err = other.Version(ctx); err != nil {
			return err
		}
	}
	began := time.Now()
	err := ask(ctx)
	r.MS = time.Since(began).Milliseconds()
	return err
}

// ask computes the rows on an engine.
func (x *verification) ask(ctx context.Context, e engine.Engine) error {
	b := plan.ForView(x.view, nil)
	table, err := x.sample.rows.table(ctx)
	if err != nil {
		return err
	}
	schema := x.answerSchema(false)
	k, err := keepRows(x.dir, "of-"+e.Name(), schema)
	if err != nil {
		return err
	}
	defer k.writer.Abort()
	in := x.applied.raw()
	bar := newProgress(x.stderr, x.view.Name+" on "+e.Name())
	defer bar.done()
	in.Spine, in.Progress = table, bar.update
	_, err = e.Run(ctx, b, in, func(out *value.Batch) error {
		row := &value.Batch{Schema: schema, N: out.N, Columns: make([]*value.Column, len(schema))}
		for i, c := range x.view.Columns {
			row.Columns[i] = out.Column(c.Name)
		}
		return k.write(row)
	})
	if err == nil {
		err = k.done()
	}
	if err == nil && k.rows != x.sample.rows.rows {
		err = fmt.Errorf("road %s gives %d rows where it was asked for %d", e.Name(), k.rows, x.sample.rows.rows)
	}
	x.answers[e.Name()] = k
	return err
}

// answerSchema is a row of answers: the view's columns, and of a road that knows failures whether it answered and the status of each.
func (x *verification) answerSchema(statuses bool) value.Schema {
	var schema value.Schema
	for i, c := range x.view.Columns {
		schema = append(schema, value.Field{Name: fmt.Sprintf("v%d", i), Type: c.Type})
	}
	if statuses {
		for i := range x.view.Columns {
			schema = append(schema, value.Field{Name: fmt.Sprintf("s%d", i), Type: value.String})
		}
	}
	return schema
}
