package feature_test

import (
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
)

const fingerprintBase = `
s = bh.EventSource("s", path="flights.parquet", time="dep_time", id="flight_id", where="distance > 0", order_by="flight_id", known_at="arr_time", delay="1h", lateness="1d")
g = bh.FeatureGroup("g", source=s, keys=["carrier", "origin"], features=[
    bh.avg("dep_delay", windows=["1d"], where="distance > 10", default=2.0, name="f"),
    bh.top_k("air_time + 1", k=3, windows=["7d"], by="dest", name="top"),
])
v = bh.FeatureView("v", groups=[g], request={"miles": bh.Int}, derive={"x": "g__f_1d + miles", "y": "x * 2"}, required=["x"])
t = bh.TrainingSet("t", view=v, spine=bh.Spine("flights.parquet", at="sched_dep", where="carrier <> 'X'", columns={"miles": "distance"}, keep=["flight_id"]),
    labels={"l": "dep_delay > 15", "m": bh.count(source=s, keys=["carrier"], within="1d")}, label_time="dep_time")
`

// fingerprintCases say what a change of the base changes: s the source, k the folds of the feature f, f the feature f, o the feature
// top, v the view, t the training set. What no letter stands for must stay as it is (I1).
var fingerprintCases = []struct {
	name    string
	replace []string // pairs of old and new
	changes string
}{
	{"nothing", nil, ""},
	// Roads, names and words.
	{"another place of the same columns", []string{`"s", path="flights.parquet"`, `"s", path="more.parquet"`}, ""},
	{"another place of the spine", []string{`Spine("flights.parquet"`, `Spine("more.parquet"`}, ""},
	{"format", []string{`"s", path=`, `"s", format="parquet", path=`}, ""},
	{"topic", []string{`"s", path=`, `"s", topic="flights", path=`}, ""},
	{"lateness", []string{`lateness="1d"`, `lateness="5d"`}, ""},
	{"pii", []string{`lateness="1d"`, `lateness="1d", pii=["tailnum"]`}, ""},
	{"a group's words", []string{`keys=["carrier", "origin"], features`, `keys=["carrier", "origin"], owner="me", description="d", tags=["x"], features`}, ""},
	{"a group's serving", []string{`keys=["carrier", "origin"], features`, `keys=["carrier", "origin"], flush="1s", max_staleness="1m", deadline="5ms", features`}, ""},
	{"a feature's words", []string{`name="f"`, `name="f", description="how late"`}, ""},
	{"fallback", []string{`default=2.0`, `default=2.0, fallback=1`}, ""},
	{"a typical fallback", []string{`default=2.0`, `default=2.0, fallback=bh.typical`}, ""},
	{"required", []string{`required=["x"]`, `required=["g__f_1d"], required_value=["x"]`}, ""},
	{"optional in a request", []string{`{"miles": bh.Int}`, `{"miles": bh.optional(bh.Int)}`}, ""},
	{"a feature's name", []string{`name="f"`, `name="ff"`, `g__f_1d`, `g__ff_1d`}, ""},
	{"a group's name", []string{`Group("g"`, `Group("gg"`, `g__f`, `gg__f`}, ""},
	{"a prefix", []string{`groups=[g]`, `groups=[g.prefix("h")]`, `g__f`, `h__f`}, ""},
	{"a derived column's name", []string{`"x": "g`, `"z": "g`, `"x * 2"`, `"z * 2"`, `required=["x"]`, `required=["z"]`}, ""},
	{"a view's and a set's name", []string{`View("v"`, `View("w"`, `Set("t"`, `Set("u"`}, ""},
	// One meaning, written otherwise.
	{"spaces in SQL", []string{`where="distance > 10"`, `where="( distance>10 )"`, `"g__f_1d + miles"`, `"g__f_1d+miles"`}, ""},
	{"upper case of keywords", []string{`where="carrier <> 'X'"`, `where="NOT (carrier = 'X')"`}, "t"},
	{"a folded constant", []string{`where="distance > 10"`, `where="distance > 4 + 6"`}, ""},
	{"a quoted column", []string{`keys=["carrier", "origin"]`, `keys=['"carrier"', "origin"]`}, ""},
	{"24h for 1d", []string{`"dep_delay", windows=["1d"]`, `"dep_delay", windows=["24h"]`, `g__f_1d`, `g__f_24h`}, ""},
	{"the resolution that it has anyway", []string{`windows=["1d"], where`, `windows=["1d"], resolution="15m", where`}, ""},
	{"an int for the same float", []string{`default=2.0`, `default=2`}, ""},
	{"a default that stands anyway", []string{`k=3`, `k=3, by_max=1000`}, ""},
	// The source.
	{"the source's name", []string{`EventSource("s"`, `EventSource("z"`}, "skfovt"},
	{"time", []string{`time="dep_time", id`, `time="sched_dep", id`}, "skfovt"},
	{"id", []string{`id="flight_id"`, `id="tailnum"`}, "skfovt"},
	{"no id", []string{`id="flight_id", `, ``}, "skfovt"},
	{"the source's where", []string{`where="distance > 0"`, `where="distance > 1"`}, "skfovt"},
	{"order_by", []string{`order_by="flight_id"`, `order_by=["flight_id", "dest"]`}, "skfovt"},
	{"known_at", []string{`known_at="arr_time", `, ``}, "skfovt"},
	{"delay", []string{`delay="1h"`, `delay="2h"`}, "sfovt"},
	{"a used column's type", []string{`"s", path="flights.parquet"`, `"s", path="float.parquet"`}, "kfvt"},
	{"an unused column's type", []string{`"s", path="flights.parquet"`, `"s", path="unused.parquet"`}, ""},
	// The group and the feature.
	{"keys", []string{`keys=["carrier", "origin"]`, `keys=["carrier", "dest"]`}, "kfovt"},
	{"the order of keys", []string{`keys=["carrier", "origin"]`, `keys=["origin", "carrier"]`}, "kfovt"},
	{"input", []string{`bh.avg("dep_delay"`, `bh.avg("arr_delay"`}, "kfvt"},
	{"the feature's where", []string{`where="distance > 10"`, `where="distance > 11"`}, "kfvt"},
	{"no where", []string{`where="distance > 10", `, ``}, "kfvt"},
	{"aggregation over other folds", []string{`bh.avg(`, `bh.max(`, `default=2.0`, `default=2`}, "kfvt"},
	{"window", []string{`"dep_delay", windows=["1d"]`, `"dep_delay", windows=["2d"]`, `g__f_1d`, `g__f_2d`}, "fvt"},
	{"no window", []string{`"dep_delay", windows=["1d"], `, `"dep_delay", `, `g__f_1d`, `g__f`}, "fvt"},
	{"resolution", []string{`windows=["1d"], where`, `windows=["1d"], resolution="5m", where`}, "fvt"},
	{"exact", []string{`windows=["1d"], where`, `windows=["1d"], resolution="exact", where`}, "fvt"},
	{"tumbling", []string{`windows=["1d"], where`, `windows=["1d"], tumbling=True, where`}, "fvt"},
	{"offset", []string{`windows=["1d"], where`, `windows=["1d"], offset="1h", where`}, "fvt"},
	{"refresh", []string{`windows=["1d"], where`, `windows=["1d"], refresh="daily", where`}, "fvt"},
	{"default", []string{`default=2.0`, `default=3.0`}, "fvt"},
	{"no default", []string{`default=2.0, `, ``}, "fvt"},
	{"k", []string{`k=3`, `k=4`}, "ovt"},
	{"by", []string{`by="dest"`, `by="tailnum"`}, "ovt"},
	{"by_max", []string{`by="dest"`, `by="dest", by_max=10`}, "ovt"},
	// The view.
	{"a derived column", []string{`"x * 2"`, `"x * 3"`}, "vt"},
	{"the order of columns", []string{`{"x": "g__f_1d + miles", "y": "x * 2"}`, `{"y": "x * 2", "x": "g__f_1d + miles"}`}, "vt"},
	{"one column more", []string{`"y": "x * 2"`, `"y": "x * 2", "z": "1"`}, "vt"},
	{"a request field's type", []string{`{"miles": bh.Int}`, `{"miles": bh.Float}`, `"miles": "distance"`, `"miles": "cast(distance as float)"`}, "vt"},
	{"another mapping of a key", []string{`groups=[g]`, `groups=[g.on(origin="dest")]`}, "vt"},
	// The training set.
	{"at", []string{`at="sched_dep"`, `at="sched_dep - interval '1 hour'"`}, "t"},
	{"the spine's where", []string{`where="carrier <> 'X'"`, `where="carrier <> 'Y'"`}, "t"},
	{"a spine column", []string{`"miles": "distance"`, `"miles": "distance + 1"`}, "t"},
	{"kept columns", []string{`keep=["flight_id"]`, `keep=["flight_id", "tailnum"]`}, "t"},
	{"a label", []string{`"dep_delay > 15"`, `"dep_delay > 16"`}, "t"},
	{"a label's span", []string{`within="1d"`, `within="2d"`}, "t"},
	{"a label's aggregation", []string{`"m": bh.count(`, `"m": bh.count("dest", `}, "t"},
	{"label_time", []string{`label_time="dep_time"`, `label_time="arr_time"`}, "t"},
	{"unlabelled", []string{`label_time=`, `unlabelled="keep", label_time=`}, "t"},
	{"weight", []string{`label_time=`, `weight="distance", label_time=`}, "t"},
	{"start and end", []string{`label_time=`, `start="2013-02-01", end="2013-10-01", label_time=`}, "t"},
	{"sample", []string{`keep=["flight_id"]`, `keep=["flight_id"], sample=0.5`}, "t"},
	{"fewer columns", []string{`label_time=`, `features=["x"], label_time=`}, "t"},
}

