package enginetest

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/enginetest/script"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/project"
	"github.com/bighead-ml/bighead/value"
)

// Source is the text of a script.
type Source struct{ Path, Text string }

// Scripts are those in a folder and below, by path; a folder without any is an error, for nobody means that.
func Scripts(folder string) ([]Source, error) {
	var out []Source
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".feat" {
			return err
		}
		text, err := os.ReadFile(path)
		out = append(out, Source{filepath.ToSlash(path), string(text)})
		return err
	})
	if err == nil && len(out) == 0 {
		err = fmt.Errorf("no scripts in %s", folder)
	}
	return out, err
}

// Suite is how scripts are run.
type Suite struct {
	// Roads are the engines to compare with the oracle, which always answers too.
	Roads []engine.Engine
	// Missing are roads that are not installed, and why: each answer says that it was not asked there.
	Missing []Skipped
	// Foreign are roads whose engines are not ours, with the options of a check that knows it: a script that check refuses there is told and
	// counted as refused, and not asked (X9).
	Foreign []Foreign
	// Root is the folder that `use` starts from.
	Root string
	// Record runs the scripts' Python, all in one process.
	Record func(ctx context.Context, units []project.Unit) ([]*feature.Definitions, error)
	// Check is how definitions are checked: how the schemas of files are read, and the project's settings.
	Check feature.Options
}

// Foreign is how definitions are checked for a road that is not ours.
type Foreign struct {
	Road  string
	Check feature.Options
}

// Run runs scripts and gives one result for each, in order. A script that fails does not stop the others; the error is the world's (no
// Python, a cancelled context).
func (s *Suite) Run(ctx context.Context, sources []Source) (*Results, error) {
	res := &Results{Missing: s.Missing}
	var units []project.Unit
	var runs []*scriptRun
	for _, src := range sources {
		sr := &ScriptResult{Path: src.Path, text: src.Text}
		res.Scripts = append(res.Scripts, sr)
		f, err := script.Parse(src.Path, src.Text)
		if err != nil {
			sr.fail(err)
			continue
		}
		sr.file = f
		units = append(units, s.unit(f))
		runs = append(runs, &scriptRun{suite: s, file: f, result: sr})
	}
	defs, err := s.Record(ctx, units)
	if err != nil {
		return nil, fmt.Errorf("record the definitions of %d scripts: %w", len(units), err)
	}
	for i, r := range runs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r.run(ctx, defs[i])
	}
	return res, nil
}

func (s *Suite) unit(f *script.File) project.Unit {
	if d := f.Define; d != nil {
		return project.Unit{Name: f.Path, Text: &d.Text, Line: d.Line, Col: d.Indent + 1}
	}
	u := project.Unit{Root: s.Root}
	for _, c := range f.Uses {
		u.Files = append(u.Files, c.Text)
	}
	return u
}

// scriptRun is one script on its way.
type scriptRun struct {
	suite   *Suite
	file    *script.File
	result  *ScriptResult
	project *feature.Project
	places  map[string]*place       // by what scripts and plans call them
	schemas map[string]value.Schema // of the places, by the same names
	broken  feature.Problems        // of the definitions
}

func (r *scriptRun) run(ctx context.Context, defs *feature.Definitions) {
	for _, skip := range r.file.Skips {
		r.result.Skips = append(r.result.Skips, Skipped{skip.Engine, skip.Reason})
	}
	p, problems := feature.Check(defs, r.suite.Check)
	r.project = p
	for _, pr := range problems {
		if pr.Severity == feature.SeverityError {
			r.broken = append(r.broken, pr)
		}
	}
	r.expectProblems(problems)
	if len(r.broken) == 0 {
		r.foreign(defs)
		r.findPlaces(defs)
	}
	for _, step := range r.file.Steps {
		switch {
		case step.Eval != nil:
			r.eval(ctx, step.Eval)
		case len(r.broken) == 0:
			if err := r.load(step.Load); err != nil {
				r.result.fail(err)
			}
		}
	}
}

