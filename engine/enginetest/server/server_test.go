package server_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/engine/enginetest/server"
	"github.com/bighead-ml/bighead/engine/flink/gateway"
	"github.com/bighead-ml/bighead/engine/spark/connect"
	"github.com/bighead-ml/bighead/value"
)

func TestMain(m *testing.M) { os.Exit(server.Main(m)) }

// row compares one row of a result with its values' texts.
func row(t *testing.T, schema value.Schema, got []value.Value, types string, want ...value.Value) {
	t.Helper()
	var have []string
	for _, f := range schema {
		have = append(have, f.Type.String())
	}
	if text := strings.Join(have, " "); text != types {
		t.Errorf("types %s, want %s", text, types)
	}
	if len(got) != len(want) {
		t.Fatalf("%d values, want %d", len(got), len(want))
	}
	for i := range want {
		if !value.Equal(got[i], want[i]) {
			t.Errorf("%s: %v, want %v", schema[i].Name, got[i], want[i])
		}
	}
}

func TestSparkAnswersTypedRows(t *testing.T) {
	s := server.Spark(t)
	res, err := s.Query(t.Context(), `select true b, -9223372036854775808L i, 4.9e-324d f, '𝒳' s, x'00ff' raw, timestamp '1969-12-31 23:59:59.9999' ts,
		date '0001-01-01' d, array(1L, null) l, map('b', 2.5d, 'a', null) m, named_struct('x', 'y', 'n', null) st, cast(null as string) nul, 12.50BD dec`)
	if err != nil {
		t.Fatal(err)
	}
	row(t, res.Schema, res.Rows[0], "bool int float string bytes timestamp date list<int> map<string,float> struct<x:string,n:null> string float",
		value.OfBool(true), value.OfInt(math.MinInt64), value.OfFloat(4.9e-324), value.OfString("𝒳"), value.OfBytes([]byte{0, 255}), value.OfTimestamp(-1),
		value.OfDate(value.MinDate), value.OfList([]value.Value{value.OfInt(1), {}}), value.OfMap([]value.Entry{{Key: "a"}, {Key: "b", Value: value.OfFloat(2.5)}}),
		value.OfStruct([]value.Entry{{Key: "x", Value: value.OfString("y")}, {Key: "n"}}), value.Value{}, value.OfFloat(12.5))
	if res, err = s.Query(t.Context(), "select double('NaN') nan, -0d z, array(double('-Infinity')) l, 1d one"); err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(res.Altered), "[{0 0} {0 1} {0 2}]"; got != want {
		t.Errorf("altered %s, want %s", got, want)
	}
}

func TestSparkRunsCommandsAndStreams(t *testing.T) {
	s := server.Spark(t)
	ctx := t.Context()
	for _, sql := range []string{
		"create table events (k string, x bigint) using parquet",
		"insert into events select concat('k', id % 3), id from range(100000)",
	} {
		if err := s.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if err := s.Exec(context.Background(), "drop table events"); err != nil {
			t.Error(err)
		}
	})
	res, err := s.Query(ctx, "select x from events")
	if err != nil {
		t.Fatal(err)
	}
	sum := int64(0)
	for _, r := range res.Rows {
		sum += r[0].Int()
	}
	if len(res.Rows) != 100_000 || sum != 4_999_950_000 {
		t.Errorf("%d rows of sum %d", len(res.Rows), sum)
	}
	if res, err = s.Query(ctx, "select * from events where x < 0"); err != nil || len(res.Rows) != 0 || len(res.Schema) != 2 {
		t.Errorf("an empty result: %v, %v", res, err)
	}
	if err := s.Exec(ctx, "select 1/0"); err == nil || !strings.Contains(err.Error(), "Query") {
		t.Errorf("a query given to Exec: %v", err)
	}
}

func TestSparkErrorsHaveTheirClass(t *testing.T) {
	s := server.Spark(t)
	for sql, class := range map[string]string{
		"select nope":                      "UNRESOLVED_COLUMN.WITHOUT_SUGGESTION",
		"selec 1":                          "PARSE_SYNTAX_ERROR",
		"select 1/0":                       "DIVIDE_BY_ZERO",
		"select id/(id-id) from range(10)": "DIVIDE_BY_ZERO",
	} {
		_, err := s.Query(t.Context(), sql)
		var e *connect.Error
		if !errors.As(err, &e) || e.Class != class || len(e.SQLState) != 5 {
			t.Errorf("%s: got %#v, want class %s", sql, err, class)
		}
	}
	if res, err := s.Query(t.Context(), "select 1"); err != nil || len(res.Rows) != 1 {
		t.Errorf("the session does not go on after errors: %v, %v", res, err)
	}
}

