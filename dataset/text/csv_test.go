package text_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/datasettest"
	"github.com/bighead-ml/bighead/dataset/text"
	"github.com/bighead-ml/bighead/value"
)

var formats = []dataset.Format{text.CSV{}, text.NDJSON{}}

// load reads a file of that name and content: its schema, its rows and what was lost, as text.
func load(t *testing.T, name, content string, o dataset.Options) (schema, rows, lost string, err error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
	table, err := dataset.Open(t.Context(), formats, path, o)
	if err == nil {
		var all [][]value.Value
		var counts dataset.Counts
		all, counts, err = datasettest.Drain(t.Context(), table, dataset.Scan{})
		schema, rows, lost = fmt.Sprint(table.Schema()), fmt.Sprint(all), fmt.Sprint(counts.Nulled)
	}
	if err != nil {
		err = fmt.Errorf("%s", strings.ReplaceAll(err.Error(), path, name))
	}
	return schema, rows, lost, err
}

func TestCSVCells(t *testing.T) {
	for name, c := range map[string]struct{ content, types, rows, lost string }{
		"quotes, commas, line ends": {"a,b\r\n\"x,\"\"y\"\"\r\nz\",1\r\nplain,2", "a string,b int", "[[x,\"y\"\r\nz 1] [plain 2]]", ""},
		"null and empty":            {"a,b\n,\n\"\",\"\"\n", "a string,b int", "[[null null] [ null]]", ""},
		"one column":                {"a\nx\n\n\"\"\n", "a string", "[[x] [null] []]", ""},
		"blank lines":               {"a,b\n\n1,2\n\n", "a int,b int", "[[1 2]]", ""},
		"byte order mark":           {"\ufeff\"a\",b\n1,2\n", "a int,b int", "[[1 2]]", ""},
		"bools":                     {"a\ntrue\nFalse\nTRUE\n", "a bool", "[[true] [false] [true]]", ""},
		"ints":                      {"a\n-9223372036854775808\n+7\n9223372036854775807\n9223372036854775808\n007\n", "a int", "[[-9223372036854775808] [7] [9223372036854775807] [null] [7]]", "a: beyond int64 1"},
		"floats":                    {"a\n1\n-0.0\n.5\n1e-3\nNaN\n-inf\n1e999\n", "a float", "[[1.0] [0.0] [0.5] [0.001] [null] [null] [null]]", "a: not finite 3"},
		"times": {"a\n2024-01-31T06:00:00Z\n2024-01-31 06:00:00.1239\n2024-01-31T06:00+02:00\n2024-01-31\n1969-12-31T23:59:59.9999Z\n0000-12-31T23:59:59Z\n9999-12-31T23:59:59-00:01\n", "a timestamp",
			"[[2024-01-31T06:00:00Z] [2024-01-31T06:00:00.123Z] [2024-01-31T04:00:00Z] [2024-01-31T00:00:00Z] [1969-12-31T23:59:59.999Z] [null] [null]]", "a: outside years 0001-9999 2"},
		"dates":   {"a\n2024-02-29\n0001-01-01\n0000-01-01\n1969-12-31\n", "a date", "[[2024-02-29] [0001-01-01] [null] [1969-12-31]]", "a: outside years 0001-9999 1"},
		"bytes":   {"a\n/w==\n\"\"\nbnVsbA==\n", "a bytes", "[[/w==] [] [bnVsbA==]]", ""},
		"nested":  {"a,b\n\"[1,null]\",\"{\"\"k\"\":1.5}\"\n,\n", "a list<int>,b map<string,float>", "[[[1,null] {\"k\":1.5}] [null null]]", ""},
		"no utf8": {"a\nok\n\xff\xfe\n", "a string", "[[ok] [null]]", "a: invalid utf-8 1"},
	} {
		var declared value.Schema
		for _, f := range strings.Split(c.types, ",b ") {
			n, ty, ok := strings.Cut(f, " ")
			if !ok {
				n, ty = "b", f
			}
			typ, err := value.ParseType(ty)
			if err != nil {
				t.Fatal(err)
			}
			declared = append(declared, value.Field{Name: n, Type: typ})
		}
		_, rows, lost, err := load(t, "x.csv", c.content, dataset.Options{Declared: declared})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := "map[]"
		if c.lost != "" {
			column, rest, _ := strings.Cut(c.lost, ": ")
			i := strings.LastIndexByte(rest, ' ')
			want = fmt.Sprintf("map[{%s %s}:%s]", column, rest[:i], rest[i+1:])
		}
		if rows != c.rows || lost != want {
			t.Errorf("%s:\n got %s %s\nwant %s %s", name, rows, lost, c.rows, want)
		}
	}
}

