package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// story is a notebook over the flights example, on the standard library alone.
const story = `
import sys
import bighead as bh

p = bh.Project(sys.argv[1], binary=sys.argv[2])

head = p.source("departures").head(2)
assert len(head) == 2 and "dep_delay" in head.columns, head

by_name = p.preview("carrier", n=3)
assert len(by_name) == 3 and by_name.columns[:2] == ["carrier", "at"], by_name

# A group that is defined here alone, and one that is wrong.
departures = bh.EventSource("departures", path="data/flights.parquet", time="dep_time", id="flight_id")
def group(column):
    return bh.FeatureGroup("mine", source=departures, keys=["carrier"], features=[bh.avg(column, windows=["1d"])])
mine = p.preview(group("dep_delay"), n=3)
assert mine.columns == ["carrier", "at", "dep_delay_avg_1d"], mine
try:
    p.preview(group("dep_dlay"))
    raise SystemExit("a mistake did not raise")
except bh.DefinitionError as e:
    report = str(e)
for part in ('column "dep_dlay" is not in source "departures"', 'did you mean "dep_delay"?', "bh.avg(column, windows", "^^^^^^"):
    assert part in report, report

assert "dep_delay_avg_1h" in p.explain("carrier")

# A pipeline is drawn, also one of a cell.
drawn = p.diagram("delay")
assert str(drawn).startswith("input ") and "ordinal" in str(drawn), str(drawn)
assert drawn._repr_svg_().startswith("<svg ") and "ordinal" in drawn._repr_html_(), drawn._repr_html_()
view = bh.FeatureView("mine", groups=[group("dep_delay")])
rows = bh.TrainingSet("mine", view=view, spine=bh.Spine(departures, at="dep_time"), labels={"l": "dep_delay > 15"})
def learn(data, params):
    return None
mine = bh.Model("mine", training_set=rows, train=learn, pipeline=bh.Pipeline([bh.standard(bh.numeric)]), split=bh.TimeSplit(valid="2013-02-01", test="2013-03-01"))
assert "standard       mine__dep_delay_avg_1d → in place" in str(p.diagram(mine)), str(p.diagram(mine))

why = p.why("departure", "carrier__count_1d", at="2013-01-15T12:00:00Z", carrier="UA")
assert why.value == why["rows_in_window"] > 0 and "select" in why.sql, why

rows = p.training_set("late", end="2013-01-05")
with open(rows.path, "rb") as f:
    assert f.read(4) == b"PAR1"
assert rows.report["report"]["rows"] > 0, rows.report
print("the end")
`

func TestNotebook(t *testing.T) {
	script := filepath.Join(t.TempDir(), "notebook.py")
	if err := os.WriteFile(script, []byte(story), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("python3", "-B", script, "../../examples/flights", binary(t))
	cmd.Env = append(os.Environ(), "PYTHONPATH=../../sdk/python")
	out, err := cmd.CombinedOutput()
	if err != nil || string(out) != "the end\n" {
		t.Fatalf("%v\n%s", err, out)
	}
}

// asking is a notebook that asks for what is served, of a project that no server runs in.
const asking = `
import sys
import bighead as bh

p = bh.Project(sys.argv[1], binary=sys.argv[2])
got = p.get("v", k="a")
assert dict(got) == {"g__x_sum_1d": 3} and got.status == {"g__x_sum_1d": "present"}, repr(got)
empty = p.get("v", k="nobody")
assert dict(empty) == {"g__x_sum_1d": None} and empty.status == {"g__x_sum_1d": "empty"}, repr(empty)
for wrong, said in (({"j": "a"}, "j"), ({}, "k")):
    try:
        p.get("v", **wrong)
        raise SystemExit("a mistake did not raise")
    except bh.ProjectError as e:
        assert said in str(e), e
print("the end")
`

func TestNotebookAsksForWhatIsServed(t *testing.T) {
	dir := smallProject(t, `
import bighead as bh

e = bh.EventSource("e", path="e.csv", time="ts")
g = bh.FeatureGroup("g", source=e, keys=["k"], features=[bh.sum("x", windows=["1d"])])
v = bh.FeatureView("v", groups=[g])
`)
	writeProject(t, dir, map[string]string{"e.csv": "k,x,ts\na,1,2024-01-01T10:00:00Z\na,2,2024-01-01T23:30:00Z\n", "bighead.toml": "[serve]\nclock = \"events\"\n"})
	mustRun(t, dir, "apply", "--yes")
	mustRun(t, dir, "backfill", "--online", "--to", "2024-01-02")
	script := filepath.Join(t.TempDir(), "asking.py")
	if err := os.WriteFile(script, []byte(asking), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("python3", "-B", script, dir, binary(t))
	cmd.Env = append(os.Environ(), "PYTHONPATH=../../sdk/python")
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != "the end\n" {
		t.Fatalf("%v\n%s", err, out)
	}
}
