package stream

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// benched is a source of purchases and a group of eight features in four levels of tiles.
func benched(tb testing.TB) []*plan.Stream {
	text := func(s string) *feature.Text { return &feature.Text{Value: s} }
	column := func(name, typ string) feature.ColumnDef {
		return feature.ColumnDef{Name: *text(name), Type: feature.TypeDef{Type: typ}}
	}
	windows := []feature.Text{*text("1h"), *text("1d"), *text("7d"), *text("30d")}
	one := func(agg string, input string) feature.FeatureDef {
		f := feature.FeatureDef{Aggregation: agg, Windows: windows}
		if input != "" {
			f.Input, f.Name = text(input), text(agg+input[:1])
		}
		return f
	}
	defs := &feature.Definitions{Version: feature.FormatVersion,
		Sources: []feature.SourceDef{{Kind: feature.EventSource, Name: *text("buys"), Time: text("ts"), Columns: []feature.ColumnDef{
			column("user", "string"), column("ts", "timestamp"), column("price", "float"), column("number", "int"), column("shop", "string")}}},
		Groups: []feature.GroupDef{{Name: *text("user"), Source: &feature.Ref{Index: 0}, Keys: []feature.Text{*text("user")}, Features: []feature.FeatureDef{
			one("count", ""), one("sum", "price"), one("avg", "price"), one("max", "price"), one("min", "price"), one("sum", "number"), one("max", "number"), one("sum", "price * number")}}},
	}
	defs.Groups[0].Features[7].Name = text("total")
	p, problems := feature.Check(defs, feature.Options{})
	if problems.Failed() {
		tb.Fatal(problems.Err())
	}
	return plan.ForStream(p.Groups)
}

// buys are batches of rows with Zipf keys, some milliseconds apart.
func buys(schema value.Schema, n, batch int, from int64) []*value.Batch {
	r := rand.New(rand.NewPCG(1, 2))
	zipf := rand.NewZipf(r, 1.1, 50, 99_999)
	keys := make([]string, 100_000)
	for i := range keys {
		keys[i] = "user-" + string(value.AppendJSON(nil, value.OfInt(int64(i))))
	}
	var out []*value.Batch
	for len(out)*batch < n {
		b := &value.Batch{Schema: schema, N: batch}
		for _, f := range schema {
			b.Columns = append(b.Columns, value.NewColumn(f.Type, batch))
		}
		for i := range batch {
			b.Columns[0].Strs[i] = keys[zipf.Uint64()]
			b.Columns[1].Ints[i] = from + int64(len(out)*batch+i)/150 // 150,000 a second
			b.Columns[2].Floats[i] = float64(r.IntN(1000)) / 8
			b.Columns[3].Ints[i] = int64(r.IntN(9))
			b.Columns[4].Strs[i] = "s"
		}
		out = append(out, b)
	}
	return out
}

