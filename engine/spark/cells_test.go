package spark_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/parquet"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/enginetest"
	"github.com/bighead-ml/bighead/engine/enginetest/random"
	"github.com/bighead-ml/bighead/engine/local"
	"github.com/bighead-ml/bighead/engine/spark"
	"github.com/bighead-ml/bighead/engine/tiletable"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// filled is the road of tiles that Spark makes: it has them made of what is asked, holds them against the embedded engine's, byte for byte but
// for floats, and has the embedded engine answer with them, which the oracle then judges by the promise.
type filled struct {
	engine.Engine // that answers
	spark         *spark.Engine
	dir           string
	states        *atomic.Int64 // compared
}

func (r *filled) Name() string { return "tiles of spark" }

func (r *filled) Run(ctx context.Context, p *plan.Batch, in engine.Inputs, out func(*value.Batch) error) (*engine.Report, error) {
	dir, err := os.MkdirTemp(r.dir, "tiles")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	b := plan.ForBackfill(groupsOf(p))
	in.Tiles = tiletable.Open(dir + "/spark")
	own := tiletable.Open(dir + "/local")
	got, err := r.spark.Backfill(ctx, b, in, in.Tiles)
	if err != nil {
		return nil, err
	}
	want, err := local.New(local.Options{Threads: 1}).Backfill(ctx, b, in, own)
	if err != nil {
		return nil, err
	}
	if err := sameCounts(got, want); err != nil {
		return nil, err
	}
	for _, s := range b.Sets {
		n, err := sameTiles(ctx, s, in, in.Tiles, own)
		if err != nil {
			return nil, err
		}
		r.states.Add(int64(n))
	}
	return r.Engine.Run(ctx, p, in, out)
}

// groupsOf are the groups that a plan joins.
func groupsOf(p *plan.Batch) []*feature.Group {
	var out []*feature.Group
	for _, j := range p.Joins {
		for _, v := range j.Values {
			if g := v.Feature.Group; !slices.Contains(out, g) {
				out = append(out, g)
			}
		}
	}
	return out
}

// sameCounts holds what two backfills say of the rows against each other, but how many were read: days in which copies differ are read twice by
// the embedded engine.
func sameCounts(got, want *engine.BackfillReport) error {
	text := func(r *engine.BackfillReport) string {
		out := ""
		for _, s := range r.Sets {
			out += fmt.Sprintf("%s by %v %s: %v; made %d of %d rows, %d tiles of %d keys; null key %d, where %d, copies %d\n", s.Source, s.Keys, s.Days, s.Cells, s.Made, s.Used, s.Tiles, s.Keyed, s.NullKey, s.Where, s.Copies)
		}
		for _, s := range r.Sources {
			out += fmt.Sprintf("%s: null time %d, %d of %d files\n", s.Source, s.NullTime, s.Files, s.AllFiles)
		}
		for _, what := range slices.Sorted(maps.Keys(r.ExpressionNulls)) {
			out += fmt.Sprintf("%s made the nulls %v\n", what, r.ExpressionNulls[what])
		}
		return out
	}
	if len(got.Uncounted) > 0 {
		return fmt.Errorf("the nulls of %q are not counted", got.Uncounted)
	}
	if g, w := text(got), text(want); g != w {
		return fmt.Errorf("the reports differ: spark\n%slocal\n%s", g, w)
	}
	return nil
}

// sameTiles compares the states of a set, and says how many there are.
func sameTiles(ctx context.Context, s *plan.TileSet, in engine.Inputs, a, b *tiletable.Table) (int, error) {
	table, err := in.Rows(ctx, s.Source)
	if err != nil {
		return 0, err
	}
	got, err := enginetest.TilesIn(a, s, table)
	if err != nil {
		return 0, fmt.Errorf("spark: %w", err)
	}
	want, err := enginetest.TilesIn(b, s, table)
	if err != nil {
		return 0, fmt.Errorf("local: %w", err)
	}
	for _, m := range []map[enginetest.Tile]string{want, got} {
		for t := range m {
			f := &s.Folds[t.Fold]
			inexact := f.Input >= 0 && s.Inputs[f.Input].Transcendental()
			if err := sameState(f.Fold.Fold, inexact, want[t], got[t]); err != nil {
				return 0, fmt.Errorf("%s of key %x at %s: %w", f.Fold.Fold.ID(), t.Key, value.FormatTimestamp(t.At), err)
			}
		}
	}
	return len(want), nil
}

