package fetch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// cacheDir is where engines are kept.
func cacheDir() (string, error) {
	base := os.Getenv("BIGHEAD_CACHE")
	if base == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", &UnavailableError{What: "a cache folder", Cure: "set BIGHEAD_CACHE to a folder with 1.5 GB of room", Err: err}
		}
		base = filepath.Join(user, "bighead")
	}
	dir, err := filepath.Abs(filepath.Join(base, "engines"))
	if err != nil {
		return "", fmt.Errorf("cache folder: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", &UnavailableError{What: "a cache folder that can be written", Cure: "set BIGHEAD_CACHE to a folder with 1.5 GB of room", Err: err}
	}
	return dir, nil
}

// once returns root/name, which fill makes if it is not there. A folder of that name is always whole: fill works in a
// staging folder that is renamed at its end. Under the lock no other process stages the same name, so a staging folder
// found there is what a killed one left, and is removed.
func once(ctx context.Context, root, name string, fill func(stage string) error) (string, error) {
	dir := filepath.Join(root, name)
	if there(dir) {
		return dir, nil
	}
	unlock, err := lock(ctx, filepath.Join(root, name+".lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	if there(dir) { // another process was first
		return dir, nil
	}
	left, err := filepath.Glob(filepath.Join(root, ".staging-"+name+"-*"))
	if err != nil {
		return "", fmt.Errorf("fetch %s: %w", name, err)
	}
	for _, old := range left {
		if err := os.RemoveAll(old); err != nil {
			return "", fmt.Errorf("fetch %s: remove what an earlier try left: %w", name, err)
		}
	}
	stage, err := os.MkdirTemp(root, ".staging-"+name+"-")
	if err != nil {
		return "", fmt.Errorf("fetch %s: %w", name, err)
	}
	defer os.RemoveAll(stage)
	if err := fill(stage); err != nil {
		return "", fmt.Errorf("fetch %s: %w", name, err)
	}
	// MkdirTemp made it private; the cache is as readable as its parent.
	if err := os.Chmod(stage, 0o755); err != nil {
		return "", fmt.Errorf("fetch %s: %w", name, err)
	}
	if err := os.Rename(stage, dir); err != nil {
		return "", fmt.Errorf("fetch %s: %w", name, err)
	}
	return dir, nil
}

func there(dir string) bool {
	info, err := os.Stat(dir)
	return err == nil && info.IsDir()
}

// lock takes an exclusive lock on the file, waiting for another holder until the context ends. The kernel releases it
// when the holder dies, so a stale lock cannot be.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return func() { f.Close() }, nil
		case !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR):
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("another process is fetching this engine (%s): %w", path, ctx.Err())
		case <-tick.C:
		}
	}
}

// diskFull turns a full disk into a message with its cure.
func diskFull(err error) error {
	if errors.Is(err, syscall.ENOSPC) || strings.Contains(err.Error(), "No space left on device") {
		return &UnavailableError{What: "room on the disk", Cure: "free 1.5 GB, or set BIGHEAD_CACHE to a folder that has it", Err: err}
	}
	return err
}