// foreign finds the roads on which check refuses what it lets pass elsewhere.
func (r *scriptRun) foreign(defs *feature.Definitions) {
	for _, f := range r.suite.Foreign {
		_, problems := feature.Check(defs, f.Check)
		problems = slices.DeleteFunc(problems, func(p feature.Problem) bool { return p.Severity != feature.SeverityError })
		if len(problems) == 0 {
			continue
		}
		p := problems[0]
		reason := fmt.Sprintf("%s: %s: %s", p.At, p.Code, p.Message)
		if n := len(problems) - 1; n > 0 {
			reason += fmt.Sprintf("; and %d more", n)
		}
		r.result.Refusals = append(r.result.Refusals, Skipped{f.Road, reason})
	}
}

// expectProblems compares the mistakes and warnings of the definitions with those that the script expects.
func (r *scriptRun) expectProblems(problems feature.Problems) {
	want := r.file.Expect
	if want == nil {
		if len(r.broken) > 0 && !r.refusalExpected() {
			r.result.fail(r.broken.Err())
		}
		return
	}
	for _, w := range want.Errors {
		if !matched(w, problems, feature.SeverityError) {
			r.result.fail(fmt.Errorf("%s:%d: want error %s, got %s", r.file.Path, w.Line, w, describe(problems)))
		}
	}
	for _, w := range want.Warnings {
		if !matched(w, problems, feature.SeverityWarning, feature.SeverityHint) {
			r.result.fail(fmt.Errorf("%s:%d: want warning %s, got %s", r.file.Path, w.Line, w, describe(problems)))
		}
	}
	for _, p := range r.broken {
		if !anyMatches(want.Errors, p) {
			r.result.fail(fmt.Errorf("%s:%d: not expected: %w", r.file.Path, want.Line, p))
		}
	}
}

// refusalExpected tells whether the script's questions expect that the definitions are refused.
func (r *scriptRun) refusalExpected() bool {
	for _, e := range r.file.Evals() {
		if len(e.Expect.Errors) > 0 {
			return true
		}
	}
	return false
}

func matched(w script.Refusal, problems feature.Problems, severities ...feature.Severity) bool {
	for _, p := range problems {
		for _, s := range severities {
			if p.Severity == s && w.Matches(p.Code.String(), p.Message) {
				return true
			}
		}
	}
	return false
}

func anyMatches(ws []script.Refusal, p feature.Problem) bool {
	for _, w := range ws {
		if w.Matches(p.Code.String(), p.Message) {
			return true
		}
	}
	return false
}

func describe(problems feature.Problems) string {
	if len(problems) == 0 {
		return "no problem"
	}
	return problems.Error()
}

// ask finds what an eval asks, and plans it.
func (r *scriptRun) ask(e *script.Eval) (*question, error) {
	var found []*question
	for _, g := range r.project.Groups {
		if g.Name == e.Name.Text && (e.Kind == script.Any || e.Kind == script.Group) {
			found = append(found, &question{plan: plan.ForGroup(g, nil), keys: g.Keys})
		}
	}
	for _, v := range r.project.Views {
		if v.Name == e.Name.Text && (e.Kind == script.Any || e.Kind == script.View) {
			found = append(found, &question{plan: plan.ForView(v, nil), keys: append(append([]feature.Key{}, v.Keys...), v.Request...)})
		}
	}
	for _, t := range r.project.TrainingSets {
		if t.Name == e.Name.Text && (e.Kind == script.Any || e.Kind == script.TrainingSet) {
			found = append(found, &question{plan: plan.ForTrainingSet(t), own: true})
		}
	}
	switch len(found) {
	case 0:
		return nil, r.file.ErrorAt(e.Name, "nothing is called %q: there are %s", e.Name.Text, r.names())
	case 1:
		return found[0], nil
	}
	return nil, r.file.ErrorAt(e.Name, "%q is more than one thing: write `eval group %s`, `eval view %s` or `eval training set %s`",
		e.Name.Text, e.Name.Text, e.Name.Text, e.Name.Text)
}

// question is an eval's plan and the columns of the rows that are handed in.
type question struct {
	plan *plan.Batch
	keys []feature.Key
	own  bool // the rows are the training set's own spine
}

func (r *scriptRun) names() string {
	var out string
	add := func(kind, name string) {
		if out != "" {
			out += ", "
		}
		out += kind + " " + name
	}
	for _, g := range r.project.Groups {
		add("group", g.Name)
	}
	for _, v := range r.project.Views {
		add("view", v.Name)
	}
	for _, t := range r.project.TrainingSets {
		add("training set", t.Name)
	}
	if out == "" {
		return "none"
	}
	return out
}
