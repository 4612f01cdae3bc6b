//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
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
