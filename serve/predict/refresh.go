package predict

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bighead-ml/bighead/catalog"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/model"
)

// Refresh answers the endpoints as they are defined, and with the versions that the catalog has for them, from now on. Requests that have begun
// are finished with what they began with. New versions are opened, and have answered their rows of check, before anybody is sent to them; one that
// cannot be opened leaves its endpoint's versions as they are, and Degraded says so. The error is of reading the catalog: then all stays as it is.
func (s *Server) Refresh(ctx context.Context, endpoints []*feature.Endpoint, models catalog.Models) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	plans := make([]*routing, len(endpoints))
	for i, d := range endpoints {
		var err error
		if plans[i], err = s.routing(ctx, d, models); err != nil {
			return fmt.Errorf("endpoint %s: %w", d.Name, err)
		}
	}
	old, next := s.table.Load(), &table{endpoints: map[string]*endpoint{}}
	for i, d := range endpoints {
		e := s.build(ctx, d, plans[i], models, old.endpoints[d.Name])
		if e.wrong != "" && (old.endpoints[d.Name] == nil || old.endpoints[d.Name].wrong != e.wrong) {
			s.log.WarnContext(ctx, "an endpoint is not answered as it is deployed", "endpoint", d.Name, "reason", e.wrong)
		}
		next.endpoints[d.Name] = e
	}
	s.keepTrials(next)
	s.swap(next)
	return nil
}

// champion is the alias that an endpoint asks whose definition names no version.
const champion = "champion"

// routing is what an endpoint should ask, by the catalog or, where nothing was deployed yet, by its definition.
type routing struct {
	traffic  *catalog.Traffic
	champion int64 // the version that is called so; 0: none is
	reserve  int64 // the version that most requests went to before; 0: none
	wrong    string
}

func (s *Server) routing(ctx context.Context, d *feature.Endpoint, models catalog.Models) (*routing, error) {
	r, err := routingOf(ctx, d, models, s.o.Now())
	if err == nil && d.FallbackLast && r.traffic.ID != 0 {
		r.reserve, err = s.before(ctx, d, r.traffic, models)
	}
	return r, err
}

func routingOf(ctx context.Context, d *feature.Endpoint, models catalog.Models, now time.Time) (*routing, error) {
	aliases, err := models.Aliases(ctx, d.Model.Name, now)
	if err != nil {
		return nil, err
	}
	t, err := models.Traffic(ctx, d.Name)
	if errors.Is(err, catalog.ErrNone) || err == nil && t.Model != d.Model.Name { // what was deployed was another model's
		return defined(d, aliases), nil
	} else if err != nil {
		return nil, err
	}
	return &routing{traffic: resolved(t, aliases), champion: aliases[champion]}, nil
}

// Asked are the versions that an endpoint should ask, by the catalog or, where nothing was deployed yet, by its definition: those that answer,
// the canary, and shadows, each once.
func Asked(ctx context.Context, d *feature.Endpoint, models catalog.Models, now time.Time) ([]int64, error) {
	r, err := routingOf(ctx, d, models, now)
	if err != nil {
		return nil, err
	}
	var out []int64
	for _, x := range r.traffic.Routes {
		out = append(out, x.Number)
	}
	if r.traffic.Canary != nil {
		out = append(out, r.traffic.Canary.Number)
	}
	out = append(out, r.traffic.Shadows...)
	slices.Sort(out)
	return slices.Compact(out), nil
}

// resolved is traffic whose routes by alias lead where the aliases do now.
func resolved(t *catalog.Traffic, aliases map[string]int64) *catalog.Traffic {
	out := *t
	out.Routes = slices.Clone(t.Routes)
	for i := range out.Routes {
		if n, ok := aliases[out.Routes[i].Alias]; ok {
			out.Routes[i].Number = n
		}
	}
	return &out
}

// Defined is the traffic that an endpoint's definition asks for, as long as nothing is deployed to it, by what its model's aliases mean.
func Defined(d *feature.Endpoint, aliases map[string]int64) *catalog.Traffic {
	return defined(d, aliases).traffic
}

func defined(d *feature.Endpoint, aliases map[string]int64) *routing {
	r := &routing{traffic: &catalog.Traffic{Endpoint: d.Name, Model: d.Model.Name}, champion: aliases[champion]}
	var missing []string
	find := func(version string) (number int64, alias string) {
		if n, err := strconv.ParseInt(version, 10, 64); err == nil {
			return n, ""
		}
		n, ok := aliases[version]
		if !ok {
			missing = append(missing, version)
		}
		return n, version
	}
	weights := d.Traffic
	if len(weights) == 0 {
		weights = []feature.Weighted{{Version: champion, Weight: 1}}
	}
	for _, w := range weights {
		if n, alias := find(w.Version); n != 0 {
			r.traffic.Routes = append(r.traffic.Routes, catalog.Route{Number: n, Alias: alias, Weight: w.Weight})
		}
	}
	if d.Shadow != "" {
		if n, _ := find(d.Shadow); n != 0 {
			r.traffic.Shadows = append(r.traffic.Shadows, n)
		}
	}
	if len(missing) > 0 {
		r.wrong = fmt.Sprintf("model %s has no version that is called %s", d.Model.Name, strings.Join(missing, ", nor "))
	}
	return r
}

