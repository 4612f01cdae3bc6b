package audit_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bighead-ml/bighead/agg/tile"
	"github.com/bighead-ml/bighead/audit"
	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/parquet"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/serve/servetest"
	"github.com/bighead-ml/bighead/value"
)

const definitions = `
e = bh.EventSource("e", columns={"k": bh.String, "x": bh.Int}, time="ts")
g = bh.FeatureGroup("g", source=e, keys=["k"], features=[bh.sum("x", windows=["1h"]), bh.avg("x", windows=["1h"])])
v = bh.FeatureView("v", groups=[g], request={"y": bh.optional(bh.Int)}, derive={"z": "coalesce(g__x_sum_1h, 0) + coalesce(y, 0)"})
`

// ledger is a log within a test.
type ledger struct {
	*audit.Log
	t        testing.TB
	view     *feature.View
	dir      string
	registry *prometheus.Registry
}

func newLedger(t testing.TB, o audit.Options) *ledger {
	t.Helper()
	l := &ledger{t: t, view: servetest.Definitions(t, definitions).Views[0], dir: o.Dir, registry: prometheus.NewRegistry()}
	if l.dir == "" {
		l.dir = filepath.Join(t.TempDir(), "served")
	}
	o.Dir, o.Metrics, o.Log = l.dir, audit.NewMetrics(l.registry), slog.New(slog.DiscardHandler)
	if o.Formats == nil {
		o.Formats = []dataset.Format{parquet.Format{}}
	}
	if o.Sample == 0 {
		o.Sample = 1
	}
	if o.Every == 0 {
		o.Every = time.Hour
	}
	var err error
	if l.Log, err = audit.Open(o); err != nil {
		t.Fatal(err)
	}
	return l
}

// record records a row of x, answered at a time; false: there was no room.
func (l *ledger) record(x, at int64) bool {
	s := l.Begin(l.view, 1)
	if s == nil {
		return false
	}
	s.View, s.At, s.Time = l.view, at, at
	s.Columns = append(s.Columns, 0, 1, 3)
	r := s.Add([]value.Value{value.OfString(fmt.Sprint("k", x)), value.OfInt(x)}, 1)
	r.Values[0], r.Values[1], r.Values[2] = value.OfInt(x), value.OfFloat(float64(x)), value.OfInt(2*x)
	r.Statuses[1] = feature.Stale
	r.Prediction = "a prediction"
	s.Reads = append(s.Reads, feature.ServedRead{At: at, Batch: plan.MinTime, Complete: 5, Applied: tile.Positions{{Partition: -1, Offset: x}}})
	l.Record(s)
	return true
}

// rows reads all that is in files, by x.
func (l *ledger) rows() map[int64]string {
	l.t.Helper()
	out := map[int64]string{}
	files, err := filepath.Glob(filepath.Join(l.dir, "v", "*.parquet"))
	if err != nil {
		l.t.Fatal(err)
	}
	for _, f := range files {
		t, err := dataset.Open(l.t.Context(), []dataset.Format{parquet.Format{}}, f, dataset.Options{})
		if err != nil {
			l.t.Fatal(err)
		}
		r, err := t.Scan(l.t.Context(), dataset.Scan{})
		if err != nil {
			l.t.Fatal(err)
		}
		for {
			b, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				l.t.Fatal(err)
			}
			for i := range b.N {
				x := b.Column("y").At(i).Int()
				if out[x] != "" {
					l.t.Errorf("the row of %d stands twice", x)
				}
				out[x] = fmt.Sprint(b.Row(i))
			}
		}
		r.Close()
	}
	return out
}

// files are those of an hour.
func (l *ledger) files(at int64) []string {
	l.t.Helper()
	out, err := filepath.Glob(filepath.Join(l.dir, "v", time.UnixMilli(at).UTC().Format("2006-01-02T15")+"-*"))
	if err != nil {
		l.t.Fatal(err)
	}
	return out
}

func (l *ledger) counted(result string) int {
	l.t.Helper()
	all, err := l.registry.Gather()
	if err != nil {
		l.t.Fatal(err)
	}
	for _, f := range all {
		for _, m := range f.Metric {
			for _, label := range m.Label {
				if f.GetName() == "bighead_served_total" && label.GetName() == "result" && label.GetValue() == result {
					return int(m.Counter.GetValue())
				}
			}
		}
	}
	return 0
}

const hour = 3_600_000

// What is recorded is read back, cell by cell.
func TestLogWritesRows(t *testing.T) {
	l := newLedger(t, audit.Options{Version: func() int64 { return 4 }})
	at := time.Now().UnixMilli()
	l.record(7, at)
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf(`[%s %s 4 present,stale,present [{"join":0,"complete":5,"applied":{"-1":7}}] k7 7 7 7.0 14 a prediction]`, value.FormatTimestamp(at), value.FormatTimestamp(at))
	if got := l.rows()[7]; got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if l.counted("logged") != 1 {
		t.Error("it is not counted")
	}
	if err := l.Flush(t.Context()); !errors.Is(err, audit.ErrClosed) {
		t.Errorf("a flush after the end: %v", err)
	}
	if l.record(8, at); l.counted("dropped") != 1 {
		t.Error("what comes after the end is not counted as dropped")
	}
}

