package model

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"github.com/bighead-ml/bighead/value"
)

// maxManifest is the longest manifest that is read.
const maxManifest = 256 << 20

// ReadManifest reads the manifest of an artifact, whose files are what its name says, without opening the model.
func ReadManifest(ctx context.Context, folder string) (*Manifest, error) {
	files, err := checkFiles(ctx, folder)
	if err == nil {
		var m *Manifest
		if m, err = readManifest(filepath.Join(folder, manifestName), files[manifestName]); err == nil {
			return m, nil
		}
	}
	return nil, fmt.Errorf("open artifact %s: %w", folder, err)
}

// readManifest reads a manifest whose hash is known.
func readManifest(path, hash string) (*Manifest, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxManifest+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxManifest {
		return nil, fmt.Errorf("%s is longer than %d MiB", manifestName, maxManifest>>20)
	}
	if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != hash {
		return nil, fmt.Errorf("%s was changed while it was read", manifestName)
	}
	m, err := parseManifest(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", manifestName, err)
	}
	return m, nil
}

// parseManifest reads a manifest's text. A newer one than this binary knows says so, before anything else of it is looked at; what this version
// has no field for is refused, for it would be left out of the answer.
func parseManifest(text []byte) (*Manifest, error) {
	var head struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return nil, err
	}
	if head.Version < 1 || head.Version > ManifestVersion {
		return nil, fmt.Errorf("it is of format %d, and this bighead reads 1 to %d: a newer one wrote it", head.Version, ManifestVersion)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	m := &Manifest{}
	if err := d.Decode(m); err != nil {
		return nil, err
	}
	return m, m.valid()
}

// encode is the text of a manifest of this version.
func (m *Manifest) encode() ([]byte, error) {
	own := *m
	own.Version = ManifestVersion
	if err := own.valid(); err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(&own, "", " ")
	return append(text, '\n'), err
}

// elsewhere reports whether the model is reached at an address, and is none of the artifact's files.
func (m *Manifest) elsewhere() bool { return IsAddress(m.File) }

// valid finds what cannot be a manifest, whatever the model is.
func (m *Manifest) valid() error {
	switch {
	case m.Model == "" || m.View == "" || m.Fingerprint == "":
		return errors.New("model, view and fingerprint must be there")
	case m.Runtime == "":
		return errors.New("runtime must be there")
	case len(m.Columns) == 0 || len(m.Inputs) == 0:
		return errors.New("columns and inputs must be there")
	}
	if !m.elsewhere() {
		if err := checkPath(m.File); err != nil {
			return fmt.Errorf("file: %w", err)
		}
	}
	columns := map[string]bool{}
	for i, c := range m.Columns {
		if c.Name == "" || columns[c.Name] || c.Type.Kind == value.KindNull {
			return fmt.Errorf("column %d, %q, has no name, no type, or another's name", i, c.Name)
		}
		columns[c.Name] = true
	}
	if bytes.Equal(m.Pipeline, []byte("null")) {
		m.Pipeline = nil
	}
	for i, name := range m.Inputs {
		if name == "" || m.Pipeline == nil && !columns[name] {
			return fmt.Errorf("input %d is column %q, which is not there", i, name)
		}
	}
	if err := m.validPopular(); err != nil {
		return fmt.Errorf("popular: %w", err)
	}
	if len(m.Check) == 0 {
		return errors.New("check must have rows")
	}
	for i, row := range m.Check {
		if len(row.Answer) == 0 {
			return fmt.Errorf("row %d of check has no answer", i)
		}
		for _, x := range row.Answer {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				return fmt.Errorf("row %d of check: the answer %v is no number", i, x)
			}
		}
	}
	return nil
}

// validPopular finds what cannot be an answer of the task.
func (m *Manifest) validPopular() error {
	n := len(m.Popular)
	switch {
	case n == 0:
		return nil
	case m.Task != Binary && m.Task != Multiclass && m.Task != Regression:
		return fmt.Errorf("there is none for task %q", m.Task)
	case (n == 1) == (m.Task == Multiclass):
		return fmt.Errorf("%d numbers for task %q", n, m.Task)
	}
	whole := 0.0
	for _, x := range m.Popular {
		if math.IsNaN(x) || math.IsInf(x, 0) || m.Task != Regression && (x < 0 || x > 1) {
			return fmt.Errorf("%v is no answer to task %q", x, m.Task)
		}
		whole += x
	}
	if m.Task == Multiclass && math.Abs(whole-1) > 1e-9 {
		return fmt.Errorf("the classes' shares come to %v", whole)
	}
	return nil
}
