package spark_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/parquet"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/enginetest"
	"github.com/bighead-ml/bighead/engine/enginetest/server"
	"github.com/bighead-ml/bighead/engine/spark"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/project"
	"github.com/bighead-ml/bighead/value"
)

// native is rows as other writers have them: narrow numbers, decimals, times with and without a zone and as integers, days before the reform of
// the calendar, text that is none, NaN, −0.0.
const native = `select cast(id % 3 as int) as k, timestamp_micros(1704067200000000 + id * 60000999) as ts, cast(id as smallint) as n,
  cast(if(id = 5, 'NaN', if(id = 6, '-0.0', id / 8)) as float) as f, cast(id * 1.25 as decimal(10, 2)) as m,
  cast(timestamp_micros(id * 1000 - 62135596800000000 + 7) as timestamp_ntz) as z, date_from_unix_date(cast(id as int) - 200000) as d,
  1704067200 + id as u, if(id = 4, cast(x'ff' as string), concat('s', id % 4)) as s, array(cast(id as int), null) as l, map('a', cast(id as float)) as p,
  named_struct('t', timestamp_micros(id)) as r
  from range(%FROM%, %TO%)`

const filesPy = `e = bh.EventSource("e", path="%DIR%", time="ts", time_unit="s", known_at="u")
g = bh.FeatureGroup("g", source=e, keys=["k"], features=[
    bh.sum("n", windows=["1h"]), bh.avg("f"), bh.sum("m"), bh.max("z"), bh.min("d"), bh.last("u"), bh.histogram("s", k=5), bh.last("l"), bh.last("p"), bh.last("r"), bh.last("day"),
])
near = bh.FeatureGroup("near", source=e, keys=["k"], features=[bh.sum("n", windows=["1h"])])
`

// Files of Spark's own making are read in place, with the values that our reader gives.
func TestFilesInPlace(t *testing.T) {
	session, dir := server.Spark(t), t.TempDir()
	for i, day := range []string{"2024-01-01", "2024-01-02"} {
		rows := strings.NewReplacer("%FROM%", []string{"0", "1500"}[i], "%TO%", []string{"40", "1540"}[i]).Replace(native)
		folder := filepath.Join(dir, "day="+day)
		if i == 1 { // INT96 has no bounds; the files of the day after have some
			if err := session.Exec(t.Context(), "set spark.sql.parquet.outputTimestampType = TIMESTAMP_MICROS"); err != nil {
				t.Fatal(err)
			}
		}
		if err := session.Exec(t.Context(), "insert overwrite directory '"+folder+"' using parquet "+rows); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"g", "near"} {
		t.Run(name, func(t *testing.T) { inPlace(t, dir, name) })
	}
}

// onFiles types definitions by the files that they name, and opens those.
func onFiles(t *testing.T, text string) (*feature.Project, engine.Inputs) {
	t.Helper()
	open := func(ctx context.Context, place feature.Place) (dataset.Table, error) {
		o := dataset.Options{TimeUnits: map[string]string{}}
		for _, c := range place.TimeColumns {
			o.TimeUnits[c] = place.TimeUnit
		}
		return dataset.Open(ctx, []dataset.Format{parquet.Format{}}, place.Path, o)
	}
	defs, err := record(t.Context(), []project.Unit{{Name: "files.py", Text: &text}})
	if err != nil {
		t.Fatal(err)
	}
	p, problems := feature.Check(defs[0], feature.Options{Schema: func(place feature.Place) (value.Schema, []string, error) {
		table, err := open(t.Context(), place)
		if err != nil {
			return nil, nil, err
		}
		return table.Schema(), nil, nil
	}})
	if problems.Failed() {
		t.Fatal(problems.Err())
	}
	return p, engine.Inputs{Open: func(ctx context.Context, place feature.Place, _ value.Schema) (dataset.Table, error) {
		return open(ctx, place)
	}}
}

