package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/engine"
	servers "github.com/bighead-ml/bighead/engine/enginetest/server"
	"github.com/bighead-ml/bighead/engine/spark/connect"
)

// onHive is a Spark whose catalogue is a Hive metastore, and a database for the test with its folder; it goes with the metastore.
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
	h.exec(fmt.Sprintf(`insert into {db}.%s select timestamp '2024-01-01 00:00:00' + make_interval(0, 0, 0, 0, 0, id * 5, id div 10), concat('c', id %% 7),
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
	if spark := h.sparkRows(fmt.Sprintf(hiveFeatures, `table="hive:{db}.flights"`)); unordered(spark) != unordered(table) {
		t.Errorf("on Spark the table gives %d lines, here %d; the first are\n%.600s\n%.600s", strings.Count(spark, "\n"), strings.Count(table, "\n"), spark, table)
	}
}

// sparkRows runs the training set on Spark.
func (h *onHive) sparkRows(features string) string {
	h.t.Helper()
	dir := h.project(features)
	h.write(dir, "bighead.toml", "[hive]\nmetastore = [\""+h.metastore+"\"]\n[batch]\nremote = \""+h.sparkURL+"\"\nstage = \"stage\"\n")
	return h.rows(dir, "--engine", "spark")
}

// unordered is a text whose lines have no order.
func unordered(text string) string { return strings.Join(slices.Sorted(strings.Lines(text)), "") }

// What Hive keeps in other ways reads the same: its own Parquet tables, text, columns that were added later, one partition or some.
func TestHiveTablesOfOtherKinds(t *testing.T) {
	h := newOnHive(t)
	h.flightsTable("flights", "using parquet")
	all := h.rows(h.project(fmt.Sprintf(hiveFeatures, `table="hive:{db}.flights"`)))
	columns := "ts timestamp, carrier string, delay int, fare decimal(10,2), tail string"
	for kind, create := range map[string]string{
		"parquet": "create table {db}.own (" + columns + ") partitioned by (ds date) stored as parquet",
		"text":    "create table {db}.own (" + columns + ") partitioned by (ds date) row format delimited fields terminated by '|' escaped by '\\\\' stored as textfile",
	} {
		h.exec("drop table if exists {db}.own")
		h.exec(create)
		h.exec("insert into {db}.own select * from {db}.flights")
		if got := h.rows(h.project(fmt.Sprintf(hiveFeatures, `table="hive:{db}.own"`))); got != all {
			t.Errorf("%s gives\n%.600s\nwant\n%.600s", kind, got, all)
		}
	}
	for place, want := range map[string]int{
		"hive:{db}.flights/ds=2024-01-02": 288, "hive:{db}.flights/ds>=2024-01-02/ds<2024-01-04": 576, "hive:{db}.own/ds!=2024-01-01": 712,
	} {
		got := h.rows(h.project(fmt.Sprintf(hiveFeatures, fmt.Sprintf("table=%q", place))))
		if n := strings.Count(got, "\n") - 1; n != want {
			t.Errorf("%s gives %d rows, want %d", place, n, want)
		}
	}
	h.exec("drop table {db}.own")
	h.exec("create table {db}.own stored as parquet as select 'a' as k, timestamp '2024-01-01 00:00:00' as ts")
	h.exec("alter table {db}.own add columns (x bigint)")
	h.exec("insert into {db}.own values ('a', timestamp '2024-01-01 00:30:00', 7)")
	got := h.rows(h.project(strings.ReplaceAll(smallFeatures, `path="e.csv"`, `table="hive:{db}.own"`)))
	lines := slices.Sorted(strings.Lines(got))
	if want := "a,2024-01-01T00:00:00Z,,0,0\na,2024-01-01T00:30:00Z,,0,0\nk,at,g__x_sum_1h,g__x_last,twice\n"; strings.Join(lines, "") != want {
		t.Errorf("a column that was added later gives\n%swant\n%s", got, want)
	}
	if spark := h.sparkRows(strings.ReplaceAll(smallFeatures, `path="e.csv"`, `table="hive:{db}.own"`)); unordered(spark) != unordered(got) {
		t.Errorf("on Spark a column that was added later gives\n%swant\n%s", spark, got)
	}
}

// Folders of partitions are called as Hive escapes their values, and locations say them as they are.
func TestHivePartitionsOfAnyText(t *testing.T) {
	h := newOnHive(t)
	h.exec("create table {db}.texts (k string, x bigint, ts timestamp, p string) using parquet partitioned by (p)")
	h.exec("insert into {db}.texts values ('a', 1, timestamp '2024-01-01 00:00:00', 'a:b c%d'), ('a', 2, timestamp '2024-01-01 00:10:00', '50%41'), ('b', 4, timestamp '2024-01-01 00:20:00', 'ü=/?')")
	features := strings.ReplaceAll(smallFeatures, `path="e.csv"`, `table="hive:{db}.texts"`)
	const want = "a,2024-01-01T00:00:00Z,,0,0\na,2024-01-01T00:10:00Z,1,1,2\nb,2024-01-01T00:20:00Z,,0,0\n"
	for road, got := range map[string]string{"here": h.rows(h.project(features)), "on Spark": h.sparkRows(features)} {
		_, rows, _ := strings.Cut(got, "\n")
		if unordered(rows) != want {
			t.Errorf("%s\n%swant\n%s", road, got, want)
		}
	}
	if err := h.tryProject(strings.ReplaceAll(features, "texts", "texts/p=50%2541")); err != "" {
		t.Error(err)
	}
}

// tryProject runs the training set, and gives what is said where it is refused.
func (h *onHive) tryProject(features string) string {
	h.t.Helper()
	code, out, stderr := bighead(h.t, h.project(features), "training-set", "t", "--out", filepath.Join(h.t.TempDir(), "rows.csv"))
	if code == exitGood {
		return ""
	}
	return out + stderr
}

// A table on the cluster's file system is read where that is mounted, by either engine; elsewhere it is said how.
func TestHiveTablesOfAClusterThatIsMounted(t *testing.T) {
	h := newOnHive(t)
	h.flightsTable("flights", "using parquet")
	features := fmt.Sprintf(hiveFeatures, `table="hive:{db}.flights"`)
	want := h.rows(h.project(features))
	const location = "hdfs://cluster.example:8020/warehouse/flights"
	for _, day := range []string{"2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"} {
		h.exec("alter table {db}.flights partition (ds='" + day + "') set location '" + location + "/ds=" + day + "'")
	}
	if said := h.tryProject(features); !strings.Contains(said, "lies at "+location+"/ds=2024-01-01, and hdfs:// is not read: where it is mounted, say so under [hive], mounts = [\"hdfs://cluster.example:8020/warehouse=/where/it/is/mounted\"]") {
		t.Errorf("where it is not mounted: %s", said)
	}
	for _, c := range []struct {
		engine string
		args   []string
	}{{"local", nil}, {"spark", []string{"--engine", "spark"}}} {
		dir := h.project(features)
		h.write(dir, "bighead.toml", fmt.Sprintf("[hive]\nmetastore = [%q]\nmounts = [\"hdfs://cluster.example:8020/ware=/nowhere\", \"hdfs://cluster.example:8020/warehouse/=%s/\"]\n[batch]\nremote = %q\nstage = \"stage\"\n", h.metastore, h.dir, h.sparkURL))
		if got := h.rows(dir, c.args...); unordered(got) != unordered(want) {
			t.Errorf("%s: %d lines, not %d; the first are\n%.600s\n%.600s", c.engine, strings.Count(got, "\n"), strings.Count(want, "\n"), got, want)
		}
	}
}

// moved has all partitions of a table lie on a file system that Spark alone reaches; the files stay.
func (h *onHive) moved(table string, days ...string) {
	h.t.Helper()
	for _, day := range days {
		h.exec("alter table {db}." + table + " partition (ds='" + day + "') set location '" + servers.Far + filepath.Join(h.dir, table, "ds="+day) + "'")
	}
}

var hiveDays = []string{"2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"}

// A table on a cluster's file system that nobody has mounted is read by Spark by its name, spine and source; the embedded engine refuses it, and says so.
func TestHiveTablesThatSparkAloneReaches(t *testing.T) {
	h := newOnHive(t)
	h.flightsTable("flights", "using parquet")
	h.exec("create table {db}.own (ts timestamp, carrier string, delay int, fare decimal(10,2), tail string) partitioned by (ds date) stored as parquet")
	h.exec("insert into {db}.own select * from {db}.flights")
	features := fmt.Sprintf(hiveFeatures, `table="hive:{db}.flights"`)
	want := h.rows(h.project(features))
	some := h.rows(h.project(strings.ReplaceAll(features, ".flights", ".flights/ds>=2024-01-02/ds!=2024-01-03")))
	if strings.Count(want, "\n") != 1001 || strings.Count(some, "\n") != 425 {
		t.Fatalf("the table gives %d lines, some of it %d", strings.Count(want, "\n"), strings.Count(some, "\n"))
	}
	for _, table := range []string{"flights", "own"} {
		h.moved(table, hiveDays...)
		features := strings.ReplaceAll(features, ".flights", "."+table)
		if said := h.tryProject(features); !strings.Contains(said, "lies at "+servers.Far) || !strings.Contains(said, `or have Spark, whose catalog it is in too, read it by its name: [batch] engine = "spark"`) || !strings.Contains(said, "features.py:6:5: spine of t: table ") {
			t.Errorf("the embedded engine says %s", said)
		}
		if code, out, stderr := bighead(t, h.project(features), "check"); code != exitGood {
			t.Errorf("check answers %d\n%s%s", code, out, stderr)
		}
		if got := h.sparkRows(features); unordered(got) != unordered(want) {
			t.Errorf("%s by its name gives %d lines, want %d; the first are\n%.600s\n%.600s", table, strings.Count(got, "\n"), strings.Count(want, "\n"), got, want)
		}
		if got := h.sparkRows(strings.ReplaceAll(features, "."+table, "."+table+"/ds>=2024-01-02/ds!=2024-01-03")); unordered(got) != unordered(some) {
			t.Errorf("some of %s by its name gives %d lines, want %d; the first are\n%.600s\n%.600s", table, strings.Count(got, "\n"), strings.Count(some, "\n"), got, some)
		}
	}
}

// A bundle reads a Hive table by its name, wherever its partitions lie, and those that come later; run again it replaces what it wrote, and leaves a
// table alone that is called as the training set is.
func TestABundleOfHiveTables(t *testing.T) {
	h := newOnHive(t)
	h.flightsTable("flights", "using parquet")
	features := fmt.Sprintf(hiveFeatures, `table="hive:{db}.flights/ds<2024-01-04"`)
	csv := h.rows(h.project(features))
	h.exec("create table default.t using parquet as select 7 as theirs")
	defer func() {
		h.exec("drop table default.t")
		h.exec("drop table if exists default.bighead_t")
	}()
	// A partition that comes once the bundle is made: its files are kept elsewhere meanwhile, as dropping it removes them.
	if err := os.CopyFS(filepath.Join(h.dir, "kept"), os.DirFS(filepath.Join(h.dir, "flights", "ds=2024-01-03"))); err != nil {
		t.Fatal(err)
	}
	h.exec("alter table {db}.flights drop partition (ds = '2024-01-03')")
	h.moved("flights", "2024-01-01", "2024-01-02", "2024-01-04")
	dir, bundle, out := h.project(features), filepath.Join(t.TempDir(), "bundle"), filepath.Join(t.TempDir(), "rows")
	if code, said, stderr := bighead(t, dir, "explain", "t", "--engine", "spark", "--bundle", bundle); code != exitGood {
		t.Fatalf("explain --bundle answers %d\n%s%s", code, said, stderr)
	}
	h.exec("alter table {db}.flights add partition (ds = '2024-01-03') location 'file://" + filepath.Join(h.dir, "kept") + "'")
	h.exec("alter table {db}.flights partition (ds = '2024-01-03') set location '" + servers.Far + filepath.Join(h.dir, "kept") + "'")
	sql, err := os.ReadFile(filepath.Join(bundle, "t.sql"))
	if err != nil {
		t.Fatal(err)
	}
	h.write(bundle, "twice.sql", string(sql)+string(sql))
	if err := servers.SparkSQLOnHive(t, "--properties-file", filepath.Join(bundle, "t.conf"), "-d", "out="+out, "-f", filepath.Join(bundle, "twice.sql")); err != nil {
		t.Fatal(err)
	}
	const columns = "carrier, unix_millis(cast(at as timestamp)), cast(g__delay_sum_1h as bigint), cast(g__delay_sum_2d as bigint), cast(g__fare_avg_1d as double), g__tail_last, cast(g__count_1d as bigint), cast(delay as bigint), cast(ds as date)"
	h.exec("create temporary view written using csv options (path '" + h.csvFile(csv) + "', header true, inferSchema true)")
	rows := func(table string) string {
		t.Helper()
		r, err := h.spark.Query(t.Context(), "select count(*), sum(hash(*)), min(g__tail_last) from (select "+columns+" from "+table+")")
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(r.Rows)
	}
	if got, want := rows("parquet.`"+out+"`"), rows("written"); got != want || !strings.HasPrefix(want, "[[864 ") {
		t.Errorf("the bundle gives %s, want %s", got, want)
	}
	if r, err := h.spark.Query(t.Context(), "select * from default.t"); err != nil || fmt.Sprint(r.Rows) != "[[7]]" {
		t.Errorf("another's table of the training set's name has %v, %v", r.Rows, err)
	}
	for name, says := range map[string]string{"README.md": "flights of the Hive metastore at " + strings.TrimPrefix(h.metastore, "thrift://") + " by name", "t.conf": "spark.sql.caseSensitive false\n"} {
		if b, err := os.ReadFile(filepath.Join(bundle, name)); err != nil || !strings.Contains(string(b), says) {
			t.Errorf("%s says %s, %v", name, b, err)
		}
	}
	h.exec("create table {db}.texts (ts timestamp, carrier string, delay int, fare decimal(10,2), tail string) partitioned by (ds date) stored as textfile")
	if code, _, stderr := bighead(t, h.project(strings.ReplaceAll(features, ".flights/ds<2024-01-04", ".texts")), "explain", "t", "--engine", "spark", "--bundle", bundle); code != exitMistake ||
		!strings.Contains(stderr, "features.py:3:5: source e: table "+h.db+".texts of the Hive metastore at ") || !strings.Contains(stderr, "is text, whose times Spark would read in the zone of its machines") {
		t.Errorf("a table of text answers %d\n%s", code, stderr)
	}
}

const hiveKinds = `import bighead as bh

e = bh.EventSource("e", table="hive:{db}.mixed", time="ts", id="u", known_at="known", time_unit="s", where="x < 90.5")
g = bh.FeatureGroup("g", source=e, keys=["k"], features=[
    bh.sum("x", windows=["1h"]), bh.sum("amount"), bh.max("day"), bh.min("old"), bh.last("code"), bh.last("l"), bh.last("m"), bh.last("s"), bh.histogram("p", k=5), bh.count(),
])
p = bh.EntitySource("p", table="hive:{db}.mixed", keys=["k"], time="ts")
q = bh.EntitySource("q", table="hive:{db}.snaps", keys=["k"], snapshot="ds")
v = bh.FeatureView("v", groups=[g, bh.FeatureGroup("h", source=p, features=[bh.latest("code"), bh.latest("p")]), bh.FeatureGroup("i", source=q, features=[bh.latest("v")])])
t = bh.TrainingSet("t", view=v, spine=bh.Spine(e, at="ts", keep=["u", "day", "p"]), labels={"y": "x + 1"}, start="2024-01-01", end="2024-01-03")
`

// Whatever a table has is read by its name as it is in its files: columns that these write in another case, of all types, times in seconds, partitions of any text
// and of none, some of them here; events with an id and known_at, entities, snapshots.
func TestHiveTablesOfAllKindsThatSparkAloneReaches(t *testing.T) {
	h := newOnHive(t)
	const columns = "k string, ts timestamp, u bigint, known bigint, x float, amount decimal(12,3), day date, old timestamp, code char(4), l array<int>, m map<string,float>, s struct<ab:int,t:timestamp>"
	rows := func(from, to int) string {
		return fmt.Sprintf(`select concat('k', id %% 3) as K, timestamp '2024-01-01 00:00:00' + make_interval(0, 0, 0, 0, 0, id * 5, 0) as Ts, id div 2 as U, 1704067200 + id * 290 as Known,
			cast(if(id %% 11 = 0, null, id %% 97 / 4.0) as float) as X, cast(id * 1.125 as decimal(12,3)) as Amount, date_from_unix_date(cast(id as int) - 200000) as Day, timestamp_micros(id * 1000007 - 62000000000000000) as Old,
			concat('c', id %% 13) as Code, array(cast(id as int), null) as L, map('a', cast(id as float)) as M, named_struct('Ab', cast(id as int), 'T', timestamp_micros(id * 1001)) as S from range(%d, %d)`, from, to)
	}
	h.exec("create external table {db}.mixed (" + columns + ") partitioned by (p string) stored as parquet location 'file://" + filepath.Join(h.dir, "mixed") + "'")
	h.exec("insert into {db}.mixed select *, null from (" + rows(0, 200) + ")")
	h.exec("set spark.sql.parquet.outputTimestampType = TIMESTAMP_MICROS")
	odd := []string{"a:b c%d", "ü=?"}
	for i, p := range odd {
		folder := filepath.Join(h.dir, fmt.Sprint("part", i))
		h.exec("insert overwrite directory '" + folder + "' using parquet " + rows(150+i*150, 350+i*150))
		h.exec("alter table {db}.mixed add partition (p = '" + p + "') location 'file://" + folder + "'")
	}
	h.exec("create table {db}.snaps (k string, v bigint, ds date) using parquet partitioned by (ds)")
	h.exec("insert into {db}.snaps select concat('k', id % 4), id, date_add(date '2023-12-31', cast(id div 4 as int)) from range(12)")
	out := func(engine string) string {
		t.Helper()
		dir := h.project(hiveKinds)
		h.settings(dir, engine)
		file := filepath.Join(dir, "rows.ndjson")
		code, said, stderr := bighead(t, dir, "training-set", "t", "--out", file)
		if code != exitGood {
			return said + stderr
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	want := strings.NewReplacer(`"Ab":`, `"ab":`, `"T":`, `"t":`).Replace(out("")) // the embedded engine calls a struct's fields as the files do, and not the table
	if strings.Count(want, "\n") < 300 || !strings.Contains(want, `"c12"`) {
		t.Fatalf("the embedded engine gives\n%s", want[max(0, len(want)-900):])
	}
	for i, p := range odd {
		h.exec("alter table {db}.mixed partition (p = '" + p + "') set location '" + servers.Far + filepath.Join(h.dir, fmt.Sprint("part", i)) + "'")
	}
	h.moved("snaps", "2023-12-31", "2024-01-01", "2024-01-02")
	if got := out("spark"); unordered(got) != unordered(want) {
		g, w := slices.Sorted(strings.Lines(got)), slices.Sorted(strings.Lines(want))
		for i := range min(len(g), len(w)) {
			if g[i] != w[i] {
				t.Errorf("Spark gives %d lines, want %d; the first that differs is\n%swant\n%s", len(g), len(w), g[i], w[i])
				break
			}
		}
	}
	// Files of another type than the table has.
	h.exec("insert overwrite directory '" + filepath.Join(h.dir, "part1") + "' using parquet select concat('k', id) as k, timestamp '2024-01-01 00:00:00' as ts, concat('u', id) as u from range(3)")
	if said := out("spark"); !strings.Contains(said, "features.py:") || !strings.Contains(said, "part1") {
		t.Errorf("of files of another type it says %s", said)
	}
}

// A Spark that has another table by the name, or none, is told apart before anything is computed, and doctor says so too.
func TestHiveTablesThatSparkHasOtherwise(t *testing.T) {
	h := newOnHive(t)
	h.flightsTable("flights", "using parquet")
	h.moved("flights", hiveDays...)
	other, url := servers.Spark(t), servers.SparkURL(t)
	dir := h.project(fmt.Sprintf(hiveFeatures, `table="hive:{db}.flights"`))
	h.write(dir, "bighead.toml", "[hive]\nmetastore = [\""+h.metastore+"\"]\n[batch]\nengine = \"spark\"\nremote = \""+url+"/;user_id=me\"\nstage = \"stage\"\n")
	at := strings.TrimPrefix(url, "sc://")
	create := func(columns, location string) []string {
		return []string{"create database if not exists {db}", "drop table if exists {db}.flights", "create table {db}.flights (" + columns + ", ds date) using parquet partitioned by (ds) location 'file://" + location + "'"}
	}
	for _, c := range []struct {
		name string
		sql  []string
		says string
	}{
		{"none", nil, "table {db}.flights is in the Hive metastore at " + strings.TrimPrefix(h.metastore, "thrift://") + ", and not in the catalog of Spark at " + at + ", which is to read it by its name: have that Spark use the same metastore (spark.sql.catalogImplementation=hive, spark.hadoop.hive.metastore.uris=thrift://…)"},
		{"another", create("ts timestamp, carrier string, delay int, fare decimal(10,2), tail string", filepath.Join(h.dir, "elsewhere")), "table {db}.flights of Spark at " + at + " is another: it lies at file:" + filepath.Join(h.dir, "elsewhere") + " there, and at file:" + filepath.Join(h.dir, "flights") + " by the Hive metastore at"},
		{"another type", create("ts timestamp, carrier string, delay string, fare decimal(10,2), tail string", filepath.Join(h.dir, "flights")), "table {db}.flights of Spark at " + at + ` has column "delay" as string, which is int in the Hive metastore at`},
		{"a column less", create("ts timestamp, carrier string, fare decimal(10,2), tail string", filepath.Join(h.dir, "flights")), "table {db}.flights of Spark at " + at + ` has no column "delay", which it has in the Hive metastore at`},
		{"no partitions", create("ts timestamp, carrier string, delay int, fare decimal(10,2), tail string", filepath.Join(h.dir, "flights")), "table {db}.flights, partition ds=2024-01-01, has "},
	} {
		for _, sql := range c.sql {
			if err := other.Exec(t.Context(), strings.ReplaceAll(sql, "{db}", h.db)); err != nil {
				t.Fatal(err)
			}
		}
		says := strings.ReplaceAll(c.says, "{db}", h.db)
		code, out, stderr := bighead(t, dir, "training-set", "t", "--out", filepath.Join(dir, "rows.csv"))
		if code == exitGood || !strings.Contains(stderr, "features.py:6:5: spine of t: "+says) {
			t.Errorf("%s: the run answers %d\n%s%swant\n%s", c.name, code, out, stderr, says)
		}
		if c.name == "no partitions" {
			continue
		}
		if code, out, _ := bighead(t, dir, "doctor"); code == exitGood || !strings.Contains(out, "BAD  table hive:"+h.db+".flights: "+says) {
			t.Errorf("%s: doctor answers %d\n%s", c.name, code, out)
		}
	}
	h.settings(dir, "spark")
	if _, out, _ := bighead(t, dir, "doctor"); !strings.Contains(out, "ok   table hive:"+h.db+".flights: Spark has it too, and reads it by its name") {
		t.Errorf("doctor says\n%s", out)
	}
}

// Spark makes the tiles of a table that it alone reaches: they are what the embedded engine makes of the same rows here. A partition that is written anew,
// of which the metastore learns nothing, is made anew, and nothing else; what is made goes online without the table being read.
func TestBackfillOfAHiveTableThatSparkAloneReaches(t *testing.T) {
	h := newOnHive(t)
	h.flightsTable("flights", "using parquet")
	h.flightsTable("near", "using parquet")
	h.moved("flights", hiveDays...)
	type answer struct {
		Sets    []struct{ Made, Used int64 }
		Sources []*engine.TileSourceReport
	}
	project := func(table, engine string) (made func() answer, vectors func() string) {
		dir := h.project(fmt.Sprintf(hiveFeatures, `table="hive:{db}.`+table+`"`))
		h.settings(dir, engine)
		toml, err := os.ReadFile(filepath.Join(dir, "bighead.toml"))
		if err != nil {
			t.Fatal(err)
		}
		h.write(dir, "bighead.toml", string(toml)+"[serve]\nclock = \"events\"\n")
		run := commands(t, dir)
		run("apply", "--yes")
		made = func() (a answer) {
			t.Helper()
			if err := json.Unmarshal([]byte(run("backfill", "--json")), &a); err != nil || len(a.Sets) != 1 || len(a.Sources) != 1 {
				t.Fatalf("the backfill says %+v, %v", a, err)
			}
			return a
		}
		vectors = func() (out string) {
			t.Helper()
			run("backfill", "--online", "--to", "2024-01-05")
			for i := range 7 {
				out += fmt.Sprint(vectorOf(t, run("get", "v", fmt.Sprintf("carrier=c%d", i), "--at", "2024-01-04T12:00:00Z", "--json")).text(), "\n")
			}
			return out
		}
		return made, vectors
	}
	far, farVectors := project("flights", "spark")
	near, nearVectors := project("near", "")
	compare := func(what string) {
		t.Helper()
		if got, want := farVectors(), nearVectors(); got != want || strings.Contains(got, "null null null") {
			t.Errorf("%s, the values are\n%swant\n%s", what, got, want)
		}
	}
	first, want := far(), near()
	if first.Sets[0] != want.Sets[0] || first.Sets[0].Used != 1000 || first.Sources[0].Unknown != 4 || first.Sources[0].Read.Rows != 1000 || first.Sources[0].Read.Bytes == 0 {
		t.Fatalf("the first backfill says %+v %+v, want %+v", first.Sets[0], first.Sources[0], want.Sets[0])
	}
	if again := far(); again.Sets[0].Made > 0 || again.Sources[0].Read.Rows > 0 || again.Sources[0].Unknown > 0 {
		t.Errorf("again, it says %+v %+v", again.Sets[0], again.Sources[0])
	}
	compare("at first")
	// Somebody writes a day's files anew, and tells nobody.
	h.exec("insert overwrite directory '" + filepath.Join(h.dir, "anew") + "' using parquet select ts, carrier, delay + 100 as delay, fare, tail from {db}.near where ds = '2024-01-02' and delay > 20")
	for _, table := range []string{"flights", "near"} {
		folder := filepath.Join(h.dir, table, "ds=2024-01-02")
		if err := os.RemoveAll(folder); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(folder, os.DirFS(filepath.Join(h.dir, "anew"))); err != nil {
			t.Fatal(err)
		}
	}
	changed, same := far(), near()
	if changed.Sets[0] != same.Sets[0] || changed.Sets[0].Made == 0 || changed.Sets[0].Made >= first.Sets[0].Made || changed.Sources[0].Unknown != 1 {
		t.Errorf("of a day that was written anew the backfill says %+v %+v, want %+v", changed.Sets[0], changed.Sources[0], same.Sets[0])
	}
	compare("of a day that was written anew")
	// Its files are gone, which Spark reads as a day without rows.
	if err := os.RemoveAll(filepath.Join(h.dir, "flights", "ds=2024-01-03")); err != nil {
		t.Fatal(err)
	}
	dir := h.project(fmt.Sprintf(hiveFeatures, `table="hive:{db}.flights"`))
	h.settings(dir, "spark")
	for _, command := range [][]string{{"backfill"}, {"training-set", "t", "--out", filepath.Join(dir, "rows.csv")}} {
		code, out, stderr := bighead(t, dir, command...)
		if code == exitGood || !strings.Contains(stderr, "features.py:") || !strings.Contains(stderr, "table "+h.db+".flights, partition ds=2024-01-03, has ") || !strings.Contains(stderr, "bring them back, or drop the partition") {
			t.Errorf("%s of a partition whose files are gone answers %d\n%s%s", command[0], code, out, stderr)
		}
	}
}

// What is wrong is a line that names the table, the definition and the cure.
func TestHiveMistakes(t *testing.T) {
	h := newOnHive(t)
	h.flightsTable("flights", "using parquet")
	h.exec("create view {db}.seen as select * from {db}.flights")
	h.exec("create table {db}.orcs (x int) stored as orc")
	h.exec("insert into {db}.orcs values (1)")
	h.exec("create table {db}.lost (ts timestamp, carrier string, delay int, fare decimal(10,2), tail string, ds date) using parquet partitioned by (ds)")
	h.exec("insert into {db}.lost select * from {db}.flights")
	if err := os.RemoveAll(filepath.Join(h.dir, "lost", "ds=2024-01-03")); err != nil {
		t.Fatal(err)
	}
	settings := "[hive]\nmetastore = [\"" + h.metastore + "\"]\n"
	for _, c := range []struct{ table, settings, command, says string }{
		{"hive:{db}.flihgts", settings, "check", `features.py:3:31: error[BH037]: source "e" cannot be read: there is no table "flihgts" in database {db} of the Hive metastore at ` + strings.TrimPrefix(h.metastore, "thrift://") + `; did you mean "flights"?`},
		{"hive:{db}x.flights", settings, "check", `there is no database "{db}x" in the Hive metastore at`},
		{"hive:{db}x.flights", settings, "check", `did you mean "{db}"?`},
		{"hive:flights", settings, "check", `write "hive:db.table"`},
		{"flights", settings, "check", `write "hive:flights"`},
		{"hvie:{db}.flights", settings, "check", `there are no tables "hvie:" in this binary; it has hive`},
		{"hive:{db}.seen", settings, "check", "table {db}.seen of the Hive metastore at " + strings.TrimPrefix(h.metastore, "thrift://") + " is a view, which only Hive can compute"},
		{"hive:{db}.orcs", settings, "training-set t", "is ORC, which is not read yet: have it copied into a Parquet table"},
		{"hive:{db}.lost", settings, "training-set t", "features.py:3:5: table {db}.lost of the Hive metastore at " + strings.TrimPrefix(h.metastore, "thrift://") + ", partition ds=2024-01-03, is registered, but its folder"},
		{"hive:{db}.flights/dd=2024-01-01", settings, "check", `"dd" is none of its partition columns; did you mean "ds"?`},
		{"hive:{db}.flights/ds=monday", settings, "check", `partition column ds: "monday" is not a date`},
		{"hive:{db}.flights/ds=2025-01-01", settings, "training-set t", "has no partition with ds=2025-01-01; it has 4, from ds=2024-01-01 to ds=2024-01-04"},
		{"hive:{db}.flights", "", "check", `no Hive metastore is named: write [hive] metastore = ["thrift://host:9083"] in bighead.toml`},
		{"hive:{db}.flights", "[hive]\nmetastore = [\"http://x\"]\n", "check", `metastore = "http://x" is no address of a metastore; write thrift://host:9083`},
		{"hive:{db}.flights", "[hive]\nmetastore = [\"thrift://127.0.0.1:1\"]\n", "check", "the Hive metastore at 127.0.0.1:1 does not answer"},
		{"hive:{db}.flights", "[hive]\nmetastore = [\"thrift://127.0.0.1:1\", \"" + h.metastore + "\"]\n", "check", ""},
	} {
		dir := h.project(fmt.Sprintf(hiveFeatures, fmt.Sprintf("table=%q", c.table)))
		h.write(dir, "bighead.toml", c.settings)
		code, out, stderr := bighead(t, dir, strings.Fields(c.command)...)
		says := strings.ReplaceAll(c.says, "{db}", h.db)
		if (code == exitGood) != (says == "") || !strings.Contains(stderr, says) {
			t.Errorf("%s of %s answers %d\n%s%swant\n%s", c.command, c.table, code, out, stderr, says)
		}
	}
	dir := h.project(strings.ReplaceAll(fmt.Sprintf(hiveFeatures, `table="hive:{db}.flights"`), `"delay", w`, `"dalay", w`))
	if code, out, stderr := bighead(t, dir, "check"); code == exitGood || !strings.Contains(stderr, `"dalay"`) || !strings.Contains(stderr, `delay`) {
		t.Errorf("a column that is not there answers %d\n%s%s", code, out, stderr)
	}
}

