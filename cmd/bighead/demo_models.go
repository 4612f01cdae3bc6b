package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bighead-ml/bighead/catalog"
	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/transform"
	"github.com/bighead-ml/bighead/project"
	"github.com/bighead-ml/bighead/train"
	"github.com/bighead-ml/bighead/value"
)

// The demo's models: one task, one training function, and rows that know more and more.
const (
	demoModel    = "delay"
	demoEndpoint = "late_departure"
	demoLearning = "learning_rate=0.2" // four times the example's: fewer trees, for the minute that the demo has
	demoMetric   = "test.auc"

	// What training asks, and what a join by day asks: the whole day on which the flight left.
	pointInTimeLine = `at="sched_dep - interval '2 hours'"`
	byDayLine       = `at="date_trunc('day', coalesce(dep_time, sched_dep)) + interval '1 day'"`
)

// demoRequest are the columns of the view that need no history.
var demoRequest = []string{"carrier", "distance", "hour", "weekday"}

// rival is one of the models that the demo compares.
type rival struct {
	name, sees string
	version    *catalog.ModelVersion
	scorer     *scorer
	served     model.Truth // of the flights that are asked about while days are replayed
}

func (r *rival) offline() float64 { return r.version.Metrics[demoMetric] }

// rivals are the models, of which one is deployed and one is tried; nil where none could be trained.
type rivals struct{ noHistory, pointInTime, byDay *rival }

func (r *rivals) each() []*rival {
	return slices.DeleteFunc([]*rival{r.noHistory, r.pointInTime, r.byDay}, func(x *rival) bool { return x == nil })
}

func (r *rivals) close() error {
	if r == nil {
		return nil
	}
	var errs []error
	for _, x := range r.each() {
		if x.scorer != nil { // it was trained
			errs = append(errs, x.scorer.artifact.Close())
		}
	}
	return errors.Join(errs...)
}

// learn trains the models, as `bighead train delay` does. Where the environment cannot be made, the rest of the story goes on without them.
func (d *demo) learn(ctx context.Context) error {
	m, err := demoModelOf(d.project)
	if err != nil {
		return err
	}
	if there, err := d.packages(ctx, m); err != nil || !there {
		return err
	}
	rows, err := dataset.Open(ctx, formats, filepath.Join(d.dir, demoRows), dataset.Options{})
	if err != nil {
		return err
	}
	other, done, err := d.byDayProject(ctx)
	if err != nil {
		return err
	}
	defer done()
	all := &rivals{
		noHistory:   &rival{name: "no history", sees: "the request: " + strings.Join(demoRequest, ", ")},
		pointInTime: &rival{name: "point in time", sees: "and what was known two hours before"},
	}
	if other != nil {
		all.byDay = &rival{name: "join by day", sees: "and the whole day, also what came after"}
	}
	d.say("train", "bighead train -C %s %s --set %s, and beside it the same task %s; each learns in a process of its own", shellWord(d.dir), m.Name, demoLearning, all.others())
	if err := d.trainAll(ctx, all, m, rows, other); err != nil {
		return errors.Join(err, all.close())
	}
	d.models = all
	v := all.pointInTime.version
	d.say("train", "%s@%d: AUC %.3f over flights of November and December, which it has not seen; without history %.3f", m.Name, v.Number, all.pointInTime.offline(), all.noHistory.offline())
	if r := all.byDay; r != nil {
		held := "holds"
		if !r.version.GateHeld {
			held = "does not hold"
		}
		d.say("train", "%s@%d: AUC %.3f over rows of the whole day, and it %s the gate (%s): by such rows alone it looks best", m.Name, r.version.Number, r.offline(), held, r.version.Gate)
	}
	return nil
}

// others says what is trained beside the model itself.
func (r *rivals) others() string {
	if r.byDay == nil {
		return "without history"
	}
	return "without history, and over the whole day's values"
}

func demoModelOf(p *loaded) (*feature.Model, error) {
	m, err := find("model", p.typed.Models, func(m *feature.Model) string { return m.Name }, demoModel)
	if err != nil {
		return nil, err
	}
	return overlaid(m, "", []string{demoLearning})
}

// packages makes the model's environment, and says so before: it takes longer than all else together.
func (d *demo) packages(ctx context.Context, m *feature.Model) (there bool, err error) {
	e, err := environments(d.project.Project)
	if err != nil {
		return false, err
	}
	if m.Environment != nil {
		d.say("packages", "model %s has an environment of its own, kept by its lock: %s", m.Name, strings.Join(m.Environment.Packages, ", "))
	}
	began := time.Now()
	made, err := e.Made(ctx, m)
	if err == nil && !made {
		d.say("packages", "it is not there yet: pip fetches it once, some 120 MB, which takes a minute or as long as the network does")
	}
	if err == nil {
		_, _, err = e.Ready(ctx, m)
	}
	switch {
	case ctx.Err() != nil:
		return false, err
	case err != nil:
		d.say("train", "left out, and with it predictions: the environment of model %s cannot be made on this machine", m.Name)
		d.show(err.Error())
		return false, nil
	case !made:
		d.say("packages", "made, in %.0f s", time.Since(began).Seconds())
	}
	return true, nil
}