func inPlace(t *testing.T, dir, group string) {
	p, in := onFiles(t, strings.ReplaceAll(filesPy, "%DIR%", dir))
	var b *plan.Batch
	for _, g := range p.Groups {
		if g.Name == group {
			b = plan.ForGroup(g, nil)
		}
	}
	var asks [][]value.Value
	for i := range int64(12) {
		asks = append(asks, []value.Value{value.OfTimestamp(1704067200000 + i*300_000), value.OfInt(i % 4)})
	}
	in.Spine = enginetest.NewTable(b.Spine.Schema, enginetest.Part{Rows: asks})
	j, err := enginetest.NewJudge(t.Context(), b, in, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	e := with(t, spark.Options{}) // no folder to write to
	got, err := enginetest.Ask(t.Context(), e, b, in)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range j.Compare(got) {
		t.Error(d)
	}
	// Spark leaves the folders of other days alone by their names.
	table, err := in.Open(t.Context(), b.Joins[0].Scan.Source.Place, nil)
	if err != nil {
		t.Fatal(err)
	}
	printed, err := e.Printed(t.Context(), b, in)
	if err != nil {
		t.Fatal(err)
	}
	plans, err := server.Spark(t).Query(t.Context(), "explain "+printed.String())
	if err != nil {
		t.Fatal(err)
	}
	if text := plans.Rows[0][0].Str(); group == "near" && !regexp.MustCompile(`PartitionFilters: \[isnotnull\(day#\d+\), \(day#\d+ = 2024-01-01\)\]`).MatchString(text) {
		t.Errorf("the plan of the printed query filters no partitions:\n%s", text)
	}
	from, ok := spark.InPlace(table, b.Joins[0].Scan.Source, 1704067200000, 1704067200000+3_600_000)
	res, err := server.Spark(t).Query(t.Context(), "explain select n from "+from)
	if err != nil || !ok {
		t.Fatal(err, from)
	}
	if text := res.Rows[0][0].Str(); !strings.Contains(text, "PartitionFilters: [isnotnull(day#") || !regexp.MustCompile(`\(day#\d+ = 2024-01-01\)`).MatchString(text) {
		t.Errorf("the plan filters no partitions:\n%s", text)
	}
	if read := got.Report.Sources[0].Read; group == "near" && read.PartsSkipped == 0 {
		t.Errorf("no file of the day after is passed over: %+v", read)
	}
	if n := got.Report.Sources[0].Rows; n == 0 {
		t.Error("no rows are counted")
	}
}

// mapped is a table whose last file has columns under other names.
type mapped struct{ dataset.Table }

func (m mapped) Parts() []dataset.Part {
	parts := append([]dataset.Part{}, m.Table.Parts()...)
	parts[len(parts)-1].Mapped = true
	return parts
}

// A file whose columns the table calls otherwise is not named to Spark, which would find other columns in it, or none.
func TestMappedFilesAreStaged(t *testing.T) {
	dir, schema := t.TempDir(), value.Schema{{Name: "ts", Type: value.Timestamp}, {Name: "n", Type: value.Int}}
	w, err := dataset.Create([]dataset.Format{parquet.Format{}}, filepath.Join(dir, "e.parquet"), schema, dataset.Metadata{}, dataset.WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	if err := errors.Join(w.Write(value.BatchOf(schema, [][]value.Value{{value.OfTimestamp(1), value.OfInt(1)}})), w.Close()); err != nil {
		t.Fatal(err)
	}
	table, err := dataset.Open(t.Context(), []dataset.Format{parquet.Format{}}, filepath.Join(dir, "e.parquet"), dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	source := &feature.Source{Schema: schema, Place: feature.Place{Path: filepath.Join(dir, "e.parquet")}}
	if from, ok := spark.InPlace(table, source, 0, 2); !ok {
		t.Errorf("a file that is as the table says is not read in place (%s)", from)
	}
	if from, ok := spark.InPlace(mapped{table}, source, 0, 2); ok {
		t.Errorf("a file whose columns are called otherwise is read in place:\n%s", from)
	}
}

// Files that are removed after they were listed are told with Spark's words, which name them, the definition, and what helps; the run is done where they are back.
func TestFilesThatGoMeanwhile(t *testing.T) {
	session, dir := server.Spark(t), t.TempDir()
	rows := strings.NewReplacer("%FROM%", "0", "%TO%", "40").Replace(native)
	day := filepath.Join(dir, "day=2024-01-01")
	if err := session.Exec(t.Context(), "insert overwrite directory '"+day+"' using parquet "+rows); err != nil {
		t.Fatal(err)
	}
	p, in := onFiles(t, strings.ReplaceAll(filesPy, "%DIR%", dir))
	b := plan.ForGroup(p.Groups[0], nil)
	in.Spine = enginetest.NewTable(b.Spine.Schema, enginetest.Part{Rows: [][]value.Value{{value.OfTimestamp(1704067800000), value.OfInt(1)}}})
	open, away := in.Open, dir+"-away"
	in.Open = func(ctx context.Context, place feature.Place, s value.Schema) (dataset.Table, error) {
		table, err := open(ctx, place, s)
		return table, errors.Join(err, os.Rename(day, away))
	}
	e := with(t, spark.Options{Uncounted: true})
	_, err := e.Run(t.Context(), b, in, discard)
	if err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), filepath.Base(day)) || !strings.Contains(err.Error(), "files.py:") || !strings.Contains(err.Error(), "run this again") || strings.Contains(err.Error(), "\n") {
		t.Errorf("the run says %v", err)
	}
	t.Log(err)
	if err := os.Rename(away, day); err != nil {
		t.Fatal(err)
	}
	in.Open = open
	if _, err := e.Run(t.Context(), b, in, discard); err != nil {
		t.Errorf("where they are back it says %v", err)
	}
}
