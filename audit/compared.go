package audit

import (
	"cmp"
	"context"
	"encoding/binary"
	"math"
	"slices"

	"github.com/google/uuid"

	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/drift"
	"github.com/bighead-ml/bighead/value"
)

// comparedRows is how many rows of a version are compared with training, at most. They are drawn by their ids, which are random.
const comparedRows = 20_000

// drawn reports whether a prediction is among the share that is compared.
func drawn(id uuid.UUID, share float64) bool {
	return share >= 1 || float64(binary.BigEndian.Uint64(id[8:])<<2)/math.MaxUint64 < share
}

// compare sets what was served against the training.
func (v *evaluated) compare() {
	if v.known == nil {
		return
	}
	together := len(v.known.Columns) + len(v.known.Scores)
	v.Scores = worstFirst(v.scores.Compare(v.known.Scores, together))
	if v.Vectors == 0 {
		v.NoDrift = "none of its vectors is in the log of what was served, whose files go after [audit] keep: its features are not compared"
		return
	}
	for i, d := range v.known.Columns {
		c := d.Compare(v.columns[i], together)
		if v.foreign[i] != "" {
			c = &drift.Comparison{Column: d.Name, Kind: d.Kind, Verdict: drift.NotMeasured, Why: v.foreign[i], ReferenceMissing: c.ReferenceMissing}
		}
		v.Features = append(v.Features, c)
	}
	v.Features = worstFirst(v.Features)
}

// worstFirst orders comparisons by their verdicts, and those of one by how far they are.
func worstFirst(all []*drift.Comparison) []*drift.Comparison {
	rank := func(c *drift.Comparison) int { return slices.Index(drift.Verdicts(), c.Verdict) }
	far := func(c *drift.Comparison) float64 {
		if c.PSI == nil {
			return -1
		}
		return *c.PSI
	}
	slices.SortStableFunc(all, func(a, b *drift.Comparison) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(far(b), far(a)))
	})
	return all
}

// readVectors takes in the features of the predictions that are compared.
func (x *evaluating) readVectors(ctx context.Context, _ []*logFile) error {
	if len(x.compared) == 0 {
		return nil
	}
	for view := range x.views {
		files, damaged, err := openLog(ctx, x.Served, viewKey, view, x.Formats, x.Since-apart, x.Until+apart)
		if err != nil {
			return err
		}
		x.damaged(damaged)
		for _, f := range files {
			if err := x.vectors(ctx, f); err != nil {
				return err
			}
		}
	}
	return nil
}

// vectors reads one file of them: the columns that any version was fed, and which prediction was made of the row.
func (x *evaluating) vectors(ctx context.Context, f *logFile) error {
	schema := f.table.Schema()
	if schema.Index(predictionColumn) < 0 { // of before there was a log of predictions
		return nil
	}
	var columns []string
	place := map[string]int{}
	columnsOf := map[*evaluated][]int{} // by its columns: where they are; -1: nowhere
	for _, v := range x.versions {
		if v.known == nil {
			continue
		}
		for i, d := range v.known.Columns {
			at, why := -1, v.columnIn(schema, d.Name)
			if why == "" {
				name := fileColumn(d.Name)
				if _, ok := place[name]; !ok {
					place[name] = len(columns)
					columns = append(columns, name)
				}
				at = place[name]
			} else {
				v.foreign[i] = why
			}
			columnsOf[v] = append(columnsOf[v], at)
		}
	}
	return eachNamed(ctx, f, predictionColumn, columns, func(id uuid.UUID, of []*value.Column, i int) error {
		versions := x.compared[id]
		delete(x.compared, id) // each once
		for _, v := range versions {
			v.Vectors++
			for k, at := range columnsOf[v] {
				if at >= 0 {
					v.columns[k].Add(of[at].At(i))
				}
			}
		}
		return nil
	})
}

// columnIn says why a column of a version is not to be had from a file; "": it is.
func (v *evaluated) columnIn(schema value.Schema, name string) string {
	i := schema.Index(fileColumn(name))
	k := slices.IndexFunc(v.trained.Manifest.Columns, func(c model.ManifestColumn) bool { return c.Name == name })
	switch {
	case i < 0:
		return "it was not in all that was served: the view had another column then"
	case k >= 0 && !schema[i].Type.Equal(v.trained.Manifest.Columns[k].Type):
		return "it was served as " + value.An(schema[i].Type.String()) + ", and learned as " + value.An(v.trained.Manifest.Columns[k].Type.String())
	}
	return ""
}
