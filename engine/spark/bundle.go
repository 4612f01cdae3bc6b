package spark

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// Columns of a bundle's table that its folders are named by: the day of at, and a bucket of the row's keys by the MD5 of their text.
const (
	dayColumn    = "bighead_day"
	bucketColumn = "bighead_bucket"
	buckets      = 16
)

// Bundle is a plan as files that spark-sql or a scheduler runs without bighead, by name: the query, which reads the tables where they are and
// writes its rows as Parquet, the settings that it stands on, and how to run it. The plan must have a spine of its own, in Parquet files as the
// sources, or in tables of a catalog that Spark has too. An error is *Unsupported where Spark cannot be told so.
func Bundle(ctx context.Context, p *plan.Batch, in engine.Inputs) (map[string]string, error) {
	tables, named, err := standing(ctx, p, in)
	if err == nil && len(named) > 0 {
		err = caselessPlan(p)
	}
	if err != nil {
		return nil, err
	}
	q, err := Print(p, tables, Shape{Hot: hotEvents})
	if err != nil {
		return nil, err
	}
	q.into(p)
	set, first, needs := bundled, "", ""
	if len(named) > 0 {
		set = maps.Clone(bundled)
		maps.Copy(set, ofNames)
		set["spark.sql.catalogImplementation"] = "hive"
		for _, n := range named {
			if refresh := "refresh table " + nameOf(n) + ";\n"; !strings.Contains(first, refresh) { // what runs it may have read it before
				first += refresh
			}
		}
		needs = " It reads " + tablesOf(named) + " by name: what runs it must have that metastore for its catalog (spark.hadoop.hive.metastore.uris), and reach their files."
	}
	settings := ""
	for _, name := range slices.Sorted(maps.Keys(set)) {
		settings += name + " " + set[name] + "\n"
	}
	ddl := table(p)
	return map[string]string{
		p.Name + ".sql":  first + ddl + q.String() + ";\n",
		p.Name + ".conf": settings,
		"README.md": fmt.Sprintf("%s, made by bighead: `spark-sql --properties-file %s.conf -d out=/where/rows/go -f %s.sql` reads the tables where they are and writes a row for each row that asks, as Parquet by day of `at` and bucket of the keys' MD5; "+
			"it replaces what is there, and has them in the catalog as `%s` of the current database. One task numbers the rows that ask.%s Spark 4.3, Java 17.\n", p.Name, p.Name, p.Name, tableName(p), needs),
	}, nil
}

// tableName is what the rows are called in the catalog of who runs a bundle: no table of somebody else's, which might be dropped for it.
func tableName(p *plan.Batch) string { return "bighead_" + p.Name }

// tablesOf names tables and whose they are.
func tablesOf(all []*dataset.Named) string {
	var out []string
	for _, n := range all {
		if of := n.Database + "." + n.Table + " of " + n.Catalog; !slices.Contains(out, of) {
			out = append(out, of)
		}
	}
	return strings.Join(out, ", ")
}

// bundled are settings, and that a table's partitions may be replaced by name.
var bundled = func() map[string]string {
	out := maps.Clone(settings)
	out["spark.hadoop.hive.exec.dynamic.partition.mode"] = "nonstrict"
	out["spark.sql.sources.partitionOverwriteMode"] = "static"
	return out
}()

// standing names the tables of a plan where they are, with whatever files or partitions they have when the query runs; named are those that it
// reads by their names.
func standing(ctx context.Context, p *plan.Batch, in engine.Inputs) (out Tables, named []*dataset.Named, err error) {
	s := &stage{options: &Options{}}
	if p.Spine.Start != nil && p.Spine.End != nil {
		s.asked = &asked{*p.Spine.Start, *p.Spine.End}
	}
	of := func(source *feature.Source, read []string, numbered bool, within span) (Table, error) {
		refused := func(what, cure string) (Table, error) {
			return Table{}, &Unsupported{What: what, Of: "source " + source.Name, At: source.Pos, Cure: cure + ", or let bighead run it"}
		}
		if source.Place.Path == "" && source.Place.Table == "" {
			return refused("its rows are in no files", "give it a path of Parquet files")
		}
		rows, err := in.Open(ctx, source.Place, source.Schema)
		if err != nil {
			return Table{}, engine.OfSource(source, err)
		}
		var t Table
		if source.Place.Path == "" {
			var n *dataset.Named
			if t.From, n, err = standingNamed(rows, source, read, numbered); err != nil {
				return refused(err.Error(), "give it another table, or a path of Parquet files")
			}
			named = append(named, n)
		} else if from, ok := standingFiles(rows, source, read, numbered, within); ok {
			t.From = from
		} else {
			return refused("Spark does not read its files as they are", "write them as Parquet, with folders such as day=2024-01-31 for partitions")
		}
		if source.Kind == feature.Snapshots {
			for _, part := range rows.Parts() {
				t.Parts = append(t.Parts, part.Partition[source.Snapshot])
			}
		}
		return t, nil
	}
	if p.Spine.Source == nil && p.Spine.Place.Path == "" && p.Spine.Place.Table == "" {
		return out, nil, errors.New("rows that ask are handed to it; only a training set has rows of its own")
	}
	if out.Spine, err = of(spineSource(p), p.Spine.Read, true, span{}); err != nil {
		return out, nil, err
	}
	for _, j := range p.Joined() {
		t, err := of(j.Scan.Source, readOf(p, j.Scan.Source), false, s.within(p, j.Scan.Source))
		if err != nil {
			return out, nil, err
		}
		out.Joins = append(out.Joins, t)
	}
	return out, named, nil
}

