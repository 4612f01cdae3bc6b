package oip_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/oip"
	"github.com/bighead-ml/bighead/value"
)

// world is models of which every answer can be computed by heart: the first output is the sum of a row's numbers, missing ones counted as
// 100, and of the lengths of its texts.
type world struct {
	models   []*fake
	held     atomic.Int64 // models that were not released
	unloaded atomic.Bool
	unwell   atomic.Value // of string; "": all are well
	fails    error
}

// unanswered is the first number of a row that has no answer: NaN.
const unanswered = -4096

type fake struct {
	w       *world
	name    string
	version string
	columns value.Schema
	outputs []model.Output
}

func newWorld() *world {
	w := &world{}
	margin := []model.Output{{Name: "prediction", Kind: model.Probability, Width: 1}, {Name: "both", Kind: model.Value, Width: 2}, {Name: "class", Kind: model.Class, Width: 1}, {Name: "leaf", Kind: model.Leaf, Width: 3}}
	numbers := value.Schema{{Name: "x", Type: value.Float}, {Name: "n", Type: value.Int}, {Name: "wet", Type: value.Bool}}
	mixed := append(numbers[:2:2], value.Field{Name: "carrier", Type: value.String}, value.Field{Name: "at", Type: value.Timestamp}, value.Field{Name: "day", Type: value.Date},
		value.Field{Name: "tags", Type: value.ListOf(value.String)})
	w.models = []*fake{
		{w, "late", "1", numbers, margin[:1]}, {w, "late", "2", numbers, margin}, {w, "mixed names", "7", mixed, margin[:1]},
	}
	return w
}

func (w *world) Has(name string) bool {
	return name == "broken" || slices.ContainsFunc(w.models, func(m *fake) bool { return m.name == name })
}

func (w *world) Index(ctx context.Context) []oip.State {
	var out []oip.State
	for _, m := range w.models {
		s := oip.State{Name: m.name, Version: m.version, Ready: true}
		if m.Ready(ctx) != nil {
			s.Ready, s.Reason = false, "it is unwell"
		}
		if m.name == "late" && w.unloaded.Load() {
			s.Ready, s.Reason = false, "unloaded"
		}
		out = append(out, s)
	}
	return append(out, oip.State{Name: "broken", Version: "1", Reason: "the file was cut off"})
}

func (w *world) Model(name, version string) (oip.Model, error) {
	if name == "broken" || name == "late" && w.unloaded.Load() {
		return nil, &serve.Problem{Code: feature.CodeNoVersion, Detail: "model " + name + " is not ready"}
	}
	for i := len(w.models) - 1; i >= 0; i-- {
		if m := w.models[i]; m.name == name && (version == "" || version == m.version) {
			w.held.Add(1)
			return m, nil
		}
	}
	return nil, &serve.Problem{Code: feature.CodeUnknownModel, Detail: fmt.Sprintf("no model %q, version %q", name, version)}
}

func (w *world) Load(_ context.Context, name string) error   { return w.set(name, false) }
func (w *world) Unload(_ context.Context, name string) error { return w.set(name, true) }

func (w *world) set(name string, unloaded bool) error {
	if name != "late" {
		return &serve.Problem{Code: feature.CodeUnknownModel, Detail: "no model " + name}
	}
	w.unloaded.Store(unloaded)
	return nil
}

func (m *fake) Name() string            { return m.name }
func (m *fake) Version() string         { return m.version }
func (m *fake) Format() string          { return "fake" }
func (m *fake) Columns() value.Schema   { return m.columns }
func (m *fake) Outputs() []model.Output { return m.outputs }
func (m *fake) Release()                { m.w.held.Add(-1) }

func (m *fake) Ready(ctx context.Context) error {
	unwell, _ := m.w.unwell.Load().(string)
	if unwell == "hangs" {
		<-ctx.Done()
	}
	if unwell != "" {
		return &serve.Problem{Code: feature.CodeModelFailed, Detail: "version " + m.version + " of model " + m.name + " is not ready: " + unwell}
	}
	return nil
}

func (m *fake) Versions() []string {
	var out []string
	for _, o := range m.w.models {
		if o.name == m.name {
			out = append(out, o.version)
		}
	}
	return out
}

func (m *fake) Infer(ctx context.Context, in *value.Batch, out [][]float64) error {
	if m.w.fails != nil {
		if strings.Contains(m.w.fails.Error(), "hangs") {
			<-ctx.Done()
			return ctx.Err()
		}
		return m.w.fails
	}
	for row := range in.N {
		sum := 0.0
		if v := in.Row(row)[0]; !v.IsNull() && v.Number() == unanswered {
			sum = math.NaN()
		}
		for _, v := range in.Row(row) {
			switch {
			case v.IsNull():
				sum += 100
			case v.Kind() == value.KindString:
				sum += float64(len(v.Str()))
			case v.Kind() == value.KindList:
				sum += float64(v.Len())
			case v.Kind() == value.KindBool && v.Bool():
				sum++
			case v.Kind() != value.KindBool:
				sum += v.Number()
			}
		}
		for i, o := range m.outputs[:len(out)] {
			for k := range o.Width {
				if out[i] != nil {
					out[i][row*o.Width+k] = sum + float64(k)
				}
			}
		}
	}
	return nil
}
