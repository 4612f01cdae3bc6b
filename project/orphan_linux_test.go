package project

import (
	"bufio"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// A child of ours whose parent is killed dies too. The test runs itself as that parent.
func TestChildDiesWithUs(t *testing.T) {
	if os.Getenv("BIGHEAD_TEST_PARENT") != "" {
		child := exec.Command("sleep", "600")
		OwnGroup(child)
		child.Cancel = nil
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		os.Stdout.WriteString("child " + strconv.Itoa(child.Process.Pid) + "\n")
		_ = child.Wait()
		return
	}
	parent := exec.Command(os.Args[0], "-test.run", "^TestChildDiesWithUs$")
	parent.Env = append(os.Environ(), "BIGHEAD_TEST_PARENT=1")
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(out)
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := r.ReadString('\n')
	for err == nil && !strings.HasPrefix(line, "child ") {
		line, err = r.ReadString('\n')
	}
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(line, "child ")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	for syscall.Kill(pid, 0) == nil { // a zombie answers until it is reaped; the test's time limit ends a wait in vain
		state, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil || strings.Contains(string(state), ") Z ") {
			return
		}
	}
}
