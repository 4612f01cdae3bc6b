package audit

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/model/drift"
	"github.com/bighead-ml/bighead/value"
)

// LabelSchema is how labels lie in a table: which prediction they are of, the truth as JSON, and when it was known.
var LabelSchema = value.Schema{{Name: idColumn, Type: value.String}, {Name: "label", Type: value.String}, {Name: "at", Type: value.Timestamp}}

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
		is    string
	}{
		{idColumn, []value.Kind{value.KindString}, false, "it has the ids that predictions were answered with, as strings"},
		{"label", []value.Kind{value.KindBool, value.KindInt, value.KindFloat, value.KindString}, false, "it has truth values, numbers or strings"},
		{"at", []value.Kind{value.KindTimestamp}, true, "it has the times at which labels were known, as timestamps (2013-03-01T12:00:00Z in a text file), or is left out"},
	} {
		have, ok := t.Schema().Lookup(want.name)
		switch {
		case !ok && want.may:
		case !ok:
			return Labels{}, fmt.Errorf("there is no column %q; there are: %s", want.name, strings.Join(t.Schema().Names(), ", "))
		case !slices.Contains(want.kinds, have.Kind):
			return Labels{}, fmt.Errorf("column %q is %s: %s", want.name, value.An(have.String()), want.is)
		}
	}
	return Labels{t, true}, nil
}

type label struct {
	text string
	at   int64
	used bool
	sent bool  // not by the label source alone
	rows int64 // of the label source, that name the prediction
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
			err := eachNamed(ctx, f, idColumn, nil, func(id uuid.UUID, _ []*value.Column, _ int) error {
				delete(left, id)
				return nil
			})
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err != nil { // this endpoint's have been read whole
				damaged = append(damaged, err.Error())
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
