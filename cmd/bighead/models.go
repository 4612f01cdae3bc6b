package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bighead-ml/bighead/catalog"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/project"
	"github.com/bighead-ml/bighead/train"
	"github.com/bighead-ml/bighead/value"
)

func (c *cli) modelsCommand() *cobra.Command {
	var at string
	cmd := &cobra.Command{
		Use:   "models [MODEL]",
		Short: "List trained versions, what they are called, which endpoints they answer and how good they are",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withCatalog(cmd.Context(), func(cat catalog.Catalog) error {
				name := ""
				if len(args) > 0 {
					name = args[0]
				}
				return c.listModels(cmd.Context(), cat, name, at)
			})
		},
	}
	cmd.Flags().StringVar(&at, "at", "", "which versions there were, and what aliases meant, at this time (RFC 3339, or a date; default: now)")
	cmd.AddCommand(c.modelsAliasCommand(), c.modelsHistoryCommand(), c.modelsInstallCommand())
	return cmd
}

// withCatalog opens the project's catalog. Definitions are not read: what is registered stays, whatever became of them.
func (c *cli) withCatalog(ctx context.Context, do func(catalog.Catalog) error) error {
	return c.withProject(ctx, func(_ *project.Project, cat catalog.Catalog) error { return do(cat) })
}

func (c *cli) withProject(ctx context.Context, do func(*project.Project, catalog.Catalog) error) error {
	p, err := c.open()
	if err != nil {
		return err
	}
	cat, err := openCatalog(ctx, p.Root)
	if err != nil {
		return err
	}
	return errors.Join(do(p, cat), cat.Close())
}

// listedVersion is a version with what it is called.
type listedVersion struct {
	*catalog.ModelVersion
	Aliases []string `json:"aliases"`
	// Answers are the endpoints to which it is deployed, each with its part: "late 99%". Those to which nothing was deployed ask what their definitions say.
	Answers []string `json:"answers"`
}

func (c *cli) listModels(ctx context.Context, cat catalog.Catalog, name, at string) error {
	when := time.Now()
	if at != "" {
		ms, err := timeFlag("--at", at)
		if err != nil {
			return err
		}
		when = time.UnixMilli(ms)
	}
	versions, err := versionsOf(ctx, cat, name)
	if err != nil {
		return err
	}
	all := []listedVersion{}
	aliases := map[string]map[string]int64{}
	for _, v := range versions {
		if v.At.After(when) { // it was not there yet
			continue
		}
		if aliases[v.Model] == nil {
			if aliases[v.Model], err = cat.Aliases(ctx, v.Model, when); err != nil {
				return err
			}
		}
		all = append(all, listedVersion{v, named(aliases[v.Model], v.Number), []string{}})
	}
	deployed, err := deployedAt(ctx, cat, when, at == "")
	if err != nil {
		return err
	}
	for _, x := range deployed {
		for _, p := range partsOf(x) {
			number := p.number
			if n, ok := aliases[x.Model][p.alias]; ok {
				number = n
			}
			for i, v := range all {
				if v.Model == x.Model && v.Number == number {
					all[i].Answers = append(v.Answers, x.Endpoint+" "+p.text)
				}
			}
		}
	}
	if c.json {
		return json.NewEncoder(c.stdout).Encode(all)
	}
	t := newTable("model", "version", "aliases", "answers", "gate", "trained on", "test", "at", "by")
	t.right[1], t.right[5] = true, true
	for _, v := range all {
		t.add(v.Model, fmt.Sprint(v.Number), strings.Join(v.Aliases, ", "), strings.Join(v.Answers, ", "), gateText(v.ModelVersion), plural(int(v.Rows), "row"), metricsText(train.TestMetrics(v.Metrics)),
			v.At.Format(time.RFC3339), v.By)
	}
	if len(all) == 0 && len(versions) > 0 {
		fmt.Fprintf(c.stderr, "no version was there yet at %s\n", when.UTC().Format(time.RFC3339))
		return nil
	}
	if len(all) == 0 {
		fmt.Fprintln(c.stderr, "no model was trained yet: bighead train MODEL")
		return nil
	}
	return t.print(c.stdout)
}

