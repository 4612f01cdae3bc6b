package spark_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/dataset/parquet"
	"github.com/bighead-ml/bighead/engine/enginetest"
	"github.com/bighead-ml/bighead/engine/enginetest/server"
	"github.com/bighead-ml/bighead/engine/local"
	"github.com/bighead-ml/bighead/engine/spark"
	"github.com/bighead-ml/bighead/engine/spark/connect"
	"github.com/bighead-ml/bighead/engine/tiletable"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/secure"
)

// kill ends a process as kill -9 does.
func kill(t *testing.T, pid int) {
	t.Helper()
	p, err := os.FindProcess(pid)
	if err == nil {
		err = p.Kill()
	}
	if err != nil {
		t.Error(err)
	}
}

// A Spark that is killed in a backfill is told to be gone; neither tables for it nor halves of tiles are left, and the next run, on a Spark
// that is there, makes what is missing.
func TestSparkIsKilledInABackfill(t *testing.T) {
	_, in := oneKey(t, 20_000)
	b := plan.ForBackfill(definedText(t, endlessPy).Groups)
	s := server.Own(t, server.StartSpark)
	stage, dir := t.TempDir(), t.TempDir()
	o := spark.Options{Connect: s.URL, Stage: stage, Parquet: parquet.Format{}, Settings: map[string]string{"spark.connect.progress.reportInterval": "100ms"}}
	tiles, own := tiletable.Open(filepath.Join(dir, "spark")), tiletable.Open(filepath.Join(dir, "local"))
	said, killed := in, false
	said.At = func(string) {
		if !killed {
			killed = true
			kill(t, s.PIDs()[0])
		}
	}
	e := spark.New(o)
	_, err := e.Backfill(t.Context(), b, said, tiles)
	var gone *connect.GoneError
	if !killed || !errors.As(err, &gone) || !strings.Contains(err.Error(), `source "e"`) || !strings.Contains(err.Error(), "went away") || !strings.Contains(err.Error(), "run this again") {
		t.Fatalf("the backfill says %v", err)
	}
	empty(t, stage)
	if err := e.Close(); err != nil {
		t.Errorf("closing what is gone: %v", err)
	}
	got, err := with(t, spark.Options{Stage: stage, Parquet: parquet.Format{}}).Backfill(t.Context(), b, in, tiles)
	if err != nil {
		t.Fatal(err)
	}
	want, err := local.New(local.Options{}).Backfill(t.Context(), b, in, own)
	if err != nil {
		t.Fatal(err)
	}
	if err := sameCounts(got, want); err != nil {
		t.Error(err)
	}
	if n, err := sameTiles(t.Context(), b.Sets[0], in, tiles, own); err != nil || n < 300 {
		t.Errorf("%d states: %v", n, err)
	}
}

// What Spark says when a task lacks memory is told with the definition and what helps. A local Spark stops itself then, or goes away.
func TestSparkRunsOutOfMemory(t *testing.T) {
	s := server.Own(t, server.StartSpark) // with 1 GB
	session, err := connect.Open(t.Context(), s.URL, secure.TLS{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // and what asks it afterwards
		_, err = session.Query(t.Context(), "select sum(length(repeat('x', cast(1300000000 + id as int)))) from range(2)")
		if err == nil {
			t.Fatal("1.3 GB fit into 1 GB")
		}
		said := spark.Failed(t.Context(), &spark.Query{}, &plan.Batch{Name: "late", Pos: feature.Pos{File: "features.py", Line: 3, Col: 1}}, err)
		if text := said.Error(); !strings.HasPrefix(text, "features.py:3:1: spark, computing late: ") || !strings.Contains(text, "memory") || !strings.Contains(text, "log") && !strings.Contains(text, "spark.executor.memory") || strings.Contains(text, "\n") {
			t.Errorf("Spark said %v, and we %v", err, said)
		}
	}
	_ = session.Close() // of what is there no more
}

// An executor that is killed in the middle of a query is made anew by Spark, and the values are right. Where Spark has lost a task with its executor as often as it
// puts up with (spark.task.maxFailures, here once), it gives up: that is told with the definition and a cure, leaves nothing, and the next run is right.
func TestAnExecutorIsLost(t *testing.T) {
	b, in := oneKey(t, 600)
	j, err := enginetest.NewJudge(t.Context(), b, in, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		failures int
		kills    int // so many at most; 0: all
	}{"one": {4, 1}, "all": {1, 0}} {
		t.Run(name, func(t *testing.T) {
			s := server.Own(t, func(ctx context.Context) (*server.Server, error) {
				return server.StartSparkCluster(ctx, fmt.Sprintf("spark.task.maxFailures=%d", c.failures), "spark.deploy.maxExecutorRetries=-1") // executors between whose tasks they were killed are made anew forever
			})
			stage := t.TempDir()
			e := spark.New(spark.Options{Connect: s.URL, Stage: stage, Parquet: parquet.Format{}, Inline: -1, Hot: math.MaxInt64, Uncounted: true,
				Settings: map[string]string{"spark.connect.progress.reportInterval": "50ms"}})
			defer e.Close()
			killed, in := map[int]bool{}, in
			in.At = func(string) { // what it says of running tasks is late
				all, err := s.Executors()
				if err != nil {
					t.Error(err)
				}
				for _, pid := range all {
					if !killed[pid] && (c.kills == 0 || len(killed) < c.kills) {
						killed[pid] = true
						kill(t, pid)
					}
				}
			}
			ask := func() error {
				t.Helper()
				got, err := enginetest.Ask(t.Context(), e, b, in)
				empty(t, stage)
				if err == nil {
					for _, d := range j.Compare(got) {
						t.Error(d)
					}
				}
				return err
			}
			err := ask()
			for c.kills == 0 && err == nil && t.Context().Err() == nil { // each was killed between two tasks
				err = ask()
			}
			switch {
			case len(killed) == 0:
				t.Error("no executor was killed")
			case c.kills == 0 && (err == nil || !strings.Contains(err.Error(), "Spark lost an executor") || !strings.Contains(err.Error(), b.Name) || strings.Contains(err.Error(), "\n")):
				t.Errorf("where Spark gives up: %v", err)
			case c.kills > 0 && err != nil:
				t.Error(err)
			}
			t.Logf("%d were killed: %v", len(killed), err)
			in.At = nil
			if err := ask(); err != nil {
				t.Errorf("and again: %v", err)
			}
		})
	}
}
