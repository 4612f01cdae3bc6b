package onnx

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Version is the release of ONNX Runtime that Install brings, and that is tested.
const Version = "1.32.0"

// Options say where the library is looked for.
type Options struct {
	Library string   // the file, or the folder that it is in; "": it is looked for
	Folders []string // patterns of folders, in the order in which they are looked into
	Cure    string   // what to do where it is not found
}

// Runtime opens ONNX models. It is made without looking for anything.
type Runtime struct{ options Options }

// New is a runtime that looks for its library where the options say.
func New(o Options) *Runtime { return &Runtime{o} }

// Library is the library that models are opened with, and its version.
func (r *Runtime) Library() (path, version string, err error) {
	l, err := r.library()
	if err != nil {
		return "", "", err
	}
	return l.path, l.version, nil
}

// ErrAbsent says that no library was found.
var ErrAbsent = errors.New("ONNX Runtime is not installed")

func (r *Runtime) library() (*library, error) {
	if loadable != "" {
		return nil, errors.New(loadable)
	}
	path, err := r.find()
	if err != nil {
		return nil, err
	}
	return loadOnce(path)
}

// find is the path of the library.
func (r *Runtime) find() (string, error) {
	if given := r.options.Library; given != "" {
		info, err := os.Stat(given)
		if err != nil {
			return "", fmt.Errorf("ONNX Runtime's library: %w", err)
		}
		if !info.IsDir() {
			return filepath.Abs(given)
		}
		if found := newest(given); found != "" {
			return filepath.Abs(found)
		}
		return "", fmt.Errorf("folder %s has no library of ONNX Runtime (%s)", given, strings.Join(patterns(), ", "))
	}
	for _, pattern := range r.options.Folders {
		if found := newest(pattern); found != "" {
			return filepath.Abs(found)
		}
	}
	text := ""
	if len(r.options.Folders) > 0 {
		text = ": its library is not in " + strings.Join(r.options.Folders, ", nor in ")
	}
	if r.options.Cure != "" {
		text += "; cure: " + r.options.Cure
	}
	return "", fmt.Errorf("%w%s", ErrAbsent, text)
}

// patterns are how the library's file is called here.
func patterns() []string {
	if runtime.GOOS == "darwin" {
		return []string{"libonnxruntime.dylib", "libonnxruntime.*.dylib"}
	}
	return []string{"libonnxruntime.so", "libonnxruntime.so.*"}
}

var numbers = regexp.MustCompile(`\d+`)

// newest is the library of the greatest version in the folders of a pattern.
func newest(folder string) string {
	var found []string
	for _, p := range patterns() {
		files, err := filepath.Glob(filepath.Join(folder, p))
		if err != nil {
			continue // no pattern: no such folder
		}
		found = append(found, files...)
	}
	if len(found) == 0 {
		return ""
	}
	return slices.MaxFunc(found, func(a, b string) int {
		if c := slices.Compare(versionOf(a), versionOf(b)); c != 0 {
			return c
		}
		return strings.Compare(a, b)
	})
}

func versionOf(path string) []int {
	var out []int
	for _, n := range numbers.FindAllString(filepath.Base(path), -1) {
		i, _ := strconv.Atoi(n) // too long a number is no version
		out = append(out, i)
	}
	return out
}

var (
	loadedMutex sync.Mutex
	loaded      = map[string]*library{} // by path
)

// loadOnce loads a library, each once in a process.
func loadOnce(path string) (*library, error) {
	loadedMutex.Lock()
	defer loadedMutex.Unlock()
	if l := loaded[path]; l != nil {
		return l, nil
	}
	entry, err := load(path)
	if err != nil {
		return nil, fmt.Errorf("load ONNX Runtime from %s: %w", path, err)
	}
	l, err := connect(path, entry)
	if err != nil {
		return nil, fmt.Errorf("load ONNX Runtime from %s: %w", path, err)
	}
	loaded[path] = l
	return l, nil
}