// trainAll trains the models, two at a time, for training has one thread: the model itself and then the one without history; meanwhile the rows by day are
// made, whose model waits for the first one's figures, which its gate compares with.
func (d *demo) trainAll(ctx context.Context, all *rivals, m *feature.Model, rows dataset.Table, byDay *loaded) error {
	passing, err := os.MkdirTemp("", "bighead-demo-*") // for what nobody deploys
	if err != nil {
		return err
	}
	defer os.RemoveAll(passing)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	learned := make(chan struct{}) // the model itself
	lanes := []func() error{func() error {
		if err := d.trainRival(ctx, all.pointInTime, d.project, m, rows, nil, d.project.Root); err != nil {
			return err
		}
		if err := d.register(ctx, all.pointInTime.version); err != nil {
			return err
		}
		close(learned)
		without := *m
		without.Steps = []transform.Step{{Kind: "select", Columns: demoRequest}, {Kind: "ordinal", Columns: []string{"@strings"}}}
		return d.trainRival(ctx, all.noHistory, d.project, &without, rows, nil, passing)
	}}
	if byDay != nil {
		lanes = append(lanes, func() error { return d.learnByDay(ctx, all, byDay, learned) })
	}
	ended := make(chan error)
	for _, lane := range lanes {
		go func() { ended <- lane() }()
	}
	var first error // what the others say after it follows from it
	for range lanes {
		if err := <-ended; err != nil {
			first = cmp.Or(first, err)
			stop()
		}
	}
	return first
}