func TestCSVTypesAreInferred(t *testing.T) {
	content := "b,i,f,d,t,s,zip,big,nothing,mixed,whole\n" +
		"true,1,1,2024-01-31,2024-01-31,x,00501,1,,1,12345678901234567890\n" +
		"FALSE,-2,.5,2024-02-01,2024-01-31T06:00:00Z,1,10001,99999999999999999999,,2024-01-31,0.5\n" +
		",,nan,,,,,,,,\n"
	schema, rows, _, err := load(t, "x.csv", content, dataset.Options{Declared: value.Schema{{Name: "i", Type: value.Float}}})
	if err != nil {
		t.Fatal(err)
	}
	if want := "[{b bool} {i float} {f float} {d date} {t timestamp} {s string} {zip string} {big string} {nothing string} {mixed string} {whole float}]"; schema != want {
		t.Errorf("schema %s\nwant   %s", schema, want)
	}
	if want := "[true 1.0 1.0 2024-01-31 2024-01-31T00:00:00Z x 00501 1 null 1 12345678901234567000.0]"; !strings.HasPrefix(rows, "["+want) {
		t.Errorf("rows %s", rows)
	}
}

func TestInferenceDoesNotDependOnOrder(t *testing.T) {
	cells := []string{"1", "-7", "007", "1.5", "1e3", "NaN", "true", "2024-01-31", "2024-01-31T06:00:00Z", "x", "99999999999999999999", ""}
	rapid.Check(t, func(rt *rapid.T) {
		some := rapid.SliceOfN(rapid.SampledFrom(cells), 1, 4).Draw(rt, "cells")
		other := rapid.Permutation(some).Draw(rt, "other")
		a, _, _, err1 := load(t, "x.csv", "x,y\n"+strings.Join(some, ",\n")+",\n", dataset.Options{})
		b, _, _, err2 := load(t, "x.csv", "x,y\n"+strings.Join(other, ",\n")+",\n", dataset.Options{})
		if a != b || err1 != nil || err2 != nil {
			rt.Fatalf("%v is %s (%v), %v is %s (%v)", some, a, err1, other, b, err2)
		}
	})
}

