package train

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bighead-ml/bighead/catalog"
	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/model"
)

// Runtime is a runtime of this binary, by its folder's name.
type Runtime struct {
	Name string
	Open model.Open
}

// Options say what is trained, of which rows, and where what comes of it goes.
type Options struct {
	Model  *feature.Model // with the params and the seed to train with
	Rows   dataset.Table  // the training set's
	Weight string         // its column of weights; "": none

	Root         string // the project's folder
	Run          string // the run's name
	Folder       string // the run's folder, which is there and keeps request, parts, log and result
	Artifacts    string // where artifacts go
	Formats      []dataset.Format
	Environments Environments
	Limits       Limits
	Runtimes     []Runtime          // asked in this order whether they open what was trained
	Champion     map[string]float64 // the champion's metrics of the test, for the gate; nil: there is none

	Live io.Writer // gets what the function prints, as it comes
	// Step is told what begins; what it returns is called at its end, with what came of it.
	Step func(what string) (done func(note string))
}

// Result is a version that is whole, and not registered yet.
type Result struct {
	Version *catalog.ModelVersion
	Parts   *Parts
	// Logged are figures of the training function.
	Logged map[string]float64
}

// Run makes a version (docs/models.md §3, from step 2 on). On an error no artifact is left.
func Run(ctx context.Context, o Options) (*Result, error) {
	t := &training{Options: o}
	for _, step := range t.steps() {
		done := o.Step(step.what)
		note, err := step.do(ctx)
		if err != nil {
			done("failed")
			return nil, errors.Join(err, t.close())
		}
		done(note)
	}
	if err := t.close(); err != nil {
		return nil, err
	}
	return &Result{Version: t.version, Parts: t.parts, Logged: t.logged}, nil
}

// step is a part of a run.
type step struct {
	what string
	do   func(context.Context) (note string, err error)
}

func (t *training) steps() []step {
	made := []step{{"environment", t.environment}, {"train", t.train}, {"compare", t.compare}}
	if t.Model.Remote != "" { // which is made already
		made = []step{{"ask", t.askElsewhere}}
	}
	return append(append([]step{{"split", t.split}, {"fit", t.fit}}, made...), step{"evaluate", t.evaluate}, step{"artifact", t.artifact})
}

// training is one run while it goes on.
type training struct {
	Options
	parts    *Parts
	fitted   *fitted
	sample   string
	python   string
	lockHash string
	lockText string
	code     string // hash of the project's files that ran
	returned *returned
	logged   map[string]float64
	opened   *model.Artifact // of the run's folder: the model alone is there
	manifest *model.Manifest
	metrics  map[string]float64
	test     model.Truth // labels and answers of the rows of the test
	version  *catalog.ModelVersion
}

func (t *training) close() error {
	if t.opened == nil {
		return nil
	}
	err := t.opened.Close()
	t.opened = nil
	return err
}

func (t *training) split(ctx context.Context) (note string, err error) {
	if t.parts, err = split(ctx, t.Model, t.Rows, t.Weight); err != nil {
		return "", err
	}
	p := t.parts
	note = fmt.Sprintf("%d rows for training, %d for validation, %d for the test", p.Train.Rows, p.Valid.Rows, p.Test.Rows)
	if p.Beyond > 0 {
		note += fmt.Sprintf("; %d at or after the end left out", p.Beyond)
	}
	if p.Unlabelled > 0 {
		note += fmt.Sprintf("; %d without a label left out", p.Unlabelled)
	}
	return note, nil
}

func (t *training) fit(ctx context.Context) (note string, err error) {
	if t.fitted, err = t.parts.fit(ctx); err != nil {
		return "", err
	}
	for _, part := range t.parts.each() {
		if err := t.parts.write(ctx, t.fitted, part, t.Folder, t.Formats); err != nil {
			return "", err
		}
	}
	t.sample, err = t.parts.sample(ctx, t.fitted, t.Folder, t.Formats)
	return fmt.Sprintf("%d columns of the view, %d into the model", len(t.Model.TrainingSet.ModelSchema()), len(t.fitted.columns)), err
}

func (t *training) environment(ctx context.Context) (string, error) {
	python, l, err := t.Environments.Ready(ctx, t.Model)
	if t.python = python; l == nil || err != nil {
		return t.python, err
	}
	t.lockHash, t.lockText = l.Hash, l.text
	return l.Path, nil
}

