package text

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/cell"
	"github.com/bighead-ml/bighead/value"
)

// CSV is comma-separated text as a dataset.Format.
type CSV struct{}

// Name is "csv".
func (CSV) Name() string { return "csv" }

// Extensions are those of CSV files.
func (CSV) Extensions() []string { return []string{".csv", ".csv.gz", ".csv.zst"} }

// byteOrderMark is what some programs put before UTF-8.
const byteOrderMark = "\ufeff"

// maxRecord is how long a record may be; a quote that is not closed would else take in the rest of the file.
const maxRecord = 64 << 20

// records reads the records of a CSV stream.
type records struct {
	path   string
	in     io.Reader
	room   int // to read into
	buf    []byte
	at     int // of the next record in buf
	eof    bool
	line   int // of the record's begin, from 1
	next   int // the line after it
	record []byte
	cells  [][]byte
	quoted []bool
	starts []int // of the cells, in record
}

// newRecords reads a stream; size is about how much there is of it, so that a small file takes little memory.
func newRecords(path string, in io.Reader, size int64) *records {
	return &records{path: path, in: in, next: 1, room: int(min(max(size, 1<<12), 1<<20))}
}

// more reads more into buf, moving what is left to the front.
func (r *records) more() error {
	rest := r.buf[r.at:]
	if len(rest) >= maxRecord {
		return fmt.Errorf("%s:%d: a record longer than %d MiB; is a quote not closed?", r.path, r.next, maxRecord>>20)
	}
	if cap(r.buf) < 2*len(rest)+r.room/16 {
		r.buf = append(make([]byte, 0, max(r.room, 4*len(rest))), rest...)
	} else {
		r.buf = append(r.buf[:0], rest...)
	}
	r.at = 0
	n, err := io.ReadAtLeast(r.in, r.buf[len(r.buf):cap(r.buf)], 1)
	r.buf = r.buf[:len(r.buf)+n]
	if err == io.EOF {
		r.eof = true
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s:%d: %w", r.path, r.next, err)
	}
	return nil
}

// read parses the next record into cells; false at the end.
func (r *records) read() (bool, error) {
	for {
		rest := r.buf[r.at:]
		end := bytes.IndexByte(rest, '\n')
		switch {
		case end < 0 && !r.eof:
			if err := r.more(); err != nil {
				return false, err
			}
			continue
		case end < 0 && len(rest) == 0:
			return false, nil
		case end < 0:
			end = len(rest)
		}
		r.line = r.next
		if bytes.IndexByte(rest[:end], '"') < 0 {
			r.split(rest[:end])
			r.at = min(r.at+end+1, len(r.buf))
			r.next++
			return true, nil
		}
		size, err := r.parse(rest)
		if err != nil {
			return false, err
		}
		if size < 0 {
			if err := r.more(); err != nil {
				return false, err
			}
			continue
		}
		r.at += size
		return true, nil
	}
}

// split parses a line without quotes.
func (r *records) split(line []byte) {
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	r.record, r.cells, r.quoted, r.starts = line, r.cells[:0], r.quoted[:0], r.starts[:0]
	for from := 0; ; {
		i := bytes.IndexByte(line[from:], ',')
		r.starts, r.quoted = append(r.starts, from), append(r.quoted, false)
		if i < 0 {
			r.cells = append(r.cells, line[from:])
			return
		}
		r.cells = append(r.cells, line[from:from+i])
		from += i + 1
	}
}

// parse parses a record that has quotes and says how many bytes it took, -1: it goes on beyond what is read.
func (r *records) parse(b []byte) (int, error) {
	r.record, r.cells, r.quoted, r.starts = b, r.cells[:0], r.quoted[:0], r.starts[:0]
	for i := 0; ; {
		r.starts = append(r.starts, i)
		var cell []byte
		var err error
		quoted := i < len(b) && b[i] == '"'
		if quoted {
			cell, i, err = r.quotedCell(b, i+1)
			if err != nil || i < 0 {
				return i, err
			}
		} else {
			end := bytes.IndexAny(b[i:], ",\n")
			if end < 0 {
				if !r.eof {
					return -1, nil
				}
				end = len(b) - i
			}
			cell = b[i : i+end]
			if q := bytes.IndexByte(cell, '"'); q >= 0 {
				return 0, fmt.Errorf("%s: a quote within a cell that does not begin with one; put the cell in quotes and double those within", r.position(i+q))
			}
			i += end
			if i == len(b) || b[i] == '\n' {
				cell = bytes.TrimSuffix(cell, []byte("\r"))
			}
		}
		r.cells, r.quoted = append(r.cells, cell), append(r.quoted, quoted)
		if i == len(b) || b[i] == '\n' {
			r.record = b[:i]
			r.next += bytes.Count(r.record, []byte("\n")) + 1
			return min(i+1, len(b)), nil
		}
		i++ // the comma
	}
}

