package train

import (
	"context"
	"fmt"
	"slices"

	"github.com/bighead-ml/bighead/model"
)

// popular is what the rows for training say as a whole, each counting alike (model.Manifest.Popular); nil where that is no answer: a score of a
// ranking means something by its order alone, and without a label nothing is said. Values are kept until all are there, for a median is wanted whole.
func (p *Parts) popular(ctx context.Context) ([]float64, error) {
	if !p.labelled() || p.m.Task == model.Ranking {
		return nil, nil
	}
	shares, values := make([]float64, p.count), []float64(nil)
	for b, err := range p.labelledOf(ctx, &p.Train, p.more) {
		if err != nil {
			return nil, fmt.Errorf("read the labels of the rows for training once more, for how they lie: %w", err)
		}
		label := b.Columns[0]
		for i := range b.N {
			if x := p.code(label.At(i)); p.count > 0 {
				shares[int(x)]++
			} else {
				values = append(values, x)
			}
		}
	}
	if p.count == 0 {
		slices.Sort(values)
		return values[(len(values)-1)/2 : (len(values)-1)/2+1], nil
	}
	for i := range shares {
		shares[i] /= float64(p.Train.Rows)
	}
	if p.m.Task == model.Binary {
		return shares[1:], nil
	}
	return shares, nil
}
