// Package datasettest is the contract suite of dataset: what every format must do, whatever its files look like.
package datasettest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/valuetest"
)

// Suite is a format under test.
type Suite struct {
	Format dataset.Format
	// Typed formats keep types in the file; others are read with the declared ones.
	Typed bool
	// Compressions are those that WriteOptions may name.
	Compressions []string
}

func (s *Suite) formats() []dataset.Format { return []dataset.Format{s.Format} }

// options are those with which files of a schema are read back.
func (s *Suite) options(schema value.Schema) dataset.Options {
	if s.Typed {
		return dataset.Options{}
	}
	return dataset.Options{Declared: schema}
}

func (s *Suite) path(dir, name string) string {
	return filepath.Join(dir, name+s.Format.Extensions()[0])
}

// Run runs the suite.
func (s *Suite) Run(t *testing.T) {
	t.Run("round trip", s.roundTrip)
	t.Run("columns in the order asked", s.columns)
	t.Run("order at any parallelism", s.order)
	t.Run("partitions", s.partitions)
	t.Run("no rows", s.noRows)
	t.Run("nothing until close, nothing after abort", s.atomic)
	t.Run("full disk", s.fullDisk)
	t.Run("wrong batch", s.wrongBatch)
	t.Run("files that disagree", s.disagree)
	t.Run("changed while read", s.changed)
	t.Run("cancelled", s.cancelled)
	t.Run("truncated or flipped", s.damaged)
	t.Run("empty file", s.emptyFile)
	t.Run("duplicate names", s.duplicates)
}

// tb is what testing and rapid have in common.
type tb interface {
	Helper()
	Fatalf(format string, args ...any)
}

