package predict

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/transform"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/oip"
	"github.com/bighead-ml/bighead/value"
)

// Inference is the versions that endpoints ask, as the Open Inference Protocol has them: models by name, asked with the columns of their view, in
// place of what a store knows of a key. No request of it counts for an endpoint: it goes through the pipeline to the model, and no further.
type Inference struct{ *Server }

var _ oip.Models = Inference{}

// Has reports whether a model is some endpoint's.
func (s Inference) Has(name string) bool {
	for _, e := range s.table.Load().endpoints {
		if e.def.Model.Name == name {
			return true
		}
	}
	return false
}

// Index is every version that an endpoint asks, or should ask, by name and number, each with whether it is ready or why not, and the models of
// endpoints that have none.
func (s Inference) Index(ctx context.Context) []oip.State {
	seen := map[versionID]*oip.State{}
	var out []oip.State
	var asked sync.WaitGroup
	for _, name := range s.Names() {
		e, err := s.acquire(name)
		if err != nil {
			continue // it has gone this moment
		}
		defer e.release()
		for _, v := range e.all {
			if seen[v.id()] != nil {
				continue
			}
			st := &oip.State{Name: v.model, Version: strconv.FormatInt(v.number, 10)}
			seen[v.id()] = st
			asked.Go(func() {
				if err := v.ready(ctx, s.o.Now); err != nil {
					st.Reason = unreadiness(err)
				} else {
					st.Ready = true
				}
			})
		}
		for _, u := range e.unopened {
			if id := (versionID{e.def.Model.Name, u.number}); seen[id] == nil {
				seen[id] = &oip.State{Name: id.model, Version: strconv.FormatInt(u.number, 10), Reason: u.reason}
			}
		}
		if len(e.all)+len(e.unopened) == 0 {
			out = append(out, oip.State{Name: e.def.Model.Name, Reason: cmp.Or(e.wrong, "no version is deployed")})
		}
	}
	asked.Wait()
	for _, st := range seen {
		out = append(out, *st)
	}
	slices.SortFunc(out, func(a, b oip.State) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(len(a.Version), len(b.Version)), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Reason, b.Reason))
	})
	return slices.Compact(out)
}

// Model finds a version that an endpoint asks; without a version, the one that gets most of the first endpoint's requests.
func (s Inference) Model(name, number string) (oip.Model, error) {
	t := s.table.Load()
	var models, numbers []string
	var missing *serve.Problem
	for _, n := range t.names {
		e := t.endpoints[n]
		models = append(models, e.def.Model.Name)
		if e.def.Model.Name != name || !e.acquire() {
			continue
		}
		var found *version
		for _, v := range e.all {
			numbers = append(numbers, strconv.FormatInt(v.number, 10))
			if number == "" && len(e.routes) > 0 && v == e.heaviest() || strconv.FormatInt(v.number, 10) == number {
				found = v
			}
		}
		if found != nil {
			return &inferred{server: s.Server, endpoint: e, version: found}, nil
		}
		for _, u := range e.unopened {
			if n := strconv.FormatInt(u.number, 10); n == number || number == "" && len(e.routes) == 0 {
				missing = &serve.Problem{Code: feature.CodeNoVersion, Detail: fmt.Sprintf("version %s of model %s is not there: %s", n, name, u.reason), Cure: "the server tries again by itself", After: time.Second}
			}
		}
		e.release()
	}
	if missing != nil {
		return nil, missing
	}
	if !slices.Contains(models, name) {
		return nil, &serve.Problem{Code: feature.CodeUnknownModel, Detail: fmt.Sprintf("no model %.60q is served", name), Near: expr.Nearest(name, models), Cure: "POST /v2/repository/index lists those that are"}
	}
	if len(numbers) == 0 {
		return nil, &serve.Problem{Code: feature.CodeNoVersion, Detail: "model " + name + " has no version that is asked", Cure: "bighead deploy " + name + " --to ENDPOINT"}
	}
	return nil, &serve.Problem{Code: feature.CodeUnknownModel, Detail: fmt.Sprintf("model %s has no version %.20q that an endpoint asks", name, number), Near: expr.Nearest(number, numbers),
		Cure: "bighead deploy " + name + "@VERSION --to ENDPOINT"}
}

// heaviest is the version with the greatest part of the requests.
func (e *endpoint) heaviest() *version {
	return slices.MaxFunc(e.routes, func(a, b route) int { return cmp.Compare(a.weight, b.weight) }).version
}

