package main

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	servers "github.com/bighead-ml/bighead/engine/enginetest/server"
	"github.com/bighead-ml/bighead/engine/spark/connect"
)

// onHive is a Spark whose catalogue is a Hive metastore, and a database for the test with its folder.
type onHive struct {
	t         *testing.T
	spark     *connect.Session
	sparkURL  string
	metastore string
	db, dir   string
}

func newOnHive(t *testing.T) *onHive {
	t.Helper()
	h := &onHive{t: t, metastore: servers.Metastore(t), dir: t.TempDir()}
	h.spark, h.sparkURL = servers.SparkOnHive(t)
	h.db = strings.ToLower(strings.Map(func(r rune) rune {
		if r == '/' || r == '#' {
			return '_'
		}
		return r
	}, t.Name()))
	h.exec("create database " + h.db + " location 'file://" + (&url.URL{Path: h.dir}).EscapedPath() + "'")
	t.Cleanup(func() {
		if _, err := h.spark.Query(t.Context(), "select 1"); err == nil {
			h.exec("drop database " + h.db + " cascade")
		}
	})
	return h
}

func (h *onHive) exec(sql string) {
	h.t.Helper()
	if err := h.spark.Exec(h.t.Context(), strings.ReplaceAll(sql, "{db}", h.db)); err != nil {
		h.t.Fatalf("%s: %v", sql, err)
	}
}

// project is a folder with definitions, and settings that name the metastore.
func (h *onHive) project(features string) string {
	h.t.Helper()
	dir := smallProject(h.t, strings.ReplaceAll(features, "{db}", h.db))
	h.write(dir, "bighead.toml", "[hive]\nmetastore = [\""+h.metastore+"\"]\n")
	return dir
}

func (h *onHive) write(dir, name, text string) {
	h.t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		h.t.Fatal(err)
	}
}

// rows runs a training set into a CSV.
func (h *onHive) rows(dir string, args ...string) string {
	h.t.Helper()
	file := filepath.Join(h.t.TempDir(), "rows.csv")
	code, out, stderr := bighead(h.t, dir, append([]string{"training-set", "t", "--out", file}, args...)...)
	if code != exitGood {
		h.t.Fatalf("training-set answers %d\n%s%s", code, out, stderr)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		h.t.Fatal(err)
	}
	return string(b)
}

const hiveFeatures = `import bighead as bh

e = bh.EventSource("e", %s, time="ts")
g = bh.FeatureGroup("g", source=e, keys=["carrier"], features=[bh.sum("delay", windows=["1h", "2d"]), bh.avg("fare", windows=["1d"]), bh.last("tail"), bh.count(windows=["1d"])])
v = bh.FeatureView("v", groups=[g])
t = bh.TrainingSet("t", view=v, spine=bh.Spine(e, at="ts", keep=["ds", "delay"]))
`

// flightsTable has Spark write a partitioned table of 1000 rows over four days, with nulls, as a Hive table or one of its own.
func (h *onHive) flightsTable(name, kind string) {
	h.t.Helper()
	h.exec(fmt.Sprintf(`create table {db}.%s (ts timestamp, carrier string, delay int, fare decimal(10,2), tail string, ds date) %s partitioned by (ds)`, name, kind))
	h.exec(fmt.Sprintf(`insert into {db}.%s select timestamp '2024-01-01 00:00:00' + make_interval(0, 0, 0, 0, 0, id * 5, id), concat('c', id %% 7),
		if(id %% 11 = 0, null, cast(id %% 60 as int)), cast(id %% 97 / 4.0 as decimal(10,2)), concat('t', id %% 13), date_add(date '2024-01-01', cast(id div 288 as int)) from range(1000)`, name))
}

// Spark writes a table, and a training set reads it through the metastore as it reads the folder.
func TestTrainingSetOfAHiveTable(t *testing.T) {
	h := newOnHive(t)
	h.flightsTable("flights", "using parquet")
	folder := h.rows(h.project(fmt.Sprintf(hiveFeatures, fmt.Sprintf("path=%q", filepath.Join(h.dir, "flights")))))
	table := h.rows(h.project(fmt.Sprintf(hiveFeatures, `table="hive:{db}.flights"`)))
	if table != folder || strings.Count(table, "\n") != 1001 {
		t.Errorf("the table gives %d lines, the folder %d; the first are\n%.600s\n%.600s", strings.Count(table, "\n"), strings.Count(folder, "\n"), table, folder)
	}
}