// Files of before vectors named predictions are audited still; others are not of the view.
func TestOldFilesFit(t *testing.T) {
	v := servetest.Definitions(t, definitions).Views[0]
	now := audit.Written(v)
	old, other := now[:len(now)-1], append(value.Schema{{Name: "_served", Type: value.Int}}, now[1:]...)
	if now[len(now)-1].Name != "_prediction" || !audit.Fits(v, now) || !audit.Fits(v, old) || audit.Fits(v, old[:len(old)-1]) || audit.Fits(v, other) {
		t.Errorf("of %v", now.Names())
	}
}

// Each row tells what it was read by itself, whichever of the request's reads that is.
func TestLogOfSeveralReads(t *testing.T) {
	l := newLedger(t, audit.Options{})
	at := time.Now().UnixMilli()
	s := l.Begin(l.view, 2)
	s.View, s.At, s.Time = l.view, at, at
	s.Columns = append(s.Columns, 0)
	for i, reads := range [][]int32{{1, 2}, {0}} {
		r := s.Add([]value.Value{value.OfString("k"), value.OfInt(int64(i + 1))}, len(reads))
		r.Values[0] = value.OfInt(int64(i))
		copy(r.Reads, reads)
	}
	for join := range 3 {
		s.Reads = append(s.Reads, feature.ServedRead{Join: join, At: at, Batch: plan.MinTime, Complete: plan.MinTime})
	}
	l.Record(s)
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	rows := l.rows()
	if !strings.Contains(rows[1], `[{"join":1},{"join":2}]`) || !strings.Contains(rows[2], `[{"join":0}]`) {
		t.Errorf("%v", rows)
	}
}

