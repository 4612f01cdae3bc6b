package pebble

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/store"
)

const (
	benchKeys  = 100_000
	benchTiles = 10 // of a key
	benchSize  = 300
	benchStep  = 60_000
)

// benchStore fills a store with a million tiles: 100 000 keys, ten tiles each, in the order in which a stream writes them. Set
// BIGHEAD_BENCH_STORE to a folder to keep it between runs.
func benchStore(b *testing.B) *Store {
	b.Helper()
	path := os.Getenv("BIGHEAD_BENCH_STORE")
	if path == "" {
		path = b.TempDir()
	}
	_, missing := os.Stat(filepath.Join(path, "LOCK"))
	s, err := Open(Options{Path: path, CacheBytes: 512 << 20})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	if missing == nil {
		return s
	}
	random := rand.NewChaCha8([32]byte{1})
	for tile := range benchTiles {
		for k := 0; k < benchKeys; {
			w := store.Write{}
			for range 1000 {
				bytes := make([]byte, benchSize)
				random.Read(bytes[:benchSize/2]) // half of it compresses
				w.Puts = append(w.Puts, store.Put{Space: "clicks/0123456789abcdef", Key: benchKey(k), Step: benchStep, Start: int64(20+tile) * benchStep, Bytes: bytes})
				k++
			}
			if err := s.Write(context.Background(), &w); err != nil {
				b.Fatal(err)
			}
		}
	}
	return s
}

func benchKey(k int) string {
	return string(binary.BigEndian.AppendUint64(nil, uint64(k)*0x9e3779b97f4a7c15))
}

// BenchmarkRead reads 40 ranges of random keys, 10 tiles each, which touch one or two periods.
func BenchmarkRead(b *testing.B) {
	s := benchStore(b)
	if err := s.db.Compact(context.Background(), []byte{kindValue}, []byte{kindValue + 1}, true); err != nil {
		b.Fatal(err)
	}
	warm := 0 // all of it is in the cache
	if err := s.Scan(context.Background(), "clicks/0123456789abcdef", benchStep, func(string, int64, []byte) error { warm++; return nil }); err != nil || warm != benchKeys*benchTiles {
		b.Fatalf("%d tiles, %v", warm, err)
	}
	ranges := make([]store.Range, 40)
	for _, x := range []struct {
		name     string
		from, to int64
		keys     int
		tiles    int
	}{
		{"two periods", 20, 20 + benchTiles + 20, benchKeys, benchTiles},
		{"one period", 20, 30, benchKeys, benchTiles},
		{"hot keys", 20, 30, 400, benchTiles},
		{"nothing there", 200, 230, benchKeys, 0},
	} {
		b.Run(x.name, func(b *testing.B) {
			random := rand.New(rand.NewPCG(1, 2))
			b.ReportAllocs()
			defer reportCPU(b)()
			for b.Loop() {
				for i := range ranges {
					ranges[i] = store.Range{Space: "clicks/0123456789abcdef", Key: benchNames[random.IntN(x.keys)], Step: benchStep, From: x.from * benchStep, To: x.to * benchStep}
				}
				n := 0
				if err := s.Read(context.Background(), ranges, func(int, int64, []byte) error { n++; return nil }); err != nil {
					b.Fatal(err)
				}
				if n != len(ranges)*x.tiles {
					b.Fatalf("%d tiles", n)
				}
			}
		})
	}
}

// reportCPU reports the processor's time beside the clock's: it says more where the machine is busy.
func reportCPU(b *testing.B) func() {
	used := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before := used()
	return func() { b.ReportMetric(float64(used()-before)/float64(b.N), "cpu-ns/op") }
}

var benchNames = func() []string {
	names := make([]string, benchKeys)
	for k := range names {
		names[k] = benchKey(k)
	}
	return names
}()

// BenchmarkWrite writes 1000 tiles of random keys at once.
func BenchmarkWrite(b *testing.B) {
	s := benchStore(b)
	random := rand.New(rand.NewPCG(3, 4))
	for _, sync := range []bool{false, true} {
		b.Run(map[bool]string{false: "to the log", true: "synced"}[sync], func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				w := store.Write{Sync: sync}
				for range 1000 {
					w.Puts = append(w.Puts, store.Put{Space: "clicks/0123456789abcdef", Key: benchNames[random.IntN(benchKeys)], Step: benchStep, Start: 20 * benchStep, Bytes: make([]byte, benchSize)})
				}
				if err := s.Write(context.Background(), &w); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
