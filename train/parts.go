package train

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/transform"
	"github.com/bighead-ml/bighead/value"
)

// labelColumn and weightColumn are what a part's file calls them; no column of a pipeline can be called so, for the colon.
const (
	labelColumn  = "label:"
	weightColumn = "weight:"
)

// fitted is a pipeline that learned from the rows for training, and what it leaves.
type fitted struct {
	pipeline *transform.Pipeline
	columns  []transform.Column
	inputs   []string // names of columns
}

// fit fits the pipeline over the rows for training alone.
func (p *Parts) fit(ctx context.Context) (*fitted, error) {
	pipeline, err := transform.Fit(ctx, p.m.TrainingSet.ModelSchema(), p.m.Steps, p.m.Label, p.rowsOf(ctx, &p.Train))
	if err != nil {
		return nil, p.unfit(fmt.Errorf("fit the pipeline of model %s: %w", p.m.Name, err))
	}
	f := &fitted{pipeline: pipeline, columns: pipeline.Columns()}
	for _, c := range f.columns {
		f.inputs = append(f.inputs, c.Name)
	}
	return f, nil
}

// unfit is an error of fitting or applying the pipeline, as a mistake at its steps where it is one of theirs, or of the rows.
func (p *Parts) unfit(err error) error {
	var problems []transform.Problem
	if row := (*transform.RowError)(nil); errors.As(err, &row) {
		problems = []transform.Problem{{Step: row.Step, Column: -1, Message: err.Error(), Cure: "say in the step what such a value becomes (unknown=, missing=), impute it before, or leave such rows out"}}
	} else if unfit := (*transform.Unfit)(nil); errors.As(err, &unfit) {
		problems = unfit.Problems
	}
	if len(problems) == 0 {
		return err
	}
	f := &Failed{}
	for _, x := range problems {
		m := feature.Mistake{Kind: feature.Unfit, Message: x.Message, Cure: x.Cure, Site: feature.Site{At: placeOf(p.m.Pos, " ")}}
		if x.Step < len(p.m.StepsAt) {
			at := p.m.StepsAt[x.Step]
			if m.Site = at.Site; x.Column >= 0 && x.Column < len(at.Columns) {
				m.At = at.Columns[x.Column]
			}
		}
		f.More = append(f.More, m)
	}
	f.Mistake, f.More = f.More[0], f.More[1:]
	return f
}

// schema is that of a part's file: what goes into the model, then label and weight. Numbers are floats, as the model is served with.
func (p *Parts) schema(f *fitted) value.Schema {
	var s value.Schema
	for _, c := range f.columns {
		s = append(s, value.Field{Name: c.Name, Type: modelType(c.Type)})
	}
	label := value.Float
	if p.count > 0 {
		label = value.Int
	}
	if p.labelled() {
		s = append(s, value.Field{Name: labelColumn, Type: label})
	}
	if p.weight != "" {
		s = append(s, value.Field{Name: weightColumn, Type: value.Float})
	}
	return s
}

func modelType(t value.Type) value.Type {
	if t.Kind == value.KindString {
		return t
	}
	return value.Float
}

// partFile is where a part's rows are.
func partFile(folder, name string) string { return filepath.Join(folder, name+".parquet") }