// deployedAt is what was deployed at a time, an entry for each endpoint, by name; now: only to those that are applied, and answer with that model.
func deployedAt(ctx context.Context, cat catalog.Catalog, when time.Time, now bool) ([]*catalog.Traffic, error) {
	changes, err := cat.TrafficHistory(ctx, "")
	if err != nil {
		return nil, err
	}
	var entries []catalog.Entry
	if now {
		current, err := cat.Current(ctx)
		if err != nil && !errors.Is(err, catalog.ErrNone) {
			return nil, err
		} else if err == nil {
			entries = current.Entries
		}
	}
	last := map[string]*catalog.Traffic{}
	for _, x := range changes {
		if before := last[x.Endpoint]; (now || !x.At.After(when)) && (before == nil || before.ID < x.ID) {
			last[x.Endpoint] = x
		}
	}
	var out []*catalog.Traffic
	for _, name := range slices.Sorted(maps.Keys(last)) {
		x := last[name]
		if !now || slices.ContainsFunc(entries, func(e catalog.Entry) bool {
			return e.Kind == catalog.Endpoint && e.Name == name && slices.Contains(e.Reads, catalog.Ref{Kind: catalog.Model, Name: x.Model})
		}) {
			out = append(out, x)
		}
	}
	return out, nil
}

func gateText(v *catalog.ModelVersion) string {
	switch {
	case v.Gate == "":
		return "none"
	case v.GateHeld:
		return "held"
	}
	return "failed"
}

func named(aliases map[string]int64, number int64) []string {
	out := []string{}
	for _, a := range slices.Sorted(maps.Keys(aliases)) {
		if aliases[a] == number {
			out = append(out, a)
		}
	}
	return out
}

// versionsOf are a model's versions, newest first, or those of all where name is "". A name that has none is the user's mistake.
func versionsOf(ctx context.Context, cat catalog.Catalog, name string) ([]*catalog.ModelVersion, error) {
	versions, err := cat.ModelVersions(ctx, name)
	if err != nil || name == "" || len(versions) > 0 {
		return versions, err
	}
	all, err := cat.ModelVersions(ctx, "")
	if err != nil {
		return nil, err
	}
	var names []string
	for _, v := range all {
		if !slices.Contains(names, v.Model) {
			names = append(names, v.Model)
		}
	}
	if near := expr.Nearest(name, names); len(near) > 0 {
		return nil, mistakef("no version of model %q was trained; did you mean %q?", name, near[0])
	}
	return nil, mistakef("no version of model %q was trained: bighead train %s", name, name)
}

// timeFlag reads a time, or a date, of a flag.
func timeFlag(flag, text string) (int64, error) {
	if ms, ok := value.ParseTimestamp(text); ok {
		return ms, nil
	}
	if days, ok := value.ParseDate(text); ok {
		return days * value.DayMS, nil
	}
	return 0, usagef("%s %q is no time: write 2013-10-01 or 2013-10-01T06:00:00Z", flag, text)
}