func (s *Suite) write(t tb, path string, schema value.Schema, rows [][]value.Value, o dataset.WriteOptions, batch int) {
	t.Helper()
	w, err := dataset.Create(s.formats(), path, schema, dataset.Metadata{}, o)
	if err != nil {
		t.Fatalf("create: %v", err)
	}
	defer w.Abort()
	for at := 0; at < len(rows); at += batch {
		if err := w.Write(value.BatchOf(schema, rows[at:min(len(rows), at+batch)])); err != nil {
			t.Fatalf("write: %v", err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
}

// Drain reads a whole scan into rows and gives its counts.
func Drain(ctx context.Context, table dataset.Table, s dataset.Scan) ([][]value.Value, dataset.Counts, error) {
	r, err := table.Scan(ctx, s)
	if err != nil {
		return nil, dataset.Counts{}, err
	}
	defer r.Close()
	var rows [][]value.Value
	for {
		b, err := r.Next()
		if errors.Is(err, io.EOF) {
			return rows, r.Counts(), nil
		}
		if err != nil {
			return rows, r.Counts(), err
		}
		if b.N == 0 {
			return rows, r.Counts(), fmt.Errorf("an empty batch")
		}
		for i := range b.N {
			rows = append(rows, b.Row(i))
		}
	}
}

func (s *Suite) read(t tb, ctx context.Context, pattern string, o dataset.Options, scan dataset.Scan) (dataset.Table, [][]value.Value, dataset.Counts) {
	t.Helper()
	table, err := dataset.Open(ctx, s.formats(), pattern, o)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	rows, counts, err := Drain(ctx, table, scan)
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	return table, rows, counts
}

func same(t tb, got, want [][]value.Value) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d rows, want %d", len(got), len(want))
	}
	for i := range want {
		if value.CompareRows(got[i], want[i]) != 0 {
			t.Fatalf("row %d is %v, want %v", i, got[i], want[i])
		}
	}
}

func draw(t *rapid.T, schema value.Schema, n int) [][]value.Value {
	rows := make([][]value.Value, n)
	for i := range rows {
		for _, f := range schema {
			rows[i] = append(rows[i], valuetest.Value(t, f.Type))
		}
	}
	return rows
}

func (s *Suite) roundTrip(t *testing.T) {
	dir := t.TempDir()
	names := []string{"a", "b c", "d,\"e\"", "ß", "day", "x"}
	rapid.Check(t, func(rt *rapid.T) {
		var schema value.Schema
		for i := range rapid.IntRange(1, len(names)).Draw(rt, "columns") {
			schema = append(schema, value.Field{Name: names[i], Type: valuetest.Type(rt, 2)})
		}
		rows := draw(rt, schema, rapid.IntRange(0, 200).Draw(rt, "rows"))
		o := dataset.WriteOptions{RowGroupRows: rapid.SampledFrom([]int{0, 7, 100}).Draw(rt, "group"),
			Compression: rapid.SampledFrom(append([]string{""}, s.Compressions...)).Draw(rt, "compression"), Parallel: rapid.IntRange(0, 3).Draw(rt, "writers")}
		path := s.path(dir, "x")
		for _, ext := range s.Format.Extensions() {
			if c := map[string]string{".gz": "gzip", ".zst": "zstd"}[filepath.Ext(ext)]; c != "" && c == o.Compression {
				path = filepath.Join(dir, "x"+ext)
			}
		}
		s.write(rt, path, schema, rows, o, rapid.IntRange(1, 100).Draw(rt, "batch"))
		table, got, counts := s.read(rt, t.Context(), path, s.options(schema), dataset.Scan{BatchRows: rapid.IntRange(1, 70).Draw(rt, "read"), Parallel: rapid.IntRange(0, 3).Draw(rt, "readers")})
		same(rt, got, rows)
		for i, f := range table.Schema() {
			if f.Name != schema[i].Name || !f.Type.Equal(schema[i].Type) {
				rt.Fatalf("column %d is %s %s, want %s %s", i, f.Name, f.Type, schema[i].Name, schema[i].Type)
			}
		}
		if counts.Rows != int64(len(rows)) || len(counts.Nulled) != 0 || counts.Bytes == 0 && len(rows) > 0 {
			rt.Fatalf("counts %+v of %d rows", counts, len(rows))
		}
		s.checkBounds(rt, table, rows)
	})
}

// checkBounds holds what the file says of its columns against its rows.
func (s *Suite) checkBounds(t tb, table dataset.Table, rows [][]value.Value) {
	t.Helper()
	part := table.Parts()[0]
	if part.Rows >= 0 && part.Rows != int64(len(rows)) {
		t.Fatalf("part of %d rows, want %d", part.Rows, len(rows))
	}
	for j, f := range table.Schema() {
		b, ok := part.Bounds[f.Name]
		if !ok {
			continue
		}
		nulls := int64(0)
		for _, row := range rows {
			v := row[j]
			switch {
			case v.IsNull():
				nulls++
			case !b.Min.IsNull() && value.Compare(v, b.Min) < 0, !b.Max.IsNull() && value.Compare(v, b.Max) > 0:
				t.Fatalf("column %q: %s lies outside [%s, %s]", f.Name, v, b.Min, b.Max)
			}
		}
		if b.Nulls >= 0 && b.Nulls != nulls {
			t.Fatalf("column %q: %d nulls, the file says %d", f.Name, nulls, b.Nulls)
		}
	}
}

var pair = value.Schema{{Name: "k", Type: value.String}, {Name: "x", Type: value.Int}}

func pairs(from, to int) [][]value.Value {
	var rows [][]value.Value
	for i := from; i < to; i++ {
		rows = append(rows, []value.Value{value.OfString(fmt.Sprint("k", i%7)), value.OfInt(int64(i))})
	}
	return rows
}

func (s *Suite) columns(t *testing.T) {
	path := s.path(t.TempDir(), "x")
	s.write(t, path, pair, pairs(0, 100), dataset.WriteOptions{}, 30)
	_, rows, _ := s.read(t, t.Context(), path, s.options(pair), dataset.Scan{Columns: []string{"x", "k"}})
	if got := fmt.Sprint(rows[8]); got != "[8 k1]" {
		t.Errorf("row 8 is %s", got)
	}
	_, rows, _ = s.read(t, t.Context(), path, s.options(pair), dataset.Scan{Columns: []string{}})
	if len(rows) != 100 || len(rows[0]) != 0 {
		t.Errorf("no columns: %d rows", len(rows))
	}
	table, err := dataset.Open(t.Context(), s.formats(), path, s.options(pair))
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []dataset.Scan{{Columns: []string{"y"}}, {Columns: []string{"x", "x"}}, {Parts: []int{1}}, {Ranges: []dataset.Range{{Column: "y"}}}, {Ranges: []dataset.Range{{Column: "x", Min: value.OfString("1")}}}} {
		if _, err := table.Scan(t.Context(), bad); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("scan %+v: %v", bad, err)
		}
	}
}

