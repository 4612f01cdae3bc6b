package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bighead-ml/bighead/catalog"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/project"
	"github.com/bighead-ml/bighead/serve/predict"
)

// canarySteps are the shares of all requests that a canary gets, one after the other.
var canarySteps = []float64{0.01, 0.1, 0.5, 1}

// deployment is what a command wants of an endpoint.
type deployment struct {
	project  *project.Project
	catalog  catalog.Catalog
	endpoint *feature.Endpoint
	aliases  map[string]int64
	before   *catalog.Traffic // as it is answered now; ID 0: by its definition
}

func (c *cli) deployCommand() *cobra.Command {
	var to, reason string
	var weight float64
	var shadow, noShadow, canary, force bool
	cmd := &cobra.Command{
		Use:   "deploy MODEL[@VERSION|@ALIAS] --to ENDPOINT",
		Short: "Send an endpoint's requests to a version of its model: all, a part, as a shadow or as a canary",
		Long: "Send an endpoint's requests to a version of its model (the newest where none is named): all of them, --weight 10 in a hundred, a copy of each (--shadow), or a part that grows " +
			"by itself as long as the version does no worse than the others (--canary). --no-shadow ends a shadow, or where no version is named all of them. A version that learned from another view than is applied is refused, and one that did not hold its gate unless --force says so with a --reason.",
		Args: exactly("MODEL[@VERSION|@ALIAS]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if to == "" {
				return usagef("%s needs --to ENDPOINT", cmd.CommandPath())
			}
			parts := 0
			for _, on := range []bool{cmd.Flags().Changed("weight"), shadow, noShadow, canary} {
				if on {
					parts++
				}
			}
			if parts > 1 {
				return usagef("--weight, --shadow, --no-shadow and --canary are four ways, of which one can be taken")
			}
			if force && reason == "" {
				return usagef("--force needs a --reason, which the history keeps")
			}
			if cmd.Flags().Changed("weight") && !(weight > 0 && weight <= 100) {
				return usagef("--weight %g: write how many of a hundred requests, above 0 and at most 100", weight)
			}
			return c.deploying(cmd.Context(), to, func(ctx context.Context, d *deployment) (*catalog.Traffic, error) {
				if noShadow {
					next, err := d.withoutShadow(ctx, args[0])
					if err == nil {
						next.Reason = reason
					}
					return next, err
				}
				v, alias, err := d.version(ctx, args[0], force)
				if err != nil {
					return nil, err
				}
				next, err := d.with(v.Number, alias, weight, shadow, canary)
				if err == nil {
					next.Reason = reason
				}
				return next, err
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&to, "to", "", "the endpoint")
	f.Float64Var(&weight, "weight", 100, "how many of a hundred requests it gets; the others share the rest as they did")
	f.BoolVar(&shadow, "shadow", false, "ask it too, and answer as before")
	f.BoolVar(&noShadow, "no-shadow", false, "ask it no more as a shadow")
	f.BoolVar(&canary, "canary", false, "give it a part that grows by itself, and take it back where it does worse")
	f.BoolVar(&force, "force", false, "also where it did not hold its gate, or has nothing for fallback=\"popular\"")
	f.StringVar(&reason, "reason", "", "why; it is kept with the change")
	return cmd
}

// deploying changes an endpoint's traffic, and has the server that runs in the project take it in.
func (c *cli) deploying(ctx context.Context, endpoint string, change func(context.Context, *deployment) (*catalog.Traffic, error)) error {
	a, err := c.openApplied(ctx)
	if err != nil {
		return err
	}
	e, err := find("endpoint", a.typed.Endpoints, func(e *feature.Endpoint) string { return e.Name }, endpoint)
	if err != nil {
		return err
	}
	cat, err := openCatalog(ctx, a.Root)
	if err != nil {
		return err
	}
	next, err := setTraffic(ctx, a.Project, cat, e, change)
	if err = errors.Join(err, cat.Close()); err != nil {
		return err
	}
	return c.printTraffic(ctx, a.Project, next)
}

func setTraffic(ctx context.Context, p *project.Project, cat catalog.Catalog, e *feature.Endpoint, change func(context.Context, *deployment) (*catalog.Traffic, error)) (*catalog.Traffic, error) {
	d := &deployment{project: p, catalog: cat, endpoint: e}
	var err error
	if d.aliases, err = cat.Aliases(ctx, e.Model.Name, time.Now()); err != nil {
		return nil, err
	}
	parent := int64(0)
	d.before, err = cat.Traffic(ctx, e.Name)
	if err == nil {
		parent = d.before.ID
	}
	if errors.Is(err, catalog.ErrNone) || err == nil && d.before.Model != e.Model.Name {
		d.before, err = predict.Defined(e, d.aliases), nil
	}
	if err != nil {
		return nil, err
	}
	next, err := change(ctx, d)
	if err != nil {
		return nil, err
	}
	next.ID, next.Endpoint, next.Model, next.At, next.By = 0, e.Name, e.Model.Name, time.Now().UTC(), userName()
	if err := cat.SetTraffic(ctx, parent, next); errors.Is(err, catalog.ErrStale) {
		return nil, mistakef("the traffic of endpoint %s was changed by somebody else this moment; look, and try again", e.Name)
	} else if err != nil {
		return nil, err
	}
	return next, nil
}

// named finds the version that is named, MODEL (its newest), MODEL@3 or MODEL@champion.
func (d *deployment) named(ctx context.Context, text string) (v *catalog.ModelVersion, alias string, err error) {
	name, which, _ := strings.Cut(text, "@")
	if name != d.endpoint.Model.Name {
		return nil, "", mistakef("endpoint %s answers with model %s, not with %q", d.endpoint.Name, d.endpoint.Model.Name, name)
	}
	versions, err := d.catalog.ModelVersions(ctx, name)
	if err != nil {
		return nil, "", err
	}
	if len(versions) == 0 {
		return nil, "", mistakef("model %s has no version yet: bighead train %s", name, name)
	}
	number, err := strconv.ParseInt(which, 10, 64)
	switch {
	case which == "":
		number = versions[0].Number
	case err != nil:
		if number, alias = d.aliases[which], which; number == 0 {
			return nil, "", mistakef("no version of model %s is called %q; names are: %s", name, which, orNone(slices.Sorted(maps.Keys(d.aliases))))
		}
	}
	i := slices.IndexFunc(versions, func(v *catalog.ModelVersion) bool { return v.Number == number })
	if i < 0 {
		return nil, "", mistakef("model %s has no version %d; the newest is %d", name, number, versions[0].Number)
	}
	return versions[i], alias, nil
}

// version finds the version that is named, and refuses what cannot be served.
func (d *deployment) version(ctx context.Context, text string, force bool) (v *catalog.ModelVersion, alias string, err error) {
	if v, alias, err = d.named(ctx, text); err != nil {
		return nil, "", err
	}
	name, number := v.Model, v.Number
	if view := d.endpoint.Model.TrainingSet.View; v.View != view.Name || v.ViewFingerprint != view.Fingerprint {
		return nil, "", mistakef("%s@%d learned from view %s as it was then (%s), and applied is %s (%s): train again, or apply the definitions that it learned from", name, number,
			v.View, feature.Short(v.ViewFingerprint), view.Name, feature.Short(view.Fingerprint))
	}
	if v.Gate != "" && !v.GateHeld && !force {
		return nil, "", mistakef("%s@%d did not hold its gate, %s; --force with a --reason deploys it all the same", name, number, v.Gate)
	}
	lies, err := artifactsOf(d.project)
	if err != nil {
		return nil, "", err
	}
	a, err := lies.open(ctx, v.Artifact)
	if err != nil {
		return nil, "", mistakef("%s@%d cannot be opened, and so is not deployed: %v", name, number, err)
	}
	popular := len(a.Manifest.Popular) > 0
	if err := a.Close(); err != nil {
		return nil, "", err
	}
	if d.endpoint.FallbackPopular && !popular && !force {
		return nil, "", mistakef("%s; --force with a --reason deploys it all the same", predict.NotPopular(name, number))
	}
	return v, alias, lies.share(ctx, v.Artifact) // one of before the project had a bucket
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// with is the traffic with a version taken in.
func (d *deployment) with(number int64, alias string, weight float64, shadow, canary bool) (*catalog.Traffic, error) {
	next := &catalog.Traffic{Routes: slices.Clone(d.before.Routes), Shadows: slices.Clone(d.before.Shadows), Canary: d.before.Canary}
	alone := len(next.Routes) == 0
	asked := slices.ContainsFunc(d.asked(), func(r catalog.Route) bool { return r.Number == number })
	switch {
	case alone && (shadow || canary || weight < 100):
		return nil, mistakef("endpoint %s asks no version yet that another could stand beside: deploy one without --weight, --shadow and --canary first", d.endpoint.Name)
	case next.Canary != nil && (canary || weight < 100):
		return nil, mistakef("a canary is under way at endpoint %s, %s@%d: let it come to its end, or bighead rollback %s", d.endpoint.Name, d.endpoint.Model.Name, next.Canary.Number, d.endpoint.Name)
	case shadow && (asked || next.Canary != nil && next.Canary.Number == number):
		return nil, mistakef("endpoint %s asks %s@%d already, which answers: as a shadow it would be asked twice, and compared with itself; give another version as the shadow, or another the requests first (bighead deploy %[2]s@VERSION --to %[1]s)", d.endpoint.Name,
			d.endpoint.Model.Name, number)
	case shadow:
		if !slices.Contains(next.Shadows, number) {
			next.Shadows = append(next.Shadows, number)
		}
		return next, nil
	case canary:
		if asked {
			return nil, mistakef("endpoint %s asks %s@%d already, which answers: a canary is another version; bighead models %[2]s lists them", d.endpoint.Name, d.endpoint.Model.Name, number)
		}
		next.Canary = &catalog.Canary{Number: number, Steps: canarySteps, Since: time.Now().UTC()}
	case weight == 100:
		next.Canary, next.Routes = nil, []catalog.Route{{Number: number, Weight: 100, Alias: alias}}
	default:
		next.Routes = shared(next.Routes, catalog.Route{Number: number, Weight: weight, Alias: alias})
		if len(next.Routes) == 1 {
			return nil, mistakef("endpoint %s asks no other version that could get the other %g of a hundred requests", d.endpoint.Name, 100-weight)
		}
	}
	next.Shadows = slices.DeleteFunc(next.Shadows, func(n int64) bool { return n == number }) // it is asked now
	return next, nil
}

// withoutShadow is the traffic without a version as a shadow, or where none is named without any. It need not be one that could be deployed: that
// may be why it goes.
func (d *deployment) withoutShadow(ctx context.Context, text string) (*catalog.Traffic, error) {
	v, _, err := d.named(ctx, text)
	if err != nil {
		return nil, err
	}
	next := &catalog.Traffic{Routes: d.before.Routes, Canary: d.before.Canary}
	if strings.Contains(text, "@") {
		next.Shadows = slices.DeleteFunc(slices.Clone(d.before.Shadows), func(n int64) bool { return n == v.Number })
	}
	if len(next.Shadows) < len(d.before.Shadows) {
		return next, nil
	}
	var shadows []string
	for _, n := range d.before.Shadows {
		shadows = append(shadows, fmt.Sprintf("%s@%d", v.Model, n))
	}
	return nil, mistakef("%s is no shadow of endpoint %s; shadows are: %s", text, d.endpoint.Name, orNone(shadows))
}

// shared gives a route its part of a hundred, and what is left to the others as they shared before.
func shared(routes []catalog.Route, r catalog.Route) []catalog.Route {
	others := slices.DeleteFunc(slices.Clone(routes), func(x catalog.Route) bool { return x.Number == r.Number })
	whole := 0.0
	for _, x := range others {
		whole += x.Weight
	}
	for i := range others {
		others[i].Weight *= (100 - r.Weight) / whole
	}
	return append(others, r)
}

func (c *cli) rollbackCommand() *cobra.Command {
	var to int64
	var reason string
	cmd := &cobra.Command{
		Use:   "rollback ENDPOINT",
		Short: "Send an endpoint's requests back to the versions that had them before, or end a canary",
		Args:  exactly("ENDPOINT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.deploying(cmd.Context(), args[0], func(ctx context.Context, d *deployment) (next *catalog.Traffic, err error) {
				if cmd.Flags().Changed("to") {
					v, _, err := d.version(ctx, fmt.Sprintf("%s@%d", d.endpoint.Model.Name, to), true)
					if err != nil {
						return nil, err
					}
					next = &catalog.Traffic{Routes: []catalog.Route{{Number: v.Number, Weight: 100}}, Reason: fmt.Sprintf("rolled back to version %d", v.Number)}
				} else if next, err = d.back(ctx); err != nil {
					return nil, err
				}
				next.Rollback = &catalog.Rollback{Versions: d.sentAway(next)}
				if reason != "" {
					next.Reason += ": " + reason
				}
				return next, nil
			})
		},
	}
	cmd.Flags().Int64Var(&to, "to", 0, "the version that gets all requests")
	cmd.Flags().StringVar(&reason, "reason", "", "why; it is kept with the change")
	return cmd
}

// back is the traffic before the one that is: without the canary that is under way, else with the versions from before that were not rolled back, named by
// their numbers.
func (d *deployment) back(ctx context.Context) (*catalog.Traffic, error) {
	if k := d.before.Canary; k != nil {
		return &catalog.Traffic{Routes: d.before.Routes, Shadows: d.before.Shadows, Reason: fmt.Sprintf("canary %s@%d ended", d.endpoint.Model.Name, k.Number)}, nil
	}
	history, err := d.catalog.TrafficHistory(ctx, d.endpoint.Name)
	if err != nil {
		return nil, err
	}
	now := d.asked()
	var bad []int64 // a second rollback goes further back, and not to what the first one sent away; changes are read newest first
	for _, t := range history {
		if t.Model != d.endpoint.Model.Name {
			continue
		}
		routes := pinned(t.Routes)
		sent := slices.ContainsFunc(routes, func(r catalog.Route) bool { return slices.Contains(bad, r.Number) })
		if t.Rollback != nil {
			bad = append(bad, t.Rollback.Versions...)
		}
		if len(routes) > 0 && !sent && !slices.Equal(routes, now) {
			for _, r := range routes {
				if _, _, err := d.version(ctx, fmt.Sprintf("%s@%d", t.Model, r.Number), true); err != nil {
					return nil, err
				}
			}
			return &catalog.Traffic{Routes: routes, Shadows: d.before.Shadows, Reason: fmt.Sprintf("rolled back to what was asked from %s on", t.At.UTC().Format(time.RFC3339))}, nil
		}
	}
	return nil, mistakef("endpoint %s has asked no other versions before that were not rolled back; --to names one", d.endpoint.Name)
}

// asked are the routes of now, by the versions that they lead to: an alias may have moved since it was deployed.
func (d *deployment) asked() []catalog.Route {
	out := pinned(d.before.Routes)
	for i := range out {
		if n, ok := d.aliases[d.before.Routes[i].Alias]; ok {
			out[i].Number = n
		}
	}
	return out
}

// sentAway are the versions that get requests now, and get none by the next traffic.
func (d *deployment) sentAway(next *catalog.Traffic) []int64 {
	var out []int64
	for _, r := range d.asked() {
		out = append(out, r.Number)
	}
	if d.before.Canary != nil {
		out = append(out, d.before.Canary.Number)
	}
	slices.Sort(out)
	return slices.DeleteFunc(slices.Compact(out), func(n int64) bool {
		return slices.ContainsFunc(next.Routes, func(r catalog.Route) bool { return r.Number == n })
	})
}

// pinned are routes that follow no alias.
func pinned(routes []catalog.Route) []catalog.Route {
	out := slices.Clone(routes)
	for i := range out {
		out[i].Alias = ""
	}
	return out
}

// printTraffic says what an endpoint asks now, and has the server that runs in the project take it in.
func (c *cli) printTraffic(ctx context.Context, p *project.Project, t *catalog.Traffic) error {
	k, err := newCaller(p, "")
	if err != nil && !errors.Is(err, errNoServer) {
		return err
	}
	running := err == nil
	var s predict.Status
	if running {
		if err := k.call(ctx, "POST", "/v1/deployed/"+url.PathEscape(t.Endpoint), "", nil, &s); err != nil {
			return err
		}
	}
	if c.json {
		return json.NewEncoder(c.stdout).Encode(t)
	}
	fmt.Fprintf(c.stdout, "endpoint %s: %s\n", t.Endpoint, trafficText(t))
	switch {
	case !running:
		fmt.Fprintln(c.stderr, "note: no `bighead up` runs in this project; the next one answers so")
	case s.Degraded != "":
		return mistakef("it is written, and the server does not answer so: %s", s.Degraded)
	}
	return nil
}

// askedPart is what of an endpoint's requests a version gets.
type askedPart struct {
	number int64
	alias  string // by which it is asked
	text   string // "99%", "1% as a canary", "as a shadow"
}

// partsOf are the parts of the versions that are asked.
func partsOf(t *catalog.Traffic) (parts []askedPart) {
	whole := 0.0
	for _, r := range t.Routes {
		whole += r.Weight
	}
	rest := 1.0
	if t.Canary != nil {
		rest -= t.Canary.Steps[t.Canary.Step]
	}
	for _, r := range t.Routes {
		parts = append(parts, askedPart{r.Number, r.Alias, fmt.Sprintf("%.4g%%", 100*rest*r.Weight/whole)})
	}
	if t.Canary != nil {
		parts = append(parts, askedPart{t.Canary.Number, "", fmt.Sprintf("%.4g%% as a canary", 100*(1-rest))})
	}
	for _, n := range t.Shadows {
		parts = append(parts, askedPart{n, "", "as a shadow"})
	}
	return parts
}

// trafficText says in words which versions are asked.
func trafficText(t *catalog.Traffic) string {
	var out []string
	for _, p := range partsOf(t) {
		name := fmt.Sprintf("%s@%d", t.Model, p.number)
		if p.alias != "" {
			name += " (" + p.alias + ")"
		}
		out = append(out, name+" "+p.text)
	}
	return strings.Join(out, ", ")
}