func (c *cli) modelsAliasCommand() *cobra.Command {
	var reason string
	var force bool
	cmd := &cobra.Command{
		Use:   "alias MODEL ALIAS VERSION",
		Short: "Call a version by a name, such as champion",
		Long:  "Call a version by a name, such as champion. A version that learned another view than is applied, or cannot be opened, is refused, and one that does not hold its gate unless --force says so with a --reason.",
		Args:  exactly("MODEL", "ALIAS", "VERSION"),
		RunE: func(cmd *cobra.Command, args []string) error {
			number, err := strconv.ParseInt(args[2], 10, 64)
			if err != nil {
				return usagef("version %q is no number", args[2])
			}
			if !aliasName.MatchString(args[1]) {
				return usagef("alias %q is no name: write letters, digits and _, a letter first", args[1])
			}
			if force && reason == "" {
				return usagef("--force needs a --reason, which the history keeps")
			}
			a := &catalog.AliasChange{Model: args[0], Alias: args[1], Number: number, At: time.Now().UTC(), By: userName(), Reason: reason}
			return c.withProject(cmd.Context(), func(p *project.Project, cat catalog.Catalog) error {
				return c.setAlias(cmd.Context(), p, cat, a, force)
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why; the history keeps it")
	cmd.Flags().BoolVar(&force, "force", false, "also a version that does not hold its gate")
	return cmd
}

// aliasName keeps names apart from numbers of versions.
var aliasName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func (c *cli) setAlias(ctx context.Context, p *project.Project, cat catalog.Catalog, a *catalog.AliasChange, force bool) error {
	if _, err := versionsOf(ctx, cat, a.Model); err != nil {
		return err
	}
	v, err := cat.ModelVersion(ctx, a.Model, a.Number)
	if errors.Is(err, catalog.ErrNone) {
		return mistakef("model %s has no version %d: bighead models %s lists them", a.Model, a.Number, a.Model)
	}
	if err != nil {
		return err
	}
	if err := servable(ctx, cat, v); err != nil {
		return err
	}
	if !v.GateHeld && !force {
		return mistakef("model %s version %d does not hold its gate, %s: train a better one, or --force with a --reason", v.Model, v.Number, v.Gate)
	}
	lies, err := artifactsOf(p)
	if err != nil {
		return err
	}
	if err := lies.tryOpen(ctx, v, "called "+a.Alias); err != nil { // endpoints follow a name, and would be left with a version that cannot answer
		return err
	}
	if err := lies.share(ctx, v.Artifact); err != nil { // as deploy does: servers elsewhere follow it too
		return err
	}
	before, err := cat.Aliases(ctx, a.Model, a.At)
	if err != nil {
		return err
	}
	if err := cat.SetAlias(ctx, a); err != nil {
		return err
	}
	if c.json {
		return json.NewEncoder(c.stdout).Encode(a)
	}
	was := ""
	if n := before[a.Alias]; n != 0 && n != a.Number {
		was = fmt.Sprintf(", which version %d was", n)
	}
	fmt.Fprintf(c.stdout, "%s version %d is %s now%s\n", a.Model, a.Number, a.Alias, was)
	return nil
}

// servable refuses a version that learned another view than the one that is applied: it would be asked with what it does not know.
func servable(ctx context.Context, cat catalog.Catalog, v *catalog.ModelVersion) error {
	current, err := cat.Current(ctx)
	if errors.Is(err, catalog.ErrNone) {
		return mistakef("nothing is applied yet, so view %s is not served: bighead apply", v.View)
	}
	if err != nil {
		return err
	}
	for _, e := range current.Entries {
		if e.Kind != catalog.View || e.Name != v.View {
			continue
		}
		if e.Fingerprint == v.ViewFingerprint {
			return nil
		}
		return mistakef("model %s version %d learned another view %s than the one that is applied (version %d of the project): apply the one that it learned, or train anew", v.Model, v.Number, v.View, current.ID)
	}
	return mistakef("view %s, which model %s version %d learned, is not applied: bighead apply", v.View, v.Model, v.Number)
}

func (c *cli) modelsHistoryCommand() *cobra.Command {
	var endpoint string
	cmd := &cobra.Command{
		Use:   "history MODEL | --endpoint ENDPOINT",
		Short: "List every change of a model's aliases, or of what an endpoint asks",
		Long:  "List every change of a model's aliases, newest first; with --endpoint every change of what that endpoint asks: deployments, the steps of canaries, and rollbacks with the versions that they sent away.",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if (len(args) == 1) == (endpoint != "") {
				return usagef("%s needs a MODEL, or --endpoint ENDPOINT, and not both", cmd.CommandPath())
			}
			return c.withCatalog(cmd.Context(), func(cat catalog.Catalog) error {
				if endpoint != "" {
					return c.trafficHistory(cmd.Context(), cat, endpoint)
				}
				return c.aliasHistory(cmd.Context(), cat, args[0])
			})
		},
	}
	cmd.Flags().StringVar(&endpoint, "endpoint", "", "the endpoint whose changes are listed")
	return cmd
}

func (c *cli) aliasHistory(ctx context.Context, cat catalog.Catalog, model string) error {
	if _, err := versionsOf(ctx, cat, model); err != nil {
		return err
	}
	changes, err := cat.AliasHistory(ctx, model)
	if err != nil {
		return err
	}
	if c.json {
		return json.NewEncoder(c.stdout).Encode(append([]*catalog.AliasChange{}, changes...))
	}
	t := newTable("at", "alias", "version", "by", "reason")
	t.right[2] = true
	for _, a := range changes {
		t.add(a.At.Format(time.RFC3339), a.Alias, fmt.Sprint(a.Number), a.By, a.Reason)
	}
	return t.print(c.stdout)
}

// trafficHistory lists what an endpoint was asked to ask. That nothing was ever deployed to it is the user's mistake: who may have named another.
func (c *cli) trafficHistory(ctx context.Context, cat catalog.Catalog, endpoint string) error {
	changes, err := cat.TrafficHistory(ctx, endpoint)
	if err != nil {
		return err
	}
	if len(changes) == 0 {
		return neverDeployed(ctx, cat, endpoint)
	}
	if c.json {
		return json.NewEncoder(c.stdout).Encode(changes)
	}
	t := newTable("at", "asks", "sent away", "by", "reason")
	for _, x := range changes {
		var away []string
		if x.Rollback != nil {
			for _, n := range x.Rollback.Versions {
				away = append(away, fmt.Sprintf("%s@%d", x.Model, n))
			}
		}
		t.add(x.At.Format(time.RFC3339), trafficText(x), strings.Join(away, ", "), x.By, x.Reason)
	}
	return t.print(c.stdout)
}

func neverDeployed(ctx context.Context, cat catalog.Catalog, endpoint string) error {
	all, err := cat.TrafficHistory(ctx, "")
	if err != nil {
		return err
	}
	var names []string
	for _, x := range all {
		if !slices.Contains(names, x.Endpoint) {
			names = append(names, x.Endpoint)
		}
	}
	if near := expr.Nearest(endpoint, names); len(near) > 0 {
		return mistakef("nothing was deployed to endpoint %q; did you mean %q?", endpoint, near[0])
	}
	return mistakef("nothing was deployed to endpoint %q yet: bighead deploy MODEL --to %s", endpoint, endpoint)
}

func (c *cli) modelsInstallCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "install onnxruntime",
		Short: "Install what answers ONNX models: ONNX Runtime " + onnxVersion + ", by pip, into the project",
		Long: "Have pip, of the project's Python, fetch the package onnxruntime " + onnxVersion + ", check it by the SHA-256 that this bighead knows, and put its library (some 35 MB) into .bighead/onnxruntime. " +
			"Nothing else of the package is kept, nor run. What is installed already is left as it is. Another library is named in [models] onnxruntime.",
		Args: exactly("onnxruntime"),

		ValidArgs: []string{"onnxruntime"},
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] != "onnxruntime" {
				return usagef("there is nothing called %q to install; there is onnxruntime", args[0])
			}
			p, err := c.open()
			if err != nil {
				return err
			}
			python, err := p.Python()
			if err != nil {
				return err
			}
			path, err := installONNX(cmd.Context(), p, python.Path)
			if err != nil {
				return err
			}
			if c.json {
				return json.NewEncoder(c.stdout).Encode(map[string]string{"installed": "onnxruntime", "version": onnxVersion, "path": path})
			}
			fmt.Fprintf(c.stdout, "ONNX Runtime %s is in %s\n", onnxVersion, path)
			return nil
		},
	}
}
