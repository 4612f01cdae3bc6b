package dataset

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// found is a data file and the folders that lead to it from the place that the user named.
type found struct {
	path    string
	folders []string
}

// maxFolderDepth ends the walk through links that lead in a circle.
const maxFolderDepth = 64

// find lists the data files of a pattern: a file, a folder (all files under it) or a glob, in which * ? [a-z] match within a name
// and ** any folders. Hidden names (_SUCCESS, .part.crc) are passed over, except folders like _day=1. The order is by path.
func find(pattern string) ([]found, error) {
	if scheme, _, ok := strings.Cut(pattern, "://"); ok {
		return nil, fmt.Errorf("%s: reading %s:// is not there yet; copy the files to a local folder and name that", pattern, scheme)
	}
	pattern = filepath.Clean(pattern)
	if _, err := os.Stat(pattern); err == nil {
		return sorted(walk(pattern, nil, 0, nil))
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if !strings.ContainsAny(pattern, "*?[") {
		return nil, fmt.Errorf("%s: no such file or folder", pattern)
	}
	base, rest := splitGlob(pattern)
	var out []found
	if err := glob(base, rest, nil, 0, &out); err != nil {
		return nil, fmt.Errorf("%s: %w", pattern, err)
	}
	return sorted(out, nil)
}

func sorted(files []found, err error) ([]found, error) {
	slices.SortFunc(files, func(a, b found) int { return strings.Compare(a.path, b.path) })
	return slices.CompactFunc(files, func(a, b found) bool { return a.path == b.path }), err
}

// splitGlob parts the folder before the first segment with a wildcard from the segments after it.
func splitGlob(pattern string) (base string, rest []string) {
	segments := strings.Split(filepath.ToSlash(pattern), "/")
	i := slices.IndexFunc(segments, func(s string) bool { return strings.ContainsAny(s, "*?[") })
	base = strings.Join(segments[:i], "/")
	switch {
	case base != "":
		return filepath.FromSlash(base), segments[i:]
	case strings.HasPrefix(pattern, string(filepath.Separator)):
		return string(filepath.Separator), segments[i:]
	}
	return ".", segments[i:]
}

func hidden(name string, dir bool) bool {
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") && !(dir && strings.Contains(name, "="))
}

func glob(dir string, segments, folders []string, depth int, out *[]found) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	segment, rest := segments[0], segments[1:]
	if segment == "**" {
		if len(rest) == 0 {
			files, err := walk(dir, folders, depth, nil)
			*out = append(*out, files...)
			return err
		}
		if err := glob(dir, rest, folders, depth, out); err != nil {
			return err
		}
	}
	for _, e := range entries {
		matched, err := filepath.Match(segment, e.Name())
		if err != nil {
			return fmt.Errorf("%q: %w", segment, err)
		}
		path := filepath.Join(dir, e.Name())
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if hidden(e.Name(), info.IsDir()) && !strings.HasPrefix(segment, e.Name()[:1]) {
			continue
		}
		inside := append(slices.Clip(folders), e.Name())
		switch {
		case segment == "**":
			if info.IsDir() && depth < maxFolderDepth {
				if err := glob(path, segments, inside, depth+1, out); err != nil {
					return err
				}
			}
		case !matched:
		case len(rest) > 0:
			if info.IsDir() {
				if err := glob(path, rest, inside, depth+1, out); err != nil {
					return err
				}
			}
		default:
			if !info.IsDir() {
				inside = folders
			}
			files, err := walk(path, inside, depth+1, nil)
			if err != nil {
				return err
			}
			*out = append(*out, files...)
		}
	}
	return nil
}

// walk adds the file at path, or all files under the folder at path.
func walk(path string, folders []string, depth int, out []found) ([]found, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return append(out, found{path, folders}), nil
	}
	if depth > maxFolderDepth {
		return nil, fmt.Errorf("%s: folders nested deeper than %d; does a link lead back?", path, maxFolderDepth)
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		name, inside := e.Name(), folders
		child := filepath.Join(path, name)
		dir := e.IsDir()
		if e.Type()&fs.ModeSymlink != 0 {
			if target, err := os.Stat(child); err == nil {
				dir = target.IsDir()
			}
		}
		if hidden(name, dir) {
			continue
		}
		if dir {
			inside = append(slices.Clip(folders), name)
		}
		if out, err = walk(child, inside, depth+1, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}
