package proc_test

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/engine/enginetest/proc"
)

const role = "PROC_TEST_ROLE"

// TestMain lets this test binary play the parts of a test process and of its server.
func TestMain(m *testing.M) {
	switch os.Getenv(role) {
	case "":
		os.Exit(m.Run())
	case "parent": // starts a server, prints its pid and waits to be killed
		p, err := proc.Start(self("server", os.Getenv("PROC_TEST_LOG")))
		if err != nil {
			panic(err)
		}
		os.Stdout.WriteString(strconv.Itoa(p.PID()) + "\n")
		<-p.Done()
	case "server": // says so and lives until it is ended
		os.Stdout.WriteString("up\n")
		linger()
	case "family": // a server with a child in its group
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), role+"=server")
		if err := c.Start(); err != nil {
			panic(err)
		}
		os.Stdout.WriteString(strconv.Itoa(c.Process.Pid) + "\n")
		linger()
	case "taken":
		os.Stderr.WriteString("java.net.BindException: Address already in use\n" + os.Getenv("PROC_TEST_MORE"))
		os.Exit(1)
	}
}

// linger waits to be ended. Where nothing else runs, Go ends a program that waits for nothing; for a time it waits.
func linger() { time.Sleep(24 * time.Hour) }

func self(part, log string) proc.Spec {
	return proc.Spec{
		Name: part, Path: os.Args[0], Log: log,
		Env: append(os.Environ(), role+"="+part, "PROC_TEST_LOG="+log+".child"),
	}
}

func start(t *testing.T, part string) *proc.Process {
	t.Helper()
	p, err := proc.Start(self(part, filepath.Join(t.TempDir(), "log")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return p
}

func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// gone waits until no process has the id; a zombie that nobody has waited for yet counts as gone.
func gone(t *testing.T, pid int) {
	t.Helper()
	ctx := deadline(t)
	for alive(pid) {
		select {
		case <-ctx.Done():
			t.Fatalf("process %d is still there", pid)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func alive(pid int) bool {
	if err := syscall.Kill(pid, 0); err != nil {
		return false
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || !strings.Contains(string(stat), ") Z ")
}

func logHas(p *proc.Process, text string) func(context.Context) error {
	return func(context.Context) error {
		if !strings.Contains(p.LogTail(10), text) {
			return errors.New("no " + text + " yet")
		}
		return nil
	}
}

func TestReadyAndStop(t *testing.T) {
	p := start(t, "server")
	if err := p.Ready(deadline(t), logHas(p, "up")); err != nil {
		t.Fatal(err)
	}
	if !alive(p.PID()) {
		t.Fatal("the server is not running")
	}
	p.Stop()
	p.Stop()
	gone(t, p.PID())
}

func TestStopEndsTheWholeGroup(t *testing.T) {
	p := start(t, "family")
	var child int
	err := p.Ready(deadline(t), func(context.Context) (err error) {
		child, err = strconv.Atoi(strings.TrimSpace(p.LogTail(1)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if !alive(child) {
		t.Fatal("the child is not running")
	}
	p.Stop()
	gone(t, p.PID())
	gone(t, child)
}

func TestReadyFailsWhenTheServerEnds(t *testing.T) {
	p := start(t, "taken")
	err := p.Ready(deadline(t), func(context.Context) error { return errors.New("nobody answers") })
	if !errors.Is(err, proc.ErrPortTaken) || !strings.Contains(err.Error(), "BindException") {
		t.Fatalf("want ErrPortTaken with the log's tail, got %v", err)
	}
	t.Setenv("PROC_TEST_MORE", strings.Repeat("\tat frame\n", 100))
	p = start(t, "taken")
	if err := p.Ready(deadline(t), func(context.Context) error { return errors.New("nobody answers") }); !errors.Is(err, proc.ErrPortTaken) {
		t.Fatalf("want ErrPortTaken though the tail does not say so, got %v", err)
	}
}

func TestReadyFailsWithItsContext(t *testing.T) {
	p := start(t, "server")
	ctx, cancel := context.WithCancel(context.Background())
	err := p.Ready(ctx, func(context.Context) error { cancel(); return errors.New("nobody answers") })
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("want the context's error, got %v", err)
	}
}

// What answers is not the server when that has ended: another program may listen where it should.
func TestReadyFailsWhenAnotherAnswers(t *testing.T) {
	p := start(t, "taken")
	<-p.Done()
	if err := p.Ready(deadline(t), func(context.Context) error { return nil }); !errors.Is(err, proc.ErrPortTaken) {
		t.Fatalf("want ErrPortTaken, got %v", err)
	}
}

func TestRunTellsHowItEnded(t *testing.T) {
	err := proc.Run(deadline(t), self("taken", filepath.Join(t.TempDir(), "log")))
	if err == nil || !strings.Contains(err.Error(), "exit status 1") || !strings.Contains(err.Error(), "BindException") {
		t.Fatalf("want the status and the output, got %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := proc.Run(ctx, self("server", filepath.Join(t.TempDir(), "log"))); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("want the context's error, got %v", err)
	}
}

func TestStartNamesWhatIsMissing(t *testing.T) {
	_, err := proc.Start(proc.Spec{Name: "ghost", Path: filepath.Join(t.TempDir(), "none"), Log: filepath.Join(t.TempDir(), "log")})
	if err == nil || !strings.Contains(err.Error(), "start ghost") {
		t.Fatalf("got %v", err)
	}
}

func TestFreePortsDifferAndAreFree(t *testing.T) {
	ports, err := proc.FreePorts(16)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	for _, port := range ports {
		if seen[port] {
			t.Errorf("port %d twice", port)
		}
		seen[port] = true
		for _, when := range []string{"at first", "again"} {
			l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
			if err != nil {
				t.Errorf("port %d %s: %v", port, when, err)
				continue
			}
			l.Close()
		}
	}
}
