package predict

import (
	"context"
	"fmt"

	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/transform"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/value"
)

// worker is the memory in which rows become a model's batch. For one call at a time.
type worker struct {
	v       *version
	columns []*value.Column // that the version reads
	nulls   []value.Bitmap  // behind them
	in      value.Batch
	applier *transform.Applier // nil: no pipeline
	given   value.Batch        // of the columns that the protocol gives, those that are read
	chosen  []*value.Column    // by input of the model
	batch   model.Batch
	scratch model.Scratch
	scores  []float64
	lent    bool // to a call that goes on though nobody waits for it
}

func (v *version) newWorker() *worker {
	w := &worker{v: v, nulls: make([]value.Bitmap, len(v.columns)), chosen: make([]*value.Column, len(v.inputs))}
	for _, c := range v.columns {
		w.columns = append(w.columns, value.NewColumn(c.Type, 0))
	}
	w.in.Schema = schemaOf(v.columns)
	w.in.Columns = w.columns
	if v.pipeline != nil {
		w.applier = v.pipeline.NewApplier()
	}
	return w
}

// give lets go of what the columns hold of a request, and of the worker.
func (w *worker) give() {
	if w.lent {
		return
	}
	for _, c := range w.columns {
		clear(c.Strs)
		clear(c.Values)
	}
	w.v.workers.Put(w)
}

// rowRefused is a row that the pipeline or the model does not take.
type rowRefused struct {
	row          int // of those that were asked
	name, reason string
}

func (e *rowRefused) Error() string { return e.name + " " + e.reason }

// answer has the version answer some rows. at is where its columns stand in a row of values. The scores are good until the next call. The error
// is a *rowRefused where it is one row's. b, where it is not nil, has the model answer them with other requests' rows.
func (w *worker) answer(ctx context.Context, rows [][]value.Value, at []int, b *batcher) (scores []float64, err error) {
	defer func() {
		if x := recover(); x != nil {
			w.lent, err = true, defectOf(x) // nobody knows how its memory is left
		}
	}()
	w.fill(rows, at)
	if err := w.prepare(&w.in); err != nil {
		return nil, err
	}
	n := len(rows) * w.v.artifact.Answer.Width
	if cap(w.scores) < n {
		w.scores = make([]float64, n)
	}
	w.scores = w.scores[:n]
	if b != nil {
		return w.scores, rowOf(b.predict(ctx, &w.batch, w.scores))
	}
	left, err := w.v.predict(ctx, &w.batch, w.scores, &w.scratch)
	w.lent = left
	return w.scores, rowOf(err)
}

// fill makes the columns of the rows.
func (w *worker) fill(rows [][]value.Value, at []int) {
	n := len(rows)
	w.in.N = n
	for j, c := range w.columns {
		resize(c, n)
		for k, row := range rows {
			x := row[at[j]]
			if !x.IsNull() {
				c.Set(k, x)
				continue
			}
			if c.Nulls == nil {
				c.Nulls = cleared(&w.nulls[j], n)
			}
			c.Nulls.Set(k)
		}
	}
}

func cleared(b *value.Bitmap, n int) value.Bitmap {
	if words := (n + 63) / 64; cap(*b) < words {
		*b = value.NewBitmap(n)
	} else {
		*b = (*b)[:words]
		clear(*b)
	}
	return *b
}

// resize makes a column one of n cells, none null, whose cells hold anything.
func resize(c *value.Column, n int) {
	c.N, c.Nulls = n, nil
	switch c.Type.Kind {
	case value.KindBool:
		c.Bools = sized(c.Bools, n)
	case value.KindInt, value.KindTimestamp, value.KindDate:
		c.Ints = sized(c.Ints, n)
	case value.KindFloat:
		c.Floats = sized(c.Floats, n)
	case value.KindString, value.KindBytes:
		c.Strs = sized(c.Strs, n)
	default:
		c.Values = sized(c.Values, n)
	}
}

func sized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// inputs are what went into the model for row i of the last call.
func (w *worker) inputs(i int) []Input {
	info := w.v.artifact.Model.Info()
	numbers, texts := info.Widths()
	out := make([]Input, len(info.Inputs))
	number, text := i*numbers, i*texts
	for k, name := range w.v.artifact.Manifest.Inputs {
		out[k].Name = name
		if info.Inputs[k].Type.Kind == value.KindString {
			out[k].Text, out[k].IsText = w.batch.Texts[text], true
			text++
		} else {
			out[k].Number = w.batch.Numbers[number]
			number++
		}
	}
	return out
}

// explain says of the rows of the last call what each input added to each margin: for each row and margin the inputs' numbers, and then the bias.
func (w *worker) explain(ctx context.Context) (added []float64, margins int, err error) {
	m, ok := w.v.artifact.Model.(model.Explainer)
	if !ok {
		return nil, 0, fmt.Errorf("the runtime %s cannot say what each input added", w.v.artifact.Manifest.Runtime)
	}
	if margins, err = m.Explains(); err != nil {
		return nil, 0, err
	}
	added = make([]float64, w.batch.Rows*margins*(len(m.Info().Inputs)+1))
	return added, margins, m.Explain(ctx, &w.batch, added)
}

// explained fills what an answer says of its inputs, of row k of the last call.
func (w *worker) explained(a *Answer, k int, added []float64, margins int) {
	n := len(a.Inputs)
	row := added[k*margins*(n+1):]
	for i := range a.Inputs {
		for m := range margins {
			a.Inputs[i].Added = append(a.Inputs[i].Added, row[m*(n+1)+i])
		}
	}
	for m := range margins {
		a.Bias = append(a.Bias, row[m*(n+1)+n])
	}
}

// share is the share of a row's columns that are neither present, empty nor default.
func share(statuses []serve.Status, at []int) float64 {
	n := 0
	for _, i := range at {
		if statuses[i] > serve.Default {
			n++
		}
	}
	return float64(n) / float64(max(len(at), 1))
}
