package train

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/bighead-ml/bighead/feature"
)

// wheel writes a package of one module, as an index would have it.
func wheel(t *testing.T, dir, name, version, needs string) {
	t.Helper()
	info := name + "-" + version + ".dist-info/"
	meta := "Metadata-Version: 2.1\nName: " + name + "\nVersion: " + version + "\n"
	if needs != "" {
		meta += "Requires-Dist: " + needs + "\n"
	}
	files := [][2]string{
		{name + ".py", "version = '" + version + "'\n"}, {info + "METADATA", meta},
		{info + "WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"},
	}
	var b bytes.Buffer
	w, record := zip.NewWriter(&b), ""
	for _, f := range files {
		sum := sha256.Sum256([]byte(f[1]))
		record += fmt.Sprintf("%s,sha256=%s,%d\n", f[0], base64.RawURLEncoding.EncodeToString(sum[:]), len(f[1]))
	}
	for _, f := range append(files, [2]string{info + "RECORD", record + info + "RECORD,,\n"}) {
		e, err := w.Create(f[0])
		if err == nil {
			_, err = e.Write([]byte(f[1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), os.WriteFile(filepath.Join(dir, name+"-"+version+"-py3-none-any.whl"), b.Bytes(), 0o644)); err != nil {
		t.Fatal(err)
	}
}

// index has pip see nothing but a folder of wheels.
func index(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, v := range []string{"PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"} {
		t.Setenv(v, "")
		os.Unsetenv(v)
	}
	t.Setenv("PIP_CONFIG_FILE", os.DevNull)
	t.Setenv("PIP_NO_INDEX", "1")
	t.Setenv("PIP_FIND_LINKS", dir)
	for _, name := range []string{"pandas", "pyarrow"} {
		wheel(t, dir, name, "1.0", "")
	}
	wheel(t, dir, "spam", "1.0", "eggs>=2")
	wheel(t, dir, "eggs", "2.5", "")
	return dir
}

func environments(t *testing.T) *Environments {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		lacking(t, "there is no python3 on the PATH")
	}
	if out, err := exec.Command(python, "-m", "pip", "--version").CombinedOutput(); err != nil {
		lacking(t, fmt.Sprintf("python3 has no pip: %s", out))
	}
	return &Environments{Python: python, Locks: filepath.Join(t.TempDir(), "environments"), Folder: filepath.Join(t.TempDir(), "made")}
}

// lacking skips what this machine cannot do, unless everything is required.
func lacking(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("BIGHEAD_REQUIRE_ENGINES") == "1" {
		t.Fatal(what)
	}
	t.Skip(what)
}

func wanting(packages ...string) *feature.Model {
	return &feature.Model{Name: "m", Train: feature.Function{As: "pandas"}, Environment: &feature.Environment{Packages: packages}}
}

// A lock pins what pip chose, with checksums; it is read again as it is, and made anew where something else is wanted.
func TestLock(t *testing.T) {
	dir, e := index(t), environments(t)
	first, err := e.lock(t.Context(), wanting("spam==1.0"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"# wanted: pandas\n# wanted: pyarrow\n# wanted: spam==1.0\n", "\neggs==2.5 --hash=sha256:", "\nspam==1.0 --hash=sha256:", "# python: cp3"} {
		if !strings.Contains(first.text, want) {
			t.Errorf("%q is not in the lock:\n%s", want, first.text)
		}
	}
	wheel(t, dir, "eggs", "3.0", "")
	again, err := e.lock(t.Context(), wanting("spam==1.0"))
	if err != nil || again.Hash != first.Hash || again.text != first.text {
		t.Errorf("the lock is another one the second time: %s, %v", again.text, err)
	}
	other, err := e.lock(t.Context(), wanting("spam==1.0", "eggs==3.0"))
	if err != nil || other.Hash == first.Hash || !strings.Contains(other.text, "eggs==3.0 ") {
		t.Errorf("with other packages: %v, %v", other, err)
	}
	_, err = e.lock(t.Context(), wanting("spam==7.0"))
	var said *PipError
	if !errors.As(err, &said) || !strings.Contains(err.Error(), "spam==7.0") || !strings.Contains(err.Error(), "change environment=") {
		t.Errorf("a version that is not there: %v", err)
	}
	wrong := wanting("spam==1.0")
	wrong.Environment.Python = "3.99"
	if _, err := e.lock(t.Context(), wrong); !IsMistake(err) || !strings.Contains(err.Error(), "3.99") {
		t.Errorf("a Python that is not there: %v", err)
	}
}

// Several that want an environment at once get one, whole; what a killed process left half-made is removed; a package with another checksum than
// the lock's is refused and leaves nothing.
func TestMakeOnce(t *testing.T) {
	dir, e := index(t), environments(t)
	l, err := e.lock(t.Context(), wanting("spam==1.0"))
	if err != nil {
		t.Fatal(err)
	}
	half := filepath.Join(e.Folder, ".making-"+l.Hash)
	if err := errors.Join(os.MkdirAll(half, 0o755), os.WriteFile(filepath.Join(half, "junk"), nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	is := func(want bool, packages ...string) {
		t.Helper()
		if got, err := e.Made(t.Context(), wanting(packages...)); err != nil || got != want {
			t.Errorf("the environment of %v is there: %v, %v", packages, got, err)
		}
	}
	is(false, "spam==1.0")
	var wait sync.WaitGroup
	var made [3]string
	var errs [3]error
	for i := range made {
		wait.Add(1)
		go func() { defer wait.Done(); made[i], errs[i] = e.make(t.Context(), l) }()
	}
	wait.Wait()
	if err := errors.Join(errs[:]...); err != nil || made[0] != made[1] || made[1] != made[2] {
		t.Fatalf("%v, %v", made, err)
	}
	is(true, "spam==1.0")
	is(false, "spam==1.0", "eggs==2.5") // of another lock, which nobody has resolved
	out, err := exec.Command(made[0], "-I", "-c", "import spam, eggs; print(spam.version, eggs.version)").CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "1.0 2.5" {
		t.Errorf("%s, %v", out, err)
	}
	if _, err := os.Stat(half); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what was half-made is there: %v", err)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(filepath.Dir(made[0])), "junk")); err == nil {
		t.Error("what was half-made is in the environment")
	}
	wheel(t, dir, "eggs", "2.5", "spam") // the same name and version, other bytes
	other := &Environments{Python: e.Python, Locks: e.Locks, Folder: t.TempDir()}
	if _, err := other.make(t.Context(), l); err == nil || !strings.Contains(err.Error(), "HASHES") {
		t.Errorf("a package with another checksum: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(other.Folder, "*[^k]")); len(left) > 0 {
		t.Errorf("it left %v", left)
	}
	if _, err := e.make(t.Context(), l); err != nil { // needs no index any more
		t.Error(err)
	}
}

// An index that cannot be reached is told in pip's words; an interrupted making leaves nothing but the lock.
func TestMakeFails(t *testing.T) {
	index(t)
	e := environments(t)
	l, err := e.lock(t.Context(), wanting("spam==1.0"))
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PIP_FIND_LINKS", t.TempDir())
	_, err = e.make(t.Context(), l)
	var said *PipError
	if !errors.As(err, &said) || !strings.Contains(err.Error(), "No matching distribution found for") {
		t.Errorf("without an index: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.make(ctx, l); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(e.Folder, "*[^k]")); len(left) > 0 {
		t.Errorf("it left %v", left)
	}
}
