package sdk

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The SDK's own tests, on the Python that is here.
func TestPython(t *testing.T) {
	cmd := exec.Command("python3", "-B", "-m", "unittest", "discover", "-t", ".", "-s", "tests")
	cmd.Dir = "python"
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	ran := regexp.MustCompile(`Ran (\d+) tests`).FindSubmatch(out)
	if ran == nil || string(ran[1]) == "0" {
		t.Fatalf("no test ran:\n%s", out)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		t.Log(line)
	}
}

// What the binary hands to Python is what the wheel installs.
func TestFilesAreThePackage(t *testing.T) {
	on, err := filepath.Glob("python/bighead/*")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{}
	for _, f := range on {
		if filepath.Base(f) != "__pycache__" {
			want["bighead/"+filepath.Base(f)] = true
		}
	}
	err = fs.WalkDir(Files(), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !want[path] {
			t.Errorf("%s is embedded but not on disk", path)
		}
		delete(want, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for f := range want {
		t.Errorf("%s is not embedded", f)
	}
	if !regexp.MustCompile(`^\d+\.\d+\.\d+`).MatchString(Version()) {
		t.Errorf("version %q", Version())
	}
}

func TestWheel(t *testing.T) {
	if out, err := exec.Command("python3", "-c", "import setuptools, pip, wheel").CombinedOutput(); err != nil {
		t.Skipf("building the wheel offline needs pip, setuptools and wheel beside Python: %s", bytes.TrimSpace(out))
	}
	// setuptools builds in the source's folder: give it a copy.
	source := t.TempDir()
	if err := os.CopyFS(source, os.DirFS("python")); err != nil {
		t.Fatal(err)
	}
	// The licence is a link to the repository's.
	licence, err := os.ReadFile("python/LICENSE")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(source, "LICENSE")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(source, "LICENSE"), licence, 0o644); err != nil {
		t.Fatal(err)
	}
	dist := t.TempDir()
	cmd := exec.Command("python3", "-m", "pip", "--disable-pip-version-check", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", dist, source)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	wheel := filepath.Join(dist, "bighead-"+Version()+"-py3-none-any.whl")
	list, err := exec.Command("python3", "-m", "zipfile", "-l", wheel).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, list)
	}
	for _, want := range []string{"bighead/__init__.py", "bighead/py.typed", "bighead/_aggregations.py", "METADATA", "LICENSE"} {
		if !bytes.Contains(list, []byte(want)) {
			t.Errorf("the wheel lacks %s:\n%s", want, list)
		}
	}
	if bytes.Contains(list, []byte("tests/")) {
		t.Errorf("the wheel carries the tests:\n%s", list)
	}
	// Imported from the wheel alone, it is the same version.
	got, err := exec.Command("python3", "-I", "-S", "-c", "import sys; sys.path.insert(0, sys.argv[1]); import bighead; print(bighead.__version__)", wheel).CombinedOutput()
	if err != nil || strings.TrimSpace(string(got)) != Version() {
		t.Errorf("%v: the wheel says %s, the binary %s", err, got, Version())
	}
}
