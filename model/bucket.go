package model

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Bucket keeps objects by key where other machines find them. It is safe for concurrent use.
type Bucket interface {
	// Has reports whether there is an object.
	Has(ctx context.Context, key string) (bool, error)
	// Put writes an object of so many bytes, whole or not at all, in the place of what was there. It may be repeated.
	Put(ctx context.Context, key string, r io.Reader, size int64) error
	// Get reads an object, or fails with ErrNoObject. The caller closes it.
	Get(ctx context.Context, key string) (io.ReadCloser, error)
}

// ErrNoObject says that a bucket has no object of a key.
var ErrNoObject = errors.New("no such object")

// maxList is the longest list of an artifact's files that is read.
const maxList = 16 << 20

// listKey is the object that says which files an artifact has: the text whose SHA-256 is the artifact's name. It is written last, so that an artifact
// whose list is there is whole.
func listKey(artifact string) string { return artifact + ".files" }

// Upload puts an artifact of a folder into a bucket, as <name>/<path> for each file and then <name>.files. One that is there already is the same one.
func Upload(ctx context.Context, b Bucket, folder string) error {
	name := filepath.Base(folder)
	if err := upload(ctx, b, folder, name); err != nil {
		return fmt.Errorf("upload artifact %s: %w", name, err)
	}
	return nil
}

func upload(ctx context.Context, b Bucket, folder, name string) error {
	if there, err := b.Has(ctx, listKey(name)); err != nil || there {
		return err
	}
	hashes, err := checkFiles(ctx, folder)
	if err != nil {
		return err
	}
	for _, path := range slices.Sorted(maps.Keys(hashes)) {
		if err := uploadFile(ctx, b, name+"/"+path, filepath.Join(folder, filepath.FromSlash(path)), hashes[path]); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	list := listOf(hashes)
	return b.Put(ctx, listKey(name), strings.NewReader(list), int64(len(list)))
}

// uploadFile puts a file, which must be what it was when it was looked at.
func uploadFile(ctx context.Context, b Bucket, key, path, hash string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	h := sha256.New()
	if err := b.Put(ctx, key, io.TeeReader(&reader{ctx, f}, h), info.Size()); err != nil {
		return err
	}
	if hex.EncodeToString(h.Sum(nil)) != hash {
		return errors.New("it was changed while it was read")
	}
	return nil
}

// Download gets an artifact of a bucket into the folder root, unless it is there. What comes is checked by the name, and is there whole or not at all.
func Download(ctx context.Context, b Bucket, artifact, root string) error {
	if _, err := os.Stat(filepath.Join(root, artifact)); err == nil {
		return nil // whoever opens it checks it
	}
	if err := download(ctx, b, artifact, root); err != nil {
		return fmt.Errorf("fetch artifact %s: %w", artifact, err)
	}
	return nil
}

func download(ctx context.Context, b Bucket, artifact, root string) (err error) {
	files, err := fetchList(ctx, b, artifact)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(root, ".new-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }() // once it is renamed there is nothing
	for _, path := range slices.Sorted(maps.Keys(files)) {
		if err := downloadFile(ctx, b, artifact+"/"+path, filepath.Join(temp, filepath.FromSlash(path)), files[path]); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return place(ctx, temp, filepath.Join(root, artifact))
}

// fetchList reads the list of an artifact's files, by path their hashes.
func fetchList(ctx context.Context, b Bucket, artifact string) (map[string]string, error) {
	r, err := b.Get(ctx, listKey(artifact))
	if errors.Is(err, ErrNoObject) {
		return nil, errors.New("the bucket does not have it: it was made where models do not go into this bucket, or taken out since; deploy it once where it was trained, which uploads it, or train again")
	}
	if err != nil {
		return nil, err
	}
	defer r.Close()
	text, err := io.ReadAll(io.LimitReader(&reader{ctx, r}, maxList+1))
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(text); len(text) > maxList || hex.EncodeToString(sum[:]) != artifact {
		return nil, fmt.Errorf("its list of files, %s, is damaged, or was changed; bring it back from a copy of the bucket, or train again", listKey(artifact))
	}
	files := map[string]string{}
	for line := range bytes.Lines(text) {
		path, hash, ok := strings.Cut(strings.TrimSuffix(string(line), "\n"), "\x00")
		if !ok || len(files) == maxFiles {
			return nil, fmt.Errorf("its list of files, %s, is none, or has more than %d", listKey(artifact), maxFiles)
		}
		if path != manifestName {
			if err := checkPath(path); err != nil {
				return nil, err
			}
		}
		files[path] = hash
	}
	return files, nil
}

func downloadFile(ctx context.Context, b Bucket, key, to, hash string) error {
	r, err := b.Get(ctx, key)
	if errors.Is(err, ErrNoObject) {
		return errors.New("the bucket has the artifact without it: somebody has taken it out; bring it back from a copy of the bucket, or train again")
	}
	if err != nil {
		return err
	}
	defer r.Close()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	got, err := writeFile(ctx, to, r)
	if err == nil && got != hash {
		err = errors.New("in the bucket it is damaged, or was changed; bring it back from a copy of the bucket, or train again")
	}
	return err
}