// sameState compares two encoded states: bytes, but of sums of floats and of moments, of which the numbers are for the oracle to judge, and of
// what came through a transcendental function, of which the last digits are each engine's own (X9).
func sameState(f agg.Fold, inexact bool, want, got string) error {
	if want == got || f.Kind == agg.KindFloatSum || inexact && nearStates(f, want, got, agg.Close) {
		return nil
	}
	states := make([]agg.State, 2)
	for i, text := range []string{want, got} {
		states[i] = f.New()
		if text == "" {
			continue
		}
		var err error
		if states[i], _, err = f.DecodeState([]byte(text)); err != nil {
			return err
		}
	}
	if f.Kind != agg.KindMoments {
		return fmt.Errorf("local has %x, spark %x", want, got)
	}
	if a, b := states[0], states[1]; f.By {
		for k, s := range a.(*agg.ByState).Groups {
			if o := b.(*agg.ByState).Groups[k]; o == nil || o.(*agg.MomentsState).N != s.(*agg.MomentsState).N {
				return fmt.Errorf("under %q local has %v, spark %v", k, s, o)
			}
		}
		if len(a.(*agg.ByState).Groups) != len(b.(*agg.ByState).Groups) {
			return fmt.Errorf("local has %d entries, spark %d", len(a.(*agg.ByState).Groups), len(b.(*agg.ByState).Groups))
		}
	} else if a.(*agg.MomentsState).N != b.(*agg.MomentsState).N {
		return fmt.Errorf("local has %+v, spark %+v", a, b)
	}
	return nil
}

// every is groups over each aggregation that has tiles, by keys of every type, of sources with and without an id, an order and a condition, in
// tiles of two lengths.
func every(dir string) string {
	out := fmt.Sprintf(`plain = bh.EventSource("plain", path=%[1]q, time="ts")
ordered = bh.EventSource("ordered", path=%[1]q, time="ts + interval '1 hour'", order_by="seq", where="n is null or n > -90")
copied = bh.EventSource("copied", path=%[1]q, time="ts", id="id")
made = bh.EventSource("made", path=%[1]q, time="case when n * 2 > 0 then ts else ts + interval '1 minute' end", where="coalesce(x / n < 1e9, true)", order_by="n * 3")
nulls = bh.FeatureGroup("nulls", source=made, keys=["k"], features=[
    bh.sum("n * 4", name="sum", windows=["1h"]), bh.max("n * 4", name="max", windows=["30d"]), bh.last("n", name="last", where="n * 6 > 0", windows=["30d"]), bh.min("x / n", name="min", windows=["5m"])])
again = bh.FeatureGroup("again", source=made, keys=["j"], features=[bh.sum("n * 4", name="sum", windows=["1h"]), bh.count(where="x / n > 1", name="rows", windows=["30d"])])
`, dir)
	inputs := map[string]string{"min": "s", "max": "x", "histogram": "s", "first_row": "m", "last": "m", "first_k": "flag", "last_k": "raw", "top_k": "day", "count_distinct": "ts", "approx_count_distinct": "s"}
	more := map[string]string{"histogram": ", k=3", "approx_quantile": ", q=0.5", "count_distinct": ", max=3", "approx_count_distinct": ", lg_k=8"}
	for i, source := range []string{"plain", "ordered", "copied"} {
		var features []string
		for _, a := range agg.All() {
			if a.Entity {
				continue
			}
			in, args := inputs[a.Name], more[a.Name]
			if in == "" {
				in = []string{"x", "n"}[(i+len(features))%2]
			}
			if strings.HasSuffix(a.Name, "_k") {
				args = ", k=3"
			}
			window := []string{"1h", "5m"}[len(features)%2]
			variant := []string{"", `, by="s", by_max=2`, `, where="x > 0"`, `, by="k", where="n % 2 = 0"`}[(i+len(features))%4]
			features = append(features, fmt.Sprintf(`bh.%s("%s"%s%s, windows=["%s"])`, a.Name, in, args, variant, window))
		}
		keys := []string{`["k", "j"]`, `["day", "flag", "raw"]`, `["ts"]`}[i]
		out += fmt.Sprintf("g%d = bh.FeatureGroup(\"g%d\", source=%s, keys=%s, features=[%s])\n", i, i, source, keys, strings.Join(features, ", "))
	}
	return out
}

// drawnColumns are the columns of drawn.
var drawnColumns = value.Schema{
	{Name: "id", Type: value.Int}, {Name: "k", Type: value.String}, {Name: "j", Type: value.Int}, {Name: "day", Type: value.Date}, {Name: "flag", Type: value.Bool}, {Name: "raw", Type: value.Bytes},
	{Name: "ts", Type: value.Timestamp}, {Name: "x", Type: value.Float}, {Name: "n", Type: value.Int}, {Name: "s", Type: value.String}, {Name: "m", Type: value.MapOf(value.Float)}, {Name: "seq", Type: value.Int},
}