func fingerprintPlaces(p feature.Place) (value.Schema, []string, error) {
	s, _, err := schemaOf(feature.Place{Path: "flights.parquet"})
	for i := range s {
		switch {
		case p.Path == "float.parquet" && s[i].Name == "dep_delay", p.Path == "unused.parquet" && s[i].Name == "flights":
			s[i].Type = value.Float
		case p.Path == "unused.parquet" && s[i].Name == "fare":
			s[i].Type = value.Int
		}
	}
	return s, nil, err
}

// parts are the fingerprints of a project made from the base, by the letters of the cases.
func parts(t *testing.T, d *feature.Definitions, o feature.Options) map[rune]string {
	t.Helper()
	o.Schema = fingerprintPlaces
	p, problems := feature.Check(d, o)
	if problems.Failed() {
		t.Fatal(problems)
	}
	f := p.Groups[0].Features
	out := map[rune]string{
		's': p.Sources[0].Fingerprint, 'k': f[0].FoldFingerprint, 'f': f[0].Fingerprint, 'o': f[1].Fingerprint, 'v': p.Views[0].Fingerprint, 't': p.TrainingSets[0].Fingerprint,
	}
	for letter, fp := range out {
		if len(fp) != 32 {
			t.Errorf("%c: fingerprint %q", letter, fp)
		}
	}
	return out
}

