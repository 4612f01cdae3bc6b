package feature

import (
	"fmt"
	"strings"

	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/transform"
	"github.com/bighead-ml/bighead/value"
)

// step passes on what is wrong with a step of a pipeline.
func (r *reporter) step(at Span, x transform.Problem) {
	p := r.add(codeStep, at, "%s", x.Message).cure("%s", x.Cure)
	if len(x.Names) > 0 {
		p.choose(x.Got, "names", x.Names)
	}
}

// nestedInput is what no model takes as it is.
func (r *reporter) nestedInput(at Span, columns []string) {
	r.add(codeModelInput, at, "%s would go into the model, which takes numbers and strings only", someColumns(columns)).
		cure("take it apart or leave it out with a step, or name the columns with features= of the training set")
}

// textInput is a string that goes into trees.
func (r *reporter) textInput(at Span, columns []string, framework string) {
	r.add(codeModelInput, at, "%s would go into a model of %s as text, and trees take numbers only", someColumns(columns), framework).
		cure("encode it: bh.ordinal(bh.strings) or bh.one_hot(…)")
}

// inputName is a name that a framework of trees does not take.
func (r *reporter) inputName(at Span, column, character, framework string) {
	r.add(codeModelInput, at, "column %q would go into a model of %s, which takes no %q in a name", column, framework, character).cure("give it another name in the step that names it")
}

// noInputs is a pipeline that leaves nothing.
func (r *reporter) noInputs(at Span, name string) {
	r.add(codeModelInput, at, "no column is left to go into model %q", name).cure("leave a step out that drops columns, or name more with features= of the training set")
}

// someColumns names the first few.
func someColumns(names []string) string {
	what := "column "
	if len(names) > 1 {
		what = "columns "
	}
	if more := len(names) - 3; more > 1 {
		return what + strings.TrimSuffix(quotedList(names[:3], ", "), ", ") + fmt.Sprintf(" and %d more", more)
	}
	return what + quotedList(names, " and ")
}

// unknownLabel is a label that the training set does not have.
func (r *reporter) unknownLabel(at Span, name, set string, names []string) {
	r.add(codeUnknownLabel, at, "training set %q has no label %q", set, name).choose(name, "labels", names)
}

// noLabel is a training set that says nothing to learn.
func (r *reporter) noLabel(at Span, set string) {
	r.add(codeUnknownLabel, at, "training set %q has no label, so there is nothing to learn", set).cure(`give it one: labels={"late": "dep_delay >= 15"}`)
}

// severalLabels is a training set with more labels than a model learns.
func (r *reporter) severalLabels(at Span, set string, names []string) {
	r.add(codeUnknownLabel, at, "training set %q has several labels, and a model learns one", set).choose("", "labels", names).cure("say which with label=%q", names[0])
}

// labelKind is a label of a type that the task does not know what to do with.
func (r *reporter) labelKind(at Span, label string, t value.Type, task model.Task) {
	p := r.add(codeTask, at, "label %q is %s, and task %q takes %s", label, typeText(t), task, taskTakes[task])
	switch t.Kind {
	case value.KindFloat:
		p.cure(`write task="regression", or make classes of it in the training set: labels={%q: "… > 0.5"}`, label)
	case value.KindBool, value.KindString:
		p.cure(`write task="binary" or task="multiclass", or make a number of it in the training set`)
	default:
		p.cure("write the label as one of those in the training set")
	}
}

var taskTakes = map[model.Task]string{
	model.Binary: "two classes: a bool, an int or a string", model.Multiclass: "classes: a bool, an int or a string",
	model.Regression: "a number", model.Ranking: "a number, more being better",
}

// unknownMetric is a figure that is not computed for the task.
func (r *reporter) unknownMetric(at Span, name string, task model.Task, names []string) {
	p := r.add(codeMetric, at, "metric %q is not known for task %q", name, task).choose(name, "metrics", names)
	if m, ok := model.MetricNamed(name); ok {
		p.cure("it is of task %q", m.Tasks[0])
	}
}