func TestTypesAreInferredOverAllFiles(t *testing.T) {
	dir := t.TempDir()
	for i := range 20 {
		cell := "1"
		if i == 19 {
			cell = "0.5"
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%02d.csv", i)), []byte("x\n"+cell+"\n"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	table, err := dataset.Open(t.Context(), formats, dir, dataset.Options{})
	if err != nil || fmt.Sprint(table.Schema()) != "[{x float}]" {
		t.Errorf("%v %v", table, err)
	}
}

func TestASampleEndsWithinARecord(t *testing.T) {
	var b strings.Builder
	b.WriteString("x,y\n")
	for i := 0; b.Len() < 4<<20+1000; i++ {
		fmt.Fprintf(&b, "%d,\"a\n\"\"%d\"\n", i, i)
	}
	schema, _, _, err := load(t, "x.csv", b.String(), dataset.Options{})
	if err != nil || schema != "[{x int} {y string}]" {
		t.Errorf("%s %v", schema, err)
	}
	b.WriteString("late,z\n")
	if _, _, _, err := load(t, "x.csv", b.String(), dataset.Options{}); err == nil || !strings.Contains(err.Error(), `"late" is not an int`) || !strings.Contains(err.Error(), "declare") {
		t.Errorf("a cell beyond the sample: %v", err)
	}
}

func TestCSVMistakesHaveAPlaceAndACure(t *testing.T) {
	ints := value.Schema{{Name: "a", Type: value.String}, {Name: "b", Type: value.Int}}
	for name, c := range map[string]struct {
		content string
		o       dataset.Options
		want    string
	}{
		"empty":               {"", dataset.Options{}, "x.csv: the file is empty"},
		"bad int":             {"a,b\nx,1\nß,two\n", dataset.Options{Declared: ints}, `x.csv:3:3: column "b": "two" is not an int; correct the cell`},
		"after a line end":    {"a,b\n\"x\ny\",two\n", dataset.Options{Declared: ints}, `x.csv:3:4: column "b"`},
		"after line ends":     {"a,b\n\"x\ny\r\nz\",1\nx,two\n", dataset.Options{Declared: ints}, `x.csv:5:3: column "b"`},
		"personal":            {"a,b\nx,two\n", dataset.Options{Declared: ints, Personal: []string{"b"}}, `x.csv:2:3: column "b": a cell is not`},
		"too few":             {"a,b\n1,2\n3\n", dataset.Options{}, "x.csv:3: 1 cells, but the header line has 2"},
		"too many":            {"a,b\n1,2,3\n", dataset.Options{}, "x.csv:2: 3 cells"},
		"open quote":          {"a,b\n1,\"2\n3,4\n", dataset.Options{}, "x.csv:2:3: the quote that begins here is not closed"},
		"inner quote":         {"a,b\n1,2\"3\n", dataset.Options{}, "x.csv:2:4: a quote within a cell"},
		"after the quote":     {"a,b\n\"1\"2,3\n", dataset.Options{}, "x.csv:2:4: text after a closing quote"},
		"duplicate":           {"a,b,a\n", dataset.Options{}, `x.csv:1:5: column "a" stands twice`},
		"no name":             {"a,,b\n", dataset.Options{}, "x.csv:1:3: column 2 has no name"},
		"utf-16":              {"\xff\xfea\x00,\x00", dataset.Options{}, "UTF-8"},
		"missing":             {"a\n1\n", dataset.Options{Declared: ints}, `column "b" (int) is missing`},
		"an integer as time":  {"b\n5\n", dataset.Options{Declared: value.Schema{{Name: "b", Type: value.Timestamp}}}, `time_unit="s"`},
		"a unit of no column": {"b\n5\n", dataset.Options{TimeUnits: map[string]string{"c": "s"}}, `"c"`},
		"a unit of text":      {"b\nx\n", dataset.Options{TimeUnits: map[string]string{"b": "s"}}, `"b"`},
	} {
		_, rows, _, err := load(t, "x.csv", c.content, c.o)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v %s, want %s", name, err, rows, c.want)
		}
	}
}

func TestIntegersAsTimes(t *testing.T) {
	o := dataset.Options{TimeUnits: map[string]string{"t": "us"}}
	for name, content := range map[string]string{"x.csv": "t,x\n-1,1\n1700000000000000,2\n9223372036854775807,3\n", "x.ndjson": "{\"t\":-1,\"x\":1}\n{\"t\":1700000000000000,\"x\":2}\n{\"t\":9223372036854775807,\"x\":3}\n"} {
		schema, rows, lost, err := load(t, name, content, o)
		if err != nil || schema != "[{t timestamp} {x int}]" || rows != "[[1969-12-31T23:59:59.999Z 1] [2023-11-14T22:13:20Z 2] [null 3]]" || lost != "map[{t outside years 0001-9999}:1]" {
			t.Errorf("%s: %s %s %s %v", name, schema, rows, lost, err)
		}
	}
}

func TestWrongExtension(t *testing.T) {
	for _, name := range []string{"x.csv.gz", "x.ndjson.zst"} {
		if _, _, _, err := load(t, name, "a,b\n1,2\n", dataset.Options{Declared: value.Schema{{Name: "a", Type: value.Int}}}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzCSV(f *testing.F) {
	f.Add([]byte("a,b\n\"x\"\"\n\",1\n,2\r\n"))
	f.Add([]byte("\ufeffa\n2024-01-31\n"))
	path := filepath.Join(f.TempDir(), "x.csv")
	f.Fuzz(func(t *testing.T, b []byte) { try(t, path, b) })
}

// try reads any bytes: there may be an error that names the file, and no panic.
func try(t *testing.T, path string, b []byte) {
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
	err := datasettest.TryAll(t.Context(), formats, path, dataset.Options{})
	if err != nil && (!strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "defect of bighead")) {
		t.Error(err)
	}
}
