package text

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/jsonrows"
	"github.com/bighead-ml/bighead/value"
)

// NDJSON is JSON lines as a dataset.Format.
type NDJSON struct{}

// Name is "ndjson".
func (NDJSON) Name() string { return "ndjson" }

// Extensions are those of files of JSON lines.
func (NDJSON) Extensions() []string {
	return []string{".ndjson", ".jsonl", ".ndjson.gz", ".ndjson.zst", ".jsonl.gz", ".jsonl.zst"}
}

// lines reads a stream line by line; blank ones are passed over.
type lines struct {
	records // for its buffer alone
}

// read gives the next line that is not blank, false at the end.
func (l *lines) read() ([]byte, bool, error) {
	for {
		rest := l.buf[l.at:]
		end := bytes.IndexByte(rest, '\n')
		switch {
		case end < 0 && !l.eof:
			if err := l.more(); err != nil {
				return nil, false, err
			}
			continue
		case end < 0 && len(rest) == 0:
			return nil, false, nil
		case end < 0:
			end = len(rest)
		}
		line := rest[:end]
		l.at = min(l.at+end+1, len(l.buf))
		l.line = l.next
		l.next++
		if l.line == 1 {
			line = bytes.TrimPrefix(line, []byte(byteOrderMark))
		}
		if len(bytes.TrimSpace(line)) > 0 {
			return line, true, nil
		}
	}
}

// Open takes the declared types, which dataset.Open has inferred where they were not.
func (NDJSON) Open(_ context.Context, path string, o dataset.Options) (dataset.File, error) {
	src, err := newSource(path)
	if err != nil {
		return nil, err
	}
	return &ndjsonFile{textFile{source: src, schema: settled(o.Declared, o), options: o}}, nil
}

type ndjsonFile struct{ textFile }

// Read parses the whole file.
func (f *ndjsonFile) Read(ctx context.Context, _ int, columns []int, n int, counts *dataset.Counts, emit func(*value.Batch) error) error {
	in, err := f.open(&counts.Bytes)
	if err != nil {
		return err
	}
	defer in.close()
	l := &lines{records: *newRecords(f.path, in, f.expanded())}
	rows, d := f.batchRows(n), f.decoder(columns)
	for d.Begin(rows); ; {
		line, ok, err := l.read()
		if err != nil {
			return err
		}
		if ok {
			if err := d.Add(line); err != nil {
				return f.mistake(err, l.line)
			}
		}
		if d.Rows() == rows || !ok && d.Rows() > 0 {
			if err := emit(d.Finish(counts)); err != nil {
				return err
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			d.Begin(rows)
		}
		if !ok {
			return nil
		}
	}
}

// decoder is that of the columns at the indexes.
func (f *ndjsonFile) decoder(columns []int) *jsonrows.Decoder {
	o := jsonrows.Options{TimeUnits: f.options.TimeUnits, Personal: f.options.Personal}
	if f.options.Inferred {
		o.Unknown = f.undeclared
	}
	return jsonrows.NewDecoder(f.columns(columns), o)
}

// mistake gives an error of the decoder its place.
func (f *ndjsonFile) mistake(err error, number int) error {
	var bad *jsonrows.BadCell
	var malformed *jsonrows.Malformed
	switch {
	case errors.As(err, &bad):
		return fmt.Errorf("%s:%d:%d: %w", f.path, number, bad.At+1, bad)
	case errors.As(err, &malformed):
		return fmt.Errorf("%s:%d:%d: not a JSON object on one line: %w", f.path, number, malformed.At+1, malformed.Err)
	}
	return fmt.Errorf("%s:%d: %w", f.path, number, err)
}

// undeclared refuses a key that did not occur where types were inferred.
func (f *ndjsonFile) undeclared(key string) error {
	if f.schema.Index(key) >= 0 { // a column that this scan does not read
		return nil
	}
	return fmt.Errorf("key %q did not occur where types were inferred; declare the columns with columns=", key)
}

// Infer looks at the files' beginnings and gives a type to each key that is not declared.
func (NDJSON) Infer(ctx context.Context, paths []string, o dataset.Options) (value.Schema, error) {
	if len(o.Declared) > 0 {
		return settled(o.Declared, o), nil
	}
	var seen jsonrows.Inference
	err := eachSample(ctx, paths, func(path string, in *cutReader) error {
		l := &lines{records: *newRecords(path, in, sampleBytes)}
		for {
			line, ok, err := l.read()
			if l.eof && in.cut && l.at == len(l.buf) {
				return nil
			}
			if err != nil || !ok {
				return err
			}
			var malformed *jsonrows.Malformed
			if err := seen.Add(line); errors.As(err, &malformed) {
				return fmt.Errorf("%s:%d:%d: %w", path, l.line, malformed.At+1, malformed.Err)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	out := seen.Schema()
	if len(out) == 0 {
		return nil, fmt.Errorf("%s: no JSON objects to tell the columns from; declare them with columns=", paths[0])
	}
	return settled(out, o), nil
}
