package random

import (
	"fmt"
	"math/rand/v2"

	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/enginetest"
	"github.com/bighead-ml/bighead/engine/local"
)

// Local is the local engine with drawn settings: goroutines, buckets, batches, and now and then so little memory that rows go to disk,
// in dir.
func Local(dir string) Road {
	return Road{Name: "local", Open: func(r *rand.Rand) (engine.Engine, string) {
		o := local.Options{Threads: 1 + r.IntN(3), TempDir: dir}
		if r.IntN(2) == 0 {
			o.Buckets = 1 << r.IntN(4)
		}
		if r.IntN(3) > 0 {
			o.BatchRows = []int{1, 2, 3, 7, 64}[r.IntN(5)]
		}
		if r.IntN(3) == 0 {
			o.Memory = []int64{1, 1000, 20_000}[r.IntN(3)]
		}
		return local.New(o), fmt.Sprintf("threads %d, memory %d, buckets %d, batches of %d rows", o.Threads, o.Memory, o.Buckets, o.BatchRows)
	}}
}

// Tiles is enginetest.Tiles with a drawn split of the events.
func Tiles() Road {
	return Road{Name: "tiles", Open: func(r *rand.Rand) (engine.Engine, string) {
		t := enginetest.Tiles{Seed: r.Uint64()}
		return t, fmt.Sprintf("seed %d", t.Seed)
	}}
}
