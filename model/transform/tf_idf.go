package transform

import (
	"errors"
	"math"

	"github.com/bighead-ml/bighead/value"
)

var tfIDF = &Kind{
	Name: "tf_idf",
	Doc: "How often each word comes in a text, times `ln((1 + rows) / (1 + rows with it)) + 1` of the training rows, the whole divided by its Euclidean length. " + tokensDoc +
		" Equals scikit-learn's `TfidfVectorizer` elsewhere, to the bit where it is given the same weights.",
	Names:  "`{column}_{word}`, by code point.",
	Nulls:  "A null has no word: all are 0.",
	Takes:  []value.Kind{value.KindString},
	Texts:  true,
	Params: wordParams,
	Examples: []Example{
		{In: []string{"s string: late late | on time | null"}, Args: `{"max_features": 1}`, Want: []string{"s_late float: 1.0 | 0.0 | 0.0"}},
	},
	draft: func(b *binding) {
		b.draftWords(value.Float, func(words []string, found func(string) *word, rows int64) op {
			o := &wordWeights{vocabulary: newVocabulary(words)}
			for _, w := range words {
				o.Weights = append(o.Weights, math.Log(float64(1+rows)/float64(1+found(w).rows))+1)
			}
			return o
		})
	},
	op: func() op { return new(wordWeights) },
}

// wordWeights is a weighted count by word, of length 1.
type wordWeights struct {
	vocabulary
	Weights []float64 `json:"weights"`
}

func (o *wordWeights) outputs([]value.Type) ([]output, error) {
	if len(o.Weights) != len(o.Words) {
		return nil, errors.New("its weights are not those of its words")
	}
	if err := o.index(); err != nil {
		return nil, err
	}
	return outputsOf(value.Float, len(o.Words)), nil
}

func (o *wordWeights) apply(c *call) error {
	for i := range c.n {
		c.scratch = tokens(c.in[0], i, c.scratch, o.FinalSigma, func(token []byte) {
			if at, ok := o.at[string(token)]; ok {
				c.out[at].Floats[i]++
			}
		})
		var squares float64
		for j, out := range c.out {
			if out.Floats[i] != 0 {
				out.Floats[i] *= o.Weights[j]
				squares += float64(out.Floats[i] * out.Floats[i])
			}
		}
		length := orOne(math.Sqrt(squares))
		for _, out := range c.out {
			out.put(i, out.Floats[i]/length)
		}
	}
	return nil
}
