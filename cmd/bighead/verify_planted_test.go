//go:build faults

package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// verifyEnv is where the child of TestVerifyNamesAFault finds its project.
const verifyEnv = "VERIFY_CHILD"

// TestVerifyNamesAFault plants a defect in one road: verify names the feature and the row in which it shows, and nothing else.
func TestVerifyNamesAFault(t *testing.T) {
	dir := smallProject(t, smallFeatures)
	sampleFile(t, dir, "k,at\na,2024-01-01T10:30:00Z\nb,2024-01-01T12:00:00Z\na,2024-01-01T12:30:00Z\na,2024-01-01T11:30:00Z\n")
	run := func(fault string) string {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFaultOfVerify$", "-test.v")
		cmd.Env = append(os.Environ(), verifyEnv+"="+dir, "BIGHEAD_FAULT="+fault)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%q: %v\n%s", fault, err, out)
		}
		return string(out)
	}
	if out := run(""); !strings.Contains(out, "answers 0\n") || strings.Contains(out, " differs in ") {
		t.Errorf("without a fault:\n%s", out)
	}
	out := run("local: defaults forgotten")
	// x_last has a default, and no row of a is there before 10:00; b's only row has no x.
	want := "features.py:4:87: g__x_last differs in 1 row; first in row 2 of the sample\n  for k=b at 2024-01-01T12:00:00Z\n  oracle  0\n  local   null\n"
	if !strings.Contains(out, "answers 1\n") || !strings.Contains(out, want) || strings.Count(out, " differs in ") != 1 {
		t.Errorf("with a fault it does not say\n%s but\n%s", want, out)
	}
}

// TestFaultOfVerify is the child.
func TestFaultOfVerify(t *testing.T) {
	dir := os.Getenv(verifyEnv)
	if dir == "" {
		t.Skip("run by TestVerifyNamesAFault")
	}
	code, out, stderr := bighead(t, dir, "verify", "v", "--roads", "oracle,local", "--sample", dir+"/sample.csv")
	fmt.Printf("%s%sanswers %d\n", out, stderr, code)
}