// drawn are rows with nulls, ties, copies and numbers at the ends of their ranges, before and after the epoch. Floats are eighths, of which any
// order gives one sum.
func drawn(r *rand.Rand, n int) [][]value.Value {
	or := func(v value.Value) value.Value {
		if r.IntN(10) == 0 {
			return value.Value{}
		}
		return v
	}
	var out [][]value.Value
	for i := range n {
		ts := (r.Int64N(5)-2)*value.DayMS + r.Int64N(3)*60_000 + r.Int64N(4)*5000 + r.Int64N(3)
		whole := r.Int64N(200) - 100
		if r.IntN(20) == 0 {
			whole = []int64{math.MaxInt64, math.MinInt64}[r.IntN(2)]
		}
		row := []value.Value{
			or(value.OfInt(r.Int64N(int64(n)))), or(value.OfString([]string{"a", "b\x00c", "ü"}[r.IntN(3)])), or(value.OfInt(r.Int64N(3) - 1)), or(value.OfDate(r.Int64N(2) - 1)), or(value.OfBool(r.IntN(2) == 0)),
			or(value.OfBytesString([]string{"", "\xff\x00"}[r.IntN(2)])), or(value.OfTimestamp(ts)), or(value.OfFloat(float64(r.Int64N(400)-200) / 8)), or(value.OfInt(whole)),
			or(value.OfString([]string{"", "x", "y", "z"}[r.IntN(4)])), or(value.OfMap([]value.Entry{{Key: "p", Value: or(value.OfFloat(float64(r.Int64N(3))))}})), or(value.OfInt(r.Int64N(3))),
		}
		if i > 0 && r.IntN(5) == 0 {
			row = slices.Clone(out[r.IntN(i)])
			row[8] = or(value.OfInt(r.Int64N(5)))
		}
		out = append(out, row)
	}
	return out
}

