package feature_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
)

// checked is a project without mistakes.
func checked(t *testing.T, define string, o feature.Options) *feature.Project {
	t.Helper()
	if o.Schema == nil {
		o.Schema = schemaOf
	}
	p, problems := feature.Check(recorded(t, []string{define})[0], o)
	if problems.Failed() {
		t.Fatal(problems)
	}
	return p
}

// W2: the largest of 1 s, 5 s, 15 s, 1 min, 5 min, 15 min, 1 h, 3 h, 6 h, 1 d that divides W and is at most W/60; none fits: exact.
func TestDefaultResolution(t *testing.T) {
	for window, want := range map[string]string{
		"1ms": "0s", "999ms": "0s", "59s": "0s", "60s": "1s", "90s": "1s", "299s": "1s", "5m": "5s", "301s": "1s", "15m": "15s", "1h": "1m", "90m": "1m",
		"4h": "1m", "5h": "5m", "6h": "5m", "1d": "15m", "2d": "15m", "59h": "15m", "60h": "1h", "7d": "1h", "8d": "3h", "15d": "6h", "30d": "6h", "59d": "6h", "60d": "1d", "365d": "1d",
		"3601s": "1s", "86401s": "1s", "60500ms": "0s",
	} {
		w, err := value.ParseDuration(window)
		if err != nil {
			t.Fatal(err)
		}
		if got := value.FormatDuration(feature.DefaultResolution(w)); got != want {
			t.Errorf("a window of %s has a resolution of %s, want %s", window, got, want)
		}
	}
}

func TestWindowsOfFeatures(t *testing.T) {
	define := `
s = bh.EventSource("s", path="flights.parquet", time="dep_time")
g = bh.FeatureGroup("g", source=s, keys=["carrier"], features=[
    bh.sum("distance", windows=["1h", "90s"]),
    bh.sum("distance", windows=["6h"], resolution="1h", offset="1d", refresh="daily", name="a"),
    bh.sum("distance", windows=["6h"], resolution="exact", name="b"),
    bh.sum("distance", windows=["7d"], tumbling=True, origin="1970-01-05T00:00:00Z", name="c"),
    bh.sum("distance", windows=["7d"], tumbling=True, origin="1969-12-29", name="d"),
    bh.sum("distance", name="e", offset="1h"),
    bh.sum("distance", windows=["10d"], resolution="5d", name="f"),
])`
	const minute, hour, day = 60_000, 3_600_000, 86_400_000
	want := map[string]feature.Window{
		"distance_sum_1h":  {Size: hour, Resolution: minute},
		"distance_sum_90s": {Size: 90_000, Resolution: 1000},
		"a_6h":             {Size: 6 * hour, Resolution: hour, Offset: day, Daily: true},
		"b_6h":             {Size: 6 * hour},
		"c_7d":             {Size: 7 * day, Tumbling: true, Origin: 4 * day},
		"d_7d":             {Size: 7 * day, Tumbling: true, Origin: 4 * day},
		"e":                {Unbounded: true, Offset: hour},
		"f_10d":            {Size: 10 * day, Resolution: 5 * day},
	}
	for _, f := range checked(t, define, feature.Options{}).Groups[0].Features {
		if f.Window != want[f.Name] {
			t.Errorf("%s: %+v, want %+v", f.Name, f.Window, want[f.Name])
		}
		delete(want, f.Name)
	}
	if len(want) > 0 {
		t.Errorf("no features %v", want)
	}
	for _, f := range checked(t, define, feature.Options{Resolution: "exact"}).Groups[0].Features {
		if explicit := map[string]int64{"a_6h": hour, "f_10d": 5 * day}; f.Window.Resolution != explicit[f.Name] {
			t.Errorf("[features] resolution = exact: %s has %d", f.Name, f.Window.Resolution)
		}
	}
}

