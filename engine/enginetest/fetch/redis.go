package fetch

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// RedisHome is a Redis that can be started.
type RedisHome struct {
	Server, CLI string   // the executables
	Env         []string // what they need beside the environment
}

var redisVersion = regexp.MustCompile(`v=(\d+)\.`)

// Redis returns the machine's own Redis, if it is new enough, else Debian's, fetched if need be and unpacked without being installed.
func Redis(ctx context.Context) (RedisHome, error) {
	if home, err := ownRedis(ctx); err == nil {
		return home, nil
	}
	root, err := cacheDir()
	if err != nil {
		return RedisHome{}, err
	}
	dir, err := once(ctx, root, "redis-debian", func(stage string) error {
		if err := debian(ctx, redisPackages, stage); err != nil {
			return err
		}
		return present(stage, "usr/bin/redis-server")
	})
	if err != nil {
		return RedisHome{}, err
	}
	libs, err := filepath.Glob(filepath.Join(dir, "usr", "lib", "*-linux-gnu"))
	if err != nil {
		return RedisHome{}, err
	}
	home := RedisHome{
		Server: filepath.Join(dir, "usr", "bin", "redis-server"), CLI: filepath.Join(dir, "usr", "bin", "redis-cli"),
		Env: []string{"LD_LIBRARY_PATH=" + strings.Join(libs, ":")},
	}
	return home, home.works(ctx)
}

// ownRedis finds the Redis in the path.
func ownRedis(ctx context.Context) (home RedisHome, err error) {
	if home.Server, err = exec.LookPath("redis-server"); err != nil {
		return home, err
	}
	if home.CLI, err = exec.LookPath("redis-cli"); err != nil {
		return home, err
	}
	return home, home.works(ctx)
}

// works fails unless the server can be run and is new enough.
func (h RedisHome) works(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, h.Server, "--version")
	cmd.Env = append(os.Environ(), h.Env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return lacksRedis(fmt.Errorf("%s --version: %w: %s", h.Server, err, tail(out)))
	}
	m := redisVersion.FindSubmatch(out)
	if m == nil {
		return lacksRedis(fmt.Errorf("%s --version said %q", h.Server, tail(out)))
	}
	if major, err := strconv.Atoi(string(m[1])); err != nil || major < redisMajor {
		return lacksRedis(fmt.Errorf("%s is version %s", h.Server, m[1]))
	}
	return nil
}

func lacksRedis(err error) error {
	return &UnavailableError{What: fmt.Sprintf("Redis %d or newer", redisMajor), Cure: "install redis-server and redis-cli (Debian: redis-server redis-tools)", Err: err}
}

// debian fetches packages with apt and unpacks them into the folder. It needs no rights and installs nothing.
func debian(ctx context.Context, packages []string, target string) error {
	apt, err := exec.LookPath("apt-get")
	if err != nil {
		return lacksRedis(err)
	}
	dpkg, err := exec.LookPath("dpkg-deb")
	if err != nil {
		return lacksRedis(err)
	}
	what := strings.Join(packages, ", ") + " from Debian's archive"
	if err := client(ctx, what, target, apt, append([]string{"-q", "download"}, packages...)...); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(target, "*.deb"))
	if err != nil || len(files) != len(packages) {
		return fmt.Errorf("fetch %s: want %d packages, found %v", what, len(packages), files)
	}
	for _, file := range files {
		if err := client(ctx, "unpack "+filepath.Base(file), target, dpkg, "-x", file, target); err != nil {
			return err
		}
		if err := os.Remove(file); err != nil {
			return err
		}
	}
	return nil
}