// before is the version that got most requests before those that get them now did, and was good: one that a rollback has sent away was not, unless
// it was deployed again after that. Changes are read newest first, so what a rollback says holds for those that are read after it.
func (s *Server) before(ctx context.Context, d *feature.Endpoint, now *catalog.Traffic, models catalog.Models) (int64, error) {
	history, err := models.TrafficHistory(ctx, d.Name)
	if err != nil {
		return 0, err
	}
	var bad []int64
	for _, t := range history {
		if t.Model != d.Model.Name { // numbers are another model's
			continue
		}
		if n := heaviest(t, bad); n != 0 && n != heaviest(now, nil) {
			return n, nil
		}
		if t.Rollback != nil {
			bad = append(bad, t.Rollback.Versions...)
		}
	}
	return 0, nil
}

// heaviest is the version with the greatest weight of those that are not left out; 0: there is none.
func heaviest(t *catalog.Traffic, without []int64) (number int64) {
	most := 0.0
	for _, r := range t.Routes {
		if r.Weight > most && !slices.Contains(without, r.Number) {
			number, most = r.Number, r.Weight
		}
	}
	return number
}

// build makes the state of an endpoint, with references to its versions.
func (s *Server) build(ctx context.Context, d *feature.Endpoint, r *routing, models catalog.Models, old *endpoint) *endpoint {
	e := newEndpoint(d)
	e.wrong = r.wrong
	open := func(number int64) *version {
		v, err := s.version(ctx, models, versionID{d.Model.Name, number})
		if err == nil && v.artifact.Manifest.View != d.Model.TrainingSet.View.Name {
			v, err = nil, fmt.Errorf("%s@%d learned from view %s, and the endpoint's model is over view %s", d.Model.Name, number, v.artifact.Manifest.View, d.Model.TrainingSet.View.Name)
		}
		if err != nil {
			e.wrong = err.Error()
			e.unopened = append(e.unopened, unopened{number, e.wrong})
			return nil
		}
		return v
	}
	e.take(r, open, s.trial)
	if e.wrong != "" && r.wrong == "" && old != nil && len(old.routes) > 0 && old.def.Model.Name == d.Model.Name {
		wrong, missing := e.wrong+"; the versions that were asked before are asked on", e.unopened
		e = newEndpoint(d)
		e.wrong, e.unopened = wrong, missing
		e.takeFrom(old)
	}
	if d.FallbackPopular {
		if err := s.popular(ctx, e, models); err != nil && e.wrong == "" {
			e.wrong = err.Error()
		}
	}
	for _, v := range e.all {
		v.retain()
	}
	e.champion = r.champion
	return e
}

// popular has an endpoint fall back on what most of the training of the version says that gets most of its requests, also where that version cannot
// be opened: then a stand-in is wanted most.
func (s *Server) popular(ctx context.Context, e *endpoint, models catalog.Models) error {
	id := versionID{e.def.Model.Name, heaviest(e.traffic, nil)}
	if id.number == 0 {
		return nil // nothing is deployed, which is what is wrong
	}
	m, known, err := s.manifest(ctx, models, id)
	switch {
	case err != nil:
		return fmt.Errorf("there is nothing to fall back on: %s: %w", id, err)
	case len(m.Popular) == 0:
		return errors.New(NotPopular(id.model, id.number))
	}
	e.fallback = m.Popular
	if n := len(m.Popular); n > 1 {
		e.classes, e.width = classNames(n, m.Classes, known), max(e.width, n)
	}
	return nil
}

// NotPopular says why an endpoint whose fallback is "popular" has none with a version, and what to do.
func NotPopular(name string, number int64) string {
	return fmt.Sprintf("%s@%d has nothing for fallback=\"popular\": it is from before trainings kept how the labels of their rows lie, or had none; bighead train %s makes a version that has, or give the endpoint another fallback=", name, number, name)
}

// manifest is a version's, with the names of classes that its model has, where it is open.
func (s *Server) manifest(ctx context.Context, models catalog.Models, id versionID) (m *model.Manifest, classes []string, err error) {
	if v := s.versions[id]; v != nil {
		return v.artifact.Manifest, v.artifact.Model.Info().Classes, nil
	}
	if s.o.Manifest == nil {
		return nil, nil, errors.New("it is not open")
	}
	v, err := models.ModelVersion(ctx, id.model, id.number)
	if err != nil {
		return nil, nil, err
	}
	m, err = s.o.Manifest(ctx, v.Artifact)
	return m, nil, err
}
