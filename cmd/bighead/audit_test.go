package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/audit"
	"github.com/bighead-ml/bighead/store"
)

// running is `bighead up` within a test.
type running struct {
	t    *testing.T
	dir  string
	url  string
	stop func()
	log  *lockedText
}

// startUp runs `up` in a project's folder until the test ends or stop is called.
func startUp(t *testing.T, dir string) *running {
	t.Helper()
	return startUpOver(t, dir, nil)
}

// startUpOver is startUp over a store that is what wrap makes of it.
func startUpOver(t *testing.T, dir string, wrap func(store.Store) store.Store) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{t: t, dir: dir, log: &lockedText{}}
	ended := make(chan int, 1)
	go func() {
		c := &cli{stdin: strings.NewReader(""), stdout: io.Discard, stderr: r.log, wrapStore: wrap}
		ended <- c.run(ctx, []string{"--project", dir, "up"})
	}()
	done := false
	r.stop = func() {
		if done {
			return
		}
		done = true
		cancel()
		if code := <-ended; code != exitGood && code != exitInterrupted {
			t.Errorf("up ended with %d:\n%s", code, r.log.String())
		}
	}
	t.Cleanup(r.stop)
	r.url = awaited(t, func() string {
		_, after, _ := strings.Cut(r.log.String(), "on http://")
		at, _, found := strings.Cut(after, ": ")
		if !found {
			return ""
		}
		return "http://" + at
	})
	return r
}

// grpc is where it answers over gRPC.
func (r *running) grpc() string {
	r.t.Helper()
	return awaited(r.t, func() string {
		_, after, _ := strings.Cut(r.log.String(), "gRPC on ")
		at, _, found := strings.Cut(after, "\n")
		if !found {
			return ""
		}
		return at
	})
}

// post sends a body, and demands that it is answered.
func (r *running) post(path, contentType, body string) {
	r.t.Helper()
	res, err := http.Post(r.url+path, contentType, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		r.t.Fatalf("POST %s: %d %s %v", path, res.StatusCode, text, err)
	}
}

func (r *running) metrics() string {
	r.t.Helper()
	res, err := http.Get(r.url + "/metrics")
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return string(text)
}

// audited runs `audit --json` and reads its report.
func audited(t *testing.T, dir, view string, want int) *audit.Report {
	t.Helper()
	code, out, stderr := bighead(t, dir, "audit", view, "--json")
	var r audit.Report
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != want {
		t.Fatalf("audit answers %d where %d is right, %v\n%s%s", code, want, err, out, stderr)
	}
	return &r
}

func mustRun(t *testing.T, dir string, args ...string) string {
	t.Helper()
	code, out, stderr := bighead(t, dir, args...)
	if code != exitGood {
		t.Fatalf("bighead %s answers %d\n%s%s", strings.Join(args, " "), code, out, stderr)
	}
	return out
}

// TestAuditOfFlights serves flights over HTTP while they come out of order, through batch's watermark, and audits all that was served: every value
// is what training would see, or differs of rows that came later.
func TestAuditOfFlights(t *testing.T) {
	if testing.Short() {
		t.Skip("tiles of a year of flights take a while")
	}
	patient := strings.NewReplacer(`keys=["carrier"], `, `keys=["carrier"], deadline="10m", `, `source=planes, `, `source=planes, deadline="10m", `).Replace(onlineFeatures)
	if strings.Count(patient, "10m") != 2 { // a machine that is busy is no cause of a difference here
		t.Fatal("the groups of flights are not those that get another deadline here")
	}
	dir := flightsProject(t, patient)
	toml := "[serve]\nlisten = \"127.0.0.1:0\"\nclock = \"events\"\ndeadline = \"10m\"\n[log]\nlevel = \"warn\"\n"
	if err := os.WriteFile(filepath.Join(dir, "bighead.toml"), []byte(toml), 0o644); err != nil {
		t.Fatal(err)
	}
	mustRun(t, dir, "apply", "--yes")
	mustRun(t, dir, "backfill", "--online", "--to", "2013-03-05")
	lines := strings.SplitAfter(strings.TrimSuffix(flightLines(t, dir, "2013-03-05T00:00:00Z", "2013-03-06T15:00:00Z"), "\n"), "\n")
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	const near = 20 // how far out of its place a flight may come
	last := lines[near-1]
	for from := 0; from < len(lines); from += near {
		block := lines[from:min(from+near, len(lines))]
		random.Shuffle(len(block), func(i, k int) { block[i], block[k] = block[k], block[i] })
	}
	// What is late does not stand on what is drawn: the last of the first flights comes before all others, and of every carrier it is asked then.
	i := slices.Index(lines[:near], last)
	lines[0], lines[i] = lines[i], lines[0]
	up := startUp(t, dir)
	asked, carriers := 0, []string{"UA", "AA", "B6", "HA", "EV", "no such carrier"}
	for from := 0; from < len(lines); {
		to, of := min(from+1+random.IntN(80), len(lines)), []string(nil)
		for range 1 + random.IntN(3) {
			of = append(of, carriers[random.IntN(len(carriers))])
		}
		if from == 0 {
			to, of = 1, carriers
		}
		up.post("/v1/events/departures", "application/x-ndjson", strings.Join(lines[from:to], "\n"))
		from = to
		rows := []string{}
		for _, carrier := range of {
			rows = append(rows, fmt.Sprintf(`{"carrier":%q,"tailnum":"N14228","distance":%d}`, carrier, random.IntN(3000)))
		}
		asked += len(rows)
		up.post("/v1/features/departure", "application/json", `{"rows":[`+strings.Join(rows, ",")+`]}`)
	}
	r := audited(t, dir, "departure", exitGood)
	if r.Rows != int64(asked) || r.Classes[audit.Skew] != 0 || len(r.Damaged) > 0 {
		t.Fatalf("of %d rows asked for %d are audited: %v %v", asked, r.Rows, r.Classes, r.Damaged)
	}
	if r.Classes[audit.Late] == 0 || r.Classes[audit.Same] == 0 || r.Classes[audit.Same]+r.Classes[audit.Late] != r.Values {
		t.Errorf("flights out of order are %v of %d values\n%s", r.Classes, r.Values, up.log.String())
	}
	if m := up.metrics(); !strings.Contains(m, fmt.Sprintf(`bighead_served_total{result="logged",view="departure"} %d`, asked)) ||
		!strings.Contains(m, fmt.Sprintf(`bighead_audit_values_total{class="late",view="departure"} %d`, r.Classes[audit.Late])) {
		t.Error("the metrics do not say what was recorded and audited")
	}
	up.stop()
	if again := audited(t, dir, "departure", exitGood); again.Rows != r.Rows || again.Classes[audit.Late] != r.Classes[audit.Late] {
		t.Errorf("without a server the audit finds %v of %d rows", again.Classes, again.Rows)
	}
}