// quotedCell parses a cell after its opening quote, up to the comma, line end or end of file; -1: it goes on beyond what is read.
func (r *records) quotedCell(b []byte, i int) (cell []byte, after int, err error) {
	from, opened := i, i-1
	for {
		q := bytes.IndexByte(b[i:], '"')
		if q < 0 || i+q+1 == len(b) && !r.eof {
			if r.eof {
				return nil, 0, fmt.Errorf("%s: the quote that begins here is not closed", r.position(opened))
			}
			return nil, -1, nil
		}
		i += q
		if i+1 < len(b) && b[i+1] == '"' {
			i += 2
			continue
		}
		break
	}
	cell = b[from:i]
	if bytes.IndexByte(cell, '"') >= 0 {
		cell = bytes.ReplaceAll(cell, []byte(`""`), []byte(`"`))
	}
	i++
	if i < len(b) && b[i] == '\r' {
		if i+1 == len(b) && !r.eof {
			return nil, -1, nil
		}
		if i+1 == len(b) || b[i+1] == '\n' {
			i++
		}
	}
	if i < len(b) && b[i] != ',' && b[i] != '\n' {
		return nil, 0, fmt.Errorf("%s: text after a closing quote; double the quotes within a cell", r.position(i))
	}
	return cell, i, nil
}

// position is path:line:column of a byte of the current record; columns count characters from 1.
func (r *records) position(at int) string {
	before := r.record[:at]
	line := r.next
	if len(r.record) > 0 && r.line > 0 {
		line = r.line
	}
	line += bytes.Count(before, []byte("\n"))
	begin := bytes.LastIndexByte(before, '\n') + 1
	return fmt.Sprintf("%s:%d:%d", r.path, line, utf8.RuneCount(before[begin:])+1)
}

// header reads the first record as names.
func (r *records) header() ([]string, error) {
	for len(r.buf) < len(byteOrderMark) && !r.eof {
		if err := r.more(); err != nil {
			return nil, err
		}
	}
	if bytes.HasPrefix(r.buf, []byte(byteOrderMark)) {
		r.at = len(byteOrderMark)
	}
	ok, err := r.read()
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("%s: the file is empty; a CSV file begins with a line of column names", r.path)
	}
	names := make([]string, len(r.cells))
	for i, c := range r.cells {
		name := string(c)
		switch {
		case !utf8.ValidString(name):
			return nil, fmt.Errorf("%s: column name %q is not UTF-8; save the file as UTF-8", r.position(r.starts[i]), name)
		case name == "":
			return nil, fmt.Errorf("%s: column %d has no name in the header line", r.position(r.starts[i]), i+1)
		case slices.Contains(names[:i], name):
			return nil, fmt.Errorf("%s: column %q stands twice in the header line", r.position(r.starts[i]), name)
		}
		names[i] = name
	}
	return names, nil
}

// row reads the next record that is a row.
func (r *records) row(width int) (bool, error) {
	for {
		ok, err := r.read()
		if err != nil || !ok {
			return false, err
		}
		if len(r.cells) == width {
			return true, nil
		}
		if len(r.record) == 0 {
			continue
		}
		return false, fmt.Errorf("%s:%d: %d cells, but the header line has %d; put cells with commas in quotes", r.path, r.line, len(r.cells), width)
	}
}

// Open reads the header; types are those declared, which dataset.Open has inferred where they were not.
func (CSV) Open(_ context.Context, path string, o dataset.Options) (dataset.File, error) {
	src, err := newSource(path)
	if err != nil {
		return nil, err
	}
	var bytes int64
	in, err := src.open(&bytes)
	if err != nil {
		return nil, err
	}
	defer in.close()
	names, err := newRecords(path, in, src.size).header()
	if err != nil {
		return nil, err
	}
	f := &csvFile{textFile: textFile{source: src, options: o}, header: names}
	for _, d := range settled(o.Declared, o) {
		if slices.Contains(names, d.Name) {
			f.schema = append(f.schema, d)
		}
	}
	if o.Inferred {
		for _, name := range names {
			if f.schema.Index(name) < 0 {
				return nil, fmt.Errorf("%s: column %q is not in the files that were looked at first; declare the columns with columns=", path, name)
			}
		}
	}
	return f, nil
}

type csvFile struct {
	textFile
	header []string
}

// Read parses the whole file.
func (f *csvFile) Read(ctx context.Context, _ int, columns []int, n int, counts *dataset.Counts, emit func(*value.Batch) error) error {
	in, err := f.open(&counts.Bytes)
	if err != nil {
		return err
	}
	defer in.close()
	r := newRecords(f.path, in, f.expanded())
	if _, err := r.header(); err != nil {
		return err
	}
	out := f.newRows(columns, n, counts, emit)
	places := make([]int, len(out.builders))
	for i, b := range out.builders {
		places[i] = slices.Index(f.header, b.Name())
	}
	for {
		ok, err := r.row(len(f.header))
		if err != nil {
			return err
		}
		if !ok {
			return out.flush()
		}
		out.begin()
		for i, b := range out.builders {
			p := places[i]
			if err := b.CSV(r.cells[p], r.quoted[p]); err != nil {
				return f.badCell(r, p, b)
			}
		}
		if err := out.row(); err != nil {
			return err
		}
		if out.n == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

func (f *csvFile) badCell(r *records, p int, b *cell.Builder) error {
	cure := "correct the cell (empty is null), or declare the column as what it is"
	if b.Type().Kind == value.KindTimestamp && b.Unit() == 0 {
		if _, state := cell.ParseInt(r.cells[p]); state != cell.NotNumber {
			cure = `integers as times need a unit: time_unit="s", "ms", "us" or "ns"`
		}
	}
	return fmt.Errorf("%s: column %q: %s is not %s; %s", r.position(r.starts[p]), b.Name(), f.shown(b.Name(), r.cells[p]), value.An(b.Type().String()), cure)
}