// badAddress is a text at which no model can be asked.
func (r *reporter) badAddress(t Text, err error) {
	why, cure, _ := strings.Cut(err.Error(), ": ")
	if cure == "" {
		cure = `write remote="http://host:port/v2/models/MODEL" or "grpc://host:port/MODEL"`
	}
	r.add(codeAddress, t.At, "remote= is not the address of a model: %s", why).cure("%s", cure)
}

// notMeasured is a figure of a model elsewhere of which nothing says how good it is.
func (r *reporter) notMeasured(at Span, argument string) {
	r.add(codeMeaningless, at, "%s has no meaning where nothing is measured", argument).cure(`give the model split=, and its training set a label, or leave %s out`, argument)
}

// splitOrder is two times of a split that are not one after the other.
func (r *reporter) splitOrder(t Text, name string, before Text, nameBefore string) {
	r.add(codeSplit, t.At, "%s=%q is not after %s=%q, so that part has no rows", name, t.Value, nameBefore, before.Value).
		cure("rows before valid= are for training, then come validation, from test= on the test, and from end= on nothing")
}

// splitBeyond is a part of a split that lies outside of the training set.
func (r *reporter) splitBeyond(t Text, name, part, set, bound string, at int64) {
	r.add(codeSplit, t.At, "%s=%q leaves no rows %s: training set %q %s at %s", name, t.Value, part, set, bound, value.FormatTimestamp(at)).
		cure("write a time within the training set, or move its bound")
}

// noPackages is an environment of nothing.
func (r *reporter) noPackages(at Span) {
	r.add(codeRequirement, at, "the environment has no packages").cure(`name what train imports: bh.Environment(["lightgbm==4.7.0"]), or leave environment= out for the project's own Python`)
}

// badRequirement is a text that names no package.
func (r *reporter) badRequirement(t Text) {
	r.add(codeRequirement, t.At, "%q names no package", shorten(t.Value)).cure(`write name==version, such as "lightgbm==4.7.0"`)
}

// notPinned is a package of any version, or of several.
func (r *reporter) notPinned(t Text, name, rest string) {
	p := r.add(codeRequirement, t.At, "%q is not pinned: another day it is another package", shorten(t.Value))
	switch {
	case strings.Contains(rest, ";"):
		p.cure("leave out what stands after the semicolon: an environment is made for one Python")
	case strings.HasPrefix(rest, "@"), strings.Contains(t.Value, "://"):
		p.cure("write name==version; an index of your own is a setting of pip")
	default:
		p.cure(`write the one version that you have tried: "%s==…"`, name)
	}
}

// packageTwice is a package that two requirements name.
func (r *reporter) packageTwice(t Text, name string) {
	r.add(codeRequirement, t.At, "package %q is asked for twice", name).cure("leave one out")
}

// badPython is a text that is no version of Python.
func (r *reporter) badPython(t Text) {
	r.add(codeRequirement, t.At, "python=%q is no version of Python", t.Value).cure(`write python="3.11" or python="3.11.4"`)
}

// notSticky is a column by which requests cannot be told apart.
func (r *reporter) notSticky(at Span, name, view string, names []string) {
	r.add(codeSticky, at, "%q is neither a key nor a request field of view %q", name, view).choose(name, "there are", names)
}

// noTraffic is traffic={}.
func (r *reporter) noTraffic(at Span) {
	r.add(codeMeaningless, at, "traffic={} asks no version").cure(`leave it out: all requests go to "champion"`)
}

// endpointDefault is a fallback that is no answer.
func (r *reporter) endpointDefault(at Span, text string, task model.Task) {
	p := r.add(codeDefault, at, "fallback is %s, and task %q answers %s", text, task, taskAnswers[task])
	switch task {
	case model.Multiclass:
		p.cure(`write fallback="popular", the classes' shares in training, or fallback="last", the last version that was good, or leave it out`)
	case model.Ranking: // which has scores of no scale
		p.cure(`write a number, or fallback="last", the last version that was good`)
	default:
		p.cure(`write a number, fallback="popular", what most of the training says, or fallback="last", the last version that was good`)
	}
}

