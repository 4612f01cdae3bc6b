package oip

import (
	"context"

	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/value"
)

// Models are the models that can be asked. It is safe for concurrent use.
type Models interface {
	// Has reports whether there is a model of that name. It is asked at every request.
	Has(name string) bool
	// Index is every model that is known with its state, by name and version. One that has not said within the context's time is not ready.
	Index(ctx context.Context) []State
	// Model finds one that is there; version "" is the one that requests without a version go to. It stays good until Release. What is not
	// there is a *serve.Problem.
	Model(name, version string) (Model, error)
	// Load makes a model ready, Unload lets it go; a *serve.Problem where it cannot be.
	Load(ctx context.Context, name string) error
	Unload(ctx context.Context, name string) error
}

// State is one version of a model in the index.
type State struct {
	Name, Version string
	Ready         bool
	Reason        string // why it is not ready
}

// Model is one version of a model.
type Model interface {
	Name() string
	Version() string
	Versions() []string // those of the model that can be asked
	// Ready is nil where a request of now could be answered, else a *serve.Problem, at the latest when the context ends.
	Ready(ctx context.Context) error
	Format() string // "tree: lightgbm text v4"
	// Columns are what it is asked with: what goes into its pipeline.
	Columns() value.Schema
	Outputs() []model.Output
	// Infer answers rows of Columns: out[i] gets Outputs()[i], Width numbers a row; a nil out[i] is not wanted.
	Infer(ctx context.Context, in *value.Batch, out [][]float64) error
	Release()
}
