package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

func (c *cli) featuresCommand() *cobra.Command {
	var spine, at, out string
	cmd := &cobra.Command{
		Use:   "features VIEW --spine FILE --at COLUMN",
		Short: "Your own rows with a view's features as of each row's time",
		Args:  exactly("VIEW"),

		ValidArgsFunction: c.complete(viewNames, noNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			if spine == "" || at == "" {
				return usagef("features needs --spine FILE and --at COLUMN")
			}
			l, err := c.load(cmd.Context())
			if err != nil {
				return err
			}
			v, err := find("view", l.typed.Views, func(v *feature.View) string { return v.Name }, args[0])
			if err != nil {
				return err
			}
			table, err := dataset.Open(cmd.Context(), formats, spine, dataset.Options{})
			if err != nil {
				return mistakef("%v", err)
			}
			b, err := planOver(v, table.Schema(), at)
			if err != nil {
				return err
			}
			return c.runFeatures(cmd, l, v, b, table, out)
		},
	}
	f := cmd.Flags()
	f.StringVar(&spine, "spine", "", "a file with the view's keys, its request fields and a time")
	f.StringVar(&at, "at", "", "the column of the time at which a row asks")
	f.StringVarP(&out, "out", "o", "", "where the rows go (default: a look at the first ones)")
	c.engineFlags(cmd)
	return cmd
}

func (c *cli) runFeatures(cmd *cobra.Command, l *loaded, v *feature.View, b *plan.Batch, table dataset.Table, out string) error {
	began := time.Now()
	s, err := c.sinkFor(cmd.Context(), l, out, v.Name, b, map[string]string{"bighead.view": v.Name, "bighead.fingerprint": v.Fingerprint, "bighead.version": version})
	if err != nil {
		return err
	}
	defer s.abort()
	report, err := c.runPlan(cmd.Context(), l, b, table, s.write)
	if err != nil {
		return err
	}
	if err := s.close(); err != nil {
		return err
	}
	if out == "" {
		if err := c.writeRows(joined(outputSchema(b), s.head, lookRows)); err != nil {
			return err
		}
	}
	printReport(c.stderr, b, report, out, time.Since(began))
	return nil
}

// planOver plans a view over rows with these columns: all of them are kept, in their order, before the view's.
func planOver(v *feature.View, have value.Schema, at string) (*plan.Batch, error) {
	typ, ok := have.Lookup(at)
	if !ok {
		return nil, mistakef("the rows have no column %q to ask at", at)
	}
	if typ.Kind != value.KindTimestamp {
		return nil, mistakef("column %q is of type %s; the time to ask at is a timestamp", at, typ)
	}
	for _, k := range append(append([]feature.Key{}, v.Keys...), v.Request...) {
		got, ok := have.Lookup(k.Name)
		if !ok && k.Optional {
			continue
		}
		if !ok {
			return nil, mistakef("the rows have no column %q, which view %s needs (%s)", k.Name, v.Name, k.Type)
		}
		if !got.Equal(k.Type) {
			return nil, mistakef("column %q is of type %s; view %s needs %s", k.Name, got, v.Name, k.Type)
		}
	}
	keep := value.Schema{}
	inView := map[string]bool{}
	for _, col := range v.Columns {
		inView[col.Name] = true
	}
	for _, f := range have {
		if !inView[f.Name] {
			keep = append(keep, f)
		}
	}
	b := plan.ForView(v, keep)
	b.AskAt(at)
	if len(b.Output) == 0 {
		return nil, fmt.Errorf("view %s has no columns", v.Name)
	}
	return b, nil
}
