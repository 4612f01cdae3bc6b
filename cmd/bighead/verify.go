package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bighead-ml/bighead/audit"
	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// servedRoad is the road of what is online now.
const servedRoad = "served"

func (c *cli) verifyCommand() *cobra.Command {
	var names, sample, at string
	cmd := &cobra.Command{
		Use:   "verify VIEW --roads ROAD,ROAD --sample FILE",
		Short: "Compare what two roads or more answer to the same rows, by feature; exit 1 on a difference",
		Long: "Compare what each road answers with what the first of them does. Roads are the engines of this binary, and `served`, the online store as it is now: where it is among them, " +
			"rows are asked as of now and not as of a column of the sample, and the definitions are those that were applied.",
		Args: exactly("VIEW"),

		ValidArgsFunction: c.complete(viewNames, noNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			of := strings.Split(names, ",")
			if len(of) < 2 || sample == "" {
				return usagef("verify needs --roads with two roads, such as local,oracle, and --sample FILE")
			}
			return c.verify(cmd.Context(), args[0], of, sample, at)
		},
	}
	f := cmd.Flags()
	f.StringVar(&names, "roads", "", "the roads, the first of which the others are compared with")
	f.StringVar(&sample, "sample", "", "a file with the view's keys and request fields")
	f.StringVar(&at, "at", plan.AtColumn, "the column of the sample with the time at which a row asks")
	return cmd
}

// asking is the rows of a sample.
type asking struct {
	view  *feature.View
	asked [][]value.Value
	at    []int64
}

func (c *cli) verify(ctx context.Context, view string, names []string, sample, at string) error {
	known := roads(engineOptions{})
	online := slices.Contains(names, servedRoad)
	for _, n := range names {
		if n != servedRoad && known[n] == nil {
			return usagef("--roads %q: there are %s and %s", n, strings.Join(slices.Sorted(maps.Keys(known)), ", "), servedRoad)
		}
	}
	a, err := c.definitionsFor(ctx, online)
	if err != nil {
		return err
	}
	v, err := find("view", a.typed.Views, func(v *feature.View) string { return v.Name }, view)
	if err != nil {
		return err
	}
	q := &asking{view: v}
	if err := q.read(ctx, sample, at, online); err != nil {
		return err
	}
	answers := map[string][][]value.Value{}
	if online {
		if answers[servedRoad], err = c.askServed(ctx, a, q); err != nil {
			return err
		}
	}
	in := a.raw()
	for _, n := range names {
		if n != servedRoad {
			if answers[n], err = q.run(ctx, known[n], in); err != nil {
				return err
			}
		}
	}
	differ := false
	var reports []roadReport
	for _, n := range names[1:] {
		r, err := audit.Compare(ctx, &audit.Comparison{View: v, Asked: q.asked, At: q.at, Want: answers[names[0]], Got: answers[n], ByDefinition: byDefinition, Inputs: in})
		if err != nil {
			return err
		}
		differ = differ || r.Skewed()
		reports = append(reports, roadReport{names[0], n, int64(len(q.asked)) - r.Rows, r})
	}
	if err := c.printRoads(reports); err != nil {
		return err
	}
	if differ {
		return errReported
	}
	return nil
}

// roadReport is one road against another.
type roadReport struct {
	Road       string `json:"road"`
	Against    string `json:"against"`
	Unanswered int64  `json:"unanswered"`
	*audit.Report
}

// definitionsFor are those that were applied where the online store is asked, else the working tree's.
func (c *cli) definitionsFor(ctx context.Context, online bool) (*applied, error) {
	if !online {
		l, err := c.load(ctx)
		if err != nil {
			return nil, err
		}
		return newApplied(l, nil), nil
	}
	p, err := c.open()
	if err != nil {
		return nil, err
	}
	return c.loadApplied(ctx, p)
}

// read reads the sample; rows ask as of a column of it, unless they are asked online.
func (q *asking) read(ctx context.Context, sample, at string, online bool) error {
	table, err := dataset.Open(ctx, formats, sample, dataset.Options{})
	if err != nil {
		return mistakef("%v", err)
	}
	have := table.Schema()
	keys := q.view.Asked()
	columns := []string{}
	for _, k := range keys {
		typ, ok := have.Lookup(k.Name)
		switch {
		case ok && !typ.Equal(k.Type):
			return mistakef("column %q of %s is of type %s; view %s needs %s", k.Name, sample, typ, q.view.Name, k.Type)
		case !ok && !k.Optional:
			return mistakef("%s has no column %q, which view %s needs (%s)", sample, k.Name, q.view.Name, k.Type)
		case ok:
			columns = append(columns, k.Name)
		}
	}
	if !online {
		if typ, ok := have.Lookup(at); !ok || typ.Kind != value.KindTimestamp {
			return mistakef("%s has no column %q of times to ask at: name another with --at", sample, at)
		}
		if !slices.Contains(columns, at) {
			columns = append(columns, at)
		}
	}
	r, err := table.Scan(ctx, dataset.Scan{Columns: columns})
	if err != nil {
		return err
	}
	defer r.Close()
	for {
		b, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		for i := range b.N {
			row := make([]value.Value, len(keys))
			for n, k := range keys {
				if c := b.Schema.Index(k.Name); c >= 0 {
					row[n] = b.Columns[c].At(i)
				}
			}
			t := value.Value{}
			if !online {
				if t = b.Columns[b.Schema.Index(at)].At(i); t.IsNull() {
					return mistakef("row %d of %s: %v", len(q.at)+1, sample, engine.ErrNoTime)
				}
			}
			q.asked, q.at = append(q.asked, row), append(q.at, t.Int())
		}
	}
}

