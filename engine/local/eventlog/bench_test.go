package eventlog

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/parquet"
	"github.com/bighead-ml/bighead/value"
)

// wideSchema is a source as many are: ten columns, most of them numbers.
var wideSchema = value.Schema{
	{Name: "id", Type: value.String}, {Name: "ts", Type: value.Timestamp}, {Name: "user", Type: value.Int}, {Name: "item", Type: value.Int},
	{Name: "price", Type: value.Float}, {Name: "quantity", Type: value.Int}, {Name: "country", Type: value.String}, {Name: "channel", Type: value.String},
	{Name: "returned", Type: value.Bool}, {Name: "day", Type: value.Date},
}

func wideBatch(rng *rand.Rand, n int) *value.Batch {
	b := &value.Batch{Schema: wideSchema, N: n}
	for _, f := range wideSchema {
		b.Columns = append(b.Columns, value.NewColumn(f.Type, n))
	}
	for i := range n {
		b.Columns[0].Strs[i] = fmt.Sprintf("%016x-%016x", rng.Uint64(), rng.Uint64())
		b.Columns[1].Ints[i] = testNow + rng.Int64N(60_000)
		b.Columns[2].Ints[i], b.Columns[3].Ints[i] = rng.Int64N(1_000_000), rng.Int64N(50_000)
		b.Columns[4].Floats[i], b.Columns[5].Ints[i] = float64(rng.IntN(10_000))/100, rng.Int64N(10)
		b.Columns[6].Strs[i], b.Columns[7].Strs[i] = []string{"DE", "FR", "US"}[rng.IntN(3)], []string{"web", "app", "shop"}[rng.IntN(3)]
		b.Columns[8].Bools[i], b.Columns[9].Ints[i] = rng.IntN(9) == 0, 19_700
		if rng.IntN(10) == 0 {
			b.Columns[7].SetNull(i)
		}
	}
	return b
}

func wideArriving(rng *rand.Rand, n int, id bool) *Arriving {
	a := &Arriving{Partition: Pushed, Rows: wideBatch(rng, n)}
	if id {
		a.Times = a.Rows.Columns[1].Ints
		for _, s := range a.Rows.Columns[0].Strs {
			a.IDs = append(a.IDs, string(value.Append(nil, value.OfString(s))))
		}
	}
	return a
}

func wideLog(b *testing.B, id bool) Log {
	l, err := Open(b.TempDir(), wideSchema, Options{Formats: []dataset.Format{parquet.Format{}}, HasID: id, Copies: value.DayMS, Clock: newClock().Load})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	return l
}

func perRow(b *testing.B, rows int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(rows), "ns/row")
}

func BenchmarkEncode(b *testing.B) {
	batch := wideBatch(rand.New(rand.NewPCG(1, 1)), 1000)
	out := appendBatch(nil, batch)
	b.ReportAllocs()
	for b.Loop() {
		out = appendBatch(out[:0], batch)
	}
	perRow(b, 1000)
	b.ReportMetric(float64(len(out))/1000, "bytes/row")
}

func BenchmarkDecode(b *testing.B) {
	in := appendBatch(nil, wideBatch(rand.New(rand.NewPCG(1, 1)), 1000))
	b.ReportAllocs()
	for b.Loop() {
		r := reading{b: in}
		r.batch(wideSchema, 1000)
	}
	perRow(b, 1000)
}

func BenchmarkAppend(b *testing.B) {
	for _, id := range []bool{false, true} {
		b.Run(fmt.Sprintf("id=%v/callers=1/rows=1000", id), func(b *testing.B) {
			l := wideLog(b, id)
			rng := rand.New(rand.NewPCG(1, 1))
			for b.Loop() {
				b.StopTimer()
				a := wideArriving(rng, 1000, id)
				b.StartTimer()
				if _, err := l.Append(context.Background(), a); err != nil {
					b.Fatal(err)
				}
			}
			perRow(b, 1000)
		})
		b.Run(fmt.Sprintf("id=%v/callers=64/rows=1", id), func(b *testing.B) {
			l := wideLog(b, id)
			const each = 16
			for b.Loop() {
				var wg sync.WaitGroup
				for c := range 64 {
					wg.Go(func() {
						rng := rand.New(rand.NewPCG(rand.Uint64(), uint64(c)))
						for range each {
							if _, err := l.Append(context.Background(), wideArriving(rng, 1, id)); err != nil {
								b.Error(err)
							}
						}
					})
				}
				wg.Wait()
			}
			perRow(b, 64*each)
		})
	}
}

// BenchmarkRead reads records of 1,000 rows, from files and as they were handed over.
func BenchmarkRead(b *testing.B) {
	for _, memory := range []bool{false, true} {
		b.Run(fmt.Sprintf("memory=%v", memory), func(b *testing.B) {
			l := wideLog(b, false)
			rng := rand.New(rand.NewPCG(1, 1))
			for range 100 {
				if _, err := l.Append(context.Background(), wideArriving(rng, 1000, false)); err != nil {
					b.Fatal(err)
				}
			}
			if !memory {
				l.(*eventLog).recent = recent{}
			}
			for b.Loop() {
				readAll(b, l, 1)
			}
			perRow(b, 100_000)
		})
	}
}

func BenchmarkSeal(b *testing.B) {
	clock := newClock()
	l, err := Open(b.TempDir(), wideSchema, Options{Formats: []dataset.Format{parquet.Format{}}, Clock: clock.Load})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	rng := rand.New(rand.NewPCG(1, 1))
	for b.Loop() {
		b.StopTimer()
		for range 100 {
			if _, err := l.Append(context.Background(), wideArriving(rng, 1000, false)); err != nil {
				b.Fatal(err)
			}
		}
		clock.Add(3_600_000)
		l.Release(l.Next())
		b.StartTimer()
		if err := l.Seal(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
	perRow(b, 100_000)
	b.ReportMetric(float64(l.Bytes())/100_000/float64(b.N), "bytes/row")
}
