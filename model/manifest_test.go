package model

import (
	"math"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/value"
)

func small() *Manifest {
	x := 0.1
	return &Manifest{Version: 1, Model: "m", Task: Binary, View: "v", Fingerprint: "f", Columns: []ManifestColumn{{"a", value.ListOf(value.Int), "fa"}, {"b", value.Float, "fb"}},
		Runtime: "remote", File: "grpc://127.0.0.1:1/m", Inputs: []string{"b"}, Check: []CheckRow{{Numbers: []*float64{&x}, Answer: []float64{math.Nextafter(0.3, 1)}}, {Numbers: []*float64{nil}, Answer: []float64{-0.5}}}}
}

func TestManifestVersions(t *testing.T) {
	text, err := small().encode()
	if err != nil {
		t.Fatal(err)
	}
	for from, want := range map[string]string{`"version": 1`: "", `"version": 2`: "", `"version": 3`: "a newer one wrote it", `"version": 0`: "it is of format 0", `"version": 1, "colour": 1`: `unknown field "colour"`} {
		_, err := parseManifest([]byte(strings.Replace(string(text), `"version": 2`, from, 1)))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", from, err)
		}
	}
}

// TestPopular has answers of each task, and what cannot be one.
func TestPopular(t *testing.T) {
	for _, c := range []struct {
		task    Task
		popular []float64
		want    string
	}{
		{Binary, nil, ""}, {Binary, []float64{0.25}, ""}, {Multiclass, []float64{0.25, 0.75}, ""}, {Multiclass, []float64{1. / 3, 1. / 3, 1. / 3}, ""}, {Regression, []float64{-7}, ""},
		{Ranking, nil, ""}, {Ranking, []float64{0.5}, `there is none for task "ranking"`}, {Binary, []float64{0.25, 0.75}, `2 numbers for task "binary"`}, {Multiclass, []float64{1}, "1 numbers"},
		{Regression, []float64{1, 2}, "2 numbers"}, {Binary, []float64{1.5}, "is no answer"}, {Binary, []float64{-0.5}, "is no answer"}, {Regression, []float64{math.Inf(1)}, "is no answer"},
		{Regression, []float64{math.NaN()}, "is no answer"}, {Multiclass, []float64{0.5, 0.75}, "come to 1.25"},
	} {
		m := small()
		m.Task, m.Popular = c.task, c.popular
		if err := m.valid(); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %v: %v, want %q", c.task, c.popular, err, c.want)
		}
	}
}

// FuzzManifest sees that no text brings the reader down, and that what it takes is written and read as the same.
func FuzzManifest(f *testing.F) {
	text, err := small().encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add(text[:len(text)/2])
	f.Add([]byte(`{"version":1,"columns":[{"name":"a","type":"list<list<"}]}`))
	f.Add([]byte("null"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := parseManifest(text)
		if err != nil {
			return
		}
		again, err := m.encode()
		if err != nil {
			t.Fatalf("%q is read, and not written: %v", text, err)
		}
		n, err := parseManifest(again)
		if err != nil {
			t.Fatalf("%q is written as %q, which is not read: %v", text, again, err)
		}
		third, err := n.encode()
		if err != nil || string(third) != string(again) {
			t.Fatalf("%q became %q: %v", again, third, err)
		}
	})
}

// TestPromise has pairs that are equal, and not, by the table of docs/models.md §4.
func TestPromise(t *testing.T) {
	for _, c := range []struct {
		runtime   string
		want, got float64
		holds     bool
	}{
		{"tree", 0.3, 0.3 * (1 + 5e-15), true}, {"tree", 0.3, 0.3 * (1 + 5e-14), false}, {"tree", 0.3, math.NaN(), false}, {"tree", 1e-300, 2e-300, false},
		{"tree", float64(float32(0.3)), float64(float32(0.3)) + 1e-7, true}, {"tree", float64(float32(0.3)), float64(float32(0.3)) + 3e-7, false},
		{"onnx", 100.1, 100.1001, true}, {"onnx", 0.001, 0.001003, false}, {"onnx", 0.001, 0.0010015, true}, {"python", 0.1, 0.1000005, true}, {"remote", 0.1, 0.100002, false},
	} {
		if holds := promise(c.runtime, []float64{c.want})(c.got, c.want); holds != c.holds {
			t.Errorf("%s: %v for %v: %v", c.runtime, c.got, c.want, holds)
		}
	}
}
