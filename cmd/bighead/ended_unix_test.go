//go:build unix

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	servers "github.com/bighead-ml/bighead/engine/enginetest/server"
)

// What ends a command from outside: Ctrl-C, a full disk, a reader that goes away. These run the binary itself, with signals, pipes and
// limits of the system.

var built struct {
	once sync.Once
	dir  string
	err  error
}

// binary is the program, built once for all tests.
func binary(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds the binary")
	}
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "bighead-test-"); built.err != nil {
			return
		}
		build := exec.Command("go", "build", "-o", filepath.Join(built.dir, "bighead"), ".")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("%w\n%s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return filepath.Join(built.dir, "bighead")
}

func TestMain(m *testing.M) {
	outside.patience = 10 * time.Minute
	if os.Getenv(childClock) != "" {
		childMain()
	}
	code := servers.Main(m)
	if built.dir != "" {
		os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

// started is a run of the binary in a project, under a shell's limits where prefix names some.
type started struct {
	*exec.Cmd
	tmp    string // its folder for temporary files
	stderr bytes.Buffer
}

func start(t *testing.T, dir, prefix, line string, stdout io.Writer) *started {
	t.Helper()
	s := &started{Cmd: exec.Command("sh", "-c", prefix+"exec \"$@\"", "sh", binary(t)), tmp: t.TempDir()}
	s.Args = append(s.Args, strings.Fields(line)...)
	s.Dir, s.Stdout, s.Env = dir, stdout, append(os.Environ(), "TMPDIR="+s.tmp)
	s.Stderr = &s.stderr
	return s
}

// code is how it ended.
func (s *started) code(t *testing.T, err error) int {
	t.Helper()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return s.ProcessState.ExitCode()
}

// nothingLeft looks for temporary files.
func (s *started) nothingLeft(t *testing.T, dir string) {
	t.Helper()
	for _, folder := range []string{s.tmp, dir} {
		err := filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() && (folder == s.tmp || strings.Contains(d.Name(), ".tmp") || d.Name() == "rows.parquet") {
				t.Errorf("%s is left", path)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

const endedFeatures = `import bighead as bh
e = bh.EventSource("e", path="data/flights.parquet", time="dep_time", order_by="flight_id")
g = bh.FeatureGroup("g", source=e, keys=["origin", "dest"], features=[
    bh.avg(x, windows=["1h", "1d", "30d"]) for x in ["dep_delay", "arr_delay", "air_time", "distance"]])
many = bh.EventSource("many", path="many.csv", time="ts")
h = bh.FeatureGroup("h", source=many, keys=["k"], features=[bh.sum("x", windows=["1h"])])
v = bh.FeatureView("v", groups=[g])
t = bh.TrainingSet("t", view=v, spine=bh.Spine(e, at="sched_dep", keep=["flight_id"]))
`

// endedProject is a project over the flights, and over a day of very many keys.
func endedProject(t *testing.T) string {
	t.Helper()
	var many strings.Builder
	many.WriteString("k,ts,x\n")
	for i := range uint32(100_000) {
		fmt.Fprintf(&many, "%08x,2024-01-01T%02d:00:00Z,%d\n", i*2654435761, i%24, i)
	}
	dir := flightsProject(t, endedFeatures)
	if err := os.WriteFile(filepath.Join(dir, "many.csv"), []byte(many.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// waitFor is true once a file is there, false once the process has ended without it.
func waitFor(pattern string, ended chan error) bool {
	for tick := time.NewTicker(time.Millisecond); ; {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return true
		}
		select {
		case <-tick.C:
		case err := <-ended:
			ended <- err
			return false
		}
	}
}

// TestCtrlC interrupts commands in their midst. One that was done before it heard of it has nothing to end: it is begun again.
func TestCtrlC(t *testing.T) {
	for _, c := range []struct{ line, begun string }{
		{"training-set t -o rows.parquet", ".rows.parquet.*"},
		{"training-set t -o rows.parquet --memory 16MiB", ".rows.parquet.*"},
		{"backfill", ".bighead/tiles/lock"},
	} {
		t.Run(c.line, func(t *testing.T) {
			dir, s, code := "", (*started)(nil), exitGood
			for try := 0; try < 10 && code == exitGood; try++ {
				dir = endedProject(t)
				s = start(t, dir, "", c.line, nil)
				if err := s.Start(); err != nil {
					t.Fatal(err)
				}
				ended := make(chan error, 1)
				go func() { ended <- s.Wait() }()
				if waitFor(filepath.Join(dir, c.begun), ended) {
					if err := s.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
						t.Fatal(err)
					}
				}
				code = s.code(t, <-ended)
			}
			if code != exitInterrupted || s.stderr.String() != "bighead: interrupted; nothing half-written is left\n" {
				t.Errorf("it answers %d\n%s", code, &s.stderr)
			}
			s.nothingLeft(t, dir)
			if c.line == "backfill" { // what is missing is made by the next one
				for _, line := range []string{"backfill", "plan"} {
					if code, out, stderr := bighead(t, dir, strings.Fields(line)...); code != exitGood || line != "backfill" && !strings.Contains(out, "all tiles are there") {
						t.Errorf("%s after it answers %d\n%s%s", line, code, out, stderr)
					}
				}
			}
		})
	}
}

// Ctrl-C ends definitions that loop, and the Python that runs them.
func TestCtrlCWhileRecording(t *testing.T) {
	dir := smallProject(t, "print('running', flush=True)\nwhile True: pass\n")
	if err := os.WriteFile(filepath.Join(dir, "bighead.toml"), []byte("[python]\ntimeout = \"10m\"\n"), 0o644); err != nil { // it is we who end it
		t.Fatal(err)
	}
	s := start(t, dir, "", "check", nil)
	s.Stderr = nil
	pipe, err := s.StderrPipe()
	if err == nil {
		err = s.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	text := bufio.NewReader(pipe)
	if line, err := text.ReadString('\n'); err != nil || line != "running\n" {
		t.Fatalf("%q %v", line, err)
	}
	if err := s.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	rest, _ := io.ReadAll(text)
	if code := s.code(t, s.Wait()); code != exitInterrupted || string(rest) != "bighead: interrupted; nothing half-written is left\n" {
		t.Errorf("it answers %d\n%s", code, rest)
	}
	s.nothingLeft(t, dir)
}

// Where files cannot grow, as on a full disk, the error names the file, and nothing is left.
func TestFullDisk(t *testing.T) {
	for _, c := range []struct {
		blocks     int // of 512 bytes
		line, says string
	}{
		{1024, "training-set t -o rows.parquet", "rows.parquet"},
		{1024, "training-set t -o rows.csv", "rows.csv"},
		{1024, "training-set t -o rows.parquet --memory 16MiB", "bighead-spill-"},
		{1024, "backfill h", ".bighead/tiles/many"},
		{1, "check", "write the SDK for Python"},
	} {
		t.Run(c.line, func(t *testing.T) {
			dir := endedProject(t)
			s := start(t, dir, fmt.Sprintf("ulimit -f %d; ", c.blocks), c.line, nil)
			code := s.code(t, s.Run())
			if said := s.stderr.String(); code != exitOutside || !strings.Contains(said, c.says) || !strings.Contains(said, syscall.EFBIG.Error()) || strings.Count(said, "\n") != 1 {
				t.Errorf("it answers %d\n%s", code, said)
			}
			s.nothingLeft(t, dir)
		})
	}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("there is no /dev/full")
	}
	defer full.Close()
	dir := smallProject(t, smallFeatures)
	s := start(t, dir, "", "training-set t", full)
	if code := s.code(t, s.Run()); code != exitOutside || !strings.Contains(s.stderr.String(), "bighead: stdout: ") || !strings.Contains(s.stderr.String(), syscall.ENOSPC.Error()) {
		t.Errorf("on a full stdout it answers %d\n%s", code, &s.stderr)
	}
}

// A reader that has seen enough ends the command without a word, as other commands.
func TestReaderThatGoesAway(t *testing.T) {
	dir := endedProject(t)
	s := start(t, dir, "", "source e --limit 100000 --json", nil)
	pipe, err := s.StdoutPipe()
	if err == nil {
		err = s.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(pipe, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	if err := pipe.Close(); err != nil {
		t.Fatal(err)
	}
	err = s.Wait()
	if status, ok := s.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != syscall.SIGPIPE || s.stderr.Len() > 0 {
		t.Errorf("it ends with %v\n%s", err, &s.stderr)
	}
	s.nothingLeft(t, dir)
}
