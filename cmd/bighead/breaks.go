package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bighead-ml/bighead/catalog"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/serve/predict"
)

// This file keeps apply from taking the columns away that a version reads which an endpoint asks: the version would be one that cannot answer
// from then on, and the endpoint would answer by its fallback, or not at all.

// broken is a version that an endpoint asks, and that could not answer any more.
type broken struct {
	Endpoint string   `json:"endpoint"`
	Model    string   `json:"model"`
	Version  int64    `json:"version"`
	View     string   `json:"view"`
	Changed  []string `json:"changed,omitempty"` // columns that would mean something else
	Removed  []string `json:"removed,omitempty"`
	Unknown  string   `json:"unknown,omitempty"` // why it cannot be said what the version reads
}

func (b broken) String() string {
	text := fmt.Sprintf("endpoint %s asks %s@%d, ", b.Endpoint, b.Model, b.Version)
	if b.Unknown != "" {
		return text + "of which it cannot be said what it reads: " + b.Unknown
	}
	var parts []string
	if len(b.Changed) > 0 {
		parts = append(parts, someOf(b.Changed)+" of view "+b.View+", which would be another now")
	}
	if len(b.Removed) > 0 {
		parts = append(parts, someOf(b.Removed)+" of view "+b.View+", which would be gone")
	}
	return text + "which reads " + strings.Join(parts, ", and ")
}

// refused is the mistake of changing what endpoints read, but those that drop names; nil where there is nothing to refuse.
func refused(all []broken, drop []string) error {
	all = slices.DeleteFunc(slices.Clone(all), func(b broken) bool { return slices.Contains(drop, b.Endpoint) })
	if len(all) == 0 {
		return nil
	}
	text, flags := "not applied:", ""
	for _, b := range all {
		text += "\n  " + b.String()
		if flag := " --drop " + b.Endpoint; !strings.Contains(flags+" ", flag+" ") {
			flags += flag
		}
	}
	return mistakef("%s\ndefine what is new under another name beside it, and take the old out when a version that learned without it is deployed; "+
		"or bighead apply%s, and until another version is deployed the endpoint answers by its fallback, or not at all", text, flags)
}

func (c *cli) refuseBreaks(ctx context.Context, l *loaded, cat catalog.Catalog, drop []string) error {
	current, err := cat.Current(ctx)
	if errors.Is(err, catalog.ErrNone) {
		return nil
	}
	if err != nil {
		return err
	}
	found, err := c.breaks(ctx, l, cat, current)
	if err != nil {
		return err
	}
	return refused(found, drop)
}

// breaks are the versions that endpoints of what is applied ask, that can answer, and could not once the working tree is applied.
func (c *cli) breaks(ctx context.Context, l *loaded, cat catalog.Catalog, current *catalog.Version) ([]broken, error) {
	lies, err := artifactsOf(l.Project)
	if err != nil {
		return nil, err
	}
	var out []broken
	var before map[string]*feature.Endpoint // as they are applied, once they are needed
	for _, e := range l.typed.Endpoints {
		if !slices.ContainsFunc(current.Entries, func(x catalog.Entry) bool { return x.Kind == catalog.Endpoint && x.Name == e.Name }) {
			continue // it answers nobody yet
		}
		numbers, err := predict.Asked(ctx, e, cat, time.Now())
		if err != nil {
			return nil, err
		}
		for _, n := range numbers {
			v, err := cat.ModelVersion(ctx, e.Model.Name, n)
			if errors.Is(err, catalog.ErrNone) {
				continue // a definition may name one that is not trained yet
			}
			if err != nil {
				return nil, err
			}
			b := unreadable(ctx, lies, e, v)
			if b == nil {
				continue
			}
			if before == nil {
				if before, err = c.appliedEndpoints(ctx, l, current); err != nil {
					return nil, err
				}
			}
			if old := before[e.Name]; old != nil && old.Model.Name == e.Model.Name {
				b = b.less(unreadable(ctx, lies, old, v))
			}
			if b != nil {
				out = append(out, *b)
			}
		}
	}
	return out, nil
}

// appliedEndpoints are the endpoints as they are applied; none where what is applied no longer checks, so that nothing is taken for broken already.
func (c *cli) appliedEndpoints(ctx context.Context, l *loaded, current *catalog.Version) (map[string]*feature.Endpoint, error) {
	out := map[string]*feature.Endpoint{}
	a, err := c.loadRegistered(ctx, l.Project, current)
	var m *mistake
	if errors.As(err, &m) {
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	for _, e := range a.typed.Endpoints {
		out[e.Name] = e
	}
	return out, nil
}

// unreadable says what keeps a version from being asked by an endpoint as it is defined; nil: nothing.
func unreadable(ctx context.Context, lies *artifacts, e *feature.Endpoint, v *catalog.ModelVersion) *broken {
	view := e.Model.TrainingSet.View
	if v.View == view.Name && v.ViewFingerprint == view.Fingerprint {
		return nil
	}
	b := &broken{Endpoint: e.Name, Model: v.Model, Version: v.Number, View: view.Name}
	m, err := lies.manifest(ctx, v.Artifact)
	switch {
	case err != nil:
		b.Unknown = err.Error()
		return b
	case m.View != view.Name:
		b.Unknown = fmt.Sprintf("it learned from view %s, and the endpoint's model would be over view %s", m.View, view.Name)
		return b
	}
	for _, f := range predict.Reads(m, view.Columns) {
		if f.Gone {
			b.Removed = append(b.Removed, f.Column)
		} else {
			b.Changed = append(b.Changed, f.Column)
		}
	}
	if len(b.Changed)+len(b.Removed) == 0 {
		return nil
	}
	return b
}

// less is nil where the version could not answer before either: who asks it loses nothing.
func (b *broken) less(before *broken) *broken {
	if before != nil {
		return nil
	}
	return b
}
