package feature

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/transform"
	"github.com/bighead-ml/bighead/value"
)

// modelState is a model while it is checked.
type modelState struct {
	def   *ModelDef
	model *Model
	set   *trainingState // nil: not given
	sound bool
}

const (
	defaultTask = model.Binary
	defaultAs   = "pandas"
	defaultSeed = 1
)

// ofModel checks one model.
func (c *checker) ofModel(d *ModelDef) *modelState {
	defer c.within(d.Site)()
	mark := c.mark()
	what := fmt.Sprintf("model %q", d.Name.Value)
	c.named("model", d.Name)
	m := &modelState{def: d, model: &Model{
		Name: d.Name.Value, Pos: d.At.Pos, Task: defaultTask, Params: map[string]any{}, Seed: defaultSeed,
		Owner: textOf(d.Owner), Description: textOf(d.Description), Tags: texts(d.Tags),
	}}
	if d.TrainingSet != nil {
		m.set = c.sets[d.TrainingSet.Index]
		m.model.TrainingSet = m.set.set
	} else if !d.Flawed.Has("training_set") {
		c.missing(d.At, what, "training_set=", "name the training set whose rows it learns from")
	}
	known := c.task(m)
	c.labelOf(m, known)
	c.modelPlain(m, what)
	c.remote(m)
	c.split(m, what)
	sound := c.environment(m)
	switch {
	case d.elsewhere() && !m.model.Measured():
		c.unmeasured(m)
	case known:
		c.metrics(m)
		c.gate(m)
	}
	c.pipeline(m)
	m.sound = c.soundSince(mark) && len(d.Flawed) == 0 && m.set.sound && sound && !d.Split.flawed() && !d.Pipeline.flawed()
	if m.sound {
		fingerprintModel(m.model)
	}
	return m
}

func (d *SplitDef) flawed() bool { return d != nil && len(d.Flawed) > 0 }

// flawed tells of a pipeline of which something could not be recorded; what it leaves is not known then.
func (d *PipelineDef) flawed() bool {
	return d != nil && (len(d.Flawed) > 0 || slices.ContainsFunc(d.Steps, func(s StepDef) bool { return len(s.Flawed) > 0 }))
}

// elsewhere tells of a model that answers elsewhere, whether or not its address could be recorded.
func (d *ModelDef) elsewhere() bool { return d.Remote != nil || d.Flawed.Has("remote") }

// remote checks the address of a model elsewhere, which is trained there: what says how it is trained has no meaning here.
func (c *checker) remote(m *modelState) {
	d := m.def
	if d.Remote == nil {
		return
	}
	a, err := model.ParseAddress(d.Remote.Value)
	if err != nil {
		c.badAddress(*d.Remote, err)
	} else {
		m.model.Remote = a.Text
	}
	idle := func(argument string, at Span) {
		c.meaningless(at, argument, "beside remote=: that model was trained elsewhere", "leave out the one or the other")
	}
	if d.Train != nil {
		idle("train=", d.Train.At)
	}
	if d.As != nil {
		idle("as_=", d.As.At)
	}
	if d.Environment != nil {
		idle("environment=", d.Environment.At)
	}
	if d.Params != nil {
		idle("params=", d.Params.At)
	}
	if d.Seed != nil {
		idle("seed=", d.Seed.At)
	}
	if d.Pickle != nil {
		idle("pickle=", d.Pickle.At)
	}
}

// unmeasured sees that nothing is asked of metrics that there will not be.
func (c *checker) unmeasured(m *modelState) {
	d := m.def
	if len(d.Metrics) > 0 {
		c.notMeasured(d.Metrics[0].At, "metrics=")
	}
	if d.Gate != nil {
		c.notMeasured(d.Gate.At, "gate=")
	}
}

// task reads what the model is asked; false where that is not known.
func (c *checker) task(m *modelState) bool {
	d := m.def
	if d.Task == nil {
		return !d.Flawed.Has("task")
	}
	var names []string
	for _, t := range model.Tasks() {
		names = append(names, string(t))
	}
	word := c.word(d.Task, "task", names...)
	m.model.Task = model.Task(word)
	return word != ""
}

// labelOf finds the label that the model learns, and checks that it is of the task's kind.
func (c *checker) labelOf(m *modelState, known bool) {
	d := m.def
	if m.set == nil || !m.set.sound || d.Flawed.Has("label") {
		return
	}
	labels := m.set.set.Labels
	names := make([]string, len(labels))
	for i, l := range labels {
		names[i] = l.Name
	}
	at, i := d.TrainingSet.At, 0
	switch {
	case d.Label != nil:
		at = d.Label.At
		if i = slices.Index(names, d.Label.Value); i < 0 {
			c.unknownLabel(at, d.Label.Value, m.set.set.Name, names)
			return
		}
	case len(labels) == 0 && d.elsewhere():
		return
	case len(labels) == 0:
		c.noLabel(at, m.set.set.Name)
		return
	case len(labels) > 1:
		c.severalLabels(at, m.set.set.Name, names)
		return
	}
	m.model.Label = names[i]
	if want := labelKinds[m.model.Task]; known && !slices.Contains(want, labels[i].Type().Kind) {
		c.labelKind(at, names[i], labels[i].Type(), m.model.Task)
	}
}