func (s *Suite) order(t *testing.T) {
	dir := t.TempDir()
	var want [][]value.Value
	for i := range 9 {
		rows := pairs(i*100, i*100+10*i)
		s.write(t, s.path(dir, fmt.Sprint("part-", i)), pair, rows, dataset.WriteOptions{RowGroupRows: 13}, 40)
		want = append(want, rows...)
	}
	for _, scan := range []dataset.Scan{{}, {Parallel: 1}, {Parallel: 2, BatchRows: 1}, {Parallel: 16, BatchRows: 5}} {
		_, rows, _ := s.read(t, t.Context(), dir, s.options(pair), scan)
		same(t, rows, want)
	}
	_, rows, _ := s.read(t, t.Context(), dir, s.options(pair), dataset.Scan{Parallel: 4, BatchRows: 3, Unordered: true})
	seen := map[int64]bool{}
	for _, r := range rows {
		seen[r[1].Int()] = true
	}
	if len(rows) != len(want) || len(seen) != len(want) {
		t.Errorf("unordered: %d rows, %d distinct, want %d", len(rows), len(seen), len(want))
	}
	_, rows, _ = s.read(t, t.Context(), dir, s.options(pair), dataset.Scan{Parts: []int{8, 2}})
	same(t, rows, append(pairs(800, 880), pairs(200, 220)...))
}

func (s *Suite) partitions(t *testing.T) {
	dir := t.TempDir()
	for i := range 4 {
		folder := filepath.Join(dir, fmt.Sprintf("day=2024-01-0%d", i+1), fmt.Sprint("n=", i))
		if err := os.MkdirAll(folder, 0o777); err != nil {
			t.Fatal(err)
		}
		s.write(t, s.path(folder, "part"), pair, pairs(i*10, i*10+10), dataset.WriteOptions{}, 100)
	}
	day := func(d string) value.Value { v, _ := value.ParseDate(d); return value.OfDate(v) }
	table, rows, counts := s.read(t, t.Context(), dir, s.options(pair), dataset.Scan{
		Columns: []string{"day", "x", "n"}, Ranges: []dataset.Range{{Column: "day", Min: day("2024-01-02"), Max: day("2024-01-03")}}})
	if got := fmt.Sprint(table.Schema()[2:]); len(rows) != 20 || counts.PartsSkipped != 2 || counts.Parts != 2 {
		t.Fatalf("%d rows, counts %+v, partition columns %s", len(rows), counts, got)
	}
	if got := fmt.Sprint(rows[0], rows[19]); got != "[2024-01-02 10 1] [2024-01-03 29 2]" {
		t.Errorf("rows %s", got)
	}
	if p := table.Parts()[3]; p.Partition["n"].Int() != 3 || p.Partition["day"].String() != "2024-01-04" {
		t.Errorf("partition %v", p.Partition)
	}
}

func (s *Suite) noRows(t *testing.T) {
	path := s.path(t.TempDir(), "x")
	s.write(t, path, pair, nil, dataset.WriteOptions{}, 1)
	table, rows, _ := s.read(t, t.Context(), path, s.options(pair), dataset.Scan{})
	if len(rows) != 0 || len(table.Schema()) != 2 {
		t.Errorf("%d rows of %v", len(rows), table.Schema())
	}
}

