package audit

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/drift"
	"github.com/bighead-ml/bighead/value"
)

// LabelSchema is how labels lie in a table: which prediction they are of, the truth as JSON, and when it was known.
var LabelSchema = value.Schema{{Name: idColumn, Type: value.String}, {Name: "label", Type: value.String}, {Name: "at", Type: value.Timestamp}}

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

// Labels is a table of labels: of LabelSchema, or Plain.
type Labels struct {
	dataset.Table
	// Plain says that it is somebody's own: label has truth values, numbers or strings as they are, and where there is no column at, its labels hold
	// against all others.
	Plain bool
}

// PlainLabels are labels of somebody's own, or the error says which column is not as it must be.
func PlainLabels(t dataset.Table) (Labels, error) {
	for _, want := range []struct {
		name  string
		kinds []value.Kind
		may   bool
	}{
		{idColumn, []value.Kind{value.KindString}, false}, {"label", []value.Kind{value.KindBool, value.KindInt, value.KindFloat, value.KindString}, false},
		{"at", []value.Kind{value.KindTimestamp}, true},
	} {
		have, ok := t.Schema().Lookup(want.name)
		switch {
		case !ok && want.may:
		case !ok:
			return Labels{}, fmt.Errorf("there is no column %q; there are: %s", want.name, strings.Join(t.Schema().Names(), ", "))
		case !slices.Contains(want.kinds, have.Kind):
			return Labels{}, fmt.Errorf("column %q is %s, which it cannot be", want.name, value.An(have.String()))
		}
	}
	return Labels{t, true}, nil
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

// comparedRows is how many rows of a version are compared with training, at most. They are drawn by their ids, which are random.
const comparedRows = 20_000

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

type label struct {
	text string
	at   int64
	used bool
	sent bool  // not by the label source alone
	rows int64 // of the label source, that name the prediction
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
	for _, d := range v.known.Columns {
		v.columns = append(v.columns, drift.NewValues(d.Kind))
	}
	v.foreign = make([]string, len(v.columns))
	return nil
}

// joinAll joins predictions and labels, in as many parts as keep the labels of one few enough.
func (x *evaluating) joinAll(ctx context.Context, files []*logFile) error {
	x.parts = 1
	for {
		err := x.readLabels(ctx)
		if err == nil {
			break
		}
		if !errors.Is(err, errManyLabels) {
			return err
		}
		x.parts *= 2
	}
	for {
		if err := x.join(ctx, files); err != nil {
			return err
		}
		for _, l := range x.labels {
			if l.rows > 0 {
				x.named(l)
			}
		}
		if err := x.unknown(ctx); err != nil {
			return err
		}
		if x.part++; x.part == x.parts {
			if x.From != nil && x.From.ID != nil {
				x.out.Source.Waiting = x.out.Predictions - x.out.Source.Labelled
			}
			x.labels, x.found = nil, nil
			return nil
		}
		if err := x.readLabels(ctx); err != nil {
			return err
		}
	}
}

// unknown counts the labels of the part that are of no prediction. Labels of all endpoints lie together, so what is not of this one's is looked for in the log of every one:
// of this one's too, for a prediction may have had its name within the time, and been answered after it.
func (x *evaluating) unknown(ctx context.Context) error {
	left := map[uuid.UUID]bool{}
	for id, l := range x.labels {
		if !l.used && l.sent && timeOf(id) >= x.Since { // those of before may be of predictions that are not asked for
			left[id] = true
		}
	}
	endpoints, err := Views(x.Predictions)
	if err != nil {
		return err
	}
	for _, endpoint := range endpoints {
		if len(left) == 0 {
			return nil
		}
		files, damaged, err := openLog(ctx, x.Predictions, endpointKey, endpoint, x.Formats, x.Since, x.Until+apart)
		if err != nil {
			return err
		}
		for _, f := range files {
			err := eachBatch(ctx, f.table, dataset.Scan{Columns: []string{idColumn}}, func(b *value.Batch) error {
				for i := range b.N {
					if id, err := uuid.Parse(b.Columns[0].Strs[i]); err == nil {
						delete(left, id)
					}
				}
				return nil
			})
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err != nil { // this endpoint's have been read whole
				damaged = append(damaged, fmt.Sprintf("%s: %v", f.path, err))
			}
		}
		x.damaged(damaged)
	}
	x.out.Unknown += int64(len(left))
	return nil
}

// named counts the rows of the label source that name a prediction.
func (x *evaluating) named(l *label) {
	if s := x.out.Source; l.used {
		s.Matched += l.rows
		s.Labelled++
	} else {
		s.Unmatched += l.rows
	}
}

// damaged adds files that cannot be read, each once: some are looked at more than once.
func (x *evaluating) damaged(files []string) {
	for _, f := range files {
		if !slices.Contains(x.out.Damaged, f) {
			x.out.Damaged = append(x.out.Damaged, f)
		}
	}
}

// errManyLabels says that there are more labels than are joined at a time. That is found with the first part; the others have as many, but for chance.
var errManyLabels = errors.New("there are many labels")

// readLabels takes in the labels of the part of predictions that may be of the time: an id says when it was given.
func (x *evaluating) readLabels(ctx context.Context) error {
	clear(x.labels)
	unknown := int64(0)
	texts := map[string]string{} // each once: of most models there are few
	if err := x.readFrom(ctx, texts); err != nil {
		return err
	}
	for _, t := range x.Labels {
		columns := LabelSchema.Names()
		if _, ok := t.Schema().Lookup("at"); !ok {
			columns = columns[:2]
		}
		err := eachBatch(ctx, t.Table, dataset.Scan{Columns: columns}, func(b *value.Batch) error {
			for i := range b.N {
				if b.Columns[1].IsNull(i) { // it is not known yet
					continue
				}
				at := int64(math.MaxInt64)
				if len(columns) > 2 && !b.Columns[2].IsNull(i) {
					at = b.Columns[2].Ints[i]
				}
				id := uuid.Nil
				if !b.Columns[0].IsNull(i) {
					id, _ = uuid.Parse(b.Columns[0].Strs[i])
				}
				if id == uuid.Nil {
					unknown++
				} else if l := x.label(id, at, texts, func() string { return labelText(b.Columns[1].At(i), t.Plain) }); l != nil {
					l.sent = true
				}
			}
			if x.part == 0 && len(x.labels) > labelsAtOnce {
				return errManyLabels
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("read labels: %w", err)
		}
	}
	if x.part == 0 {
		x.out.Unknown += unknown
	}
	return nil
}

// labelText is a label as JSON.
func labelText(v value.Value, plain bool) string {
	if plain {
		return string(value.AppendJSON(nil, v))
	}
	return v.Str()
}

// mayBe reports whether a prediction of that name may be of the time.
func (x *evaluating) mayBe(id uuid.UUID) bool {
	when := timeOf(id)
	return when >= x.Since-apart && when < x.Until
}

// label takes in a label that was known at a time; nil: it is of another part, or time.
func (x *evaluating) label(id uuid.UUID, at int64, texts map[string]string, text func() string) *label {
	if !x.mayBe(id) || binary.BigEndian.Uint64(id[8:])%x.parts != x.part {
		return nil
	}
	l := x.labels[id]
	if l == nil {
		l = &label{at: math.MinInt64}
		x.labels[id] = l
	}
	if at >= l.at {
		l.text, l.at = interned(texts, text()), at
	}
	return l
}

// timeOf is when an id of ours was given, ms.
func timeOf(id uuid.UUID) int64 {
	return int64(binary.BigEndian.Uint64(id[:8]) >> 16)
}

// drawn reports whether a prediction is among the share that is compared.
func drawn(id uuid.UUID, share float64) bool {
	return share >= 1 || float64(binary.BigEndian.Uint64(id[8:])<<2)/math.MaxUint64 < share
}

// join reads the predictions with the labels of the part; what has nothing to do with labels with the first.
func (x *evaluating) join(ctx context.Context, files []*logFile) error {
	var scores []float64
	return x.eachPrediction(ctx, files, []string{idColumn, scoresColumn, degradedColumn}, func(_ *logFile, k versionKey, b *value.Batch, i int) error {
		v := x.versions[k]
		if v == nil { // written since it was counted
			return nil
		}
		id, wrong := uuid.Parse(b.Columns[2].Strs[i])
		l := x.labels[id]
		if x.part > 0 && l == nil {
			return nil
		}
		list := b.Columns[3].At(i) // columns of model and version come first
		scores = scores[:0]
		for k := range list.Len() {
			s := math.NaN()
			if y := list.At(k); !y.IsNull() {
				s = y.Float()
			}
			scores = append(scores, s)
		}
		if x.part == 0 && b.Columns[4].Bools[i] {
			v.Degraded++
		}
		if v.width == 0 {
			v.width = max(1, len(scores))
			v.scores = drift.NewScores(v.width, v.classes())
		}
		if wrong != nil {
			return nil
		}
		if x.part == 0 && v.known != nil && drawn(id, v.share) {
			v.scores.Add(scores)
			x.compared[id] = append(x.compared[id], v)
		}
		switch {
		case l == nil, !k.shadow && l.used:
			return nil
		case !k.shadow: // a shadow's truth is that of what was answered
			l.used = true
			x.out.Labelled++
		}
		x.take(v, l.text, scores)
		if x.numbers += 1 + len(scores); x.numbers > mostNumbers {
			return tooMany(x.out.Labelled - 1)
		}
		return nil
	})
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
	case err != nil, len(scores) != v.width:
		v.Unfit++
	default:
		v.truth.Labels, v.truth.Answers = append(v.truth.Labels, truth), append(v.truth.Answers, scores...)
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

// compare sets what was served against the training.
func (v *evaluated) compare() {
	if v.known == nil {
		return
	}
	together := len(v.known.Columns) + len(v.known.Scores)
	v.Scores = worstFirst(v.scores.Compare(v.known.Scores, together))
	if v.Vectors == 0 {
		v.NoDrift = "none of its vectors is in the log of what was served, whose files go after [audit] keep: its features are not compared"
		return
	}
	for i, d := range v.known.Columns {
		c := d.Compare(v.columns[i], together)
		if v.foreign[i] != "" {
			c = &drift.Comparison{Column: d.Name, Kind: d.Kind, Verdict: drift.NotMeasured, Why: v.foreign[i], ReferenceMissing: c.ReferenceMissing}
		}
		v.Features = append(v.Features, c)
	}
	v.Features = worstFirst(v.Features)
}

// worstFirst orders comparisons by their verdicts, and those of one by how far they are.
func worstFirst(all []*drift.Comparison) []*drift.Comparison {
	rank := func(c *drift.Comparison) int { return slices.Index(drift.Verdicts(), c.Verdict) }
	far := func(c *drift.Comparison) float64 {
		if c.PSI == nil {
			return -1
		}
		return *c.PSI
	}
	slices.SortStableFunc(all, func(a, b *drift.Comparison) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(far(b), far(a)))
	})
	return all
}

// readVectors takes in the features of the predictions that are compared.
func (x *evaluating) readVectors(ctx context.Context, _ []*logFile) error {
	if len(x.compared) == 0 {
		return nil
	}
	for view := range x.views {
		files, damaged, err := openLog(ctx, x.Served, viewKey, view, x.Formats, x.Since-apart, x.Until+apart)
		if err != nil {
			return err
		}
		x.damaged(damaged)
		for _, f := range files {
			if err := x.vectors(ctx, f); err != nil {
				return fmt.Errorf("%s: %w", f.path, err)
			}
		}
	}
	return nil
}

// vectors reads one file of them: the columns that any version was fed, and which prediction was made of the row.
func (x *evaluating) vectors(ctx context.Context, f *logFile) error {
	schema := f.table.Schema()
	if schema.Index(predictionColumn) < 0 { // of before there was a log of predictions
		return nil
	}
	columns, place := []string{predictionColumn}, map[string]int{}
	of := map[*evaluated][]int{} // by its columns: where they are; -1: nowhere
	for _, v := range x.versions {
		if v.known == nil {
			continue
		}
		for i, d := range v.known.Columns {
			at, why := -1, v.columnIn(schema, d.Name)
			if why == "" {
				name := fileColumn(d.Name)
				if _, ok := place[name]; !ok {
					place[name] = len(columns)
					columns = append(columns, name)
				}
				at = place[name]
			} else {
				v.foreign[i] = why
			}
			of[v] = append(of[v], at)
		}
	}
	return eachBatch(ctx, f.table, dataset.Scan{Columns: columns}, func(b *value.Batch) error {
		for i := range b.N {
			if b.Columns[0].IsNull(i) {
				continue
			}
			id, err := uuid.Parse(b.Columns[0].Strs[i])
			if err != nil {
				continue
			}
			versions := x.compared[id]
			delete(x.compared, id) // each once
			for _, v := range versions {
				v.Vectors++
				for k, at := range of[v] {
					if at >= 0 {
						v.columns[k].Add(b.Columns[at].At(i))
					}
				}
			}
		}
		return nil
	})
}

// columnIn says why a column of a version is not to be had from a file; "": it is.
func (v *evaluated) columnIn(schema value.Schema, name string) string {
	i := schema.Index(fileColumn(name))
	k := slices.IndexFunc(v.trained.Manifest.Columns, func(c model.ManifestColumn) bool { return c.Name == name })
	switch {
	case i < 0:
		return "it was not in all that was served: the view had another column then"
	case k >= 0 && !schema[i].Type.Equal(v.trained.Manifest.Columns[k].Type):
		return "it was served as " + value.An(schema[i].Type.String()) + ", and learned as " + value.An(v.trained.Manifest.Columns[k].Type.String())
	}
	return ""
}

// fileColumn is what a view's column is called in files of served vectors.
func fileColumn(name string) string {
	for slices.Contains([]string{servedColumn, atColumn, versionColumn, statusColumn, readColumn, predictionColumn}, name) {
		name = "_" + name
	}
	return name
}
