package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/bighead-ml/bighead/value"
)

const historyFeatures = `import bighead as bh

trips = bh.EventSource("trips", path="trips", time="ts")
clicks = bh.EventSource("clicks", topic="clicks", columns={"id": bh.String, "k": bh.String, "x": bh.Int}, time="ts", id="id")
places = bh.EntitySource("places", path="places.csv", keys=["k"], time="ts")
g = bh.FeatureGroup("g", source=trips, keys=["k"], features=[bh.sum("x", windows=["1d"]), bh.count(windows=["30d"]), bh.count(name="all")])
h = bh.FeatureGroup("h", source=clicks, keys=["k"], features=[bh.sum("x", windows=["2d"]), bh.count(name="all")])
p = bh.FeatureGroup("p", source=places, features=[bh.latest("name")])
v = bh.FeatureView("v", groups=[g, h, p])
t = bh.TrainingSet("t", view=v, spine=bh.Spine(trips, at="ts"))
`

// historyProject has trips up to the third of January in files, clicks in no file, and places.
func historyProject(t *testing.T, toml string) string {
	t.Helper()
	dir := smallProject(t, historyFeatures)
	for name, text := range map[string]string{
		"bighead.toml":         toml,
		"trips/ds=a/trips.csv": "k,ts,x\na,2024-01-01T10:00:00Z,1\na,2024-01-02T11:00:00Z,2\n",
		"trips/ds=b/trips.csv": "k,ts,x\nb,2024-01-02T11:30:00Z,4\na,2024-01-03T12:00:00Z,8\n",
		"places.csv":           "k,ts,name\na,2024-01-01T00:00:00Z,home\n",
	} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// commands runs commands that must succeed.
func commands(t *testing.T, dir string) func(args ...string) string {
	return func(args ...string) string {
		t.Helper()
		code, out, stderr := bighead(t, dir, args...)
		if code != exitGood {
			t.Fatalf("bighead %s answers %d\n%s%s", strings.Join(args, " "), code, out, stderr)
		}
		return out
	}
}

// sameAsBatch asks for the view v online and of batch, as of the same times, and compares. It returns the values by key, and what differs.
func sameAsBatch(t *testing.T, run func(...string) string, keys ...string) (values [][]string, differs []string) {
	t.Helper()
	spine, rows := "k,asked\n", []vector{}
	for _, key := range keys {
		v := vectorOf(t, run("get", "v", "k="+key, "--json"))
		if e := v.Rows[0].Error; e != nil {
			return nil, []string{e.String()}
		}
		rows, spine = append(rows, v), spine+key+","+v.At+"\n"
	}
	file := filepath.Join(t.TempDir(), "spine.csv")
	if err := os.WriteFile(file, []byte(spine), 0o644); err != nil {
		t.Fatal(err)
	}
	for i, batch := range rowsOf(t, run, "features", "v", "--spine", file, "--at", "asked") {
		for j, name := range rows[i].Features {
			if got := rows[i].Rows[0].Values[j]; !sameJSON(t, got, batch[name]) {
				differs = append(differs, fmt.Sprintf("%s of %s as of %s: online %s, batch %s", name, keys[i], rows[i].At, got, batch[name]))
			}
		}
		values = append(values, rows[i].text())
	}
	return values, differs
}

// TestHistory pushes events while a server runs, and asks for the same values online and of batch, which reads files and log as one table: at
// once, after a backfill over both has moved the watermark, and after events without an id that the files have too.
func TestHistory(t *testing.T) {
	dir := historyProject(t, "[serve]\nlisten = \"127.0.0.1:0\"\nclock = \"events\"\ndeadline = \"10m\"\n[log]\nlevel = \"warn\"\n")
	define := strings.ReplaceAll(historyFeatures, `keys=["k"], features`, `keys=["k"], deadline="10m", features`)
	define = strings.ReplaceAll(define, `source=places, features`, `source=places, deadline="10m", features`)
	if err := os.WriteFile(filepath.Join(dir, "features.py"), []byte(define), 0o644); err != nil {
		t.Fatal(err)
	}
	run := commands(t, dir)
	run("apply", "--yes")
	run("backfill", "--online", "--to", "2024-01-04")
	stop := upBeside(t, dir)
	push := func(source, want string, lines ...string) {
		t.Helper()
		if out := run("push", source, lineFile(t, lines...)); !strings.Contains(out, want) {
			t.Fatalf("push to %s: %s, want %s", source, out, want)
		}
	}
	push("trips", "2 accepted", `{"k":"a","ts":"2024-01-04T09:00:00Z","x":16}`, `{"k":"b","ts":"2024-01-04T10:00:00Z","x":32}`)
	push("clicks", "2 accepted, 1 came before", `{"id":"1","k":"a","ts":"2024-01-04T08:00:00Z","x":3}`, `{"id":"2","k":"a","ts":"2024-01-04T10:00:00Z","x":5}`, `{"id":"1","k":"a","ts":"2024-01-04T08:00:00Z","x":3}`)
	push("places", "1 accepted", `{"k":"a","ts":"2024-01-04T07:00:00Z","name":"away"}`)
	wants := func(key string, want ...string) {
		t.Helper()
		awaited(t, func() string {
			if got := vectorOf(t, run("get", "v", "k="+key, "--json")); fmt.Sprint(got.text()) == fmt.Sprint(want) {
				return "as wanted"
			}
			return ""
		})
		if got, differs := sameAsBatch(t, run, key); fmt.Sprint(got) != fmt.Sprint([][]string{want}) || len(differs) > 0 {
			t.Errorf("%s is %v, want %v; %s", key, got, want, strings.Join(differs, "\n"))
		}
	}
	wants("a", "24", "4", "4", "8", "2", `"away"`)
	wants("b", "32", "2", "2", "null", "0", "null")
	set := filepath.Join(t.TempDir(), "t.ndjson")
	run("training-set", "t", "-o", set)
	if rows, err := os.ReadFile(set); err != nil || strings.Count(string(rows), "\n") != 6 {
		t.Errorf("a spine over a source has its log's rows too: %s, %v", rows, err)
	}
	if why := run("why", "v", "g__all", "k=a", "--at", "2024-01-05T00:00:00Z"); !strings.Contains(why, "2024-01-04T09:00:00Z") || strings.Contains(why, "DuckDB") {
		t.Errorf("why: %s", why)
	}
	if source := run("source", "clicks"); !strings.Contains(source, "2024-01-04T08:00:00Z") {
		t.Errorf("a source without a path has its log's rows: %s", source)
	}
	if preview := run("preview", "h"); !strings.Contains(preview, "a") {
		t.Errorf("preview: %s", preview)
	}
	push("trips", "1 accepted", `{"k":"a","ts":"2024-01-06T09:00:00Z","x":64}`)
	wants("a", "64", "5", "5", "5", "2", `"away"`)
	// What was pushed so far is batch's from here on, and the stream goes on behind it.
	if out := run("backfill", "--online", "--to", "2024-01-05"); !strings.Contains(out, "online h: batch's up to 2024-01-05T00:00:00Z") {
		t.Errorf("backfill over the log: %s", out)
	}
	wants("a", "64", "5", "5", "5", "2", `"away"`)
	push("trips", "1 accepted", `{"k":"a","ts":"2024-01-06T10:00:00Z","x":128}`)
	wants("a", "192", "6", "6", "5", "2", `"away"`)
	stop()
	wants("a", "192", "6", "6", "5", "2", `"away"`)
}

// A row that files and log have, without an id, counts once: on which side of the cut it lies says whose it is.
func TestCut(t *testing.T) {
	for name, c := range map[string]struct {
		folders     [2]string // of the files
		first, more string    // how many rows of "a" there are: with the log, and with another file
		cut         string    // that is kept
	}{
		"files":      {[2]string{"ds=a", "ds=b"}, "4", "5", "2024-01-03T12:00:00.001Z"}, // 1, 2, 8 of the files, 16 of the log; 3 of the other file
		"partitions": {[2]string{"ds=2024-01-01", "ds=2024-01-03"}, "3", "5", ""},       // 16 lies before the end of the newest partition: the files' to give
	} {
		t.Run(name, func(t *testing.T) {
			dir := historyProject(t, "[serve]\nclock = \"events\"\n[log]\nlevel = \"warn\"\n")
			for i, ds := range []string{"ds=a", "ds=b"} {
				if err := os.Rename(filepath.Join(dir, "trips", ds), filepath.Join(dir, "trips", c.folders[i])); ds != c.folders[i] && err != nil {
					t.Fatal(err)
				}
			}
			run := commands(t, dir)
			run("apply", "--yes")
			run("push", "trips", lineFile(t, `{"k":"a","ts":"2024-01-03T12:00:00Z","x":8}`, `{"k":"a","ts":"2024-01-03T12:00:00.001Z","x":16}`))
			spine := filepath.Join(t.TempDir(), "spine.csv")
			if err := os.WriteFile(spine, []byte("k,asked\na,2024-01-10T00:00:00Z\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			all := func() string {
				t.Helper()
				return string(rowsOf(t, run, "features", "v", "--spine", spine, "--at", "asked")[0]["g__all"])
			}
			if got := all(); got != c.first {
				t.Errorf("with a copy in the log: %s, want %s", got, c.first)
			}
			more := filepath.Join(dir, "trips", c.folders[1], "more.csv")
			if err := os.WriteFile(more, []byte("k,ts,x\na,2024-01-03T12:00:00.001Z,16\na,2024-01-02T00:00:00Z,3\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			if got := all(); got != c.more {
				t.Errorf("with more files: %s, want %s", got, c.more)
			}
			cut := filepath.Join(dir, ".bighead", "events", "trips", "cut")
			if text, err := os.ReadFile(cut); strings.TrimSpace(string(text)) != c.cut || (err == nil) != (c.cut != "") {
				t.Errorf("the cut is %q, %v", text, err)
			}
			if c.cut == "" {
				return
			}
			if err := os.WriteFile(cut, []byte("yesterday"), 0o644); err != nil {
				t.Fatal(err)
			}
			if code, _, stderr := bighead(t, dir, "features", "v", "--spine", spine, "--at", "asked"); code != exitMistake || !strings.Contains(stderr, "yesterday") || !strings.Contains(stderr, "trips") {
				t.Errorf("%d %s", code, stderr)
			}
		})
	}
}

func TestPartitionsThatAreOver(t *testing.T) {
	dir := historyProject(t, "")
	c := &cli{dir: dir, stderr: new(strings.Builder)}
	p, err := c.open()
	if err != nil {
		t.Fatal(err)
	}
	for i, ds := range []string{"2024-01-31", "2024-02-01-07"} {
		if err := os.Rename(filepath.Join(dir, "trips", []string{"ds=a", "ds=b"}[i]), filepath.Join(dir, "trips", "ds="+ds)); err != nil {
			t.Fatal(err)
		}
	}
	l, err := c.check(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	table, err := l.table(t.Context(), l.typed.Sources[0].Place)
	if err != nil {
		t.Fatal(err)
	}
	for now, want := range map[string]string{"2024-02-01T07:59:59Z": "2024-02-01T00:00:00Z", "2024-02-01T08:00:00Z": "2024-02-01T08:00:00Z"} {
		at, _ := value.ParseTimestamp(now)
		if got, ok := partitionCut(table, at); !ok || value.FormatTimestamp(got) != want {
			t.Errorf("at %s the cut is %s, want %s", now, value.FormatTimestamp(got), want)
		}
	}
}

// vector is the answer of `get` for one row.
type vector struct{ featuresAnswer }

func vectorOf(t *testing.T, answer string) vector {
	t.Helper()
	var v vector
	if err := json.Unmarshal([]byte(answer), &v.featuresAnswer); err != nil || len(v.Rows) != 1 {
		t.Fatalf("%v: %s", err, answer)
	}
	return v
}

func (v vector) text() []string {
	var out []string
	for _, x := range v.Rows[0].Values {
		out = append(out, string(x))
	}
	return out
}

// rowsOf runs a command that writes rows.
func rowsOf(t *testing.T, run func(...string) string, args ...string) []map[string]json.RawMessage {
	t.Helper()
	out := filepath.Join(t.TempDir(), "rows.ndjson")
	run(append(args, "-o", out)...)
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]json.RawMessage
	for line := range strings.Lines(string(b)) {
		var row map[string]json.RawMessage
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	return rows
}

// upBeside runs a server in this process until stop, or until the test ends.
func upBeside(t *testing.T, dir string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var out, log lockedText
	ended := make(chan int, 1)
	go func() {
		c := &cli{stdin: strings.NewReader(""), stdout: &out, stderr: &log}
		ended <- c.run(ctx, []string{"--project", dir, "up"})
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		if code := <-ended; code != exitGood && code != exitInterrupted {
			t.Errorf("up ended with %d", code)
		}
		if t.Failed() {
			t.Log(log.String())
		}
	})
	t.Cleanup(stop)
	awaited(t, func() string {
		select {
		case code := <-ended:
			ended <- code
			t.Fatalf("up ended with %d: %s", code, log.String())
		default:
		}
		return containingOr(log.String(), "on http://")
	})
	return stop
}
