package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/project"
	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/value"
)

// What a feature usually is is of the newest training set: the lower median, or the most frequent value where there is no middle.
func TestTypicalIsOfTheNewestTrainingSet(t *testing.T) {
	dir := smallProject(t, `import bighead as bh

e = bh.EventSource("e", path="e.csv", time="ts")
g = bh.FeatureGroup("g", source=e, keys=["k"], features=[
    bh.sum("x", name="total", fallback=bh.typical), bh.last("c", name="colour", fallback=bh.typical), bh.max("x", name="top"),
    bh.last("n", name="never", fallback=bh.typical)])
v = bh.FeatureView("v", groups=[g])
t = bh.TrainingSet("t", view=v, spine=bh.Spine("s.csv", at="at"))
`)
	write := func(name string, lines ...string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("e.csv", "k,ts,x,c,n", "a,2024-01-01T10:00:00Z,1,red,", "a,2024-01-01T11:00:00Z,20,blue,", "b,2024-01-01T10:00:00Z,7,red,", "c,2024-01-01T10:00:00Z,9,,")
	u := &usually{}
	day := "" // of the training set
	kept := func() map[string]string {
		t.Helper()
		if code, _, stderr := bighead(t, dir, "training-set", "t", "-o", filepath.Join(dir, "t.parquet")); code != 0 {
			t.Fatal(stderr)
		}
		if err := u.load(t.Context(), dir); err != nil {
			t.Fatal(err)
		}
		out := map[string]string{}
		for _, f := range typedProject(t, dir).Groups[0].Features {
			if v, ms, ok := u.Typical(f); ok {
				out[f.Name], day = v.String(), time.UnixMilli(ms).UTC().Format(time.DateOnly)
				if age := time.Since(time.UnixMilli(ms)); age < -time.Second || age > time.Hour {
					t.Errorf("%s is %v old", f.Name, age)
				}
			}
		}
		return out
	}
	write("s.csv", "k,at", "a,2024-01-01T12:00:00Z", "b,2024-01-01T12:00:00Z", "c,2024-01-01T12:00:00Z", "a,2024-01-01T10:30:00Z", "d,2024-01-01T12:00:00Z")
	// totals 21, 7, 9, 1 and a null; colours blue, red, null, red, null
	if got := kept(); len(got) != 2 || got["total"] != "7" || got["colour"] != "red" {
		t.Errorf("what is usual: %v", got)
	}
	write("s.csv", "k,at", "a,2024-01-01T12:00:00Z")
	if got := kept(); len(got) != 2 || got["total"] != "21" || got["colour"] != "blue" {
		t.Errorf("what is usual by the newer set: %v", got)
	}
	var lines []string
	for _, s := range u.status(typedProject(t, dir).Views) {
		lines = append(lines, s.Feature+" "+s.text())
	}
	if d := slices.Compare(lines, []string{
		`g.colour falls back to "blue", as training set t had it on ` + day,
		"g.never falls back to what it usually is, and no training set was computed that tells it",
		"g.total falls back to 21, as training set t had it on " + day,
	}); d != 0 {
		t.Errorf("status says\n%s", strings.Join(lines, "\n"))
	}
}

// cutOff is a store that can be cut off.
type cutOff struct {
	store.Store
	off atomic.Bool
}

func (c *cutOff) Read(ctx context.Context, ranges []store.Range, found func(i int, start int64, b []byte) error) error {
	if c.off.Load() {
		return store.ErrUnavailable
	}
	return c.Store.Read(ctx, ranges, found)
}

// A server whose store is gone answers what a feature usually is, by the newest training set, also where that was made while it runs.
func TestTypicalStandsInForAStoreThatIsGone(t *testing.T) {
	dir := smallProject(t, `import bighead as bh

e = bh.EventSource("e", path="e.csv", time="ts")
g = bh.FeatureGroup("g", source=e, keys=["k"], deadline="20s", features=[bh.sum("x", name="total", fallback=bh.typical), bh.count(name="n"), bh.last("x", name="newest", fallback=-1)])
v = bh.FeatureView("v", groups=[g])
t = bh.TrainingSet("t", view=v, spine=bh.Spine("s.csv", at="at"))
`)
	write := func(name string, lines ...string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("bighead.toml", "[serve]", `listen = "127.0.0.1:0"`, `clock = "events"`, `deadline = "30s"`)
	write("e.csv", "k,ts,x", "a,2024-01-01T10:00:00Z,1", "a,2024-01-01T11:00:00Z,20", "b,2024-01-01T10:00:00Z,7", "c,2024-01-01T10:00:00Z,9")
	write("s.csv", "k,at", "a,2024-01-01T12:00:00Z", "b,2024-01-01T12:00:00Z", "c,2024-01-01T12:00:00Z")
	mustRun(t, dir, "training-set", "t", "-o", filepath.Join(dir, "t.parquet"))
	mustRun(t, dir, "apply", "--yes")
	mustRun(t, dir, "backfill", "--online", "--to", "2024-01-02")
	st := &cutOff{}
	up := startUpOver(t, dir, func(of store.Store) store.Store { st.Store = of; return st })
	get := func(key string) string {
		t.Helper()
		var a featuresAnswer
		if out := mustRun(t, dir, "get", "v", "k="+key, "--json"); json.Unmarshal([]byte(out), &a) != nil || len(a.Rows) != 1 || a.Rows[0].Error != nil {
			t.Fatal(out)
		}
		return fmt.Sprintf("%s %s", a.Rows[0].Values, a.Rows[0].Status)
	}
	if got := get("a"); got != `[21 2 20] "present"` {
		t.Errorf("while the store is there it is %s", got)
	}
	st.off.Store(true)
	const rest = ` null -1] ["fallback","failed","fallback"]`
	if got := get("b"); got != `[9`+rest {
		t.Errorf("when the store is gone it is %s", got)
	}
	write("s.csv", "k,at", "a,2024-01-01T12:00:00Z")
	mustRun(t, dir, "training-set", "t", "-o", filepath.Join(dir, "t.parquet"))
	awaited(t, func() string { return containingOr(get("b"), `[21`+rest) })
	st.off.Store(false)
	awaited(t, func() string { return containingOr(get("b"), `[7 1 7] "present"`) }) // once the breaker has tried it
	up.stop()
}

func typedProject(t *testing.T, dir string) *feature.Project {
	t.Helper()
	p, err := project.Open(dir, project.Options{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := (&cli{}).check(context.Background(), p)
	if err != nil || l.problems.Failed() {
		t.Fatal(err, l.problems)
	}
	return l.typed
}

// Of more values than are kept a sample stands for all, and its middle is near theirs.
func TestTypicalOfManyRows(t *testing.T) {
	draw := rand.New(rand.NewPCG(7, 7))
	f := &typicalFeature{feature: &feature.Feature{Type: value.Float}}
	c := value.NewColumn(value.Float, 1000)
	const batches = 5 * typicalSample / 1000
	for b := range batches { // ascending, so that a sample of the first rows alone would be far off
		for i := range 1000 {
			c.Set(i, value.OfFloat(float64(b*1000+i)))
		}
		f.see(c, 1000, draw)
	}
	if rank := f.usual().Float() / (batches * 1000); f.seen != batches*1000 || len(f.sample) != typicalSample || rank < 0.49 || rank > 0.51 {
		t.Errorf("the middle of %d values has rank %g in a sample of %d", f.seen, rank, len(f.sample))
	}
}
