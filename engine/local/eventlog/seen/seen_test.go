package seen

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func open(t testing.TB, dir string, limit int) *Index {
	t.Helper()
	x, err := Open(dir, limit)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.Close() })
	return x
}

// flush has all that was met on disk, merges too.
func flush(t testing.TB, x *Index) {
	t.Helper()
	if err := x.Freeze(); err != nil {
		t.Fatal(err)
	}
	if err := x.Wait(x.Next()); err != nil {
		t.Fatal(err)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for x.working {
		x.idle.Wait()
	}
}

// idOf are few ids, some of whose keys are neighbours.
func idOf(i int) Key {
	k := KeyOf(fmt.Sprint("id", i/2))
	k[15] ^= byte(i % 2)
	return k
}

// TestTheIndexIsAMap does random things to an index and to a map, and asks both about ids that were met and not.
func TestTheIndexIsAMap(t *testing.T) {
	for range 8 {
		seed := rand.Uint64()
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 0))
			dir := t.TempDir()
			x := open(t, dir, 30)
			met := map[Key]map[int64]uint32{}
			record, horizon := int64(1), int64(math.MinInt64)
			var shown [][]Entry // by record
			for range 600 {
				switch rng.IntN(40) {
				case 0:
					horizon = max(horizon, int64(rng.IntN(300)))
					if err := x.Forget(horizon); err != nil {
						t.Fatal(err)
					}
				case 1:
					flush(t, x)
				case 2: // the process ended: what was not on disk comes again
					if err := x.Close(); err != nil {
						t.Fatal(err)
					}
					x = open(t, dir, 30)
					for r := x.Next(); r < record; r++ {
						x.Add(shown[r-1], r+1)
					}
				default:
					e := Entry{idOf(rng.IntN(200)), int64(rng.IntN(400)), uint32(rng.IntN(2))}
					if met[e.Key] == nil {
						met[e.Key] = map[int64]uint32{}
					}
					if err := x.Room(); err != nil {
						t.Fatal(err)
					}
					var entries []Entry
					if _, ok := met[e.Key][e.Time]; !ok && rng.IntN(5) > 0 {
						met[e.Key][e.Time] = e.Print
						entries = append(entries, e)
					}
					record++
					shown = append(shown, entries)
					x.Add(entries, record)
				}
				e := Entry{idOf(rng.IntN(220)), int64(rng.IntN(400)), uint32(rng.IntN(2))}
				want := New
				for time, print := range met[e.Key] {
					want = max(want, e.judge(&Entry{e.Key, time, print}, horizon))
				}
				if e.Time < horizon { // nobody asks about these, since nothing is remembered of them
					continue
				}
				if got, err := x.Look(e, horizon); err != nil || got != want {
					t.Fatalf("an id is %v, %v; want %v", got, err, want)
				}
			}
			flush(t, x)
			if n := len(x.runs); n > 3*8 {
				t.Errorf("%d runs of %d entries", n, record)
			}
			files, err := os.ReadDir(dir)
			if err != nil || len(files) != len(x.runs) {
				t.Errorf("%d files of %d runs, %v", len(files), len(x.runs), err)
			}
		})
	}
}

func TestWhatIsForgottenTakesNoRoom(t *testing.T) {
	x := open(t, t.TempDir(), 1000)
	for i := range int64(20_000) {
		if err := x.Room(); err != nil {
			t.Fatal(err)
		}
		x.Add([]Entry{{KeyOf(fmt.Sprint(i)), i, 0}}, i+2)
	}
	flush(t, x)
	size := func() (n int64) {
		for _, r := range x.runs {
			n += r.entries
		}
		return n
	}
	if size() != 20_000 {
		t.Fatalf("%d entries", size())
	}
	for _, horizon := range []int64{15_000, 19_500} {
		if err := x.Forget(horizon); err != nil {
			t.Fatal(err)
		}
		if n, kept := size(), 20_000-horizon; n < kept || n > 2*kept+1000 {
			t.Errorf("%d entries, of which %d have to be kept", n, kept)
		}
	}
	if x.Next() != 20_001 {
		t.Errorf("next is %d", x.Next())
	}
}

