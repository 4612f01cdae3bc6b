package train

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/drift"
)

// What a reference is made of, at most: so many rows, and so many cells in memory.
const (
	referenceRows  = 20_000
	referenceCells = 16 << 20
)

// reference is what drift of a version is measured against: the columns that it reads in the rows that it learned from, evenly over their time, and its
// scores in those of the test.
func (t *training) reference(ctx context.Context) (json.RawMessage, error) {
	schema := t.manifest.Schema()
	r := &drift.Reference{Version: drift.Version, Scores: scoresOf(t.manifest, t.test)}
	values, why := make([]*drift.Values, len(schema)), make([]string, len(schema))
	for i, f := range schema {
		var k drift.Kind
		k, why[i] = drift.KindOf(f.Type)
		values[i] = drift.NewValues(k)
	}
	most := min(int64(referenceRows), max(1, int64(referenceCells/len(schema))))
	step, n := max(1, (t.parts.Train.Rows+most-1)/most), int64(-1)
	for b, err := range t.parts.labelledOf(ctx, &t.parts.Train, append(schema.Names(), t.parts.more...)) {
		if err != nil {
			return nil, fmt.Errorf("read the rows for training once more, for what they look like: %w", err)
		}
		for row := range b.N {
			if n++; n%step != 0 {
				continue
			}
			for i := range schema {
				values[i].Add(b.Columns[i].At(row))
			}
		}
	}
	for i, f := range schema {
		r.Columns = append(r.Columns, values[i].Distribution(f.Name, why[i]))
	}
	return json.Marshal(r)
}

// scoresOf is how a version's answers to the rows of the test lie.
func scoresOf(m *model.Manifest, test model.Truth) []*drift.Distribution {
	s := drift.NewScores(test.Width, m.Classes)
	for i := 0; i < len(test.Answers); i += test.Width {
		s.Add(test.Answers[i : i+test.Width])
	}
	return s.Distributions()
}
