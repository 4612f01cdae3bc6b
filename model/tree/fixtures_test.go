package tree

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/bighead-ml/bighead/model"
)

// testdata/models.zip has models of LightGBM, XGBoost, scikit-learn and ONNX, 1,000 rows of which 200 lie on thresholds and 200 one ulp
// beside, and what the frameworks answer; its README says how they were made.
var archive = sync.OnceValue(func() map[string][]byte { return unzipped("testdata/models.zip") })

// unzipped are the files of an archive.
func unzipped(name string) map[string][]byte {
	r, err := zip.OpenReader(name)
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
}

// fixture is one entry of index.json.
type fixture struct {
	Name, Family, File, Note string
	UBJ                      bool
	NaNToZero                bool `json:"nan_to_zero"`
	Rows                     int
	Outputs                  map[string]struct{ File string }
}

func fixtures(t testing.TB) []fixture {
	var index struct{ Models []fixture }
	if err := json.Unmarshal(archive()["index.json"], &index); err != nil {
		t.Fatal(err)
	}
	if len(index.Models) < 60 {
		t.Fatalf("%d fixtures", len(index.Models))
	}
	return index.Models
}

// npy reads an array of numpy's format, and the length of its rows.
func npy(t testing.TB, name string) (values []float64, width int) {
	return npyOf(t, name, archive()[name])
}

func npyOf(t testing.TB, name string, data []byte) (values []float64, width int) {
	if !bytes.HasPrefix(data, []byte("\x93NUMPY\x01\x00")) {
		t.Fatalf("%s is no array", name)
	}
	n := int(binary.LittleEndian.Uint16(data[8:]))
	head, body := string(data[10:10+n]), data[10+n:]
	_, shape, _ := strings.Cut(head, "'shape': (")
	shape, _, _ = strings.Cut(shape, ")")
	width = 1
	for i, s := range strings.Split(strings.TrimRight(shape, ", "), ",") {
		if d, err := strconv.Atoi(strings.TrimSpace(s)); err != nil {
			t.Fatal(err)
		} else if i > 0 {
			width *= d
		}
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
	case strings.Contains(head, "'|i1'"):
		for _, b := range body {
			values = append(values, float64(int8(b)))
		}
	default:
		t.Fatalf("%s: %s", name, head)
	}
	return values, width
}

// read opens a fixture.
func read(t testing.TB, name string) *Model {
	t.Helper()
	m, err := Read(archive()[name])
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return m
}

// predict gives one output of rows.
func predict(t testing.TB, m model.Model, rows []float64, output int) []float64 {
	t.Helper()
	n, _ := m.Info().Widths()
	in := &model.Batch{Rows: len(rows) / n, Numbers: rows}
	out := make([][]float64, output+1)
	out[output] = make([]float64, in.Rows*m.Info().Outputs[output].Width)
	if err := m.Predict(context.Background(), in, out); err != nil {
		t.Fatal(err)
	}
	return out[output]
}

// every is each step-th row.
func every(rows []float64, width, step int) []float64 {
	var out []float64
	for i := 0; i < len(rows); i += step * width {
		out = append(out, rows[i:i+width]...)
	}
	return out
}

// near compares with a relative tolerance; 0 is to the bit, NaN and the sign of zero included.
func near(got, want []float64, tolerance float64) error {
	if len(got) != len(want) {
		return fmt.Errorf("%d numbers, want %d", len(got), len(want))
	}
	wrong, first := 0, ""
	for i := range got {
		if math.Float64bits(got[i]) == math.Float64bits(want[i]) || math.Abs(got[i]-want[i]) <= tolerance*math.Abs(want[i]) {
			continue
		}
		if wrong++; first == "" {
			first = fmt.Sprintf("at %d: %v, want %v", i, got[i], want[i])
		}
	}
	if wrong > 0 {
		return fmt.Errorf("%d of %d numbers differ, the first %s", wrong, len(got), first)
	}
	return nil
}