// run computes the rows on an engine.
func (q *asking) run(ctx context.Context, e engine.Engine, in engine.Inputs) ([][]value.Value, error) {
	b := plan.ForView(q.view, nil)
	rows := make([][]value.Value, len(q.asked))
	for i, asked := range q.asked {
		rows[i] = make([]value.Value, len(b.Spine.Schema))
		for k, f := range b.Spine.Schema {
			if f.Name == plan.AtColumn {
				rows[i][k] = value.OfTimestamp(q.at[i])
			} else if n := slices.IndexFunc(q.view.Asked(), func(k feature.Key) bool { return k.Name == f.Name }); n >= 0 {
				rows[i][k] = asked[n]
			}
		}
	}
	in.Spine = dataset.Memory(b.Spine.Schema, value.BatchOf(b.Spine.Schema, rows))
	var out [][]value.Value
	_, err := e.Run(ctx, b, in, func(x *value.Batch) error {
		for i := range x.N {
			row := make([]value.Value, len(q.view.Columns))
			for k, c := range q.view.Columns {
				row[k] = x.Column(c.Name).At(i)
			}
			out = append(out, row)
		}
		return nil
	})
	if err == nil && len(out) != len(q.asked) {
		err = fmt.Errorf("road %s gives %d rows where it was asked for %d", e.Name(), len(out), len(q.asked))
	}
	return out, err
}

// askTogether is how many rows are asked online in one request.
const askTogether = 100

// askServed asks the rows online, as of now, and notes as of when they were answered.
func (c *cli) askServed(ctx context.Context, a *applied, q *asking) ([][]value.Value, error) {
	k, done, err := c.reach(ctx, a.Project, "")
	if err != nil {
		return nil, err
	}
	defer done()
	var names []string
	for _, k := range q.view.Asked() {
		names = append(names, k.Name)
	}
	out := make([][]value.Value, len(q.asked))
	for from := 0; from < len(q.asked); from += askTogether {
		to := min(from+askTogether, len(q.asked))
		body := []byte(`{"rows":[`)
		for i, row := range q.asked[from:to] {
			if i > 0 {
				body = append(body, ',')
			}
			body = appendObject(body, names, row)
		}
		var answer featuresAnswer
		if err := k.call(ctx, "POST", "/v1/features/"+url.PathEscape(q.view.Name), "application/json", bytes.NewReader(append(body, "]}"...)), &answer); err != nil {
			return nil, err
		}
		at, _ := value.ParseTimestamp(answer.At)
		if answer.Fingerprint != q.view.Fingerprint || len(answer.Rows) != to-from {
			return nil, mistakef("view %s is served in another version than was applied: try again in a moment", q.view.Name)
		}
		for i, r := range answer.Rows {
			q.at[from+i] = at
			if r.Error != nil {
				continue
			}
			row := make([]value.Value, len(q.view.Columns))
			for n, col := range q.view.Columns {
				if row[n], err = fromJSON(col.Type, r.Values[n]); err != nil {
					return nil, fmt.Errorf("column %s: %w", col.Name, err)
				}
			}
			out[from+i] = row
		}
	}
	return out, nil
}

func (c *cli) printRoads(reports []roadReport) error {
	if c.json {
		return json.NewEncoder(c.stdout).Encode(reports)
	}
	w := c.stdout
	for _, r := range reports {
		fmt.Fprintf(w, "%s against %s: %s of %s, %s same, %s differ\n", r.Against, r.Road, plural64(r.Values, "value"), plural64(r.Rows, "row"), count(r.Classes[audit.Same]), count(r.Classes[audit.Skew]))
		if r.Unanswered > 0 {
			fmt.Fprintf(w, "  %s not answered by both\n", plural64(r.Unanswered, "row"))
		}
		for _, col := range r.Columns {
			if e := col.Worst; e != nil {
				fmt.Fprintf(w, "  %s differs in %s: at %s for %s %s has %s, %s %s (%s)\n", col.Name, plural64(col.Classes[audit.Skew], "row"), e.At, keyText(texts(e.Key)), r.Road, shortened(string(e.History)), r.Against, shortened(string(e.Value)), e.Why)
			}
		}
	}
	return nil
}

func texts(key map[string]json.RawMessage) map[string]string {
	out := map[string]string{}
	for k, v := range key {
		out[k] = cellText(v)
	}
	return out
}
