package modeltest

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/value"
)

// Trained is a model that a framework has trained, with rows and what the framework answers to them: one of model/tree's testdata.
type Trained struct {
	Name, File string // of the archive
	Framework  string
	Width      int       // numbers a row
	Rows       []float64 // 250 rows
	Answers    []float64 // by row, as many as the framework gives
}

var archive = sync.OnceValue(func() map[string][]byte {
	_, here, _, _ := runtime.Caller(0)
	r, err := zip.OpenReader(filepath.Join(filepath.Dir(here), "..", "tree", "testdata", "models.zip"))
	if err != nil {
		panic(err)
	}
	defer r.Close()
	files := map[string][]byte{}
	for _, f := range r.File {
		body, err := f.Open()
		if err != nil {
			panic(err)
		}
		if files[f.Name], err = io.ReadAll(body); err != nil {
			panic(err)
		}
	}
	return files
})

// Fixture finds a trained model of LightGBM or XGBoost by its name: "lgb_binary", "xgb_multi".
func Fixture(t testing.TB, name string) *Trained {
	t.Helper()
	var index struct {
		Models []struct {
			Name, Family, File string
			Outputs            map[string]struct{ File string }
		}
	}
	if err := json.Unmarshal(archive()["index.json"], &index); err != nil {
		t.Fatal(err)
	}
	for _, f := range index.Models {
		if f.Name != name {
			continue
		}
		rows, width := numbers(t, "inputs.npy")
		m := &Trained{Name: name, File: f.File, Framework: map[string]string{"lightgbm": "lightgbm 4.7.0", "xgboost": "xgboost 3.2.0"}[f.Family], Width: width}
		for i := 0; i < len(rows); i += 4 * width {
			m.Rows = append(m.Rows, rows[i:i+width]...)
		}
		if o, ok := f.Outputs["pred"]; ok { // answers to every fourth row
			m.Answers, _ = numbers(t, o.File)
		} else {
			raw, per := numbers(t, f.Outputs["raw"].File)
			for i := 0; i < len(raw); i += 4 * per {
				m.Answers = append(m.Answers, raw[i:i+per]...)
			}
		}
		return m
	}
	t.Fatalf("there is no fixture %s", name)
	return nil
}

// File is a file among the fixtures.
func File(t testing.TB, name string) []byte {
	t.Helper()
	data, ok := archive()[name]
	if !ok {
		t.Fatalf("there is no fixture %s", name)
	}
	return data
}

// Numbers are an array among the fixtures, in numpy's format, and the length of its rows.
func Numbers(t testing.TB, name string) (values []float64, width int) {
	t.Helper()
	return numbers(t, name)
}

// numbers reads an array of numpy's format, and the length of its rows.
func numbers(t testing.TB, name string) (values []float64, width int) {
	data, ok := archive()[name]
	if !ok || !bytes.HasPrefix(data, []byte("\x93NUMPY\x01\x00")) {
		t.Fatalf("%s is no array", name)
	}
	n := int(binary.LittleEndian.Uint16(data[8:]))
	head, body := string(data[10:10+n]), data[10+n:]
	_, shape, _ := strings.Cut(head, "'shape': (")
	shape, _, _ = strings.Cut(shape, ")")
	width = 1
	if sizes := strings.Split(strings.TrimRight(shape, ", "), ", "); len(sizes) == 2 {
		width, _ = strconv.Atoi(sizes[1])
	}
	switch {
	case strings.Contains(head, "'<f8'"):
		for ; len(body) > 0; body = body[8:] {
			values = append(values, math.Float64frombits(binary.LittleEndian.Uint64(body)))
		}
	case strings.Contains(head, "'<f4'"):
		for ; len(body) > 0; body = body[4:] {
			values = append(values, float64(math.Float32frombits(binary.LittleEndian.Uint32(body))))
		}
	default:
		t.Fatalf("%s: %s", name, head)
	}
	return values, width
}

// Save writes the model's file into a folder and gives its path.
func (m *Trained) Save(t testing.TB, dir string) string {
	t.Helper()
	path := filepath.Join(dir, m.File)
	if err := os.WriteFile(path, archive()[m.File], 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// Manifest is one of an artifact with the model, of a view "v" whose columns f0, f1, … are the model's inputs as they are, and with some of the
// rows to check it by.
func (m *Trained) Manifest(task model.Task) *model.Manifest {
	f := &model.Manifest{Version: model.ManifestVersion, Model: m.Name, Task: task, View: "v", Fingerprint: "v1", Runtime: "tree", File: m.File, Framework: m.Framework}
	for i := range m.Width {
		name := "f" + strconv.Itoa(i)
		f.Columns = append(f.Columns, model.ManifestColumn{Name: name, Type: value.Float, Fingerprint: name})
		f.Inputs = append(f.Inputs, name)
	}
	rows := len(m.Rows) / m.Width
	per := len(m.Answers) / rows
	for row := 0; row < rows; row += 10 {
		c := model.CheckRow{Answer: slices.Clone(m.Answers[row*per : (row+1)*per])}
		for _, x := range m.Rows[row*m.Width : (row+1)*m.Width] {
			if math.IsNaN(x) {
				c.Numbers = append(c.Numbers, nil)
			} else {
				c.Numbers = append(c.Numbers, &x)
			}
		}
		f.Check = append(f.Check, c)
	}
	return f
}

// Write writes the model as an artifact into root and gives its name; change, where it is not nil, has a go at the manifest first.
func (m *Trained) Write(t testing.TB, root string, task model.Task, change func(*model.Manifest)) string {
	t.Helper()
	f := m.Manifest(task)
	if change != nil {
		change(f)
	}
	name, err := model.WriteArtifact(context.Background(), root, f, map[string]string{m.File: m.Save(t, t.TempDir())})
	if err != nil {
		t.Fatal(err)
	}
	return name
}
