package onnx

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// wheel is the package of the Python index that has the library for a machine. Its Python is of no matter.
type wheel struct{ platform, sha256 string }

// wheels are those of Version, by system and processor.
var wheels = map[string]wheel{
	"linux/amd64":  {"manylinux_2_28_x86_64", "5a34fc4dfeb5a7b4a74c95dcba1e773d722abda720b474edf1b0c419dc6d163d"},
	"linux/arm64":  {"manylinux_2_28_aarch64", "2303372a85299b6757b0e11e1cbf13e410ddf7e10c37f4b37e99d1c90e7daf7c"},
	"darwin/arm64": {"macosx_14_0_arm64", "366b9e53d07812cc5c92822cecf7563b76a8a0f32ba3bb8dd232a206ac3bcb6c"},
}

// largestLibrary bounds what is unpacked.
const largestLibrary = 512 << 20

// Install has pip, of the given Python, fetch the package of Version, checks what came by its SHA-256, and puts the library of it into a folder of
// its version below root. It gives the library's path; one that is there already is left as it is. Nothing of the package is run.
func Install(ctx context.Context, python, root string) (path string, err error) {
	w, ok := wheels[runtime.GOOS+"/"+runtime.GOARCH]
	if !ok {
		return "", fmt.Errorf("ONNX Runtime %s has no package for %s/%s: build its library, and name it in the settings", Version, runtime.GOOS, runtime.GOARCH)
	}
	folder := filepath.Join(root, Version)
	if found := newest(folder); found != "" {
		return found, nil
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return "", fmt.Errorf("install ONNX Runtime: %w", err)
	}
	stage, err := os.MkdirTemp(root, ".new-*")
	if err != nil {
		return "", fmt.Errorf("install ONNX Runtime: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(stage)) }()
	file, err := download(ctx, python, stage, w)
	if err != nil {
		return "", err
	}
	whole := filepath.Join(stage, "library")
	if err := unpack(file, whole); err != nil {
		return "", fmt.Errorf("install ONNX Runtime: %s: %w", filepath.Base(file), err)
	}
	if err := os.Rename(whole, folder); err != nil && newest(folder) == "" { // another process may have been first
		return "", fmt.Errorf("install ONNX Runtime: %w", err)
	}
	return newest(folder), nil
}

// A PipError is what pip could not do, in its own words.
type PipError struct{ Said string }

// Error is pip's words, and the cure.
func (e *PipError) Error() string {
	return fmt.Sprintf("install ONNX Runtime: pip says\n   | %s\n   cure: check the network and pip's settings; or name a library that is there already in the settings",
		strings.ReplaceAll(strings.TrimSpace(e.Said), "\n", "\n   | "))
}

func download(ctx context.Context, python, stage string, w wheel) (file string, err error) {
	list := filepath.Join(stage, "requirements.txt")
	if err := os.WriteFile(list, fmt.Appendf(nil, "onnxruntime==%s --hash=sha256:%s\n", Version, w.sha256), 0o644); err != nil {
		return "", fmt.Errorf("install ONNX Runtime: %w", err)
	}
	cmd := exec.CommandContext(ctx, python, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps", "--only-binary", ":all:",
		"--platform", w.platform, "--python-version", "3.11", "--implementation", "cp", "--abi", "cp311", "--require-hashes", "--dest", stage, "-r", list)
	cmd.WaitDelay = time.Second
	said, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	if err != nil {
		if ended := new(exec.ExitError); !errors.As(err, &ended) {
			return "", fmt.Errorf("install ONNX Runtime: %w", err)
		}
		return "", &PipError{string(said)}
	}
	files, err := filepath.Glob(filepath.Join(stage, "*.whl"))
	if err != nil || len(files) != 1 {
		return "", fmt.Errorf("install ONNX Runtime: pip brought %v", files)
	}
	return files[0], nil
}

// unpack puts the library of a package, and its licence, into a folder.
func unpack(file, folder string) error {
	r, err := zip.OpenReader(file)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := os.Mkdir(folder, 0o755); err != nil {
		return err
	}
	for _, f := range r.File {
		name, ok := strings.CutPrefix(f.Name, "onnxruntime/capi/")
		wanted := f.Name == "onnxruntime/LICENSE" || f.Name == "onnxruntime/ThirdPartyNotices.txt"
		for _, p := range patterns() {
			is, _ := filepath.Match(p, name)
			wanted = wanted || ok && is
		}
		if !wanted {
			continue
		}
		if err := unpackFile(f, filepath.Join(folder, filepath.Base(f.Name))); err != nil {
			return err
		}
	}
	if newest(folder) == "" {
		return errors.New("it has no library")
	}
	return nil
}

func unpackFile(f *zip.File, to string) error {
	if f.UncompressedSize64 > largestLibrary {
		return fmt.Errorf("%s has %d bytes", f.Name, f.UncompressedSize64)
	}
	from, err := f.Open()
	if err != nil {
		return err
	}
	defer from.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, io.LimitReader(from, largestLibrary))
	if err == nil {
		err = out.Sync()
	}
	return errors.Join(err, out.Close())
}
