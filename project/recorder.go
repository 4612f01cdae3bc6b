package project

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/bighead-ml/bighead/feature"
)

// Unit is what is recorded together, with names of its own: definition files of a folder, a text, or both, the files
// first. Its definitions do not see those of other units.
type Unit struct {
	Root  string   `json:"root,omitempty"`  // folder of the files
	Files []string `json:"files,omitempty"` // relative to Root, with slashes, in the order to record

	Name string  `json:"name,omitempty"` // of the file that the text stands in, for positions
	Text *string `json:"text,omitempty"` // Python; bh is imported already
	Line int     `json:"line,omitempty"` // where in that file the text begins, from one; zero is one
	Col  int     `json:"col,omitempty"`  // the column that its lines were dedented by, plus one; zero is one
}

// boot runs before anything of ours is imported, so it is written for any Python.
const boot = `import sys
if sys.version_info < (3, 10):
    import os
    os.write(3, ('{"too_old":"%d.%d.%d"}' % sys.version_info[:3]).encode() + b"\n")
    sys.exit(1)
sys.path.insert(0, sys.argv.pop(1))
from bighead._recorder import main
main()
`

// grace is what Python gets beyond its own time limit to say where it was.
const grace = 3 * time.Second

// toBegin is what Python gets to begin at all, at least: its limit is for definitions, and a busy machine starts it slowly.
const toBegin = 2 * time.Minute

// RecordUnits records each unit, all in one Python process unless one of them ends it. The result has an entry for each
// unit, in order; what is wrong with a unit stands among its mistakes, and the others are recorded all the same. The error
// is the world's: no Python, a cancelled context. No child is left when it returns.
func RecordUnits(ctx context.Context, py Python, units []Unit) ([]*feature.Definitions, error) {
	if len(units) == 0 {
		return nil, nil
	}
	if py.Path == "" {
		path, err := FindPython("", os.Getenv)
		if err != nil {
			return nil, err
		}
		py.Path = path
	}
	if py.Timeout == 0 {
		py.Timeout = DefaultTimeout
	}
	if py.Memory == 0 {
		py.Memory = DefaultMemory
	}
	archive, err := WriteSDK()
	if err != nil {
		return nil, err
	}
	defer os.Remove(archive)

	results := make([]*feature.Definitions, len(units))
	for first := 0; first < len(units); {
		run := &recording{py: py, units: units, results: results, first: first, current: -1}
		if err := run.do(ctx, archive); err != nil {
			return nil, err
		}
		// A unit that ended Python has its mistake; a new process goes on with the next.
		first = run.next
	}
	return results, nil
}

// recording is one Python process.
type recording struct {
	py      Python
	units   []Unit
	results []*feature.Definitions

	first   int    // the unit that it begins with
	next    int    // the unit after the last that has a result
	current int    // the unit that runs, -1 for none
	file    string // the file that runs
	done    bool
	tooOld  string
	timer   *time.Timer
	late    bool // our own clock ended it
	mu      sync.Mutex
}

type request struct {
	Timeout float64 `json:"timeout"` // seconds
	Memory  int64   `json:"memory"`
	First   int     `json:"first"`
	Units   []Unit  `json:"units"`
}

// message is one line from Python.
type message struct {
	Start       *int            `json:"start"`
	File        string          `json:"file"`
	Unit        *int            `json:"unit"`
	Definitions json.RawMessage `json:"definitions"`
	Done        bool            `json:"done"`
	TooOld      string          `json:"too_old"`
}

// do runs the process from its first unit on until it is done or dies.
func (r *recording) do(ctx context.Context, archive string) error {
	in, err := json.Marshal(request{Timeout: r.py.Timeout.Seconds(), Memory: max(r.py.Memory, 0), First: r.first, Units: r.units[r.first:]})
	if err != nil {
		return fmt.Errorf("record definitions: %w", err)
	}
	results, stacks, err := pipes()
	if err != nil {
		return fmt.Errorf("record definitions: %w", err)
	}
	defer results.close()
	defer stacks.close()

	prints := &printed{to: r.py.Stderr}
	cmd := r.command(ctx, archive, in, prints)
	cmd.ExtraFiles = []*os.File{results.w, stacks.w}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("%w: start %s: %w", ErrNoPython, r.py.Path, err)
	}
	results.w.Close()
	stacks.w.Close()
	r.startClock(cmd)
	stack := stacks.readAll()
	ended := make(chan error, 1)
	go func() {
		err := cmd.Wait()
		// Whatever it started ends with it, and closes the pipes that we read.
		_ = KillGroup(cmd)
		ended <- err
	}()
	readErr := r.read(results.r)
	if readErr != nil {
		_ = KillGroup(cmd)
	}
	waitErr := <-ended
	r.timer.Stop()
	if ctx.Err() != nil {
		return fmt.Errorf("record definitions: %w", context.Cause(ctx))
	}
	if readErr != nil {
		return readErr
	}
	return r.settle(waitErr, stack(), prints)
}

