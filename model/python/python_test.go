//go:build unix

package python

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
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

// packages are what brings rows to a model.
var packages = []string{"numpy==2.4.6", "pandas==3.1.1", "pyarrow==26.0.1", "polars==1.42.1"}

// interpreter is a Python with the packages, made once and kept in the folder of tests' downloads.
var interpreter = sync.OnceValues(func() (string, error) {
	base := os.Getenv("BIGHEAD_CACHE")
	if base == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		base = filepath.Join(user, "bighead")
	}
	dir := filepath.Join(base, "worker-"+strings.NewReplacer("=", "", ".", "").Replace(strings.Join(packages, "-")))
	python := filepath.Join(dir, "bin", "python")
	if _, err := os.Stat(python); err == nil {
		return python, nil
	}
	if err := os.MkdirAll(base, 0o755); err != nil {
		return "", err
	}
	stage, err := os.MkdirTemp(base, ".worker-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(stage)
	for _, args := range [][]string{
		{"-m", "venv", "--without-pip", stage},
		append([]string{"-m", "pip", "--python", filepath.Join(stage, "bin", "python"), "install", "--quiet", "--disable-pip-version-check", "--no-input", "--only-binary", ":all:"}, packages...),
	} {
		if out, err := exec.Command("python3", args...).CombinedOutput(); err != nil {
			return "", fmt.Errorf("python3 %s: %w: %s", strings.Join(args, " "), err, out)
		}
	}
	if err := os.Rename(stage, dir); err != nil {
		if _, gone := os.Stat(python); gone != nil { // no other process was first
			return "", err
		}
	}
	return python, nil
})

func python(t testing.TB) func(string) (string, error) {
	t.Helper()
	if testing.Short() {
		t.Skip("packages of Python are left out with -short")
	}
	path, err := interpreter()
	if err != nil {
		lacking(t, err.Error())
	}
	return func(string) (string, error) { return path, nil }
}