func (t *training) train(ctx context.Context) (string, error) {
	m := t.Model
	if _, err := os.Stat(filepath.Join(t.Root, filepath.FromSlash(m.Train.File))); err != nil {
		return "", mistakef("model %s: its training function is not in a file of the project: %v", m.Name, err)
	}
	p := &process{python: t.python, run: t.Run, folder: t.Folder, limits: t.Limits, req: t.request(), live: t.Live, logged: map[string]float64{}}
	if err := writeJSON(filepath.Join(t.Folder, "request.json"), p.req); err != nil {
		return "", err
	}
	var err error
	if t.returned, err = p.do(ctx); err != nil {
		return "", err
	}
	if t.returned.Code[m.Train.File] == "" {
		return "", fmt.Errorf("train: Python ran %s and does not say what its text is", m.Train.File)
	}
	t.logged, t.code = p.logged, codeHash(t.returned.Code)
	return t.returned.Framework, nil
}

// codeHash is one hash of files by their hashes: of the list of them in the order of their paths, each with a zero byte, its hash and a newline.
func codeHash(files map[string]string) string {
	h := sha256.New()
	for _, path := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(h, "%s\x00%s\n", path, files[path])
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (t *training) request() *request {
	m, l := t.Model, t.Limits
	where, _ := placeOf(m.Train.Pos, m.Train.Name).MarshalText() // of a valid place
	r := &request{
		Root: t.Root, File: m.Train.File, Function: m.Train.Name, At: string(where), As: m.Train.As, Task: string(m.Task),
		Parts:  map[string]string{"train": partFile(t.Folder, "train"), "valid": partFile(t.Folder, "valid")},
		Sample: t.sample, Out: filepath.Join(t.Folder, "model"), X: t.fitted.inputs, Label: m.Label, LabelColumn: labelColumn,
		Categorical: []string{}, Classes: t.parts.count, Params: m.Params, Seed: m.Seed, Pickle: m.Pickle, Lock: t.lockHash,
		Lacks:   `add it with its version to the model's bh.Environment([…])`,
		Timeout: l.Timeout.Seconds(), TimeoutText: l.Timeout.String(), Memory: l.Memory, MemoryText: sizeText(l.Memory), Disk: l.Disk, DiskText: sizeText(l.Disk),
	}
	if m.Environment == nil {
		r.Lacks = "install it in the project's own Python, or give the model an environment=bh.Environment([…])"
	}
	if t.Weight != "" {
		r.Weight = weightColumn
	}
	for _, c := range t.fitted.columns {
		if c.Categorical {
			r.Categorical = append(r.Categorical, c.Name)
		}
	}
	return r
}

// compare opens the model with the first runtime that takes it, and asks the rows that the framework answered.
func (t *training) compare(ctx context.Context) (string, error) {
	file := filepath.Join(t.Folder, "model", t.returned.File)
	runtime, opened, err := t.open(ctx, file)
	if err != nil {
		return "", err
	}
	t.opened = &model.Artifact{Model: opened}
	answer, err := t.Model.Task.Answer(opened.Info())
	if err != nil {
		return "", t.refused(taskCures[t.Model.Task], "what %s returned is not a model for task %q: %v", t.Model.Train.Name, t.Model.Task, err)
	}
	if t.Model.Task == model.Multiclass && answer.Width != t.parts.count {
		return "", t.refused("give it the labels of data.train.y as they are, and their number of classes", "what %s returned tells %d classes apart, and label %s has %d", t.Model.Train.Name, answer.Width, t.Model.Label, t.parts.count)
	}
	t.opened.Answer = answer
	if t.manifest, err = t.newManifest(runtime); err != nil {
		return "", err
	}
	t.opened.Manifest = t.manifest
	if err := t.opened.Takes(t.parts.schema(t.fitted)[:len(t.fitted.columns)]); err != nil {
		return "", t.refused("", "what %s returned does not take what the pipeline leaves: %v", t.Model.Train.Name, err)
	}
	if t.manifest.Check, err = t.checkRows(ctx, t.byFramework); err != nil {
		return "", err
	}
	if n := len(t.manifest.Check); n != len(t.returned.Answers) {
		return "", fmt.Errorf("%s answered %d rows, %d were asked", t.returned.Framework, len(t.returned.Answers), n)
	}
	if err := t.opened.Check(ctx); err != nil {
		return "", fmt.Errorf("model %s, by runtime %s: %w", t.Model.Name, runtime, err)
	}
	return fmt.Sprintf("runtime %s answers %d rows as %s does", runtime, len(t.manifest.Check), t.returned.Framework), nil
}

// taskCures say by task what the training function is to return, in its framework's words.
var taskCures = map[model.Task]string{
	model.Binary:     `train a classifier of two classes (objective="binary" of LightGBM, "binary:logistic" of XGBoost), or write the task= that it was trained for`,
	model.Multiclass: `train a classifier of several classes (objective="multiclass" of LightGBM, "multi:softprob" of XGBoost), or write the task= that it was trained for`,
	model.Regression: `train a model that answers with a value (objective="regression" of LightGBM, "reg:squarederror" of XGBoost), or write the task= that it was trained for`,
	model.Ranking:    `train a model that answers with a score (objective="lambdarank" of LightGBM, "rank:ndcg" of XGBoost), or write the task= that it was trained for`,
}

// refused is a mistake of what the training function returned.
func (t *training) refused(cure, format string, args ...any) error {
	m := feature.Mistake{Kind: feature.FileRaised, Message: fmt.Sprintf(format, args...), Cure: cure}
	m.At = placeOf(t.Model.Train.Pos, t.Model.Train.Name)
	return &Failed{Mistake: m, Log: filepath.Join(t.Folder, logName)}
}

// placeOf is where a name stands.
func placeOf(at feature.Pos, name string) feature.Span {
	return feature.Span{Pos: at, EndLine: at.Line, EndCol: at.Col + len([]rune(name))}
}

func (t *training) open(ctx context.Context, file string) (runtime string, m model.Model, err error) {
	var foreign []error
	for _, r := range t.Runtimes {
		if r.Name == "python" && !t.Model.Pickle {
			continue // what it opens is a program
		}
		m, err = r.Open(ctx, file)
		if err == nil {
			return r.Name, m, nil
		}
		if !errors.Is(err, model.ErrForeign) {
			return "", nil, err
		}
		foreign = append(foreign, fmt.Errorf("runtime %s: %w", r.Name, err))
	}
	return "", nil, t.refused("return a model of LightGBM, XGBoost, CatBoost, scikit-learn or ONNX, or say pickle=True", "no runtime of this bighead answers with what %s returned: %v", t.Model.Train.Name, errors.Join(foreign...))
}

func (t *training) newManifest(runtime string) (*model.Manifest, error) {
	m := t.Model
	out := &model.Manifest{
		Version: model.ManifestVersion, Model: m.Name, Task: m.Task, View: m.TrainingSet.View.Name, Fingerprint: m.TrainingSet.View.Fingerprint,
		Runtime: runtime, File: t.returned.File, Inputs: t.returned.Inputs, Classes: t.parts.Classes(), Framework: t.returned.Framework,
	}
	// Columns that no step makes anything of and that the model was not given are none of the version's: serving has no use for them.
	pipeline, err := t.fitted.pipeline.Narrow(out.Inputs)
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", m.Name, err)
	}
	names := pipeline.Input().Names()
	for _, c := range m.TrainingSet.View.Columns {
		if slices.Contains(names, c.Name) {
			out.Columns = append(out.Columns, model.ManifestColumn{Name: c.Name, Type: c.Type, Fingerprint: c.Fingerprint})
		}
	}
	if len(m.Steps) == 0 {
		return out, nil
	}
	out.Pipeline, err = json.Marshal(pipeline)
	return out, err
}

