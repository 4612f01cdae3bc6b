package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/bighead-ml/bighead/engine/enginetest/proc"
)

// UnavailableError says what this machine lacks to run an engine, and the cure.
type UnavailableError struct {
	What string // "Java 17 or newer"
	Cure string
	Err  error // what was seen; may be nil
}

func (e *UnavailableError) Error() string {
	text := "missing: " + e.What
	if e.Err != nil {
		text += " (" + e.Err.Error() + ")"
	}
	return text + "; cure: " + e.Cure
}

// Unwrap gives what was seen.
func (e *UnavailableError) Unwrap() error { return e.Err }

var (
	javaVersion   = regexp.MustCompile(`version "(?:1\.)?(\d+)`)
	pythonVersion = regexp.MustCompile(`\(python 3\.(\d+)\)`)
)

// findJava returns $JAVA_HOME's java, else the one in the path, if it is new enough.
func findJava(ctx context.Context) (string, error) {
	lacks := func(err error) error {
		return &UnavailableError{What: fmt.Sprintf("Java %d or newer", javaMajor), Cure: "install a JDK or JRE (Debian: openjdk-17-jre-headless) or point JAVA_HOME at one", Err: err}
	}
	java := "java"
	if home := os.Getenv("JAVA_HOME"); home != "" {
		java = filepath.Join(home, "bin", "java")
	}
	path, err := exec.LookPath(java)
	if err != nil {
		return "", lacks(err)
	}
	out, err := exec.CommandContext(ctx, path, "-version").CombinedOutput()
	if err != nil {
		return "", lacks(fmt.Errorf("%s -version: %w: %s", path, err, tail(out)))
	}
	m := javaVersion.FindSubmatch(out)
	if m == nil {
		return "", lacks(fmt.Errorf("%s -version said %q", path, tail(out)))
	}
	if major, err := strconv.Atoi(string(m[1])); err != nil || major < javaMajor {
		return "", lacks(fmt.Errorf("%s is version %s", path, m[1]))
	}
	return path, nil
}

// findPython returns a python3 that is new enough and has pip.
func findPython(ctx context.Context) (string, error) {
	lacks := func(err error) error {
		return &UnavailableError{What: fmt.Sprintf("Python 3.%d or newer with pip", pythonMinor), Cure: "install both (Debian: python3 python3-pip)", Err: err}
	}
	path, err := exec.LookPath("python3")
	if err != nil {
		return "", lacks(err)
	}
	out, err := exec.CommandContext(ctx, path, "-m", "pip", "--version").CombinedOutput()
	if err != nil {
		return "", lacks(fmt.Errorf("%s -m pip --version: %w: %s", path, err, tail(out)))
	}
	m := pythonVersion.FindSubmatch(out)
	if m == nil {
		return "", lacks(fmt.Errorf("pip said %q", tail(out)))
	}
	if minor, err := strconv.Atoi(string(m[1])); err != nil || minor < pythonMinor {
		return "", lacks(fmt.Errorf("%s is version 3.%s", path, m[1]))
	}
	return path, nil
}

// pip puts the package, without what it depends on, into the folder. pip checks the pinned checksum itself.
func pip(ctx context.Context, w wheel, target string) error {
	python, err := findPython(ctx)
	if err != nil {
		return err
	}
	list := filepath.Join(target, "requirements.txt")
	if err := os.WriteFile(list, fmt.Appendf(nil, "%s==%s --hash=sha256:%s\n", w.name, w.version, w.sha256), 0o644); err != nil {
		return diskFull(err)
	}
	return client(ctx, fmt.Sprintf("%s %s from the Python package index", w.name, w.version), target, python,
		"-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes", "--target", target, "-r", list)
}

// ivy puts the jars, and not what they depend on, into the folder. Ivy's own default settings are used; BIGHEAD_IVY_SETTINGS names a
// settings file for machines that reach Maven repositories through a mirror.
func ivy(ctx context.Context, java, sparkHome string, jars []jar, target string) error {
	found, err := filepath.Glob(filepath.Join(sparkHome, "jars", "ivy-*.jar"))
	if err != nil || len(found) != 1 {
		return fmt.Errorf("want one Apache Ivy in %s, found %v", filepath.Join(sparkHome, "jars"), found)
	}
	scratch, err := os.MkdirTemp(filepath.Dir(target), ".ivy-")
	if err != nil {
		return diskFull(err)
	}
	defer os.RemoveAll(scratch)
	list := filepath.Join(scratch, "ivy.xml")
	if err := os.WriteFile(list, ivyList(jars), 0o644); err != nil {
		return diskFull(err)
	}
	args := []string{"-Divy.default.ivy.user.dir=" + scratch, "-jar", found[0], "-cache", filepath.Join(scratch, "cache")}
	if settings := os.Getenv("BIGHEAD_IVY_SETTINGS"); settings != "" {
		args = append(args, "-settings", settings)
	}
	args = append(args, "-ivy", list, "-notransitive", "-types", "jar", "bundle", "-retrieve", filepath.Join(target, "[artifact]-[revision].[ext]"))
	what := fmt.Sprintf("%s:%s:%s from a Maven repository", jars[0].group, jars[0].name, jars[0].version)
	if n := len(jars) - 1; n > 0 {
		what = fmt.Sprintf("%s and %d others", what, n)
	}
	if err := client(ctx, what, scratch, java, args...); err != nil {
		return err
	}
	for _, j := range jars {
		if err := verify(filepath.Join(target, j.file()), j.sha256); err != nil {
			return err
		}
	}
	return nil
}

// ivyList is a module that depends on the jars.
func ivyList(jars []jar) []byte {
	list := []byte(`<ivy-module version="2.0"><info organisation="bighead" module="engine"/><dependencies>` + "\n")
	for _, j := range jars {
		list = fmt.Appendf(list, `<dependency org="%s" name="%s" rev="%s" conf="*->default"/>`+"\n", j.group, j.name, j.version)
	}
	return append(list, "</dependencies></ivy-module>\n"...)
}

// A package client is run so often where it fails, for an index or a network that stumbles once is no cause to end all tests that stand on
// an engine; and so long after.
const clientTries = 3

var clientPause = 5 * time.Second

// client runs a package client. What it could not fetch is unavailable, with the end of what it said; a package that came
// but is not the pinned one is an error of another kind, which no test may skip.
func client(ctx context.Context, what, stage, name string, args ...string) error {
	log := filepath.Join(stage, ".client.log")
	defer os.Remove(log)
	for try := 1; ; try++ {
		err := proc.Run(ctx, proc.Spec{Name: filepath.Base(name), Path: name, Args: args, Env: os.Environ(), Dir: stage, Log: log})
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil, strings.Contains(err.Error(), "DO NOT MATCH THE HASHES"):
			return fmt.Errorf("fetch %s: %w", what, err)
		}
		if full := diskFull(err); full != err {
			return full
		}
		if try == clientTries {
			return &UnavailableError{What: what, Cure: "check the network and the settings of the package client, then run again", Err: err}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("fetch %s: %w", what, errors.Join(ctx.Err(), err))
		case <-time.After(clientPause):
		}
	}
}

// tail is the last lines of what a program said.
func tail(out []byte) string {
	const n = 3
	lines := strings.Split(string(bytes.TrimSpace(out)), "\n")
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	return strings.Join(lines, "\n")
}
