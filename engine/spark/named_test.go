package spark_test

import (
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine/spark"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
)

// Partitions are named so that a metastore can choose them, in lists where those of several keys go together; what a place asks of partitions
// is what it asks of nulls too.
func TestATableByItsName(t *testing.T) {
	keys := value.Schema{{Name: "ds", Type: value.Date}, {Name: "hour", Type: value.Int}, {Name: "land", Type: value.String}}
	source := &feature.Source{Name: "e", Schema: append(value.Schema{{Name: "ts", Type: value.Timestamp}, {Name: "u", Type: value.Timestamp}, {Name: "m", Type: value.MapOf(value.Float)}}, keys...),
		Place: feature.Place{Table: "hive:db.e", TimeColumns: []string{"u"}, TimeUnit: "s"}}
	day := func(text string) value.Value {
		d, ok := value.ParseDate(text)
		if !ok {
			t.Fatal(text)
		}
		return value.OfDate(d)
	}
	part := func(ds string, hour int64, land value.Value) dataset.Part {
		return dataset.Part{Partition: map[string]value.Value{"ds": day(ds), "hour": value.OfInt(hour), "land": land}}
	}
	n := &dataset.Named{Database: "db", Table: "e", Keys: keys, Conditions: []dataset.Condition{
		{Column: "ds", Op: ">=", Value: day("2024-01-02")}, {Column: "hour", Op: "!=", Value: value.OfInt(3)}, {Column: "land", Op: "=", Value: value.Value{}},
	}}
	de, odd := value.OfString("de"), value.OfString(`it's 50%\`)
	run, standing, err := spark.ByName(n, source, []dataset.Part{
		part("2024-01-01", 0, de), part("2024-01-01", 1, de), part("2024-01-02", 0, de), part("2024-01-02", 1, de), part("2024-01-03", 1<<40, value.Value{}), part("2024-01-03", 1<<40, odd),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"from spark_catalog.`db`.`e`\n", "try_multiply(cast(`u` as bigint), 1000L)", "unix_millis(cast(`ts` as timestamp))", "cast(unix_date(`ds`) as bigint)",
		"where (`ds` in (date '2024-01-01', date '2024-01-02') and `hour` in (0, 1) and `land` in ('de')\n", "  or `ds` in (date '2024-01-03') and `hour` in (1099511627776L) and (`land` is null or `land` in ('it\\'s 50%\\\\')))",
		"row_number() over (order by `ts`, `u`, transform(array_sort(map_entries(`m`)",
	} {
		if !strings.Contains(strings.ReplaceAll(run, "\n    ", "\n"), want) {
			t.Errorf("it is read by\n%s\nwithout\n%s", run, want)
		}
	}
	if want := "where `ds` >= date '2024-01-02' and `hour` is distinct from 3 and `land` is not distinct from null\n)"; !strings.HasSuffix(standing, want) {
		t.Errorf("a bundle has\n%s\nwant\n%s", standing, want)
	}
	if run, _, err = spark.ByName(n, source, nil); err != nil || !strings.Contains(run, "where false") {
		t.Errorf("no partition is\n%s, %v", run, err)
	}
	n.Keys, n.Conditions = nil, nil
	if run, standing, err = spark.ByName(n, source, []dataset.Part{{}}); err != nil || strings.Contains(run+standing, "where") {
		t.Errorf("a table without partitions is\n%s\n%s, %v", run, standing, err)
	}
}

// What Spark and a metastore write of one place and one type is one, and nothing else.
func TestWhatIsTheSameTable(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"file:/x/y", "file:///x/y/", true}, {"/x/y", "file:/x/y", true}, {"hdfs://nn:8020/x", "HDFS://nn:8020/x", true}, {"hdfs://nn/x", "hdfs://other/x", false}, {"s3a://b/x", "s3a://b/X", false}, {"file:/x", "hdfs:/x", false},
	} {
		if spark.SameLocation(c.a, c.b) != c.same {
			t.Errorf("%s and %s are the same: %v", c.a, c.b, !c.same)
		}
	}
	for _, c := range []struct {
		a, b string
		same bool
	}{{"decimal(10,2)", "DECIMAL(10, 2)", true}, {"timestamp with local time zone", "timestamp", true}, {"struct<a:int>", "struct<a: int>", true}, {"int", "bigint", false}, {"decimal(10,2)", "decimal(10,3)", false}} {
		if (spark.PlainType(c.a) == spark.PlainType(c.b)) != c.same {
			t.Errorf("%s and %s are the same: %v", c.a, c.b, !c.same)
		}
	}
	if err := spark.Caseless([]string{"a", "b", "A"}); err == nil || !strings.Contains(err.Error(), `columns "a" and "A" differ by case alone`) {
		t.Errorf("two columns that differ by case: %v", err)
	}
	if err := spark.Caseless([]string{"a", "b", "a"}); err != nil {
		t.Error(err)
	}
}
