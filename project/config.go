package project

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
)

// Value is a setting as it stands, and where it came from.
type Value struct {
	Key    string
	Text   string       // lists joined by commas
	Origin string       // "default", "environment BIGHEAD_STORE_KIND", "flag", "bighead.toml:3:8"
	At     feature.Span // in its file; zero elsewhere
	Secret bool         // by its kind, or because it was read from the environment or a file

	items []string
}

// Shown is the text as it may be printed.
func (v Value) Shown() string {
	if v.Secret && v.Text != "" {
		return "***"
	}
	return v.Text
}

// Config is the settings of a project, read once and never changed; it may be used from many goroutines.
type Config struct {
	values   map[string]Value
	places   map[string]map[string]Value // by source, by place name
	env      func(string) string
	warnings []Warning
}

// Warnings are what the settings are worth a word for, in the order in which they were read.
func (c *Config) Warnings() []Warning { return c.warnings }

// Warning is what is worth a word but stops nothing.
type Warning struct {
	Pos     feature.Pos // zero where it is in no file
	Message string
}

// String is one line: place and message.
func (w Warning) String() string {
	if w.Pos.IsValid() {
		return w.Pos.String() + ": " + w.Message
	}
	return w.Message
}

// List gives each setting in the order of the table, places of sources last.
func (c *Config) List() []Value {
	var all []Value
	for _, s := range settings {
		all = append(all, c.values[s.Key])
	}
	var names []string
	for source, places := range c.places {
		for name := range places {
			names = append(names, source+"\x00"+name)
		}
	}
	sort.Strings(names)
	for _, n := range names {
		source, name, _ := strings.Cut(n, "\x00")
		all = append(all, c.places[source][name])
	}
	return all
}

// Value gives a setting with its origin. An unknown key is our own mistake.
func (c *Config) Value(key string) Value {
	v, ok := c.values[key]
	if !ok {
		panic("project: no setting " + key)
	}
	return v
}

// String is the text of a setting; empty where it is unset.
func (c *Config) String(key string) string { return c.Value(key).Text }

// Bool is a setting that is true or false.
func (c *Config) Bool(key string) bool { return c.Value(key).Text == "true" }

// Int is a whole number; zero where it is unset.
func (c *Config) Int(key string) int64 {
	n, _ := strconv.ParseInt(c.Value(key).Text, 10, 64) // checked when it was read
	return n
}

// Share is a number from 0 to 1; zero where it is unset.
func (c *Config) Share(key string) float64 {
	x, _ := strconv.ParseFloat(c.Value(key).Text, 64) // checked when it was read
	return x
}

// Bytes is a size; zero where it is unset.
func (c *Config) Bytes(key string) int64 {
	n, _ := parseSize(c.Value(key).Text) // checked when it was read
	return n
}

// Duration is a span of time; zero where it is unset.
func (c *Config) Duration(key string) time.Duration {
	ms, _ := value.ParseDuration(c.Value(key).Text) // checked when it was read
	return time.Duration(ms) * time.Millisecond
}

// Strings is a list; nil where it is unset.
func (c *Config) Strings(key string) []string { return c.Value(key).items }

