package main

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

func (c *cli) previewCommand() *cobra.Command {
	limit := 20
	cmd := &cobra.Command{
		Use:   "preview NAME",
		Short: "A few rows of a group, a view or a training set",
		Long: "A few rows of a training set; of a view over the spine of its first training set; of a group as of the times of the first rows of " +
			"its own source.",
		Args: exactly("NAME"),

		ValidArgsFunction: c.complete(allNames, noNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := c.load(cmd.Context())
			if err != nil {
				return err
			}
			b, spine, err := l.previewOf(cmd.Context(), args[0], limit)
			if err != nil {
				return err
			}
			return c.lookAt(cmd.Context(), l, b, spine, limit)
		},
	}
	cmd.Flags().IntVar(&limit, "limit", limit, "how many rows")
	c.engineFlags(cmd)
	return cmd
}

// lookAt runs a plan over a small spine and prints the rows.
func (c *cli) lookAt(ctx context.Context, l *loaded, b *plan.Batch, spine dataset.Table, limit int) error {
	var batches []*value.Batch
	if _, err := c.runPlan(ctx, l, b, spine, func(out *value.Batch) error {
		batches = append(batches, out)
		return nil
	}); err != nil {
		return err
	}
	return c.writeRows(joined(outputSchema(b), batches, limit))
}

func outputSchema(b *plan.Batch) value.Schema {
	schema := make(value.Schema, len(b.Output))
	for i, o := range b.Output {
		schema[i] = value.Field{Name: o.Name, Type: o.Type}
	}
	return schema
}

// previewOf plans a look at whatever has the name, over the first rows of the spine that suits it.
func (l *loaded) previewOf(ctx context.Context, name string, limit int) (*plan.Batch, dataset.Table, error) {
	for _, t := range l.typed.TrainingSets {
		if t.Name == name {
			return l.trainingSetHead(ctx, t, limit)
		}
	}
	for _, v := range l.typed.Views {
		if v.Name != name {
			continue
		}
		for _, t := range l.typed.TrainingSets {
			if t.View.Fingerprint == v.Fingerprint && t.View.Name == v.Name {
				return l.trainingSetHead(ctx, t, limit)
			}
		}
		return nil, nil, mistakef("view %s has no training set, so there are no rows to look at; hand some in with `bighead features`", name)
	}
	for _, g := range l.typed.Groups {
		if g.Name == name {
			return l.groupHead(ctx, g, limit)
		}
	}
	_, _, err := l.planOf(name) // says what is called nearly so
	return nil, nil, err
}

// trainingSetHead is a training set over the first rows of its spine, all of which stay.
func (l *loaded) trainingSetHead(ctx context.Context, t *feature.TrainingSet, limit int) (*plan.Batch, dataset.Table, error) {
	b := plan.ForTrainingSet(t)
	b.Drop = plan.Drop{}
	in := l.inputs()
	table, err := in.SpineRows(ctx, &b.Spine)
	if err != nil {
		return nil, nil, err
	}
	rows, err := head(ctx, table, b.Spine.Schema.Names(), limit)
	if err != nil {
		return nil, nil, err
	}
	return b, dataset.Memory(rows.Schema, rows), nil
}

// groupHead asks a group as of the times of the first rows of its own source.
func (l *loaded) groupHead(ctx context.Context, g *feature.Group, limit int) (*plan.Batch, dataset.Table, error) {
	keep := value.Schema{}
	for _, k := range g.Keys {
		keep = append(keep, value.Field{Name: k.Name, Type: k.Type})
	}
	keep = append(keep, value.Field{Name: plan.AtColumn, Type: value.Timestamp})
	b := plan.ForGroup(g, keep)
	table, _, err := l.history(ctx, g.Source)
	if err != nil {
		return nil, nil, err
	}
	rows, err := head(ctx, table, g.Source.Schema.Names(), 50*limit)
	if err != nil {
		return nil, nil, err
	}
	now := int64(value.MaxTimestamp) // entities without a time are asked at the end of times
	var spine [][]value.Value
	for i := 0; i < rows.N && len(spine) < limit; i++ {
		var row []value.Value
		for _, k := range g.Keys {
			row = append(row, rows.Column(k.Name).At(i))
		}
		at := value.OfTimestamp(now)
		if g.Source.Time != nil {
			at = g.Source.Time.Compile(rows.Schema)(rows.Row(i), nil)
		}
		if !at.IsNull() {
			spine = append(spine, append(row, at))
		}
	}
	return b, dataset.Memory(keep, value.BatchOf(keep, spine)), nil
}

// head reads the first rows of a table.
func head(ctx context.Context, t dataset.Table, columns []string, limit int) (*value.Batch, error) {
	if columns == nil {
		columns = t.Schema().Names()
	}
	schema := make(value.Schema, len(columns))
	for i, n := range columns {
		typ, _ := t.Schema().Lookup(n)
		schema[i] = value.Field{Name: n, Type: typ}
	}
	r, err := t.Scan(ctx, dataset.Scan{Columns: columns, BatchRows: min(limit, dataset.DefaultBatchRows), Parallel: 1})
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var batches []*value.Batch
	for n := 0; n < limit; {
		b, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		batches = append(batches, b)
		n += b.N
	}
	return joined(schema, batches, limit), nil
}

func (c *cli) sourceCommand() *cobra.Command {
	limit := 20
	cmd := &cobra.Command{
		Use:   "source NAME",
		Short: "The first rows of a source, as they are read",
		Args:  exactly("NAME"),

		ValidArgsFunction: c.complete(sourceNames, noNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := c.load(cmd.Context())
			if err != nil {
				return err
			}
			s, err := find("source", l.typed.Sources, func(s *feature.Source) string { return s.Name }, args[0])
			if err != nil {
				return err
			}
			table, _, err := l.history(cmd.Context(), s)
			if err != nil {
				return err
			}
			rows, err := head(cmd.Context(), table, nil, limit)
			if err != nil {
				return err
			}
			return c.writeRows(rows)
		},
	}
	cmd.Flags().IntVar(&limit, "limit", limit, "how many rows")
	return cmd
}