// A training set goes into a new table and again into it, and Spark reads it; partitions are replaced, those of others are left.
func TestTrainingSetIntoAHiveTable(t *testing.T) {
	h := newOnHive(t)
	h.flightsTable("flights", "using parquet")
	dir := h.project(fmt.Sprintf(hiveFeatures, `table="hive:{db}.flights"`))
	write := func(args ...string) string {
		t.Helper()
		code, out, stderr := bighead(t, dir, append([]string{"training-set", "t"}, args...)...)
		if code != exitGood {
			return stderr
		}
		return out
	}
	csv := h.rows(dir)
	sums := func(table string) string {
		t.Helper()
		h.exec("refresh table {db}." + table)
		r, err := h.spark.Query(t.Context(), strings.ReplaceAll("select count(*), sum(hash(*)), count(distinct ds) from (select carrier, unix_millis(at), g__delay_sum_1h, g__delay_sum_2d, g__fare_avg_1d, g__tail_last, g__count_1d, delay, ds from {db}."+table+")", "{db}", h.db))
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(r.Rows)
	}
	h.exec("create temporary view csv using csv options (path '" + h.csvFile(csv) + "', header true, inferSchema true)")
	r, err := h.spark.Query(t.Context(), "select count(*), sum(hash(*)), count(distinct ds) from (select carrier, unix_millis(cast(at as timestamp)), cast(g__delay_sum_1h as bigint), cast(g__delay_sum_2d as bigint), cast(g__fare_avg_1d as double), g__tail_last, cast(g__count_1d as bigint), cast(delay as bigint), cast(ds as date) ds from csv)")
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprint(r.Rows)
	for _, target := range []string{"late/ds", "late", "flat"} {
		table, _, _ := strings.Cut(target, "/")
		for range 2 {
			if says := write("--out", "hive:"+h.db+"."+target); says != "" && !strings.HasPrefix(says, "{") {
				t.Log(says)
			}
			if got := sums(table); got != want {
				t.Errorf("%s gives %s, want %s", target, got, want)
			}
		}
	}
	h.exec("insert into {db}.late partition (ds = '2024-01-09') select * except (ds) from {db}.late limit 1")
	if says := write("--out", "hive:"+h.db+".late", "--start", "2024-01-03"); strings.Contains(says, "error") {
		t.Error(says)
	}
	back := h.project(`import bighead as bh
e = bh.EventSource("e", table="hive:{db}.late", time="at")
g = bh.FeatureGroup("g", source=e, keys=["carrier"], features=[bh.count()])
v = bh.FeatureView("v", groups=[g])
t = bh.TrainingSet("t", view=v, spine=bh.Spine(e, at="at"))
`)
	if n := strings.Count(h.rows(back), "\n"); n != 1002 {
		t.Errorf("read again, the table has %d lines", n)
	}
	for _, c := range []struct{ target, says string }{
		{"late/hour", "is there, and is partitioned by [ds]: name the table alone"},
		{"new/hour", `is to be partitioned by "hour", which the rows do not have`},
		{"flights", `which the rows do not have: write to another table, or keep= it`},
		{"late/ds=2024-01-01", "leave conditions out"},
	} {
		if says := write("--out", "hive:"+h.db+"."+c.target); !strings.Contains(says, c.says) {
			t.Errorf("--out %s says\n%s\nwant %s", c.target, says, c.says)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(h.dir, "*", ".bighead-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if left, _ := filepath.Glob(filepath.Join(h.dir, ".bighead-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// csvFile is a CSV that Spark reads.
func (h *onHive) csvFile(text string) string {
	h.t.Helper()
	file := filepath.Join(h.t.TempDir(), "rows.csv")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		h.t.Fatal(err)
	}
	return file
}

// settings are bighead.toml of a project on the metastore; of an engine, "" is the embedded one.
func (h *onHive) settings(dir, engine string) {
	h.t.Helper()
	text := "[hive]\nmetastore = [\"" + h.metastore + "\"]\n"
	if engine == "spark" {
		text += "[batch]\nengine = \"spark\"\nremote = \"" + h.sparkURL + "\"\nstage = \"stage\"\n"
	}
	h.write(dir, "bighead.toml", text)
}

// TestAHiveTableIsAlteredBetweenCheckAndRun has others alter the table once the definitions are checked: the run names table, column, definition and cure,
// leaves no file, and runs again where the table is as it was.
func TestAHiveTableIsAlteredBetweenCheckAndRun(t *testing.T) {
	h := newOnHive(t)
	columns := "ts timestamp, carrier string, delay %s fare decimal(10,2), tail string, ds date"
	create := func(delay string) {
		h.exec("drop table if exists {db}.flights")
		h.exec("create table {db}.flights (" + fmt.Sprintf(columns, delay) + ") using parquet partitioned by (ds)")
	}
	whole := func() {
		h.exec("create database if not exists {db} location 'file://" + (&url.URL{Path: h.dir}).EscapedPath() + "'")
		h.exec("drop table if exists {db}.flights")
		h.flightsTable("flights", "using parquet")
		h.exec("create table if not exists {db}.kept using parquet partitioned by (ds) as select * from {db}.flights")
	}
	whole()
	again := "it was altered meanwhile; run again"
	gone := `.flights" was there when the definitions were checked, and is gone: it was dropped or renamed meanwhile: bring it back, or write the name that it has now, and run again`
	for _, c := range []struct {
		name  string
		alter func()
		says  []string
	}{
		{"type", func() { create("string,") }, []string{`column "delay" was int when the definitions were checked, and is string now`, again}},
		{"dropped column", func() {
			h.exec("drop table {db}.flights")
			h.exec("create table {db}.flights (ts timestamp, carrier string, fare decimal(10,2), tail string, ds date) using parquet partitioned by (ds)")
		}, []string{`column "delay" (int) was there when the definitions were checked, and is gone`, again}},
		{"dropped table", func() { h.exec("drop table {db}.flights") }, []string{`there is no table "flights" in database ` + h.db, gone}},
		{"dropped database", func() {
			h.exec("drop table {db}.flights")
			h.exec("drop table {db}.kept")
			// The metastore may lose the connection once it has dropped the database; asked again by Spark, it then knows none. The run sees whether it is gone.
			if err := h.spark.Exec(t.Context(), "drop database "+h.db); err != nil && !strings.Contains(err.Error(), "NoSuchObjectException") {
				t.Fatal(err)
			}
		}, []string{`there is no database "` + h.db + `" in the Hive metastore at `, gone}},
		{"files of another type", func() {
			create("int,")
			part := filepath.Join(h.dir, "flights", "ds=2024-01-01")
			h.exec("insert overwrite directory '" + part + "' using parquet select ts, carrier, concat('d', delay) delay, fare, tail from {db}.kept where ds = '2024-01-01'")
			h.exec("alter table {db}.flights add partition (ds = '2024-01-01')")
		}, []string{`partition ds=2024-01-01, has `, `where column "delay" is string, while the table says int: write the partition again, or alter the column`}},
	} {
		for _, engine := range []string{"", "spark"} {
			t.Run(c.name+engine, func(t *testing.T) {
				dir := h.project(fmt.Sprintf(hiveFeatures, `table="hive:{db}.flights"`))
				h.settings(dir, engine)
				out := filepath.Join(dir, "rows.csv")
				cli := &cli{dir: dir, stdin: strings.NewReader(""), stdout: &lockedText{}, stderr: &lockedText{}}
				l, err := cli.load(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				c.alter()
				err = cli.runTrainingSet(t.Context(), l, l.typed.TrainingSets[0], out)
				if err == nil {
					t.Fatal("the run says nothing")
				}
				t.Log(err)
				for _, want := range append([]string{"features.py:3:5: ", h.db, "flights"}, c.says...) {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("the run says\n%v\nwant %s", err, want)
					}
				}
				if strings.Contains(err.Error(), "\n") {
					t.Errorf("in more than a line:\n%v", err)
				}
				if left, _ := filepath.Glob(filepath.Join(dir, "*rows.csv*")); len(left) > 0 {
					t.Errorf("left behind: %v", left)
				}
				// Another process checks anew: nothing is registered of what can't be.
				if code, out, stderr := bighead(t, dir, "apply", "--yes"); c.name != "files of another type" && (code == exitGood || !strings.Contains(stderr, "features.py:")) {
					t.Errorf("apply answers %d\n%s%s", code, out, stderr)
				} else if c.name != "files of another type" {
					t.Log(stderr)
				}
				if code, out, _ := bighead(t, dir, "history"); c.name != "files of another type" && strings.Contains(out, "flights") {
					t.Errorf("history answers %d\n%s", code, out)
				}
				whole()
				if err := cli.runTrainingSet(t.Context(), l, l.typed.TrainingSets[0], out); err != nil {
					t.Errorf("run again, it says %v", err)
				}
			})
		}
	}
}

// TestPartitionsThatAreNotRegistered puts folders of partitions among a table's that the metastore knows nothing of: neither engine reads them. One that it
// knows, and that is not there, both refuse by name.
func TestPartitionsThatAreNotRegistered(t *testing.T) {
	h := newOnHive(t)
	h.flightsTable("flights", "using parquet")
	h.exec("create table {db}.hours (ts timestamp, carrier string, delay int, fare decimal(10,2), tail string, ds date, hour int) using parquet partitioned by (ds, hour)")
	h.exec("insert into {db}.hours select *, if(ds = '2024-01-01', 0, 1) from {db}.flights where ds < '2024-01-03'")
	dir := h.project(fmt.Sprintf(hiveFeatures, `table="hive:{db}.hours"`))
	rows := func(engine string) string {
		h.t.Helper()
		h.settings(dir, engine)
		return h.rows(dir)
	}
	want := rows("")
	if strings.Count(want, "\n") != 577 {
		t.Fatalf("the table has %d rows", strings.Count(want, "\n")-1)
	}
	// Another hour of a day that is there, another day, and both.
	from := os.DirFS(filepath.Join(h.dir, "hours", "ds=2024-01-01", "hour=0"))
	for _, to := range []string{"ds=2024-01-01/hour=1", "ds=2024-01-02/hour=0", "ds=2024-01-02/hour=7", "ds=2024-01-09/hour=0", "backup"} {
		if err := os.CopyFS(filepath.Join(h.dir, "hours", filepath.FromSlash(to)), from); err != nil {
			t.Fatal(err)
		}
	}
	for _, engine := range []string{"", "spark"} {
		if got := rows(engine); unordered(got) != unordered(want) {
			t.Errorf("with folders that are not registered engine %q gives %d lines, want %d; the first are\n%.600s\n%.600s", engine, strings.Count(got, "\n"), strings.Count(want, "\n"), got, want)
		}
	}
	h.exec("alter table {db}.hours add partition (ds = '2024-01-09', hour = 0)")
	if err := os.RemoveAll(filepath.Join(h.dir, "hours", "ds=2024-01-09")); err != nil {
		t.Fatal(err)
	}
	for _, engine := range []string{"", "spark"} {
		h.settings(dir, engine)
		code, out, stderr := bighead(t, dir, "training-set", "t", "--out", "rows.csv")
		if code == exitGood || !strings.Contains(stderr, "features.py:3:5: table "+h.db+".hours of the Hive metastore at ") || !strings.Contains(stderr, "partition ds=2024-01-09/hour=0, is registered, but its folder") ||
			!strings.Contains(stderr, "ALTER TABLE "+h.db+".hours DROP PARTITION") {
			t.Errorf("engine %q answers %d\n%s%s", engine, code, out, stderr)
		}
	}
}
