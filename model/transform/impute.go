package transform

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/bighead-ml/bighead/value"
)

var impute = &Kind{
	Name: "impute",
	Doc: "Fills what is null: with the training rows' `mean`, `median` (of an even number the mean of the middle two), or `most_frequent` value (of several the " +
		"least), or with a `constant`. `mean` and `median` are of numbers and give floats. Equals scikit-learn's `SimpleImputer`.",
	Names: "As before; the indicator is `{column}_missing`, a bool.",
	Nulls: "None is left. A column without any value in the training rows is an error, but for `constant`.",
	Takes: []value.Kind{value.KindBool, value.KindInt, value.KindFloat, value.KindString, value.KindTimestamp, value.KindDate},
	Params: []Param{
		{Name: "strategy", Doc: "what is filled in", Type: Text, Choices: []string{"mean", "median", "constant", "most_frequent"}, Positional: true},
		{Name: "value", Doc: "the constant, of the columns' type", Type: Constant, Default: "None"},
		{Name: "indicator", Doc: "whether another column says where it was null", Type: Truth, Default: "False"},
	},
	Examples: []Example{
		{In: []string{"x int: 1 | null | 4"}, Args: `{"strategy": "mean"}`, Want: []string{"x float: 1.0 | 2.5 | 4.0"}},
		{In: []string{"x float: 1.0 | null | 9.0 | 4.0"}, Args: `{"strategy": "median", "indicator": true}`,
			Want: []string{"x float: 1.0 | 4.0 | 9.0 | 4.0", "x_missing bool: false | true | false | false"}},
		{In: []string{"s string: b | a | null"}, Args: `{"strategy": "most_frequent"}`, Want: []string{"s string: b | a | a"}, Remark: "a tie"},
		{In: []string{"s string: null | a"}, Args: `{"strategy": "constant", "value": "?"}`, Want: []string{"s string: ? | a"}},
	},
	draft: imputeDraft,
	op:    func() op { return new(filling) },
}

func imputeDraft(b *binding) {
	strategy := b.text("strategy")
	if b.has("value") != (strategy == "constant") {
		b.reportArg("value", "give value= with the strategy \"constant\", and with no other", "impute with %q and value=", strategy)
		return
	}
	b.each(func(c bound) *draft {
		t := c.Type
		if strategy == "mean" || strategy == "median" {
			if !t.Numeric() {
				b.report(c.asked, "strategy", `write "most_frequent" or "constant"`, "impute %q takes int or float, and %q is %s", strategy, c.Name, value.An(t.String()))
				return nil
			}
			t = value.Float
		}
		d := &draft{out: []Column{c.as(t)}}
		if b.truth("indicator") {
			d.out = append(d.out, Column{Name: c.Name + "_missing", Type: value.Bool})
		}
		fill := func(v value.Value) (op, error) { //nolint:unparam // as learners ask for it
			return &filling{With: value.AppendJSON(nil, v), Type: t, Indicator: b.truth("indicator")}, nil
		}
		switch strategy {
		case "mean":
			d.learn = learnMoments(func(m *moments) (op, error) {
				mean, err := m.mean()
				if err != nil {
					return nil, err
				}
				return fill(value.OfFloat(mean))
			})
		case "median":
			d.learn = learnNumbers(func(sorted []float64) (op, error) { return fill(value.OfFloat(median(sorted))) })
		case "most_frequent":
			d.learn = func(*budget) learner { return &modeLearner{counts: map[value.Value]int64{}, fill: fill} }
		case "constant":
			v, ok := b.constantOf("value", c)
			if !ok {
				return nil
			}
			d.op, _ = fill(v)
		}
		return d
	})
}

// modeLearner finds the value that came most often, of several the least.
type modeLearner struct {
	counts map[value.Value]int64
	fill   func(value.Value) (op, error)
}

func (l *modeLearner) add(s *sample) error {
	for i := range s.n {
		if v := s.in[0].At(i); !v.IsNull() {
			l.counts[v]++
		}
	}
	if len(l.counts) > maxDistinct {
		return fmt.Errorf("it has more than %d different values, of which none is frequent: take strategy=\"constant\", or drop it", maxDistinct)
	}
	return nil
}

func (l *modeLearner) finish() (op, []string, bool, error) {
	var best value.Value
	for v, n := range l.counts {
		if most := l.counts[best]; best.IsNull() || n > most || n == most && value.Compare(v, best) < 0 {
			best = v
		}
	}
	if best.IsNull() {
		return nil, nil, false, errEmpty
	}
	o, err := l.fill(best)
	return o, nil, false, err
}

// filling puts a value where there is none.
type filling struct {
	With      json.RawMessage `json:"with"`
	Type      value.Type      `json:"type"`
	Indicator bool            `json:"indicator,omitempty"`

	with value.Value
}

func (o *filling) outputs(in []value.Type) ([]output, error) {
	if !o.Type.Equal(in[0]) && !(o.Type.Kind == value.KindFloat && in[0].Kind == value.KindInt) {
		return nil, errors.New("it fills in another type than the column's")
	}
	x, err := decodeAny(o.With)
	if err != nil {
		return nil, err
	}
	if o.with, err = value.FromJSON(o.Type, x); err != nil {
		return nil, err
	}
	if o.with.IsNull() {
		return nil, errors.New("it fills in null")
	}
	out := outputsOf(o.Type, 1)
	if o.Indicator {
		out = append(out, output{Type: value.Bool})
	}
	return out, nil
}

func (o *filling) apply(c *call) error {
	in, out := c.in[0], c.out[0]
	toFloat := o.Type.Kind == value.KindFloat
	for i := range c.n {
		missing := in.Nulls.Get(i)
		if !missing && toFloat {
			var ok bool
			out.Floats[i], ok = numeral(in, i)
			missing = !ok
		} else if !missing {
			out.copyCell(in, i)
		}
		if missing {
			out.set(i, o.with)
		}
		if o.Indicator {
			c.out[1].Bools[i] = missing
		}
	}
	return nil
}
