package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
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
		{"f", "select sum((cast(dep_delay as double) / 7.0))\n"},
		{"m", "select coalesce(max(dep_delay) filter (where (dest = 'X as float)')), -1)\n"},
		{"l", "select last(dest order by dep_time, flight_id) filter (where (origin = 'EWR') and dest is not null)\n"},
		{"d", "select least(count(distinct dest), 5)\n"},
		{"b", "select last((dep_delay > 15) order by"},
		{"a", "select avg(((dep_delay > 15))::int)\n"},
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
