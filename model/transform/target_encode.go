package transform

import (
	"errors"
	"fmt"
	"math"

	"github.com/bighead-ml/bighead/value"
)

var targetEncode = &Kind{
	Name: "target_encode",
	Doc: "The mean label of the training rows that have the value, drawn towards the mean of all: `(sum + smoothing * mean) / (count + smoothing)`. With `\"auto\"` it is drawn the more, the fewer rows there are and " +
		"the more their labels differ among themselves (empirical Bayes): `w * mean of the value + (1 - w) * mean`, `w = v * n / (v * n + d / n)`, v being the variance of all labels and d the sum of the squared distances " +
		"from the value's mean. A training row is encoded out of fold: by the rows of the other folds alone, so that its label is not in its features; which fold it is of, a hash of `seed` and its number says. " +
		"Equals scikit-learn's `TargetEncoder` to 1e-12 (its folds are others).",
	Names:  "As before.",
	Nulls:  "None is left: null is a value like others. A value that the training rows do not have is the mean. Rows whose label is null take no part in fitting.",
	Takes:  categories,
	Target: true,
	Params: []Param{
		{Name: "smoothing", Doc: "how many rows of the mean are added, or a word", Type: NumberOrText, Default: `"auto"`, Choices: []string{"auto"}},
		{Name: "folds", Doc: "into how many parts training rows are split", Type: Whole, Default: "5"},
		{Name: "seed", Doc: "of the split", Type: Whole, Default: "1"},
	},
	Examples: []Example{
		{In: []string{"c string: UA | UA | AA | null | AA", "late bool: true | false | false | true | true"}, Args: `{"smoothing": 1.0}`,
			Want: []string{"c float: 0.5333333333333333 | 0.5333333333333333 | 0.5333333333333333 | 0.8 | 0.5333333333333333"}, Remark: "as in serving"},
	},
	draft: targetDraft,
	op:    func() op { return new(targetTable) },
}

func targetDraft(b *binding) {
	folds := b.within("folds", 2, 100)
	smoothing, fixed := b.args["smoothing"].(float64)
	if fixed && smoothing < 0 {
		b.reportArg("smoothing", `write a number from 0 on, or "auto"`, "smoothing=%g of target_encode", smoothing)
		return
	}
	if !fixed {
		smoothing = math.NaN()
	}
	b.each(func(c bound) *draft {
		return &draft{out: []Column{c.as(value.Float)}, learn: func(*budget) learner {
			return &targetLearner{smoothing: smoothing, split: split{folds, b.whole("seed")},
				texts: map[string][]moments{}, ints: map[int64][]moments{}, nulls: make([]moments, folds), all: make([]moments, folds)}
		}}
	})
}

// split says which fold a training row is of.
type split struct{ folds, seed int64 }

// fold is that of a row, by the finisher of SplitMix64 (Steele, Lea and Flood, 2014) over both numbers.
func (s split) fold(row int64) int {
	return int(mixed(uint64(s.seed)*0x9e3779b97f4a7c15+mixed(uint64(row)+0x9e3779b97f4a7c15)) % uint64(s.folds))
}

