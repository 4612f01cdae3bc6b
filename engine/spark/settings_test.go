package spark_test

import (
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/engine/spark"
)

// A stage that is no folder, and settings that are none or that the SQL stands on, are refused by name before the server is asked for anything.
func TestOptionsThatAreRefused(t *testing.T) {
	b, in := groupPlan(t)
	for want, o := range map[string]spark.Options{
		`[batch] stage = "s3://bucket/stage": tables for Spark are written into a folder`: {Stage: "s3://bucket/stage"},
		`"spark.sql.shuffle.partitions" is no setting: write name=value`:                  {Settings: spark.ParseSettings([]string{"spark.sql.shuffle.partitions"})},
		`"set x=1" is no setting`: {Settings: spark.ParseSettings([]string{"set x = 1"})},
		`spark.sql.ansi.enabled is true, on which the printed SQL stands: leave "spark.sql.ansi.en`: {Settings: spark.ParseSettings([]string{"spark.sql.ansi.enabled=false"})},
	} {
		s := &stub{version: "4.3.0"}
		o.Connect = "sc://" + s.listen(t)
		e := spark.New(o)
		if _, err := e.Run(t.Context(), b, in, discard); err == nil || !strings.Contains(err.Error(), want) || s.asked > 0 {
			t.Errorf("%s: %v; it was asked %d times", want, err, s.asked)
		}
	}
}

// What bighead.toml sets is set in the session.
func TestSettingsReachTheSession(t *testing.T) {
	b, in := groupPlan(t)
	e := with(t, spark.Options{Stage: t.TempDir(), Settings: spark.ParseSettings([]string{" spark.sql.shuffle.partitions = 7 ", "spark.sql.ansi.enabled=true"})})
	if _, err := e.Run(t.Context(), b, in, discard); err != nil {
		t.Fatal(err)
	}
	res, err := e.Session().Query(t.Context(), "select '${spark.sql.shuffle.partitions}'")
	if err != nil || len(res.Rows) != 1 || res.Rows[0][0].Str() != "7" {
		t.Errorf("the session has %v partitions, %v", res.Rows, err)
	}
}
