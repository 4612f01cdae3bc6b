//go:build faults

package local_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/engine/local"
)

// TestEveryFaultIsNoticed runs the random cases with each defect planted, in a process of its own.
func TestEveryFaultIsNoticed(t *testing.T) {
	if os.Getenv("BIGHEAD_FAULT") != "" {
		t.Skip("a defect is planted already")
	}
	for _, name := range local.Faults {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run=TestRandomCases", "-cases=6000", "-stop")
			cmd.Env = append(os.Environ(), "BIGHEAD_FAULT="+name)
			out, err := cmd.CombinedOutput()
			if err == nil {
				t.Fatal("nobody noticed")
			}
			if !strings.Contains(string(out), "--- FAIL: TestRandomCases/seed=") {
				t.Fatalf("it ended otherwise: %s", out)
			}
		})
	}
}
