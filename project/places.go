package project

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/feature"
)

// unknownSources says which [source.<name>] are of no source.
func (c *Config) unknownSources(d *feature.Definitions) error {
	var problems []error
	names := make([]string, len(d.Sources))
	for i := range d.Sources {
		names[i] = d.Sources[i].Name.Value
	}
	var unknown []string
	for source := range c.places {
		if !slices.Contains(names, source) {
			unknown = append(unknown, source)
		}
	}
	slices.Sort(unknown)
	for _, source := range unknown {
		cure := "it is defined nowhere; take [source." + source + "] out"
		if n := nearest(source, names); n != "" {
			cure = fmt.Sprintf("did you mean %q?", n)
		}
		problems = append(problems, &SettingError{Pos: c.firstPlace(source), Message: fmt.Sprintf("there is no source %q", source), Cure: cure})
	}
	return errors.Join(problems...)
}

// place puts what [source.<name>] and the environment say of places over what the definitions say. A source made by
// again() goes where the one that it was made from goes, unless it names a place of its own.
func (c *Config) place(d *feature.Definitions) {
	original := make([]feature.SourceDef, len(d.Sources))
	copy(original, d.Sources)
	overrides := make([]map[string]Value, len(d.Sources))
	for i := range d.Sources {
		s := &d.Sources[i]
		overrides[i] = c.overridesOf(s.Name.Value)
		if s.Again != nil {
			overrides[i] = inherit(overrides[i], overrides[s.Again.Index], original[i], original[s.Again.Index])
		}
		for _, name := range placeNames {
			if v, ok := overrides[i][name]; ok {
				override(s, name, v)
			}
		}
	}
}

func (c *Config) firstPlace(source string) feature.Pos {
	var first feature.Pos
	for _, v := range c.places[source] {
		if !first.IsValid() || v.At.File == first.File && v.At.Line < first.Line {
			first = v.At.Pos
		}
	}
	return first
}

// overridesOf are the settings of one source: its lines of the files, and BIGHEAD_SOURCE_<NAME>_<PLACE> over them.
func (c *Config) overridesOf(source string) map[string]Value {
	found := map[string]Value{}
	for name, v := range c.places[source] {
		found[name] = v
	}
	upper := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, source)
	for _, name := range placeNames {
		variable := EnvName("source." + upper + "." + name)
		if v := c.env(variable); v != "" {
			found[name] = Value{Key: "source." + source + "." + name, Text: v, Origin: "environment " + variable}
		}
	}
	return found
}

// inherit adds what the base is overridden by, where again() did not give the field anew.
func inherit(own, base map[string]Value, s, b feature.SourceDef) map[string]Value {
	_, path := own["path"]
	_, table := own["table"]
	same := map[string]bool{
		"path": !table, "table": !path, "format": true, // again() cannot give these
		"topic":     samePlace(s.Topic, b.Topic),
		"time_unit": sameText(s.TimeUnit, b.TimeUnit),
	}
	for name, v := range base {
		if _, has := own[name]; !has && same[name] {
			own[name] = v
		}
	}
	return own
}

func samePlace(a, b *feature.PlaceDef) bool {
	return a == nil && b == nil || a != nil && b != nil && sameText(&a.Name, &b.Name)
}

func sameText(a, b *feature.Text) bool {
	return a == nil && b == nil || a != nil && b != nil && a.Value == b.Value && a.At == b.At
}

// override replaces one place. A path replaces a table and the other way round: history is in one place.
func override(s *feature.SourceDef, name string, v Value) {
	t := feature.Text{Value: v.Text, At: v.At}
	switch name {
	case "path":
		s.Path, s.Table = &t, nil
	case "table":
		s.Path, s.Table = nil, renamed(s.Table, t)
	case "topic":
		s.Topic = renamed(s.Topic, t)
	case "format":
		s.Format = &t
	case "time_unit":
		s.TimeUnit = &t
	}
}

// renamed keeps what the definition says of a place's columns: a road's end has another name, not other columns.
func renamed(p *feature.PlaceDef, name feature.Text) *feature.PlaceDef {
	out := feature.PlaceDef{Site: feature.Site{At: name.At}}
	if p != nil {
		out = *p
	}
	out.Name = name
	return &out
}