// onDisk writes rows into Parquet files of a folder.
func onDisk(t *testing.T, dir string, schema value.Schema, files ...[][]value.Value) {
	t.Helper()
	for i, rows := range files {
		path := filepath.Join(dir, fmt.Sprintf("%d.parquet", i))
		w, err := dataset.Create([]dataset.Format{parquet.Format{}}, path, schema, dataset.Metadata{}, dataset.WriteOptions{})
		if err == nil {
			err = w.Write(value.BatchOf(schema, rows))
		}
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Every fold's cells are the embedded engine's, byte for byte; of moments, which are added in another order where two events share a time, to
// their last digits. What Spark made is read by the embedded engine as its own, and Spark makes nothing again.
func TestCellsAreTheEmbeddedEngines(t *testing.T) {
	of := seedOr(1)
	r := rand.New(rand.NewPCG(of, 7))
	t.Logf("seed %d", of)
	dir, data := t.TempDir(), t.TempDir()
	onDisk(t, data, drawnColumns, drawn(r, 150), drawn(r, 60))
	p, in := onFiles(t, every(data))
	b := plan.ForBackfill(p.Groups)
	own, tiles := tiletable.Open(filepath.Join(dir, "local")), tiletable.Open(filepath.Join(dir, "spark"))
	embedded, e := local.New(local.Options{}), onSpark(t, quick, true)
	want, err := embedded.Backfill(t.Context(), b, in, own)
	if err != nil {
		t.Fatal(err)
	}
	got, err := e.Backfill(t.Context(), b, in, tiles)
	if err != nil {
		t.Fatal(err)
	}
	if err := sameCounts(got, want); err != nil {
		t.Error(err)
	}
	for _, what := range []string{"made: time", "made: where", "made by k: order_by", "made by k: (n * 4)", "made by k: where ((n * 6) > 0)", "made by k: (x / cast(n as float))", "made by j: (n * 4)", "made by j: where ((x / cast(n as float)) > 1.0)"} {
		if n := want.ExpressionNulls[what]; n.Total() == 0 {
			t.Errorf("no null is made by %s: %v", what, want.ExpressionNulls)
		}
	}
	kinds := map[agg.FoldKind]int{}
	for _, s := range b.Sets {
		table, err := in.Rows(t.Context(), s.Source)
		if err != nil {
			t.Fatal(err)
		}
		want, err := enginetest.TilesIn(own, s, table)
		if err != nil {
			t.Fatal(err)
		}
		got, err := enginetest.TilesIn(tiles, s, table)
		if err != nil {
			t.Fatal(err)
		}
		if len(want) != len(got) {
			t.Errorf("%s: %d states, local has %d", s.Source.Name, len(got), len(want))
		}
		for at, state := range want {
			f := s.Folds[at.Fold]
			kinds[f.Kind]++
			if state != got[at] && (f.Kind != agg.KindMoments || !nearStates(f.Fold.Fold, state, got[at], nearMoment)) {
				t.Errorf("%s for %s of key %x at %s: spark has %x, local %x", f.Fold.Fold.ID(), f.Features[0], at.Key, value.FormatTimestamp(at.At), got[at], state)
			}
		}
	}
	for kind := agg.KindCount; kind <= agg.KindRegisters; kind++ {
		if kinds[kind] == 0 {
			t.Errorf("no state of %s was compared", kind)
		}
	}
	for _, again := range []engine.Tiler{e, embedded} {
		report, err := again.Backfill(t.Context(), b, in, tiles)
		if err != nil {
			t.Fatal(err)
		}
		if rows, bytes := report.Rows(); rows+bytes > 0 {
			t.Errorf("again %d rows are read", rows)
		}
	}
}

// nearStates compares two encoded states, number by number.
func nearStates(f agg.Fold, a, b string, near func(x, y value.Value) bool) bool {
	var cells [2][]value.Value
	for i, text := range []string{a, b} {
		s := f.New()
		if text != "" {
			var err error
			if s, _, err = f.DecodeState([]byte(text)); err != nil {
				return false
			}
		}
		if f.By {
			groups := s.(*agg.ByState).Groups
			for _, k := range slices.Sorted(maps.Keys(groups)) {
				cells[i] = groups[k].Cells(append(cells[i], value.OfString(k)))
			}
			continue
		}
		cells[i] = s.Cells(nil)
	}
	return slices.EqualFunc(cells[0], cells[1], near)
}

// nearMoment is how near moments of numbers like these are, which have all but their last digits in common.
func nearMoment(x, y value.Value) bool {
	return value.Equal(x, y) || x.Kind() == value.KindFloat && y.Kind() == value.KindFloat && math.Abs(x.Float()-y.Float()) <= 1e-9*(1+math.Abs(x.Float()))
}

// TestRandomTiles draws definitions and events, and compares the tiles that Spark makes of them.
func TestRandomTiles(t *testing.T) {
	var states atomic.Int64
	dir := t.TempDir()
	engines := []*spark.Engine{onSpark(t, quick, true), inFiles(t), onSpark(t, map[string]string{"spark.sql.shuffle.partitions": "3", "spark.sql.adaptive.enabled": "false"}, true)}
	words := []string{"in the query", "in files", "three partitions"}
	road := random.Road{Name: "tiles of spark", Open: func(r *rand.Rand) (engine.Engine, string) {
		i := r.IntN(len(engines))
		return &filled{local.New(local.Options{AnyTiles: true, TempDir: dir}), engines[i], dir, &states}, words[i]
	}}
	n := *cases / 4
	first := seedOr(rand.Uint64() >> 16)
	t.Logf("seeds %d to %d", first, first+uint64(n)-1)
	r, err := random.Run(t.Context(), random.Options{Seed: first, Cases: n, Roads: []random.Road{road}, Workers: 2, Failures: 3})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Failures {
		t.Error(f.String())
	}
	if n >= 8 && states.Load() < int64(n) && len(r.Failures) == 0 { // few cases may have no tiles
		t.Errorf("%d states were compared in %d cases", states.Load(), n)
	}
}

// A backfill that is cancelled while Spark computes leaves nothing half-written, neither tiles nor tables for Spark, and the next makes all.
func TestACancelledBackfill(t *testing.T) {
	_, in := oneKey(t, 20_000)
	b := plan.ForBackfill(definedText(t, endlessPy).Groups)
	stage, dir := t.TempDir(), t.TempDir()
	e := with(t, spark.Options{Stage: stage, Parquet: parquet.Format{}, Settings: map[string]string{"spark.connect.progress.reportInterval": "100ms", "spark.sql.shuffle.partitions": "2"}})
	tiles, own := tiletable.Open(filepath.Join(dir, "spark")), tiletable.Open(filepath.Join(dir, "local"))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	said := in
	said.At = func(string) { cancel() }
	if _, err := e.Backfill(ctx, b, said, tiles); !errors.Is(err, context.Canceled) {
		t.Fatalf("the backfill says %v", err)
	}
	empty(t, stage)
	if err := filepath.WalkDir(dir, func(path string, f os.DirEntry, err error) error {
		if err == nil && !f.IsDir() && f.Name() != "lock" {
			t.Errorf("%s is left", path)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	before := int64(0)
	in.Progress = func(done, total int64) {
		if done < before || done > total {
			t.Errorf("%d rows of %d are done after %d", done, total, before)
		}
		before = done
	}
	got, err := e.Backfill(t.Context(), b, in, tiles)
	if err != nil {
		t.Fatal(err)
	}
	want, err := local.New(local.Options{}).Backfill(t.Context(), b, in, own)
	if err != nil {
		t.Fatal(err)
	}
	if err := sameCounts(got, want); err != nil {
		t.Error(err)
	}
	if n, err := sameTiles(t.Context(), b.Sets[0], in, tiles, own); err != nil || n < 300 {
		t.Errorf("%d states: %v", n, err)
	}
}
