package hive

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/cell"
	"github.com/bighead-ml/bighead/value"
)

// textFile is a file of Hive's LazySimpleSerDe: a line for each row, cells between delimiters, \N for null, columns by their place.
type textFile struct {
	path     string
	schema   value.Schema
	units    map[string]string
	personal []string
	delim    byte
	escape   byte // 0: nothing is escaped
	null     []byte
	skip     int // lines of a header
}

const lazySimple = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"

// openText reads how the cells are parted. Cells that no row has (of columns added later) are null, those that no column has are passed over, as
// Hive does.
func openText(path string, s storage, params map[string]string, schema value.Schema, o dataset.Options) (dataset.File, error) {
	if s.serde != lazySimple {
		return nil, fmt.Errorf("is text of %s, and that of %s is read: have it copied into a Parquet table", s.serde, lazySimple)
	}
	f := &textFile{path: path, schema: schema, units: o.TimeUnits, personal: o.Personal, delim: 1, null: []byte(`\N`)}
	for _, key := range []string{"serialization.format", "field.delim"} {
		if text := s.params[key]; text != "" {
			c, err := delimiter(text)
			if err != nil {
				return nil, fmt.Errorf("has the delimiter %q, and one byte is read: have it copied into a Parquet table", text)
			}
			f.delim = c
		}
	}
	if text, ok := s.params["escape.delim"]; ok && text != "" {
		f.escape = text[0]
	}
	if text, ok := s.params["serialization.null.format"]; ok {
		f.null = []byte(text)
	}
	if text := params["skip.header.line.count"]; text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return nil, fmt.Errorf("has skip.header.line.count = %q, which is no number", text)
		}
		f.skip = n
	}
	return f, nil
}

// delimiter is a character, or the number of one.
func delimiter(text string) (byte, error) {
	if len(text) == 1 && (text[0] < '0' || text[0] > '9') {
		return text[0], nil
	}
	n, err := strconv.ParseUint(text, 10, 7)
	return byte(n), err
}

func (f *textFile) Schema() value.Schema        { return f.schema }
func (f *textFile) Warnings() []dataset.Warning { return nil }
func (f *textFile) Metadata() dataset.Metadata  { return dataset.Metadata{} }
func (f *textFile) Groups() []dataset.Group     { return []dataset.Group{{Rows: -1}} }

// Read parses the whole file.
func (f *textFile) Read(ctx context.Context, _ int, columns []int, n int, counts *dataset.Counts, emit func(*value.Batch) error) error {
	builders := make([]*cell.Builder, len(columns))
	schema := make(value.Schema, len(columns))
	for i, c := range columns {
		schema[i] = f.schema[c]
		switch schema[i].Type.Kind {
		case value.KindList, value.KindMap, value.KindStruct:
			return fmt.Errorf("%s: column %q is %s, which is not read of text: have the table copied into a Parquet table", f.path, schema[i].Name, schema[i].Type)
		}
		builders[i] = cell.New(schema[i], dataset.UnitOf(f.units[schema[i].Name]))
	}
	in, done, err := f.open(counts)
	if err != nil {
		return err
	}
	defer done()
	lines := bufio.NewReaderSize(in, 1<<18)
	rows := 0
	flush := func() error {
		b := &value.Batch{Schema: schema, N: rows, Columns: make([]*value.Column, len(builders))}
		for i := range builders {
			b.Columns[i] = builders[i].Finish(counts)
		}
		if rows = 0; b.N == 0 {
			return nil
		}
		return emit(b)
	}
	for number := 1; ; number++ {
		line, err := readLine(lines)
		if errors.Is(err, io.EOF) {
			if rows == 0 {
				return nil
			}
			return flush()
		}
		if err != nil {
			return fmt.Errorf("%s:%d: %w", f.path, number, err)
		}
		if number <= f.skip {
			continue
		}
		if rows == 0 {
			for _, b := range builders {
				b.Begin(n)
			}
		}
		if err := f.row(line, number, columns, builders); err != nil {
			return err
		}
		if rows++; rows == n {
			if err := flush(); err != nil {
				return err
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
	}
}

func (f *textFile) open(counts *dataset.Counts) (io.Reader, func(), error) {
	file, err := os.Open(f.path)
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat()
	if err == nil {
		counts.Bytes += info.Size()
	}
	var in io.Reader = file
	if err == nil && strings.HasSuffix(f.path, ".gz") {
		in, err = gzip.NewReader(file)
	} else if i := strings.LastIndexByte(f.path, '.'); err == nil && i >= 0 && slices.Contains([]string{"bz2", "snappy", "lz4", "zst", "deflate", "lzo"}, f.path[i+1:]) {
		err = errors.New("is compressed by other means than gzip, which is not read: have it copied into a Parquet table")
	}
	if err != nil {
		file.Close()
		return nil, nil, fmt.Errorf("%s: %w", f.path, err)
	}
	return in, func() { file.Close() }, nil
}

// maxLine is how long a row may be.
const maxLine = 64 << 20

func readLine(in *bufio.Reader) ([]byte, error) {
	var long []byte
	for {
		part, err := in.ReadSlice('\n')
		switch {
		case err == nil:
			return bytes.TrimSuffix(append(long, part...), []byte("\n")), nil
		case errors.Is(err, bufio.ErrBufferFull):
			if long = append(long, part...); len(long) > maxLine {
				return nil, fmt.Errorf("a line longer than %d MiB", maxLine>>20)
			}
		case errors.Is(err, io.EOF) && len(long)+len(part) > 0:
			return append(long, part...), nil
		default:
			return nil, err
		}
	}
}

// row adds the cells of a line. long is the line's own copy, so that cells may be unescaped in it.
func (f *textFile) row(line []byte, number int, columns []int, builders []*cell.Builder) error {
	cells := f.split(line)
	for i, c := range columns {
		if c >= len(cells) || bytes.Equal(cells[c], f.null) || len(cells[c]) == 0 && builders[i].Type().Kind != value.KindString {
			builders[i].Null()
			continue
		}
		add := builders[i].Text
		if builders[i].Unit() != 0 {
			add = builders[i].TimeText
		}
		if err := add(f.unescape(cells[c])); err != nil {
			shown := strconv.Quote(string(cells[c]))
			if slices.Contains(f.personal, f.schema[c].Name) {
				shown = "its cell (personal, so not shown)"
			}
			return fmt.Errorf("%s:%d: column %q: %s is not %s, which Hive reads as null; correct the cell, or alter the column's type",
				f.path, number, f.schema[c].Name, shown, value.An(f.schema[c].Type.String()))
		}
	}
	return nil
}

func (f *textFile) split(line []byte) [][]byte {
	if f.escape == 0 {
		return bytes.Split(line, []byte{f.delim})
	}
	var out [][]byte
	from := 0
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case f.escape:
			i++
		case f.delim:
			out = append(out, line[from:i])
			from = i + 1
		}
	}
	return append(out, line[from:])
}

func (f *textFile) unescape(c []byte) []byte {
	if f.escape == 0 || bytes.IndexByte(c, f.escape) < 0 {
		return c
	}
	var out []byte
	for i := 0; i < len(c); i++ {
		if c[i] == f.escape && i+1 < len(c) {
			i++
		}
		out = append(out, c[i])
	}
	return out
}
