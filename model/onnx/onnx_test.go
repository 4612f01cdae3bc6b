package onnx

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/modeltest"
)

// lacking skips a test, unless everything is required.
func lacking(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv("BIGHEAD_REQUIRE_ENGINES") == "1" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

// installed is the folder of tests' downloads with the library, fetched if need be: some 28 MB.
var installed = sync.OnceValues(func() (string, error) {
	base := os.Getenv("BIGHEAD_CACHE")
	if base == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		base = filepath.Join(user, "bighead")
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	return Install(ctx, python, filepath.Join(base, "onnxruntime"))
})

func newRuntime(t testing.TB) *Runtime {
	t.Helper()
	if loadable != "" {
		lacking(t, loadable)
	}
	path, err := installed()
	if said := new(PipError); errors.As(err, &said) || errors.Is(err, exec.ErrNotFound) {
		lacking(t, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	return New(Options{Library: path})
}

// written writes a fixture into a folder of its own and gives its path.
func written(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func opened(t testing.TB, path string) *Model {
	t.Helper()
	m, err := newRuntime(t).Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m.(*Model)
}

// own opens a model of testdata.
func own(t testing.TB, name string) *Model {
	t.Helper()
	return opened(t, filepath.Join("testdata", name+".onnx"))
}

// answer gives one output of rows of numbers.
func answer(t testing.TB, m model.Model, output int, rows ...float64) []float64 {
	t.Helper()
	out, err := asked(t.Context(), m, output, rows...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func asked(ctx context.Context, m model.Model, output int, rows ...float64) ([]float64, error) {
	n, _ := m.Info().Widths()
	out := make([][]float64, output+1)
	out[output] = make([]float64, len(rows)/n*m.Info().Outputs[output].Width)
	return out[output], m.Predict(ctx, &model.Batch{Rows: len(rows) / n, Numbers: rows}, out)
}

func described(info *model.Info) string {
	text := ""
	for _, in := range info.Inputs {
		text += in.Name + " " + in.Type.String() + ", "
	}
	text = strings.TrimSuffix(text, ", ") + ";"
	for _, o := range info.Outputs {
		text += fmt.Sprintf(" %s %s %d", o.Name, o.Kind, o.Width)
	}
	return text + fmt.Sprintf("; %v", info.Classes)
}

// The fixtures' inputs are 13 numbers.
func firstRows(t testing.TB, nanToZero bool) []float64 {
	rows, width := modeltest.Numbers(t, "inputs.npy")
	rows = slices.Clone(rows[:500*width])
	for i, x := range rows {
		if nanToZero && math.IsNaN(x) {
			rows[i] = 0
		}
	}
	return rows
}

// TestFixtures compares with what ONNX Runtime answers where Python asks it, of all fixtures; and with scikit-learn, where the converter is known
// to be right.
func TestFixtures(t *testing.T) {
	var index struct {
		Models []struct {
			Name, Family, File string
			NaNToZero          bool `json:"nan_to_zero"`
			Outputs            map[string]struct{ File string }
		}
	}
	if err := json.Unmarshal(modeltest.File(t, "index.json"), &index); err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, f := range index.Models {
		if f.Family != "onnx" || f.Name == "onnx_mixed" {
			continue
		}
		compared++
		t.Run(f.Name, func(t *testing.T) {
			m := opened(t, written(t, f.File, modeltest.File(t, f.File)))
			output := max(m.info.Output(model.Probability), m.info.Output(model.Value))
			got := answer(t, m, output, firstRows(t, f.NaNToZero)...)
			for _, of := range []string{"ort", "sklearn"} {
				if of == "sklearn" && !slices.Contains([]string{"onnx_lr", "onnx_mlp", "onnx_ridge", "onnx_rf"}, f.Name) {
					continue // a converter's rounding of thresholds
				}
				want, _ := modeltest.Numbers(t, f.Outputs[of].File)
				if len(want) != len(got) {
					t.Fatalf("%d answers, want %d", len(got), len(want))
				}
				far := 0.0
				for i := range got {
					if !(math.Abs(got[i]-want[i]) <= 2e-6*max(1, math.Abs(want[i]))) {
						t.Fatalf("%s: at %d: %v, want %v", of, i, got[i], want[i])
					}
					far = max(far, math.Abs(got[i]-want[i]))
				}
				t.Logf("%s: %g away at most", of, far)
			}
		})
	}
	if compared != 6 {
		t.Errorf("%d fixtures compared", compared)
	}
	t.Run("onnx_mixed", func(t *testing.T) {
		compareMixed(t)
	})
}

// mixed are the rows of the fixture with texts, and the answers.
func mixed(t testing.TB) (in *model.Batch, want []float64) {
	var cases []struct {
		Input struct {
			Age, Income *float64
			City        string
		}
		ORT []float64
	}
	if err := json.Unmarshal(modeltest.File(t, "onnx_mixed.cases.json"), &cases); err != nil {
		t.Fatal(err)
	}
	in = &model.Batch{Rows: len(cases)}
	for _, c := range cases {
		for _, x := range []*float64{c.Input.Age, c.Input.Income} {
			if x == nil {
				in.Numbers = append(in.Numbers, math.NaN())
			} else {
				in.Numbers = append(in.Numbers, *x)
			}
		}
		in.Texts, want = append(in.Texts, c.Input.City), append(want, c.ORT...)
	}
	return in, want
}

func compareMixed(t *testing.T) {
	m := opened(t, written(t, "mixed.onnx", modeltest.File(t, "onnx_mixed.onnx")))
	if got := described(&m.info); got != "age float, income float, city string; label class 1 probabilities probability 2; [0 1]" {
		t.Error(got)
	}
	in, want := mixed(t)
	out := [][]float64{make([]float64, in.Rows), make([]float64, 2*in.Rows)}
	if err := m.Predict(t.Context(), in, out); err != nil || in.Rows < 50 {
		t.Fatal(in.Rows, err)
	}
	for i := range want {
		if !(math.Abs(out[1][i]-want[i]) <= 2e-6) {
			t.Errorf("at %d: %v, want %v", i, out[1][i], want[i])
		}
	}
	for i, label := range out[0] {
		if (label == 1) != (out[1][2*i+1] > out[1][2*i]) {
			t.Errorf("row %d: label %v of %v", i, label, out[1][2*i:2*i+2])
		}
	}
	in.Texts[3] = "a\x00b"
	var row *model.RowError
	if err := m.Predict(t.Context(), in, out); !errors.As(err, &row) || row.Row != 3 || row.Input != "city" {
		t.Errorf("%v", err)
	}
}

// TestContract runs the suite on models of tables, of texts, and of labels.
func TestContract(t *testing.T) {
	r := newRuntime(t)
	rows := firstRows(t, true)[:100*13]
	texts, _ := mixed(t)
	var two []float64
	for i := range 40 {
		two = append(two, float64(i%7)-3, float64(i%5)/2)
	}
	table := model.Batch{Rows: 100, Numbers: rows}
	cases := []modeltest.Case{
		{Name: "lr", Location: written(t, "lr.onnx", modeltest.File(t, "onnx_lr.onnx")), Batch: table},
		{Name: "mlp", Location: written(t, "mlp.onnx", modeltest.File(t, "onnx_mlp.onnx")), Batch: table},
		{Name: "ridge", Location: written(t, "ridge.onnx", modeltest.File(t, "onnx_ridge.onnx")), Batch: table},
		{Name: "mixed", Location: written(t, "mixed.onnx", modeltest.File(t, "onnx_mixed.onnx")), Batch: *texts},
		{Name: "texts", Location: "testdata/texts.onnx", Batch: model.Batch{Rows: 40, Numbers: two}},
		{Name: "labels", Location: "testdata/labels.onnx", Batch: model.Batch{Rows: 40, Numbers: two}},
		{Name: "single", Location: "testdata/single.onnx", Batch: model.Batch{Rows: 40, Numbers: two}},
	}
	for i := range cases {
		cases[i].Open, cases[i].Tolerance, cases[i].Allocates = r.Open, 2e-6, raced
	}
	modeltest.Run(t, cases, written(t, "model.txt", []byte("tree\nversion=v4\n")))
}

// TestTypes gives a model inputs of all types that are taken, and each what it cannot hold.
func TestTypes(t *testing.T) {
	m := own(t, "types")
	if got := described(&m.info); got != "f float, d_0 float, d_1 float, l int, i int, b int; sum value 1; []" {
		t.Error(got)
	}
	if got := answer(t, m, 0, 1.5, 2, 3, 40, 500, 1, -1, 0, 0, -7, -8, 0); !slices.Equal(got, []float64{547.5, -16}) {
		t.Errorf("%v", got)
	}
	nan, inf := math.NaN(), math.Inf(1)
	if got := answer(t, m, 0, nan, 0, 0, 0, 0, 0); !math.IsNaN(got[0]) {
		t.Errorf("of a missing number: %v", got)
	}
	if got := answer(t, m, 0, inf, 0, 0, 0, 0, 0); !math.IsInf(got[0], 1) {
		t.Errorf("of infinity: %v", got)
	}
	for _, c := range []struct {
		at    int
		x     float64
		input string
		want  string
	}{
		{0, 1e39, "f", "beyond"}, {3, nan, "l", "missing"}, {3, 0.5, "l", "no whole number"}, {3, inf, "l", "no whole number"}, {3, 1e300, "l", "no whole number"},
		{4, nan, "i", "missing"}, {4, 1 << 31, "i", "no whole number"}, {5, 2, "b", "no whole number"}, {5, nan, "b", "missing"}, {5, -1, "b", "no whole number"},
	} {
		row := make([]float64, 12)
		row[6+c.at] = c.x
		var refused *model.RowError
		if _, err := asked(t.Context(), m, 0, row...); !errors.As(err, &refused) || refused.Row != 1 || refused.Input != c.input || !strings.Contains(refused.Reason, c.want) {
			t.Errorf("%v at %d: %v, want %s", c.x, c.at, err, c.want)
		}
	}
}

// TestLabels sees that labels become numbers of classes, whatever they are, and that scores beside them are probabilities.
func TestLabels(t *testing.T) {
	for name, want := range map[string]string{
		"texts":  "x_0 float, x_1 float; label class 1 probabilities probability 2; [no yes]",
		"labels": "x_0 float, x_1 float; label class 1 probabilities probability 2; [-1 7]",
	} {
		m := own(t, name)
		if got := described(&m.info); got != want {
			t.Errorf("%s: %s", name, got)
		}
		rows := []float64{3, 0, -3, 0, 0, 3, 0, -3}
		if got := answer(t, m, 0, rows...); !slices.Equal(got, []float64{1, 0, 0, 1}) {
			t.Errorf("%s: labels %v", name, got)
		}
		if got := answer(t, m, 1, rows...); got[1] < 0.9 || got[2] < 0.9 || math.Abs(got[0]+got[1]-1) > 1e-6 {
			t.Errorf("%s: probabilities %v", name, got)
		}
	}
	if got := described(own(t, "single").Info()); got != "x_0 float, x_1 float; y probability 2; []" {
		t.Error(got)
	}
}

// TestRefused sees what is refused, by whom, and with what cure.
func TestRefused(t *testing.T) {
	r := newRuntime(t)
	for name, c := range map[string]struct {
		foreign bool
		want    string
	}{
		"zipmap":  {true, `output "maps" is a list of maps, which ZipMap makes: convert the model with options={id(model): {"zipmap": False}}`},
		"half":    {true, `input "x" is of float16; taken are float32`},
		"images":  {true, `input "x" has 4 dimensions`},
		"free":    {true, `input "x" does not say how many columns it has`},
		"four":    {true, `input "x" takes 4 rows at a time`},
		"outside": {false, `it has numbers in files beside it (external data)`},
	} {
		path := filepath.Join("testdata", name+".onnx")
		m, err := r.Open(t.Context(), path)
		if m != nil || err == nil || errors.Is(err, model.ErrForeign) != c.foreign || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

// TestLies sees that an output of another size than was said is an error, and nothing is read beyond it.
func TestLies(t *testing.T) {
	m := own(t, "lies")
	if _, err := asked(t.Context(), m, 0, 1, 2, 3, 4, 5, 6); err == nil || !strings.Contains(err.Error(), `output "y" is 2 numbers (float32) for 3 rows, where 2 a row`) {
		t.Errorf("%v", err)
	}
}

// TestFails sees that what fails inside is an error in ONNX Runtime's words, and that the model answers on.
func TestFails(t *testing.T) {
	m := own(t, "index")
	for range 3 {
		if _, err := asked(t.Context(), m, 0, 1, 99); err == nil || !strings.Contains(err.Error(), "ONNX Runtime says: ") || !strings.Contains(err.Error(), "Gather") {
			t.Errorf("%v", err)
		}
		if got := answer(t, m, 0, 1, 2); !slices.Equal(got, []float64{2, 3}) {
			t.Errorf("%v", got)
		}
	}
	if _, err := asked(t.Context(), own(t, "huge"), 0, 1e15); err == nil || !strings.Contains(err.Error(), "ONNX Runtime says: ") {
		t.Errorf("a petabyte: %v", err)
	}
}

// TestEnds sees that a run ends with its context, in the middle, and that the model answers on.
func TestEnds(t *testing.T) {
	m := own(t, "loop")
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if _, err := asked(ctx, m, 0, 1e18); !errors.Is(err, context.Canceled) {
				t.Errorf("%v", err)
			}
		})
	}
	if got := answer(t, m, 0, 0); got[0] != 0 { // beside them
		t.Errorf("%v", got)
	}
	cancel()
	wg.Wait()
	short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := asked(short, m, 0, 1e18); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if got := answer(t, m, 0, 2); math.Abs(got[0]-math.Sin(math.Sin(2))) > 1e-6 {
		t.Errorf("%v", got)
	}
}

// TestDamaged opens files that were cut off or changed at one place: an error, or a model that answers or does not; never a crash.
func TestDamaged(t *testing.T) {
	r := newRuntime(t)
	rng := rand.New(rand.NewPCG(6, 3))
	refused := 0
	try := func(data []byte) {
		m, err := r.Open(t.Context(), written(t, "m.onnx", data))
		if err != nil {
			refused++
			return
		}
		numbers, texts := m.Info().Widths()
		in := &model.Batch{Rows: 3, Numbers: make([]float64, 3*numbers), Texts: make([]string, 3*texts)}
		out := make([][]float64, len(m.Info().Outputs))
		for i, o := range m.Info().Outputs {
			out[i] = make([]float64, 3*o.Width)
		}
		_ = m.Predict(t.Context(), in, out)
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"onnx_lr.onnx", "onnx_mlp.onnx", "onnx_mixed.onnx", "onnx_rf.onnx"} {
		whole := modeltest.File(t, name)
		for range 60 {
			try(whole[:3+rng.IntN(len(whole)-3)])
			changed := slices.Clone(whole)
			changed[rng.IntN(len(whole))] ^= 1 << rng.IntN(8)
			try(changed)
		}
	}
	if refused < 200 {
		t.Errorf("%d of 480 were refused", refused)
	}
}

// TestAbsent sees that without a library there is an error with the cure, and no other.
func TestAbsent(t *testing.T) {
	if loadable != "" {
		t.Skip(loadable)
	}
	path := filepath.Join("testdata", "texts.onnx")
	none := New(Options{Folders: []string{"/nowhere", filepath.Join(t.TempDir(), "*")}, Cure: "bighead models install onnxruntime"})
	if _, err := none.Open(t.Context(), path); !errors.Is(err, ErrAbsent) || errors.Is(err, model.ErrForeign) ||
		!strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "not in /nowhere, nor in ") || !strings.Contains(err.Error(), "cure: bighead models install onnxruntime") {
		t.Errorf("%v", err)
	}
	if _, err := New(Options{Library: "/nowhere/lib.so"}).Open(t.Context(), path); err == nil || !strings.Contains(err.Error(), "/nowhere/lib.so") {
		t.Errorf("%v", err)
	}
	broken := written(t, "libonnxruntime.so", []byte("no library"))
	if _, err := New(Options{Library: broken}).Open(t.Context(), path); err == nil || !strings.Contains(err.Error(), "load ONNX Runtime from "+broken) {
		t.Errorf("%v", err)
	}
	if _, err := New(Options{Library: t.TempDir()}).Open(t.Context(), path); err == nil || !strings.Contains(err.Error(), "has no library of ONNX Runtime") {
		t.Errorf("%v", err)
	}
}

// TestNewest finds the library of the greatest version, and not what lies beside it.
func TestNewest(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("names are another system's")
	}
	root := t.TempDir()
	for _, name := range []string{"a/libonnxruntime.so.1.9.1", "b/libonnxruntime.so.1.32.0", "b/libonnxruntime_providers_shared.so", "c/libonnxruntime.so"} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755), os.WriteFile(filepath.Join(root, name), nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	r := New(Options{Folders: []string{filepath.Join(root, "none"), filepath.Join(root, "*")}})
	if got, err := r.find(); err != nil || got != filepath.Join(root, "b", "libonnxruntime.so.1.32.0") {
		t.Errorf("%s, %v", got, err)
	}
}

// TestVersion sees that the library says what it is.
func TestVersion(t *testing.T) {
	path, version, err := newRuntime(t).Library()
	if err != nil || version != Version || !filepath.IsAbs(path) {
		t.Errorf("%s, %s, %v", path, version, err)
	}
}

// resident is what the process has in memory, in KiB.
func resident(t *testing.T) int {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("what a process takes is asked of Linux")
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	n, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestLeaks opens and closes models, and asks one, with and without an end, well and badly: what was handed out was given back.
func TestLeaks(t *testing.T) {
	r := newRuntime(t)
	texts, _ := mixed(t)
	path := written(t, "mixed.onnx", modeltest.File(t, "onnx_mixed.onnx"))
	m, failing := opened(t, path), own(t, "index")
	out := [][]float64{make([]float64, texts.Rows), make([]float64, 2*texts.Rows)}
	bad := *texts
	bad.Texts = slices.Clone(texts.Texts)
	bad.Texts[len(bad.Texts)-1] = "\x00"
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	round := func(n int) {
		for range n {
			again, err := r.Open(ctx, path)
			if err != nil {
				t.Fatal(err)
			}
			if err := again.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := r.Open(ctx, "testdata/zipmap.onnx"); err == nil {
				t.Fatal("opened")
			}
			for range 20 {
				if err := m.Predict(ctx, texts, out); err != nil {
					t.Fatal(err)
				}
				if err := m.Predict(ctx, &bad, out); err == nil {
					t.Fatal("no error")
				}
				if _, err := asked(ctx, failing, 0, 99); err == nil {
					t.Fatal("no error")
				}
			}
		}
		for range 150 * n { // what is handed out for a context, or says what is wrong, is small, so that it takes many to see it
			if _, err := asked(ctx, failing, 0, 1); err != nil {
				t.Fatal(err)
			}
			if _, err := asked(ctx, failing, 0, 99); err == nil {
				t.Fatal("no error")
			}
		}
		debug.FreeOSMemory() // Go's own garbage is no leak
	}
	round(100)
	// A status of some 200 bytes that is not released, 60,000 times, is more; so are a session that is not closed, 400 times, and options of a run,
	// 60,000 times. A leak grows each time, and what a thread's arena or Go's heap takes once does not.
	const bound = 4 << 10
	least := bound + 1
	for range 4 {
		before := resident(t)
		round(400)
		grown := int(resident(t) - before)
		t.Logf("%d KiB more after 400 rounds, of %d", grown, before)
		if least = min(least, grown); least <= bound {
			return
		}
	}
	t.Errorf("each 400 rounds take more than %d KiB", bound)
}

func BenchmarkRow(b *testing.B) {
	m := opened(b, written(b, "lr.onnx", modeltest.File(b, "onnx_lr.onnx")))
	in := &model.Batch{Rows: 1, Numbers: firstRows(b, true)[:13]}
	out := [][]float64{nil, make([]float64, 2)}
	for b.Loop() {
		if err := m.Predict(context.Background(), in, out); err != nil {
			b.Fatal(err)
		}
	}
}
