package main

import (
	"context"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/enginetest"
	road "github.com/bighead-ml/bighead/engine/enginetest/online"
	servers "github.com/bighead-ml/bighead/engine/enginetest/server"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/project"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/store/pebble"
	"github.com/bighead-ml/bighead/store/redis"
)

var (
	roadSeed     = flag.Uint64("seed", 0, "of the settings that are drawn; 0: others each time")
	roadVariants = flag.Int("variants", 4, "drawn settings for each script")
	roadScript   = flag.String("script", "", "only scripts whose path holds this")
)

const (
	corpusFolder = "../../engine/enginetest/testdata"
	declinesFile = "testdata/online.txt"
)

// corpus is the project's own scripts.
func corpus(t *testing.T) []enginetest.Source {
	t.Helper()
	var out []enginetest.Source
	err := filepath.WalkDir(corpusFolder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".feat" {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(corpusFolder, path)
		out = append(out, enginetest.Source{Path: filepath.ToSlash(name), Text: string(text)})
		return err
	})
	if err != nil || len(out) < 90 {
		t.Fatalf("%d scripts: %v", len(out), err)
	}
	return out
}

// recorder records the definitions of scripts in one process of Python, and of each script once.
type recorder map[string]*feature.Definitions

func (r recorder) record(ctx context.Context, units []project.Unit) ([]*feature.Definitions, error) {
	var fresh []project.Unit
	for _, u := range units {
		if r[u.Name] == nil {
			fresh = append(fresh, u)
		}
	}
	if len(fresh) > 0 {
		defs, err := project.RecordUnits(ctx, project.Python{}, fresh)
		if err != nil {
			return nil, err
		}
		for i, u := range fresh {
			r[u.Name] = defs[i]
		}
	}
	out := make([]*feature.Definitions, len(units))
	for i, u := range units {
		out[i] = r[u.Name]
	}
	return out, nil
}

func (r recorder) run(t *testing.T, p *road.Parts, s road.Settings, scripts ...enginetest.Source) *enginetest.Results {
	t.Helper()
	suite := enginetest.Suite{Root: corpusFolder, Record: r.record, Roads: []engine.Engine{road.Road{Parts: p, Settings: s}}}
	res, err := suite.Run(t.Context(), scripts)
	if err != nil {
		t.Fatal(err)
	}
	if res.Failed() > 0 {
		var b strings.Builder
		_ = res.Write(&b)
		t.Errorf("%s\n%s", s, b.String())
	}
	return res
}

// TestScriptsOnline answers every script online in the order of time, and then each with settings that are drawn. What is declined is what
// the table says, no more and no less.
func TestScriptsOnline(t *testing.T) {
	scripts, r, p := corpus(t), recorder{}, onlineParts(t.TempDir())
	res := r.run(t, p, road.Plain("memory", "direct"), scripts...)
	if *roadScript == "" {
		compareDeclines(t, res)
	}
	disks := &crashDisks{of: map[string]*vfs.MemFS{}}
	p.Stores["pebble"], p.Crash = disks.open, disks.crash
	drawn := newDrawn(t, p)
	for _, script := range scripts {
		for n := range *roadVariants {
			drawn.run(t, r, script, n)
		}
		clear(disks.of)
	}
	drawn.enough(t, 50)
	if *roadScript == "" && disks.crashes < 50 {
		t.Errorf("only %d crashes", disks.crashes)
	}
	t.Logf("%d crashes", disks.crashes)
}

// crashDisks are disks under embedded stores that lose what was not synced when the power goes, some of it at random.
type crashDisks struct {
	of      map[string]*vfs.MemFS // by folder
	crashes int
}

func (d *crashDisks) open(dir string) (store.Store, error) {
	if d.of[dir] == nil {
		d.of[dir] = vfs.NewCrashableMem()
	}
	st, err := pebble.Open(pebble.Options{Path: "store", FS: d.of[dir], Logger: silent, CacheBytes: 1 << 20})
	return serve.Watch(st), err
}

func (d *crashDisks) crash(dir string, seed uint64) {
	draw := rand.New(rand.NewPCG(seed, 1))
	d.of[dir] = d.of[dir].CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: []int{0, 30, 100}[draw.IntN(3)], RNG: draw})
	d.crashes++
}

