package text

import (
	"bytes"
	"fmt"
	"io"
	"strconv"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
)

// flushAt is how many bytes are gathered before they are handed on.
const flushAt = 1 << 17

// encoder writes rows as text.
type encoder struct {
	schema value.Schema
	w      io.Writer
	packed io.Closer // the compression's end; nil: none
	buf    []byte
	keys   [][]byte // of NDJSON: the names as JSON with their colons
	row    func(e *encoder, b *value.Batch, i int)
}

func newEncoder(w io.Writer, s value.Schema, o dataset.WriteOptions) (*encoder, error) {
	e := &encoder{schema: s, w: w}
	if len(s) == 0 {
		return nil, fmt.Errorf("a text file needs at least one column")
	}
	switch o.Compression {
	case "", "none":
	case "gzip":
		g := gzip.NewWriter(w)
		e.w, e.packed = g, g
	case "zstd":
		z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		e.w, e.packed = z, z
	default:
		return nil, fmt.Errorf("compression %q: text is written plain, or with gzip or zstd", o.Compression)
	}
	return e, nil
}

// Encode starts a CSV file: a header line, then rows as doc.go says that they are read.
func (CSV) Encode(w io.Writer, s value.Schema, _ dataset.Metadata, o dataset.WriteOptions) (dataset.Encoder, error) {
	e, err := newEncoder(w, s, o)
	if err != nil {
		return nil, err
	}
	for i, f := range s {
		if i > 0 {
			e.buf = append(e.buf, ',')
		}
		e.buf = appendQuoted(e.buf, f.Name)
	}
	e.buf = append(e.buf, '\n')
	e.row = (*encoder).csvRow
	return e, nil
}

// Encode starts a file of JSON lines, each with all columns, nulls too.
func (NDJSON) Encode(w io.Writer, s value.Schema, _ dataset.Metadata, o dataset.WriteOptions) (dataset.Encoder, error) {
	e, err := newEncoder(w, s, o)
	if err != nil {
		return nil, err
	}
	for _, f := range s {
		e.keys = append(e.keys, append(appendJSONText(nil, f.Name), ':'))
	}
	e.row = (*encoder).jsonRow
	return e, nil
}

func (e *encoder) Write(b *value.Batch) error {
	for i := range b.N {
		e.row(e, b, i)
		if len(e.buf) >= flushAt {
			if err := e.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *encoder) flush() error {
	_, err := e.w.Write(e.buf)
	e.buf = e.buf[:0]
	return err
}

func (e *encoder) Close() error {
	if err := e.flush(); err != nil {
		return err
	}
	if e.packed != nil {
		return e.packed.Close()
	}
	return nil
}

func (e *encoder) csvRow(b *value.Batch, i int) {
	for j, c := range b.Columns {
		if j > 0 {
			e.buf = append(e.buf, ',')
		}
		if c.IsNull(i) {
			continue
		}
		switch c.Type.Kind {
		case value.KindString:
			e.buf = appendQuoted(e.buf, c.Strs[i])
		case value.KindList, value.KindMap, value.KindStruct:
			e.buf = appendQuoted(e.buf, string(value.AppendJSON(nil, c.At(i))))
		case value.KindBytes:
			e.buf = appendQuoted(e.buf, c.At(i).String())
		case value.KindTimestamp, value.KindDate:
			e.buf = append(e.buf, c.At(i).String()...)
		default:
			e.buf = appendScalar(e.buf, c, i)
		}
	}
	e.buf = append(e.buf, '\n')
}

// appendScalar adds a bool, int or float, the same in CSV and JSON.
func appendScalar(dst []byte, c *value.Column, i int) []byte {
	switch c.Type.Kind {
	case value.KindBool:
		return strconv.AppendBool(dst, c.Bools[i])
	case value.KindInt:
		return strconv.AppendInt(dst, c.Ints[i], 10)
	}
	return value.AppendFloat(dst, c.Floats[i])
}

// appendQuoted adds a CSV cell, in quotes where it needs them; the empty string does, to differ from null.
func appendQuoted(dst []byte, s string) []byte {
	if s != "" && !bytes.ContainsAny([]byte(s), ",\"\r\n\ufeff") {
		return append(dst, s...)
	}
	dst = append(dst, '"')
	for i := range len(s) {
		if s[i] == '"' {
			dst = append(dst, '"')
		}
		dst = append(dst, s[i])
	}
	return append(dst, '"')
}

func (e *encoder) jsonRow(b *value.Batch, i int) {
	e.buf = append(e.buf, '{')
	for j, c := range b.Columns {
		if j > 0 {
			e.buf = append(e.buf, ',')
		}
		e.buf = append(e.buf, e.keys[j]...)
		switch {
		case c.IsNull(i):
			e.buf = append(e.buf, "null"...)
		case c.Type.Kind == value.KindString:
			e.buf = appendJSONText(e.buf, c.Strs[i])
		case c.Bools != nil || c.Floats != nil || c.Type.Kind == value.KindInt:
			e.buf = appendScalar(e.buf, c, i)
		default:
			e.buf = value.AppendJSON(e.buf, c.At(i))
		}
	}
	e.buf = append(e.buf, "}\n"...)
}

// appendJSONText adds a JSON string; most need no escapes and are copied.
func appendJSONText(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			return value.AppendJSON(dst, value.OfString(s))
		}
	}
	return append(append(append(dst, '"'), s...), '"')
}
