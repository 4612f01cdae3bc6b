package reader

import (
	"flag"
	"math/rand/v2"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bighead-ml/bighead/value"
)

var (
	seedFlag  = flag.Uint64("seed", 0, "of the first random case; 0: another each time")
	casesFlag = flag.Int("cases", 12, "random cases")
)

// met says what the random cases met.
type met struct{ events, recoveries, kills, regressed, rolled int64 }

// TestRandomJobsAreReadAsOurOwnStreamFolds draws events, lets a job write parts of their tiles, which recovers now and then and writes again what it had written, kills
// readers, lets the store fail, moves the clock over days, and compares the store with what our own folding of the same events makes.
func TestRandomJobsAreReadAsOurOwnStreamFolds(t *testing.T) {
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64() >> 16
	}
	var seen met
	for n := range *casesFlag {
		randomCase(t, seed+uint64(n), &seen)
		if t.Failed() {
			t.Fatalf("seed %d", seed+uint64(n))
		}
	}
	t.Logf("seed %d: %+v", seed, seen)
	if *casesFlag >= 12 && (seen.recoveries == 0 || seen.kills == 0 || seen.regressed == 0 || seen.rolled == 0) {
		t.Errorf("something was never met: %+v", seen)
	}
}

func randomCase(t *testing.T, seed uint64, seen *met) {
	r := rand.New(rand.NewPCG(seed, 7))
	w := newWorld(t, r)
	defer w.kill()
	if r.IntN(2) == 0 {
		w.store.set(6, nil)
	}
	if r.IntN(3) == 0 {
		w.o.Memory = 1
	}
	j := &job{w: w}
	w.open()
	for range 2 + r.IntN(4) {
		w.phase(j, seen)
		w.complete()
		seen.regressed += w.status().Counts.Regressed
		w.check()
		if t.Failed() {
			return
		}
		began := w.state().Rolled
		w.now.Add(r.Int64N(2 * value.DayMS))
		w.complete()
		if w.state().Rolled > began {
			seen.rolled++
		}
		w.check()
	}
}

// phase has some events happen, and the job read them, while readers come and go.
func (w *world) phase(j *job, seen *met) {
	from := len(w.events)
	for range 1 + w.r.IntN(40) {
		w.events = append(w.events, w.draw())
		w.produce(&kgo.Record{Topic: source, Partition: 0, Value: []byte("{}")})
	}
	seen.events += int64(len(w.events) - from)
	for i := from; i < len(w.events); {
		w.produce(j.take(&w.events[i])...)
		switch i++; w.r.IntN(12) {
		case 0: // it recovers, and reads again what it had read since its last checkpoint
			back := i - w.r.IntN(min(i-from, 8)+1)
			j.read, i = j.read[:back], back
			seen.recoveries++
		case 1:
			w.kill()
			w.open()
			seen.kills++
		case 2:
			w.commit(i)
		}
	}
	w.commit(len(w.events))
}

// draw is an event of the last day.
func (w *world) draw() play {
	kind := []string{"", "a", "b", "c", "d"}[w.r.IntN(5)]
	return play{user: []string{"ann", "bob", "cy"}[w.r.IntN(3)], kind: kind, x: w.r.Int64N(9) - 3, null: w.r.IntN(5) == 0, ts: w.now.Load() - w.r.Int64N(value.DayMS)}
}
