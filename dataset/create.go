package dataset

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/value"
)

// Create starts the file at path, in the format that o names or the path's extension tells. Until Close the rows stand in a temporary
// file beside it (.name.*.tmp); a file that was there before stays until it is replaced.
func Create(formats []Format, path string, s value.Schema, m Metadata, o WriteOptions) (Writer, error) {
	format := formatOf(formats, path)
	if o.Format != "" {
		var err error
		if format, err = formatNamed(formats, o.Format); err != nil {
			return nil, err
		}
	}
	if format == nil {
		return nil, fmt.Errorf("%s: its name does not tell a format; end it in .parquet, .csv, .ndjson or .arrow, or name the format", path)
	}
	if err := checkNames(s); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if o.Compression == "" {
		o.Compression = compressions[filepath.Ext(strings.ToLower(path))]
	}
	staged, err := Stage(path)
	if err != nil {
		return nil, err
	}
	w := &fileWriter{path: path, schema: s, staged: staged}
	if w.encoder, err = format.Encode(staged, s, m, o); err != nil {
		staged.Abort()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return w, nil
}

// compressions are those that a path's last extension asks for, as of rows.csv.gz.
var compressions = map[string]string{".gz": "gzip", ".zst": "zstd"}

// Encode writes to a stream in the format of that name. Nothing is committed or taken back: w sees bytes as they come.
func Encode(formats []Format, name string, w io.Writer, s value.Schema, m Metadata, o WriteOptions) (Encoder, error) {
	format, err := formatNamed(formats, name)
	if err != nil {
		return nil, err
	}
	if err := checkNames(s); err != nil {
		return nil, err
	}
	return format.Encode(w, s, m, o)
}

func checkNames(s value.Schema) error {
	for i, f := range s {
		if f.Name == "" {
			return fmt.Errorf("column %d has no name", i+1)
		}
		if s.Index(f.Name) != i {
			return fmt.Errorf("column %q stands twice", f.Name)
		}
	}
	return nil
}

type fileWriter struct {
	path    string
	schema  value.Schema
	staged  *Staged
	encoder Encoder
	err     error
}

func (w *fileWriter) Write(b *value.Batch) error {
	if w.err != nil {
		return w.err
	}
	if !slices.EqualFunc(b.Schema, w.schema, func(a, b value.Field) bool { return a.Name == b.Name && a.Type.Equal(b.Type) }) {
		w.err = fmt.Errorf("%s: a batch of other columns than the file's", w.path)
	} else if err := w.encoder.Write(b); err != nil {
		w.err = fmt.Errorf("write %s: %w", w.path, err)
	}
	return w.err
}

func (w *fileWriter) Close() error {
	if w.err == nil {
		if err := w.encoder.Close(); err != nil {
			w.err = fmt.Errorf("write %s: %w", w.path, err)
		}
	}
	if w.err != nil {
		w.staged.Abort()
		return w.err
	}
	w.err = errClosed
	return w.staged.Commit()
}

func (w *fileWriter) Abort() {
	if w.err == nil {
		w.err = errors.New("the writer was aborted")
	}
	w.staged.Abort()
}

// Staged is a file that is not there until it is whole: bytes go to a temporary file in the same folder, which Commit renames.
type Staged struct {
	path string
	file *os.File
	buf  *bufio.Writer
	done bool
}

// Stage starts a staged file. The folder must exist.
func Stage(path string) (*Staged, error) {
	dir, name := filepath.Split(path)
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil, fmt.Errorf("%s is a folder; name a file in it", path)
	}
	// Not os.CreateTemp, whose files are private to the user whatever the umask says.
	temp := filepath.Join(dir, fmt.Sprintf(".%s.%016x.tmp", name, rand.Uint64()))
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	return &Staged{path: path, file: f, buf: bufio.NewWriterSize(f, 1<<18)}, nil
}

func (s *Staged) Write(p []byte) (int, error) { return s.buf.Write(p) }

// Commit syncs and renames. On an error nothing is left.
func (s *Staged) Commit() error {
	if s.done {
		return errClosed
	}
	err := s.buf.Flush()
	if err == nil {
		err = s.file.Sync()
	}
	if e := s.file.Close(); err == nil {
		err = e
	}
	s.done = true
	if err == nil {
		err = os.Rename(s.file.Name(), s.path)
	}
	if err != nil {
		os.Remove(s.file.Name())
		return fmt.Errorf("write %s: %w", s.path, err)
	}
	syncFolder(filepath.Dir(s.path))
	return nil
}

// syncFolder makes the rename itself durable. Folders that cannot be synced (some network file systems) are let be: the file is whole.
func syncFolder(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		d.Close()
	}
}

// Abort removes what was written. After Commit it does nothing.
func (s *Staged) Abort() {
	if s.done {
		return
	}
	s.done = true
	s.file.Close()
	os.Remove(s.file.Name())
}
