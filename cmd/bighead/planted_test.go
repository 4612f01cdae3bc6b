//go:build faults

package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/enginetest"
	"github.com/bighead-ml/bighead/engine/enginetest/faults"
	road "github.com/bighead-ml/bighead/engine/enginetest/online"
	"github.com/bighead-ml/bighead/engine/enginetest/random"
)

// childEnv tells a child of TestEveryFaultOnlineIsNoticed that it is one.
const childEnv = "BIGHEAD_NOTICE"

// TestEveryFaultOnlineIsNoticed plants each defect of the road online in a process of its own, and none in one.
func TestEveryFaultOnlineIsNoticed(t *testing.T) {
	names, err := faults.Names("../..")
	if err != nil {
		t.Fatal(err)
	}
	names = slices.DeleteFunc(names, func(n string) bool { return !faults.Online(n) })
	if len(names) < 20 {
		t.Errorf("%d defects are planted, and 20 are wanted", len(names))
	}
	if got := noticed(t, ""); got != "" {
		t.Fatalf("without a defect: %s", got)
	}
	var group sync.WaitGroup
	work := make(chan string)
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for name := range work {
				if got := noticed(t, name); got == "" {
					t.Errorf("nobody notices %q", name)
				} else {
					t.Logf("%s: noticed by %s", name, got)
				}
			}
		})
	}
	for _, n := range names {
		work <- n
	}
	close(work)
	group.Wait()
}

// noticed runs TestFaultOnline with a defect planted and gives what noticed it.
func noticed(t *testing.T, name string) string {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFaultOnline$", "-test.v")
	cmd.Env = append(os.Environ(), childEnv+"=1", "BIGHEAD_FAULT="+name, "GOMAXPROCS=1")
	out, err := cmd.CombinedOutput()
	for _, line := range strings.Split(string(out), "\n") {
		if _, by, ok := strings.Cut(line, "noticed by "); ok {
			return by
		}
		if strings.HasPrefix(line, "panic: ") {
			return line
		}
	}
	if err != nil {
		t.Errorf("%q: %v\n%s", name, err, out)
	}
	return ""
}

// TestFaultOnline is the child: it says what noticed the planted defect, and nothing where nothing did.
func TestFaultOnline(t *testing.T) {
	if os.Getenv(childEnv) == "" {
		t.Skip("run by TestEveryFaultOnlineIsNoticed")
	}
	p, r, scripts := onlineParts(t.TempDir()), recorder{}, corpus(t)
	d := newDrawn(t, p)
	for i := range 4 {
		s := road.Draw(d.Rand, []string{"memory"}, d.wires)
		s.Batch = i%2 == 0 // much of what is planted is batch's part
		suite := enginetest.Suite{Root: corpusFolder, Record: r.record, Roads: []engine.Engine{road.Road{Parts: p, Settings: s}}}
		res, err := suite.Run(t.Context(), scripts)
		if err != nil {
			t.Fatal(err)
		}
		for _, script := range res.Scripts {
			if script.Failed() {
				fmt.Printf("noticed by %s, %s\n", script.Path, s)
				return
			}
		}
	}
	got, err := random.Run(t.Context(), random.Options{Seed: d.Uint64(), Cases: 1500, Roads: []random.Road{onlineRandom(p)}, Tries: 2, Whole: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Failures) > 0 {
		fmt.Printf("noticed by seed %d, %s: %s\n", got.Failures[0].Seed, got.Failures[0].Settings, got.Failures[0].Differences[0])
	}
}