// pickled is a pickle that makes the last value of a source, M, when it is loaded: what a class that pickles itself badly, or a hostile file, is.
func pickled(source string) []byte {
	text := "(lambda space: (exec(" + strconv.QuoteToASCII(source) + ", space), space['M'])[1])({})"
	return []byte("cbuiltins\neval\n(V" + strings.NewReplacer(`\`, `\u005c`, "\n", `\u000a`).Replace(text) + "\ntR.")
}

// describedAs is a description of a model of two numbers and a text.
func describedAs(as string, task model.Task) map[string]any {
	kind := "value"
	if task == model.Binary || task == model.Multiclass {
		kind = "probability"
	}
	return map[string]any{
		"version": 1, "pickle": "model.pkl", "lock": "", "as": as, "task": task,
		"inputs": []map[string]string{{"name": "a", "type": "float"}, {"name": "s", "type": "string"}, {"name": "b", "type": "float"}},
		"output": map[string]any{"name": "prediction", "kind": kind, "width": 1},
	}
}

// save writes a model of a source and its description, and gives the description's path.
func save(t testing.TB, d map[string]any, source string) string {
	t.Helper()
	dir := t.TempDir()
	text, err := json.Marshal(d)
	if err == nil {
		err = errors.Join(os.WriteFile(filepath.Join(dir, "worker.json"), text, 0o600), os.WriteFile(filepath.Join(dir, "model.pkl"), pickled(source), 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "worker.json")
}

// opened opens a model of a source; at its end none of its processes is left.
func opened(t testing.TB, o Options, source string) *Model {
	t.Helper()
	o.Interpreter = python(t)
	short := o.Timeout != 0
	if !short {
		o.Timeout = patient
	}
	path := save(t, describedAs("pandas", model.Regression), source)
	m, err := New(o).Open(t.Context(), path)
	for short && err != nil && strings.Contains(err.Error(), "did not answer within") && t.Context().Err() == nil { // it is short for the start too
		m, err = New(o).Open(t.Context(), path)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		nothingLeft(t)
	})
	return m.(*Model)
}

// patient is a time that no worker takes, however busy the machine is.
const patient = 10 * time.Minute

// nothingLeft sees that all processes end. What a worker had started was told to, and takes a moment; what was not goes on for ever.
func nothingLeft(t testing.TB) {
	t.Helper()
	for deadline := time.Now().Add(3 * time.Minute); ; {
		left := children(t)
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("processes %v are left", left)
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// children are the processes of this one that have not been waited for, and those of their groups.
func children(t testing.TB) []int {
	if runtime.GOOS != "linux" {
		return nil
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	var out []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if line, err := os.ReadFile("/proc/" + e.Name() + "/environ"); err == nil && strings.Contains(string(line), "bighead-worker-") {
			stat, _ := os.ReadFile("/proc/" + e.Name() + "/stat")
			if !strings.Contains(string(stat), ") Z ") && strings.Contains(string(line), "BIGHEAD_WORKER_TEST="+strconv.Itoa(os.Getpid())) {
				out = append(out, pid)
			}
		}
	}
	return out
}

func TestMain(m *testing.M) {
	os.Setenv("BIGHEAD_WORKER_TEST", strconv.Itoa(os.Getpid())) // marks the workers of these tests, and what they start
	os.Exit(m.Run())
}

var rows = &model.Batch{Rows: 3, Numbers: []float64{1, 10, 2, math.NaN(), -3, 30}, Texts: []string{"x", "", "żółw"}}

func ask(ctx context.Context, m model.Model, in *model.Batch) ([]float64, error) {
	out := make([]float64, in.Rows*m.Info().Outputs[0].Width)
	return out, m.Predict(ctx, in, [][]float64{out})
}

// sums adds what is there: a, b and the length of s.
const sums = `
class Sums:
    def predict(self, x):
        return [(0 if a != a else a) + (0 if b != b else b) + len(s) for a, b, s in zip(x["a"], x["b"], x["s"])]
M = Sums()
`

// answers waits until a model answers as sums does: workers are started again at their own time.
func answers(t testing.TB, m model.Model) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	defer cancel()
	for {
		got, err := ask(ctx, m, rows)
		if err == nil && slices.Equal(got, []float64{12, 2, 31}) {
			return
		}
		if err == nil || !errors.Is(err, model.ErrUnavailable) {
			t.Fatalf("%v, %v", got, err)
		}
		runtime.Gosched()
	}
}

func TestContract(t *testing.T) {
	r := New(Options{Interpreter: python(t), Workers: 2, Timeout: patient})
	many := model.Batch{Rows: 40}
	for i := range 40 {
		many.Numbers, many.Texts = append(many.Numbers, float64(i), float64(i*i)), append(many.Texts, strings.Repeat("y", i%5))
	}
	var cases []modeltest.Case
	for _, as := range []string{"pandas", "polars", "arrow"} {
		source := sums
		if as == "polars" {
			source = strings.ReplaceAll(source, "a != a", "a is None")
		}
		if as == "arrow" {
			source = strings.NewReplacer(`x["a"]`, `x["a"].to_pylist()`, `x["b"]`, `x["b"].to_pylist()`, `x["s"]`, `x["s"].to_pylist()`, "a != a", "a is None", "b != b", "b is None").Replace(source)
		}
		cases = append(cases, modeltest.Case{Name: as, Open: r.Open, Location: save(t, describedAs(as, model.Regression), source), Batch: many, Tolerance: 1e-9, Allocates: true})
	}
	classes := `
import numpy
class Classes:
    def predict_proba(self, x):
        p = 1 / (1 + numpy.exp(-numpy.asarray(x["a"]) / 9 + 2))
        return numpy.stack([1 - p, p], axis=1)
M = Classes()
`
	cases = append(cases, modeltest.Case{Name: "classes", Open: r.Open, Location: save(t, describedAs("pandas", model.Binary), classes), Batch: many, Tolerance: 1e-9, Allocates: true})
	foreign := filepath.Join(t.TempDir(), "model.pkl")
	if err := os.WriteFile(foreign, pickled("raise SystemExit"), 0o600); err != nil {
		t.Fatal(err)
	}
	modeltest.Run(t, cases, foreign)
}

// TestRows sees that a model is given what it would have been given in training: missing numbers, empty and other texts, and columns by their names.
func TestRows(t *testing.T) {
	m := opened(t, Options{Workers: 1}, `
import numpy
def M(x):
    assert list(x.columns) == ["a", "s", "b"], list(x.columns)
    assert x["a"].dtype == numpy.float64 and x["s"].tolist() == ["x", "", "żółw"], x
    assert x["a"].isna().tolist() == [False, False, False] and x["b"].isna().tolist() == [False, True, False], x
    return x["a"]
`)
	if got, err := ask(t.Context(), m, rows); err != nil || !slices.Equal(got, []float64{1, 2, -3}) {
		t.Errorf("%v, %v", got, err)
	}
}

// TestHostile asks models that do what they must not; each error is the request's own, and the model answers on.
func TestHostile(t *testing.T) {
	for name, c := range map[string]struct {
		does        string
		unavailable bool // the worker had to end
		want        string
	}{
		"raises":                 {`raise ValueError("no such\nthing")`, false, "the model raised ValueError: no such"},
		"ends Python":            {`raise SystemExit(3)`, false, "the model raised SystemExit: 3"},
		"runs out of stack":      {`f = lambda: f(); f()`, false, "the model raised RecursionError"},
		"exits":                  {`os._exit(3)`, true, "exit status 3"},
		"is killed":              {`os.kill(os.getpid(), 9)`, true, "killed"},
		"crashes":                {`import ctypes; ctypes.string_at(0)`, true, "segmentation fault"},
		"hangs":                  {`time.sleep(1e6)`, true, "did not answer within 10s and was killed"},
		"hangs in a fork":        {`os.fork() or time.sleep(1e6); os._exit(4)`, true, "exit status 4"},
		"leaves a fork":          {`os.fork() or (print("child"), time.sleep(1e6)); return list(x["a"])[:2]`, false, "answered 2 rows of 1 numbers, where 3 of 1"},
		"prints a message":       {`sys.stdout.write("BHW1" + "\x00" * 12); sys.stdout.flush(); raise ValueError("printed")`, false, "raised ValueError: printed"},
		"writes garbage":         {`os.write(4, b"x" * 1000); return x["a"]`, true, "wrote what is no message"},
		"writes a great header":  {`os.write(4, b"BHW1\xff\xff\xff\xff" + b"\xff" * 8); time.sleep(1e6)`, true, "wrote what is no message"},
		"writes another answer":  {`os.write(4, M.head(7, 24) + b"\x00" * 24); time.sleep(1e6)`, true, "wrote what is no message"},
		"writes a wrong length":  {`os.write(4, M.head(1, 1 << 40)); time.sleep(1e6)`, true, "wrote what is no message"},
		"closes its descriptors": {`os.close(4); return x["a"]`, true, ""},
		"answers too few":        {`return list(x["a"])[:2]`, false, "answered 2 rows of 1 numbers, where 3 of 1 were asked for"},
		"answers a table":        {`return [[1, 2]] * 3`, false, "answered 3 rows of 2 numbers, where 3 of 1 were asked for"},
		"answers texts":          {`return ["a", "b", "c"]`, false, "raised ValueError"},
		"answers nothing":        {`return None`, false, "the model raised"},
		"takes memory":           {`return bytearray(1 << 33)`, false, "raised MemoryError"},
	} {
		t.Run(name, func(t *testing.T) {
			o := Options{Workers: 1, Memory: 4 << 30, Backoff: time.Millisecond}
			if name == "hangs" {
				o.Timeout = 10 * time.Second
			}
			m := opened(t, o, `
import json, os, struct, sys, time
`+sums+`
class Hostile(Sums):
    def head(self, id, length):
        text = json.dumps({"id": id, "shape": [3, 1]}).encode()
        return struct.pack("<4sIQ", b"BHW1", len(text), length) + text
    def predict(self, x):
        if x["a"][0] == 1:
            return super().predict(x)
        `+c.does+`
M = Hostile()
`)
			answers(t, m)
			bad := *rows
			bad.Numbers = slices.Clone(rows.Numbers)
			bad.Numbers[0] = 99
			_, err := ask(t.Context(), m, &bad)
			if err == nil || errors.Is(err, model.ErrUnavailable) != c.unavailable || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %s", err, c.want)
			}
			answers(t, m)
		})
	}
}

// TestStart sees that what cannot be started says why, and leaves nothing.
func TestStart(t *testing.T) {
	find := python(t)
	for name, c := range map[string]struct {
		source string
		o      Options
		want   string
	}{
		"raises":       {`raise ValueError("no")`, Options{}, "its Python worker cannot load the model: ValueError: no"},
		"lacks":        {`import no_such_module`, Options{}, "cannot load the model: ModuleNotFoundError: No module named 'no_such_module'"},
		"exits":        {"import os; print('bye'); os._exit(5)", Options{}, "ended with exit status 5; the last that it printed: bye"},
		"hangs":        {"import time; time.sleep(1e6)", Options{Timeout: 2 * time.Second}, "did not answer within 2s"},
		"no Python":    {"M = 1", Options{Interpreter: func(string) (string, error) { return "/nowhere/python", nil }}, "/nowhere/python"},
		"no lock":      {"M = 1", Options{Interpreter: func(string) (string, error) { return "", errors.New("its environment is not here") }}, "its environment is not here"},
		"memory of it": {"M = bytearray(1 << 33)", Options{Memory: 4 << 30}, "MemoryError"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.o.Interpreter == nil {
				c.o.Interpreter = find
			}
			if c.o.Timeout == 0 {
				c.o.Timeout = patient
			}
			c.o.Workers = 2
			path := save(t, describedAs("arrow", model.Regression), c.source)
			m, err := New(c.o).Open(t.Context(), path)
			if m != nil || err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("%v, want %s", err, c.want)
			}
			nothingLeft(t)
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	path := save(t, describedAs("arrow", model.Regression), "import time; print('here', flush=True); time.sleep(1e6)")
	time.AfterFunc(50*time.Millisecond, cancel) // wherever it is then
	if _, err := New(Options{Interpreter: find, Workers: 2, Timeout: patient}).Open(ctx, path); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	nothingLeft(t)
}

// TestDescriptions sees what is refused before anything is started.
func TestDescriptions(t *testing.T) {
	o := Options{Interpreter: func(string) (string, error) { return "", errors.New("started") }, Workers: 1, Timeout: time.Minute}
	r := New(o)
	for want, change := range map[string]func(map[string]any){
		`of format 2`:              func(d map[string]any) { d["version"] = 2 },
		`unknown field "code"`:     func(d map[string]any) { d["code"] = "x" },
		`pickle "../../model.pkl"`: func(d map[string]any) { d["pickle"] = "../../model.pkl" },
		`pickle ".." is no file`:   func(d map[string]any) { d["pickle"] = ".." },
		`lock "../../bin" is no`:   func(d map[string]any) { d["lock"] = "../../bin" },
		`as "numpy"`:               func(d map[string]any) { d["as"] = "numpy" },
		`0 inputs`:                 func(d map[string]any) { d["inputs"] = []string{} },
		`input "a" of type "string"`: func(d map[string]any) {
			d["inputs"] = []map[string]string{{"name": "a", "type": "float"}, {"name": "a", "type": "string"}}
		},
		`of 0 numbers`:            func(d map[string]any) { d["output"] = map[string]any{"name": "p", "kind": "value", "width": 0} },
		`output of kind "margin"`: func(d map[string]any) { d["output"] = map[string]any{"name": "p", "kind": "margin", "width": 1} },
		`started`:                 func(map[string]any) {},
	} {
		d := describedAs("pandas", model.Regression)
		change(d)
		if _, err := r.Open(t.Context(), save(t, d, "M = 1")); err == nil || !strings.Contains(err.Error(), want) || errors.Is(err, model.ErrForeign) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestOrphan sees that workers end with this process, also where it is killed. The test runs itself as the one that is.
func TestOrphan(t *testing.T) {
	if os.Getenv("BIGHEAD_TEST_PARENT") != "" {
		m := opened(t, Options{Workers: 2}, "import time\ndef M(x):\n    while True: time.sleep(1e6)\n")
		fmt.Println("workers", strings.Trim(fmt.Sprint(children(t)), "[]"))
		_, _ = ask(t.Context(), m, rows) // until it is killed
		return
	}
	if runtime.GOOS != "linux" {
		t.Skip("processes are looked up in /proc")
	}
	python(t)
	parent := exec.Command(os.Args[0], "-test.run", "^TestOrphan$")
	parent.Env = append(os.Environ(), "BIGHEAD_TEST_PARENT=1")
	out, err := parent.StdoutPipe()
	if err == nil {
		err = parent.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	var pids []string
	for lines := bufio.NewScanner(out); pids == nil && lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "workers "); ok {
			pids = strings.Fields(rest)
		}
	}
	if len(pids) != 2 {
		t.Errorf("workers %v", pids)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	for _, pid := range pids {
		for { // the test's time limit ends a wait in vain
			state, err := os.ReadFile("/proc/" + pid + "/stat")
			if err != nil || strings.Contains(string(state), ") Z ") {
				break
			}
			runtime.Gosched()
		}
	}
}

// TestKilled kills all workers under load: requests fail as unavailable, none waits for a process that is not there, and the model recovers by itself.
func TestKilled(t *testing.T) {
	m := opened(t, Options{Workers: 2, Backoff: 10 * time.Millisecond}, sums)
	for range 2 {
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		served := make(chan struct{}, 1)
		for range 8 {
			wg.Go(func() {
				for ctx.Err() == nil {
					got, err := ask(ctx, m, rows)
					if err == nil && !slices.Equal(got, []float64{12, 2, 31}) || err != nil && !errors.Is(err, model.ErrUnavailable) && ctx.Err() == nil {
						t.Errorf("%v, %v", got, err)
						return
					}
					if err == nil {
						select {
						case served <- struct{}{}:
						default:
						}
					}
				}
			})
		}
		<-served
		for _, pid := range children(t) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		answers(t, m)
		cancel()
		wg.Wait()
		if err := m.Health(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// TestUnavailable sees that while no worker can be started, requests and health say so at once, with the reason.
func TestUnavailable(t *testing.T) {
	m := opened(t, Options{Workers: 2, Backoff: time.Hour}, sums+"\nimport os\nclass E(Sums):\n    def predict(self, x):\n        os._exit(7)\nM = E()\n")
	for range 2 {
		if _, err := ask(t.Context(), m, rows); !errors.Is(err, model.ErrUnavailable) || !strings.Contains(err.Error(), "exit status 7") && !strings.Contains(err.Error(), "ended") {
			t.Errorf("%v", err)
		}
	}
	for m.Health(t.Context()) == nil { // the second one's end is being noted
		runtime.Gosched()
	}
	if _, err := ask(t.Context(), m, rows); !errors.Is(err, model.ErrUnavailable) || !strings.Contains(err.Error(), "being started again (ended with exit status 7") {
		t.Errorf("%v", err)
	}
	if err := m.Health(t.Context()); !errors.Is(err, model.ErrUnavailable) {
		t.Errorf("%v", err)
	}
}

// TestLine sees that requests whose contexts end while they wait leave the line, that one whose answer nobody wants any more costs no worker, and that
// who waits is served.
func TestLine(t *testing.T) {
	m := opened(t, Options{Workers: 1}, `
import os, time
`+sums+`
class Waits(Sums):
    def predict(self, x):
        while x["a"][0] == 5 and not os.path.exists(x["s"][0]):
            time.sleep(0.001)
        return super().predict(x)
M = Waits()
`)
	answers(t, m)
	before := children(t)
	file := filepath.Join(t.TempDir(), "go")
	slow := &model.Batch{Rows: 1, Numbers: []float64{5, 0}, Texts: []string{file}}
	first, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := ask(first, m, slow)
		ended <- err
	}()
	waiting := make(chan error, 3)
	for m.free() { // until it has the worker
		runtime.Gosched()
	}
	short, stop := context.WithCancel(t.Context())
	for range 3 {
		go func() {
			_, err := ask(short, m, rows)
			waiting <- err
		}()
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	stop()
	for range 3 {
		if err := <-waiting; !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := ask(t.Context(), m, rows); err != nil || !slices.Equal(got, []float64{12, 2, 31}) {
		t.Errorf("%v, %v", got, err)
	}
	if after := children(t); !slices.Equal(before, after) {
		t.Errorf("workers were %v and are %v", before, after)
	}
}

func (m *Model) free() bool {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return len(m.idle) > 0
}

// TestGarbage reads answers of any bytes: an error or an answer, of no more memory than was said.
func FuzzAnswer(f *testing.F) {
	good, _ := appendFrame(nil, answer{ID: 1, Shape: []int{1, 1}}, func(b []byte) []byte { return append(b, make([]byte, 8)...) })
	f.Add(good)
	f.Add([]byte("BHW1\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, body, err := readFrame(strings.NewReader(string(data)), func(*answer) (int, error) { return 8, nil })
		if err == nil && (a == nil || len(body) != 8) {
			t.Errorf("%v, %d bytes", a, len(body))
		}
	})
}

func BenchmarkRow(b *testing.B) {
	m := opened(b, Options{Workers: 1}, sums)
	one := &model.Batch{Rows: 1, Numbers: rows.Numbers[:2], Texts: rows.Texts[:1]}
	for b.Loop() {
		if _, err := ask(b.Context(), m, one); err != nil {
			b.Fatal(err)
		}
	}
}
