package train

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/transform"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// Part is the rows of a training set whose at lies in [From, To).
type Part struct {
	Name string `json:"name"` // "train", "valid", "test"
	From int64  `json:"from"` // of the first row's at, ms, not of the bound
	To   int64  `json:"to"`   // behind the last row's
	Rows int64  `json:"rows"`

	low, high int64 // the bounds
}

// Parts are a training set's rows, parted by time.
type Parts struct {
	Train, Valid, Test Part
	Beyond             int64 `json:"beyond"`     // rows at or after the end, left out
	Unlabelled         int64 `json:"unlabelled"` // rows without the label, left out

	rows    dataset.Table
	columns []string // of a scan for the pipeline: those of its input that it makes something of, label, weight, at
	more    []string // of these: label, weight, at
	weight  string
	m       *feature.Model
	classes []value.Value // the label's values by class; nil where the task has none, or they are the numbers 0, 1, …
	count   int           // of classes
}

// split counts the rows of each part. A part without rows is the user's mistake, which says which times there are.
func split(ctx context.Context, m *feature.Model, rows dataset.Table, weight string) (*Parts, error) {
	end := int64(math.MaxInt64)
	if m.Split.End != nil {
		end = *m.Split.End
	}
	p := &Parts{m: m, rows: rows, weight: weight}
	p.Train = Part{Name: "train", low: math.MinInt64, high: m.Split.Valid}
	p.Valid = Part{Name: "valid", low: m.Split.Valid, high: m.Split.Test}
	p.Test = Part{Name: "test", low: m.Split.Test, high: end}
	counted := []string{plan.AtColumn}
	if p.labelled() {
		p.more, counted = append(p.more, m.Label), []string{m.Label, plan.AtColumn}
	}
	if weight != "" {
		p.more = append(p.more, weight)
	}
	p.more = append(p.more, plan.AtColumn)
	p.columns = append(transform.Reads(m.TrainingSet.ModelSchema(), m.Steps), p.more...)
	labels := newLabels(m)
	first, last := int64(math.MaxInt64), int64(math.MinInt64)
	for b, err := range p.scan(ctx, counted, math.MinInt64, math.MaxInt64) {
		if err != nil {
			return nil, err
		}
		for i := range b.N {
			at := b.Columns[len(counted)-1].Ints[i]
			first, last = min(first, at), max(last, at)
			switch part := p.of(at); {
			case p.labelled() && b.Columns[0].IsNull(i):
				p.Unlabelled++
			case part == nil:
				p.Beyond++
			default:
				part.see(at)
				if p.labelled() {
					labels.see(b.Columns[0], i, part.Name)
				}
			}
		}
	}
	for _, part := range p.each() {
		if part.Rows == 0 && !(m.Split.Whole() && part != &p.Train) {
			return nil, part.empty(p, first, last)
		}
	}
	return p, labels.settle(p)
}

// labelled reports whether the rows have a label; those of a model elsewhere need none.
func (p *Parts) labelled() bool { return p.m.Label != "" }

func (p *Parts) each() []*Part { return []*Part{&p.Train, &p.Valid, &p.Test} }

func (p *Parts) of(at int64) *Part {
	for _, part := range p.each() {
		if at >= part.low && at < part.high {
			return part
		}
	}
	return nil
}

func (p *Part) see(at int64) {
	if p.Rows == 0 {
		p.From, p.To = at, at+1
	}
	p.From, p.To, p.Rows = min(p.From, at), max(p.To, at+1), p.Rows+1
}