// TestFrameworks compares with what LightGBM and XGBoost answer: sums to the bit, what the link makes of them as closely as two libraries'
// exponential functions agree.
func TestFrameworks(t *testing.T) {
	inputs, width := npy(t, "inputs.npy")
	infinite, _ := npy(t, "inputs_inf.npy")
	compared := 0
	for _, f := range fixtures(t) {
		tolerance := map[string]float64{"lightgbm": 1e-14, "xgboost": 2e-7}[f.Family]
		if tolerance == 0 {
			continue
		}
		files := []string{f.File}
		if f.UBJ {
			files = append(files, strings.TrimSuffix(f.File, ".json")+".ubj")
		}
		for _, file := range files {
			t.Run(file, func(t *testing.T) {
				m := read(t, file)
				margin := max(m.Info().Output(model.Margin), 0)
				for kind, o := range f.Outputs {
					want, _ := npy(t, o.File)
					var err error
					switch kind {
					case "raw":
						err = near(predict(t, m, inputs, margin), want, 0)
					case "pred":
						err = near(predict(t, m, every(inputs, width, 4), 0), want, tolerance)
					case "inf":
						err = near(predict(t, m, infinite, margin), want, 0)
					case "leaf":
						err = near(predict(t, m, every(inputs, width, 10), m.Info().Output(model.Leaf)), want, 0)
					default:
						t.Errorf("what is %s?", kind)
					}
					if err != nil {
						t.Errorf("%s: %v", kind, err)
					}
					compared++
				}
				if _, has := f.Outputs["pred"]; !has {
					if err := near(predict(t, m, inputs, 0), predict(t, m, inputs, margin), 0); err != nil {
						t.Errorf("no link, and yet: %v", err)
					}
				}
			})
		}
	}
	if compared < 97 {
		t.Errorf("%d outputs compared", compared)
	}
}

// firstRows are the rows that scikit-learn's and ONNX's fixtures were asked for.
func firstRows(t testing.TB, f fixture) []float64 {
	rows, width := npy(t, "inputs.npy")
	rows = rows[:f.Rows*width]
	for i, x := range rows {
		if f.NaNToZero && math.IsNaN(x) {
			rows[i] = 0
		}
	}
	return rows
}

// TestONNX compares with ONNX Runtime, which adds in float32 as we do, and whose exponential function is another one.
func TestONNX(t *testing.T) {
	run, refused := 0, map[string]string{
		"onnx_lr":    "the graph has Imputer, Scaler, LinearClassifier",
		"onnx_mlp":   "the graph has Scaler, Cast, MatMul, Add, Relu, Softmax, ArgMax, ArrayFeatureExtractor, Reshape",
		"onnx_ridge": "the graph has Cast, Mul, Add, LinearRegressor",
		"onnx_mixed": "the graph has Concat, Gather, Imputer, OneHotEncoder, Reshape, Scaler, LinearClassifier",
	}
	for _, f := range fixtures(t) {
		if f.Family != "onnx" {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			m, err := Read(archive()[f.File])
			if want, no := refused[f.Name]; no {
				if !errors.Is(err, model.ErrForeign) || !strings.Contains(err.Error(), want) {
					t.Errorf("%v, want %q", err, want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			run++
			want, _ := npy(t, f.Outputs["ort"].File)
			got := predict(t, m, firstRows(t, f), 0)
			// Scores beside 0 are differences of such beside 1.
			for i := range got {
				if math.Abs(got[i]-want[i]) > 2e-7 {
					t.Errorf("at %d: %v, want %v", i, got[i], want[i])
				}
			}
			if f.Name == "onnx_rf" { // without a link there is nothing to be off in
				if err := near(got, want, 0); err != nil {
					t.Error(err)
				}
			}
		})
	}
	if run != 3 {
		t.Errorf("%d were run", run)
	}
}