// evaluate computes the metrics of the model as it is served, and asks the gate.
func (t *training) evaluate(ctx context.Context) (string, error) {
	t.metrics = map[string]float64{}
	note := ""
	if !t.Model.Measured() {
		return "no label and split to measure it by", nil
	}
	for _, part := range []*Part{&t.parts.Valid, &t.parts.Test} {
		truth, err := t.answers(ctx, part)
		if err != nil {
			return "", err
		}
		if part == &t.parts.Test {
			t.test = truth
		}
		found := model.Evaluate(t.Model.Metrics, truth)
		for _, name := range t.Model.Metrics {
			x, ok := found[name]
			if !ok {
				note += fmt.Sprintf("%s.%s undetermined  ", part.Name, name)
				continue
			}
			t.metrics[part.Name+"."+name] = x
			note += fmt.Sprintf("%s.%s %.4f  ", part.Name, name, x)
		}
	}
	for name, x := range t.logged {
		t.metrics["logged."+name] = x
	}
	return note, nil
}

// lockName is the file of an artifact that has the lock of its environment, as pip takes it (-r).
const lockName = "lock.txt"

// manifestRows is how many of the compared rows an artifact keeps, to be asked each time that it is opened.
const manifestRows = 64

// artifact writes the artifact, opens it as serving will, and makes the version.
func (t *training) artifact(ctx context.Context) (string, error) {
	all := t.manifest.Check
	step := max(1, len(all)/manifestRows)
	t.manifest.Check = nil
	for i := 0; i < len(all) && len(t.manifest.Check) < manifestRows; i += step {
		t.manifest.Check = append(t.manifest.Check, all[i])
	}
	var err error
	if t.manifest.Reference, err = t.reference(ctx); err != nil {
		return "", err
	}
	if t.manifest.Popular, err = t.parts.popular(ctx); err != nil {
		return "", err
	}
	files := map[string]string{}
	if t.lockText != "" { // what the model was trained with, whatever becomes of the project's own
		files[lockName] = filepath.Join(t.Folder, lockName)
		if err := os.WriteFile(files[lockName], []byte(t.lockText), 0o644); err != nil {
			return "", fmt.Errorf("train: %w", err)
		}
	}
	if t.Model.Remote == "" {
		for _, name := range append([]string{t.manifest.File}, t.returned.Files...) {
			files[name] = filepath.Join(t.Folder, "model", name)
		}
	}
	name, err := model.WriteArtifact(ctx, t.Artifacts, t.manifest, files)
	if err != nil {
		return "", err
	}
	a, err := model.OpenArtifact(ctx, filepath.Join(t.Artifacts, name), t.runtime)
	if err != nil {
		return "", err
	}
	if err := a.Close(); err != nil {
		return "", err
	}
	t.version, err = t.newVersion(name)
	if err != nil {
		return "", err
	}
	return name[:12], writeJSON(filepath.Join(t.Folder, "result.json"), t.version)
}