// standingNamed is a catalog's table by its name, with the partitions that its place means whenever it is read.
func standingNamed(rows dataset.Table, s *feature.Source, read []string, numbered bool) (string, *dataset.Named, error) {
	c, ok := rows.(dataset.Cataloged)
	if !ok {
		return "", nil, errors.New("Spark is not told the names of such tables")
	}
	n, err := c.Named()
	if err != nil {
		return "", nil, err
	}
	from, err := byName(n, s, read, conditionsOf(n), numbered)
	return from, n, err
}

// into has the query write the rows that stay, in logical types, where the variable out says.
func (q *Query) into(p *plan.Batch) {
	q.steps[len(q.steps)-1].name = "answer"
	out := columns{}
	for _, o := range p.Output {
		out.add(logicalSQL(name(o.Name), o.Type), o.Name)
	}
	out.add("date_from_unix_date(cast((`#at` - pmod(`#at`, 86400000L)) div 86400000L as int))", dayColumn)
	out.add(bucketOf(p), bucketColumn)
	stays := "where if(`#why` = 0, cast(raise_error('a row of the spine has no time: ' || `#row`) as boolean), `#why` is null)"
	q.steps = append(q.steps, step{of: "the rows that stay, by day and bucket",
		sql: "insert overwrite table " + name(tableName(p)) + "\n" + out.selects("from answer\n"+stays+"\ndistribute by "+name(dayColumn)+", "+name(bucketColumn)+"\nsort by `#row`")})
}

// bucketOf is the bucket of a row by its keys.
func bucketOf(p *plan.Batch) string {
	var keys []string
	for _, o := range p.Output {
		if o.Role == plan.Key {
			keys = append(keys, "coalesce(cast("+name(o.Name)+" as string), '')")
		}
	}
	if len(keys) == 0 {
		return "0"
	}
	return fmt.Sprintf("cast(conv(substr(md5(concat_ws('\\u0000', %s)), 1, 2), 16, 10) as int) %% %d", strings.Join(keys, ", "), buckets)
}

// table is the statement that makes the table of a bundle.
func table(p *plan.Batch) string {
	var cols []string
	for _, o := range p.Output {
		doc := ""
		if o.Doc != "" {
			doc = " comment " + text(o.Doc)
		}
		cols = append(cols, name(o.Name)+" "+nativeType(o.Type)+doc)
	}
	return fmt.Sprintf("drop table if exists %s;\ncreate table %s (\n  %s,\n  %s date,\n  %s int\n)\nusing parquet\npartitioned by (%s, %s)\nlocation '${out}';\n",
		name(tableName(p)), name(tableName(p)), strings.Join(cols, ",\n  "), name(dayColumn), name(bucketColumn), name(dayColumn), name(bucketColumn))
}

// nativeType is a type as Spark's own tables have it.
func nativeType(t value.Type) string {
	switch t.Kind {
	case value.KindBool:
		return "boolean"
	case value.KindInt:
		return "bigint"
	case value.KindFloat:
		return "double"
	case value.KindBytes:
		return "binary"
	case value.KindTimestamp:
		return "timestamp"
	case value.KindDate:
		return "date"
	case value.KindList:
		return "array<" + nativeType(*t.Elem) + ">"
	case value.KindMap:
		return "map<string, " + nativeType(*t.Elem) + ">"
	case value.KindStruct:
		fields := make([]string, len(t.Fields))
		for i, f := range t.Fields {
			fields[i] = name(f.Name) + ": " + nativeType(f.Type)
		}
		return "struct<" + strings.Join(fields, ", ") + ">"
	}
	return "string"
}

// logicalSQL is a column in the physical type as Spark's own tables have it: the other way from converted.
func logicalSQL(x string, t value.Type) string {
	switch t.Kind {
	case value.KindTimestamp:
		return "timestamp_millis(" + x + ")"
	case value.KindDate:
		return "date_from_unix_date(cast(" + x + " as int))"
	}
	return nested(x, t, logicalSQL)
}

// absolute is a folder or file of a place as Spark is told it.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}
