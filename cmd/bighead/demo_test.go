package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Where packages cannot be had, the demo says which, why and what helps, and goes on without models.
func TestDemoWithoutPackages(t *testing.T) {
	for name, value := range map[string]string{"PIP_INDEX_URL": "http://127.0.0.1:1/", "PIP_RETRIES": "0", "PIP_EXTRA_INDEX_URL": "", "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": os.DevNull} {
		t.Setenv(name, value)
	}
	var out, stderr bytes.Buffer
	d := &demo{cli: &cli{stdout: &out, stderr: &stderr}, dir: filepath.Join(t.TempDir(), "flights"), began: time.Now()}
	for _, step := range []func(context.Context) error{d.write, d.check, d.learn} {
		if err := step(t.Context()); err != nil {
			t.Fatalf("%v\n%s%s", err, out.String(), stderr.String())
		}
	}
	if d.models != nil {
		t.Error("there are models")
	}
	for _, want := range []string{"left out, and with it predictions: the environment of model delay cannot be made on this machine", "lightgbm==4.7.0", "pip says", "cure: check the network"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
}