var taskAnswers = map[model.Task]string{
	model.Binary: "a probability", model.Multiclass: "probabilities by class", model.Regression: "a number", model.Ranking: "a score",
}

// noPredictionID is a label source whose rows do not say of what they are the truth.
func (r *reporter) noPredictionID(at Span, columns []string) {
	r.add(codeLabelsFrom, at, "nothing says of which predictions the label source's rows are the truth: there is no on=, and no column %q", predictionID).
		choose(predictionID, "columns", columns).cure("say by which keys and request fields of the view rows find their predictions: on=[…]")
}

// labelsOnUnknown is a name that is recorded with no prediction.
func (r *reporter) labelsOnUnknown(at Span, name string, v *View, asked []Key) {
	names := make([]string, len(asked))
	for i, k := range asked {
		names[i] = k.Name
	}
	r.add(codeLabelsFrom, at, "%q is neither a key nor a request field of view %q, so it is not recorded with its predictions", name, v.Name).choose(name, "there are", names)
}

// labelsOnNoKey is a field by whose values nothing is found.
func (r *reporter) labelsOnNoKey(at Span, name string, t value.Type) {
	r.add(codeLabelsFrom, at, "%q is %s, by which predictions are not found: %s", name, typeText(t), "rows must have the very same value").
		cure("name keys, whole numbers, texts, times or dates that the request gives")
}

// labelsOnType is a column of labels of another type than what it is compared with.
func (r *reporter) labelsOnType(at Span, name string, want, got value.Type, text string) {
	r.add(codeLabelsFrom, at, "%q is %s in the view, and %s in the label source", name, want, got).
		cure("write on={%q: \"cast(%s as %s)\"}", name, shorten(text), want)
}

// truthKind is a truth that no answer of the task can be measured by.
func (r *reporter) truthKind(at Span, text string, got value.Type, task model.Task) {
	r.add(codeTask, at, "the truth, %s, is %s, and task %q takes %s", shorten(text), typeText(got), task, taskTakes[task]).
		cure("write it as the training set's label is written")
}

// otherClasses is a truth that is of none of the classes that were learned.
func (r *reporter) otherClasses(at Span, text string, got value.Type, label string, learned value.Type) {
	r.add(codeTask, at, "the truth, %s, is %s, and label %q, which the model learns, %s", shorten(text), typeText(got), label, typeText(learned)).
		cure("write it as the training set's label is written, so that it is of the same classes")
}

// nothingLearned is labels="training" of a model elsewhere whose training set has no label.
func (r *reporter) nothingLearned(at Span, name string) {
	r.add(codeLabelsFrom, at, "training set and model %q have no label that could be computed of predictions", name).
		cure("give the training set labels=, or say where the truth comes to be known: labels=bh.LabelSource(…)")
}

// labelOfSpine is a label that predictions do not have the row of.
func (r *reporter) labelOfSpine(at Span, label, set string) {
	r.add(codeLabelsFrom, at, "label %q of training set %q is SQL over the spine's row, and a prediction has none", label, set).
		cure(`say where the truth comes to be known: labels=bh.LabelSource(…); of what happens within a span, such as bh.count(source=…, within="7d"), labels="training" is computed`)
}

// labelByKept is a label that goes by a column which is not recorded.
func (r *reporter) labelByKept(at Span, label, on string, v *View, asked []Key) {
	names := make([]string, len(asked))
	for i, k := range asked {
		names[i] = k.Name
	}
	r.add(codeLabelsFrom, at, "label %q goes by %q of the spine, which is neither a key nor a request field of view %q, so it is not recorded with its predictions", label, on, v.Name).
		choose(on, "there are", names)
}
