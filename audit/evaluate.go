package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/drift"
	"github.com/bighead-ml/bighead/serve/predict"
	"github.com/bighead-ml/bighead/value"
)

// Evaluation is a question for how the versions of an endpoint do.
type Evaluation struct {
	Predictions, Served string // the folders of the two logs
	Formats             []dataset.Format
	// Labels are tables of labels. Of several labels of one prediction the one known last holds, of those the one that stands last.
	Labels []Labels
	// From is the label source of the endpoint's definition; nil: it has none. What it has and what is in Labels are one: of labels known at the same
	// time those in Labels hold.
	From     *LabelSource
	Endpoint string
	Task     model.Task // of the endpoint's model, as it is applied; "": it is not any more
	// Since and Until bound when a prediction was answered, by the wall's clock, [Since, Until), ms.
	Since, Until int64
	// Trained is what is known of a version from its training. Its error is why that cannot be read.
	Trained func(ctx context.Context, model string, version int64) (*Trained, error)
}

// Trained is a version as its training left it.
type Trained struct {
	Manifest *model.Manifest
	Test     map[string]float64 // metrics over the rows of the test
}

// Evaluated is how an endpoint did.
type Evaluated struct {
	Endpoint    string              `json:"endpoint"`
	Since       string              `json:"from"`
	Until       string              `json:"to"`
	Predictions int64               `json:"predictions"`
	Labelled    int64               `json:"labelled"`
	Versions    []*EvaluatedVersion `json:"versions"`
	// Unknown are labels of predictions of that time which the log has of no endpoint: not recorded, dropped, or never made here; and those that name none.
	Unknown int64 `json:"labels_unknown"`
	// Source is what became of the rows of the endpoint's label source; null: it has none.
	Source *JoinedLabels `json:"label_source"`
	// Damaged are files that could not be read, with the reason.
	Damaged []string `json:"damaged"`
}

// EvaluatedVersion is how a version did at an endpoint.
type EvaluatedVersion struct {
	Model       string  `json:"model"`
	Version     *int64  `json:"version"` // null: the endpoint's fallback answered
	Shadow      bool    `json:"shadow"`  // it was asked beside the others, and nobody was answered with it
	Predictions int64   `json:"predictions"`
	Degraded    int64   `json:"degraded"`
	Labelled    int64   `json:"labelled"`
	Coverage    float64 `json:"coverage"`
	// NewClass are labels of a class that the version does not know, Unfit those that cannot be its task's at all. Neither is in the metrics.
	NewClass int64 `json:"labels_of_new_class"`
	Unfit    int64 `json:"labels_unfit"`
	// WhyUnfit is what is wrong with the first of those.
	WhyUnfit string `json:"label_unfit,omitempty"`
	// Metrics are over the labelled predictions; Test are those of the version's training, over the rows of its test.
	Metrics map[string]float64 `json:"metrics"`
	Test    map[string]float64 `json:"test_metrics"`
	// Scores and Features are compared with the training's, the worst first; NoDrift is why nothing is.
	Scores   []*drift.Comparison `json:"scores"`
	Features []*drift.Comparison `json:"features"`
	Vectors  int64               `json:"vectors"` // whose features are compared
	NoDrift  string              `json:"no_drift,omitempty"`
}

// Drifted reports whether anything has.
func (e *Evaluated) Drifted() bool {
	for _, v := range e.Versions {
		for _, c := range append(slices.Clip(v.Scores), v.Features...) {
			if c.Verdict == drift.Drifted {
				return true
			}
		}
	}
	return false
}

// apart is how long before it is answered a prediction may have its name, and how far its features' record lies from it, ms.
const apart = 3_600_000

// Memory is bounded by these: how many labels are joined at a time, each about a hundred bytes, and how many numbers there are of truths and the scores
// that were answered, which the metrics need all at once.
var (
	labelsAtOnce = 1 << 20
	mostNumbers  = 1 << 26
)

// evaluating is an Evaluation while it goes on.
type evaluating struct {
	*Evaluation
	out      *Evaluated
	parts    uint64 // in which labels are joined, by their ids, which are random
	part     uint64 // that is being joined
	numbers  int    // of truths and scores
	versions map[versionKey]*evaluated
	labels   map[uuid.UUID]*label
	found    []found                    // by the label source, by keys
	compared map[uuid.UUID][]*evaluated // whose features are to be compared
	views    map[string]bool            // of the predictions
}