// labelKinds are the types of labels by task.
var labelKinds = map[model.Task][]value.Kind{
	model.Binary:     {value.KindBool, value.KindInt, value.KindString},
	model.Multiclass: {value.KindBool, value.KindInt, value.KindString},
	model.Regression: {value.KindInt, value.KindFloat},
	model.Ranking:    {value.KindInt, value.KindFloat},
}

// Type is the type of the label's values.
func (l *Label) Type() value.Type {
	if l.Feature != nil {
		return l.Feature.Type
	}
	return l.Expr.Type()
}

// modelPlain takes the arguments that stand for themselves.
func (c *checker) modelPlain(m *modelState, what string) {
	d := m.def
	if d.Train != nil {
		m.model.Train = Function{Name: d.Train.Name, File: d.Train.Def.File, Pos: d.Train.Def.Pos, As: defaultAs}
	} else if !d.Flawed.Has("train") && !d.elsewhere() {
		c.missing(d.At, what, "train=", "give it a function: def train(data, params): …; or remote=, the address of a model that answers elsewhere")
	}
	if word := c.word(d.As, "as_", "pandas", "polars", "arrow"); word != "" {
		m.model.Train.As = word
	}
	if d.Params != nil {
		m.model.Params, _ = d.Params.Value.(map[string]any)
	}
	if d.Seed != nil {
		m.model.Seed = d.Seed.Value
		if m.model.Seed < 0 {
			c.outOfRange(d.Seed.At, "write a whole number of 0 or more", "seed=%d is below 0", m.model.Seed)
		}
	}
	m.model.Pickle = d.Pickle != nil && d.Pickle.Value
}

// split checks that each part can have rows.
func (c *checker) split(m *modelState, what string) {
	d := m.def.Split
	if d == nil {
		if m.def.elsewhere() {
			m.model.Split = whole
		} else if !m.def.Flawed.Has("split") {
			c.missing(m.def.At, what, "split=", `say which rows judge: bh.TimeSplit(valid="2013-09-01", test="2013-11-01")`)
		}
		return
	}
	defer c.within(d.Site)()
	times := []splitTime{{"valid", d.Valid, c.instant(d.Valid, "valid")}, {"test", d.Test, c.instant(d.Test, "test")}, {"end", d.End, c.instant(d.End, "end")}}
	for _, t := range times[:2] {
		if t.text == nil && !d.Flawed.Has(t.name) {
			c.missing(d.At, "the split", t.name+"=", "give it the time at which that part begins")
		}
	}
	var last *splitTime
	for i := range times {
		t := &times[i]
		if t.at == nil {
			continue
		}
		if last != nil && *t.at <= *last.at {
			c.splitOrder(*t.text, t.name, *last.text, last.name)
		}
		last = t
	}
	c.splitWithin(m, times)
	if times[0].at != nil && times[1].at != nil {
		m.model.Split = TimeSplit{Valid: *times[0].at, Test: *times[1].at, End: times[2].at}
	}
}

type splitTime struct {
	name string
	text *Text
	at   *int64
}

// splitWithin checks a split against the bounds of the training set: beyond them there are no rows.
func (c *checker) splitWithin(m *modelState, times []splitTime) {
	if m.set == nil {
		return
	}
	start, end := m.set.set.Start, m.set.set.End
	if valid := times[0]; valid.at != nil && start != nil && *valid.at <= *start {
		c.splitBeyond(*valid.text, "valid", "for training", m.set.set.Name, "starts", *start)
	}
	if test := times[1]; test.at != nil && end != nil && *test.at >= *end {
		c.splitBeyond(*test.text, "test", "for the test", m.set.set.Name, "ends", *end)
	}
}

// metrics checks which figures are wanted; all of the task where none are named.
func (c *checker) metrics(m *modelState) {
	names := metricNames(m.model.Task)
	if m.def.Metrics == nil {
		m.model.Metrics = names
		return
	}
	seen := map[string]bool{}
	for _, t := range m.def.Metrics {
		switch {
		case seen[t.Value]:
			c.columnTwice(t.At, t.Value, "metrics")
		case !slices.Contains(names, t.Value):
			c.unknownMetric(t.At, t.Value, m.model.Task, names)
		default:
			m.model.Metrics = append(m.model.Metrics, t.Value)
		}
		seen[t.Value] = true
	}
}

func metricNames(t model.Task) []string {
	var names []string
	for _, x := range model.MetricsOf(t) {
		names = append(names, x.Name)
	}
	return names
}

