package text

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/dataset"
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
	out := f.newRows(columns, n, counts, emit)
	for {
		line, ok, err := l.read()
		if err != nil {
			return err
		}
		if !ok {
			return out.flush()
		}
		out.begin()
		if err := f.row(line, l.line, out); err != nil {
			return err
		}
		if err := out.row(); err != nil {
			return err
		}
		if out.n == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// row adds one object.
func (f *ndjsonFile) row(line []byte, number int, out *rowsOut) error {
	s := &scanner{b: line}
	var failed error
	err := s.object(0, func(key []byte) error {
		i := slices.IndexFunc(out.builders, func(b *builder) bool { return b.name == string(key) })
		if i < 0 {
			if f.options.Inferred && f.schema.Index(string(key)) < 0 {
				failed = fmt.Errorf("%s:%d: key %q did not occur where types were inferred; declare the columns with columns=", f.path, number, key)
				return failed
			}
			return s.skip(1)
		}
		b := out.builders[i]
		if b.n > out.n {
			return fmt.Errorf("key %q stands twice", key)
		}
		s.space()
		from := s.i
		err := b.add(s)
		if errors.Is(err, errCell) {
			failed = f.badValue(b, number, from, line[from:s.i])
			return failed
		}
		return err
	})
	if s.space(); err == nil && s.i < len(s.b) {
		err = errors.New("text after the object")
	}
	if failed != nil {
		return failed
	}
	if err != nil {
		return fmt.Errorf("%s:%d:%d: not a JSON object on one line: %w", f.path, number, s.i+1, err)
	}
	for _, b := range out.builders {
		if b.n == out.n {
			b.null()
		}
	}
	return nil
}

func (f *ndjsonFile) badValue(b *builder, number, at int, text []byte) error {
	cure := "correct it (null is null), or declare the column as what it is"
	if b.typ.Kind == value.KindTimestamp && !strings.HasPrefix(string(text), `"`) {
		cure = `numbers as times need a unit: time_unit="s", "ms", "us" or "ns"`
	}
	return fmt.Errorf("%s:%d:%d: column %q: %s is not a %s; %s", f.path, number, at+1, b.name, f.shown(b.name, text), b.typ, cure)
}

// guess is the type of the values of a key so far.
type guess struct {
	name   string
	kind   tokenKind
	some   bool
	float  bool // a number with a fraction or exponent, or not finite
	date   bool // all strings are dates
	stamp  bool // all strings are times
	elem   *guess
	fields []*guess
}

func (g *guess) typ() value.Type {
	if !g.some {
		return value.String
	}
	switch g.kind {
	case jBool:
		return value.Bool
	case jNumber:
		if g.float {
			return value.Float
		}
		return value.Int
	case jArray:
		return value.ListOf(g.elem.typ())
	case jObject:
		t := value.StructOf()
		for _, f := range g.fields {
			t.Fields = append(t.Fields, value.Field{Name: f.name, Type: f.typ()})
		}
		return t
	}
	switch {
	case g.date:
		return value.Date
	case g.stamp:
		return value.Timestamp
	}
	return value.String
}

func (g *guess) field(name string) *guess {
	for _, f := range g.fields {
		if f.name == name {
			return f
		}
	}
	f := &guess{name: name}
	g.fields = append(g.fields, f)
	return f
}

// look widens the guess by the next value.
func (g *guess) look(s *scanner, depth int) error {
	kind, err := s.kind()
	if err != nil {
		return err
	}
	if kind != jNull && g.some && g.kind != kind {
		return fmt.Errorf("column %q is of one kind of value here and of another before; declare its type with columns=", g.name)
	}
	switch kind {
	case jNull:
		_, err = s.word()
		return err
	case jBool:
		_, err = s.word()
	case jNumber:
		var w []byte
		w, err = s.word()
		g.float = g.float || bytes.ContainsAny(w, ".eENI")
	case jString:
		var text []byte
		text, err = s.string()
		_, date := parseDay(text)
		_, stamp := parseStamp(text)
		g.date, g.stamp = date && (g.date || !g.some), stamp && (g.stamp || !g.some)
	case jArray:
		if g.elem == nil {
			g.elem = &guess{name: g.name}
		}
		err = s.array(depth, func() error { return g.elem.look(s, depth+1) })
	case jObject:
		err = s.object(depth, func(key []byte) error { return g.field(string(key)).look(s, depth+1) })
	}
	g.kind, g.some = kind, true
	return err
}

// Infer looks at the files' beginnings and gives a type to each key that is not declared.
func (NDJSON) Infer(ctx context.Context, paths []string, o dataset.Options) (value.Schema, error) {
	if len(o.Declared) > 0 {
		return settled(o.Declared, o), nil
	}
	root := &guess{}
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
			s := &scanner{b: line}
			if err := root.look(s, 0); err != nil {
				return fmt.Errorf("%s:%d:%d: %w", path, l.line, s.i+1, err)
			}
			if root.kind != jObject {
				return fmt.Errorf("%s:%d: not a JSON object on one line", path, l.line)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	out := value.Schema(root.typ().Fields)
	if len(out) == 0 {
		return nil, fmt.Errorf("%s: no JSON objects to tell the columns from; declare them with columns=", paths[0])
	}
	return settled(out, o), nil
}
