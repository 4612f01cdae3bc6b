package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/engine"
	servers "github.com/bighead-ml/bighead/engine/enginetest/server"
	"github.com/bighead-ml/bighead/engine/tiletable"
)

// Spark makes the tiles of a project that says so; the embedded engine finds them made, the online store takes them in, and what is served of
// them is what the oracle says.
func TestSparkBackfills(t *testing.T) {
	url := servers.SparkURL(t)
	dir := flightsProject(t, onlineFeatures)
	toml := "[batch]\nengine = \"spark\"\nremote = \"" + url + "\"\nstage = \"stage\"\n[serve]\nclock = \"events\"\n[log]\nlevel = \"warn\"\n"
	if err := os.WriteFile(filepath.Join(dir, "bighead.toml"), []byte(toml), 0o644); err != nil {
		t.Fatal(err)
	}
	run := commands(t, dir)
	const to = "2013-01-05"
	type set struct {
		Cells      map[tiletable.Verdict]int64
		Made, Used int64
	}
	made := func(args ...string) (s set, rows int64) {
		t.Helper()
		var r struct {
			Sets    []set
			Sources []*engine.TileSourceReport
		}
		if err := json.Unmarshal([]byte(run(append([]string{"backfill", "--to", to, "--json"}, args...)...)), &r); err != nil {
			t.Fatal(err)
		}
		if len(r.Sets) != 1 || len(r.Sources) != 1 {
			t.Fatalf("the backfill says %+v", r)
		}
		return r.Sets[0], r.Sources[0].Read.Rows
	}
	run("apply", "--yes")
	first, rows := made()
	if first.Made == 0 || first.Used == 0 || rows == 0 || first.Cells[tiletable.Missing] != first.Made {
		t.Fatalf("the first backfill says %+v", first)
	}
	for _, args := range [][]string{nil, {"--engine", "local"}} {
		if again, rows := made(args...); rows > 0 || again.Made > 0 || again.Cells[tiletable.Good] != first.Made {
			t.Errorf("again, %v, it reads %d rows and says %+v", args, rows, again)
		}
	}
	if left, err := os.ReadDir(filepath.Join(dir, "stage")); err == nil && len(left) > 0 {
		t.Errorf("%d files are left for Spark", len(left))
	}
	if out := run("backfill", "--online", "--to", to); !strings.Contains(out, "batch's up to 2013-01-05T00:00:00Z") {
		t.Errorf("online: %s", out)
	}
	sample := sampleFile(t, dir, "carrier,tailnum,distance\nUA,N14228,1400\nAA,N619AA,1089\nHA,N380HA,4983\nno such carrier,N14228,1\n")
	if out := run("verify", "departure", "--roads", "oracle,served", "--sample", sample); !strings.Contains(out, "\nequal by the promise\n") {
		t.Errorf("served against the oracle: %s", out)
	}
}
