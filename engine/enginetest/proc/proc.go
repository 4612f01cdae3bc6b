package proc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Spec says what to start.
type Spec struct {
	Name string   // how errors call it
	Path string   // the executable
	Args []string // without the executable
	Env  []string // the whole environment
	Dir  string   // working directory
	Log  string   // file that gets stdout and stderr
}

// Process is a started server. Its methods may be called from several goroutines.
type Process struct {
	name string
	log  string
	cmd  *exec.Cmd
	done chan struct{}
	err  error // of Wait; valid once done is closed

	stop sync.Once
}

// ErrPortTaken says that a server exited because another program had its port, which [FreePorts] could not hold for it; the caller
// starts again with other ports.
var ErrPortTaken = errors.New("port already in use")

// probeWithin bounds one question to a server that may have lost it, so that the next is asked.
const probeWithin = 30 * time.Second

// grace is how long a server may take to end by itself after SIGTERM before it is killed.
const grace = 10 * time.Second

// Start starts the process and returns at once.
//
// The child is started by a goroutine that keeps its thread until the child has ended: the kernel sends the parent-death
// signal when the *thread* that forked goes away, not the process, and a thread that Go retires early would take the
// server with it.
func Start(s Spec) (*Process, error) {
	log, err := os.Create(s.Log)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", s.Name, err)
	}
	cmd := exec.Command(s.Path, s.Args...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = s.Env, s.Dir, log, log
	cmd.SysProcAttr = ownGroup()
	p := &Process{name: s.Name, log: s.Log, cmd: cmd, done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer log.Close()
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		started <- nil
		p.err = cmd.Wait()
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", s.Name, err)
	}
	return p, nil
}

// Name is how errors call it.
func (p *Process) Name() string { return p.name }

// PID is the process id, which is also the id of its group.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed once the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Stop ends the whole group: SIGTERM, then SIGKILL for what is left after a grace period. It returns once the process
// has ended and may be called more than once.
func (p *Process) Stop() {
	p.stop.Do(func() {
		group := -p.PID()
		_ = syscall.Kill(group, syscall.SIGTERM)
		select {
		case <-p.done:
		case <-time.After(grace):
		}
		// Also after an orderly end: a child of the server may have stayed in the group.
		_ = syscall.Kill(group, syscall.SIGKILL)
		<-p.done
	})
}

// Kill ends the whole group at once with SIGKILL, as a crash does, and returns once the process has ended.
func (p *Process) Kill() {
	_ = syscall.Kill(-p.PID(), syscall.SIGKILL)
	<-p.done
}

// Run starts the process and waits for its end. When the context ends first, the whole group is ended.
func Run(ctx context.Context, s Spec) error {
	p, err := Start(s)
	if err != nil {
		return err
	}
	defer p.Stop()
	select {
	case <-p.done:
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", s.Name, ctx.Err())
	}
	if p.err != nil {
		return fmt.Errorf("%s: %w; end of its output:\n%s", s.Name, p.err, p.LogTail(10))
	}
	return nil
}

// Ready repeats probe until it returns nil. It fails when the process ends first or the context does, with the last
// error of the probe and the tail of the log.
func (p *Process) Ready(ctx context.Context, probe func(context.Context) error) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		one, cancel := context.WithTimeout(ctx, probeWithin)
		err := probe(one)
		cancel()
		if err == nil {
			select {
			case <-p.done: // it was not this process that answered
				return p.exited()
			default:
				return nil
			}
		}
		if ctx.Err() == nil {
			last = err
		}
		select {
		case <-p.done:
			return p.exited()
		case <-ctx.Done():
			return fmt.Errorf("%s did not become ready (%w); last answer: %v; end of its log:\n%s", p.name, ctx.Err(), last, p.LogTail(40)) //nolint:errorlint // last may be nil
		case <-tick.C:
		}
	}
}

func (p *Process) exited() error {
	err := fmt.Errorf("%s ended before it was ready: %v; end of its log:\n%s", p.name, p.err, p.LogTail(40)) //nolint:errorlint // p.err is nil after exit 0
	// The whole log: what was tried after the cause, and its frames, may be longer than the tail.
	text, _ := os.ReadFile(p.log)
	if bytes.Contains(text, []byte("Address already in use")) || bytes.Contains(text, []byte("BindException")) {
		return errors.Join(ErrPortTaken, err)
	}
	return err
}

// LogTail is the last n lines of what the process wrote, for messages.
func (p *Process) LogTail(n int) string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return "(no log: " + err.Error() + ")"
	}
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	return strings.Join(lines, "\n")
}