func mixed(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// targetLearner keeps the labels' moments by value and fold.
type targetLearner struct {
	smoothing float64 // NaN: auto
	split     split
	texts     map[string][]moments
	ints      map[int64][]moments
	nulls     []moments
	all       []moments
}

func (l *targetLearner) add(s *sample) error {
	if k := s.target.Type.Kind; !s.target.Type.Numeric() && k != value.KindBool {
		return fmt.Errorf("it is fitted to labels of type bool, int or float, and the label is %s: take bh.count_encode, bh.ordinal or bh.one_hot", value.An(s.target.Type.String()))
	}
	in := s.in[0]
	for i := range s.n {
		y, ok := numeral(s.target, i)
		if !ok {
			continue
		}
		fold := l.split.fold(s.first + int64(i))
		l.all[fold].add(y)
		switch {
		case in.Nulls.Get(i):
			l.nulls[fold].add(y)
		case in.Type.Kind == value.KindString:
			byFold(l.texts, in.Strs[i], len(l.all))[fold].add(y)
		default:
			byFold(l.ints, discrete(in, i), len(l.all))[fold].add(y)
		}
	}
	if len(l.texts)+len(l.ints) > maxDistinct {
		return fmt.Errorf("it has more than %d different values: take hashing, or drop it", maxDistinct)
	}
	return nil
}

func byFold[K comparable](m map[K][]moments, key K, folds int) []moments {
	found := m[key]
	if found == nil {
		found = make([]moments, folds)
		m[key] = found
	}
	return found
}

func (l *targetLearner) finish() (op, []string, bool, error) {
	if len(l.texts)+len(l.ints) == 0 {
		return nil, nil, false, errEmpty
	}
	o := &targetTable{split: l.split, byFold: make([]targetValues, len(l.all))}
	t := newTally()
	for key := range l.texts {
		t.texts[key] = 1
	}
	for key := range l.ints {
		t.ints[key] = 1
	}
	o.categoryList, _ = t.list(1)
	rows := make([][]moments, 0, o.len())
	for _, key := range o.Texts {
		rows = append(rows, l.texts[key])
	}
	for _, key := range o.Ints {
		rows = append(rows, l.ints[key])
	}
	for left := range len(l.all) + 1 { // which fold is left out; the last time none
		all := others(l.all, left)
		if all.n == 0 {
			return nil, nil, false, fmt.Errorf("too few rows with a label for %d folds: lower folds=, or learn from more rows", len(l.all))
		}
		v, err := l.encode(&all, rows, left)
		if err != nil {
			return nil, nil, false, err
		}
		if left < len(l.all) {
			o.byFold[left] = v
		} else {
			o.targetValues = v
		}
	}
	return o, nil, false, nil
}

// encode makes the values of all rows but those of a fold.
func (l *targetLearner) encode(all *moments, rows [][]moments, left int) (v targetValues, err error) {
	if v.Mean, err = all.mean(); err != nil {
		return v, err
	}
	variance, err := all.variance()
	if err != nil {
		return v, err
	}
	v.Values = make([]float64, len(rows))
	for i, row := range rows {
		m := others(row, left)
		v.Values[i] = l.drawn(&m, v.Mean, variance)
	}
	m := others(l.nulls, left)
	v.Null = l.drawn(&m, v.Mean, variance)
	return v, nil
}

func others(row []moments, left int) (m moments) {
	for i := range row {
		if i != left {
			m.merge(row[i])
		}
	}
	return m
}

// drawn is the mean of m, drawn towards that of all.
func (l *targetLearner) drawn(m *moments, mean, variance float64) float64 {
	if m.n == 0 {
		return mean
	}
	n := float64(m.n)
	if !math.IsNaN(l.smoothing) {
		return (m.sum.float() + float64(l.smoothing*mean)) / (n + l.smoothing)
	}
	w := variance * n / (float64(variance*n) + m.deviations()/n)
	if math.IsNaN(w) { // all labels are the same
		return mean
	}
	own := m.sum.float() / n
	return float64(w*own) + float64((1-w)*mean)
}

// targetTable is a number by category. What the folds say is for training rows alone, and not written.
type targetTable struct {
	categoryList
	targetValues

	split  split
	byFold []targetValues
}

type targetValues struct {
	Values []float64 `json:"values"`
	Null   float64   `json:"null"`
	Mean   float64   `json:"mean"`
}

func (o *targetTable) outputs(in []value.Type) ([]output, error) {
	if len(o.Values) != o.len() {
		return nil, errors.New("its values are not those of its categories")
	}
	return outputsOf(value.Float, 1), o.index(in[0])
}

func (o *targetTable) apply(c *call) error {
	v := &o.targetValues
	for i := range c.n {
		if c.first >= 0 {
			v = &o.byFold[o.split.fold(c.first+int64(i))]
		}
		x := v.Mean
		if code := o.code(c.in[0], i); code >= 0 {
			x = v.Values[code]
		} else if code == nullCode {
			x = v.Null
		}
		c.out[0].put(i, x)
	}
	return nil
}
