package train

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/project"
)

// Limits bound a training process and all that it starts.
type Limits struct {
	Timeout   time.Duration // 0: no limit
	Memory    int64         // bytes of address space of each process; 0: no limit
	Disk      int64         // bytes in the run's folder, temporary files among them, and of each file elsewhere; 0: no limit
	Processes int           // at once, where the system tells (Linux); 0: no limit

	grace time.Duration // 0: grace
}

// A Failed is the user's: the training function, or what it returned. Its place is a line of theirs.
type Failed struct {
	feature.Mistake
	More []feature.Mistake // beside it
	Log  string            // the file with all that the function printed; "": it did not run
}

// Error is each mistake in a line, with its place.
func (f *Failed) Error() string {
	var lines []string
	for _, m := range append([]feature.Mistake{f.Mistake}, f.More...) {
		text := m.At.String() + ": " + m.Message
		if m.Cure != "" {
			text += "; " + m.Cure
		}
		lines = append(lines, text)
	}
	return strings.Join(lines, "\n")
}

// mistake is an error of the user's that has no place in a file: a split without rows, a label of one class.
type mistake struct{ message string }

func (m *mistake) Error() string { return m.message }

// Mistake marks the error as the user's.
func (m *mistake) Mistake() {}

func mistakef(format string, args ...any) error { return &mistake{fmt.Sprintf(format, args...)} }

// IsMistake tells a mistake of the user's from what failed outside.
func IsMistake(err error) bool {
	var m interface{ Mistake() }
	return errors.As(err, &m) || errors.As(err, new(*Failed))
}

// runVariable marks all processes of a run.
const runVariable = "BIGHEAD_RUN"

// boot runs before anything of ours is imported. Python puts the folder that it was started in first on its path, which is the run's own.
const boot = `import sys
if sys.version_info < (3, 10):
    sys.exit("bighead trains with Python 3.10 or later, this is %d.%d" % sys.version_info[:2])
sys.path[:] = [p for p in sys.path if p]
sys.path.insert(0, sys.argv.pop(1))
from bighead._train import main
main()
`

// grace is what Python gets beyond its own time limit to say where it was, unless a limit says otherwise.
const grace = 5 * time.Second

// request is what the process is asked; see bighead/_train.py.
type request struct {
	Root        string            `json:"root"`
	File        string            `json:"file"`
	Function    string            `json:"function"`
	At          string            `json:"at"`
	As          string            `json:"as"`
	Task        string            `json:"task"`
	Parts       map[string]string `json:"parts"`
	Sample      string            `json:"sample"`
	Out         string            `json:"out"`
	X           []string          `json:"x"`
	Label       string            `json:"label"`
	LabelColumn string            `json:"label_column"`
	Weight      string            `json:"weight_column"`
	Categorical []string          `json:"categorical"`
	Classes     int               `json:"classes"`
	Params      map[string]any    `json:"params"`
	Seed        int64             `json:"seed"`
	Lacks       string            `json:"lacks"`  // the cure where a module is missing
	Pickle      bool              `json:"pickle"` // what has no format of its own may be pickled
	Lock        string            `json:"lock"`   // the environment's hash; "": the project's own Python

	Timeout     float64 `json:"timeout"` // seconds
	TimeoutText string  `json:"timeout_text"`
	Memory      int64   `json:"memory"`
	MemoryText  string  `json:"memory_text"`
	Disk        int64   `json:"disk"`
	DiskText    string  `json:"disk_text"`
}

// returned is what the function's model is, as its framework saved it.
type returned struct {
	Framework string      `json:"framework"`
	File      string      `json:"file"`
	Files     []string    `json:"files"` // others that it needs
	Inputs    []string    `json:"inputs"`
	Answers   [][]float64 `json:"answers"` // of the sample's rows
	// Code is the SHA-256 of each of the project's files that ran, by its path: the function's and those that it, or what it called, imported.
	Code map[string]string `json:"code"`
}

// message is one line from Python.
type message struct {
	Begun    bool               `json:"begun"`
	Returned bool               `json:"returned"`
	Log      map[string]float64 `json:"log"`
	Mistake  *feature.Mistake   `json:"mistake"`
	Result   *returned          `json:"result"`
}

// process is one run of a training function.
type process struct {
	python string
	run    string // names the run
	folder string
	limits Limits
	req    *request
	live   io.Writer // gets what the function prints, and its figures

	logged map[string]float64
	last   message
	begun  bool
	over   atomic.Pointer[string] // the limit that was passed
}

// logName is the file of a run's folder with what its function printed.
const logName = "log.txt"

func (p *process) logFile() string { return filepath.Join(p.folder, logName) }

// do runs the function to its end. Nothing that it started is left then, whatever the end was.
func (p *process) do(ctx context.Context) (*returned, error) {
	archive, err := project.WriteSDK()
	if err != nil {
		return nil, err
	}
	defer os.Remove(archive)
	in, err := json.Marshal(p.req)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	scratch := filepath.Join(p.folder, "scratch")
	if err := errors.Join(os.MkdirAll(scratch, 0o755), os.MkdirAll(p.req.Out, 0o755)); err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	defer os.RemoveAll(scratch)
	log, err := os.Create(p.logFile())
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	defer log.Close()
	return p.start(ctx, archive, in, scratch, &printed{log: log, live: p.live, most: maxLog})
}

