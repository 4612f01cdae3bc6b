package fetch

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestOnceFillsOnceAndKeepsWholeFoldersOnly(t *testing.T) {
	root := t.TempDir()
	broken := errors.New("the line was cut")
	_, err := once(t.Context(), root, "e-1", func(stage string) error {
		if err := os.WriteFile(filepath.Join(stage, "half"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		return broken
	})
	if !errors.Is(err, broken) {
		t.Fatalf("want the reason, got %v", err)
	}
	if there(filepath.Join(root, "e-1")) {
		t.Fatal("a half download stands in the cache")
	}
	var fills atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			dir, err := once(t.Context(), root, "e-1", func(stage string) error {
				fills.Add(1)
				return os.WriteFile(filepath.Join(stage, "whole"), nil, 0o644)
			})
			if err != nil {
				t.Error(err)
			} else if err := present(dir, "whole"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if fills.Load() != 1 {
		t.Fatalf("fetched %d times", fills.Load())
	}
	if left, _ := filepath.Glob(filepath.Join(root, ".staging-*")); len(left) != 0 {
		t.Fatalf("left behind: %v", left)
	}
}

func TestOnceRemovesWhatAKilledProcessStaged(t *testing.T) {
	root := t.TempDir()
	old := filepath.Join(root, ".staging-e-1-dead")
	if err := os.MkdirAll(filepath.Join(old, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := once(t.Context(), root, "e-1", func(string) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if there(old) {
		t.Fatal("the old staging folder is still there")
	}
}

func TestLockWaitsForTheOtherHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l")
	unlock, err := lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := lock(ctx, path); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("a second holder got the lock, or another error: %v", err)
	}
	unlock()
	again, err := lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	again()
}

func TestVerifyRefusesAnotherFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.jar")
	if err := os.WriteFile(path, []byte("abc"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := verify(path, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"); err != nil {
		t.Fatal(err)
	}
	if err := verify(path, flinkGateway.sha256); err == nil || !strings.Contains(err.Error(), "pinned") {
		t.Fatalf("got %v", err)
	}
}

// program writes an executable shell script and puts its folder in front of nothing else.
func program(t *testing.T, name, script string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	t.Setenv("JAVA_HOME", "")
}

func unavailable(t *testing.T, err error, parts ...string) {
	t.Helper()
	var u *UnavailableError
	if !errors.As(err, &u) {
		t.Fatalf("want an UnavailableError, got %v", err)
	}
	for _, p := range append(parts, "cure: ") {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("%q is not in: %v", p, err)
		}
	}
}

func TestWhatTheMachineLacksIsNamed(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv("JAVA_HOME", "")
	_, err := findJava(t.Context())
	unavailable(t, err, "Java 17", "JAVA_HOME")
	_, err = findPython(t.Context())
	unavailable(t, err, "Python 3.10", "pip")

	program(t, "java", `echo 'openjdk version "11.0.2" 2019-01-15' >&2`)
	_, err = findJava(t.Context())
	unavailable(t, err, "is version 11")
	program(t, "java", `echo 'java version "1.8.0_301"' >&2`)
	_, err = findJava(t.Context())
	unavailable(t, err, "is version 8")
	program(t, "java", `echo 'openjdk version "21" 2023-09-19' >&2`)
	if _, err := findJava(t.Context()); err != nil {
		t.Error(err)
	}

	program(t, "python3", `echo "pip 23.0 from /lib (python 3.9)"`)
	_, err = findPython(t.Context())
	unavailable(t, err, "version 3.9")
	program(t, "python3", `echo "No module named pip" >&2; exit 1`)
	_, err = findPython(t.Context())
	unavailable(t, err, "No module named pip")
	program(t, "python3", `echo "pip 23.0 from /lib (python 3.11)"`)
	if _, err := findPython(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAFailedClientIsUnavailableButAWrongPackageIsAnError(t *testing.T) {
	defer func(d time.Duration) { clientPause = d }(clientPause)
	clientPause = 0
	program(t, "pipx", `test -e stumbled && exit 0; : > stumbled; echo "Temporary failure in name resolution"; exit 1`)
	if err := client(t.Context(), "spam 1.0", t.TempDir(), "pipx"); err != nil {
		t.Errorf("a client that stumbles once: %v", err)
	}
	program(t, "pipx", `echo "Temporary failure in name resolution"; exit 1`)
	unavailable(t, client(t.Context(), "spam 1.0", t.TempDir(), "pipx"), "spam 1.0", "Temporary failure")

	program(t, "pipx", `echo "OSError: [Errno 28] No space left on device"; exit 1`)
	unavailable(t, client(t.Context(), "spam 1.0", t.TempDir(), "pipx"), "room on the disk", "BIGHEAD_CACHE")

	program(t, "pipx", `echo "THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE"; exit 1`)
	err := client(t.Context(), "spam 1.0", t.TempDir(), "pipx")
	var u *UnavailableError
	if err == nil || errors.As(err, &u) {
		t.Fatalf("a package with another checksum must not look like a missing one: %v", err)
	}
}

func TestCacheFolderIsTheOneAsked(t *testing.T) {
	base := t.TempDir()
	t.Setenv("BIGHEAD_CACHE", base)
	dir, err := cacheDir()
	if err != nil || dir != filepath.Join(base, "engines") {
		t.Fatalf("got %q, %v", dir, err)
	}
	file := filepath.Join(base, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("BIGHEAD_CACHE", file)
	_, err = cacheDir()
	unavailable(t, err, "cache folder", "BIGHEAD_CACHE")
}
