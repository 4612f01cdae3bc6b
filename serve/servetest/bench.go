package servetest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/value"
)

// BenchNow is the time that the benchmarks ask at.
const BenchNow = 1_700_000_123_456

// BenchKeys is how many keys each group has.
const BenchKeys = 150

// BenchView is the view of docs/performance.md P7: 5 groups of 50 features each, 15 of them windowed. Group i has the key k{i}, an int.
func BenchView(t testing.TB) *feature.View {
	var b strings.Builder
	for i := range 5 {
		fmt.Fprintf(&b, `
s%[1]d = bh.EventSource("s%[1]d", columns={"k%[1]d": bh.Int, "a": bh.Float, "b": bh.Float, "c": bh.Int, "d": bh.Int, "e": bh.String}, time="ts")
g%[1]d = bh.FeatureGroup("g%[1]d", source=s%[1]d, keys=["k%[1]d"], deadline="10m", features=
    [f(x, windows=["1h", "1d", "30d"]) for x in ["a"] for f in [bh.sum, bh.avg, bh.max, bh.min]] + [bh.count(windows=["1h", "1d", "30d"])] +
    [f(x) for x in ["a", "b", "c", "d"] for f in [bh.sum, bh.avg, bh.max, bh.min, bh.last, bh.first, bh.stddev]] +
    [bh.last("e"), bh.first("e"), bh.count("e"), bh.count(name="all"), bh.time_since_last(), bh.time_since_first(), bh.max("e")])
`, i)
	}
	fmt.Fprintln(&b, `v = bh.FeatureView("v", groups=[g0, g1, g2, g3, g4])`)
	return Definitions(t, b.String()).Views[0]
}

// BenchFill gives every key of the view's groups some hundred events of the last weeks, the more the newer.
func BenchFill(t testing.TB, st store.Store, v *feature.View) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, j := range v.Joins {
		var rows [][]value.Value
		for k := range BenchKeys {
			for range 100 + r.IntN(100) {
				back := int64(float64(40*value.DayMS) * r.Float64() * r.Float64() * r.Float64())
				rows = append(rows, []value.Value{value.OfInt(int64(k)), value.OfFloat(r.NormFloat64()), value.OfFloat(r.NormFloat64()), value.OfInt(r.Int64N(100)), value.OfInt(r.Int64N(9)),
					value.OfString(string(rune('a' + r.IntN(20)))), value.OfTimestamp(BenchNow - 1 - back)})
			}
		}
		roll := plan.SpaceOf(j.Group).RollEnd(BenchNow)
		Fill(t, st, j.Group, rows, BenchNow, plan.NoMarks, roll)
	}
}

// CPU is what the process has used so far, user and system: on a machine that others use too, time alone says little.
func CPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