type versionKey struct {
	model  string
	number int64
	shadow bool
}

// evaluated is one version.
type evaluated struct {
	*EvaluatedVersion
	key     versionKey
	trained *Trained
	known   *drift.Reference
	share   float64 // of its rows that are compared
	width   int
	truth   model.Truth
	scores  *drift.Scores
	columns []*drift.Values // by known.Columns
	foreign []string        // of a column: why it is not compared
}

// Evaluate joins predictions with what is known of their truth, by prediction_id, and with the vectors that they were made of, and says by version how
// good they were and how far features and scores have moved away from training.
//
// Three readings: how many predictions there are of each version, so that it is known which share of them is compared; the predictions, with
// their labels; the vectors. Of many labels the second is done in parts, each of which reads labels and predictions again. Memory does not grow with what was
// predicted, nor with labels; with what is labelled it grows by a truth and its scores each, up to a bound.
func Evaluate(ctx context.Context, e Evaluation) (*Evaluated, error) {
	x := &evaluating{Evaluation: &e, versions: map[versionKey]*evaluated{}, labels: map[uuid.UUID]*label{}, compared: map[uuid.UUID][]*evaluated{}, views: map[string]bool{},
		out: &Evaluated{Endpoint: e.Endpoint, Since: value.FormatTimestamp(e.Since), Until: value.FormatTimestamp(e.Until), Versions: []*EvaluatedVersion{}, Damaged: []string{}}}
	files, damaged, err := openLog(ctx, e.Predictions, endpointKey, e.Endpoint, e.Formats, e.Since, e.Until)
	if err != nil {
		return nil, err
	}
	x.damaged(damaged)
	for _, read := range []func(context.Context, []*logFile) error{x.count, x.joinSource, x.joinAll, x.readVectors} {
		if err := read(ctx, files); err != nil {
			return nil, fmt.Errorf("evaluate endpoint %s: %w", e.Endpoint, err)
		}
	}
	x.report()
	return x.out, nil
}

