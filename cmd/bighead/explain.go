package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

func (c *cli) explainCommand() *cobra.Command {
	var engine, dir, diagram string
	cmd := &cobra.Command{
		Use:   "explain NAME",
		Short: "Show what a group, view, training set, model or endpoint means, and the plan that computes it",
		Long: "Show what a group, view, training set, model or endpoint means, column by column, and the plan that computes it. The plan is what the " +
			"embedded engine is handed; of a model it is that of its training set. With --engine spark it is the query, of a group also those for the tiles of a backfill. With --engine flink it is the job of each group that Flink folds online, and of " +
			"the others why our own stream folds them. --diagram draws a model's pipeline, as it is defined, or of MODEL@3 or MODEL@champion as it was fitted.",
		Args: exactly("NAME"),

		ValidArgsFunction: c.complete(allNames, noNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("diagram") {
				if engine != "" || dir != "" {
					return usagef("--diagram draws a pipeline, which no engine is handed: leave out --engine and --bundle")
				}
				return c.diagram(cmd.Context(), args[0], diagram)
			}
			if engine != "" && engine != "spark" && engine != "flink" {
				if _, err := engineNamed(engine, engineOptions{}); err != nil {
					return mistakef("--engine %v; what other engines are handed cannot be shown", err)
				}
			}
			l, err := c.load(cmd.Context())
			if err != nil {
				return err
			}
			b, meaning, err := l.planOf(args[0])
			if err != nil {
				return err
			}
			if engine == "flink" && dir == "" {
				return c.explainJobs(l, args[0])
			}
			if dir != "" {
				return c.bundle(cmd.Context(), l, engine, b, dir)
			}
			var group *feature.Group
			if i := slices.IndexFunc(l.typed.Groups, func(g *feature.Group) bool { return g.Name == args[0] }); i >= 0 {
				group = l.typed.Groups[i]
			}
			if text, ok, err := handed(engine, b, group); ok || err != nil {
				if err != nil {
					return mistakef("%v", err)
				}
				fmt.Fprint(c.stdout, text)
				return nil
			}
			stream, serve := l.onlinePlansOf(args[0])
			if c.json {
				return json.NewEncoder(c.stdout).Encode(map[string]any{"name": args[0], "definition": meaning, "plan": b.String(), "stream": stream, "serve": serve})
			}
			for _, line := range meaning {
				fmt.Fprintln(c.stdout, line)
			}
			for _, text := range []string{b.String(), stream, serve} {
				if text != "" {
					fmt.Fprint(c.stdout, "\n", text)
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&engine, "engine", "", "what this engine is handed; one that is in this binary")
	cmd.Flags().StringVar(&dir, "bundle", "", "with --engine spark: write a training set's query and settings into this folder, for spark-sql or a scheduler to run without bighead")
	cmd.Flags().StringVar(&diagram, "diagram", "", "of a model, or MODEL@VERSION: its pipeline alone, drawn as text, or as an svg")
	offer(cmd, "diagram", diagramForms...)
	offer(cmd, "engine", append(engineNames(), "spark", "flink")...)
	return cmd
}

// explainJobs prints what Flink is told of each group that a name reads, under whatever settings there are.
func (c *cli) explainJobs(l *loaded, name string) error {
	type job struct {
		Group string `json:"group"`
		At    string `json:"at"`
		SQL   string `json:"sql,omitempty"`
		Why   string `json:"why,omitempty"` // our own stream folds it
	}
	jobs := []job{}
	for _, g := range l.groupsOf(name) {
		j := job{Group: g.Name, At: g.Pos.String()}
		var err error
		if j.SQL, j.Why, err = jobText(l.Project, plan.SpaceOf(g)); err != nil {
			return err
		}
		jobs = append(jobs, j)
	}
	if c.json {
		return json.NewEncoder(c.stdout).Encode(map[string]any{"name": name, "jobs": jobs})
	}
	for i, j := range jobs {
		if i > 0 {
			fmt.Fprintln(c.stdout)
		}
		if j.Why != "" {
			fmt.Fprintf(c.stdout, "-- group %s (%s): our own stream folds it\n-- %s\n", j.Group, j.At, j.Why)
			continue
		}
		fmt.Fprintf(c.stdout, "-- group %s (%s)\n%s", j.Group, j.At, j.SQL)
	}
	return nil
}

// planOf plans whatever has the name, and says what it means line by line.
func (l *loaded) planOf(name string) (*plan.Batch, []string, error) {
	for _, g := range l.typed.Groups {
		if g.Name == name {
			return plan.ForGroup(g, nil), groupLines(g), nil
		}
	}
	for _, v := range l.typed.Views {
		if v.Name == name {
			return plan.ForView(v, nil), viewLines(v), nil
		}
	}
	for _, m := range l.typed.Models { // of a model and a training set of one name the model's words hold the other's
		if m.Name == name {
			return plan.ForTrainingSet(m.TrainingSet), append(modelLines(m), trainingSetLines(m.TrainingSet)...), nil
		}
	}
	for _, t := range l.typed.TrainingSets {
		if t.Name == name {
			return plan.ForTrainingSet(t), trainingSetLines(t), nil
		}
	}
	for _, e := range l.typed.Endpoints {
		if e.Name == name {
			return plan.ForTrainingSet(e.Model.TrainingSet), append(endpointLines(e), modelLines(e.Model)...), nil
		}
	}
	if model, _, ok := strings.Cut(name, "@"); ok && slices.ContainsFunc(l.typed.Models, func(m *feature.Model) bool { return m.Name == model }) {
		return nil, nil, mistakef("explain says what model %s means as it is defined; what a version was fitted to is drawn with --diagram text, and bighead models %[1]s lists versions", model)
	}
	names := l.names()
	if near := expr.Nearest(name, names); len(near) > 0 {
		return nil, nil, mistakef("nothing is called %q; did you mean %q?", name, near[0])
	}
	return nil, nil, mistakef("nothing is called %q; there are %s", name, someOf(names))
}

// onlinePlansOf prints what is kept online for a group, or for the groups of a view or training set, and how a view is answered.
func (l *loaded) onlinePlansOf(name string) (stream, serve string) {
	if groups := l.groupsOf(name); groups != nil {
		stream = streamText(groups)
	}
	if v := l.viewOf(name); v != nil {
		serve = plan.ForServe(v).String()
	}
	return stream, serve
}

// groupsOf are the groups that a name reads: itself, or those of its view, each once.
func (l *loaded) groupsOf(name string) (groups []*feature.Group) {
	for _, g := range l.typed.Groups {
		if g.Name == name {
			return []*feature.Group{g}
		}
	}
	if v := l.viewOf(name); v != nil {
		for _, j := range v.Joins {
			if !slices.Contains(groups, j.Group) {
				groups = append(groups, j.Group)
			}
		}
	}
	return groups
}

// viewOf is the view of a name, or of the training set, model or endpoint of it; nil: it is a group's.
func (l *loaded) viewOf(name string) *feature.View {
	for _, g := range l.typed.Groups {
		if g.Name == name {
			return nil
		}
	}
	for _, v := range l.typed.Views {
		if v.Name == name {
			return v
		}
	}
	for _, e := range l.typed.Endpoints {
		if e.Name == name {
			return e.Model.TrainingSet.View
		}
	}
	for _, m := range l.typed.Models {
		if m.Name == name {
			return m.TrainingSet.View
		}
	}
	for _, t := range l.typed.TrainingSets {
		if t.Name == name {
			return t.View
		}
	}
	return nil
}

func streamText(groups []*feature.Group) string {
	var b strings.Builder
	for _, s := range plan.ForStream(groups) {
		b.WriteString(s.String())
	}
	return b.String()
}

func (l *loaded) names() []string {
	var names []string
	for _, g := range l.typed.Groups {
		names = append(names, g.Name)
	}
	for _, v := range l.typed.Views {
		names = append(names, v.Name)
	}
	for _, t := range l.typed.TrainingSets {
		names = append(names, t.Name)
	}
	for _, m := range l.typed.Models {
		names = append(names, m.Name)
	}
	for _, e := range l.typed.Endpoints {
		names = append(names, e.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func groupLines(g *feature.Group) []string {
	keys := make([]string, len(g.Keys))
	for i, k := range g.Keys {
		keys[i] = k.Name + " " + k.Type.String()
	}
	lines := []string{fmt.Sprintf("group %s of source %s by %s  (%s)", g.Name, g.Source.Name, strings.Join(keys, ", "), g.Pos)}
	if g.Description != "" {
		lines = append(lines, "  "+g.Description)
	}
	for _, f := range g.Features {
		lines = append(lines, "  "+featureLine(f.Name, f, g.Source))
	}
	return lines
}

// windowText is the interval of a feature over a source, in words.
func windowText(f *feature.Feature, s *feature.Source) string {
	if s.Kind == feature.Events {
		return plan.NewWindow(f.Window, s.Delay).Text()
	}
	return "the newest row before t"
}

func featureLine(name string, f *feature.Feature, s *feature.Source) string {
	line := fmt.Sprintf("%s %s = %s over %s", name, f.Type, describe(f), windowText(f, s))
	if !f.Default.IsNull() {
		line += " default " + string(value.AppendJSON(nil, f.Default))
	}
	switch {
	case f.Typical:
		line += " fallback bh.typical"
	case !f.Fallback.IsNull():
		line += " fallback " + string(value.AppendJSON(nil, f.Fallback))
	}
	return line + "  " + feature.Short(f.Fingerprint)
}

func viewLines(v *feature.View) []string {
	lines := []string{"view " + v.Name + "  " + feature.Short(v.Fingerprint)}
	for _, c := range v.Columns {
		switch c.Kind {
		case feature.FeatureColumn:
			lines = append(lines, "  "+featureLine(c.Name, c.Feature, v.Joins[c.Join].Group.Source))
		case feature.RequestColumn:
			lines = append(lines, fmt.Sprintf("  %s %s of the request", c.Name, c.Type))
		case feature.DerivedColumn:
			for _, d := range v.Derived {
				if d.Name == c.Name {
					lines = append(lines, fmt.Sprintf("  %s %s = %s", c.Name, c.Type, bareText(d.Expr)))
				}
			}
		}
	}
	return lines
}