// Load is nothing to do for a model that is ready: what is deployed is loaded. What is not deployed is not loaded from here: which versions answer is
// what the catalog keeps, with who, when and why, and a caller of the protocol says none of that.
func (s Inference) Load(ctx context.Context, name string) error {
	m, err := s.Model(name, "")
	var p *serve.Problem
	if errors.As(err, &p) && p.Code == feature.CodeUnknownModel {
		p.Cure = "bighead deploy " + shortened(name) + " --to ENDPOINT has an endpoint ask a version that was trained, and keeps who did it and why"
		return p
	} else if err != nil {
		return err
	}
	defer m.Release()
	return m.Ready(ctx)
}

// Unload is refused: an endpoint asks the model, and what it asks is changed as Load says.
func (s Inference) Unload(_ context.Context, name string) error {
	m, err := s.Model(name, "")
	if err != nil {
		return err
	}
	m.Release()
	return &serve.Problem{Code: feature.CodeUnknownCall, Detail: "model " + name + " is what an endpoint answers with, and is not unloaded from here", Cure: "bighead deploy sends the endpoint's requests elsewhere, and keeps who did it and why"}
}

// inferred is a version for the protocol, which stays open until Release.
type inferred struct {
	server   *Server
	endpoint *endpoint
	version  *version
}

func (m *inferred) Name() string            { return m.version.model }
func (m *inferred) Version() string         { return strconv.FormatInt(m.version.number, 10) }
func (m *inferred) Format() string          { return m.version.artifact.Model.Info().Format }
func (m *inferred) Columns() value.Schema   { return m.version.artifact.Manifest.Schema() }
func (m *inferred) Outputs() []model.Output { return m.version.artifact.Model.Info().Outputs }
func (m *inferred) Release()                { m.endpoint.release() }

// Versions are those of the model that some endpoint asks, by number.
func (m *inferred) Versions() []string {
	var numbers []int64
	for _, e := range m.server.table.Load().endpoints {
		for _, v := range e.all {
			if v.model == m.version.model {
				numbers = append(numbers, v.number)
			}
		}
	}
	slices.Sort(numbers)
	var out []string
	for _, n := range slices.Compact(numbers) {
		out = append(out, strconv.FormatInt(n, 10))
	}
	return out
}

// Ready is nil where a request of now could be answered.
func (m *inferred) Ready(ctx context.Context) error {
	if err := m.version.ready(ctx, m.server.o.Now); err != nil {
		return notReady(m.version, err)
	}
	return nil
}

// Infer answers rows of columns, as Predict does those of a view.
func (m *inferred) Infer(ctx context.Context, in *value.Batch, out [][]float64) error {
	w := m.version.workers.Get().(*worker)
	defer w.give()
	err := w.infer(ctx, w.read(in), out)
	if errors.Is(err, errLeftAlone) {
		return modelLeftAlone(m.version)
	}
	var row *rowRefused
	if errors.As(err, &row) {
		p := refused(m.version, row.name, row.reason)
		p.Detail = fmt.Sprintf("row %d: %s", row.row, p.Detail)
		return p
	}
	return err
}

// read is those of the manifest's columns that the version reads. What a client is asked for does not change while the version is there: it still
// sends what the manifest of an older bighead names, and that nobody reads.
func (w *worker) read(in *value.Batch) *value.Batch {
	if len(w.v.places) == len(in.Columns) {
		return in
	}
	w.given.Schema, w.given.N, w.given.Columns = w.in.Schema, in.N, w.given.Columns[:0]
	for _, i := range w.v.places {
		w.given.Columns = append(w.given.Columns, in.Columns[i])
	}
	return &w.given
}

// infer has the version answer a batch of its columns with what is wanted of its outputs.
func (w *worker) infer(ctx context.Context, in *value.Batch, out [][]float64) error {
	if err := w.prepare(in); err != nil {
		return err
	}
	call := func(ctx context.Context) error { return w.v.artifact.Model.Predict(ctx, &w.batch, out) }
	if w.v.guard == nil {
		return rowOf(call(ctx))
	}
	left, err := w.v.guard.do(ctx, w.v, call)
	w.lent = left
	return rowOf(err)
}

// prepare takes a batch of the version's columns through its pipeline into the model's batch.
func (w *worker) prepare(in *value.Batch) error {
	source := in.Columns
	if w.applier != nil {
		out, err := w.applier.Apply(in)
		var row *transform.RowError
		if errors.As(err, &row) {
			return &rowRefused{row.Row, row.Column, row.Reason}
		} else if err != nil {
			return err
		}
		source = out.Columns
	}
	for i, c := range w.v.inputs {
		w.chosen[i] = source[c]
	}
	return rowOf(w.batch.Fill(w.v.artifact.Model.Info(), w.chosen, in.N))
}

// rowOf is a model's error as the worker's, where it is one row's.
func rowOf(err error) error {
	var row *model.RowError
	if errors.As(err, &row) {
		return &rowRefused{row.Row, row.Input, row.Reason}
	}
	return err
}