// eachPrediction reads columns of the predictions of the time, model and version before them, and what shadows say of those.
func (x *evaluating) eachPrediction(ctx context.Context, files []*logFile, columns []string, do func(*logFile, versionKey, *value.Batch, int) error) error {
	all := append(append([]string{modelColumn, modelVersion}, columns...), predictedAt)
	for _, f := range files {
		read := all
		if f.table.Schema().Index(shadowColumn) >= 0 {
			read = append(slices.Clip(all), shadowColumn)
		}
		err := eachBatch(ctx, f.table, dataset.Scan{Columns: read}, func(b *value.Batch) error {
			when := b.Columns[len(all)-1]
			for i := range b.N {
				if at := when.Ints[i]; at < x.Since || at >= x.Until {
					continue
				}
				k := keyOf(b.Columns[0], b.Columns[1], i)
				k.shadow = len(read) > len(all) && b.Columns[len(all)].Bools[i]
				if err := do(f, k, b, i); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("%s: %w", f.path, err)
		}
	}
	return nil
}

// count finds the versions, and how many predictions each has.
func (x *evaluating) count(ctx context.Context, files []*logFile) error {
	err := x.eachPrediction(ctx, files, nil, func(f *logFile, k versionKey, _ *value.Batch, _ int) error {
		x.views[f.view] = true
		v := x.versions[k]
		if v == nil {
			k.model = strings.Clone(k.model)
			v = &evaluated{key: k, EvaluatedVersion: &EvaluatedVersion{Model: k.model, Shadow: k.shadow, Metrics: map[string]float64{}, Test: map[string]float64{}, Scores: []*drift.Comparison{}, Features: []*drift.Comparison{}}}
			x.versions[k] = v
		}
		v.Predictions++
		if !k.shadow {
			x.out.Predictions++
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, v := range x.versions {
		if err := x.learn(ctx, v); err != nil {
			return err
		}
	}
	return nil
}

func keyOf(name, number *value.Column, i int) versionKey {
	k := versionKey{model: name.Strs[i]}
	if !number.IsNull(i) {
		k.number = number.Ints[i]
	}
	return k
}

// learn asks what is known of a version from its training.
func (x *evaluating) learn(ctx context.Context, v *evaluated) error {
	v.share = min(1, comparedRows/float64(v.Predictions))
	if v.key.number == 0 {
		v.NoDrift = "the endpoint's fallback has learned nothing that it could move away from"
		return nil
	}
	v.Version = &v.key.number
	var err error
	if v.trained, err = x.Trained(ctx, v.key.model, v.key.number); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		v.NoDrift = "what it learned from cannot be read: " + err.Error()
		return nil
	}
	v.Test = v.trained.Test
	if len(v.trained.Manifest.Reference) == 0 {
		v.NoDrift = "its training kept no reference to compare with: it was trained by an older bighead"
		return nil
	}
	if v.known, err = drift.Parse(v.trained.Manifest.Reference); err != nil {
		v.known, v.NoDrift = nil, "its reference cannot be read: "+err.Error()
		return nil
	}
	reads := predict.ReadColumns(v.trained.Manifest)
	v.known.Columns = slices.DeleteFunc(v.known.Columns, func(d *drift.Distribution) bool { // what a bighead of before kept of columns that nobody reads
		named := func(c model.ManifestColumn) bool { return c.Name == d.Name }
		return slices.ContainsFunc(v.trained.Manifest.Columns, named) && !slices.ContainsFunc(reads, named)
	})
	for _, d := range v.known.Columns {
		v.columns = append(v.columns, drift.NewValues(d.Kind))
	}
	v.foreign = make([]string, len(v.columns))
	return nil
}

// damaged adds files that cannot be read, each once: some are looked at more than once.
func (x *evaluating) damaged(files []string) {
	for _, f := range files {
		if !slices.Contains(x.out.Damaged, f) {
			x.out.Damaged = append(x.out.Damaged, f)
		}
	}
}

// classes are the names of a version's, where they are known.
func (v *evaluated) classes() []string {
	if v.trained == nil {
		return nil
	}
	return v.trained.Manifest.Classes
}

// task is what a version was trained for, the fallback's the endpoint's.
func (x *evaluating) task(v *evaluated) model.Task {
	if v.trained != nil {
		return v.trained.Manifest.Task
	}
	for _, other := range x.versions {
		if x.Task == "" && other.trained != nil && other.key.model == v.key.model {
			return other.trained.Manifest.Task
		}
	}
	return x.Task
}

// take takes in the truth of a prediction.
func (x *evaluating) take(v *evaluated, text string, scores []float64) {
	v.Labelled++
	names := v.classes()
	if v.trained == nil { // the fallback stands in for the versions beside it
		for _, other := range x.versions {
			if names == nil && other.key.model == v.key.model {
				names = other.classes()
			}
		}
	}
	classes := v.width
	if v.width == 1 {
		classes = 2
	}
	truth, err := x.task(v).LabelOf(text, names, classes)
	switch {
	case errors.Is(err, model.ErrNoClass):
		v.NewClass++
	case err != nil:
		v.unfit(err.Error())
	case len(scores) != v.width:
		v.unfit(fmt.Sprintf("its prediction has %d scores, where others of the version have %d", len(scores), v.width))
	default:
		v.truth.Labels, v.truth.Answers = append(v.truth.Labels, truth), append(v.truth.Answers, scores...)
	}
}

func (v *evaluated) unfit(why string) {
	if v.Unfit++; v.WhyUnfit == "" {
		v.WhyUnfit = why
	}
}

// report puts together what was found.
func (x *evaluating) report() {
	for _, v := range x.versions {
		v.Coverage = float64(v.Labelled) / float64(v.Predictions)
		if v.truth.Width = v.width; len(v.truth.Labels) > 0 {
			var names []string
			for _, m := range model.MetricsOf(x.task(v)) {
				names = append(names, m.Name)
			}
			v.Metrics = model.Evaluate(names, v.truth)
		}
		v.compare()
		x.out.Versions = append(x.out.Versions, v.EvaluatedVersion)
	}
	slices.SortFunc(x.out.Versions, func(a, b *EvaluatedVersion) int {
		return cmp.Or(cmp.Compare(a.Model, b.Model), asShadow(a)-asShadow(b), cmp.Compare(numberOf(b), numberOf(a)))
	})
}

func asShadow(v *EvaluatedVersion) int {
	if v.Shadow {
		return 1
	}
	return 0
}

func numberOf(v *EvaluatedVersion) int64 {
	if v.Version == nil {
		return 0
	}
	return *v.Version
}