// command is the child, not started yet.
func (r *recording) command(ctx context.Context, archive string, in []byte, prints *printed) *exec.Cmd {
	// -I and -S: no environment variables, no user folder, no installed packages, so that a definition means the same on
	// every machine; -B leaves no cache behind.
	cmd := exec.CommandContext(ctx, r.py.Path, "-I", "-S", "-B", "-X", "utf8", "-c", boot, archive)
	cmd.Stdin = bytes.NewReader(in)
	cmd.Stdout, cmd.Stderr = prints, prints
	cmd.WaitDelay = time.Second
	OwnGroup(cmd)
	return cmd
}

// startClock ends the process where Python's own clock does not, which a definition could have stopped.
func (r *recording) startClock(cmd *exec.Cmd) {
	r.timer = time.AfterFunc(max(r.py.Timeout+grace, toBegin), func() {
		r.mu.Lock()
		r.late = true
		r.mu.Unlock()
		_ = KillGroup(cmd)
	})
}

// wasLate says whether our own clock has ended the process.
func (r *recording) wasLate() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.late
}

// read takes the lines from Python until it closes its end.
func (r *recording) read(from io.Reader) error {
	r.next = r.first
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, feature.MaxDefinitionsBytes+1024)
	for lines.Scan() {
		var m message
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			return fmt.Errorf("record definitions: Python wrote what is no message: %w", err)
		}
		switch {
		case m.TooOld != "":
			r.tooOld = m.TooOld
		case m.Start != nil:
			r.current, r.file = *m.Start, ""
			r.timer.Reset(r.py.Timeout + grace)
		case m.Unit != nil:
			if *m.Unit != r.next || *m.Unit >= len(r.units) {
				return fmt.Errorf("record definitions: Python answers for unit %d in place of %d", *m.Unit, r.next)
			}
			d, err := feature.Decode(bytes.NewReader(m.Definitions))
			if err != nil {
				return err
			}
			r.results[r.next] = d
			r.next++
			r.current = -1
		case m.Done:
			r.done = true
			return nil
		default:
			r.file = m.File
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return fmt.Errorf("definitions are larger than %d MiB: is data written into a definition?", feature.MaxDefinitionsBytes>>20)
	}
	return nil
}

// settle says why the process ended before it was done.
func (r *recording) settle(waitErr error, stack string, prints *printed) error {
	switch {
	case r.done:
		return nil
	case r.tooOld != "":
		return fmt.Errorf("%w: %s is Python %s; bighead needs %s or later: set [python] path in bighead.toml", ErrNoPython, r.py.Path, r.tooOld, MinPython)
	case r.current < 0 && r.wasLate():
		return fmt.Errorf("record definitions: %s did not begin within %s: see what holds this machine up, or set [python] path to another%s", r.py.Path, max(r.py.Timeout+grace, toBegin), prints.tail())
	case r.current < 0:
		return fmt.Errorf("record definitions: %s ended before it began (%s)%s", r.py.Path, exitText(waitErr), prints.tail())
	}
	unit := r.units[r.current]
	m := r.mistake(unit, waitErr, stack)
	r.results[r.current] = &feature.Definitions{Version: feature.FormatVersion, Mistakes: []feature.Mistake{m}}
	r.next = r.current + 1
	return nil
}

// mistake is that of the unit which ended Python.
func (r *recording) mistake(unit Unit, waitErr error, stack string) feature.Mistake {
	file := r.file
	if file == "" {
		file = strings.Join(append(unit.Files[:min(1, len(unit.Files)):1], unit.Name), "")
	}
	at := feature.Pos{File: file, Line: 1, Col: 1}
	frames := stackFrames(stack, unit)
	if len(frames) > 0 {
		at, frames = frames[0], frames[1:]
	}
	m := feature.Mistake{Site: feature.Site{At: unit.lineOf(at), Via: frames}}
	switch {
	case r.wasLate() || strings.HasPrefix(stack, "Timeout"):
		m.Kind = feature.TimedOut
		m.Message = fmt.Sprintf("recording %s took longer than %s and was stopped here", file, r.py.Timeout)
		m.Cure = "is this a loop without an end? [python] timeout gives more time"
	default:
		m.Kind = feature.Crashed
		m.Message = fmt.Sprintf("Python ended while it recorded %s (%s)", file, exitText(waitErr))
		m.Cure = "a definition file must not end Python, close its descriptors or fill the memory"
	}
	return m
}

func exitText(err error) string {
	if err == nil {
		return "exit status 0"
	}
	return err.Error()
}
