package feature

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// requirement is a pinned package as pip reads it: a name, perhaps extras, and one version.
var requirement = regexp.MustCompile(`^\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(\[[A-Za-z0-9,._ -]*\])?\s*(.*?)\s*$`)

// pinned is one exact version (PEP 440), without a wildcard.
var pinned = regexp.MustCompile(`^===?\s*[0-9A-Za-z!][0-9A-Za-z.!+_-]*$`)

// python is a version of Python that can be asked for.
var python = regexp.MustCompile(`^3\.[0-9]{1,2}(\.[0-9]{1,2})?$`)

// environment checks the packages of a model; false where something of them could not be recorded.
func (c *checker) environment(m *modelState) bool {
	d := m.def.Environment
	if d == nil {
		return true
	}
	defer c.within(d.Site)()
	e := &Environment{Python: textOf(d.Python)}
	m.model.Environment = e
	if len(d.Packages) == 0 && !d.Flawed.Has("requirements") {
		c.noPackages(d.At)
	}
	seen := map[string]bool{}
	for _, t := range d.Packages {
		parts := requirement.FindStringSubmatch(t.Value)
		switch {
		case parts == nil:
			c.badRequirement(t)
			continue
		case !pinned.MatchString(parts[3]):
			c.notPinned(t, parts[1]+parts[2], parts[3])
			continue
		}
		name := normalized(parts[1])
		if seen[name] {
			c.packageTwice(t, name)
			continue
		}
		seen[name] = true
		version := strings.TrimSpace(strings.TrimLeft(parts[3], "="))
		e.Packages = append(e.Packages, fmt.Sprintf("%s%s==%s", name, strings.ReplaceAll(parts[2], " ", ""), version))
	}
	if d.Python != nil && !python.MatchString(d.Python.Value) {
		c.badPython(*d.Python)
	}
	return len(d.Flawed) == 0
}

// separators are what names of packages may be parted with; they are all the same (PEP 503).
var separators = regexp.MustCompile(`[-_.]+`)

func normalized(name string) string {
	return strings.ToLower(separators.ReplaceAllString(name, "-"))
}

// Frameworks by what their models read: trees of these two read numbers alone, and models of the others may read strings.
var (
	treeFrameworks  = []string{"lightgbm", "xgboost", "xgboost-cpu"}
	otherFrameworks = []string{"catboost", "jax", "keras", "onnx", "onnxmltools", "onnxruntime", "scikit-learn", "skl2onnx", "tensorflow", "torch"}
)

// treesAlone names the framework where an environment can make models of trees only; "" where that is not known.
func treesAlone(d *EnvironmentDef) string {
	tree := ""
	if d == nil {
		return ""
	}
	for _, t := range d.Packages {
		parts := requirement.FindStringSubmatch(t.Value)
		if parts == nil {
			continue
		}
		name := normalized(parts[1])
		if slices.Contains(otherFrameworks, name) {
			return ""
		}
		if slices.Contains(treeFrameworks, name) {
			tree = name
		}
	}
	return tree
}
