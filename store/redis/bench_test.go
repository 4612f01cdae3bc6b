package redis

import (
	"context"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/bighead-ml/bighead/engine/enginetest/server"
	"github.com/bighead-ml/bighead/store"
)

// BenchmarkRead reads 40 ranges of random keys, 10 tiles of 300 bytes each, in one transaction, of 20 000 keys on a server beside it.
func BenchmarkRead(b *testing.B) {
	const keys, tiles, step = 20_000, 10, 60_000
	s, err := Open(b.Context(), Options{URL: "redis://" + server.Redis(b).Addr})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	for k := 0; k < keys; k += 500 {
		w := store.Write{}
		for i := range 500 {
			for t := range int64(tiles) {
				w.Puts = append(w.Puts, store.Put{Space: "clicks/0123456789abcdef", Key: strconv.Itoa(k + i), Step: step, Start: t * step, Bytes: make([]byte, 300)})
			}
		}
		if err := s.Write(b.Context(), &w); err != nil {
			b.Fatal(err)
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	ranges := make([]store.Range, 40)
	b.ReportAllocs()
	for b.Loop() {
		for i := range ranges {
			ranges[i] = store.Range{Space: "clicks/0123456789abcdef", Key: strconv.Itoa(random.IntN(keys)), Step: step, From: 0, To: tiles * step}
		}
		n := 0
		if err := s.Read(context.Background(), ranges, func(int, int64, []byte) error { n++; return nil }); err != nil || n != len(ranges)*tiles {
			b.Fatalf("%d tiles, %v", n, err)
		}
	}
}