// learnByDay trains on what a join by day gives.
func (d *demo) learnByDay(ctx context.Context, all *rivals, other *loaded, learned <-chan struct{}) error {
	m, err := demoModelOf(other)
	if err != nil {
		return err
	}
	quiet := *d.cli
	quiet.stderr = io.Discard
	rows, _, err := quiet.trainingRows(ctx, other, m.TrainingSet, other.Root)
	if err != nil {
		return err
	}
	select {
	case <-learned:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if err := d.trainRival(ctx, all.byDay, other, m, rows, train.TestMetrics(all.pointInTime.version.Metrics), d.project.Root); err != nil {
		return err
	}
	return d.register(ctx, all.byDay.version)
}

// byDayProject is a copy of the definitions whose training set asks for the whole day: the same project but for one line, of which check warns. It is nil
// where they are no longer the example's.
func (d *demo) byDayProject(ctx context.Context) (other *loaded, done func(), err error) {
	text, err := os.ReadFile(filepath.Join(d.dir, "features.py"))
	if err != nil {
		return nil, nil, err
	}
	if strings.Count(string(text), pointInTimeLine) != 1 {
		d.say("leak", "features.py is no longer the example's, so no model is trained of a join by day")
		return nil, func() {}, nil
	}
	root, err := os.MkdirTemp("", "bighead-demo-*")
	if err != nil {
		return nil, nil, err
	}
	done = func() { os.RemoveAll(root) }
	defer func() {
		if err != nil {
			done()
		}
	}()
	data, err := filepath.Abs(filepath.Join(d.dir, "data"))
	if err == nil {
		err = os.Symlink(data, filepath.Join(root, "data"))
	}
	for name, change := range map[string]func(string) string{
		"features.py": func(s string) string { return strings.Replace(s, pointInTimeLine, byDayLine, 1) }, "models.py": strings.Clone, "bighead.toml": strings.Clone,
	} {
		if err != nil {
			return nil, nil, err
		}
		if text, err = os.ReadFile(filepath.Join(d.dir, name)); err == nil {
			err = os.WriteFile(filepath.Join(root, name), []byte(change(string(text))), 0o644)
		}
	}
	if err != nil {
		return nil, nil, err
	}
	p, err := project.Open(root, project.Options{Stderr: d.stderr})
	if err != nil {
		return nil, nil, mistakef("%v", err)
	}
	if other, err = d.cli.check(ctx, p); err != nil {
		return nil, nil, err
	}
	if other.problems.Failed() {
		return nil, nil, d.printProblems(other, "text")
	}
	if len(other.problems) > 0 {
		w := other.problems[0]
		d.say("leak", "where a training set asks for the whole day (%s), check warns before anything runs:", byDayLine)
		d.show(fmt.Sprintf("%s: %s[%s]: %s", w.At, w.Severity, w.Code, w.Message))
	}
	return other, done, nil
}

// trainRival trains a model of a project over rows that are there. Run and artifact are kept in a folder, home.
func (d *demo) trainRival(ctx context.Context, r *rival, p *loaded, m *feature.Model, rows dataset.Table, champion map[string]float64, home string) error {
	e, err := environments(d.project.Project)
	if err != nil {
		return err
	}
	folder := artifactsFolder(home)
	if home == d.project.Root {
		lies, err := artifactsOf(d.project.Project)
		if err != nil {
			return err
		}
		folder = lies.folder
	}
	run, err := train.Begin(filepath.Join(home, ".bighead", "runs"), m.Name, time.Now())
	if err != nil {
		return err
	}
	result, err := train.Run(ctx, train.Options{
		Model: m, Rows: rows, Root: p.Root, Run: run.Name, Folder: run.Path, Artifacts: folder, Formats: formats, Environments: *e,
		Limits: trainLimits(d.project), Runtimes: runtimes(d.project.Project), Champion: champion, Live: io.Discard, Step: func(string) func(string) { return func(string) {} },
	})
	if err != nil && ctx.Err() != nil {
		return errors.Join(err, run.Remove())
	}
	run.Keep()
	if err != nil {
		return d.notTrained(p, err)
	}
	r.version = result.Version
	r.version.By = userName()
	r.scorer, err = newScorer(ctx, filepath.Join(folder, r.version.Artifact), modelRuntime(d.project.Project))
	return err
}

func (d *demo) register(ctx context.Context, v *catalog.ModelVersion) error {
	lies, err := artifactsOf(d.project.Project)
	if err == nil {
		err = lies.share(ctx, v.Artifact)
	}
	if err != nil {
		return err
	}
	cat, err := openCatalog(ctx, d.project.Root)
	if err != nil {
		return err
	}
	return errors.Join(cat.RegisterModel(ctx, v), cat.Close())
}

// compared is the table of the models: what was promised, and what became of it.
func (d *demo) compared(flights int) error {
	t := newTable("model", "learned from", "offline", "as served")
	t.right[2], t.right[3] = true, true
	for _, r := range d.models.each() {
		t.add(r.name, r.sees, fmt.Sprintf("%.3f", r.offline()), fmt.Sprintf("%.3f", model.Evaluate([]string{"auc"}, r.served)["auc"]))
	}
	var text strings.Builder
	if err := t.print(&text); err != nil {
		return err
	}
	d.say("compare", "AUC, offline over rows that were held out, and as served: by the vectors of these %s flights, now that it is known which left late", count(int64(flights)))
	d.show(text.String())
	return nil
}

// scorer answers vectors that were served with a model that no endpoint asks.
type scorer struct {
	artifact *model.Artifact
	pipeline *transform.Pipeline // nil: the columns go in as they are
}

func newScorer(ctx context.Context, folder string, open func(runtime string) (model.Open, error)) (*scorer, error) {
	a, err := model.OpenArtifact(ctx, folder, open)
	if err != nil {
		return nil, err
	}
	s := &scorer{artifact: a}
	if a.Manifest.Pipeline != nil {
		if s.pipeline, err = transform.Decode(a.Manifest.Pipeline); err != nil {
			return nil, errors.Join(err, a.Close())
		}
	}
	return s, nil
}

// score gives an answer to each row, whose values are those of the named columns.
func (s *scorer) score(ctx context.Context, names []string, rows [][]json.RawMessage) ([]float64, error) {
	m := s.artifact.Manifest
	schema := m.Schema()
	read := schema.Names()
	in, err := servedBatch(schema, names, rows)
	if err == nil && s.pipeline != nil {
		read = s.pipeline.Names()
		in, err = s.pipeline.NewApplier().Apply(in)
	}
	if err != nil {
		return nil, err
	}
	columns := make([]*value.Column, len(m.Inputs))
	for i, name := range m.Inputs {
		columns[i] = in.Columns[slices.Index(read, name)]
	}
	var b model.Batch
	if err := b.Fill(s.artifact.Model.Info(), columns, in.N); err != nil {
		return nil, err
	}
	out := make([]float64, in.N)
	return out, s.artifact.Answer.Predict(ctx, s.artifact.Model, &b, out, &model.Scratch{})
}

// servedBatch makes columns of vectors as a server answers them.
func servedBatch(schema value.Schema, names []string, rows [][]json.RawMessage) (*value.Batch, error) {
	out := make([][]value.Value, len(rows))
	for i, row := range rows {
		for _, f := range schema {
			d := json.NewDecoder(bytes.NewReader(row[slices.Index(names, f.Name)]))
			d.UseNumber()
			var x any
			if err := d.Decode(&x); err != nil {
				return nil, fmt.Errorf("column %s was served as no JSON: %w", f.Name, err)
			}
			v, err := value.FromJSON(f.Type, x)
			if err != nil {
				return nil, fmt.Errorf("column %s: %w", f.Name, err)
			}
			out[i] = append(out[i], v)
		}
	}
	return value.BatchOf(schema, out), nil
}