func TestWhatChangesAFingerprint(t *testing.T) {
	texts := make([]string, len(fingerprintCases))
	for i, c := range fingerprintCases {
		texts[i] = fingerprintBase
		for j := 0; j < len(c.replace); j += 2 {
			if !strings.Contains(texts[i], c.replace[j]) {
				t.Fatalf("%s: the base has no %s", c.name, c.replace[j])
			}
			texts[i] = strings.ReplaceAll(texts[i], c.replace[j], c.replace[j+1])
		}
	}
	defs := recorded(t, texts)
	base := parts(t, defs[0], feature.Options{})
	for i, c := range fingerprintCases {
		t.Run(c.name, func(t *testing.T) {
			got := parts(t, defs[i], feature.Options{})
			for letter, name := range map[rune]string{'s': "source", 'k': "folds", 'f': "feature", 'o': "other feature", 'v': "view", 't': "training set"} {
				changed, should := got[letter] != base[letter], strings.ContainsRune(c.changes, letter)
				if changed != should {
					t.Errorf("the %s's fingerprint changed: %v, should have: %v", name, changed, should)
				}
			}
		})
	}
	t.Run("exact by the project's settings", func(t *testing.T) {
		got := parts(t, defs[0], feature.Options{Resolution: "exact"})
		if got['f'] == base['f'] || got['k'] != base['k'] || got['s'] != base['s'] {
			t.Errorf("%v, was %v", got, base)
		}
	})
}

