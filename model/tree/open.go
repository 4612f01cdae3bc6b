package tree

import (
	"bytes"
	"context"
	"fmt"
	"os"

	"github.com/bighead-ml/bighead/model"
)

// formats are what can be read, each with how its files are told; the first that fits reads.
var formats = []struct {
	name string
	is   func(data []byte) bool
	read func(data []byte) (*forest, error)
}{
	{"LightGBM's text", isLightGBM, readLightGBM},
	{"XGBoost's UBJSON", isUBJ, readXGBoostUBJ},
	{"ONNX", isONNX, readONNX},
	{"CatBoost's JSON", isCatBoost, readCatBoost},
	{"XGBoost's JSON", isXGBoostJSON, readXGBoostJSON},
}

// maxFile is the greatest file that is read; what a forest takes in memory is some times as much.
const maxFile = 1 << 30

var _ model.Open = Open

// Open opens a file of a format that this package reads.
func Open(ctx context.Context, path string) (model.Model, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("open model: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, fmt.Errorf("open model %s: %w: it is no file of at most %d MiB", path, model.ErrForeign, maxFile>>20)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("open model: %w", err)
	}
	m, err := Read(data)
	if err != nil {
		return nil, fmt.Errorf("open model %s: %w", path, err)
	}
	return m, nil
}

// Read makes a model of a file's bytes, which it does not keep.
func Read(data []byte) (*Model, error) {
	for _, format := range formats {
		if !format.is(data) {
			continue
		}
		f, err := format.read(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", format.name, err)
		}
		m, err := newModel(f)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", format.name, err)
		}
		return m, nil
	}
	return nil, fmt.Errorf("%w: it begins with %q, and %s", model.ErrForeign, data[:min(len(data), 16)], hint(data))
}

// isSklearn tells the arrays of scikit-learn's trees as they are written out by hand, by what its three kinds of forests are called there.
func isSklearn(data []byte) bool {
	head := data[:min(len(data), 64)]
	for _, kind := range []string{"forest", "gb", "hgb"} {
		if bytes.Contains(head, []byte(`"kind": "`+kind+`"`)) && bytes.Contains(data, []byte(`"trees"`)) {
			return true
		}
	}
	return false
}

// hint says what a file may be that is none of ours, and what to do.
func hint(data []byte) string {
	switch {
	case len(data) == 0:
		return "is empty"
	case bytes.HasPrefix(data, []byte("\x80")):
		return "is a pickle of Python, which is a program: save the model in its framework's own format (save_model), or as ONNX"
	case bytes.HasPrefix(data, []byte("binf")):
		return "is XGBoost's old binary format: load it with XGBoost 2 and save it as .json or .ubj"
	case bytes.HasPrefix(data, []byte("CBM1")):
		return "is CatBoost's own binary format: save the model with save_model(path, format=\"json\")"
	case startsJSON(data) && isSklearn(data):
		return "is trees of scikit-learn as plain arrays, which is nobody's format: make ONNX of the estimator (skl2onnx), as bighead train does of one that a function returns; HistGradientBoosting, of which there is none, is better trained as LightGBM's"
	case startsJSON(data):
		return "is JSON of something else: trees of XGBoost and CatBoost are read, in the documents that save_model writes"
	}
	return "is none of LightGBM's text (save_model), XGBoost's JSON and UBJSON (save_model), CatBoost's JSON (save_model) and ONNX"
}
