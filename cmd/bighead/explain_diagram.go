package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bighead-ml/bighead/catalog"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/model/transform"
)

// diagramForms are how a pipeline is drawn.
var diagramForms = []string{"text", "svg"}

// drawnPipeline is a pipeline's diagram, as JSON in both forms.
type drawnPipeline struct {
	Model   string `json:"model"`
	Version int64  `json:"version,omitempty"` // of which it is; 0: the definition's, before it is fitted
	Text    string `json:"text"`
	SVG     string `json:"svg"`
}

// diagram draws the pipeline of a model as it is defined, or of MODEL@3 and MODEL@champion as it was fitted.
func (c *cli) diagram(ctx context.Context, name, form string) error {
	if !slices.Contains(diagramForms, form) {
		return usagef("--diagram %s: write --diagram %s", form, strings.Join(diagramForms, " or "))
	}
	of, d, err := c.drawingOf(ctx, name)
	if err != nil {
		return err
	}
	switch {
	case c.json:
		of.Text, of.SVG = d.Text(), d.SVG()
		return json.NewEncoder(c.stdout).Encode(of)
	case form == "svg":
		_, err = fmt.Fprint(c.stdout, d.SVG())
	default:
		_, err = fmt.Fprint(c.stdout, d.Text())
	}
	return err
}

func (c *cli) drawingOf(ctx context.Context, name string) (*drawnPipeline, *transform.Diagram, error) {
	if model, which, ok := strings.Cut(name, "@"); ok {
		return c.fittedDrawing(ctx, model, which)
	}
	l, err := c.load(ctx)
	if err != nil {
		return nil, nil, err
	}
	i := slices.IndexFunc(l.typed.Models, func(m *feature.Model) bool { return m.Name == name })
	if i < 0 {
		return nil, nil, noModel(l, name)
	}
	m := l.typed.Models[i]
	d, err := transform.Draw(m.TrainingSet.ModelSchema(), m.Steps)
	return &drawnPipeline{Model: name}, d, err
}

// noModel says that a name is no model's, which alone has a pipeline.
func noModel(l *loaded, name string) error {
	names := namesOf(l.typed.Models, func(m *feature.Model) string { return m.Name }, nil)
	switch near := expr.Nearest(name, names); {
	case slices.Contains(l.names(), name):
		return mistakef("--diagram draws the pipeline of a model, and %q is none; models are: %s", name, orNone(names))
	case len(near) > 0:
		return mistakef("no model is called %q; did you mean %q?", name, near[0])
	}
	return mistakef("no model is called %q; models are: %s", name, orNone(names))
}

// fittedDrawing draws what a version's artifact has, whatever the definitions say by now.
func (c *cli) fittedDrawing(ctx context.Context, name, which string) (of *drawnPipeline, d *transform.Diagram, err error) {
	p, err := c.open()
	if err != nil {
		return nil, nil, err
	}
	lies, err := artifactsOf(p)
	if err != nil {
		return nil, nil, err
	}
	cat, err := openCatalog(ctx, p.Root)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, cat.Close()) }()
	v, err := versionNamed(ctx, cat, name, which)
	if err != nil {
		return nil, nil, err
	}
	m, err := lies.manifest(ctx, v.Artifact)
	if err != nil {
		return nil, nil, err
	}
	of = &drawnPipeline{Model: name, Version: v.Number}
	if m.Pipeline == nil {
		d, err = transform.Draw(m.Schema(), nil)
		return of, d, err
	}
	fitted, err := transform.Decode(m.Pipeline)
	if err != nil {
		return nil, nil, fmt.Errorf("model %s version %d: %w", name, v.Number, err)
	}
	return of, fitted.Diagram(), nil
}

// versionNamed finds a version by its number or alias.
func versionNamed(ctx context.Context, cat catalog.Catalog, name, which string) (*catalog.ModelVersion, error) {
	if _, err := versionsOf(ctx, cat, name); err != nil {
		return nil, err
	}
	number, err := strconv.ParseInt(which, 10, 64)
	if err != nil {
		aliases, err := cat.Aliases(ctx, name, time.Now())
		if err != nil {
			return nil, err
		}
		if number = aliases[which]; number == 0 {
			return nil, mistakef("no version of model %s is called %q; names are: %s", name, which, orNone(slices.Sorted(maps.Keys(aliases))))
		}
	}
	v, err := cat.ModelVersion(ctx, name, number)
	if errors.Is(err, catalog.ErrNone) {
		return nil, mistakef("model %s has no version %d: bighead models %s lists them", name, number, name)
	}
	return v, err
}