// EnvName is the environment variable of a setting: BIGHEAD_STORE_KIND of store.kind.
func EnvName(key string) string {
	return "BIGHEAD_" + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// loader gathers a Config from its layers, and every mistake on the way.
type loader struct {
	root     string
	env      map[string]string
	config   *Config
	unknown  map[string]bool // sections that have been reported
	problems []error
}

// loadConfig reads the files, lowest first, then the environment, then flags.
func loadConfig(root string, files []string, env map[string]string, flags map[string]string) (*Config, error) {
	getenv := func(name string) string { return env[name] }
	l := &loader{root: root, env: env, unknown: map[string]bool{}, config: &Config{values: map[string]Value{}, places: map[string]map[string]Value{}, env: getenv}}
	for _, s := range settings {
		l.set(s, Value{Key: s.Key, Text: s.Default, Origin: "default"}, nil)
	}
	for _, f := range files {
		l.file(f)
	}
	for _, s := range settings {
		if v, ok := env[EnvName(s.Key)]; ok {
			l.set(s, Value{Key: s.Key, Text: v, Origin: "environment " + EnvName(s.Key)}, nil)
		}
	}
	l.unknownEnv()
	l.flags(flags)
	if len(l.problems) > 0 {
		return nil, errors.Join(l.problems...)
	}
	return l.config, nil
}

func (l *loader) problem(pos feature.Pos, message, cure string) {
	l.problems = append(l.problems, &SettingError{Pos: pos, Message: message, Cure: cure})
}

func (l *loader) file(path string) {
	b, err := os.ReadFile(path)
	if err != nil {
		l.problems = append(l.problems, fmt.Errorf("read settings: %w", err))
		return
	}
	values, err := readTOML(filepath.Base(path), b)
	if err != nil {
		l.problems = append(l.problems, err)
		return
	}
	for _, v := range values {
		l.tomlValue(v)
	}
}

func (l *loader) tomlValue(v tomlValue) {
	key := strings.Join(v.key, ".")
	if v.kind == tomlSection {
		l.section(v, key)
		return
	}
	if v.key[0] == "source" && len(v.key) == 3 {
		l.place(v)
		return
	}
	i, ok := settingIndex[key]
	if !ok {
		l.unknownKey(v, key)
		return
	}
	s := settings[i]
	if err := v.mustBe(s.kind); err != nil {
		l.problem(v.at.Pos, err.Error(), "")
		return
	}
	found := Value{Key: key, Text: v.text, Origin: v.at.String(), At: v.at, items: v.items}
	expanded, secret, ok := l.expand(v)
	if !ok {
		return
	}
	found.Text, found.Secret = expanded, secret
	if !secret && isLiteralSecret(s, v.text) {
		message := fmt.Sprintf("%s is a secret in plain sight; write \"${env:NAME}\" or \"${file:/run/secrets/name}\"", key)
		l.config.warnings = append(l.config.warnings, Warning{Pos: v.at.Pos, Message: message})
	}
	l.set(s, found, v.items)
}

// section refuses a header that no setting stands under, with or without lines below it.
func (l *loader) section(v tomlValue, name string) {
	if v.key[0] == "source" && len(v.key) <= 2 {
		return
	}
	var known []string
	for _, s := range settings {
		for at := strings.IndexByte(s.Key, '.'); at >= 0; {
			if s.Key[:at] == name {
				return
			}
			known = append(known, s.Key[:at])
			next := strings.IndexByte(s.Key[at+1:], '.')
			if next < 0 {
				break
			}
			at += 1 + next
		}
	}
	cure := "bighead config lists all settings"
	if n := nearest(name, known); n != "" {
		cure = fmt.Sprintf("did you mean [%s]?", n)
	}
	l.unknown[name] = true
	l.problem(v.keyAt, fmt.Sprintf("there is no section [%s]", name), cure)
}

// isLiteralSecret: a password is one by itself, a URL where it carries a password.
func isLiteralSecret(s Setting, text string) bool {
	if !s.Secret || text == "" {
		return false
	}
	u, err := url.Parse(text)
	if err == nil && u.Scheme != "" && u.Host != "" {
		_, has := u.User.Password()
		return has
	}
	return true
}

func (l *loader) unknownKey(v tomlValue, key string) {
	if l.unknown[strings.Join(v.key[:len(v.key)-1], ".")] {
		return // said once, at its header
	}
	if v.key[0] == "source" {
		l.problem(v.keyAt, fmt.Sprintf("%s is no place of a source", key), "write [source.<name>] with "+strings.Join(placeNames, ", "))
		return
	}
	known := make([]string, len(settings))
	for i, s := range settings {
		known[i] = s.Key
	}
	cure := "bighead config lists all settings"
	if n := nearest(key, known); n != "" {
		cure = fmt.Sprintf("did you mean %q?", n)
	}
	l.problem(v.keyAt, fmt.Sprintf("there is no setting %q", key), cure)
}

func (l *loader) place(v tomlValue) {
	source, name := v.key[1], v.key[2]
	if !slices.Contains(placeNames, name) {
		cure := "a source has " + strings.Join(placeNames, ", ")
		if n := nearest(name, placeNames); n != "" {
			cure = fmt.Sprintf("did you mean %q?", n)
		}
		l.problem(v.keyAt, fmt.Sprintf("a source has no place %q", name), cure)
		return
	}
	if err := v.mustBe(text); err != nil {
		l.problem(v.at.Pos, err.Error(), "")
		return
	}
	expanded, secret, ok := l.expand(v)
	if !ok {
		return
	}
	if l.config.places[source] == nil {
		l.config.places[source] = map[string]Value{}
	}
	l.config.places[source][name] = Value{Key: strings.Join(v.key, "."), Text: expanded, Secret: secret, Origin: v.at.String(), At: v.at}
}

var reference = regexp.MustCompile(`\$\{([^}]*)\}`)

// expand puts in what ${env:…} and ${file:…} stand for; what comes from there is a secret.
func (l *loader) expand(v tomlValue) (expanded string, secret, ok bool) {
	ok = true
	expanded = reference.ReplaceAllStringFunc(v.text, func(ref string) string {
		scheme, name, _ := strings.Cut(ref[2:len(ref)-1], ":")
		secret = true
		switch scheme {
		case "env":
			got, found := l.env[name]
			if !found {
				ok = false
				l.problem(v.at.Pos, fmt.Sprintf("the environment variable %s is not set", name), "set it, or give "+strings.Join(v.key, ".")+" another value")
			}
			return got
		case "file":
			path := name
			if !filepath.IsAbs(path) {
				path = filepath.Join(l.root, path)
			}
			b, err := os.ReadFile(path)
			if err != nil {
				ok = false
				l.problem(v.at.Pos, fmt.Sprintf("the secret of %s cannot be read: %v", strings.Join(v.key, "."), err), "")
			}
			return strings.TrimRight(string(b), "\r\n")
		}
		ok = false
		l.problem(v.at.Pos, fmt.Sprintf("%s is neither ${env:NAME} nor ${file:PATH}", ref), "")
		return ""
	})
	return expanded, secret, ok
}

// set checks a value and lays it over what was there.
func (l *loader) set(s Setting, v Value, items []string) {
	v.Secret = v.Secret || s.Secret
	if err := s.check(v.Text); err != nil {
		message := err.Error()
		if v.Secret {
			message = "the value is not what it takes" // never the secret itself
		}
		l.problem(v.At.Pos, fmt.Sprintf("%s (%s): %s", s.Key, v.Origin, message), "")
		return
	}
	v.items = items
	if s.kind == list && items == nil && v.Text != "" {
		for _, item := range strings.Split(v.Text, ",") {
			v.items = append(v.items, strings.TrimSpace(item))
		}
	}
	l.config.values[s.Key] = v
}

// ownEnv are variables that are no settings of a project.
var ownEnv = []string{"BIGHEAD_PROFILE", "BIGHEAD_SERVER", "BIGHEAD_CACHE", "BIGHEAD_BINARY", "BIGHEAD_REQUIRE_ENGINES", "BIGHEAD_IVY_SETTINGS", "BIGHEAD_FAULT", KernelPython}

// unknownEnv warns of a variable that looks like a setting and is none; another program may well have its own.
func (l *loader) unknownEnv() {
	known := append([]string{}, ownEnv...)
	for _, s := range settings {
		known = append(known, EnvName(s.Key))
	}
	var names []string
	for name := range l.env {
		if strings.HasPrefix(name, "BIGHEAD_") && !strings.HasPrefix(name, "BIGHEAD_SOURCE_") && !slices.Contains(known, name) {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	for _, name := range names {
		message := fmt.Sprintf("the environment variable %s sets nothing", name)
		if n := nearest(name, known); n != "" {
			message += fmt.Sprintf("; did you mean %s?", n)
		}
		l.config.warnings = append(l.config.warnings, Warning{Message: message})
	}
}

func (l *loader) flags(flags map[string]string) {
	var keys []string
	for key := range flags {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	for _, key := range keys {
		i, ok := settingIndex[key]
		if !ok {
			l.unknownKey(tomlValue{key: strings.Split(key, ".")}, key)
			continue
		}
		l.set(settings[i], Value{Key: key, Text: flags[key], Origin: "flag"}, nil)
	}
}
