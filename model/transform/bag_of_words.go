package transform

import "github.com/bighead-ml/bighead/value"

var bagOfWords = &Kind{
	Name:   "bag_of_words",
	Doc:    "How often each word comes in a text. " + tokensDoc + " Equals scikit-learn's `CountVectorizer` elsewhere.",
	Names:  "`{column}_{word}`, by code point.",
	Nulls:  "A null has no word: all are 0.",
	Takes:  []value.Kind{value.KindString},
	Texts:  true,
	Params: wordParams,
	Examples: []Example{
		{In: []string{"s string: Late, late arrival | no delay | null"}, Args: `{"max_features": 2}`, Want: []string{"s_arrival int: 1 | 0 | 0", "s_late int: 2 | 0 | 0"}},
		{In: []string{`s list<string>: ["b","a","b"] | []`}, Want: []string{"s_a int: 1 | 0", "s_b int: 2 | 0"}},
	},
	draft: func(b *binding) {
		b.draftWords(value.Int, func(words []string, _ func(string) *word, _ int64) op { return &wordCounts{newVocabulary(words)} })
	},
	op: func() op { return new(wordCounts) },
}

// wordCounts is a count by word.
type wordCounts struct{ vocabulary }

func (o *wordCounts) outputs([]value.Type) ([]output, error) {
	if err := o.index(); err != nil {
		return nil, err
	}
	return outputsOf(value.Int, len(o.Words)), nil
}

func (o *wordCounts) apply(c *call) error {
	for i := range c.n {
		c.scratch = tokens(c.in[0], i, c.scratch, o.FinalSigma, func(token []byte) {
			if at, ok := o.at[string(token)]; ok {
				c.out[at].Ints[i]++
			}
		})
	}
	return nil
}
