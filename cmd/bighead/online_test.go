package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
)

const onlineFeatures = `import bighead as bh

departures = bh.EventSource("departures", path="data/flights.parquet", time="dep_time", id="flight_id", order_by="flight_id")
planes = bh.EntitySource("planes", path="data/planes.parquet", keys=["tailnum"])
carrier = bh.FeatureGroup("carrier", source=departures, keys=["carrier"], features=[
    bh.avg("dep_delay", windows=["1h", "1d", "30d"]), bh.stddev("dep_delay", windows=["7d"]),
    bh.count(windows=["1d"], where="dep_delay >= 15", name="late"), bh.last("dep_delay"), bh.count_distinct("dest"),
    bh.sum("distance", windows=["6h"], resolution="exact", name="far"), bh.top_k("dep_delay", k=3, windows=["1d"]),
    bh.avg("dep_delay", windows=["1d"], by="origin"), bh.time_since_last(name="quiet"), bh.max("dep_delay", windows=["1d"], offset="1d", name="before"),
])
plane = bh.FeatureGroup("plane", source=planes, features=[bh.latest("year", "seats")])
departure = bh.FeatureView("departure", groups=[carrier, plane], request={"distance": bh.optional(bh.Int)},
    derive={"far_ratio": "carrier__far_6h / distance"})
`

