package audit

import (
	"cmp"
	"context"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/google/uuid"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// LabelSource is a label source of an endpoint's definition, with its rows.
type LabelSource struct {
	*feature.LabelSource
	Rows dataset.Table
	// Compute runs a plan over rows that are handed in, where the truth is what the model learned, of history.
	Compute func(ctx context.Context, p *plan.Batch, rows dataset.Table, out func(*value.Batch) error) (*engine.Report, error)
}

// JoinedLabels says what became of the rows of a label source, each of which is counted once, and of the predictions, each once too.
type JoinedLabels struct {
	Name string `json:"name"`
	// Computed says that labels are computed of history as the training set's are: then there are no rows.
	Computed bool  `json:"computed"`
	Rows     int64 `json:"rows"`
	// Matched rows were known after a prediction of theirs; which of several is its truth the definition says.
	Matched    int64 `json:"rows_matched"`
	Unmatched  int64 `json:"rows_unmatched"`   // of no prediction of the endpoint's in the time
	Early      int64 `json:"rows_early"`       // known before all predictions of theirs
	NotKnown   int64 `json:"rows_not_known"`   // without a value, or a time at which it was known
	WithoutKey int64 `json:"rows_without_key"` // of which a column is null by which they would find predictions

	Labelled  int64 `json:"predictions_matched"`
	Waiting   int64 `json:"predictions_unmatched"`
	NotOver   int64 `json:"predictions_not_over"`  // of those without one: their label's span passes the end of history
	Ambiguous int64 `json:"predictions_ambiguous"` // of several rows, and nothing says which
	// Keyless are predictions in which a key is null, or whose view had not all of them then; those of before keys were recorded with predictions whose vectors the record
	// does not have (any more); and those that asked before the clock of the events had a time.
	Keyless int64 `json:"predictions_without_key"`
}

// truthReader reads the rows of a label source.
type truthReader struct {
	*LabelSource
	columns  []string
	programs []*expr.Program // where, where of the source, value, at, then what rows find predictions by; nil: none
}

func (s *LabelSource) reader() *truthReader {
	r := &truthReader{LabelSource: s}
	for _, e := range r.expressions() {
		if e != nil {
			r.columns = append(r.columns, e.Columns()...)
		}
	}
	slices.Sort(r.columns)
	r.columns = slices.Compact(r.columns)
	return r
}

func (r *truthReader) expressions() []*expr.Expr {
	out := []*expr.Expr{r.Where, nil, r.Value, r.At}
	if r.Source != nil {
		out[1] = r.Source.Where // rows that it does not hold are none of the source's
	}
	if r.ID != nil {
		return append(out, r.ID)
	}
	for _, c := range r.On {
		out = append(out, c.Expr)
	}
	return out
}

// each hands on every row of the source whose truth and its time are known and that says of what it is the truth; counts takes in all.
func (r *truthReader) each(ctx context.Context, counts *JoinedLabels, do func(truth, at *value.Column, by []*value.Column, i int) error) error {
	err := eachBatch(ctx, r.Rows, dataset.Scan{Columns: r.columns}, func(b *value.Batch) error {
		if r.programs == nil {
			for _, e := range r.expressions() {
				var p *expr.Program
				if e != nil {
					p = e.Vectorise(b.Schema)
				}
				r.programs = append(r.programs, p)
			}
		}
		cells := make([]*value.Column, len(r.programs))
		for k, p := range r.programs {
			if p != nil {
				cells[k] = p.Eval(b, nil)
			}
		}
		truth, at, by := cells[2], cells[3], cells[4:]
		for i := range b.N {
			if !holds(cells[0], i) || !holds(cells[1], i) {
				continue
			}
			counts.Rows++
			switch {
			case truth.IsNull(i), at.IsNull(i):
				counts.NotKnown++
			case slices.ContainsFunc(by, func(c *value.Column) bool { return c.IsNull(i) }):
				counts.WithoutKey++
			default:
				if err := do(truth, at, by, i); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("%s: labels of %s: %w", r.Pos, r.Name(), err)
	}
	return nil
}

func holds(c *value.Column, i int) bool { return c == nil || !c.IsNull(i) && c.Bools[i] }

// found is the truth of a prediction, as a label source has it.
type found struct {
	id   uuid.UUID
	at   int64
	text string
}

// truth is what was known at a time; several: of two things at once.
type truth struct {
	at             int64
	text           string
	known, several bool
}

// truths are the rows of a span of time: those known first, and last.
type truths struct{ first, last truth }

func (t *truths) add(at int64, text string) {
	x := truth{at: at, text: text, known: true}
	t.merge(&truths{x, x})
}

// merge takes in the rows of another span. The order does not matter, and rows that are alike are one.
func (t *truths) merge(o *truths) {
	t.first = decided(t.first, o.first, o.first.at < t.first.at)
	t.last = decided(t.last, o.last, o.last.at > t.last.at)
}

func decided(a, b truth, second bool) truth {
	switch {
	case !b.known:
		return a
	case !a.known, second:
		return b
	case a.at == b.at:
		a.several = a.several || b.several || a.text != b.text
	}
	return a
}

// taken is the truth by the rule of the definition; false: there is none, or more than one (ambiguous).
func (t *truths) taken(rule feature.Take) (x truth, ok, ambiguous bool) {
	x = t.first
	if rule == feature.TakeLast {
		x = t.last
	}
	ambiguous = x.several || rule == feature.TakeOnly && t.first.at != t.last.at
	return x, x.known && !ambiguous, x.known && ambiguous
}

// waiting is a prediction that has no truth yet, and the rows that were known from its time on, until the next prediction of its keys.
type waiting struct {
	id   uuid.UUID
	at   int64 // as of when it was asked
	rows truths
}

// sourceJoin joins the rows of a label source with predictions by their keys. It goes in parts, by a hash of the keys, each of which reads predictions and rows again,
// so that memory grows with what has found its truth alone, and with the predictions of one key.
type sourceJoin struct {
	*evaluating
	reader      *truthReader
	on          value.Schema // what rows find predictions by
	seed        maphash.Seed
	parts, part uint64
	keys        map[uuid.UUID]string // of what was made of a vector, this endpoint's predictions among them, where those do not have them themselves
	waiting     map[string][]waiting
	held        int // keys and predictions that wait
	room        int // for them, before there are to be more parts
	key         []byte
}

// joinSource finds the truth that a label source has of the predictions by their keys; rows that name predictions are read with the other labels.
func (x *evaluating) joinSource(ctx context.Context, files []*logFile) error {
	if x.From == nil {
		return nil
	}
	x.out.Source = &JoinedLabels{Name: x.From.Name(), Computed: x.From.Trained != nil}
	switch {
	case x.From.Trained != nil:
		return x.compute(ctx, files)
	case x.From.ID != nil:
		return nil
	}
	j := &sourceJoin{evaluating: x, reader: x.From.reader(), seed: maphash.MakeSeed(), parts: 1, room: labelsAtOnce}
	for _, c := range x.From.On {
		j.on = append(j.on, value.Field{Name: c.Name, Type: c.Expr.Type()})
	}
	asked := askedOf(files, j.on)
	for ; j.part < j.parts; j.part++ {
		if err := j.readPredictions(ctx, asked); err != nil {
			return err
		}
		if err := j.readRows(ctx); err != nil {
			return err
		}
		if err := j.settle(); err != nil {
			return err
		}
	}
	s := x.out.Source
	s.Keyless = x.out.Predictions - s.Labelled - s.Waiting - s.Ambiguous
	return nil
}

// keyOf is the key of a row; false: it is of another part, or null.
func (j *sourceJoin) keyOf(by []*value.Column, i int) bool {
	j.key = j.key[:0]
	for _, c := range by {
		if c.IsNull(i) {
			return false
		}
		j.key = value.Append(j.key, c.At(i))
	}
	return maphash.Bytes(j.seed, j.key)%j.parts == j.part
}

// hold counts a key or prediction more, and makes twice as many parts where the first has more than there is room for: then what is of the others is let go.
// Predictions of one key stay together, however many they are, so that afterwards there is room for twice what is left.
func (j *sourceJoin) hold() {
	if j.held++; j.part > 0 || j.held <= j.room {
		return
	}
	j.parts *= 2
	others := func(key string) bool { return maphash.String(j.seed, key)%j.parts != 0 }
	maps.DeleteFunc(j.keys, func(_ uuid.UUID, key string) bool { return others(key) })
	maps.DeleteFunc(j.waiting, func(key string, _ []waiting) bool { return others(key) })
	j.held = len(j.keys)
	for _, all := range j.waiting {
		j.held += len(all)
	}
	j.room = max(labelsAtOnce, 2*j.held)
}

// readPredictions finds the predictions of the part, and as of when they asked.
func (j *sourceJoin) readPredictions(ctx context.Context, files *askedFiles) error {
	j.keys, j.waiting, j.held = map[uuid.UUID]string{}, map[string][]waiting{}, 0
	if err := j.eachVector(ctx, files, j.on, func(id uuid.UUID, by []*value.Column, i int) error {
		if j.keyOf(by, i) {
			before := len(j.keys)
			if j.keys[id] = string(j.key); len(j.keys) > before {
				j.hold()
			}
		}
		return nil
	}); err != nil {
		return err
	}
	wait := func(key string, w waiting) {
		if w.at > value.MinTimestamp { // else the events had no time yet by which it could ask
			j.waiting[key] = append(j.waiting[key], w)
			j.hold()
		}
	}
	err := j.eachAsked(ctx, files, j.on, func(id uuid.UUID, at int64, by []*value.Column, i int) error {
		if by != nil {
			if j.keyOf(by, i) {
				wait(string(j.key), waiting{id: id, at: at})
			}
		} else if key, ok := j.keys[id]; ok {
			delete(j.keys, id)
			j.held--
			wait(key, waiting{id: id, at: at})
		}
		return nil
	})
	for _, all := range j.waiting {
		slices.SortFunc(all, func(a, b waiting) int { return cmp.Compare(a.at, b.at) })
	}
	j.keys = nil
	return err
}

// readRows hands each row of the part to the last prediction of its keys that was made before it was known: those before have it too, by settle.
func (j *sourceJoin) readRows(ctx context.Context) error {
	texts := map[string]string{} // each once: of most models there are few
	counts := &JoinedLabels{}
	if j.part == 0 {
		counts = j.out.Source
	}
	return j.reader.each(ctx, counts, func(is, at *value.Column, by []*value.Column, i int) error {
		if !j.keyOf(by, i) {
			return nil
		}
		all, when := j.waiting[string(j.key)], at.Ints[i]
		n := sort.Search(len(all), func(k int) bool { return all[k].at > when })
		switch {
		case len(all) == 0:
			j.out.Source.Unmatched++
		case n == 0:
			j.out.Source.Early++
		default:
			j.out.Source.Matched++
			all[n-1].rows.add(when, interned(texts, labelText(is.At(i), true)))
		}
		return nil
	})
}

// interned is a text that is kept, equal ones once.
func interned(texts map[string]string, text string) string {
	kept, ok := texts[text]
	if !ok {
		kept = strings.Clone(text)
		texts[kept] = kept
	}
	return kept
}

// settle decides what is true of each prediction of the part.
func (j *sourceJoin) settle() error {
	s := j.out.Source
	for _, all := range j.waiting {
		var later truths
		for _, w := range slices.Backward(all) {
			later.merge(&w.rows)
			x, ok, ambiguous := later.taken(j.From.Take)
			switch {
			case ok:
				s.Labelled++
				j.found = append(j.found, found{w.id, x.at, x.text})
			case ambiguous:
				s.Ambiguous++
			default:
				s.Waiting++
			}
		}
		if err := j.fewEnough(); err != nil {
			return err
		}
	}
	j.waiting = nil
	return nil
}

// fewEnough refuses more labels than the metrics take, each of which needs two numbers at least.
func (x *evaluating) fewEnough() error {
	if len(x.found) > mostNumbers/2 {
		return tooMany(mostNumbers / 2)
	}
	return nil
}

func tooMany[N int | int64](most N) error {
	return fmt.Errorf("more than %d predictions of the time have a label, which are more than are evaluated at once: ask for a shorter time (--from, --to)", most)
}

// readFrom takes in the labels of a label source: what was found by keys, or rows that name their predictions.
func (x *evaluating) readFrom(ctx context.Context, texts map[string]string) error {
	for _, f := range x.found {
		x.label(f.id, f.at, texts, func() string { return f.text })
		if x.part == 0 && len(x.labels) > labelsAtOnce {
			return errManyLabels
		}
	}
	if x.From == nil || x.From.ID == nil {
		return nil
	}
	counts := &JoinedLabels{}
	if x.part == 0 {
		*x.out.Source = JoinedLabels{Name: x.out.Source.Name} // it may have been begun in fewer parts
		counts = x.out.Source
	}
	return x.From.reader().each(ctx, counts, func(is, at *value.Column, by []*value.Column, i int) error {
		id, err := uuid.Parse(by[0].Strs[i])
		if err != nil || !x.mayBe(id) {
			counts.Unmatched++
			return nil
		}
		if l := x.label(id, at.Ints[i], texts, func() string { return labelText(is.At(i), true) }); l != nil {
			l.rows++
		}
		if x.part == 0 && len(x.labels) > labelsAtOnce {
			return errManyLabels
		}
		return nil
	})
}