// write applies the pipeline to a part's rows and writes what comes of them. The rows for training get what they would get were their own
// labels not known (out of fold), where a step tells apart.
func (p *Parts) write(ctx context.Context, f *fitted, part *Part, folder string, formats []dataset.Format) error {
	schema := p.schema(f)
	w, err := dataset.Create(formats, partFile(folder, part.Name), schema, dataset.Metadata{}, dataset.WriteOptions{Compression: "snappy"})
	if err != nil {
		return err
	}
	defer w.Abort()
	apply := f.pipeline.NewApplier().Apply
	if part == &p.Train {
		out, err := f.pipeline.OutOfFold()
		if err != nil {
			return err
		}
		first := int64(0)
		apply = func(b *value.Batch) (*value.Batch, error) {
			done, err := out.Apply(b, first)
			first += int64(b.N)
			return done, err
		}
	}
	seen := 0
	for b, err := range p.rowsOf(ctx, part)() {
		if err != nil {
			return err
		}
		done, err := apply(b)
		if row := (*transform.RowError)(nil); errors.As(err, &row) {
			row.Row += seen
		}
		if err != nil {
			return p.unfit(fmt.Errorf("apply the pipeline of model %s to rows for %s: %w", p.m.Name, part.Name, err))
		}
		seen += b.N
		if err := w.Write(p.outcome(schema, done, b)); err != nil {
			return err
		}
	}
	return w.Close()
}

// outcome is a batch of a part's file: the pipeline's columns, and label and weight of the rows that went in.
func (p *Parts) outcome(schema value.Schema, done, rows *value.Batch) *value.Batch {
	out := &value.Batch{Schema: schema, N: rows.N}
	for _, c := range done.Columns {
		out.Columns = append(out.Columns, asFloats(c))
	}
	if p.labelled() {
		out.Columns = append(out.Columns, p.codes(schema[len(done.Columns)].Type, rows))
	}
	if p.weight != "" {
		out.Columns = append(out.Columns, asFloats(rows.Column(p.weight)))
	}
	return out
}

// codes are the labels of rows as the model is given them.
func (p *Parts) codes(t value.Type, rows *value.Batch) *value.Column {
	label, codes := rows.Column(p.m.Label), value.NewColumn(t, rows.N)
	for i := range rows.N {
		x := p.code(label.At(i))
		if p.count > 0 {
			codes.Ints[i] = int64(x)
		} else {
			codes.Floats[i] = x
		}
	}
	return codes
}

// asFloats is a column as a model reads it: a string as it is, everything else as a number.
func asFloats(c *value.Column) *value.Column {
	if c.Type.Kind == value.KindString || c.Type.Kind == value.KindFloat {
		return c
	}
	in := []model.Input{{Type: value.Float}}
	var b model.Batch
	_ = b.Fill(&model.Info{Inputs: in}, []*value.Column{c}, c.N) // of no strings, which alone are refused
	return &value.Column{Type: value.Float, N: c.N, Nulls: c.Nulls, Floats: zeroNulls(b.Numbers, c)}
}

// zeroNulls takes out the NaN of cells that are null, which no float of ours is.
func zeroNulls(x []float64, c *value.Column) []float64 {
	if c.Nulls.Any() {
		for i := range x {
			if c.IsNull(i) {
				x[i] = 0
			}
		}
	}
	return x
}

// sampleRows is how many rows of a part the framework is asked, for comparison.
const sampleRows = 256

// sample writes some rows of the parts for training and for the test, evenly over their time, as they go into the model.
func (p *Parts) sample(ctx context.Context, f *fitted, folder string, formats []dataset.Format) (path string, err error) {
	schema := p.schema(f)[:len(f.columns)]
	path = partFile(folder, "sample")
	w, err := dataset.Create(formats, path, schema, dataset.Metadata{}, dataset.WriteOptions{Compression: "snappy"})
	if err != nil {
		return "", err
	}
	defer w.Abort()
	for _, part := range []*Part{&p.Train, &p.Test} {
		step, n := max(1, part.Rows/sampleRows), int64(-1)
		t, err := dataset.Open(ctx, formats, partFile(folder, part.Name), dataset.Options{})
		if err != nil {
			return "", err
		}
		for b, err := range scan(ctx, t, dataset.Scan{Columns: schema.Names()}) {
			if err != nil {
				return "", err
			}
			some := chosen(b, func(int) bool { n++; return n%step == 0 && n/step < sampleRows })
			if err := w.Write(some); err != nil {
				return "", err
			}
		}
	}
	return path, w.Close()
}
