package model_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/modeltest"
	"github.com/bighead-ml/bighead/model/tree"
)

// kept is a bucket in memory that notes what is written, and fails where it is told to.
type kept struct {
	mu      sync.Mutex
	objects map[string][]byte
	puts    []string
	fails   func(key string) error
}

func newKept() *kept {
	return &kept{objects: map[string][]byte{}, fails: func(string) error { return nil }}
}

func (k *kept) Has(_ context.Context, key string) (bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, ok := k.objects[key]
	return ok, nil
}

func (k *kept) Put(_ context.Context, key string, r io.Reader, size int64) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if int64(len(b)) != size {
		return errors.New("another size than was said")
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.fails(key); err != nil {
		return err
	}
	k.objects[key], k.puts = b, append(k.puts, key)
	return nil
}

func (k *kept) Get(_ context.Context, key string) (io.ReadCloser, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	b, ok := k.objects[key]
	if !ok {
		return nil, model.ErrNoObject
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

// modelFile is the file of the fixture.
const modelFile = "lgb_binary.lgb.txt"

// written is a folder with one artifact.
func written(t *testing.T) (root, name string) {
	t.Helper()
	root = t.TempDir()
	return root, modeltest.Fixture(t, "lgb_binary").Write(t, root, model.Binary, nil)
}

// TestBucket takes an artifact to another machine by way of a bucket, and opens it there.
func TestBucket(t *testing.T) {
	root, name := written(t)
	k, elsewhere := newKept(), filepath.Join(t.TempDir(), "models")
	if err := model.Upload(t.Context(), k, filepath.Join(root, name)); err != nil {
		t.Fatal(err)
	}
	if n := len(k.puts); n != 3 || k.puts[n-1] != name+".files" || !slices.Contains(k.puts, name+"/manifest.json") {
		t.Errorf("written in the order %v", k.puts)
	}
	if err := model.Upload(t.Context(), k, filepath.Join(root, name)); err != nil || len(k.puts) != 3 {
		t.Errorf("what is there is written again: %v, %v", k.puts, err)
	}
	for range 2 {
		if err := model.Download(t.Context(), k, name, elsewhere); err != nil {
			t.Fatal(err)
		}
	}
	a, err := model.OpenArtifact(t.Context(), filepath.Join(elsewhere, name), func(string) (model.Open, error) { return tree.Open, nil })
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(elsewhere, ".new-*")); len(left) > 0 {
		t.Error(left)
	}
	k.objects = nil // it is here, and nobody is asked
	if err := model.Download(t.Context(), k, name, elsewhere); err != nil {
		t.Error(err)
	}
}

// TestUploadInPart fails at each object in turn: nobody finds an artifact that is not whole, and the next try finishes it.
func TestUploadInPart(t *testing.T) {
	root, name := written(t)
	for _, at := range []string{"/manifest.json", "/" + modelFile, ".files"} {
		k := newKept()
		k.fails = func(key string) error {
			if strings.HasSuffix(key, at) {
				return errors.New("the line is cut")
			}
			return nil
		}
		if err := model.Upload(t.Context(), k, filepath.Join(root, name)); err == nil || !strings.Contains(err.Error(), "the line is cut") || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", at, err)
		}
		if err := model.Download(t.Context(), k, name, t.TempDir()); err == nil || !strings.Contains(err.Error(), "the bucket does not have it") {
			t.Errorf("%s: %v", at, err)
		}
		k.fails = func(string) error { return nil }
		if err := errors.Join(model.Upload(t.Context(), k, filepath.Join(root, name)), model.Download(t.Context(), k, name, t.TempDir())); err != nil {
			t.Errorf("%s: %v", at, err)
		}
	}
	k := newKept()
	k.fails = func(key string) error { // somebody is at the folder while it is uploaded
		if strings.HasSuffix(key, "/"+modelFile) {
			return os.WriteFile(filepath.Join(root, name, "manifest.json"), []byte("{}"), 0o644)
		}
		return nil
	}
	if err := model.Upload(t.Context(), k, filepath.Join(root, name)); err == nil || !strings.Contains(err.Error(), "manifest.json: it was changed while it was read") {
		t.Errorf("a file that changes is uploaded: %v", err)
	}
	k = newKept()
	if err := model.Upload(t.Context(), k, filepath.Join(root, name)); err == nil || !strings.Contains(err.Error(), "it is damaged") || len(k.puts) > 0 {
		t.Errorf("a damaged artifact is uploaded: %v, %v", k.puts, err)
	}
}

// TestDownloadDamaged changes each object: nothing of it stays here.
func TestDownloadDamaged(t *testing.T) {
	root, name := written(t)
	for _, c := range []struct {
		name, says string
		change     func(k *kept)
	}{
		{"a file", modelFile + ": in the bucket it is damaged", func(k *kept) { k.objects[name+"/"+modelFile][7] ^= 1 }},
		{"a file cut off", modelFile + ": in the bucket it is damaged", func(k *kept) { k.objects[name+"/"+modelFile] = k.objects[name+"/"+modelFile][:100] }},
		{"the manifest", "manifest.json: in the bucket it is damaged", func(k *kept) { k.objects[name+"/manifest.json"][7] ^= 1 }},
		{"a file that is gone", "without it: somebody has taken it out", func(k *kept) { delete(k.objects, name+"/"+modelFile) }},
		{"the list", "its list of files", func(k *kept) { k.objects[name+".files"][0] ^= 1 }},
		{"the list cut off", "its list of files", func(k *kept) { k.objects[name+".files"] = nil }},
		{"the list that is gone", "the bucket does not have it", func(k *kept) { delete(k.objects, name+".files") }},
	} {
		k, elsewhere := newKept(), t.TempDir()
		if err := model.Upload(t.Context(), k, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
		c.change(k)
		if err := model.Download(t.Context(), k, name, elsewhere); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", c.name, err, c.says)
		}
		if left, err := os.ReadDir(elsewhere); err != nil || len(left) > 0 {
			t.Errorf("%s leaves %v, %v", c.name, left, err)
		}
	}
}

// TestDownloadHostile has lists that are what their name says, and lead out of the artifact.
func TestDownloadHostile(t *testing.T) {
	for _, list := range []string{"../x\x00aa\n", "/etc/x\x00aa\n", "a\\b\x00aa\n", "no hash\n"} {
		k := newKept()
		sum := sha256.Sum256([]byte(list))
		name := hex.EncodeToString(sum[:])
		k.objects[name+".files"], k.objects[name+"/../x"] = []byte(list), []byte("x")
		elsewhere := t.TempDir()
		if err := model.Download(t.Context(), k, name, elsewhere); err == nil {
			t.Errorf("%q was taken", list)
		}
		if left, err := os.ReadDir(elsewhere); err != nil || len(left) > 0 {
			t.Errorf("%q leaves %v, %v", list, left, err)
		}
	}
}
