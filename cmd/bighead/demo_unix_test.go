//go:build unix

package main

import (
	"bytes"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/examples/flights"
)

// TestDemo hears the whole story, and holds it to what it claims: a model that learned the future looks best offline, is worth less than no
// history as served, and as a canary is sent away before anybody was the worse for it.
func TestDemo(t *testing.T) {
	t.Parallel() // it waits for a process
	dir := t.TempDir()
	if err := flights.CopyTo(dir); err != nil {
		t.Fatal(err)
	}
	var told bytes.Buffer
	s := start(t, dir, "", "demo --dir .", &told)
	s.Env = append(s.Env, environmentsVariable+"="+environmentsOf(t, dir))
	code := s.code(t, s.Run())
	out, stderr := told.String(), s.stderr.String()
	if code == exitGood && strings.Contains(out, "left out, and with it predictions") && strings.Contains(out, "pip says") && os.Getenv("BIGHEAD_REQUIRE_ENGINES") != "1" {
		t.Skip(out)
	}
	if code != exitGood {
		t.Fatalf("%d\n%s%s", code, out, stderr)
	}
	for _, want := range []string{
		"warning[BH0", "check warns before anything runs", "delay@2: AUC 0.99", "it holds the gate", "delay@1 (champion) 100%", "predictions, 0 failed", ", 0 skew",
		"delay@2 1% as a canary", "canary delay@2 rolled back: scores shifted", "flights later, 0 failed: ", " failed, ", "the project is yours to change",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in the story", want)
		}
	}
	if stderr != "" {
		t.Errorf("it also says %s", stderr)
	}
	offline, served := map[string]float64{}, map[string]float64{}
	for _, row := range regexp.MustCompile(`(?m)^ +(no history|point in time|join by day)  .*  ([01]\.\d{3})  +([01]\.\d{3})$`).FindAllStringSubmatch(out, -1) {
		offline[row[1]], _ = strconv.ParseFloat(row[2], 64)
		served[row[1]], _ = strconv.ParseFloat(row[3], 64)
	}
	none, ours, day := "no history", "point in time", "join by day"
	if !(offline[none] > 0.6 && offline[none]+0.05 < offline[ours] && offline[ours]+0.15 < offline[day] && offline[day] > 0.98) {
		t.Errorf("offline %v", offline)
	}
	if !(served[day] < 0.62 && served[day]+0.05 < served[none] && served[none]+0.03 < served[ours] && served[ours] > 0.7) {
		t.Errorf("as served %v", served)
	}
	s.nothingLeft(t, dir)
	if t.Failed() {
		t.Log(out)
	}
}