// empty is the mistake of a part without rows.
func (p *Part) empty(all *Parts, first, last int64) error {
	bounds := "before " + value.FormatTimestamp(p.high)
	switch {
	case p.low > math.MinInt64 && p.high < math.MaxInt64:
		bounds = "from " + value.FormatTimestamp(p.low) + " to " + value.FormatTimestamp(p.high)
	case p.low > math.MinInt64:
		bounds = "from " + value.FormatTimestamp(p.low) + " on"
	}
	there := "the training set has no rows"
	if first <= last {
		there = "the training set's rows are of " + value.FormatTimestamp(first) + " to " + value.FormatTimestamp(last)
	}
	if all.Unlabelled > 0 {
		there += fmt.Sprintf(", %d of them without a label", all.Unlabelled)
	}
	if all.m.Split.Whole() {
		return mistakef("model %s: no row of training set %s: nothing could be asked of it; %s", all.m.Name, all.m.TrainingSet.Name, there)
	}
	return mistakef("split of model %s: no row for %s, which is %s; %s", all.m.Name, p.Name, bounds, there)
}

// scan reads columns of the rows whose at, the last of them, lies in [low, high), batch after batch.
func (p *Parts) scan(ctx context.Context, columns []string, low, high int64) iter.Seq2[*value.Batch, error] {
	s := dataset.Scan{Columns: columns}
	if low > math.MinInt64 || high < math.MaxInt64 {
		s.Ranges = []dataset.Range{{Column: plan.AtColumn, Min: bound(low, math.MinInt64), Max: bound(high, math.MaxInt64)}}
	}
	return func(yield func(*value.Batch, error) bool) {
		for b, err := range scan(ctx, p.rows, s) {
			if err == nil {
				b = within(b, low, high)
			}
			if (err != nil || b.N > 0) && !yield(b, err) {
				return
			}
		}
	}
}

// scan is the batches of a table. An error ends it.
func scan(ctx context.Context, t dataset.Table, s dataset.Scan) iter.Seq2[*value.Batch, error] {
	return func(yield func(*value.Batch, error) bool) {
		r, err := t.Scan(ctx, s)
		if err != nil {
			yield(nil, err)
			return
		}
		defer r.Close()
		for {
			b, err := r.Next()
			if errors.Is(err, io.EOF) || !yield(b, err) || err != nil {
				return
			}
		}
	}
}

func bound(at, none int64) value.Value {
	if at == none {
		return value.Value{}
	}
	return value.OfTimestamp(at)
}

// within are the rows of a batch whose last column lies in [low, high).
func within(b *value.Batch, low, high int64) *value.Batch {
	at := b.Columns[len(b.Columns)-1]
	return chosen(b, func(i int) bool { return !at.IsNull(i) && at.Ints[i] >= low && at.Ints[i] < high })
}

func chosen(b *value.Batch, want func(row int) bool) *value.Batch {
	rows := make([]int32, 0, b.N)
	for i := range b.N {
		if want(i) {
			rows = append(rows, int32(i))
		}
	}
	if len(rows) == b.N {
		return b
	}
	out := &value.Batch{Schema: b.Schema, N: len(rows), Columns: make([]*value.Column, len(b.Columns))}
	for i, c := range b.Columns {
		out.Columns[i] = c.Take(rows)
	}
	return out
}

// of a part, its labelled rows as the pipeline takes them: the columns of its input, those that it makes nothing of null, and behind them label,
// weight and at. Where there is no label, all of its rows.
func (p *Parts) rowsOf(ctx context.Context, part *Part) transform.Rows {
	input := p.m.TrainingSet.ModelSchema()
	return func() iter.Seq2[*value.Batch, error] {
		return func(yield func(*value.Batch, error) bool) {
			for b, err := range p.labelledOf(ctx, part, p.columns) {
				if err == nil {
					b = p.widened(b, input)
				}
				if !yield(b, err) {
					return
				}
			}
		}
	}
}

// widened is a batch with all columns of the pipeline's input.
func (p *Parts) widened(b *value.Batch, input value.Schema) *value.Batch {
	read := len(b.Columns) - len(p.more)
	if read == len(input) {
		return b
	}
	out := &value.Batch{N: b.N, Schema: slices.Concat(input, b.Schema[read:]), Columns: make([]*value.Column, 0, len(input)+len(p.more))}
	for _, f := range input {
		if i := slices.Index(p.columns[:read], f.Name); i >= 0 {
			out.Columns = append(out.Columns, b.Columns[i])
		} else {
			out.Columns = append(out.Columns, nulls(f.Type, b.N))
		}
	}
	out.Columns = append(out.Columns, b.Columns[read:]...)
	return out
}