// pipeline types the steps over the columns that the training set gives, and what they leave.
func (c *checker) pipeline(m *modelState) {
	if m.set == nil || !m.set.columnsKnown || m.def.Flawed.Has("pipeline") {
		return
	}
	var d PipelineDef
	if m.def.Pipeline != nil {
		d = *m.def.Pipeline
	}
	schema := m.set.set.ModelSchema()
	m.model.Steps, m.model.StepsAt = make([]transform.Step, len(d.Steps)), make([]StepAt, len(d.Steps))
	for i := range d.Steps {
		s := &d.Steps[i]
		m.model.Steps[i], m.model.StepsAt[i] = s.step(), StepAt{Site: s.Site}
		for _, column := range s.Columns {
			m.model.StepsAt[i].Columns = append(m.model.StepsAt[i].Columns, column.At)
		}
	}
	columns, problems := transform.Check(schema, m.model.Steps)
	problems = append(problems, c.fittedToLabel(m)...)
	for _, p := range problems {
		c.stepProblem(&d, p)
	}
	if len(problems) > 0 || d.flawed() {
		return
	}
	m.model.Inputs = columns
	c.inputs(m, columns)
}

// fittedToLabel finds steps that learn from a label which they cannot learn from.
func (c *checker) fittedToLabel(m *modelState) []transform.Problem {
	if m.def.Flawed.Has("label") || !m.set.sound {
		return nil
	}
	labels := m.set.set.Labels
	at := slices.IndexFunc(labels, func(l Label) bool { return l.Name == m.model.Label })
	if at < 0 && (len(labels) > 0 || !m.def.elsewhere()) { // which is reported
		return nil
	}
	var out []transform.Problem
	for i, s := range m.model.Steps {
		kind, ok := transform.Lookup(s.Kind)
		if !ok || !kind.Target {
			continue
		}
		p := transform.Problem{Step: i, Column: -1, Cure: "take bh.count_encode, bh.ordinal or bh.one_hot"}
		switch {
		case at < 0:
			p.Message = s.Kind + " is fitted to the label, and the model has none"
		case labels[at].Type().Numeric() || labels[at].Type().Kind == value.KindBool:
			continue
		default:
			p.Message = fmt.Sprintf("%s is fitted to labels of type bool, int or float, and label %q is %s", s.Kind, labels[at].Name, typeText(labels[at].Type()))
			p.Cure += ", or make a number of the label in the training set"
		}
		out = append(out, p)
	}
	return out
}

// ModelSchema is what a model gets of the training set's table: the view's columns that it has, in the view's order.
func (t *TrainingSet) ModelSchema() value.Schema {
	var out value.Schema
	for _, col := range t.View.Columns {
		if t.Features == nil || slices.Contains(t.Features, col.Name) {
			out = append(out, value.Field{Name: col.Name, Type: col.Type})
		}
	}
	return out
}

// step is the step as package transform knows it.
func (d *StepDef) step() transform.Step {
	s := transform.Step{Kind: d.Kind, Columns: texts(d.Columns)}
	if len(d.Args) == 0 {
		return s
	}
	args := make(map[string]any, len(d.Args))
	for _, a := range d.Args {
		args[a.Name] = floatsAsNumbers(a.Value.Value)
	}
	s.Args, _ = json.Marshal(args) // of what was JSON before
	return s
}

// stepProblem passes on what is wrong with a step, at its place. What follows from an argument that could not be recorded is not said.
func (c *checker) stepProblem(d *PipelineDef, p transform.Problem) {
	for i := range min(p.Step+1, len(d.Steps)) {
		if f := d.Steps[i].Flawed; len(f) > 0 && (i < p.Step || p.Arg == "" || f.Has(p.Arg)) {
			return
		}
	}
	if p.Step < 0 || p.Step >= len(d.Steps) {
		c.step(d.At, p)
		return
	}
	s := &d.Steps[p.Step]
	defer c.within(s.Site)()
	at := s.At
	if p.Column >= 0 && p.Column < len(s.Columns) {
		at = s.Columns[p.Column].At
	}
	for _, a := range s.Args {
		if a.Name == p.Arg {
			at = a.Value.At
		}
	}
	c.step(at, p)
}

// inputs checks what goes into the model: numbers, and strings where no tree is all that could read them.
func (c *checker) inputs(m *modelState, columns []transform.Column) {
	at := m.def.At
	if m.def.Pipeline != nil {
		at = m.def.Pipeline.At
	}
	if len(columns) == 0 {
		c.noInputs(at, m.model.Name)
		return
	}
	tree := treesAlone(m.def.Environment)
	var nested, text []string
	for _, col := range columns {
		if bad := transform.Unnamed(col.Name); bad != "" && tree != "" { // of values it is coded: somebody wrote this one
			c.inputName(at, col.Name, bad, tree)
		}
		switch col.Type.Kind {
		case value.KindList, value.KindMap, value.KindStruct, value.KindBytes:
			nested = append(nested, col.Name)
		case value.KindString:
			text = append(text, col.Name)
		}
	}
	if len(nested) > 0 {
		c.nestedInput(at, nested)
	}
	if len(text) > 0 && tree != "" && !m.model.Pickle {
		c.textInput(at, text, tree)
	}
}
