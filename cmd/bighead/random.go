package main

import (
	"context"
	"fmt"
	"os"
	"runtime"

	"github.com/bighead-ml/bighead/engine/enginetest/random"
)

// runRandom draws definitions, events and spines, and compares the embedded engine with the oracle. What differs is shrunk to a script
// and saved in the working folder.
func (c *cli) runRandom(ctx context.Context, seed uint64, cases int) error {
	if cases < 1 {
		return usagef("--cases %d: at least one", cases)
	}
	dir, err := os.MkdirTemp("", "bighead-random-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	report, err := random.Run(ctx, random.Options{
		Seed: seed, Cases: cases, Roads: []random.Road{random.Local(dir), random.Tiles(), onlineRandom(onlineParts(dir))}, Tries: 2, Workers: runtime.GOMAXPROCS(0),
	})
	if err != nil {
		return err
	}
	fmt.Fprint(c.stderr, report.Stats)
	for _, f := range report.Failures {
		fmt.Fprintln(c.stdout, f)
		path := fmt.Sprintf("seed-%d.feat", f.Seed)
		if err := writeWhole(path, []byte(f.Script)); err != nil {
			return err
		}
		fmt.Fprintln(c.stderr, "saved", path)
	}
	fmt.Fprintf(c.stdout, "%d random cases from seed %d, %d failed\n", report.Cases, seed, len(report.Failures))
	if len(report.Failures) > 0 {
		return errReported
	}
	return nil
}