// runtime finds one by its name.
func (t *training) runtime(name string) (model.Open, error) {
	for _, r := range t.Runtimes {
		if r.Name == name {
			return r.Open, nil
		}
	}
	return nil, errors.New("this binary does not have it")
}

func (t *training) newVersion(artifact string) (*catalog.ModelVersion, error) {
	m, set := t.Model, t.Model.TrainingSet
	schema, err := json.Marshal(map[string]any{"inputs": t.manifest.Schema(), "features": t.returned.Inputs, "task": m.Task, "classes": t.parts.Classes()})
	if err != nil {
		return nil, err
	}
	params, err := json.Marshal(m.Params)
	if err != nil {
		return nil, err
	}
	v := &catalog.ModelVersion{
		Model: m.Name, Artifact: artifact, Code: t.code, Lock: t.lockHash, TrainingSet: set.Name, SetFingerprint: set.Fingerprint,
		View: set.View.Name, ViewFingerprint: set.View.Fingerprint, Rows: t.parts.Train.Rows, From: t.parts.Train.From, To: t.parts.Train.To,
		Schema: schema, Metrics: maps.Clone(t.metrics), Params: params, Seed: m.Seed, GateHeld: true, Run: t.Run, At: time.Now().UTC().Truncate(time.Millisecond),
	}
	if m.Gate != nil {
		v.Gate, v.GateHeld = m.Gate.Text, m.Gate.Holds(TestMetrics(t.metrics), t.Champion)
	}
	return v, nil
}

// TestMetrics are a version's metrics of the test, by name: what gates read.
func TestMetrics(all map[string]float64) map[string]float64 {
	out := map[string]float64{}
	for name, x := range all {
		if name, ok := strings.CutPrefix(name, "test."); ok {
			out[name] = x
		}
	}
	return out
}
