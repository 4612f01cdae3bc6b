package project

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"

	"github.com/bighead-ml/bighead/feature"
)

// The files of a project's settings.
const (
	FileName = "bighead.toml"
	EnvMain  = "BIGHEAD_PROFILE"
)

// Errors that name what is not there.
var (
	ErrNoProject     = errors.New("there is no project here")
	ErrNoDefinitions = errors.New("the project has no definition files")
)

// Options of Open.
type Options struct {
	Profile string            // lays bighead.<profile>.toml over bighead.toml; BIGHEAD_PROFILE where empty
	Flags   map[string]string // settings by key, over everything else
	Env     []string          // NAME=value; os.Environ() where nil
	Stderr  io.Writer         // gets what definition files print; discarded where nil
}

// Project is a user's folder with its settings.
type Project struct {
	Root    string // absolute; relative paths of settings and definitions start here
	Config  *Config
	Profile string // empty for none

	env    map[string]string
	stderr io.Writer
}

// Open finds the project that dir is in and reads its settings. The error, where the settings are wrong, joins a
// *SettingError for each mistake.
func Open(dir string, o Options) (*Project, error) {
	env := environment(o.Env)
	root, err := findRoot(dir)
	if err != nil {
		return nil, err
	}
	p := &Project{Root: root, Profile: o.Profile, env: env, stderr: o.Stderr}
	if p.Profile == "" {
		p.Profile = env[EnvMain]
	}
	files, err := p.settingsFiles()
	if err != nil {
		return nil, err
	}
	p.Config, err = loadConfig(root, files, env, o.Flags)
	if err != nil {
		return nil, err
	}
	return p, nil
}

func environment(env []string) map[string]string {
	if env == nil {
		env = os.Environ()
	}
	m := make(map[string]string, len(env))
	for _, e := range env {
		if name, v, ok := strings.Cut(e, "="); ok {
			m[name] = v
		}
	}
	return m
}

// findRoot walks up to the folder of bighead.toml. Without one anywhere, a folder with Python files is a project too.
func findRoot(dir string) (string, error) {
	start, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if info, err := os.Stat(start); err != nil || !info.IsDir() {
		return "", fmt.Errorf("%w: %s is not a folder", ErrNoProject, start)
	}
	for at := start; ; at = filepath.Dir(at) {
		if info, err := os.Stat(filepath.Join(at, FileName)); err == nil && info.Mode().IsRegular() {
			return at, nil
		}
		if at == filepath.Dir(at) {
			break
		}
	}
	if py, _ := filepath.Glob(filepath.Join(escapeGlob(start), "*.py")); len(py) > 0 {
		return start, nil
	}
	return "", fmt.Errorf("%w: neither %s nor a folder above it has a %s, and it has no Python files; `bighead init` makes a project", ErrNoProject, start, FileName)
}

func escapeGlob(dir string) string {
	return strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`, `\`, `\\`).Replace(dir)
}

func (p *Project) settingsFiles() ([]string, error) {
	var files []string
	if main := filepath.Join(p.Root, FileName); exists(main) {
		files = append(files, main)
	}
	if p.Profile == "" {
		return files, nil
	}
	overlay := filepath.Join(p.Root, "bighead."+p.Profile+".toml")
	if !exists(overlay) {
		var known []string
		found, _ := filepath.Glob(filepath.Join(escapeGlob(p.Root), "bighead.*.toml"))
		for _, f := range found {
			known = append(known, strings.TrimSuffix(strings.TrimPrefix(filepath.Base(f), "bighead."), ".toml"))
		}
		message := fmt.Sprintf("there is no profile %q: %s does not exist", p.Profile, filepath.Base(overlay))
		cure := ""
		if n := nearest(p.Profile, known); n != "" {
			cure = fmt.Sprintf("did you mean %q?", n)
		} else if len(known) > 0 {
			cure = "profiles: " + strings.Join(known, ", ")
		}
		return nil, &SettingError{Message: message, Cure: cure}
	}
	return append(files, overlay), nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// Name is the project's name: as set, or its folder's.
func (p *Project) Name() string {
	if name := p.Config.String("project.name"); name != "" {
		return name
	}
	return filepath.Base(p.Root)
}

// Path makes a path of settings or definitions absolute: relative ones start at the root, those with a scheme stay.
func (p *Project) Path(name string) string {
	if filepath.IsAbs(name) || strings.Contains(name, "://") {
		return name
	}
	return filepath.Join(p.Root, filepath.FromSlash(name))
}

// notDefinitions are Python files that tools put beside definitions.
func notDefinition(name string) bool {
	base := path.Base(name)
	return base == "setup.py" || base == "conftest.py" || strings.HasPrefix(base, "test_") || strings.HasSuffix(base, "_test.py")
}

// Files are the definition files, relative to the root, with slashes, sorted. Tests of Python tools are none.
func (p *Project) Files() ([]string, error) {
	globs := p.Config.Strings("project.files")
	found := map[string]bool{}
	for _, glob := range globs {
		matches, err := filepath.Glob(filepath.Join(escapeGlob(p.Root), filepath.FromSlash(glob)))
		if err != nil {
			return nil, &SettingError{Pos: p.Config.Value("project.files").At.Pos, Message: fmt.Sprintf("project.files: %q is not a glob", glob)}
		}
		for _, m := range matches {
			rel, err := filepath.Rel(p.Root, m)
			if err == nil && strings.HasSuffix(rel, ".py") && !notDefinition(filepath.ToSlash(rel)) {
				found[filepath.ToSlash(rel)] = true
			}
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%w: %s in %s matches nothing", ErrNoDefinitions, strings.Join(globs, ", "), p.Root)
	}
	var files []string
	for f := range found {
		files = append(files, f)
	}
	sort.Strings(files)
	return files, nil
}

// Python is how this project's definitions are recorded.
func (p *Project) Python() (Python, error) {
	configured := p.Config.String("python.path")
	if strings.ContainsRune(configured, filepath.Separator) {
		configured = p.Path(configured)
	}
	found, err := FindPython(configured, func(name string) string { return p.env[name] })
	if err != nil {
		return Python{}, err
	}
	return Python{Path: found, Timeout: p.Config.Duration("python.timeout"), Memory: p.Config.Bytes("python.memory"), Stderr: p.stderr}, nil
}

// Record runs the definition files in one Python process and gives what they define, in places that the settings name.
// What is wrong in a file stands among the mistakes; the error is the world's or the settings'.
func (p *Project) Record(ctx context.Context) (*feature.Definitions, error) {
	files, err := p.Files()
	if err != nil {
		return nil, err
	}
	py, err := p.Python()
	if err != nil {
		return nil, err
	}
	all, err := RecordUnits(ctx, py, []Unit{{Root: p.Root, Files: files}})
	if err != nil {
		return nil, err
	}
	err = p.Config.unknownSources(all[0])
	if len(all[0].Mistakes) > 0 {
		err = nil // with mistakes in the files a source may be missing for that reason alone
	}
	p.Place(all[0])
	return all[0], err
}

// Place lays the settings' places over those of the definitions; Record has done so. It is for what was recorded
// elsewhere, in a notebook's cell.
func (p *Project) Place(d *feature.Definitions) { p.Config.place(d) }