func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func (s *Suite) atomic(t *testing.T) {
	dir := t.TempDir()
	path := s.path(dir, "x")
	begin := func(rows [][]value.Value) dataset.Writer {
		w, err := dataset.Create(s.formats(), path, pair, dataset.Metadata{}, dataset.WriteOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(value.BatchOf(pair, rows)); err != nil {
			t.Fatal(err)
		}
		return w
	}
	w := begin(pairs(0, 5))
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("before close: %v", err)
	}
	w.Abort()
	w.Abort()
	if err := w.Close(); err == nil {
		t.Error("closed after abort")
	}
	if left := files(t, dir); len(left) != 0 {
		t.Errorf("after abort: %v", left)
	}
	w = begin(pairs(0, 5))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	w.Abort()
	begin(pairs(5, 9)).Abort() // the file that was there stays
	_, rows, _ := s.read(t, t.Context(), path, s.options(pair), dataset.Scan{})
	same(t, rows, pairs(0, 5))
	if left := files(t, dir); len(left) != 1 {
		t.Errorf("after close: %v", left)
	}
}

// fullWriter takes so many bytes, then the disk is full.
type fullWriter struct{ left int }

var errFull = errors.New("no space left on device")

func (w *fullWriter) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func (s *Suite) fullDisk(t *testing.T) {
	for _, room := range []int{0, 3, 100} {
		e, err := s.Format.Encode(&fullWriter{left: room}, pair, dataset.Metadata{}, dataset.WriteOptions{})
		for i := 0; i < 20 && err == nil; i++ {
			err = e.Write(value.BatchOf(pair, pairs(i*10_000, i*10_000+10_000)))
		}
		if err == nil {
			err = e.Close()
		}
		if !errors.Is(err, errFull) {
			t.Errorf("room for %d bytes: %v", room, err)
		}
	}
	if _, err := dataset.Create(s.formats(), s.path(filepath.Join(t.TempDir(), "nowhere"), "x"), pair, dataset.Metadata{}, dataset.WriteOptions{}); err == nil {
		t.Error("created a file in a folder that is not there")
	}
}

func (s *Suite) wrongBatch(t *testing.T) {
	dir := t.TempDir()
	w, err := dataset.Create(s.formats(), s.path(dir, "x"), pair, dataset.Metadata{}, dataset.WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	other := value.Schema{pair[0], {Name: "x", Type: value.Float}}
	if err := w.Write(value.BatchOf(other, [][]value.Value{{{}, value.OfFloat(1)}})); err == nil {
		t.Error("a batch of another type was taken")
	}
	if err := w.Close(); err == nil || len(files(t, dir)) != 0 {
		t.Errorf("after an error: %v, %v", err, files(t, dir))
	}
}

func (s *Suite) disagree(t *testing.T) {
	dir := t.TempDir()
	first, second := s.path(dir, "a"), s.path(dir, "b")
	s.write(t, first, pair, pairs(0, 5), dataset.WriteOptions{}, 5)
	lacking := value.Schema{pair[0]}
	s.write(t, second, lacking, [][]value.Value{{value.OfString("a")}}, dataset.WriteOptions{}, 5)
	open := func(o dataset.Options) error {
		table, err := dataset.Open(t.Context(), s.formats(), dir, o)
		if err == nil {
			_, _, err = Drain(t.Context(), table, dataset.Scan{})
		}
		return err
	}
	if s.Typed {
		if err := open(dataset.Options{}); err == nil || !strings.Contains(err.Error(), second) || !strings.Contains(err.Error(), `"x"`) {
			t.Errorf("a missing column: %v", err)
		}
		if err := open(dataset.Options{Declared: lacking}); err != nil {
			t.Errorf("only the column that both have is declared: %v", err)
		}
	}
	other := value.Schema{pair[0], {Name: "x", Type: value.String}}
	s.write(t, second, other, [][]value.Value{{{}, value.OfString("no number")}}, dataset.WriteOptions{}, 5)
	err := open(s.options(pair))
	if err == nil {
		t.Fatal("a column of another type was taken")
	}
	for _, part := range []string{second, `"x"`, "int"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("a column of another type: %v, without %s", err, part)
		}
	}
}

func (s *Suite) changed(t *testing.T) {
	path := s.path(t.TempDir(), "x")
	s.write(t, path, pair, pairs(0, 5), dataset.WriteOptions{}, 5)
	table, err := dataset.Open(t.Context(), s.formats(), path, s.options(pair))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, time.Unix(1, 0), time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Drain(t.Context(), table, dataset.Scan{}); err == nil || !strings.Contains(err.Error(), "changed") {
		t.Errorf("a file that was replaced: %v", err)
	}
}