// A5 and the table of docs/interface.md.
func TestNamesOfFeatures(t *testing.T) {
	p := checked(t, `
s = bh.EventSource("s", path="flights.parquet", time="dep_time", order_by="flight_id")
planes = bh.EntitySource("planes", path="planes.parquet", keys=["tailnum"])
g = bh.FeatureGroup("g", source=s, keys=["carrier"], features=[
    bh.avg("dep_delay", windows=["1h", "1d"]), bh.avg("dep_delay"), bh.avg("dep_delay", windows=["1d"], name="late"), bh.avg("dep_delay", name="ever"),
    bh.count(windows=["1d"]), bh.count(), bh.last_k("dest", k=3, windows=["1d"]), bh.top_k("distance", k=2),
    bh.sum("distance", by="dest", windows=["7d"]), bh.sum("distance", by="dest"), bh.count(by="dest"),
    bh.time_since_last(), bh.time_since_last("arr_delay", windows=["1d"]),
    bh.first_row("dest"), bh.last_row("origin"), bh.last_row("origin", windows=["1d"]), bh.last_row("origin", name="o"),
    bh.avg('"dep_delay"', windows=["2h"]),
])
h = bh.FeatureGroup("h", source=planes, features=[bh.latest("seats", "year"), bh.latest("seats * 2", name="double")])
`, feature.Options{})
	var got []string
	for _, g := range p.Groups {
		for _, f := range g.Features {
			got = append(got, f.Name)
		}
	}
	want := strings.Fields(`dep_delay_avg_1h dep_delay_avg_1d dep_delay_avg late_1d ever count_1d count dest_last_k3_1d distance_top_k2
		distance_sum_7d_by_dest distance_sum_by_dest count_by_dest time_since_last arr_delay_time_since_last_1d dest origin origin_last_row_1d o dep_delay_avg_2h seats year double`)
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestSources(t *testing.T) {
	p := checked(t, `
a = bh.EventSource("a", path="clicks.parquet", time="ts", time_unit="us", known_at="seen", order_by="page", delay="5m")
b = bh.EventSource("b", columns={"k": bh.String}, time="ts")
c = bh.EntitySource("c", path="users", keys=["id"], snapshot="ds")
d = bh.EntitySource("d", path="planes.parquet", keys=["tailnum"])
`, feature.Options{})
	a, b, c, d := p.Sources[0], p.Sources[1], p.Sources[2], p.Sources[3]
	if !slices.Equal(a.Place.TimeColumns, []string{"ts", "seen"}) || a.Place.TimeUnit != "us" || a.Delay != 300_000 || a.Lateness != 86_400_000 {
		t.Errorf("%+v", a)
	}
	for _, name := range []string{"ts", "seen"} {
		if typ, _ := a.Schema.Lookup(name); !typ.Equal(value.Timestamp) {
			t.Errorf("an integer time is a timestamp in the schema: %s", typ)
		}
	}
	if !a.Time.Type().Equal(value.Timestamp) || a.KnownAt == nil || len(a.OrderBy) != 1 {
		t.Errorf("%+v", a)
	}
	if typ, ok := b.Schema.Lookup("ts"); !ok || !typ.Equal(value.Timestamp) || len(b.Schema) != 2 {
		t.Errorf("the column of time= need not be declared: %v", b.Schema)
	}
	if c.Kind != feature.Snapshots || c.Snapshot != "ds" || c.Time != nil || d.Kind != feature.Entities || d.Time != nil || a.Kind != feature.Events {
		t.Errorf("%+v %+v", c, d)
	}
}

func TestViewAndTrainingSet(t *testing.T) {
	p := checked(t, `
s = bh.EventSource("s", path="flights.parquet", time="dep_time")
carrier = bh.FeatureGroup("carrier", source=s, keys=["carrier"], features=[bh.count(windows=["1d"])])
route = bh.FeatureGroup("route", source=s, keys=["origin", "dest"], features=[bh.count(windows=["1d"])])
v = bh.FeatureView("v", groups=[route, carrier, route.on(dest="origin", origin="dest").prefix("back")],
    request={"distance": bh.Int, "carrier": bh.String, "note": bh.optional(bh.String)},
    derive={"c": "b + 1", "a": "carrier__count_1d + distance", "b": "a * 2"}, required=["back__count_1d"], required_value=["c"])
t = bh.TrainingSet("t", view=v.select(["c", "distance"]), spine=bh.Spine("flights.parquet", at="sched_dep", columns={"distance": "distance * 2"}, keep=["flight_id", "origin"], sample=0.25, sample_by="tailnum"),
    labels={"l": "dep_delay > 15", "m": bh.sum("air_time", source=s, keys=["tailnum"], within="2h", default=0)}, label_time="dep_time", weight="distance", unlabelled="keep",
    start="2013-02-01", end="2013-10-01T12:00:00Z")
`, feature.Options{})
	v := p.Views[0]
	line := func(list any) string { return fmt.Sprint(list) }
	var columns, order []string
	for _, c := range v.Columns {
		columns = append(columns, fmt.Sprintf("%s:%s:%v:%v", c.Name, c.Type, c.Required, c.RequiredValue))
	}
	for _, d := range v.Derived {
		order = append(order, d.Name)
	}
	if got, want := line(columns), "[route__count_1d:int:false:false carrier__count_1d:int:false:false back__count_1d:int:true:false distance:int:false:false carrier:string:false:false note:string:false:false c:int:false:true a:int:false:false b:int:false:false]"; got != want {
		t.Errorf("columns\ngot  %s\nwant %s", got, want)
	}
	if line(order) != "[a b c]" {
		t.Errorf("each derived column stands after those it reads: %v", order)
	}
	if line(v.Keys) != "[{origin string false} {dest string false}]" || line(v.Joins[2].On) != "[dest origin]" || v.Joins[2].Prefix != "back" || !v.Request[2].Optional {
		t.Errorf("keys %v, joins %+v", v.Keys, v.Joins)
	}
	s := p.TrainingSets[0]
	var spine []string
	for _, c := range s.Spine.Columns {
		spine = append(spine, c.Name+"="+c.Expr.String())
	}
	if got := line(spine); got != "[origin=origin dest=dest distance=(distance * 2) carrier=carrier note=cast(null as string)]" {
		t.Errorf("spine columns %s", got)
	}
	m := s.Labels[1]
	if m.Within != 7_200_000 || line(m.On) != "[tailnum]" || m.Feature.Window != (feature.Window{Size: 7_200_000}) || m.Feature.Default.String() != "0" || m.Feature.Group != nil || m.Feature.Fingerprint == "" {
		t.Errorf("label %+v, feature %+v", m, m.Feature)
	}
	if line(s.Features) != "[c distance]" || !s.KeepNull || *s.Start != 1359676800000 || *s.End != 1380628800000 || s.Spine.Sample != 0.25 || line(s.Spine.SampleBy) != "[tailnum]" {
		t.Errorf("%+v", s)
	}
}

func TestDefaults(t *testing.T) {
	f := groupOf(t, `
s = bh.EventSource("s", path="flights.parquet", time="dep_time")
g = bh.FeatureGroup("g", source=s, keys=["carrier"], features=[
    bh.avg("dep_delay", default=1, name="int_for_float"), bh.last("sched_dep", default="2013-01-01T02:00:00+02:00", name="time"),
    bh.last("day", default="2013-01-02", name="day"), bh.last("raw", default=b"ab", name="raw"), bh.last("cancelled", default=True, name="bool"),
    bh.last("tags", default=["a", "b"], fallback=[], name="list"), bh.last("carrier", default=None, name="none"), bh.last("dep_delay", fallback=7, name="fallback"),
    bh.last("carrier", fallback=bh.typical, name="typical"),
])`)
	for name, want := range map[string]string{"int_for_float": "1.0", "time": "2013-01-01T00:00:00Z", "day": "2013-01-02", "raw": "YWI=", "bool": "true", "list": `["a","b"]`, "none": "null", "fallback": "null"} {
		d := f[name].Default
		if got := d.String(); got != want && !(name == "int_for_float" && d.Kind() == value.KindFloat && d.Float() == 1) {
			t.Errorf("%s: default %s, want %s", name, got, want)
		}
		if !d.HasType(f[name].Type) {
			t.Errorf("%s: default %s is no %s", name, d, f[name].Type)
		}
	}
	if x := f["typical"]; !x.Typical || !x.Fallback.IsNull() || f["fallback"].Typical {
		t.Errorf("typical: %v %s, %v", x.Typical, x.Fallback, f["fallback"].Typical)
	}
	if f["fallback"].Fallback.Int() != 7 || f["list"].Fallback.String() != "[]" {
		t.Errorf("fallbacks %s, %s", f["fallback"].Fallback, f["list"].Fallback)
	}
}

// Times are moved by windows, offsets and delays at once; at the limits of all of them nothing leaves int64.
func TestSpansStayFarFromTheEndsOfInt64(t *testing.T) {
	f := groupOf(t, `
s = bh.EventSource("s", path="flights.parquet", time="dep_time", delay="3652500d")
g = bh.FeatureGroup("g", source=s, keys=["carrier"], features=[bh.count(windows=["3652500d"], offset="3652500d", tumbling=True, name="x")])
`)["x_3652500d"]
	reach := f.Window.Size*2 + f.Window.Offset + f.Group.Source.Delay
	for _, at := range []int64{value.MinTimestamp, value.MaxTimestamp} {
		if back := at - reach; back > at || back < -(1<<62) {
			t.Errorf("%d − %d is near the end of int64", at, reach)
		}
	}
}
