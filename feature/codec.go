package feature

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/bighead-ml/bighead/sdk"
)

// Limits of a recording. The largest that we know of, 30,000 features, is a tenth of it; what is beyond was not
// written by a person.
const (
	MaxDefinitionsBytes = 256 << 20
	maxDefinitionsDepth = 64
)

// ErrVersion is wrapped by Decode's error when SDK and binary do not speak the same format.
var ErrVersion = errors.New("the SDK's and the binary's versions differ")

// Decode reads one recording. It is strict: an unknown field, a version of the format that is not known, a reference to
// what is not there or anything after the document is an error. What it reads is of FormatVersion, whatever it was before. It never panics, whatever the bytes.
func Decode(r io.Reader) (*Definitions, error) {
	b, err := io.ReadAll(io.LimitReader(r, MaxDefinitionsBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read definitions: %w", err)
	}
	if len(b) > MaxDefinitionsBytes {
		return nil, fmt.Errorf("definitions are larger than %d MiB: is data written into a definition?", MaxDefinitionsBytes>>20)
	}
	if err := checkDepth(b); err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	var d Definitions
	err = dec.Decode(&d)
	if err != nil || !readable(d.Version) {
		// Another version's shape gives an error about its shape; say first that it is another version.
		if verr := checkVersion(b); verr != nil {
			return nil, verr
		}
		return nil, fmt.Errorf("definitions: %w", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("definitions: something follows the document")
	}
	if err := d.checkRefs(); err != nil {
		return nil, fmt.Errorf("definitions: %w", err)
	}
	d.Version = FormatVersion
	return &d, nil
}

// readable tells the formats that Decode reads: each so far has been the one before and more.
func readable(version int) bool { return version >= 1 && version <= FormatVersion }

// Encode writes a recording as Decode reads it, one line.
func Encode(w io.Writer, d *Definitions) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(d)
}

// checkVersion reads the version alone, whatever else the document holds.
func checkVersion(b []byte) error {
	var head struct {
		Version *int   `json:"version"`
		SDK     string `json:"sdk"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return fmt.Errorf("definitions: %w", err)
	}
	if head.Version == nil {
		return errors.New("definitions: no format version: this is not a recording of the bighead SDK")
	}
	if !readable(*head.Version) {
		return fmt.Errorf("%w: SDK %s recorded format %d, binary %s reads format %d; install the SDK that belongs to the binary: pip install bighead==%s",
			ErrVersion, orUnknown(head.SDK), *head.Version, sdk.Version(), FormatVersion, sdk.Version())
	}
	return nil
}

func orUnknown(s string) string {
	if s == "" {
		return "(unknown)"
	}
	return s
}

// checkDepth bounds the nesting before reflection walks it. Only a literal's lists and maps nest deeply at all.
func checkDepth(b []byte) error {
	depth, inString := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > maxDefinitionsDepth {
				return fmt.Errorf("definitions: nested deeper than %d at byte %d", maxDefinitionsDepth, i)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

// checkRefs makes every index safe to use. A source may only be made from one recorded before it, so no chain of
// again() has a cycle.
func (d *Definitions) checkRefs() error {
	for i := range d.Sources {
		s := &d.Sources[i]
		if s.Kind != EventSource && s.Kind != EntitySource {
			return fmt.Errorf("source %q: unknown kind %q", s.Name.Value, s.Kind)
		}
		if err := inRange(s.Again, i, "source", s.Name); err != nil {
			return err
		}
	}
	for i := range d.Groups {
		g := &d.Groups[i]
		if err := inRange(g.Source, len(d.Sources), "feature group", g.Name); err != nil {
			return err
		}
		for j := range g.Features {
			if err := inRange(g.Features[j].Source, len(d.Sources), "feature group", g.Name); err != nil {
				return err
			}
		}
	}
	for i := range d.Views {
		v := &d.Views[i]
		for j := range v.Groups {
			if err := inRange(&v.Groups[j].Group, len(d.Groups), "feature view", v.Name); err != nil {
				return err
			}
		}
	}
	for i := range d.TrainingSets {
		if err := d.checkTrainingSet(&d.TrainingSets[i]); err != nil {
			return err
		}
	}
	for i := range d.Models {
		m := &d.Models[i]
		if err := inRange(m.TrainingSet, len(d.TrainingSets), "model", m.Name); err != nil {
			return err
		}
		if m.Params != nil && m.Params.Kind != MapLiteral {
			return fmt.Errorf("model %q: params are a literal of kind %q", m.Name.Value, m.Params.Kind)
		}
	}
	for i := range d.Endpoints {
		if err := inRange(d.Endpoints[i].Model, len(d.Models), "endpoint", d.Endpoints[i].Name); err != nil {
			return err
		}
		if l := d.Endpoints[i].Labels; l != nil {
			if err := inRange(l.Source, len(d.Sources), "endpoint", d.Endpoints[i].Name); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *Definitions) checkTrainingSet(t *TrainingSetDef) error {
	if t.View != nil {
		if err := inRange(&t.View.View, len(d.Views), "training set", t.Name); err != nil {
			return err
		}
	}
	if t.Spine != nil {
		if err := inRange(t.Spine.Source, len(d.Sources), "training set", t.Name); err != nil {
			return err
		}
	}
	for _, l := range t.Labels {
		if (l.SQL == nil) == (l.Within == nil) {
			return fmt.Errorf("training set %q: label %q is neither SQL nor an aggregation", t.Name.Value, l.Name.Value)
		}
		if l.Within != nil {
			if err := inRange(l.Within.Source, len(d.Sources), "training set", t.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

func inRange(r *Ref, n int, what string, name Text) error {
	if r != nil && (r.Index < 0 || r.Index >= n) {
		return fmt.Errorf("%s %q refers to object %d of %d", what, name.Value, r.Index, n)
	}
	return nil
}
