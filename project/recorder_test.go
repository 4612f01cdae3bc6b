package project

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/feature"
)

// TestMain takes the interpreter behind a shim, such as pyenv's, once: through the shim each start takes a tenth of a second longer.
func TestMain(m *testing.M) {
	out, err := exec.Command("python3", "-c", "import os, sys; print(os.path.dirname(os.path.realpath(sys.executable)))").Output()
	if err == nil {
		os.Setenv("PATH", strings.TrimSpace(string(out))+string(os.PathListSeparator)+os.Getenv("PATH"))
	}
	os.Unsetenv("VIRTUAL_ENV")
	os.Exit(m.Run())
}

// write makes a folder of files.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// record records all Python files of a folder.
func record(t *testing.T, files map[string]string) *feature.Definitions {
	t.Helper()
	p, err := Open(write(t, files), Options{Env: pathOnly()})
	if err != nil {
		t.Fatal(err)
	}
	d, err := p.Record(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// pathOnly is an environment of the PATH, and of patience with a machine that stands still.
func pathOnly() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "BIGHEAD_PYTHON_TIMEOUT=10m"}
}

func literal(s string) *string { return &s }

// python is the interpreter that tests record with.
func python(t *testing.T) Python {
	t.Helper()
	path, err := FindPython("", func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	return Python{Path: path, Timeout: 10 * time.Minute}
}

// hasty records units of which some have no end, and others must not be stopped: where a machine stands still for longer than those get, they get
// twice as long. right says what is wrong with the results, "": nothing.
func hasty(t *testing.T, units []Unit, right func(limit time.Duration, all []*feature.Definitions) string) {
	t.Helper()
	py := python(t)
	for py.Timeout = time.Second; ; py.Timeout *= 2 {
		all, err := RecordUnits(t.Context(), py, units)
		if err != nil {
			t.Fatal(err)
		}
		wrong := right(py.Timeout, all)
		if wrong == "" {
			return
		}
		t.Logf("within %s: %s", py.Timeout, wrong)
		if py.Timeout > time.Minute {
			t.Fatal("however much time they get")
		}
	}
}

func mistakes(d *feature.Definitions) string {
	var b strings.Builder
	for _, m := range d.Mistakes {
		fmt.Fprintf(&b, "%s %s: %s", m.At, m.Kind, m.Message)
		if m.Got != "" {
			fmt.Fprintf(&b, " (got %s)", m.Got)
		}
		if m.Cure != "" {
			fmt.Fprintf(&b, "; %s", m.Cure)
		}
		for _, v := range m.Via {
			fmt.Fprintf(&b, " <- %s", v)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// keepsLinesAlone: Python 3.10 knows no columns of what raised.
func keepsLinesAlone(d *feature.Definitions) bool { return strings.HasPrefix(d.Python, "3.10.") }

var column = regexp.MustCompile(`(\.py:\d+):\d+`)

// Every way for a definition file to go wrong is a mistake with its place, and the rest is recorded all the same.
func TestBadFiles(t *testing.T) {
	good := "import bighead as bh\nbh.EventSource('e', time='t', path='p')\n"
	for _, c := range []struct{ name, source, want string }{
		{"raises", "def f(x):\n    return 1 / x\n\nf(0)\n", "bad.py:2:12 raised: the definition file raised ZeroDivisionError: division by zero <- bad.py:4:1\n"},
		{"syntax", "def f(:\n    pass\n", "bad.py:1:7 syntax: Python cannot read this: "},
		{"indentation", "if True:\nx = 1\n", "bad.py:2:1 syntax: "},
		{"exits", "import sys\nsys.exit(0)\n", "bad.py:2:1 exited: the definition file ends Python"},
		{"exits hard", "import os\nos._exit(0)\n", "bad.py:2:1 exited: the definition file ends Python"},
		{"encoding", "x = 1\ny = '\xff'\n", "bad.py:2:6 encoding: the file is not UTF-8: byte 0xff; save it as UTF-8\n"},
		{"module at the top", "import os\n\nimport pandas as pd\nX = pd.DataFrame()\n", "bad.py:3:1 missing_module: there is no module \"pandas\" in the bare Python that records definitions (got pandas); move line 3 into train: what a model needs is imported there\n"},
		{"module in a helper", "def f():\n    import pandas\nf()\n", "bad.py:2:5 missing_module: there is no module \"pandas\""},
		{"module under try", "try:\n    import pandas\nexcept ImportError:\n    pandas = None\n", ""},
		{"opens a file", "x = open('/etc/hostname')\n", "bad.py:1:5 not_allowed: a definition must not use files (/etc/hostname)"},
		{"reads a file through a library", "import pathlib\npathlib.Path('/etc/hostname').read_text()\n", "bad.py:2:31 not_allowed: a definition must not use files (/etc/hostname)"},
		{"network", "import socket\nsocket.create_connection(('127.0.0.1', 9))\n", "bad.py:2:1 not_allowed: a definition must not use the network"},
		{"process", "import subprocess\nsubprocess.run(['true'])\n", "bad.py:2:1 not_allowed: a definition must not use other processes"},
		{"deep recursion", "def f(n):\n    return f(n + 1)\nf(0)\n", "bad.py:2:12 raised: the definition file raised RecursionError: maximum recursion depth exceeded <- bad.py:2:12 <- bad.py:3:1\n"},
		{"deep nesting", "x = " + strings.Repeat("(", 5000) + strings.Repeat(")", 5000) + "\n", "bad.py:1"},
		{"null bytes", "x = 1\x00\n", "bad.py:1:6 encoding: the file holds a null byte: it is no text; save it as UTF-8\n"},
		{"encoding behind a signature", "\xef\xbb\xbfx = '\xff'\n", "bad.py:1:6 encoding: the file is not UTF-8: byte 0xff; save it as UTF-8\n"},
		{"memory", "x = 'a' * (1 << 40)\n", "bad.py:1:5 raised: the definition file takes more memory than it may\n"},
		{"prints", "print('hello')\nimport sys\nprint('x', file=sys.stderr)\nsys.stdout.close()\n", ""},
		{"empty", "", ""},
		{"imports nothing like it", "from goodd import x\n", "(got goodd)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := record(t, map[string]string{"bad.py": c.source, "good.py": good})
			got, want := mistakes(d), c.want
			if keepsLinesAlone(d) {
				got, want = column.ReplaceAllString(got, "$1"), column.ReplaceAllString(want, "$1")
			}
			if c.want == "" && got != "" || !strings.Contains(got, want) {
				t.Errorf("mistakes:\n%swant %q", got, c.want)
			}
			if strings.Count(got, "\n") > 1 {
				t.Errorf("more than one mistake:\n%s", got)
			}
			if len(d.Sources) != 1 || d.Sources[0].Name.Value != "e" {
				t.Errorf("the good file was not recorded: %+v", d.Sources)
			}
		})
	}
}

// A file that ends Python takes the definitions of its unit along, not those of others.
func TestUnitsThatEndPython(t *testing.T) {
	loop := "def spin():\n    while True: pass\nspin()\n"
	units := []Unit{
		{Name: "a.feat", Text: literal("bh.EventSource('a', time='t')"), Line: 3, Col: 5},
		{Name: "loop.feat", Text: literal(loop), Line: 10, Col: 5},
		{Name: "b.feat", Text: literal("e = bh.EventSource('b', time='t')")},
		{Name: "dies.feat", Text: literal("import ctypes\nctypes.string_at(0)")},
		{Name: "mute.feat", Text: literal("import os\nos.closerange(0, 4096)")},
		{Name: "c.feat", Text: literal("e")},
	}
	hasty(t, units, func(limit time.Duration, all []*feature.Definitions) string {
		if s := all[0].Sources; len(s) != 1 || s[0].At.String() != "a.feat:3:5" || s[0].Name.PosAt(0).String() != "a.feat:3:21" {
			return fmt.Sprintf("positions of a text in a file: %+v", s)
		}
		for i, want := range map[int]string{
			1: "loop.feat:11:9 timed_out: recording loop.feat took longer than " + limit.String() + " and was stopped here; is this a loop without an end? [python] timeout gives more time <- loop.feat:12:5",
			3: "dies.feat:2:1 crashed: Python ended while it recorded dies.feat (signal: segmentation fault",
			4: "mute.feat:1:1 crashed: Python ended while it recorded mute.feat (exit status 1)",
			5: "c.feat:1:1 raised: the definition file raised NameError: name 'e' is not defined",
		} {
			if got := mistakes(all[i]); !strings.HasPrefix(got, want) {
				return fmt.Sprintf("unit %d:\n%swant %q", i, got, want)
			}
		}
		if at := all[1].Mistakes[0].At; at.EndCol-at.Col != len("while True: pass") {
			return fmt.Sprintf("the line where it was is marked from %d to %d", at.Col, at.EndCol)
		}
		if len(all[2].Sources) != 1 || len(all[2].Mistakes) != 0 {
			return fmt.Sprintf("the unit between two that end Python: %+v", all[2])
		}
		return ""
	})
}

// Python's own clock says where it was; ours holds when a definition stops that one.
func TestOurClockHoldsToo(t *testing.T) {
	hasty(t, []Unit{{Name: "x.feat", Text: literal("import faulthandler\nfaulthandler.cancel_dump_traceback_later()\nwhile True: pass")}}, func(_ time.Duration, all []*feature.Definitions) string {
		if got := mistakes(all[0]); !strings.HasPrefix(got, "x.feat:1:1 timed_out:") {
			return got
		}
		return ""
	})
}

func TestCancelEndsTheProcess(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	started := make(chan struct{})
	py := python(t)
	py.Stderr = writerFunc(func(b []byte) (int, error) {
		if bytes.Contains(b, []byte("running")) {
			close(started)
		}
		return len(b), nil
	})
	go func() {
		<-started
		cancel()
	}()
	_, err := RecordUnits(ctx, py, []Unit{{Name: "x", Text: literal("print('running', flush=True)\nwhile True: pass")}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v is not context.Canceled", err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func TestPrintsAreHarmlessAndBounded(t *testing.T) {
	var out bytes.Buffer
	py := python(t)
	py.Stderr = &out
	all, err := RecordUnits(t.Context(), py, []Unit{{Name: "x", Text: literal("print('{\"done\":true}')\nfor _ in range(100): print('x' * 100_000)\nbh.EventSource('a', time='t')")}})
	if err != nil {
		t.Fatal(err)
	}
	if len(all[0].Sources) != 1 {
		t.Errorf("printing disturbed the recording: %+v", all[0])
	}
	if !strings.HasPrefix(out.String(), `{"done":true}`) || out.Len() > printLimit+200 || !strings.Contains(out.String(), "the rest is left out") {
		t.Errorf("%d bytes were printed: %.60q", out.Len(), out.String())
	}
}

func TestUnitsDoNotSeeEachOther(t *testing.T) {
	dir := write(t, map[string]string{"features.py": "import bighead as bh\nfrom shared import name\nbh.EventSource(name(), time='t')\n", "shared.py": "count = 0\ndef name():\n    global count\n    count += 1\n    return f'n{count}'\n"})
	unit := Unit{Root: dir, Files: []string{"features.py"}}
	all, err := RecordUnits(t.Context(), python(t), []Unit{unit, unit, {Root: dir, Files: []string{"features.py"}, Name: "x", Text: literal("import features\nprint(features.name)")}})
	if err != nil {
		t.Fatal(err)
	}
	for i, d := range all {
		if len(d.Mistakes) != 0 || len(d.Sources) != 1 || d.Sources[0].Name.Value != "n1" {
			t.Errorf("unit %d: %+v %s", i, d.Sources, mistakes(d))
		}
	}
}

// A file's own edits are seen at once, where another Python left a compiled file of the same size and time too.
func TestNoStaleCode(t *testing.T) {
	dir := write(t, map[string]string{"f.py": ""})
	file, at := filepath.Join(dir, "f.py"), time.Date(2024, 1, 31, 6, 0, 0, 0, time.UTC)
	for _, want := range []string{"one", "two"} {
		if err := os.WriteFile(file, []byte("import bighead as bh\nbh.EventSource('"+want+"', time='t')\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, at, at); err != nil {
			t.Fatal(err)
		}
		if want == "one" {
			if out, err := exec.Command("python3", "-m", "py_compile", file).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
		}
		all, err := RecordUnits(t.Context(), python(t), []Unit{{Root: dir, Files: []string{"f.py"}}})
		if err != nil {
			t.Fatal(err)
		}
		if got := all[0].Sources[0].Name.Value; got != want {
			t.Errorf("recorded %q, want %q", got, want)
		}
	}
}

func TestRecordingLeavesNothing(t *testing.T) {
	dir := write(t, map[string]string{"f.py": "import g", "g.py": "", "pkg/h.py": ""})
	if _, err := RecordUnits(t.Context(), python(t), []Unit{{Root: dir, Files: []string{"f.py", "pkg/h.py"}}}); err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(found) != 3 {
		t.Errorf("the folder holds %q, %v", found, err)
	}
	if caches, _ := filepath.Glob(filepath.Join(dir, "pkg", "*")); len(caches) != 1 {
		t.Errorf("the package holds %q", caches)
	}
}

// A file that others import fails once, whoever asks for it.
func TestOneMistakeForOneCause(t *testing.T) {
	d := record(t, map[string]string{"a.py": "import c\n", "b.py": "from c import x\n", "c.py": "x = 1 / 0\n", "d.py": "import bighead as bh\nbh.EventSource('e', time='t')\n"})
	want := "c.py:1:5 raised: the definition file raised ZeroDivisionError: division by zero <- a.py:1:1"
	if keepsLinesAlone(d) {
		want = strings.Replace(want, "c.py:1:5", "c.py:1:1", 1)
	}
	if got := mistakes(d); strings.Count(got, "\n") != 1 || !strings.HasPrefix(got, want) {
		t.Error(got)
	}
	if len(d.Sources) != 1 {
		t.Error("the file that is right was not recorded")
	}
}

// Names of files are the user's: letters of any script, and folders with and without __init__.py.
func TestNamesOfFiles(t *testing.T) {
	dir := write(t, map[string]string{"größe.py": "while True: pass\n", "my-features.py": "import bighead as bh\nimport teams.one\nbh.EventSource('a', time=teams.one.TIME)\n", "teams/one.py": "TIME = 't'\n"})
	hasty(t, []Unit{{Root: dir, Files: []string{"my-features.py"}}, {Root: dir, Files: []string{"größe.py"}}}, func(_ time.Duration, all []*feature.Definitions) string {
		if s := all[0].Sources; len(s) != 1 || s[0].At.String() != "my-features.py:3:1" || s[0].Time.Value != "t" {
			return fmt.Sprintf("%+v %s", s, mistakes(all[0]))
		}
		if got := mistakes(all[1]); !strings.HasPrefix(got, "größe.py:1:1 timed_out:") {
			return got
		}
		return ""
	})
}

// The traceback is the author's part alone, for --traceback.
func TestTraceback(t *testing.T) {
	d := record(t, map[string]string{"a.py": "import b\n", "b.py": "def f():\n    raise ValueError('why')\nf()\n"})
	got := d.Mistakes[0].Traceback
	if !strings.Contains(got, "in f\n") || !strings.Contains(got, "ValueError: why") || strings.Contains(got, "importlib") || strings.Contains(got, "_imports.py") {
		t.Errorf("%s", got)
	}
}

// An object of the author's that misbehaves when it is looked at is a mistake like any other.
func TestObjectsThatMisbehave(t *testing.T) {
	d := record(t, map[string]string{"f.py": "import bighead as bh\nclass Odd:\n    def __repr__(self):\n        raise RuntimeError('no')\nbh.EventSource('e', time=Odd())\nloop = []\nloop.append(loop)\nbh.sum('x', default=loop)\n"})
	if got := mistakes(d); !strings.Contains(got, "f.py:5:26 wrong_argument: time of bh.EventSource takes a string, not <Odd>\n") || !strings.Contains(got, "f.py:8:21 wrong_argument: default of bh.sum takes a constant") {
		t.Error(got)
	}
}

func TestAFileNamedLikePythons(t *testing.T) {
	d := record(t, map[string]string{"json.py": "import bighead as bh\nbh.EventSource('e', time='t')\n"})
	if got := mistakes(d); !strings.Contains(got, `json.py:1:1 raised: the name of the file is that of the module "json" of Python itself; rename the file`) {
		t.Error(got)
	}
}

func TestLongText(t *testing.T) {
	d := record(t, map[string]string{"f.py": "import bighead as bh\nbh.EventSource('e', time='" + strings.Repeat("x", 10<<20) + "')\n"})
	if got := len(d.Sources[0].Time.Value); got != 10<<20 {
		t.Errorf("%d characters, %s", got, mistakes(d))
	}
}

func TestNoPython(t *testing.T) {
	for _, c := range []struct {
		name string
		py   func(t *testing.T) (string, error)
		want string
	}{
		{"configured", func(*testing.T) (string, error) {
			return FindPython("/no/such/python", func(string) string { return "" })
		}, "[python] path names /no/such/python"},
		{"virtual environment", func(*testing.T) (string, error) {
			return FindPython("", func(n string) string { return map[string]string{"VIRTUAL_ENV": "/no/venv"}[n] })
		}, "VIRTUAL_ENV names /no/venv/bin/python"},
		{"kernel", func(*testing.T) (string, error) {
			return FindPython("", func(n string) string { return map[string]string{KernelPython: "/no/kernel"}[n] })
		}, KernelPython + " names /no/kernel"},
		{"not on the path", func(t *testing.T) (string, error) {
			t.Setenv("PATH", t.TempDir())
			return FindPython("", os.Getenv)
		}, "install Python 3.10 or later"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := c.py(t)
			if !errors.Is(err, ErrNoPython) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestWhatIsNoPython(t *testing.T) {
	dir := write(t, map[string]string{"old": "#!/bin/sh\necho '{\"too_old\":\"3.8.1\"}' >&3\nexit 1\n", "broken": "#!/bin/sh\necho no such option: -I\nexit 2\n", "wrong": "#!/bin/sh\necho 'not json' >&3\n"})
	for name, want := range map[string]string{
		"old":    "is Python 3.8.1; bighead needs 3.10 or later",
		"broken": "ended before it began (exit status 2): no such option: -I",
		"wrong":  "Python wrote what is no message",
	} {
		path := filepath.Join(dir, name)
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
		_, err := RecordUnits(t.Context(), Python{Path: path, Timeout: 10 * time.Minute}, []Unit{{Name: "x", Text: literal("")}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", name, err, want)
		}
	}
}

// Nothing is left of a definition that starts what it should not: its process group ends with it.
func TestNoChildIsLeft(t *testing.T) {
	py := python(t)
	// ctypes goes past the audit hook, as hostile code would.
	code := "import ctypes, os, time\npid = ctypes.CDLL(None).fork()\nif pid == 0:\n    time.sleep(600)\nprint('child', pid, flush=True)\n"
	var out bytes.Buffer
	py.Stderr = &out
	if _, err := RecordUnits(t.Context(), py, []Unit{{Name: "x", Text: literal(code)}}); err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Sscanf(out.String(), "child %d", &pid); err != nil {
		t.Fatalf("%v: %q", err, out.String())
	}
	// The signal is sent before RecordUnits returns; a killed orphan goes as soon as it is its turn, or waits then to be reaped. It would sleep for ten
	// minutes.
	for began := time.Now(); ; {
		state, err := exec.Command("ps", "-o", "state=", "-p", fmt.Sprint(pid)).Output()
		s := strings.TrimSpace(string(state))
		if err != nil || s == "" || s == "Z" {
			return
		}
		if time.Since(began) > 5*time.Minute {
			t.Fatalf("the child %d is left in state %s", pid, s)
		}
	}
}
