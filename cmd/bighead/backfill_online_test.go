package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/project"
)

// between is a server that is asked to load tiles: it says each time what to answer.
func between(t *testing.T, dir string, answer func(try int) (status int, body string)) (asked *int) {
	t.Helper()
	p, err := project.Open(dir, project.Options{Stderr: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	l, err := listenOwn(p)
	if err != nil {
		t.Fatal(err)
	}
	asked = new(int)
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/backfill" {
			http.NotFound(w, r)
			return
		}
		*asked++
		status, body := answer(*asked)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	})}}
	s.Start()
	t.Cleanup(s.Close)
	if err := pointTo(p, l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	return asked
}

// What changes between a backfill and its load, as a log does that is sealed, has its tiles made again; where nothing is to be made the
// refusal is the user's to read.
func TestTilesThatAreOutdatedAreMadeAgain(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("features.py", `import bighead as bh
e = bh.EventSource("e", path="e/*.csv", time="ts", columns={"k": bh.String, "ts": bh.Timestamp})
g = bh.FeatureGroup("g", source=e, keys=["k"], features=[bh.count(windows=["1d"])])
`)
	if err := os.Mkdir(filepath.Join(dir, "e"), 0o755); err != nil {
		t.Fatal(err)
	}
	write("e/1.csv", "k,ts\na,2024-01-01T01:00:00Z\n")
	const outdated = `{"title":"not done","detail":"the tiles of 2024-01-02 are not up to date"}`
	asked := between(t, dir, func(try int) (int, string) {
		if try > 1 {
			return http.StatusOK, `{"loads":[]}`
		}
		write("e/2.csv", "k,ts\na,2024-01-02T01:00:00Z\n")
		return http.StatusConflict, outdated
	})
	out := mustRun(t, dir, "backfill", "--online")
	if *asked != 2 || strings.Count(out, "e by k") != 2 {
		t.Errorf("asked %d times, and said\n%s", *asked, out)
	}
	asked = between(t, dir, func(int) (int, string) { return http.StatusConflict, outdated })
	code, _, stderr := bighead(t, dir, "backfill", "--online")
	if code == exitGood || *asked != 1 || !strings.Contains(stderr, "2024-01-02 are not up to date") {
		t.Errorf("answers %d, asked %d times, and says %s", code, *asked, stderr)
	}
}