// TestSparkQueriesAreInterrupted gives up a query that would hold both cores for days, after which the server must have
// them back: another query is answered.
func TestSparkQueriesAreInterrupted(t *testing.T) {
	s := server.Spark(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	_, err := s.Query(ctx, "select sum(sqrt(id)) from range(0, 1000000000000000, 1, 2)")
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("want the context's error, got %v", err)
	}
	patient, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	res, err := s.Query(patient, "select count(*) from range(0, 1000, 1, 4)")
	if err != nil || res.Rows[0][0].Int() != 1000 {
		t.Fatalf("got %v, %v", res.Rows, err)
	}
}

const flinkTypes = "SELECT TRUE `b`, -9223372036854775808 `i`, CAST('4.9E-324' AS DOUBLE) `f`, '𝒳' `s`, X'00ff' `raw`, " +
	"TIMESTAMP '1969-12-31 23:59:59.9999' `ts`, DATE '0001-01-01' `d`, ARRAY[1, CAST(NULL AS BIGINT)] `l`, MAP['b', 2.5e0, 'a', CAST(NULL AS DOUBLE)] `m`, " +
	"CAST(ROW('y', 1) AS ROW<x STRING, n INT>) `st`, CAST(NULL AS STRING) `nul`, TO_TIMESTAMP_LTZ(-1, 3) `lz`, CAST(12.5 AS DECIMAL(10, 2)) `dec`"

func TestFlinkAnswersTypedRows(t *testing.T) {
	s := server.Flink(t)
	res, err := s.Query(t.Context(), flinkTypes)
	if err != nil {
		t.Fatal(err)
	}
	row(t, res.Schema, res.Rows[0], "bool int float string bytes timestamp date list<int> map<string,float> struct<x:string,n:int> string timestamp float",
		value.OfBool(true), value.OfInt(math.MinInt64), value.OfFloat(4.9e-324), value.OfString("𝒳"), value.OfBytes([]byte{0, 255}), value.OfTimestamp(-1),
		value.OfDate(value.MinDate), value.OfList([]value.Value{value.OfInt(1), {}}), value.OfMap([]value.Entry{{Key: "a"}, {Key: "b", Value: value.OfFloat(2.5)}}),
		value.OfStruct([]value.Entry{{Key: "x", Value: value.OfString("y")}, {Key: "n", Value: value.OfInt(1)}}), value.Value{}, value.OfTimestamp(-1), value.OfFloat(12.5))
}

func TestFlinkRunsStatementsAndFetchesAllPages(t *testing.T) {
	s := server.Flink(t)
	ctx := t.Context()
	if err := s.Exec(ctx, "CREATE TEMPORARY TABLE numbers (x BIGINT) WITH ('connector' = 'datagen', 'number-of-rows' = '20000', 'fields.x.kind' = 'sequence', 'fields.x.start' = '1', 'fields.x.end' = '20000')"); err != nil {
		t.Fatal(err)
	}
	pages, rows := 0, 0
	err := s.Pages(ctx, "SELECT x FROM numbers", func(p gateway.Page) error {
		pages++
		rows += len(p.Rows)
		return nil
	})
	if err != nil || rows != 20_000 || pages < 3 {
		t.Fatalf("%d rows in %d pages, %v", rows, pages, err)
	}
	res, err := s.Query(ctx, "SELECT COUNT(*), SUM(x) FROM numbers")
	if err != nil {
		t.Fatal(err)
	}
	row(t, res.Schema, res.Rows[0], "int int", value.OfInt(20_000), value.OfInt(200_010_000))
}

func TestFlinkErrorsAreTheLastCause(t *testing.T) {
	s := server.Flink(t)
	for sql, want := range map[string]string{
		"SELECT nope": "Column 'nope' not found in any table",
		"SELEC 1":     "Non-query expression encountered in illegal context",
		"SELECT 1/(x-x) FROM (VALUES (CHAR_LENGTH(UUID()))) AS t(x)": "/ by zero",
	} {
		_, err := s.Query(t.Context(), sql)
		var e *gateway.Error
		if !errors.As(err, &e) || !strings.Contains(e.Cause, want) || strings.Contains(e.Cause, "\tat ") {
			t.Errorf("%s: got %v, want %q", sql, err, want)
		}
	}
}

func TestFlinkQueriesAreCancelled(t *testing.T) {
	s := server.Flink(t)
	if err := s.Exec(t.Context(), "SET 'execution.runtime-mode' = 'streaming'"); err != nil {
		t.Fatal(err)
	}
	if err := s.Exec(t.Context(), "CREATE TEMPORARY TABLE endless (x BIGINT) WITH ('connector' = 'datagen')"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := s.Pages(ctx, "SELECT x FROM endless", func(p gateway.Page) error {
		if len(p.Rows) > 0 {
			cancel()
		}
		return ctx.Err()
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("want the context's error, got %v", err)
	}
	server.NoFlinkJobs(t)
}