func (s *Suite) cancelled(t *testing.T) {
	path := s.path(t.TempDir(), "x")
	s.write(t, path, pair, pairs(0, 5000), dataset.WriteOptions{}, 5000)
	ctx, cancel := context.WithCancel(t.Context())
	table, err := dataset.Open(ctx, s.formats(), path, s.options(pair))
	if err != nil {
		t.Fatal(err)
	}
	r, err := table.Scan(ctx, dataset.Scan{BatchRows: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	cancel()
	for err == nil {
		_, err = r.Next()
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// damaged cuts and flips a file of all types everywhere. There may be an error or other rows, but no panic, and errors name the file.
func (s *Suite) damaged(t *testing.T) {
	dir := t.TempDir()
	schema := value.Schema{{Name: "i", Type: value.Int}, {Name: "s", Type: value.String}, {Name: "t", Type: value.Timestamp}, {Name: "b", Type: value.Bool},
		{Name: "f", Type: value.Float}, {Name: "l", Type: value.ListOf(value.Int)}, {Name: "m", Type: value.MapOf(value.String)}}
	var rows [][]value.Value
	for i := range 40 {
		rows = append(rows, []value.Value{value.OfInt(int64(i * i)), value.OfString(strings.Repeat("s", i%5)), value.OfTimestamp(int64(i) * 1000), value.OfBool(i%3 == 0),
			value.OfFloat(float64(i) / 3), value.OfList([]value.Value{value.OfInt(int64(i)), {}}), value.OfMap([]value.Entry{{Key: "k", Value: value.OfString("v")}})})
	}
	path := s.path(dir, "x")
	s.write(t, path, schema, rows, dataset.WriteOptions{}, 40)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	try := func(what string, b []byte) error {
		if err := os.WriteFile(path, b, 0o666); err != nil {
			t.Fatal(err)
		}
		err := TryAll(t.Context(), s.formats(), path, s.options(schema))
		if err != nil && (!strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "defect of bighead")) {
			t.Errorf("%s: %v", what, err)
		}
		return err
	}
	step := max(1, len(whole)/250)
	for n := 0; n < len(whole); n += step {
		if err := try(fmt.Sprint("cut at ", n), whole[:n]); err == nil && s.Typed && s.Format.Name() != "arrow-stream" {
			t.Errorf("cut at %d of %d: no error", n, len(whole))
		}
		flipped := append([]byte(nil), whole...)
		flipped[n] ^= byte(1 << (n / step % 8))
		_ = try(fmt.Sprint("flipped at ", n), flipped)
	}
}

// TryAll opens a table and reads up to a million cells of it.
func TryAll(ctx context.Context, formats []dataset.Format, path string, o dataset.Options) error {
	table, err := dataset.Open(ctx, formats, path, o)
	if err != nil {
		return err
	}
	r, err := table.Scan(ctx, dataset.Scan{Parallel: 1})
	if err != nil {
		return err
	}
	defer r.Close()
	for cells := 0; cells < 1<<20; {
		b, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for i := range b.N {
			b.Row(i)
		}
		cells += b.N * (len(b.Columns) + 1)
	}
	return nil
}

func (s *Suite) emptyFile(t *testing.T) {
	path := s.path(t.TempDir(), "x")
	if err := os.WriteFile(path, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := dataset.Open(t.Context(), s.formats(), path, dataset.Options{}); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a file of 0 bytes: %v", err)
	}
	empty := t.TempDir()
	if _, err := dataset.Open(t.Context(), s.formats(), empty, dataset.Options{}); err == nil || !strings.Contains(err.Error(), empty) {
		t.Errorf("a folder without files: %v", err)
	}
}

func (s *Suite) duplicates(t *testing.T) {
	twice := value.Schema{pair[0], pair[0]}
	if _, err := dataset.Create(s.formats(), s.path(t.TempDir(), "x"), twice, dataset.Metadata{}, dataset.WriteOptions{}); err == nil || !strings.Contains(err.Error(), `"k"`) {
		t.Errorf("a column twice: %v", err)
	}
}