func TestDamageOfARunIsNamed(t *testing.T) {
	dir := t.TempDir()
	x := open(t, dir, 1000)
	for i := range int64(500) {
		x.Add([]Entry{{KeyOf(fmt.Sprint(i)), i, 0}}, i+2)
	}
	flush(t, x)
	path := x.runs[0].path
	x.Close()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for range 400 {
		b := append([]byte(nil), whole...)
		at := rng.IntN(len(b) - 4) // the last four mean nothing
		b[at] ^= 1 << rng.IntN(8)
		if err := os.WriteFile(path, b, 0o666); err != nil {
			t.Fatal(err)
		}
		x, err := Open(dir, 1000)
		for i := int64(0); i < 500 && err == nil; i++ {
			_, err = x.Look(Entry{KeyOf(fmt.Sprint(i)), i, 0}, math.MinInt64)
		}
		if x != nil {
			x.Close()
		}
		version := at == len(b)-footBytes+len(runMagic)-1
		if err == nil || !strings.Contains(err.Error(), filepath.Base(path)) || !version && !errors.Is(err, ErrDamaged) {
			t.Fatalf("byte %d of %d was changed: %v", at, len(b), err)
		}
	}
}

func TestLeftoversOfAMergeAreRemoved(t *testing.T) {
	dir := t.TempDir()
	x := open(t, dir, 1000)
	saved := map[string][]byte{}
	for i := range int64(mergeAt) {
		x.Add([]Entry{{KeyOf(fmt.Sprint(i)), i, 0}}, i+2)
		if i == mergeAt-1 {
			for _, r := range x.runs {
				b, err := os.ReadFile(r.path)
				if err != nil {
					t.Fatal(err)
				}
				saved[r.path] = b
			}
		}
		flush(t, x)
	}
	if len(x.runs) != 1 || len(saved) != mergeAt-1 {
		t.Fatalf("%d runs after a merge of %d", len(x.runs), len(saved)+1)
	}
	x.Close()
	for path, b := range saved { // as if the process had ended between the merge and the removal
		if err := os.WriteFile(path, b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	x = open(t, dir, 1000)
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 || len(x.runs) != 1 || x.Next() != mergeAt+1 {
		t.Errorf("%d files, %d runs, next %d, %v", len(files), len(x.runs), x.Next(), err)
	}
}

// BenchmarkIndex meets new ids, a thousand at a time, beside so many that were met before.
func BenchmarkIndex(b *testing.B) {
	for _, before := range []int{0, 4_000_000} {
		b.Run(fmt.Sprint("met=", before), func(b *testing.B) {
			x := open(b, b.TempDir(), 0)
			rng := rand.New(rand.NewPCG(1, 1))
			record := int64(1)
			meet := func(n int) {
				entries := make([]Entry, n)
				for i := range entries {
					binary.LittleEndian.PutUint64(entries[i].Key[:], rng.Uint64())
					binary.LittleEndian.PutUint64(entries[i].Key[8:], rng.Uint64())
					if v, err := x.Look(entries[i], math.MinInt64); err != nil || v != New {
						b.Fatal(v, err)
					}
				}
				if err := x.Room(); err != nil {
					b.Fatal(err)
				}
				record++
				x.Add(entries, record)
			}
			for range before / 1000 {
				meet(1000)
			}
			flush(b, x)
			for b.Loop() {
				meet(1000)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/id")
			b.StopTimer()
			flush(b, x)
			words, bytes, entries := 0, int64(0), int64(0)
			for _, r := range x.runs {
				words, bytes, entries = words+len(r.filter)+len(r.fences), bytes+r.bytes, entries+r.entries
			}
			b.ReportMetric(float64(words)*8/float64(entries), "memory-bytes/id")
			b.ReportMetric(float64(bytes)/float64(entries), "disk-bytes/id")
			b.ReportMetric(float64(len(x.runs)), "runs")
		})
	}
}
