package spark_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/spark"
	"github.com/bighead-ml/bighead/engine/spark/connect"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// What Spark fails at says what it computed, and what to do where that is known.
func TestFailuresNameTheDefinition(t *testing.T) {
	q, b := &spark.Query{}, &plan.Batch{Name: "late"}
	for says, cure := range map[string]string{ // the first three are Spark 4.3's own words, of TestSparkRunsOutOfMemory
		"rpc error: code = Unknown desc = Application error processing RPC":                                                                                         "its log says which", // of the same test, where the server is stopping
		"Cannot call methods on a stopped SparkContext.\nThis stopped SparkContext was created at:\n\norg.apache.spark.sql.connect.service.SparkConnectServer.main": "more memory",
		"Job 7 cancelled because SparkContext was shut down":                                                                                                        "more memory",
		"Job aborted due to stage failure: java.lang.OutOfMemoryError: Java heap space\n\tat x":                                                                     "more memory",
		// From "Lost task" on Spark 4.3's own words in its log, where an executor was killed under a task.
		"Job aborted due to stage failure: Task 0 in stage 2.0 failed 4 times, most recent failure: Lost task 0.3 in stage 2.0 (TID 5) (127.0.0.1 executor 3): ExecutorLostFailure (executor 3 exited caused by one of the running tasks) Reason: Command exited with code 137\nDriver stacktrace:": "lost an executor",
		"[OPERATION_CANCELED] Operation has been canceled. SQLSTATE: HY008": "somebody cancelled it",
		"[DIVIDE_BY_ZERO] Division by zero.":                                "",
	} {
		err := spark.Failed(t.Context(), q, b, &connect.Error{Message: says})
		var run *spark.RunError
		if !errors.As(err, &run) || run.Of != "late" || !strings.HasPrefix(err.Error(), "spark, computing late: ") || !strings.Contains(err.Error(), cure) || (cure == "") != (run.Cure == "") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q becomes %v", says, err)
		}
	}
	gone := spark.Failed(t.Context(), q, b, &connect.GoneError{Address: "host:1", Err: errors.New("EOF")})
	if !strings.Contains(gone.Error(), "computing late: spark at host:1: ") {
		t.Errorf("%v", gone)
	}
}

// What Spark cannot be told is said with its name and a cure before a table is opened or a server asked.
func TestRefusals(t *testing.T) {
	const definitions = `
e = bh.EventSource("e", columns={"user": bh.String, "x": bh.Int}, time="ts")
s = bh.EventSource("s", columns={"user": bh.String, "tags": bh.List(bh.String), "y": bh.Float}, time="ask")
v = bh.FeatureView("v", groups=[bh.FeatureGroup("g", source=e, keys=["user"], features=[bh.count(name="n")])])
t = bh.TrainingSet("t", view=v, spine=bh.Spine(s, at="ask", sample=0.5, sample_by="tags"), labels={"y": "y"})
`
	file := filepath.Join(t.TempDir(), "refused.py")
	if err := os.WriteFile(file, []byte(definitions), 0o644); err != nil {
		t.Fatal(err)
	}
	in := engine.Inputs{Open: func(_ context.Context, p feature.Place, _ value.Schema) (dataset.Table, error) {
		t.Errorf("%s is opened", p.Path)
		return nil, errors.ErrUnsupported
	}}
	_, err := spark.New(spark.Options{Connect: "sc://127.0.0.1:1"}).Run(t.Context(), planOf(defined(t, []string{file})[0]), in, func(*value.Batch) error { return nil })
	var refused *spark.Unsupported
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "column tags of the spine: a sample by a list<string>; name other columns in sample_by") {
		t.Errorf("%v", err)
	}
}
