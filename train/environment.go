package train

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/project"
)

// Environments makes Pythons with the packages of models, each once.
type Environments struct {
	Python string // the project's interpreter
	Locks  string // the project's folder of locks, which is committed
	Folder string // where environments are kept, by the hash of their lock; several projects may share it
}

// Lock is packages with their versions and the checksums of their files, for one Python on one kind of machine.
type Lock struct {
	Path string
	Hash string // SHA-256 of what it pins, in hex
	text string
	base string // the interpreter that the environment is made of
}

// frames are what the rows come as, and what reads them.
var frames = map[string][]string{"pandas": {"pandas", "pyarrow"}, "polars": {"polars", "pyarrow"}, "arrow": {"pyarrow", "numpy"}}

// lackingFrame are the modules that a Python must have for a frame.
func lackingFrame(ctx context.Context, python, as string) error {
	for _, module := range frames[as] {
		if _, err := output(ctx, python, "-c", "import "+module); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return mistakef("%s, the project's own Python, cannot import %s, which brings rows to a training function: %s\n   cure: give the model an environment=bh.Environment([…]), or install it there", python, module, lastLine(err))
		}
	}
	return nil
}

// Ready makes a model's environment, where it is not there yet, and gives its interpreter and its lock: the project's own Python, and nil, where
// the model names none.
func (e *Environments) Ready(ctx context.Context, m *feature.Model) (python string, l *Lock, err error) {
	if m.Environment == nil {
		return e.Python, nil, lackingFrame(ctx, e.Python, m.Train.As)
	}
	if l, err = e.lock(ctx, m); err != nil {
		return "", nil, err
	}
	python, err = e.make(ctx, l)
	return python, l, err
}

// Made reports whether a model's environment is there, so that Ready neither asks an index nor installs anything.
func (e *Environments) Made(ctx context.Context, m *feature.Model) (bool, error) {
	if m.Environment == nil {
		return true, nil
	}
	l, _, err := e.pinned(ctx, m)
	return err == nil && l.text != "" && runs(filepath.Join(e.Folder, l.Hash, "bin", "python")), err
}

// pinned is the model's lock as it lies in the project; its text is empty where there is none of what is wanted.
func (e *Environments) pinned(ctx context.Context, m *feature.Model) (l *Lock, tag string, err error) {
	base, tag, err := e.base(ctx, m.Environment.Python)
	if err != nil {
		return nil, "", err
	}
	l = &Lock{Path: filepath.Join(e.Locks, m.Name+"-"+strings.ReplaceAll(tag, " ", "-")+".txt"), base: base}
	text, err := os.ReadFile(l.Path)
	switch {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		return nil, "", fmt.Errorf("read the lock of model %s: %w", m.Name, err)
	case slices.Equal(wantedOf(string(text)), wantedBy(m)):
		l.text, l.Hash = string(text), hashOfLock(string(text))
	}
	return l, tag, nil
}

// lock reads the model's lock, or resolves its packages and writes one.
func (e *Environments) lock(ctx context.Context, m *feature.Model) (*Lock, error) {
	l, tag, err := e.pinned(ctx, m)
	if err != nil || l.text != "" {
		return l, err
	}
	if l.text, err = resolve(ctx, l.base, tag, m.Name, wantedBy(m)); err != nil {
		return nil, err
	}
	if err := writeWhole(l.Path, []byte(l.text)); err != nil {
		return nil, fmt.Errorf("write the lock of model %s: %w", m.Name, err)
	}
	l.Hash = hashOfLock(l.text)
	return l, nil
}

// wantedBy are the requirements of a model, sorted: its packages, what brings the rows, and what pickles it where it may be, in whatever version
// goes with them.
func wantedBy(m *feature.Model) []string {
	wanted, more := slices.Clone(m.Environment.Packages), slices.Clone(frames[m.Train.As])
	if m.Pickle {
		more = append(more, "cloudpickle")
	}
	for _, p := range more {
		named := func(r string) bool { return r == p || strings.HasPrefix(r, p+"==") || strings.HasPrefix(r, p+"[") }
		if !slices.ContainsFunc(wanted, named) {
			wanted = append(wanted, p)
		}
	}
	slices.Sort(wanted)
	return wanted
}

// The lines of a lock that are no packages.
const (
	wantedLine = "# wanted: "
	pythonLine = "# python: "
)

func wantedOf(text string) []string {
	var out []string
	for _, line := range strings.Split(text, "\n") {
		if r, ok := strings.CutPrefix(line, wantedLine); ok {
			out = append(out, r)
		}
	}
	return out
}

