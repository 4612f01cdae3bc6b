package predict

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/bighead-ml/bighead/catalog"
	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/transform"
	"github.com/bighead-ml/bighead/serve/breaker"
	"github.com/bighead-ml/bighead/value"
)

// version is a version of a model, opened. It is shared by all states of endpoints that ask it, and closed when none is left.
type version struct {
	model    string
	number   int64
	artifact *model.Artifact
	columns  []model.ManifestColumn // of the manifest, that it reads
	places   []int                  // of those in the manifest
	pipeline *transform.Pipeline    // over columns; nil: they go in as they are
	inputs   []int                  // of the pipeline's columns, or the manifest's: which are the model's
	classes  []string               // of several classes their names
	workers  sync.Pool              // of *worker
	guard    *guard                 // nil: the model is in this process
	health   health                 // of a model elsewhere
	refs     atomic.Int64
	closed   func(*version, error)
}

// versionID names a version.
type versionID struct {
	model  string
	number int64
}

func (v *version) id() versionID { return versionID{v.model, v.number} }

// String is the version as commands name it.
func (id versionID) String() string { return fmt.Sprintf("%s@%d", id.model, id.number) }

// load opens a version and sees that pipeline and model fit each other. It has one reference, the caller's.
func (s *Server) load(ctx context.Context, mv *catalog.ModelVersion) (*version, error) {
	a, err := s.open(ctx, mv.Artifact)
	if err != nil {
		return nil, err
	}
	v := &version{model: mv.Model, number: mv.Number, artifact: a, closed: s.versionClosed}
	if err := v.fit(); err != nil {
		return nil, errors.Join(fmt.Errorf("artifact %s: %w", mv.Artifact, err), a.Close())
	}
	if a.Model.Info().Elsewhere {
		v.guard = &guard{Breaker: breaker.New(s.o.Now), name: v.id().String(), log: s.log}
	}
	v.workers.New = func() any { return v.newWorker() }
	v.refs.Store(1)
	return v, nil
}

// fit finds the columns that the model's inputs are.
func (v *version) fit() error {
	m := v.artifact.Manifest
	if m.Model != v.model {
		return fmt.Errorf("it is of model %s", m.Model)
	}
	reads, p, err := readers(m)
	if err != nil {
		return err
	}
	for i, c := range m.Columns {
		if slices.Contains(reads, c.Name) {
			v.columns, v.places = append(v.columns, c), append(v.places, i)
		}
	}
	columns := schemaOf(v.columns)
	if v.pipeline = p; p != nil {
		columns = nil
		for _, c := range p.Columns() {
			columns = append(columns, value.Field{Name: c.Name, Type: c.Type})
		}
		if err := v.artifact.Takes(columns); err != nil {
			return err
		}
	}
	if n := v.artifact.Answer.Width; n > 1 {
		v.classes = classNames(n, m.Classes, v.artifact.Model.Info().Classes)
	}
	for _, name := range m.Inputs {
		v.inputs = append(v.inputs, columns.Index(name))
	}
	return nil
}

// readers are the columns of a manifest that have a reader, a step of its pipeline or the model, and the pipeline over them alone. Training names
// no others in a manifest; a bighead of before named all that the training set has.
func readers(m *model.Manifest) (columns []string, p *transform.Pipeline, err error) {
	if m.Pipeline == nil {
		return m.Inputs, nil, nil
	}
	if p, err = transform.Decode(m.Pipeline); err != nil {
		return nil, nil, err
	}
	if err := sameColumns(p.Input(), m.Schema()); err != nil {
		return nil, nil, err
	}
	if p, err = p.Narrow(m.Inputs); err != nil {
		return nil, nil, err
	}
	return p.Input().Names(), p, nil
}

// ReadColumns are the columns of its view that a version reads. Where its pipeline is none, so that it cannot be opened either, they are all that
// the manifest names.
func ReadColumns(m *model.Manifest) []model.ManifestColumn {
	names, _, err := readers(m)
	if err != nil {
		return m.Columns
	}
	return slices.DeleteFunc(slices.Clone(m.Columns), func(c model.ManifestColumn) bool { return !slices.Contains(names, c.Name) })
}

func schemaOf(columns []model.ManifestColumn) value.Schema {
	s := make(value.Schema, len(columns))
	for i, c := range columns {
		s[i] = value.Field{Name: c.Name, Type: c.Type}
	}
	return s
}

func sameColumns(reads, has value.Schema) error {
	if len(reads) != len(has) {
		return fmt.Errorf("its pipeline reads %d columns, and its manifest names %d", len(reads), len(has))
	}
	for i, c := range reads {
		if c.Name != has[i].Name || !c.Type.Equal(has[i].Type) {
			return fmt.Errorf("its pipeline reads column %q, %s, where its manifest has %q, %s", c.Name, c.Type, has[i].Name, has[i].Type)
		}
	}
	return nil
}

func (v *version) retain() { v.refs.Add(1) }

func (v *version) release() {
	if v.refs.Add(-1) == 0 {
		v.closed(v, v.artifact.Close())
	}
}

// likeliest is the class of the greatest probability.
func likeliest(classes []string, scores []float64) string {
	best := 0
	for i, x := range scores {
		if x > scores[best] {
			best = i
		}
	}
	return classes[best]
}

// classNames are the names of n classes: the first that there are, which are the manifest's and then those that the model has, else their numbers.
func classNames(n int, known ...[]string) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = strconv.Itoa(i)
		for _, names := range known {
			if i < len(names) {
				out[i] = names[i]
				break
			}
		}
	}
	return out
}
