package model

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// manifestName is the file of an artifact that says what the others are.
const manifestName = "manifest.json"

// maxFiles bounds an artifact's files, so that a hostile folder cannot hold up a start without end.
const maxFiles = 10_000

// Artifact is a trained model as it lies in a folder, opened (docs/models.md §1). Predict is safe for concurrent use; Close is called once, when
// no other call runs.
type Artifact struct {
	Name     string // SHA-256 of its list of files, and the folder's name
	Folder   string
	Manifest *Manifest
	Model    Model
	Answer   Answer // what of the model's outputs is the task's
}

// Close lets the model go.
func (a *Artifact) Close() error { return a.Model.Close() }

// WriteArtifact writes an artifact into the folder root: the manifest, and files, which are by their paths in the artifact (with slashes) the
// paths to copy. It gives the artifact's name. It is written beside and renamed when it is whole; one that is there already is the same one, and
// is left as it is. On an error, and when ctx ends, nothing is left.
func WriteArtifact(ctx context.Context, root string, m *Manifest, files map[string]string) (name string, err error) {
	text, err := m.encode()
	if err != nil {
		return "", fmt.Errorf("write artifact of model %s: %w", m.Model, err)
	}
	for path := range files {
		if err := checkPath(path); err != nil {
			return "", fmt.Errorf("write artifact of model %s: %w", m.Model, err)
		}
	}
	if _, ok := files[m.File]; !ok && !m.elsewhere() {
		return "", fmt.Errorf("write artifact of model %s: it is opened at %q, which is none of its files", m.Model, m.File)
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return "", fmt.Errorf("write artifact: %w", err)
	}
	temp, err := os.MkdirTemp(root, ".new-*")
	if err != nil {
		return "", fmt.Errorf("write artifact: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }() // once it is renamed there is nothing
	hashes := map[string]string{}
	for path, from := range files {
		if hashes[path], err = copyFile(ctx, filepath.Join(temp, filepath.FromSlash(path)), from); err != nil {
			return "", fmt.Errorf("write artifact of model %s: %w", m.Model, err)
		}
	}
	if hashes[manifestName], err = writeFile(ctx, filepath.Join(temp, manifestName), bytes.NewReader(text)); err != nil {
		return "", fmt.Errorf("write artifact of model %s: %w", m.Model, err)
	}
	return nameOf(hashes), place(ctx, temp, filepath.Join(root, nameOf(hashes)))
}

// place renames a whole artifact to its name, unless it is there.
func place(ctx context.Context, temp, folder string) error {
	if err := os.Chmod(temp, 0o755); err != nil {
		return fmt.Errorf("write artifact: %w", err)
	}
	err := os.Rename(temp, folder)
	if err == nil {
		syncFolder(filepath.Dir(folder))
		return nil
	}
	if _, statErr := os.Lstat(folder); statErr != nil {
		return fmt.Errorf("write artifact: %w", err)
	}
	if _, err := checkFiles(ctx, folder); err != nil { // it was there before, and somebody has been at it since
		return fmt.Errorf("the same artifact is there already, and is damaged; remove it, and write it again: %w", err)
	}
	return nil
}

// nameOf is the name of an artifact of files by path, each with its SHA-256 in hex.
func nameOf(hashes map[string]string) string {
	sum := sha256.Sum256([]byte(listOf(hashes)))
	return hex.EncodeToString(sum[:])
}

// listOf is the canonical list of an artifact's files.
func listOf(hashes map[string]string) string {
	var b strings.Builder
	for _, path := range slices.Sorted(maps.Keys(hashes)) {
		fmt.Fprintf(&b, "%s\x00%s\n", path, hashes[path])
	}
	return b.String()
}

// checkPath refuses what is no path within an artifact, or may be none on another machine.
func checkPath(path string) error {
	switch {
	case path == manifestName:
		return fmt.Errorf("%s is the artifact's own", manifestName)
	case !fs.ValidPath(path) || path == "." || strings.ContainsAny(path, "\\:\x00\n"):
		return fmt.Errorf("%q is no path within an artifact", path)
	}
	return nil
}

func copyFile(ctx context.Context, to, from string) (hash string, err error) {
	f, err := os.Open(from)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return "", err
	}
	return writeFile(ctx, to, f)
}

// writeFile writes a new file, durably, and gives its hash.
func writeFile(ctx context.Context, to string, r io.Reader) (hash string, err error) {
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	_, err = io.Copy(io.MultiWriter(f, h), &reader{ctx, r})
	if err == nil {
		err = f.Sync()
	}
	return hex.EncodeToString(h.Sum(nil)), errors.Join(err, f.Close())
}

// reader ends with its context.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// syncFolder makes a rename durable. Folders that cannot be synced (some network file systems) are let be: the files are whole.
func syncFolder(path string) {
	if d, err := os.Open(path); err == nil {
		_ = d.Sync()
		d.Close()
	}
}

// OpenArtifact opens an artifact: its files are what its name says, its manifest is one, the runtime that open gives for its name opens the
// model, which takes the columns that the manifest gives it and answers its task, and the rows of check as the framework did. Anything else is
// an error, which names the folder and leaves nothing open.
func OpenArtifact(ctx context.Context, folder string, open func(runtime string) (Open, error)) (*Artifact, error) {
	a, err := openArtifact(ctx, folder, open)
	if err != nil {
		return nil, fmt.Errorf("open artifact %s: %w", folder, err)
	}
	return a, nil
}

func openArtifact(ctx context.Context, folder string, open func(runtime string) (Open, error)) (*Artifact, error) {
	files, err := checkFiles(ctx, folder)
	if err != nil {
		return nil, err
	}
	m, err := readManifest(filepath.Join(folder, manifestName), files[manifestName])
	if err != nil {
		return nil, err
	}
	location := m.File
	if !m.elsewhere() {
		if _, ok := files[m.File]; !ok {
			return nil, fmt.Errorf("%s: the model is opened at %q, which is none of the artifact's files", manifestName, m.File)
		}
		location = filepath.Join(folder, filepath.FromSlash(m.File))
	}
	start, err := open(m.Runtime)
	if err != nil {
		return nil, fmt.Errorf("runtime %q: %w", m.Runtime, err)
	}
	opened, err := start(ctx, location)
	if err != nil {
		return nil, err
	}
	a := &Artifact{Name: filepath.Base(folder), Folder: folder, Manifest: m, Model: opened}
	if err := a.resolve(ctx); err != nil {
		return nil, errors.Join(err, opened.Close())
	}
	return a, nil
}

// ErrDamaged is of an artifact of which files are gone, or hold something else than they did.
var ErrDamaged = errors.New("it is damaged, or was changed")

// checkFiles reads all files of an artifact and compares its name with what they hold. It gives their hashes by path.
func checkFiles(ctx context.Context, folder string) (map[string]string, error) {
	want := filepath.Base(folder)
	if b, err := hex.DecodeString(want); err != nil || len(b) != sha256.Size || want != strings.ToLower(want) {
		return nil, errors.New("its folder's name is no SHA-256: it is no artifact")
	}
	hashes := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		switch rel = filepath.ToSlash(rel); {
		case !d.Type().IsRegular():
			return fmt.Errorf("%s is no file: an artifact has files alone", rel)
		case len(hashes) == maxFiles:
			return fmt.Errorf("it has more than %d files", maxFiles)
		}
		hashes[rel], err = hashFile(ctx, path)
		return err
	})
	if errors.Is(err, fs.ErrNotExist) && len(hashes) == 0 {
		return nil, fmt.Errorf("%w: no such file or folder is there", ErrDamaged)
	}
	if err != nil {
		return nil, err
	}
	if _, ok := hashes[manifestName]; !ok {
		return nil, fmt.Errorf("%w: it has no %s", ErrDamaged, manifestName)
	}
	if got := nameOf(hashes); got != want {
		return nil, fmt.Errorf("%w: its files come to %s", ErrDamaged, got)
	}
	return hashes, nil
}

func hashFile(ctx context.Context, path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, &reader{ctx, f}); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
