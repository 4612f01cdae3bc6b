package spark_test

import (
	"context"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/parquet"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/enginetest"
	"github.com/bighead-ml/bighead/engine/enginetest/server"
	"github.com/bighead-ml/bighead/engine/spark"
	"github.com/bighead-ml/bighead/engine/spark/connect"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// groupPlan is the plan of testdata/group.py, and inputs with a few rows of events and a spine.
func groupPlan(t *testing.T) (*plan.Batch, engine.Inputs) {
	t.Helper()
	b := planOf(defined(t, []string{"testdata/group.py"})[0])
	at := func(ms int64) value.Value { return value.OfTimestamp(1_704_067_200_000 + ms) }
	var rows, asks [][]value.Value
	for i := range int64(300) {
		s := value.OfString([]string{"a", "b", "c"}[i%3])
		row := []value.Value{value.OfInt(i % 250), value.OfString("k"), value.OfFloat(float64(i) / 8), value.OfInt(i), s, value.OfInt(-i)}
		rows = append(rows, append(row, at(i/2*60_000)))
		asks = append(asks, []value.Value{at(i * 60_000), value.OfString([]string{"k", "unknown"}[i%2])})
	}
	return b, engine.Inputs{
		Spine: enginetest.NewTable(b.Spine.Schema, enginetest.Part{Rows: asks}),
		Open: func(_ context.Context, _ feature.Place, s value.Schema) (dataset.Table, error) {
			if got := strings.Join(s.Names(), " "); got != "id k x n s seq ts" {
				t.Fatalf("the source has the columns %s", got)
			}
			return enginetest.NewTable(s, enginetest.Part{Rows: rows}), nil
		},
	}
}

func discard(*value.Batch) error { return nil }

func empty(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range left {
		t.Errorf("%s is left behind", f.Name())
	}
}

// Tables in files give what the oracle gives, and nothing stays of them.
func TestTablesInFiles(t *testing.T) {
	b, in := groupPlan(t)
	j, err := enginetest.NewJudge(t.Context(), b, in, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	e := with(t, spark.Options{Stage: dir, Parquet: parquet.Format{}, Inline: -1})
	got, err := enginetest.Ask(t.Context(), e, b, in)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range j.Compare(got) {
		t.Error(d)
	}
	empty(t, dir)
}

// What ends a run leaves nothing behind, and comes out as it is.
func TestARunThatEndsEarly(t *testing.T) {
	b, in := groupPlan(t)
	dir := t.TempDir()
	e := with(t, spark.Options{Stage: dir, Parquet: parquet.Format{}, Inline: -1})
	full := errors.New("no room")
	if _, err := e.Run(t.Context(), b, in, func(*value.Batch) error { return full }); !errors.Is(err, full) {
		t.Errorf("the sink's error is %v", err)
	}
	empty(t, dir)

	ctx, cancel := context.WithCancel(t.Context())
	open := in.Open
	in.Open = func(ctx context.Context, p feature.Place, s value.Schema) (dataset.Table, error) {
		cancel() // the spine is staged by now
		return open(ctx, p, s)
	}
	if _, err := e.Run(ctx, b, in, discard); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled run says %v", err)
	}
	empty(t, dir)
}

// A run ends when its context does, while Spark computes, and the engine is of use after it.
func TestACancelledQuery(t *testing.T) {
	b, in := groupPlan(t)
	e := onSpark(t, quick, false)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := e.Run(ctx, b, in, func(*value.Batch) error {
			cancel()
			<-ctx.Done()
			return ctx.Err()
		})
		done <- err
	}()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("the run says %v", err)
	}
	if _, err := e.Run(t.Context(), b, in, discard); err != nil {
		t.Errorf("the next run says %v", err)
	}
}

func TestWhatIsWrongIsSaid(t *testing.T) {
	b, in := groupPlan(t)
	nowhere := with(t, spark.Options{Inline: -1})
	if _, err := nowhere.Run(t.Context(), b, in, discard); err == nil || !strings.Contains(err.Error(), "batch.stage") {
		t.Errorf("without a folder: %v", err)
	}
	bad := with(t, spark.Options{Settings: map[string]string{"spark.sql.shuffle.partitions": "many"}})
	if _, err := bad.Run(t.Context(), b, in, discard); err == nil || !strings.Contains(err.Error(), "spark.sql.shuffle.partitions = many") {
		t.Errorf("a bad setting: %v", err)
	}
	none := spark.New(spark.Options{Connect: "sc://127.0.0.1:1"})
	if _, err := none.Run(t.Context(), b, in, discard); err == nil || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("no server: %v", err)
	}
	if err := none.Close(); err != nil {
		t.Error(err)
	}
}

// An error of Spark is traced to the step, and with it to the definition.
func TestAnErrorIsTraced(t *testing.T) {
	b, _ := groupPlan(t)
	q, err := spark.Print(b, tablesOf(b), spark.Shape{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = server.Spark(t).Query(t.Context(), q.String())
	var answer *connect.Error
	if !errors.As(err, &answer) || answer.Class != "TABLE_OR_VIEW_NOT_FOUND" {
		t.Fatalf("tables that are not there: %v", err)
	}
	var step *spark.StepError
	if err := q.Traced(err); !errors.As(err, &step) || step.Step != "spine_read" && step.Step != "j0_read" || !regexp.MustCompile(`group\.py:\d+:\d+`).MatchString(err.Error()) {
		t.Errorf("traced to %v", err)
	}
}
