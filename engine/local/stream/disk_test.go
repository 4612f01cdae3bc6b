package stream

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/parquet"
	"github.com/bighead-ml/bighead/engine/local/eventlog"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/store/pebble"
	"github.com/bighead-ml/bighead/value"
)

// disk is a stream over the real log and the real embedded store, in a folder.
type disk struct {
	*Stream
	store store.Store
	time  *clockwork
}

func openDisk(t testing.TB, dir string, c *clockwork, streams []*plan.Stream) *disk {
	t.Helper()
	st, err := pebble.Open(pebble.Options{Path: filepath.Join(dir, "store")})
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Store: st, Clock: c.clock, Log: func(def *feature.Source) (eventlog.Log, error) {
		return eventlog.Open(filepath.Join(dir, "events", def.Name), def.Schema, eventlog.Options{Formats: []dataset.Format{parquet.Format{}}, HasID: def.ID != "", Copies: def.Lateness, Clock: c.clock})
	}}
	s, err := Open(t.Context(), o, streams)
	if err != nil {
		t.Fatal(err)
	}
	return &disk{s, st, c}
}

// kill ends all without writing what is in memory.
func (d *disk) kill(t testing.TB) {
	t.Helper()
	if err := d.end(); err != nil {
		t.Fatal(err)
	}
	if err := d.store.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestOnDisk counts events by key through the real log and store, which are ended and opened again now and then.
func TestOnDisk(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	streams := clicks(t, nil, count("1h", "1d"), count())
	c, dir := &clockwork{ms: noon}, t.TempDir()
	d := openDisk(t, dir, c, streams)
	want, n := map[string]int64{}, 0
	for round := range 40 {
		var body string
		for range r.IntN(60) {
			user := fmt.Sprint("u", r.IntN(5))
			row := fmt.Sprintf(`{"user":%q,"id":%d,"ts":%d,"price":1}`+"\n", user, n, c.ms-r.Int64N(3_000_000))
			if n++; r.IntN(10) == 0 {
				row += row // a copy
			}
			body += row
			want[user]++
		}
		if _, err := d.Push(t.Context(), "clicks", []byte(body), fmt.Sprint("round ", round)); err != nil {
			t.Fatal(err)
		}
		if r.IntN(5) == 0 {
			d.kill(t)
			d = openDisk(t, dir, c, streams)
			got, err := d.Push(t.Context(), "clicks", []byte(body), fmt.Sprint("round ", round))
			if err != nil || body != "" && !got[0].Again {
				t.Fatalf("%+v, %v", got, err)
			}
		}
	}
	if err := d.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for user, n := range want {
		for _, x := range streams[0].Spaces {
			values, _, err := look(t.Context(), d.store, x, string(value.AppendKey(nil, []value.Value{value.OfString(user)})), c.ms)
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range values {
				if v.Int() != n {
					t.Errorf("%s of %s: %v, want %d", x.Values[i].Name, user, v, n)
				}
			}
		}
	}
	d.kill(t)
}

// BenchmarkDisk is BenchmarkApply through the real log and store.
func BenchmarkDisk(b *testing.B) {
	const from = 1_700_000_000_000
	streams := benched(b)
	d := openDisk(b, b.TempDir(), &clockwork{ms: from + 1_000_000}, streams)
	all := buys(streams[0].Source.Schema, 1_000_000, 2000, from)
	b.ResetTimer()
	for range b.N {
		for _, batch := range all {
			if _, err := d.PushRows(b.Context(), "buys", batch, ""); err != nil {
				b.Fatal(err)
			}
		}
		if err := d.Flush(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)*1e6/b.Elapsed().Seconds(), "events/s")
	d.kill(b)
}
