package main

import (
	"encoding/json"
	"fmt"
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
	dir := historyProject(t, "[batch]\nengine = \"spark\"\nremote = \""+url+"\"\nstage = \"stage\"\n[serve]\nclock = \"events\"\n[log]\nlevel = \"warn\"\n")
	run := commands(t, dir)
	const to = "2024-01-04"
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
	if out := run("backfill", "--online", "--to", to); !strings.Contains(out, "batch's up to 2024-01-04T00:00:00Z") {
		t.Errorf("online: %s", out)
	}
	sample := sampleFile(t, dir, "k\na\nb\nno such\n")
	if out := run("verify", "v", "--roads", "oracle,served", "--sample", sample); !strings.Contains(out, "\nequal by the promise\n") {
		t.Errorf("served against the oracle: %s", out)
	}
	if out := run("verify", "v", "--roads", "spark,served", "--sample", sample); !strings.Contains(out, "\nequal by the promise\n") {
		t.Errorf("served against Spark: %s", out)
	}
	if v := vectorOf(t, run("get", "v", "k=a", "--json")); fmt.Sprint(v.text()[:3]) != "[8 3 3]" {
		t.Errorf("a is %v", v.text())
	}
}