// groupOf checks definitions and gives the features of the first group by name.
func groupOf(t *testing.T, define string) map[string]*feature.Feature {
	t.Helper()
	p, problems := feature.Check(recorded(t, []string{define})[0], feature.Options{Schema: schemaOf})
	if problems.Failed() {
		t.Fatal(problems)
	}
	out := map[string]*feature.Feature{}
	for _, f := range p.Groups[0].Features {
		out[f.Name] = f
	}
	return out
}

func TestFoldsAreShared(t *testing.T) {
	f := groupOf(t, `
s = bh.EventSource("s", path="flights.parquet", time="dep_time")
g = bh.FeatureGroup("g", source=s, keys=["carrier"], features=[
    bh.variance("fare"), bh.stddev("fare", sample=True), bh.kurtosis("fare"),
    bh.avg("fare"), bh.sum("fare"), bh.count("fare"), bh.count(), bh.count("distance"),
    bh.count(windows=["7d"], tumbling=True, name="a"), bh.count(windows=["7d"], tumbling=True, origin="1970-01-05", name="b"),
    bh.count(windows=["7d"], tumbling=True, origin="1970-01-12", name="c"), bh.count(by="dest", name="d"), bh.count(by="tailnum", name="e"),
])`)
	same := func(a, b string) {
		if f[a].FoldFingerprint != f[b].FoldFingerprint || f[a].Fingerprint == f[b].Fingerprint {
			t.Errorf("%s and %s keep the same state and give other values", a, b)
		}
	}
	same("fare_variance", "fare_stddev")
	same("count", "a_7d")
	if f["fare_kurtosis"].FoldFingerprint == f["fare_variance"].FoldFingerprint {
		t.Error("kurtosis needs more moments than variance")
	}
	if f["b_7d"].Fingerprint != f["c_7d"].Fingerprint || f["a_7d"].Fingerprint == f["b_7d"].Fingerprint {
		t.Error("origins a window apart are one grid, others are not")
	}
	if f["d"].FoldFingerprint == f["e"].FoldFingerprint || f["d"].FoldFingerprint == f["count"].FoldFingerprint {
		t.Error("maps by different columns are different states")
	}
	if f["count"].FoldFingerprint == f["fare_count"].FoldFingerprint || f["fare_count"].FoldFingerprint == f["distance_count"].FoldFingerprint {
		t.Error("counts of rows and of inputs are different states")
	}
	average := f["fare_avg"].FoldFingerprints()
	has := func(one string) bool {
		for _, a := range average {
			if a == one {
				return true
			}
		}
		return false
	}
	if !has(f["fare_count"].FoldFingerprints()[0]) {
		t.Errorf("the count in avg is the count of count: %v, %v", average, f["fare_count"].FoldFingerprints())
	}
}

func TestFingerprintsOfEntities(t *testing.T) {
	bases := []string{
		`p = bh.EntitySource("p", path="planes.parquet", keys=["tailnum"])`,
		`p = bh.EntitySource("p", path="planes.parquet", keys=["tailnum"], time="updated")`,
		`p = bh.EntitySource("p", path="planes.parquet", keys=["tailnum"], time="updated", deleted="gone")`,
		`p = bh.EntitySource("p", path="planes.parquet", keys=["tailnum"], time="updated", order_by="year")`,
		`p = bh.EntitySource("p", path="planes.parquet", keys=["tailnum"], time="updated", where="year > 1990")`,
		`p = bh.EntitySource("p", path="planes.parquet", keys=["tailnum"], snapshot="manufacturer")`,
		`p = bh.EntitySource("p", path="planes.parquet", keys=["tailnum", "manufacturer"])`,
		`p = bh.EventSource("p", path="planes.parquet", time="updated")`,
	}
	seen := map[string]string{}
	for _, source := range bases {
		group := "\n" + `g = bh.FeatureGroup("g", source=p, features=[bh.latest("seats")])`
		if strings.Contains(source, "EventSource") {
			group = "\n" + `g = bh.FeatureGroup("g", source=p, keys=["tailnum"], features=[bh.last_row("seats")])`
		}
		fp := groupOf(t, source+group)["seats"].Fingerprint
		if other, ok := seen[fp]; ok {
			t.Errorf("%s\nand %s\nhave one fingerprint", source, other)
		}
		seen[fp] = source
	}
}