// A process that is killed leaves whole files; what it had not written is lost, and its leavings do no harm.
func TestLogOfAKilledProcess(t *testing.T) {
	l := newLedger(t, audit.Options{})
	now := time.Now().UnixMilli()
	l.record(1, now)
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.record(2, now) // in memory still, when the process ends
	half := filepath.Join(l.dir, "v", ".half.parquet.0123456789abcdef.tmp")
	if err := os.WriteFile(half, []byte("PAR1"), 0o666); err != nil {
		t.Fatal(err)
	}
	long := time.Now().Add(-2 * time.Hour)
	if err := os.Chtimes(half, long, long); err != nil {
		t.Fatal(err)
	}
	next := newLedger(t, audit.Options{Dir: l.dir})
	next.record(3, now)
	if err := next.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	rows := next.rows()
	if len(rows) != 2 || rows[1] == "" || rows[3] == "" {
		t.Errorf("there are %v", rows)
	}
	if _, err := os.Stat(half); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what was half written is still there: %v", err)
	}
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// Hours that are over are one file each, and go after Keep.
func TestLogByHour(t *testing.T) {
	l := newLedger(t, audit.Options{Keep: 48 * hour})
	now := time.Now().UnixMilli()
	old, gone := now-2*hour, now-50*hour
	for x := range int64(3) {
		for _, at := range []int64{old, gone} {
			l.record(x+10*(at-gone)/hour, at)
			if err := l.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	part := l.files(old)[0]
	text, err := os.ReadFile(part)
	if err != nil {
		t.Fatal(err)
	}
	l.TurnHour(time.Now().Add(4 * time.Hour))
	if files := l.files(old); len(files) != 1 {
		t.Errorf("an hour that is over is in %v", files)
	}
	if err := os.WriteFile(part, text, 0o666); err != nil { // as if merging had ended before it could remove it
		t.Fatal(err)
	}
	next := newLedger(t, audit.Options{Dir: l.dir, Keep: 48 * hour})
	defer next.Close(context.Background())
	rows := next.rows()
	for x := range int64(3) {
		if rows[x+480] == "" || rows[x] != "" {
			t.Errorf("row %d of the hour that is kept is %q, of the one that is not %q", x, rows[x+480], rows[x])
		}
	}
}

// stuck is a format whose disk stands still until it is let go.
type stuck struct {
	parquet.Format
	on, off chan struct{}
	once    *sync.Once
}

func (s stuck) Encode(w io.Writer, schema value.Schema, m dataset.Metadata, o dataset.WriteOptions) (dataset.Encoder, error) {
	s.once.Do(func() { close(s.on) })
	<-s.off
	return s.Format.Encode(w, schema, m, o)
}

// A disk that stands still holds no request: what has no room is dropped and counted, and recording goes on once it moves again.
func TestLogOfABlockedDisk(t *testing.T) {
	f := stuck{on: make(chan struct{}), off: make(chan struct{}), once: &sync.Once{}}
	l := newLedger(t, audit.Options{Formats: []dataset.Format{f}, Cells: 500})
	now := time.Now().UnixMilli()
	taken, n := 0, int64(0)
	for stands := false; !stands; n++ { // until the writer hangs in the disk
		if l.record(n, now) {
			taken++
		}
		select {
		case <-f.on:
			stands = true
		default:
		}
	}
	for range 1000 {
		if l.record(n, now) {
			taken++
		}
		n++
	}
	if dropped := l.counted("dropped"); dropped < 800 || taken+dropped != int(n) {
		t.Errorf("of %d rows %d were taken and %d dropped", n, taken, dropped)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Close(ctx); err == nil {
		t.Error("an end that cannot write what waits says nothing")
	}
	close(f.off)
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if rows := l.rows(); len(rows) != taken || l.counted("logged") != taken {
		t.Errorf("%d rows were taken, %d are in files, %d counted", taken, len(rows), l.counted("logged"))
	}
}

// A folder that cannot be written to costs the record, and says so.
func TestLogOfAFullDisk(t *testing.T) {
	l := newLedger(t, audit.Options{})
	if err := os.WriteFile(filepath.Join(l.dir, "v"), nil, 0o666); err != nil { // where the view's folder would be
		t.Fatal(err)
	}
	l.record(1, time.Now().UnixMilli())
	if err := l.Flush(t.Context()); err == nil || !strings.Contains(err.Error(), "view v") {
		t.Errorf("a flush that cannot write: %v", err)
	}
	if l.counted("failed") != 1 {
		t.Error("it is not counted")
	}
	if err := os.Remove(filepath.Join(l.dir, "v")); err != nil {
		t.Fatal(err)
	}
	l.record(2, time.Now().UnixMilli())
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if rows := l.rows(); len(rows) != 1 || rows[2] == "" {
		t.Errorf("there are %v", rows)
	}
}

// A record that is not as it should be costs itself, and not the process.
func TestLogOfABrokenRecord(t *testing.T) {
	l := newLedger(t, audit.Options{})
	now := time.Now().UnixMilli()
	s := l.Begin(l.view, 1)
	s.View, s.At, s.Time = l.view, now, now
	s.Add([]value.Value{{}, {}}, 1) // of a read that is not there
	l.Record(s)
	if err := l.Flush(t.Context()); err == nil || !strings.Contains(err.Error(), "a defect of bighead") || l.counted("failed") != 1 {
		t.Errorf("a broken record: %v", err)
	}
	l.record(1, now)
	s = l.Begin(l.view, 1)
	s.View, s.At, s.Time = l.view, now, now
	s.Columns = append(s.Columns, 0, 1)
	r := s.Add([]value.Value{{}, {}}, 0)
	r.Values = r.Values[:1] // null, and then nothing
	l.Record(s)
	l.record(2, now)
	if err := l.Flush(t.Context()); err == nil || l.counted("failed") != 2 {
		t.Errorf("a record that breaks in its middle: %v, %d failed", err, l.counted("failed"))
	}
	if rows := l.rows(); len(rows) != 2 || !strings.Contains(rows[1], " k1 1 1 1.0 2 a prediction]") || !strings.Contains(rows[2], " k2 2 2 2.0 4 a prediction]") {
		t.Errorf("beside a broken record: %v", rows)
	}
	if err := l.Close(t.Context()); err != nil {
		t.Errorf("after a broken record: %v", err)
	}
}

// A share of keys is sampled: the same ones by every process, as many as was said.
func TestLogSamplesKeys(t *testing.T) {
	a, b := newLedger(t, audit.Options{Sample: 0.25}), newLedger(t, audit.Options{Sample: 0.25})
	defer a.Close(context.Background())
	defer b.Close(context.Background())
	n := 0
	for i := range uint64(1 << 16) {
		h := i << 48
		if a.Samples(h) != b.Samples(h) {
			t.Fatal("two processes sample other keys")
		}
		if a.Samples(h) {
			n++
		}
	}
	if n != 1<<14 {
		t.Errorf("of %d hashes %d are sampled where a quarter is asked for", 1<<16, n)
	}
}

func BenchmarkRecord(b *testing.B) {
	l := newLedger(b, audit.Options{})
	defer l.Close(context.Background())
	at := time.Now().UnixMilli()
	b.ReportAllocs()
	for b.Loop() {
		if s := l.Begin(l.view, 1); s != nil {
			s.View, s.At, s.Time = l.view, at, at
			s.Columns = append(s.Columns, 0, 1, 3)
			s.Add([]value.Value{value.OfString("k"), value.OfInt(1)}, 0)
			l.Record(s)
		}
	}
}
