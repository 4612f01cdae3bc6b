package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

func (c *cli) trainingSetCommand() *cobra.Command {
	var out, start, end string
	cmd := &cobra.Command{
		Use:   "training-set NAME",
		Short: "Compute point-in-time training rows",
		Long:  "Compute the rows of a training set: each holds exactly what was known at its own time. Ends with a report of what was dropped and what is null, and why.",
		Args:  exactly("NAME"),

		ValidArgsFunction: c.complete(trainingSetNames, noNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := c.load(cmd.Context())
			if err != nil {
				return err
			}
			t, err := find("training set", p.typed.TrainingSets, func(t *feature.TrainingSet) string { return t.Name }, args[0])
			if err != nil {
				return err
			}
			t, err = bounded(t, start, end)
			if err != nil {
				return err
			}
			return c.runTrainingSet(cmd.Context(), p, t, out)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&out, "out", "o", "", "where the rows go: a .parquet, .csv, .ndjson or .arrow file, or a table or topic: hive:db.table, iceberg:db.table, kafka:topic, kafka:topic/avro, kafka:topic/protobuf (default: a look at the first rows)")
	f.StringVar(&start, "start", "", "only rows with at on or after this time (RFC 3339, or a date)")
	f.StringVar(&end, "end", "", "only rows with at before this time, and labels known by it")
	c.engineFlags(cmd)
	return cmd
}

// bounded is the training set with flags laid over its own bounds.
func bounded(t *feature.TrainingSet, start, end string) (*feature.TrainingSet, error) {
	copied := *t
	for _, b := range []struct {
		flag, text string
		to         **int64
	}{{"--start", start, &copied.Start}, {"--end", end, &copied.End}} {
		if b.text == "" {
			continue
		}
		ms, ok := value.ParseTimestamp(b.text)
		if !ok {
			var days int64
			if days, ok = value.ParseDate(b.text); ok {
				ms = days * value.DayMS
			}
		}
		if !ok {
			return nil, usagef("%s %q is no time: write 2013-10-01 or 2013-10-01T06:00:00Z", b.flag, b.text)
		}
		*b.to = &ms
	}
	if copied.Start != nil && copied.End != nil && *copied.Start >= *copied.End {
		return nil, usagef("start %s is not before end %s: no row could lie between them", value.FormatTimestamp(*copied.Start), value.FormatTimestamp(*copied.End))
	}
	return &copied, nil
}

func (c *cli) runTrainingSet(ctx context.Context, p *loaded, t *feature.TrainingSet, out string) error {
	b := plan.ForTrainingSet(t)
	began := time.Now()
	sink, err := c.sinkFor(ctx, p, out, t.Name, b, map[string]string{"bighead.training_set": t.Name, "bighead.fingerprint": t.Fingerprint, "bighead.version": version})
	if err != nil {
		return err
	}
	defer sink.abort()
	usual := newTypicals(t)
	report, err := c.runPlan(ctx, p, b, nil, func(b *value.Batch) error {
		usual.see(b)
		return sink.write(b)
	})
	if err != nil {
		return err
	}
	if err := sink.close(); err != nil {
		return err
	}
	if err := usual.keep(ctx, p.Root); err != nil {
		return fmt.Errorf("the rows are complete, but what features usually are, for fallback=bh.typical, could not be kept: %w", err)
	}
	if c.json {
		return json.NewEncoder(c.stdout).Encode(trainingSetJSON(t, out, report))
	}
	if out == "" {
		if err := c.writeRows(joined(outputSchema(b), sink.head, lookRows)); err != nil {
			return err
		}
	}
	printReport(c.stderr, b, report, out, time.Since(began))
	c.printLeaks(p, t, report)
	return nil
}

// sink takes an engine's rows into a file, or keeps the first few for a look.
type sink struct {
	writer dataset.Writer // nil: a look
	head   []*value.Batch
	rows   int
	path   string
}

// lookRows is how many rows are shown where no file is asked for.
const lookRows = 10

func (c *cli) newSink(out string, b *plan.Batch, keys map[string]string) (*sink, error) {
	s := &sink{path: out}
	if out == "" {
		return s, nil
	}
	w, err := dataset.Create(formats, out, outputSchema(b), outputMetadata(b, keys), dataset.WriteOptions{})
	if world := new(fs.PathError); err != nil && !errors.As(err, &world) {
		return nil, mistakef("%v", err) // a name that tells no format, or is a folder's
	} else if err != nil {
		return nil, err
	}
	s.writer = w
	return s, nil
}

// outputMetadata is what a file says of the columns of a plan's rows.
func outputMetadata(b *plan.Batch, keys map[string]string) dataset.Metadata {
	meta := dataset.Metadata{Keys: keys, Columns: map[string]dataset.ColumnInfo{}}
	for _, o := range b.Output {
		if o.Doc != "" || o.Fingerprint != "" {
			meta.Columns[o.Name] = dataset.ColumnInfo{Doc: o.Doc, Fingerprint: o.Fingerprint}
		}
	}
	return meta
}

func (s *sink) write(b *value.Batch) error {
	if s.writer != nil {
		return s.writer.Write(b)
	}
	if s.rows < lookRows {
		s.head = append(s.head, b)
	}
	s.rows += b.N
	return nil
}

func (s *sink) close() error {
	if s.writer == nil {
		return nil
	}
	return s.writer.Close()
}

func (s *sink) abort() {
	if s.writer != nil {
		s.writer.Abort()
	}
}

// namesShown is how many names a message lists.
const namesShown = 20

// someOf lists names in their order, and that there are more.
func someOf(names []string) string {
	names = slices.Sorted(slices.Values(names))
	if len(names) > namesShown {
		names = append(names[:namesShown:namesShown], "…")
	}
	return strings.Join(names, ", ")
}

// find looks a definition up by name, and names the nearest where it is missing.
func find[T any](kind string, all []T, name func(T) string, want string) (T, error) {
	var names []string
	for _, x := range all {
		if name(x) == want {
			return x, nil
		}
		names = append(names, name(x))
	}
	var zero T
	if len(names) == 0 {
		return zero, mistakef("there is no %s %q; the project defines none", kind, want)
	}
	if near := expr.Nearest(want, names); len(near) > 0 {
		return zero, mistakef("there is no %s %q; did you mean %q?", kind, want, near[0])
	}
	return zero, mistakef("there is no %s %q; there are %s", kind, want, someOf(names))
}

func trainingSetJSON(t *feature.TrainingSet, out string, r *engine.Report) map[string]any {
	if out != "" && !isTable(out) {
		if abs, err := filepath.Abs(out); err == nil {
			out = abs
		}
	}
	return map[string]any{"training_set": t.Name, "fingerprint": t.Fingerprint, "path": out, "report": r}
}
