package pebble

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/store"
)

// childVar has the test binary be a child of a test: it opens the store in the folder that it names and does as the test says.
const childVar = "BIGHEAD_TEST_PEBBLE_CHILD"

func TestMain(m *testing.M) {
	if path := os.Getenv(childVar); path != "" {
		if err := child(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// child writes numbered values for as long as a line of its input allows each, and says when one is written.
func child(path string) error {
	s, err := Open(Options{Path: path})
	if err != nil {
		return err
	}
	fmt.Println("open")
	in := bufio.NewScanner(os.Stdin)
	for n := 0; in.Scan(); n++ {
		if err := s.Write(context.Background(), numbered(n)); err != nil {
			return err
		}
		fmt.Println(n)
	}
	return nil // without Close: the input ended because the test did
}

// numbered is a write that says its number at two keys and in meta; some are so large that the log and what lies in memory turn over.
func numbered(n int) *store.Write {
	text := strconv.Itoa(n) + strings.Repeat(" ", n%50*1000)
	return &store.Write{
		Puts: []store.Put{
			{Space: "s", Key: "a", Step: 1, Start: int64(n), Bytes: []byte(text)}, {Space: "s", Key: "b", Step: 1, Start: int64(n), Bytes: []byte(text)},
		},
		Meta: []store.MetaPut{{Name: "n", Bytes: []byte(strconv.Itoa(n))}},
		Sync: n%7 == 3,
	}
}

// checkNumbered fails unless the store holds whole numbered writes, without a hole, and at least the first n; it gives how many.
func checkNumbered(t *testing.T, s store.Store, n int) int {
	t.Helper()
	ranges := []store.Range{
		{Space: "s", Key: "a", Step: 1, From: 0, To: 1 << 20}, {Space: "s", Key: "b", Step: 1, From: 0, To: 1 << 20},
	}
	var next [2]int
	err := s.Read(context.Background(), ranges, func(i int, start int64, bytes []byte) error {
		if want := numbered(next[i]).Puts[0]; start != want.Start || string(bytes) != string(want.Bytes) {
			return fmt.Errorf("range %d: after %d writes comes start %d with %.20q", i, next[i], start, bytes)
		}
		next[i]++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	meta := "none"
	if err := s.Meta(context.Background(), "n", func(_ string, b []byte) error { meta = string(b); return nil }); err != nil {
		t.Fatal(err)
	}
	if want := strconv.Itoa(next[0] - 1); next[0] != next[1] || next[0] > 0 && meta != want || next[0] == 0 && meta != "none" {
		t.Fatalf("%d and %d writes are there, and meta says %s: a write is there by half", next[0], next[1], meta)
	}
	if next[0] < n {
		t.Fatalf("%d writes are there of %d that had returned", next[0], n)
	}
	return next[0]
}

// A process is a child with its pipes.
type process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

func startChild(t *testing.T, path string) *process {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVar+"="+path)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{cmd, in, bufio.NewScanner(out)}
	t.Cleanup(func() { p.kill() })
	if !p.out.Scan() || p.out.Text() != "open" {
		t.Fatalf("the child said %q", p.out.Text())
	}
	return p
}

// kill is kill -9. It gives how many writes had returned, of those that were not counted yet.
func (p *process) kill() (written int) {
	if p.cmd.ProcessState != nil {
		return 0
	}
	_ = p.cmd.Process.Kill()
	for p.out.Scan() {
		written++
	}
	_ = p.cmd.Wait() // killed, which is its error
	return written
}

// TestKilled kills a process that writes, in the midst of it, again and again, and looks for what had returned.
func TestKilled(t *testing.T) {
	path := t.TempDir()
	for _, writes := range []int{1, 20, 333} {
		path := path + "/" + strconv.Itoa(writes)
		p := startChild(t, path)
		go func() { // more than are awaited, so that the kill comes in the midst
			for range 10 * writes {
				if _, err := io.WriteString(p.in, "\n"); err != nil {
					return
				}
			}
		}()
		n := 0
		for n < writes && p.out.Scan() {
			n++
		}
		n += p.kill()
		if n < writes {
			t.Fatalf("the child made %d writes of %d", n, writes)
		}
		s, err := Open(Options{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("killed after %d writes had returned; %d are there", n, checkNumbered(t, s, n))
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestLocked has another process hold the folder.
func TestLocked(t *testing.T) {
	path := t.TempDir()
	p := startChild(t, path)
	_, err := Open(Options{Path: path})
	if !errors.Is(err, store.ErrLocked) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), `kind = "redis"`) {
		t.Fatalf("while another process has it: %v", err)
	}
	p.kill()
	s, err := Open(Options{Path: path})
	if err != nil {
		t.Fatalf("after the other has ended: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