// nulls are cells that nobody asks for.
func nulls(t value.Type, n int) *value.Column {
	c := value.NewColumn(t, n)
	if c.Nulls == nil {
		c.Nulls = value.NewBitmap(n)
	}
	for i := range n {
		c.Nulls.Set(i)
	}
	return c
}

// labelledOf reads columns of the rows of a part that have a label; where there is none, of all of its rows. The columns have those of p.more at their end.
func (p *Parts) labelledOf(ctx context.Context, part *Part, columns []string) iter.Seq2[*value.Batch, error] {
	return func(yield func(*value.Batch, error) bool) {
		for b, err := range p.scan(ctx, columns, part.low, part.high) {
			if err == nil && p.labelled() {
				label := b.Columns[len(columns)-len(p.more)]
				b = chosen(b, func(i int) bool { return !label.IsNull(i) })
			}
			if (err != nil || b.N > 0) && !yield(b, err) {
				return
			}
		}
	}
}

// labels learns which classes a label has.
type labels struct {
	m    *feature.Model
	seen map[value.Value]string // the first part that has it
}

// maxClasses is how many classes a model may tell apart.
const maxClasses = 10_000

func newLabels(m *feature.Model) *labels {
	l := &labels{m: m}
	if m.Label != "" && (m.Task == model.Binary || m.Task == model.Multiclass) {
		l.seen = map[value.Value]string{}
	}
	return l
}

func (l *labels) see(c *value.Column, i int, part string) {
	if l.seen == nil || len(l.seen) > maxClasses {
		return
	}
	v := c.At(i)
	if c.Type.Kind == value.KindString {
		v = value.OfString(strings.Clone(v.Str())) // a cell may be a view of a whole page
	}
	if was, ok := l.seen[v]; !ok || was != "train" && part == "train" {
		l.seen[v] = part
	}
}

// settle numbers the classes: in the order of their values, those of numbers 0, 1, … as they are.
func (l *labels) settle(p *Parts) error {
	if l.seen == nil {
		return nil
	}
	for v, part := range l.seen {
		if part != "train" {
			return mistakef("model %s: label %s is %s in rows for %s and in none for training, so no model can know it; move split= or leave those rows out", l.m.Name, l.m.Label, v, part)
		}
	}
	classes := make([]value.Value, 0, len(l.seen))
	for v := range l.seen {
		classes = append(classes, v)
	}
	slices.SortFunc(classes, value.Compare)
	p.count = len(classes)
	switch {
	case p.count < 2:
		return mistakef("model %s: label %s is %s in all rows for training: there is nothing to tell apart", l.m.Name, l.m.Label, classes[0])
	case l.m.Task == model.Binary && p.count > 2:
		return mistakef("model %s: label %s has %d values, and task \"binary\" is for two: write task=\"multiclass\"", l.m.Name, l.m.Label, p.count)
	case p.count > maxClasses:
		return mistakef("model %s: label %s has more than %d values: is it a class at all?", l.m.Name, l.m.Label, maxClasses)
	}
	for i, v := range classes {
		if v.Kind() != value.KindInt || v.Int() != int64(i) {
			p.classes = classes
		}
	}
	return nil
}

// code is the label as the model is given it: the class's number, or the value itself.
func (p *Parts) code(v value.Value) float64 {
	if p.classes == nil {
		return v.Number()
	}
	i, _ := slices.BinarySearchFunc(p.classes, v, value.Compare)
	return float64(i)
}

// Classes are the label's values by class, as text; nil where there are none, or they are the numbers 0, 1, ….
func (p *Parts) Classes() []string {
	var out []string
	for _, v := range p.classes {
		switch v.Kind() {
		case value.KindString:
			out = append(out, v.Str())
		case value.KindBool:
			out = append(out, strconv.FormatBool(v.Bool()))
		default:
			out = append(out, v.String())
		}
	}
	return out
}