func (p *process) start(ctx context.Context, archive string, in []byte, scratch string, prints *printed) (*returned, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	defer r.Close()
	cmd := exec.CommandContext(ctx, p.python, "-s", "-X", "utf8", "-c", boot, archive)
	cmd.Dir, cmd.Env = scratch, p.environ(scratch)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), prints, prints
	cmd.ExtraFiles = []*os.File{w}
	cmd.WaitDelay = time.Second
	project.OwnGroup(cmd)
	defer endLeftovers(p.run)
	if err := cmd.Start(); err != nil {
		w.Close()
		return nil, fmt.Errorf("start %s: %w", p.python, err)
	}
	w.Close()
	watched := p.watch(cmd)
	ended := make(chan error, 1)
	go func() {
		err := cmd.Wait()
		_ = project.KillGroup(cmd) // whatever it started ends with it, and closes the pipe that we read
		endLeftovers(p.run)
		ended <- err
	}()
	readErr := p.read(r, prints)
	if readErr != nil {
		_ = project.KillGroup(cmd)
	}
	waitErr := <-ended
	watched()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if readErr != nil {
		return nil, readErr
	}
	return p.settle(waitErr, prints)
}

// temporary are the variables that programs look for a folder of temporary files in.
var temporary = []string{"TMPDIR", "TEMP", "TMP", "TEMPDIR"}

// environ is ours without what would change which Python this is, and with what makes its results the same each time. Temporary files lie in
// scratch by whichever name a program looks for their place, so that they count and go with the run. HOME stays: what is asked for by it, tokens
// and what was downloaded before, is the user's.
func (p *process) environ(scratch string) []string {
	var env []string
	for _, e := range os.Environ() {
		if name, _, _ := strings.Cut(e, "="); !strings.HasPrefix(name, "PYTHON") && !slices.Contains(temporary, name) {
			env = append(env, e)
		}
	}
	for _, name := range temporary {
		env = append(env, name+"="+scratch)
	}
	return append(env, runVariable+"="+p.run, fmt.Sprintf("PYTHONHASHSEED=%d", uint32(p.req.Seed)), "PYTHONUNBUFFERED=1", "PYTHONNOUSERSITE=1")
}

// read takes the lines from Python until it closes its end.
func (p *process) read(from io.Reader, prints io.Writer) error {
	const longest = 64 << 20
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, longest)
	for lines.Scan() {
		var m message
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			return fmt.Errorf("train: Python wrote what is no message: %w", err)
		}
		p.begun = p.begun || m.Begun
		for name, x := range m.Log {
			p.logged[name] = x
			fmt.Fprintf(prints, "%s %.6g\n", name, x)
		}
		if m.Mistake != nil || m.Result != nil {
			p.last = m
			return nil
		}
	}
	return lines.Err()
}

// watch ends the process where it passes a limit that it cannot be held to by the system; stop ends the watching.
func (p *process) watch(cmd *exec.Cmd) (stop func()) {
	done, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		var late <-chan time.Time // nil: never
		if p.limits.Timeout > 0 {
			timer := time.NewTimer(p.limits.Timeout + cmp.Or(p.limits.grace, grace))
			defer timer.Stop()
			late = timer.C
		}
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			text := ""
			select {
			case <-done:
				return
			case <-late:
				text = fmt.Sprintf("took longer than %s ([train] timeout) and was stopped", p.limits.Timeout)
			case <-tick.C:
				text = p.beyond()
			}
			if text != "" {
				p.over.Store(&text)
				_ = project.KillGroup(cmd)
				return
			}
		}
	}()
	return func() { close(done); <-over }
}

// beyond says which limit is passed; "" none.
func (p *process) beyond() string {
	if most := p.limits.Processes; most > 0 {
		if n := len(leftovers(p.run)); n > most {
			return fmt.Sprintf("had %d processes at once and was stopped: [train] processes is %d", n, most)
		}
	}
	return p.full()
}

// full says that more is written than may be; "" where it is not.
func (p *process) full() string {
	if most := p.limits.Disk; most > 0 {
		if n := used(p.req.Out) + used(filepath.Join(p.folder, "scratch")); n > most {
			return fmt.Sprintf("wrote %d MiB and was stopped: [train] disk is %s", n>>20, sizeText(most))
		}
	}
	return ""
}

// used is how many bytes the files below a folder have. What vanishes meanwhile has none.
func used(folder string) int64 {
	n := int64(0)
	_ = filepath.WalkDir(folder, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		if info, err := d.Info(); err == nil {
			n += info.Size()
		}
		return nil
	})
	return n
}

// settle says what came of it.
func (p *process) settle(waitErr error, prints *printed) (*returned, error) {
	failed := func(kind feature.MistakeKind, text, cure string) error {
		m := feature.Mistake{Kind: kind, Message: p.req.Function + " " + text, Cure: cure}
		_ = m.At.UnmarshalText([]byte(p.req.At)) // ours
		return &Failed{Mistake: m, Log: p.logFile()}
	}
	over := p.over.Load()
	switch {
	case p.last.Result != nil && p.full() != "": // between two looks
		return nil, failed(feature.TimedOut, p.full(), "")
	case p.last.Result != nil:
		return p.last.Result, nil
	case p.last.Mistake != nil:
		return nil, &Failed{Mistake: *p.last.Mistake, Log: p.logFile()}
	case over != nil:
		return nil, failed(feature.TimedOut, *over, "")
	case !p.begun:
		return nil, fmt.Errorf("%s ended before it ran %s (%s)%s", p.python, p.req.Function, exitText(waitErr), prints.tail())
	}
	return nil, failed(feature.Crashed, "ended Python ("+exitText(waitErr)+")"+prints.tail(), "it must not end Python or close its descriptors; a kill may be the system's, for want of memory")
}

func exitText(err error) string {
	if err == nil {
		return "exit status 0"
	}
	return err.Error()
}

func sizeText(n int64) string {
	for _, u := range []struct {
		bytes int64
		name  string
	}{{1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if n >= u.bytes && n%u.bytes == 0 {
			return fmt.Sprintf("%d%s", n/u.bytes, u.name)
		}
	}
	return fmt.Sprintf("%dB", n)
}
