package train

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/parquet"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/transform"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// weighed is a table that sees, each few batches, what lives in memory while its rows are taken.
type weighed struct {
	dataset.Table
	most    uint64
	batches int
}

func (w *weighed) Scan(ctx context.Context, s dataset.Scan) (dataset.Reader, error) {
	r, err := w.Table.Scan(ctx, s)
	return &weighedReader{r, w}, err
}

type weighedReader struct {
	dataset.Reader
	of *weighed
}

func (r *weighedReader) Next() (*value.Batch, error) {
	if r.of.batches++; r.of.batches%8 == 0 {
		r.of.most = max(r.of.most, living())
	}
	return r.Reader.Next()
}

// living is how many bytes are in use once the garbage is gone. What goroutines make while one collection goes on survives it, whether anybody wants it or not, and
// what lies in a pool survives two: it is collected until that takes nothing away any more, by when who reads ahead stands at the end of its room.
func living() uint64 {
	var m runtime.MemStats
	for least := uint64(math.MaxUint64); ; least = m.HeapAlloc {
		runtime.GC()
		runtime.ReadMemStats(&m)
		if m.HeapAlloc+1<<16 > least {
			return min(least, m.HeapAlloc)
		}
	}
}

// TestFitStreams fits a pipeline over two million rows of a file, of which no more lives at once than batches and what the steps keep: 8 bytes a row
// of the one column whose median is wanted, twice that while it grows.
func TestFitStreams(t *testing.T) {
	if testing.Short() {
		t.Skip("two million rows are left out with -short")
	}
	const n, width = 2_000_000, 8
	view := &feature.View{Name: "v"}
	schema := value.Schema{}
	for i := range width {
		view.Columns = append(view.Columns, feature.ViewColumn{Name: fmt.Sprintf("x%d", i), Type: value.Float})
		schema = append(schema, value.Field{Name: fmt.Sprintf("x%d", i), Type: value.Float})
	}
	view.Columns = append(view.Columns, feature.ViewColumn{Name: "s", Type: value.String})
	schema = append(schema, value.Field{Name: "s", Type: value.String}, value.Field{Name: "y", Type: value.Bool}, value.Field{Name: plan.AtColumn, Type: value.Timestamp})
	formats, path := []dataset.Format{parquet.Format{}}, filepath.Join(t.TempDir(), "rows.parquet")
	w, err := dataset.Create(formats, path, schema, dataset.Metadata{}, dataset.WriteOptions{Compression: "snappy", RowGroupRows: 100_000})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	const batch = 20_000
	for first := 0; first < n; first += batch {
		b := &value.Batch{Schema: schema, N: batch}
		for _, f := range schema {
			b.Columns = append(b.Columns, value.NewColumn(f.Type, batch))
		}
		for i := range batch {
			row := first + i
			for j := range width {
				b.Columns[j].Floats[i] = float64((row*2654435761+j*40503)%1_000_003) / 7
			}
			b.Columns[width].Strs[i] = fmt.Sprintf("value %d", row%5000)
			b.Columns[width+1].Bools[i] = row%3 == 0
			b.Columns[width+2].Ints[i] = int64(row)
		}
		if err := w.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	table, err := dataset.Open(t.Context(), formats, path, dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m := &feature.Model{
		Name: "m", Label: "y", Task: model.Binary, TrainingSet: &feature.TrainingSet{Name: "set", View: view}, Split: feature.TimeSplit{Valid: n - 200_000, Test: n - 100_000},
		Steps: []transform.Step{
			{Kind: "impute", Columns: []string{"x0"}, Args: []byte(`{"strategy": "median"}`)},
			{Kind: "standard", Columns: []string{"x*"}},
			{Kind: "target_encode", Columns: []string{"s"}},
		},
	}
	before, rows := living(), &weighed{Table: table}
	p, err := split(t.Context(), m, rows, "")
	if err != nil {
		t.Fatal(err)
	}
	f, err := p.fit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if p.Train.Rows != n-200_000 || len(f.columns) != width+1 {
		t.Errorf("%d rows, columns %v", p.Train.Rows, f.columns)
	}
	whole := uint64(n * (8*width + 16 + 1 + 8))
	grown := (rows.most - min(rows.most, before)) >> 20
	if rows.batches < 100 || grown > 64 {
		t.Errorf("%d MiB more lived over %d batches, of rows that are %d MiB", grown, rows.batches, whole>>20)
	}
	t.Logf("%d MiB more lived, of rows that are %d MiB", grown, whole>>20)
}
