package train

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
	"time"
)

// leftovers are the processes that a run started, whatever became of their parents and groups: what is in their environment tells.
func leftovers(run string) []int {
	mark := []byte(runVariable + "=" + run + "\x00")
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var out []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if env, err := os.ReadFile("/proc/" + e.Name() + "/environ"); err == nil && bytes.Contains(append(env, 0), mark) {
			out = append(out, pid)
		}
	}
	return out
}

// endLeftovers ends all of them, those too that they start meanwhile.
func endLeftovers(run string) {
	const tries = 500
	for range tries {
		left := leftovers(run)
		if len(left) == 0 {
			return
		}
		for _, pid := range left {
			_ = syscall.Kill(pid, syscall.SIGKILL) // one that is gone is what is wanted
		}
		time.Sleep(10 * time.Millisecond)
	}
}