// rowsOf reads the rows of the flights with from <= dep_time < to, as lines of JSON in the order of their times.
func flightLines(t *testing.T, dir string, from, to string) string {
	t.Helper()
	ctx := context.Background()
	table, err := dataset.Open(ctx, formats, filepath.Join(dir, "data", "flights.parquet"), dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := table.Scan(ctx, dataset.Scan{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	lo, _ := value.ParseTimestamp(from)
	hi, _ := value.ParseTimestamp(to)
	var out bytes.Buffer
	for {
		b, err := r.Next()
		if err == io.EOF {
			return out.String()
		} else if err != nil {
			t.Fatal(err)
		}
		at := b.Schema.Index("dep_time")
		for i := range b.N {
			if x := b.Columns[at].At(i); x.IsNull() || x.Int() < lo || x.Int() >= hi {
				continue
			}
			line := []byte{'{'}
			for k, f := range b.Schema {
				line = append(value.AppendJSON(line, value.OfString(f.Name)), ':')
				line = append(value.AppendJSON(line, b.Columns[k].At(i)), ',')
			}
			out.Write(append(line[:len(line)-1], '}', '\n'))
		}
	}
}

// TestOnline takes flights from batch up to a midnight and from pushes after it, asks for vectors online, and compares them with what a
// training set would hold at the same time: the promise of docs/semantics.md, on real data, through the commands that users type.
func TestOnline(t *testing.T) { testOnline(t, "") }

// testOnline is TestOnline with further settings.
func testOnline(t *testing.T, settings string) {
	t.Helper()
	if testing.Short() {
		t.Skip("tiles of a year of flights take a while")
	}
	dir := flightsProject(t, onlineFeatures)
	toml := "[serve]\nclock = \"events\"\n[log]\nlevel = \"warn\"\n" + settings
	if err := os.WriteFile(filepath.Join(dir, "bighead.toml"), []byte(toml), 0o644); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) string {
		t.Helper()
		code, out, stderr := bighead(t, dir, args...)
		if code != exitGood {
			t.Fatalf("bighead %s answers %d\n%s%s", strings.Join(args, " "), code, out, stderr)
		}
		return out
	}
	if code, _, stderr := bighead(t, dir, "get", "departure", "carrier=UA", "tailnum=N14228"); code != exitMistake || !strings.Contains(stderr, "bighead apply") {
		t.Fatalf("get before apply: %d %s", code, stderr)
	}
	run("apply", "--yes")
	run("backfill", "--online", "--to", "2013-03-05")
	push := func(name, lines string) string {
		t.Helper()
		file := filepath.Join(t.TempDir(), name+".ndjson")
		if err := os.WriteFile(file, []byte(lines), 0o644); err != nil {
			t.Fatal(err)
		}
		return run("push", "departures", file)
	}
	lines := flightLines(t, dir, "2013-03-05T00:00:00Z", "2013-03-06T15:00:00Z")
	n := strings.Count(lines, "\n")
	if n < 1000 {
		t.Fatalf("only %d flights to push", n)
	}
	if out := push("flights", lines); !strings.Contains(out, fmt.Sprintf("departures: %s accepted, 0 came before", count(int64(n)))) {
		t.Fatal(out)
	}
	if out := push("again", lines[:strings.Index(lines, "\n")+1]); !strings.Contains(out, "0 accepted, 1 came before") {
		t.Fatalf("an event that came before: %s", out)
	}
	compared := 0
	for _, key := range []string{"UA", "AA", "B6", "HA", "no such carrier"} {
		compared += compareOnline(t, run, key)
	}
	if compared < 60 {
		t.Fatalf("only %d values were compared", compared)
	}
	if code, _, stderr := bighead(t, dir, "get", "departure", "carrier=UA", "tailnum=N14228", "--at", "2013-03-01T00:00:00Z"); code != exitMistake || !strings.Contains(stderr, "cannot look back") {
		t.Fatalf("the past: %d %s", code, stderr)
	}
	if code, _, stderr := bighead(t, dir, "get", "departure", "carier=UA", "tailnum=N14228"); code != exitMistake || !strings.Contains(stderr, `"carier"`) {
		t.Fatalf("a misspelt key: %d %s", code, stderr)
	}
}

// compareOnline asks for a vector online and offline at the same time, and compares value by value.
func compareOnline(t *testing.T, run func(...string) string, carrier string) int {
	t.Helper()
	var online featuresAnswer
	if err := json.Unmarshal([]byte(run("get", "departure", "carrier="+carrier, "tailnum=N14228", "distance=1400", "--json")), &online); err != nil {
		t.Fatal(err)
	}
	spine := filepath.Join(t.TempDir(), "spine.csv")
	text := fmt.Sprintf("carrier,tailnum,distance,asked\n%s,N14228,1400,%s\n", carrier, online.At)
	if err := os.WriteFile(spine, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	var offline map[string]json.RawMessage
	out := filepath.Join(t.TempDir(), "rows.ndjson")
	run("features", "departure", "--spine", spine, "--at", "asked", "-o", out)
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &offline); err != nil {
		t.Fatal(err)
	}
	statuses, err := statusesOf(online.Rows[0].Status, len(online.Features))
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range online.Features {
		if s := statuses[i]; s != "present" && s != "empty" {
			t.Errorf("%s of %s is %s", name, carrier, s)
		}
		if got, want := online.Rows[0].Values[i], offline[name]; !sameJSON(t, got, want) {
			t.Errorf("%s of %s as of %s: online %s, a training set has %s", name, carrier, online.At, got, want)
		}
	}
	return len(online.Features)
}

// sameJSON compares two values of JSON: exactly, but for the last digits of floats, which come of other orders of adding.
func sameJSON(t *testing.T, a, b json.RawMessage) bool {
	t.Helper()
	var x, y any
	for raw, into := range map[*json.RawMessage]*any{&a: &x, &b: &y} {
		d := json.NewDecoder(bytes.NewReader(*raw))
		d.UseNumber()
		if err := d.Decode(into); err != nil {
			t.Fatalf("%s: %v", *raw, err)
		}
	}
	return sameTree(x, y)
}

func sameTree(x, y any) bool {
	switch x := x.(type) {
	case json.Number:
		y, ok := y.(json.Number)
		if !ok {
			return false
		}
		f, _ := x.Float64()
		g, _ := y.Float64()
		return x == y || agg.Close(value.OfFloat(f), value.OfFloat(g))
	case map[string]any:
		y, ok := y.(map[string]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for k := range x {
			if !sameTree(x[k], y[k]) {
				return false
			}
		}
		return true
	case []any:
		y, ok := y.([]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for i := range x {
			if !sameTree(x[i], y[i]) {
				return false
			}
		}
		return true
	}
	return x == y
}

// TestUp starts a server, asks it through the project's socket, pushes an event that the next answer shows, applies a change that is
// served without a restart, and ends it.
func TestUp(t *testing.T) { testUp(t, "") }

// testUp is TestUp with further settings.
func testUp(t *testing.T, settings string) {
	t.Helper()
	dir := smallProject(t, smallFeatures)
	toml := "[serve]\nlisten = \"127.0.0.1:0\"\nclock = \"events\"\ndeadline = \"30s\"\n[log]\nlevel = \"warn\"\n" + settings
	if err := os.WriteFile(filepath.Join(dir, "bighead.toml"), []byte(toml), 0o644); err != nil {
		t.Fatal(err)
	}
	if code, out, stderr := bighead(t, dir, "apply", "--yes"); code != exitGood {
		t.Fatal(out, stderr)
	}
	if code, _, stderr := bighead(t, dir, "status"); code != exitMistake || !strings.Contains(stderr, "bighead up") {
		t.Fatalf("status without a server: %d %s", code, stderr)
	}
	ctx, stop := context.WithCancel(t.Context())
	var out, log lockedText
	ended := make(chan int)
	go func() {
		c := &cli{stdin: strings.NewReader(""), stdout: &out, stderr: &log}
		ended <- c.run(ctx, []string{"--project", dir, "up"})
	}()
	url := awaited(t, func() string {
		_, after, _ := strings.Cut(log.String(), "on http://")
		at, _, found := strings.Cut(after, ": ")
		if !found {
			return ""
		}
		return "http://" + at
	})
	get := func() string {
		code, out, stderr := bighead(t, dir, "get", "v", "k=z", "--json")
		if code != exitGood {
			t.Fatal(out, stderr)
		}
		return out
	}
	if code, _, stderr := bighead(t, dir, "push", "e", lineFile(t, `{"k":"z","ts":"2024-01-01T12:00:00Z","x":41}`)); code != exitGood {
		t.Fatal(stderr)
	}
	awaited(t, func() string { return containingOr(get(), "41") })
	res, err := http.Post(url+"/v1/events/e", "application/json", strings.NewReader(`[{"k":"z","ts":"2024-01-01T12:00:01Z","x":43},{"k":"z","ts":"2024-01-01T12:00:02Z","x":"no"}]`))
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(res.Body)
	res.Body.Close()
	if res.StatusCode != http.StatusOK || !strings.Contains(string(body), `"accepted":1`) || !strings.Contains(string(body), `"line":2`) {
		t.Fatalf("%d %s", res.StatusCode, body)
	}
	awaited(t, func() string { return containingOr(get(), "43") })
	up := &running{t: t, dir: dir, url: url}
	for _, line := range []string{
		`bighead_events_total{result="accepted",source="e"} 2`, `bighead_events_total{result="rejected",source="e"} 1`,
		`bighead_group_rows_total{group="g",result="applied"} 2`, `bighead_watermark_seconds{group="g",kind="newest"} 1.704110401e+09`,
		`bighead_stream_lag_records{group="g",source="e"} 0`, `bighead_stream_active 1`,
		`bighead_tiles_refused_total{group="g",reason="damaged"} 0`, `bighead_freshness_seconds{group="g"}`, `bighead_store_bytes{group="g"}`, `bighead_build_info{`,
	} {
		m := ""
		awaitedSaying(t, func() string { m = up.metrics(); return containingOr(m, "\n"+line) }, func() string { return "the metrics do not say " + line + ":\n" + m })
	}
	if code, _, stderr := bighead(t, dir, "get", "nothing", "k=z"); code != exitMistake || !strings.Contains(stderr, "v") {
		t.Fatalf("an unknown view: %d %s", code, stderr)
	}
	more := strings.Replace(smallFeatures, "features=[", `features=[bh.max("x", name="top"), `, 1)
	if err := os.WriteFile(filepath.Join(dir, "features.py"), []byte(more), 0o644); err != nil {
		t.Fatal(err)
	}
	if code, out, stderr := bighead(t, dir, "apply", "--yes"); code != exitGood {
		t.Fatal(out, stderr)
	}
	awaited(t, func() string { return containingOr(get(), "g__top") })
	if a := get(); !strings.Contains(a, `"values":[43,`) {
		t.Errorf("a new fold is not filled from the log: %s", a)
	}
	if code, out, stderr := bighead(t, dir, "status"); code != exitGood || !strings.Contains(out, "version 2 is served") {
		t.Fatalf("status: %d %s%s", code, out, stderr)
	}
	stop()
	if code := <-ended; code != exitGood && code != exitInterrupted {
		t.Fatalf("up ended with %d:\n%s", code, log.String())
	}
	if !strings.Contains(log.String(), "stopped") {
		t.Errorf("up says at its end:\n%s", log.String())
	}
	awaited(t, func() string { return containingOr(get(), `"values":[43,`) }) // from the store itself, resumed
}

func containingOr(text, want string) string {
	if strings.Contains(text, want) {
		return text
	}
	return ""
}

// awaited asks again and again until there is an answer. Where none comes it fails after a time that only a stuck machine needs: some requests end at deadlines of
// 20 s first.
func awaited(t *testing.T, ask func() string) string {
	t.Helper()
	return awaitedSaying(t, ask, func() string { return "it does not come" })
}

// awaitedSaying is awaited, and says where nothing comes what there was instead.
func awaitedSaying(t *testing.T, ask, instead func() string) string {
	t.Helper()
	deadline := time.After(10 * time.Minute)
	for {
		if a := ask(); a != "" {
			return a
		}
		select {
		case <-deadline:
			t.Fatal(instead())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func lineFile(t *testing.T, lines ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "events.ndjson")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}
