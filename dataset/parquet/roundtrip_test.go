package parquet_test

import (
	"io"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/parquet"
	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/valuetest"
)

var formats = []dataset.Format{parquet.Format{}}

func TestRoundTrip(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		var s value.Schema
		for i := range rapid.IntRange(1, 4).Draw(rt, "columns") {
			s = append(s, value.Field{Name: string(rune('a' + i)), Type: valuetest.Type(rt, 2)})
		}
		n := rapid.IntRange(0, 300).Draw(rt, "rows")
		rows := make([][]value.Value, n)
		for i := range rows {
			for _, f := range s {
				rows[i] = append(rows[i], valuetest.Value(rt, f.Type))
			}
		}
		path := filepath.Join(dir, "x.parquet")
		o := dataset.WriteOptions{RowGroupRows: rapid.SampledFrom([]int{0, 7, 100}).Draw(rt, "group"), Compression: rapid.SampledFrom([]string{"", "snappy", "gzip", "none"}).Draw(rt, "codec")}
		w, err := dataset.Create(formats, path, s, dataset.Metadata{}, o)
		if err != nil {
			rt.Fatal(err)
		}
		defer w.Abort()
		for at := 0; at < n; {
			to := min(n, at+rapid.IntRange(1, 100).Draw(rt, "batch"))
			if err := w.Write(value.BatchOf(s, rows[at:to])); err != nil {
				rt.Fatal(err)
			}
			at = to
		}
		if err := w.Close(); err != nil {
			rt.Fatal(err)
		}
		table, err := dataset.Open(t.Context(), formats, path, dataset.Options{})
		if err != nil {
			rt.Fatal(err)
		}
		r, err := table.Scan(t.Context(), dataset.Scan{BatchRows: rapid.IntRange(1, 50).Draw(rt, "read")})
		if err != nil {
			rt.Fatal(err)
		}
		defer r.Close()
		i := 0
		for {
			b, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				rt.Fatal(err)
			}
			for j := range b.N {
				if got := b.Row(j); value.CompareRows(got, rows[i]) != 0 {
					rt.Fatalf("row %d is %v, wrote %v", i, got, rows[i])
				}
				i++
			}
		}
		if i != n {
			rt.Fatalf("%d rows of %d", i, n)
		}
	})
}