// BenchmarkApply is a million events through the log and into tiles, in memory, written as often as a group's flush says.
func BenchmarkApply(b *testing.B) {
	streams := benched(b)
	w := newWorld(b, newMemoryStore(true))
	const from = 1_700_000_000_000
	w.o.Timer, w.o.Memory = nil, 1<<30
	w.time.set(from + 1_000_000)
	s, err := Open(b.Context(), w.o, streams)
	if err != nil {
		b.Fatal(err)
	}
	w.Stream = s
	all := buys(streams[0].Source.Schema, 1_000_000, 2000, from)
	b.ResetTimer()
	for range b.N {
		for _, batch := range all {
			if _, err := s.PushRows(b.Context(), "buys", batch, ""); err != nil {
				b.Fatal(err)
			}
		}
		if err := s.Flush(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	if n := s.Status().Sources[0].Groups[0].Counts.Applied; n != int64(b.N)*1_000_000 {
		b.Fatalf("%d events applied", n)
	}
	b.ReportMetric(float64(b.N)*1e6/b.Elapsed().Seconds(), "events/s")
	b.Logf("levels %v, folds %d", len(streams[0].Spaces[0].Levels), streams[0].Spaces[0].Tiled)
	_ = s.end()
}

// BenchmarkRows is a million events into rows of exact windows, some of them late, written as often as a group's flush says: what an event takes of
// the processor, and a row of memory.
func BenchmarkRows(b *testing.B) {
	for _, c := range []struct {
		name  string
		apart int64 // ms between batches of 2,000
	}{{"chunk of all", 10}, {"chunks of some", 5000}} {
		b.Run(c.name, func(b *testing.B) {
			var perRow float64
			for range b.N {
				perRow = rowsBenched(b, c.apart)
			}
			b.ReportMetric(perRow, "B/row")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1e6, "ns/event")
		})
	}
}

func rowsBenched(b *testing.B, apart int64) (perRow float64) {
	b.StopTimer()
	defer b.StartTimer()
	const from, n, batch = 1_700_000_000_000, 1_000_000, 2000
	features := []feature.FeatureDef{{Aggregation: "sum", Input: text("price"), Windows: []feature.Text{*text("1h")}, Resolution: text("exact")}}
	streams := clicks(b, func(s *feature.SourceDef) { s.ID = nil }, features)
	w := newWorld(b, newMemoryStore(true))
	w.o.Timer, w.o.Memory = nil, 1<<30
	w.time.set(from + n/batch*apart + 1000)
	w.open(streams)
	r := rand.New(rand.NewPCG(1, 2))
	var all []*value.Batch
	for i, bought := range buys(buyers, n, batch, from) {
		b := &value.Batch{Schema: streams[0].Source.Schema, N: batch}
		ids := value.NewColumn(value.Int, batch)
		b.Columns = []*value.Column{bought.Columns[0], bought.Columns[1], ids, bought.Columns[2]}
		for j := range batch {
			b.Columns[1].Ints[j] = from + int64(i)*apart + int64(j)/150 - r.Int64N(20)
		}
		all = append(all, b)
	}
	b.StartTimer()
	for _, batch := range all {
		if _, err := w.PushRows(b.Context(), "clicks", batch, ""); err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	w.kill() // what the loop owns is the benchmark's now
	x := w.source("clicks").main.spaces[0]
	x.scratch = scratch{}
	rows := 0
	for _, k := range x.cache.keys {
		for _, e := range k.places {
			if e.rows != nil {
				rows += e.rows.Len()
			}
		}
	}
	if rows != n {
		b.Fatalf("%d rows are in memory", rows)
	}
	counted := x.cache.bytes
	before := living()
	x.cache = cache{}
	perRow = float64(before-living()) / n
	b.Logf("%.0f bytes a row, of which the cache knows %.0f", perRow, float64(counted)/n)
	runtime.KeepAlive(w)
	return perRow
}

// buyers is the schema of the batches that buys makes.
var buyers = value.Schema{{Name: "user", Type: value.String}, {Name: "ts", Type: value.Timestamp}, {Name: "price", Type: value.Float}, {Name: "number", Type: value.Int}, {Name: "shop", Type: value.String}}

func living() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// BenchmarkExpire is what letting go of what is over costs the loop, each minute at most for each level: of many places, of which some are over, or none.
func BenchmarkExpire(b *testing.B) {
	for _, places := range []int{10_000, 100_000, 1_000_000} {
		for _, per := range []int{4, 100} { // places of a key
			for _, over := range []int{0, 60} { // one of so many
				b.Run(fmt.Sprintf("places=%d/key=%d/over=%d", places, per, over), func(b *testing.B) {
					x := newSpace(&Stream{}, benched(b)[0].Spaces[0], benched(b)[0].Source.Schema)
					c := &x.cache
					c.began()
					var names [][]byte
					for i := range places / per {
						names = append(names, fmt.Appendf(nil, "user-%d", i))
					}
					add := func(i int) { // the i-th place is one of the least level where it is to go, else of any
						key, nth := names[i%len(names)], int64(i/len(names))
						if over > 0 && i%over == 0 {
							c.entry(c.key(key), 0, -nth-1)
							return
						}
						c.entry(c.key(key), int(nth%4), nth)
					}
					for i := range places {
						add(i)
					}
					b.ResetTimer()
					for range b.N {
						c.expire(0, 0)
						b.StopTimer()
						for i := 0; over > 0 && i < places; i += over {
							add(i)
						}
						b.StartTimer()
					}
					b.ReportMetric(float64(c.bytes)/1e6, "MB")
				})
			}
		}
	}
}
