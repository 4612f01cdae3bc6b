//go:build unix

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	redisserver "github.com/bighead-ml/bighead/engine/enginetest/server"
)

// TestSeveralServersDeploy has two servers on one Redis answer one endpoint: what is deployed both follow; a canary is decided on once, by the active one, though
// only the other is asked; and after the active one has gone the other decides.
func TestSeveralServersDeploy(t *testing.T) {
	w := &takeover{t: t, dir: smallProject(t, predictingFeatures)}
	w.file("bighead.toml", "[serve]\nlisten = \"127.0.0.1:0\"\ndeadline = \"30s\"\n[log]\nlevel = \"warn\"\nformat = \"text\"\n[stream]\nlease = \"2s\"\n"+onRedis("redis://"+redisserver.Redis(t).Addr))
	mustRun(t, w.dir, "apply", "--yes")
	for range 3 { // one model thrice
		registerVersion(t, w.dir, "lgb_binary", nil)
	}
	mustRun(t, w.dir, "deploy", "m@1", "--to", "late")
	w.start()
	w.start()
	active := w.active()
	other := w.servers[0]
	if other == active {
		other = w.servers[1]
	}
	n := 0
	ask := func(u *upProcess, rows int) map[int64]int {
		t.Helper()
		var body []string
		for range rows {
			n++
			body = append(body, fmt.Sprintf(`{"k": "k%d", "y": %d}`, n%5000, n%7))
		}
		code, text, err := asked(t.Context(), u, "POST", "/v1/predict/late", `{"rows": [`+strings.Join(body, ",")+`]}`)
		var a predictAnswer
		if err != nil || code != http.StatusOK || json.Unmarshal([]byte(text), &a) != nil || len(a.Rows) != rows {
			t.Fatalf("%d %.300s %v", code, text, err)
		}
		versions := map[int64]int{}
		for _, r := range a.Rows {
			if r.Error != nil || r.Version == nil {
				t.Fatalf("%+v", r)
			}
			versions[*r.Version]++
		}
		return versions
	}
	follows := func(u *upProcess, version int64) {
		t.Helper()
		awaited(t, func() string {
			if got := ask(u, 20); got[version] != 20 {
				return ""
			}
			return "it does"
		})
	}
	history := func() (out []string) {
		t.Helper()
		cat, err := openCatalog(t.Context(), w.dir)
		if err != nil {
			t.Fatal(err)
		}
		defer cat.Close()
		all, err := cat.TrafficHistory(t.Context(), "late")
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range all {
			by := x.By
			if by != "bighead up" {
				by = "somebody"
			}
			out = append(out, by+": "+trafficText(x))
		}
		return out
	}
	follows(active, 1)
	follows(other, 1)

	mustRun(t, w.dir, "deploy", "m@2", "--to", "late", "--canary")
	awaited(t, func() string {
		ask(other, 1000)
		return map[bool]string{true: "it has all requests"}[len(history()) == 5]
	})
	follows(other, 2)
	follows(active, 2)
	want := []string{"bighead up: m@2 100%", "bighead up: m@1 50%, m@2 50% as a canary", "bighead up: m@1 90%, m@2 10% as a canary", "somebody: m@1 99%, m@2 1% as a canary", "somebody: m@1 100%"}
	if got := history(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s", strings.Join(got, "\n"))
	}
	mustRun(t, w.dir, "rollback", "late", "--to", "1")
	follows(active, 1)
	follows(other, 1)

	mustRun(t, w.dir, "deploy", "m@3", "--to", "late", "--canary")
	w.kill(active)
	awaited(t, func() string {
		ask(other, 1000)
		return map[bool]string{true: "it has all requests"}[len(history()) == 10]
	})
	follows(other, 3)
}

// TestStandbyShowsTheGroups asks the process that has the stream and one that stands by how they stand: what the shared store says both show alike, and what only
// the one that folds can know the other does not make up. When that one is gone `bighead status` asks the other.
func TestStandbyShowsTheGroups(t *testing.T) {
	w := newTakeover(t, "[stream]\nlease = \"1h\"\n"+onRedis("redis://"+redisserver.Redis(t).Addr))
	w.start()
	active := w.active()
	w.start()
	lines, _ := w.batch()
	for range 20 {
		more, _ := w.batch()
		lines += more
	}
	if code, text, err := asked(t.Context(), active, "POST", "/v1/events/e", lines); err != nil || code != http.StatusOK {
		t.Fatalf("%d %s %v", code, text, err)
	}
	w.settled()
	var tables map[string][]string // of each role, the lines of the table of groups, as cells
	awaitedSaying(t, func() string {
		tables = map[string][]string{}
		for _, path := range ownSocketsOf(t, w.dir) {
			s := statusBy(t, path)
			var out strings.Builder
			if err := (&cli{stdout: &out}).printStatus(s); err != nil {
				t.Fatal(err)
			}
			tables[s.Role] = statusLines(out.String())
		}
		if len(tables["active"]) != 4 || len(tables["standby"]) != 4 {
			return ""
		}
		for i, line := range tables["active"] {
			if bothKnow(line) != bothKnow(tables["standby"][i]) {
				return "" // the store was asked at another time
			}
		}
		return "they agree"
	}, func() string { return fmt.Sprintf("%q", tables) })
	for i, line := range tables["standby"] {
		f := strings.Fields(line)
		if i > 0 && (f[1] != "?" || f[3] != "?" || f[4] != "?" || f[5] != "?" || strings.Contains(tables["active"][i], "?") || f[len(f)-1] == "0") {
			t.Errorf("the standby shows %q, the active one %q", line, tables["active"][i])
		}
	}
	w.kill(active)
	code, out, stderr := bighead(t, w.dir, "status")
	if code != exitGood || !strings.Contains(out, "has the stream, and says what its groups have read") {
		t.Fatalf("%d %s%s", code, out, stderr)
	}
	if got := statusLines(out); strings.Join(got, "\n") != strings.Join(tables["standby"], "\n") {
		t.Errorf("%q, and it was %q", got, tables["standby"])
	}
}

// ownSocketsOf are the sockets of all processes of a project.
func ownSocketsOf(t *testing.T, dir string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, ".bighead", ownSockets))
	if err != nil || len(paths) != 2 {
		t.Fatal(paths, err)
	}
	return paths
}

// statusBy asks the process that has a socket.
func statusBy(t *testing.T, path string) *onlineStatus {
	t.Helper()
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}
	k := &caller{base: "http://up", client: &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}
	var s onlineStatus
	if err := k.call(t.Context(), "GET", "/v1/status", "", nil, &s); err != nil {
		t.Fatal(err)
	}
	return &s
}

// statusLines are the lines of the table of groups, its head among them.
func statusLines(text string) (out []string) {
	for line := range strings.Lines(text) {
		name, _, _ := strings.Cut(line, " ")
		if slices.Contains([]string{"group", "shop", "pair", "everything"}, name) && !strings.Contains(line, ": ") {
			out = append(out, strings.TrimRight(line, "\n"))
		}
	}
	return out
}

// bothKnow is what of a line every process knows: the group, its newest event and its bytes.
func bothKnow(line string) string {
	f := strings.Fields(line)
	return fmt.Sprint(f[0], " ", f[2], " ", f[len(f)-1])
}