// TestScriptsInRedis answers every script out of a Redis, which other processes could read and whose writes are not one step.
func TestScriptsInRedis(t *testing.T) {
	s := servers.Redis(t)
	p := onlineParts(t.TempDir())
	p.Stores = map[string]func(string) (store.Store, error){"redis": func(dir string) (store.Store, error) {
		st, err := redis.Open(t.Context(), redis.Options{URL: "redis://" + s.Addr, Prefix: filepath.Base(filepath.Dir(dir)), Timeout: outside.patience})
		if err != nil {
			return nil, err
		}
		return serve.Watch(st), nil
	}}
	drawn, r := newDrawn(t, p), recorder{}
	scripts := corpus(t)
	if _, err := r.record(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	r.run(t, p, road.Plain("redis", "direct"), scripts...)
	// Once through all, a way gets fifty answers, give or take eight, for answers of a script come together: fewer than twenty once in a few thousand runs.
	const wanted, most = 20, 8
	for n := 0; n < len(scripts) || n < most*len(scripts) && drawn.few(wanted) != ""; n++ {
		drawn.run(t, r, scripts[n%len(scripts)], n)
	}
	drawn.enough(t, wanted)
}

// drawn draws settings, and counts which were drawn where something was answered.
type drawn struct {
	*rand.Rand
	parts         *road.Parts
	stores, wires []string // each script goes over every pair of them in turn
	met           map[string]int
}

func newDrawn(t *testing.T, p *road.Parts) *drawn {
	t.Helper()
	seed := *roadSeed
	if seed == 0 {
		seed = rand.Uint64() >> 16
	}
	t.Logf("-seed=%d", seed)
	return &drawn{rand.New(rand.NewPCG(seed, 0)), p, slices.Sorted(maps.Keys(p.Stores)), slices.DeleteFunc(slices.Sorted(maps.Keys(p.Wires)), func(w string) bool { return w == "direct" }), map[string]int{}}
}

// run is a script's n-th.
func (d *drawn) run(t *testing.T, r recorder, script enginetest.Source, n int) {
	t.Helper()
	s := road.Draw(d.Rand, d.stores, d.wires)
	s.Store, s.Wire = d.stores[n%len(d.stores)], d.wires[n/len(d.stores)%len(d.wires)]
	if !strings.Contains(script.Path, *roadScript) {
		return
	}
	for _, e := range r.run(t, d.parts, s, script).Scripts[0].Evals {
		for _, answered := range e.Roads {
			if answered.Road != "online" || len(answered.Rows) == 0 {
				continue
			}
			for what, on := range map[string]bool{s.Store: true, s.Wire: true, "wall": s.Wall, "shuffled": s.Shuffled, "again": s.Again, "batch": s.Batch, "kills": s.Kills, "tight": s.Tight} {
				if on {
					d.met[what]++
				}
			}
		}
	}
}

// few names what was drawn less often than it is to be; "": nothing, or not all are to be drawn.
func (d *drawn) few(least int) string {
	if *roadScript != "" || *roadVariants < 4 {
		return ""
	}
	var few []string
	for _, what := range slices.Concat(d.stores, d.wires, []string{"wall", "shuffled", "again", "batch", "kills", "tight"}) {
		if n := d.met[what]; n < least {
			few = append(few, fmt.Sprintf("%s: only %d answers", what, n))
		}
	}
	return strings.Join(few, ", ")
}

// enough demands that each way was gone.
func (d *drawn) enough(t *testing.T, least int) {
	t.Helper()
	t.Log(d.met)
	if few := d.few(least); few != "" {
		t.Error(few)
	}
}

// compareDeclines compares what was declined with the table.
func compareDeclines(t *testing.T, res *enginetest.Results) {
	t.Helper()
	text, err := os.ReadFile(declinesFile)
	if err != nil {
		t.Fatal(err)
	}
	allowed, met := map[string]bool{}, map[string]bool{}
	for _, line := range strings.Split(string(text), "\n") {
		if line != "" && !strings.HasPrefix(line, "#") {
			allowed[line] = true
		}
	}
	for _, s := range res.Scripts {
		for _, e := range s.Evals {
			for _, answered := range e.Roads {
				if answered.Declined != "" {
					met[fmt.Sprintf("%s: %s: %s", s.Path, e.Name, answered.Declined)] = true
				}
				for _, name := range answered.Uncounted {
					met[fmt.Sprintf("%s: %s: not counted: %s", s.Path, e.Name, name)] = true
				}
			}
		}
	}
	for _, line := range slices.Sorted(maps.Keys(met)) {
		if !allowed[line] {
			t.Errorf("the table does not allow: %s", line)
		}
	}
	for _, line := range slices.Sorted(maps.Keys(allowed)) {
		if !met[line] {
			t.Errorf("the table allows what is not declined any more: %s", line)
		}
	}
}
