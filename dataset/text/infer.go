package text

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/cell"
	"github.com/bighead-ml/bighead/value"
)

// How much is looked at to infer types: so the answer depends on the files alone.
const (
	sampleBytes = 4 << 20
	sampleFiles = 16
)

// sampled chooses the files to look at: the first, the last, and others evenly between.
func sampled(paths []string) []string {
	if len(paths) <= sampleFiles {
		return paths
	}
	out := make([]string, sampleFiles)
	for i := range out {
		out[i] = paths[i*(len(paths)-1)/(sampleFiles-1)]
	}
	return out
}

// cutReader ends a stream after so many bytes; cut says whether anything was left out.
type cutReader struct {
	r    io.Reader
	left int
	cut  bool
}

func (c *cutReader) Read(p []byte) (int, error) {
	if c.left == 0 {
		var one [1]byte
		n, _ := io.ReadFull(c.r, one[:])
		c.cut = n > 0
		return 0, io.EOF
	}
	n, err := c.r.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

// eachSample opens the files to look at one after the other.
func eachSample(ctx context.Context, paths []string, look func(path string, in *cutReader) error) error {
	for _, path := range sampled(paths) {
		if err := ctx.Err(); err != nil {
			return err
		}
		src, err := newSource(path)
		if err != nil {
			return err
		}
		var count int64
		in, err := src.open(&count)
		if err != nil {
			return err
		}
		err = look(path, &cutReader{r: in, left: sampleBytes})
		in.close()
		if err != nil {
			return err
		}
	}
	return nil
}

// candidates are the types that all cells of a CSV column so far fit.
type candidates struct {
	name                      string
	some                      bool
	notBool, notInt, notFloat bool
	notDate, notStamp         bool
	zeros, large              bool // an integer with leading zeros, or beyond 64 bits
}

// cell narrows by one cell that is not empty.
func (c *candidates) cell(text []byte) {
	c.some = true
	if !c.notBool {
		_, ok := cell.ParseBool(text)
		c.notBool = !ok
	}
	_, state := cell.ParseInt(text)
	c.notInt = c.notInt || state == cell.NotNumber
	c.large = c.large || state == cell.TooLarge
	c.zeros = c.zeros || state != cell.NotNumber && leadingZero(text)
	if !c.notFloat {
		_, state := cell.ParseFloat(text)
		c.notFloat = state == cell.NotNumber
	}
	if !c.notDate {
		_, ok := cell.ParseDay(text)
		c.notDate = !ok
	}
	if !c.notStamp {
		_, ok := cell.ParseStamp(text)
		c.notStamp = !ok
	}
}

// leadingZero reports whether an integer's text would not come back from its number, as of codes such as 00501.
func leadingZero(text []byte) bool {
	digits := text
	if digits[0] == '-' || digits[0] == '+' {
		digits = digits[1:]
	}
	return len(digits) > 1 && digits[0] == '0'
}

func (c *candidates) typ() value.Type {
	switch {
	case !c.some:
		return value.String
	case !c.notBool:
		return value.Bool
	case c.zeros || !c.notInt && c.large:
		return value.String
	case !c.notInt:
		return value.Int
	case !c.notFloat:
		return value.Float
	case !c.notDate:
		return value.Date
	case !c.notStamp:
		return value.Timestamp
	}
	return value.String
}

// Infer looks at the files' beginnings and gives a type to each column that is not declared.
func (CSV) Infer(ctx context.Context, paths []string, o dataset.Options) (value.Schema, error) {
	var columns []*candidates
	find := func(name string) *candidates {
		i := slices.IndexFunc(columns, func(c *candidates) bool { return c.name == name })
		if i >= 0 {
			return columns[i]
		}
		c := &candidates{name: name}
		columns = append(columns, c)
		return c
	}
	err := eachSample(ctx, paths, func(path string, in *cutReader) error {
		r := newRecords(path, in, sampleBytes)
		names, err := r.header()
		if err != nil {
			return err
		}
		here := make([]*candidates, len(names))
		for i, name := range names {
			here[i] = find(name)
		}
		return inferRows(r, in, here)
	})
	if err != nil {
		return nil, err
	}
	out := make(value.Schema, 0, len(columns))
	for _, c := range columns {
		t, ok := o.Declared.Lookup(c.name)
		if !ok {
			t = c.typ()
		}
		if o.TimeUnits[c.name] != "" && t.Kind == value.KindInt {
			t = value.Timestamp
		}
		out = append(out, value.Field{Name: c.name, Type: t})
	}
	for _, d := range o.Declared {
		if out.Index(d.Name) < 0 {
			return nil, fmt.Errorf("%s: column %q (%s) is missing; the header line has %v", paths[0], d.Name, d.Type, out.Names())
		}
	}
	return out, nil
}

// inferRows looks at the rows of one file. Where the sample was cut, its last record may be half of one.
func inferRows(r *records, in *cutReader, here []*candidates) error {
	for {
		ok, err := r.row(len(here))
		if r.eof && in.cut && (err != nil || r.at == len(r.buf)) {
			return nil
		}
		if err != nil || !ok {
			return err
		}
		for i, c := range r.cells {
			if len(c) > 0 {
				here[i].cell(c)
			}
		}
	}
}
