package audit

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/bighead-ml/bighead/value"
)

// askedFiles are files of predictions by where it stands what their view was asked with.
type askedFiles struct {
	own []*logFile // in themselves, all of it that is wanted
	// before are those of before it was recorded with predictions: it stands in the vectors that these were made of, as long as those are kept.
	before []*logFile
}

// askedOf sorts files by where keys and request fields of that name and type are. Those of a version of the view that had not all of them, or of other types, are left out.
func askedOf(files []*logFile, on value.Schema) *askedFiles {
	a := &askedFiles{}
	for _, f := range files {
		schema := f.table.Schema()
		lacks := func(k value.Field) bool {
			t, ok := schema.Lookup(askedColumn(k.Name))
			return !ok || !t.Equal(k.Type)
		}
		switch {
		case !slices.ContainsFunc(on, lacks):
			a.own = append(a.own, f)
		case !slices.ContainsFunc(schema, func(c value.Field) bool { return strings.HasPrefix(c.Name, askedPrefix) }):
			a.before = append(a.before, f)
		}
	}
	return a
}

// eachAsked hands on each prediction of the time that was answered, as of when it asked, and what its view was asked with: nil where its vector has that (eachVector).
func (x *evaluating) eachAsked(ctx context.Context, files *askedFiles, on value.Schema, do func(id uuid.UUID, at int64, by []*value.Column, i int) error) error {
	each := func(files []*logFile, own bool) error {
		columns := []string{idColumn, featuresAt}
		for _, k := range on {
			if own {
				columns = append(columns, askedColumn(k.Name))
			}
		}
		return x.eachPrediction(ctx, files, columns, func(_ *logFile, k versionKey, b *value.Batch, i int) error {
			id, err := uuid.Parse(b.Columns[2].Strs[i]) // columns of model and version come first
			if k.shadow || err != nil {                 // a shadow's truth is that of what was answered
				return nil
			}
			var by []*value.Column
			if own {
				by = b.Columns[4 : 4+len(on)]
			}
			return do(id, b.Columns[3].Ints[i], by, i)
		})
	}
	if err := each(files.own, true); err != nil {
		return err
	}
	return each(files.before, false)
}

// eachVector reads keys and request fields of the vectors that predictions of the time may have been made of, of this endpoint or others over the same view, where those
// do not have them themselves. Those of a version of the view that had not all of them, or of other types, are left out.
func (x *evaluating) eachVector(ctx context.Context, files *askedFiles, on value.Schema, do func(id uuid.UUID, by []*value.Column, i int) error) error {
	views := map[string]bool{}
	for _, f := range files.before {
		views[f.view] = true
	}
	for view := range views {
		vectors, damaged, err := openLog(ctx, x.Served, viewKey, view, x.Formats, x.Since-apart, x.Until+apart)
		if err != nil {
			return err
		}
		x.damaged(damaged)
		for _, f := range vectors {
			var columns []string
			schema := f.table.Schema()
			for _, k := range on {
				if t, ok := schema.Lookup(fileColumn(k.Name)); ok && t.Equal(k.Type) {
					columns = append(columns, fileColumn(k.Name))
				}
			}
			if len(columns) < len(on) || schema.Index(predictionColumn) < 0 {
				continue
			}
			if err := eachNamed(ctx, f, predictionColumn, columns, do); err != nil {
				return err
			}
		}
	}
	return nil
}
