package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
)

// What `why` prints for DuckDB: statements in its words, and none where they might mean something else there.
func TestDuckDBStatement(t *testing.T) {
	dir := flightsProject(t, `import bighead as bh
e = bh.EventSource("e", path="data/flights.parquet", time="dep_time", order_by="flight_id", where="distance > 100")
g = bh.FeatureGroup("g", source=e, keys=["carrier"], features=[
    bh.count(name="n"), bh.sum("dep_delay / 7", name="f"), bh.max("dep_delay", where="dest = 'X as float)'", default=-1, name="m"),
    bh.last("dest", where="origin = 'EWR'", name="l"), bh.count_distinct("dest", max=5, name="d"), bh.last("dep_delay > 15", name="b"),
    bh.avg("dep_delay > 15", name="a"), bh.avg("distance div 7", name="i"), bh.avg("distance / dep_delay", name="z"),
    bh.avg("ln(distance)", name="o"), bh.avg("dep_delay", by="origin", name="y"), bh.count(where="lower(dest) = 'iah'", name="w"),
])
v = bh.FeatureView("v", groups=[g])
`)
	for _, c := range []struct{ feature, says string }{
		{"n", "select count(*)\n"},
		{"f", "select sum(cast(dep_delay as double) / 7.0)\n"},
		{"m", "select coalesce(max(dep_delay) filter (where (dest = 'X as float)')), -1)\n"},
		{"l", "select last(dest order by dep_time, flight_id nulls first, dest) filter (where (origin = 'EWR') and dest is not null)\n"},
		{"d", "select least(count(distinct dest), 5)\n"},
		{"b", "select last(dep_delay > 15 order by"},
		{"a", "select avg((dep_delay > 15)::int)\n"},
		{"i", ""}, {"z", ""}, {"o", ""}, {"y", ""}, {"w", ""},
	} {
		code, out, stderr := bighead(t, dir, "why", "v", "g__"+c.feature, "carrier=O'Hare", "--at", "2013-01-02T00:00:00Z", "--json")
		var a answer
		if err := json.Unmarshal([]byte(out), &a); code != exitGood || err != nil {
			t.Fatalf("why %s answers %d, %v\n%s", c.feature, code, err, stderr)
		}
		if (a.SQL != "") != (c.says != "") || !strings.Contains(a.SQL, c.says) {
			t.Errorf("%s: got %q, want %q", c.feature, a.SQL, c.says)
		}
		if a.SQL != "" && (!strings.HasPrefix(a.SQL, "set TimeZone = 'UTC';\n") || !strings.Contains(a.SQL, `"carrier" = 'O''Hare'`) || !strings.HasSuffix(a.SQL, "dep_time < timestamptz '2013-01-02T00:00:00Z';")) {
			t.Errorf("%s: %s", c.feature, a.SQL)
		}
	}
}

// Of a source with an id the statement leaves copies out, and where they are not equal it keeps the least (E3).
func TestDuckDBStatementDropsCopies(t *testing.T) {
	dir := smallProject(t, `import bighead as bh
e = bh.EventSource("e", path="e.parquet", time="ts", id="id", where="x > 0")
v = bh.FeatureView("v", groups=[bh.FeatureGroup("g", source=e, keys=["k"], features=[bh.count(name="n", windows=["1h"])])])
`)
	schema := value.Schema{{Name: "k", Type: value.String}, {Name: "ts", Type: value.Timestamp}, {Name: "x", Type: value.Int}, {Name: "id", Type: value.Int}}
	w, err := dataset.Create(formats, filepath.Join(dir, "e.parquet"), schema, dataset.Metadata{}, dataset.WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	row := func(k string, hour, x, id int64) []value.Value {
		return []value.Value{value.OfString(k), value.OfTimestamp(hour * 3600e3), value.OfInt(x), value.OfInt(id)}
	}
	rows := [][]value.Value{row("a", 1, 1, 7), row("a", 1, 1, 7), row("b", 1, 1, 8), row("c", 1, 1, 8), row("c", 3, 1, 9), row("c", 3, 2, 9), row("c", 3, 1, 10)}
	if err := errors.Join(w.Write(value.BatchOf(schema, rows)), w.Close()); err != nil {
		t.Fatal(err)
	}
	const from = "from (\n  select * from read_parquet('e.parquet')\n  where (x > 0)\n    and ts >= timestamptz '1970-01-01T%[1]s:30:00Z'\n" +
		"    and ts < timestamptz '1970-01-01T%[2]s:30:00Z'\n    and \"k\" is not null\n  qualify \"id\" is null or row_number() over (partition by \"id\", ts%[3]s) = 1\n)\nwhere \"k\" = '%[4]s';"
	const least = ` order by "id" nulls first, "k" nulls first, "ts" nulls first, "x" nulls first`
	t.Chdir(dir)
	for _, c := range []struct{ key, at, from, value, order string }{
		{"a", "01", "00", "1", ""}, {"b", "01", "00", "1", least}, {"c", "01", "00", "0", least}, {"c", "03", "02", "2", least},
	} {
		code, out, stderr := bighead(t, dir, "why", "v", "g__n_1h", "k="+c.key, "--at", "1970-01-01T"+c.at+":30:00Z", "--json")
		var a answer
		if err := json.Unmarshal([]byte(out), &a); code != exitGood || err != nil {
			t.Fatalf("why answers %d, %v\n%s", code, err, stderr)
		}
		if want := fmt.Sprintf(from, c.from, c.at, c.order, c.key); string(a.Value) != c.value || fmt.Sprint(*a.Rows) != c.value || !strings.HasSuffix(a.SQL, want) {
			t.Errorf("for %s at %s:30 it is %s, of %d rows\n%s\nwant %s\n%s", c.key, c.at, a.Value, *a.Rows, a.SQL, c.value, want)
		}
	}
}

// Where rows cannot be written the error names the place, and nothing is left there.
func TestUnwritableOutput(t *testing.T) {
	dir := smallProject(t, smallFeatures)
	if err := os.Mkdir(filepath.Join(dir, "folder.parquet"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		out  string
		code int
		says string
	}{
		{"folder.parquet", exitMistake, "is a folder"},
		{"rows.xlsx", exitMistake, "does not tell a format"},
		{"rows", exitMistake, "does not tell a format"},
		{"missing/rows.parquet", exitOutside, "rows.parquet"},
		{"e.csv/rows.parquet", exitOutside, "rows.parquet"},
	} {
		code, out, stderr := bighead(t, dir, "training-set", "t", "-o", filepath.Join(dir, c.out))
		if code != c.code || out != "" || !strings.Contains(stderr, c.says) {
			t.Errorf("-o %s answers %d\n%s%s", c.out, code, out, stderr)
		}
		left, err := os.ReadDir(dir)
		if err != nil || len(left) != 4 {
			t.Errorf("-o %s leaves %v", c.out, left)
		}
	}
}