// hashOfLock is that of the Python and the packages, in their order: models that come to the same share an environment.
func hashOfLock(text string) string {
	var lines []string
	for _, line := range strings.Split(text, "\n") {
		if line = strings.TrimSpace(line); line != "" && (!strings.HasPrefix(line, "#") || strings.HasPrefix(line, pythonLine)) {
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return hex.EncodeToString(sum[:])
}

// base is the interpreter of a version, and what it is: "cp311 linux-x86_64".
func (e *Environments) base(ctx context.Context, version string) (path, tag string, err error) {
	const ask = `import sys,sysconfig; print("%s.%s.%s" % sys.version_info[:3], sys.implementation.cache_tag.replace("cpython-", "cp"), sysconfig.get_platform())`
	candidates := []string{e.Python}
	if minor := strings.Join(strings.SplitN(version, ".", 3)[:min(2, strings.Count(version, ".")+1)], "."); version != "" {
		if found, err := exec.LookPath("python" + minor); err == nil {
			candidates = append(candidates, found)
		}
	}
	var have []string
	for _, c := range candidates {
		out, err := output(ctx, c, "-I", "-c", ask)
		if err != nil {
			return "", "", fmt.Errorf("ask %s for its version: %w", c, err)
		}
		words := strings.Fields(out)
		if len(words) != 3 {
			return "", "", fmt.Errorf("%s, asked for its version, says %q", c, out)
		}
		if version == "" || words[0] == version || strings.HasPrefix(words[0], version+".") {
			return c, words[1] + " " + words[2], nil
		}
		have = append(have, c+" is "+words[0])
	}
	return "", "", mistakef("the environment is for Python %s, and %s; put python%s on the PATH, or change python=", version, strings.Join(have, ", "), version)
}

// report is what `pip install --report` writes.
type report struct {
	Install []struct {
		Metadata struct {
			Name    string `json:"name"`
			Version string `json:"version"`
		} `json:"metadata"`
		Download struct {
			Archive struct {
				Hashes map[string]string `json:"hashes"`
			} `json:"archive_info"`
		} `json:"download_info"`
	} `json:"install"`
}

// resolve has pip choose versions and tell the checksums of their files. Only wheels are taken: a package that is built runs code of packages
// that nobody pinned.
func resolve(ctx context.Context, base, tag, name string, wanted []string) (string, error) {
	dir, err := os.MkdirTemp("", "bighead-lock-*")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "report.json")
	args := []string{"-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet", "--disable-pip-version-check", "--no-input", "--only-binary", ":all:", "--report", file}
	if _, err := output(ctx, base, append(args, wanted...)...); err != nil {
		return "", pipFailed(ctx, fmt.Sprintf("resolve the environment of model %s (%s)", name, strings.Join(wanted, ", ")), err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("resolve the environment of model %s: pip wrote no report: %w", name, err)
	}
	var r report
	if err := json.Unmarshal(text, &r); err != nil {
		return "", fmt.Errorf("resolve the environment of model %s: pip's report: %w", name, err)
	}
	var lines []string
	for _, p := range r.Install {
		sum := p.Download.Archive.Hashes["sha256"]
		if sum == "" {
			return "", fmt.Errorf("resolve the environment of model %s: pip tells no SHA-256 of %s %s: a newer pip does (23.1)", name, p.Metadata.Name, p.Metadata.Version)
		}
		lines = append(lines, fmt.Sprintf("%s==%s --hash=sha256:%s\n", p.Metadata.Name, p.Metadata.Version, sum))
	}
	slices.Sort(lines)
	var b strings.Builder
	b.WriteString("# What the model is trained with, resolved once by pip. Commit it; without it, or with other packages wanted, it is resolved anew.\n")
	fmt.Fprintf(&b, "%s%s\n", pythonLine, tag)
	for _, w := range wanted {
		fmt.Fprintf(&b, "%s%s\n", wantedLine, w)
	}
	b.WriteString(strings.Join(lines, ""))
	return b.String(), nil
}

// make is the interpreter of a lock's environment, which is made if it is not there. A folder of its name is always whole: it is made beside,
// under a lock, and renamed at its end; what a killed process left there is removed.
func (e *Environments) make(ctx context.Context, l *Lock) (python string, err error) {
	dir := filepath.Join(e.Folder, l.Hash)
	python = filepath.Join(dir, "bin", "python")
	if runs(python) {
		return python, nil
	}
	if err := os.MkdirAll(e.Folder, 0o755); err != nil {
		return "", fmt.Errorf("make the environment: %w", err)
	}
	unlock, err := lock(ctx, dir+".lock")
	if err != nil {
		return "", fmt.Errorf("make the environment: %w", err)
	}
	defer unlock()
	if runs(python) { // another process was first
		return python, nil
	}
	stage := filepath.Join(e.Folder, ".making-"+l.Hash)
	// What is there is half-made, or of a Python that is no more.
	if err := errors.Join(os.RemoveAll(stage), os.RemoveAll(dir)); err != nil {
		return "", fmt.Errorf("make the environment: %w", err)
	}
	if err := fill(ctx, l, stage); err != nil {
		return "", errors.Join(err, os.RemoveAll(stage))
	}
	if err := os.Rename(stage, dir); err != nil {
		return "", errors.Join(fmt.Errorf("make the environment: %w", err), os.RemoveAll(stage))
	}
	return python, nil
}

// Interpreter is the Python of an environment that was made here, by its lock's hash; "" is the project's own.
func (e *Environments) Interpreter(hash string) (string, error) {
	if hash == "" {
		return e.Python, nil
	}
	python := filepath.Join(e.Folder, hash, "bin", "python")
	if !runs(python) {
		return "", fmt.Errorf("the environment %s of its lock is not in %s: copy it from where the model was trained (or train it here, which makes it)", hash[:min(12, len(hash))], e.Folder)
	}
	return python, nil
}

// runs tells whether an interpreter is there, the one that it leads to included.
func runs(python string) bool {
	info, err := os.Stat(python)
	return err == nil && info.Mode().IsRegular()
}

func fill(ctx context.Context, l *Lock, stage string) error {
	if _, err := output(ctx, l.base, "-m", "venv", "--without-pip", stage); err != nil {
		return pipFailed(ctx, "make an environment with "+l.base, err)
	}
	list := filepath.Join(stage, lockName)
	if err := os.WriteFile(list, []byte(l.text), 0o644); err != nil {
		return fmt.Errorf("make the environment: %w", err)
	}
	_, err := output(ctx, l.base, "-m", "pip", "--python", filepath.Join(stage, "bin", "python"), "install", "--quiet", "--disable-pip-version-check", "--no-input",
		"--no-deps", "--only-binary", ":all:", "--require-hashes", "--no-compile", "-r", list)
	if err != nil {
		return pipFailed(ctx, "install the packages of "+l.Path, err)
	}
	return nil
}

// A PipError is what pip could not do, in its own words: mostly, reach an index.
type PipError struct {
	What string
	Said string
}

// Error says what was to be done, and pip's words.
func (e *PipError) Error() string {
	cure := "check the network and pip's settings; an environment that was made before needs neither"
	switch { // an index that is not reached and a name that it does not have look the same to pip
	case strings.Contains(e.Said, "(from versions: none)"):
		cure = "check the network, pip's settings and the package's name; an environment that was made before needs none of them"
	case strings.Contains(e.Said, "No matching distribution"), strings.Contains(e.Said, "ResolutionImpossible"):
		cure = "no such version, or none that goes with the others and this Python: change environment="
	}
	return fmt.Sprintf("%s: pip says\n   | %s\n   cure: %s", e.What, strings.ReplaceAll(e.Said, "\n", "\n   | "), cure)
}

func pipFailed(ctx context.Context, what string, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var ended *endedError
	if errors.As(err, &ended) {
		return &PipError{What: what, Said: ended.said}
	}
	return fmt.Errorf("%s: %w", what, err)
}

// endedError is a program that failed, with the end of what it said.
type endedError struct {
	err  error
	said string
}

func (e *endedError) Error() string { return e.err.Error() + ": " + e.said }
func (e *endedError) Unwrap() error { return e.err }

// lastLines is how much of what a program said is shown.
const lastLines = 6

func lastLine(err error) string {
	said := err.Error()
	return said[strings.LastIndexByte(said, '\n')+1:]
}

// weeds are lines of pip's that help nobody; of its attempts to reach an index the last one says why.
var weeds = regexp.MustCompile(`(?m)^(\[notice\].*|WARNING: Running pip as.*|WARNING: Retrying \(Retry\(total=[1-9].*|)$\n?`)

// output runs a program in a group of its own, which ends with the context, and gives what it printed.
func output(ctx context.Context, path string, args ...string) (string, error) {
	var out, said bytes.Buffer
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Stdout, cmd.Stderr = &out, &said
	cmd.WaitDelay = time.Second
	project.OwnGroup(cmd)
	if err := cmd.Run(); err != nil {
		lines := strings.Split(strings.TrimSpace(weeds.ReplaceAllString(said.String()+out.String(), "")), "\n")
		return "", &endedError{err, strings.Join(lines[max(0, len(lines)-lastLines):], "\n")}
	}
	return strings.TrimSpace(out.String()), nil
}

// writeWhole writes a file that is there whole or not at all.
func writeWhole(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := dataset.Stage(path)
	if err != nil {
		return err
	}
	defer f.Abort()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Commit()
}
