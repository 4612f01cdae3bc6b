package python

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/sdk"
	"github.com/bighead-ml/bighead/value"
)

// Options say how workers are run.
type Options struct {
	// Interpreter finds the Python of an environment by the hash of its lock, "" being the project's own.
	Interpreter func(lock string) (path string, err error)
	Workers     int           // processes for each model, at least 1
	Timeout     time.Duration // how long an answer, and a start, may take before the worker is killed
	Memory      int64         // bytes of address space of each worker; 0: no limit
	Backoff     time.Duration // how long a worker that ended is left before it is started again, the first time; 0: 200 ms
}

// Runtime opens pickled models.
type Runtime struct{ options Options }

// New is a runtime with options.
func New(o Options) *Runtime {
	if o.Backoff <= 0 {
		o.Backoff = 200 * time.Millisecond
	}
	return &Runtime{o}
}

// description is worker.json, which training writes beside a pickle.
type description struct {
	Version int        `json:"version"`
	Pickle  string     `json:"pickle"`
	Lock    string     `json:"lock"`
	As      string     `json:"as"`
	Task    model.Task `json:"task"`
	Inputs  []struct {
		Name string `json:"name"`
		Type string `json:"type"`
	} `json:"inputs"`
	Output struct {
		Name  string `json:"name"`
		Kind  string `json:"kind"`
		Width int    `json:"width"`
	} `json:"output"`
}

const (
	descriptionName    = "worker.json"
	descriptionVersion = 1
	maxDescription     = 16 << 20
	maxWidth           = 1 << 16
	maxRowBytes        = 1 << 30 // of a request
)

// Open starts the workers of the model that a description names, and waits until each has loaded it.
func (r *Runtime) Open(ctx context.Context, path string) (model.Model, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	d, err := describe(path)
	if err != nil {
		return nil, err
	}
	m, err := r.open(ctx, d, filepath.Join(filepath.Dir(path), d.Pickle))
	if err != nil {
		return nil, fmt.Errorf("open model %s: %w", path, err)
	}
	return m, nil
}

func describe(path string) (*description, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("open model: %w", err)
	}
	if !info.Mode().IsRegular() || filepath.Base(path) != descriptionName {
		return nil, fmt.Errorf("open model %s: %w: it is no %s, which training writes beside a pickle where a model says pickle=True", path, model.ErrForeign, descriptionName)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open model: %w", err)
	}
	defer f.Close()
	d := &description{}
	decoder := json.NewDecoder(io.LimitReader(f, maxDescription))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(d); err != nil {
		return nil, fmt.Errorf("open model %s: %w", path, err)
	}
	if err := d.valid(); err != nil {
		return nil, fmt.Errorf("open model %s: %w", path, err)
	}
	return d, nil
}

func (d *description) valid() error {
	switch {
	case d.Version != descriptionVersion:
		return fmt.Errorf("it is of format %d, and this bighead reads %d", d.Version, descriptionVersion)
	case d.Pickle == "" || d.Pickle != filepath.Base(d.Pickle) || strings.ContainsAny(d.Pickle, "/\\:\x00") || d.Pickle == "..":
		return fmt.Errorf("pickle %q is no file beside it", d.Pickle)
	case strings.ContainsAny(d.Lock, "/\\.:\x00"):
		return fmt.Errorf("lock %q is no hash", d.Lock)
	case d.As != "pandas" && d.As != "polars" && d.As != "arrow":
		return fmt.Errorf("as %q: rows are given as pandas, polars or arrow", d.As)
	case len(d.Inputs) == 0 || len(d.Inputs) > maxWidth:
		return fmt.Errorf("%d inputs", len(d.Inputs))
	case d.Output.Name == "" || d.Output.Width < 1 || d.Output.Width > maxWidth:
		return fmt.Errorf("output %q of %d numbers", d.Output.Name, d.Output.Width)
	case d.Output.Kind != model.Probability.String() && d.Output.Kind != model.Value.String():
		return fmt.Errorf("output of kind %q", d.Output.Kind)
	}
	seen := map[string]bool{}
	for _, in := range d.Inputs {
		if in.Name == "" || seen[in.Name] || in.Type != "float" && in.Type != "string" {
			return fmt.Errorf("input %q of type %q has no name, another's, or no type that is known", in.Name, in.Type)
		}
		seen[in.Name] = true
	}
	return nil
}

func (d *description) info() model.Info {
	info := model.Info{Format: "python pickle", Elsewhere: true, Outputs: []model.Output{{Name: d.Output.Name, Kind: model.Value, Width: d.Output.Width}}}
	if d.Output.Kind == model.Probability.String() {
		info.Outputs[0].Kind = model.Probability
	}
	for _, in := range d.Inputs {
		t := value.Float
		if in.Type == "string" {
			t = value.String
		}
		info.Inputs = append(info.Inputs, model.Input{Name: in.Name, Type: t})
	}
	return info
}

// workerSource is what a worker runs.
func workerSource() (string, error) {
	f, err := sdk.Files().Open("bighead/_worker.py")
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	return string(text) + "\nmain()\n", err
}

func (r *Runtime) open(ctx context.Context, d *description, pickle string) (*Model, error) {
	if r.options.Workers < 1 || r.options.Timeout <= 0 {
		return nil, fmt.Errorf("%d workers with a time of %s: there must be at least one, which has some time to answer ([models] python_workers, python_timeout)", r.options.Workers, r.options.Timeout)
	}
	if _, err := os.Stat(pickle); err != nil {
		return nil, err
	}
	pickle, err := filepath.Abs(pickle)
	if err != nil {
		return nil, err
	}
	python, err := r.options.Interpreter(d.Lock)
	if err != nil {
		return nil, err
	}
	source, err := workerSource()
	if err != nil {
		return nil, err
	}
	m := &Model{options: r.options, info: d.info(), task: d.Task, closed: make(chan struct{})}
	m.numbers, m.texts = m.info.Widths()
	m.command = command{python: python, source: source, start: map[string]any{
		"pickle": pickle, "as": d.As, "task": d.Task, "inputs": d.Inputs, "memory": r.options.Memory, "parent": os.Getpid(),
	}}
	started := make(chan error, r.options.Workers)
	for range r.options.Workers {
		m.running.Go(func() { m.supervise(started) })
	}
	for range r.options.Workers {
		select {
		case startErr := <-started:
			err = startErr
		case <-ctx.Done():
			err = ctx.Err()
		}
		if err != nil {
			_ = m.Close() // of what did not start
			return nil, err
		}
	}
	return m, nil
}

// probability tells whether a number may be one.
func probability(x float64) bool { return x >= 0 && x <= 1 && !math.IsNaN(x) }
