package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/bighead-ml/bighead/store/pebble"
)

// TestALoadSurvivesTheLossOfPower takes the power from the embedded store right after batch has loaded into it: what a load has said is there, is there,
// tiles and tables that are replaced whole alike.
func TestALoadSurvivesTheLossOfPower(t *testing.T) {
	before := outside
	t.Cleanup(func() { outside = before })
	disk := vfs.NewCrashableMem()
	outside.store = func(o *pebble.Options) { o.FS, o.Path = disk, "store" }
	dir := t.TempDir()
	for name, text := range map[string]string{
		"bighead.toml": "[serve]\nclock = \"events\"\ndeadline = \"30s\"\n[log]\nlevel = \"error\"\n",
		"features.py": `import bighead as bh

e = bh.EventSource("e", path="e.csv", time="ts")
g = bh.FeatureGroup("g", source=e, keys=["k"], deadline="20s", features=[bh.sum("x", name="total")])
p = bh.EntitySource("p", path="p.csv", keys=["k"])
h = bh.FeatureGroup("h", source=p, deadline="20s", features=[bh.latest("name")])
v = bh.FeatureView("v", groups=[g, h])
`,
		"e.csv": "k,ts,x\na,2024-01-01T10:00:00Z,1\na,2024-01-01T11:00:00Z,2\n",
		"p.csv": "k,name\na,ann\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	mustRun(t, dir, "apply", "--yes")
	mustRun(t, dir, "backfill")
	at := int64(1_704_153_600_000)          // 2024-01-02
	for _, of := range []string{"g", "h"} { // each load is the last thing that was done
		w := (&ground{t: t, dir: dir}).open()
		if _, err := w.online.upload(t.Context(), uploadRequest{Groups: []string{of}, To: &at}); err != nil {
			t.Fatal(err)
		}
		rest := disk.CrashClone(vfs.CrashCloneCfg{}) // nothing that was not synced
		w.done()
		disk = rest
		w.open()
		got, name := w.ask("a"), map[string]string{"g": "g__total", "h": "h__name"}[of]
		if want := map[string]string{"g": "3 present", "h": `"ann" present`}[of]; got[name] != want {
			t.Errorf("after the power was gone %s is %s, want %s", name, got[name], want)
		}
		w.done()
	}
}
