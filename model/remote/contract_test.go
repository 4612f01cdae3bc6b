package remote_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/modeltest"
	"github.com/bighead-ml/bighead/value"
)

// TestContract runs the suite on every way in which a server is asked: over HTTP in binary and in JSON, over gRPC, with a tensor for each column
// and with one for all, in one request and in several.
func TestContract(t *testing.T) {
	w := newWorld()
	binary, plain, rpc := overHTTP(t, w, false).URL, overHTTP(t, w, true).URL, overGRPC(t, w)
	var numbers, mixed model.Batch
	numbers.Rows, mixed.Rows = 40, 40
	for i := range 40 {
		x := float64(i) / 8
		if i%7 == 3 {
			x = math.NaN()
		}
		row := []float64{x, float64(i % 9), float64(i % 2)}
		numbers.Numbers = append(numbers.Numbers, row...)
		mixed.Numbers = append(append(mixed.Numbers, row...), float64(19000+i), float64(i)*3.6e6)
		mixed.Texts = append(mixed.Texts, []string{"", "UA", "naïve", strings.Repeat("x", i)}[i%4])
	}
	var cases []modeltest.Case
	for name, location := range map[string]string{
		"http": binary + "/v2/models/numbers", "http version": binary + "/v2/models/numbers/versions/2", "json": plain + "/v2/models/numbers", "grpc": "grpc://" + rpc + "/numbers/2",
		"matrix": binary + "/v2/models/numbers?input=all:FP64:-1,3&output=both&output=score", "json matrix": plain + "/v2/models/numbers?input=all:FP32:-1,3", "grpc matrix": "grpc://" + rpc + "/numbers?input=all:FP64:-1,3",
		"requests": binary + "/v2/models/numbers?rows=3", "grpc requests": "grpc://" + rpc + "/numbers?rows=1",
	} {
		cases = append(cases, modeltest.Case{Name: name, Open: openRemote, Location: location, Batch: numbers, Allocates: true})
	}
	for name, location := range map[string]string{"http mixed": binary + "/v2/models/mixed%20names", "json mixed": plain + "/v2/models/mixed%20names", "grpc mixed": "grpc://" + rpc + "/mixed%20names"} {
		cases = append(cases, modeltest.Case{Name: name, Open: openRemote, Location: location, Batch: mixed, Allocates: true})
	}
	foreign := filepath.Join(t.TempDir(), "model.txt")
	if err := os.WriteFile(foreign, []byte("tree\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	modeltest.Run(t, cases, foreign)
}

// TestAnswers compares, number by number, what is answered with what the model is known to answer; and sees what is said of it.
func TestAnswers(t *testing.T) {
	w := newWorld()
	for _, location := range []string{overHTTP(t, w, false).URL + "/v2/models/mixed%20names", overHTTP(t, w, true).URL + "/v2/models/mixed%20names/versions/1", "grpc://" + overGRPC(t, w) + "/mixed%20names"} {
		m := open(t, location)
		in := m.Info().Inputs
		names := make([]string, len(in))
		for i := range in {
			names[i] = in[i].Name + " " + in[i].Type.String()
		}
		if got := strings.Join(names, ", "); got != "x float, n int, wet int, carrier string, day int, at int" {
			t.Errorf("inputs %s", got)
		}
		if o := m.Info().Outputs; fmt.Sprint(o) != "[{score untold 1} {both untold 2} {class class 1}]" {
			t.Errorf("outputs %v", o)
		}
		if m.Info().Invariant || !strings.Contains(m.Info().Format, "known") {
			t.Errorf("%+v", m.Info())
		}
		out := [][]float64{make([]float64, 2), make([]float64, 4), make([]float64, 2)}
		b := &model.Batch{Rows: 2, Numbers: []float64{0.5, 3, 1, 10, 7, math.NaN(), -2, 0, 0, 1000}, Texts: []string{"é\x00", ""}}
		if err := m.Predict(t.Context(), b, out); err != nil {
			t.Fatal(err)
		}
		want := [][]float64{{0.0245, 1.098}, {0.0245, 1.0245, 1.098, 2.098}, {24, 1098}}
		for i := range want {
			if !slices.Equal(out[i], want[i]) {
				t.Errorf("%s: output %d: %v, want %v", location, i, out[i], want[i])
			}
		}
	}
}

func open(t *testing.T, location string) model.Model {
	t.Helper()
	m, err := openRemote(t.Context(), location)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// A number that the datatype does not hold is the row's error, before anything is sent: nothing is rounded but floats to their width.
func TestRowsThatAreRefused(t *testing.T) {
	w := newWorld()
	w["numbers"].asked = func(context.Context) error { t.Error("it was asked all the same"); return nil }
	bighead, other, rpc := overHTTP(t, w, false).URL+"/v2/models/numbers", overHTTP(t, w, true).URL+"/v2/models/numbers", "grpc://"+overGRPC(t, w)+"/numbers"
	for _, c := range []struct {
		location, input, reason string
		row                     []float64
	}{
		{bighead, "n", "no whole number", []float64{1, 1.5, 0}},
		{bighead, "wet", "no BOOL", []float64{1, 1, 2}},
		{rpc, "x", "beyond what FP64", []float64{math.Inf(1), 1, 0}},
		{other, "n", "missing, which INT64 cannot say", []float64{1, math.NaN(), 0}},
		{other, "wet", "missing, which BOOL cannot say", []float64{1, 1, math.NaN()}},
		{bighead + "?input=x:FP32:-1&input=n:INT8:-1&input=wet:UINT8:-1", "n", "no INT8", []float64{1, 128, 0}},
		{bighead + "?input=x:FP32:-1&input=n:INT8:-1&input=wet:UINT8:-1", "wet", "no UINT8", []float64{1, 127, -1}},
		{bighead + "?input=x:FP32:-1&input=n:INT8:-1&input=wet:UINT8:-1", "x", "beyond what FP32", []float64{1e39, 127, 1}},
		{bighead + "?input=all:FP64:-1,3", "f1", "beyond what FP64", []float64{1, math.Inf(-1), 0}},
	} {
		m := open(t, c.location)
		in := &model.Batch{Rows: 2, Numbers: append([]float64{0, 0, 0}, c.row...)}
		err := m.Predict(t.Context(), in, [][]float64{make([]float64, 2)})
		var row *model.RowError
		if !errors.As(err, &row) || row.Row != 1 || row.Input != c.input || !strings.Contains(row.Reason, c.reason) {
			t.Errorf("%s, %v: %v", c.location, c.row, err)
		}
	}
}

// A whole number that is missing goes to another bighead as NaN, which it takes for null.
func TestMissingWholeNumbers(t *testing.T) {
	w := newWorld()
	for _, location := range []string{overHTTP(t, w, false).URL + "/v2/models/numbers", "grpc://" + overGRPC(t, w) + "/numbers"} {
		out := [][]float64{make([]float64, 2)}
		if err := open(t, location).Predict(t.Context(), &model.Batch{Rows: 2, Numbers: []float64{1, math.NaN(), math.NaN(), 1, 2, 1}}, out); err != nil || !slices.Equal(out[0], []float64{0.201, 0.004}) {
			t.Errorf("%v, %v", out, err)
		}
	}
}

// What a task takes for its answer is what has as many numbers, of outputs that do not say what they are; not a class, and never a guess.
func TestTasks(t *testing.T) {
	m := open(t, overHTTP(t, newWorld(), false).URL+"/v2/models/numbers")
	if _, err := model.Binary.Answer(m.Info()); err == nil || !strings.Contains(err.Error(), "does not say which: score (untold of 1), both (untold of 2), class (class of 1); name the one in its address: ?output=both") {
		t.Errorf("%v", err)
	}
	a, err := model.Regression.Answer(m.Info())
	if err != nil || a.Output != 0 || a.Width != 1 {
		t.Errorf("%+v, %v", a, err)
	}
	a, err = model.Multiclass.Answer(m.Info())
	if err != nil || a.Output != 1 || a.Width != 2 {
		t.Errorf("%+v, %v", a, err)
	}
	in := &model.Batch{Rows: 2, Numbers: []float64{1, 2, 0, 3, 4, 0}}
	err = a.Predict(t.Context(), m, in, make([]float64, 4), &model.Scratch{})
	if err == nil || !strings.Contains(err.Error(), `output "both" of row 0 is no probability`) {
		t.Errorf("score + 1 is taken for a probability: %v", err)
	}
	one := open(t, overHTTP(t, newWorld(), false).URL+"/v2/models/numbers?output=score")
	if a, err = model.Binary.Answer(one.Info()); err != nil {
		t.Fatal(err)
	}
	out := make([]float64, 2)
	if err := a.Predict(t.Context(), one, in, out, &model.Scratch{}); err != nil || !slices.Equal(out, []float64{0.003, 0.007}) {
		t.Errorf("%v, %v", out, err)
	}
	if _, err := model.Multiclass.Answer(&model.Info{Outputs: []model.Output{{Name: "class", Kind: model.Class, Width: 1}}, Inputs: []model.Input{{Name: "x", Type: value.Float}}}); err == nil {
		t.Error("a class is taken for probabilities")
	}
}
