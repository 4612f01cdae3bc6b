package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	servers "github.com/bighead-ml/bighead/engine/enginetest/server"
)

// The embedded engine and the real Spark answer alike on the flights, and the signed report says by which Spark.
func TestVerifyOnSpark(t *testing.T) {
	url := servers.SparkURL(t)
	page, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := flightsProject(t, containing(t, blocks(string(page)), "import bighead"))
	key := filepath.Join(dir, "key.pem")
	mustRun(t, dir, "verify", "--new-key", key)
	settings := "[project]\nname = \"flights\"\n[batch]\nremote = \"" + url + "\"\nstage = \"stage\"\n[verify]\nkey = \"key.pem\"\n"
	if err := os.WriteFile(filepath.Join(dir, "bighead.toml"), []byte(settings), 0o644); err != nil {
		t.Fatal(err)
	}
	report := filepath.Join(dir, "report.json")
	r := found(t, dir, exitGood, "departure", "--roads", "local,spark", "--sample-size", "2000", "--report", report)
	a := r.Found[0]
	if r.Verdict != verdictEqual || a.Rows != 2000 || a.Compared.Compared != 2000*3 || a.Equal+a.Within != a.Compared.Compared {
		t.Errorf("%s: %+v", r.Verdict, a.Compared)
	}
	if spark := r.Roads[1]; spark.Name != "spark" || !strings.HasPrefix(spark.Version, "4.") {
		t.Errorf("the other road is %+v", spark)
	}
	for _, road := range r.Roads {
		t.Logf("%s %s: %d ms", road.Name, road.Version, road.MS)
	}
	if _, out, _ := bighead(t, dir, "doctor"); !strings.Contains(out, "ok   Spark: "+url+" answers, Spark 4.") {
		t.Errorf("doctor says\n%s", out)
	}
	out := mustRun(t, dir, "verify", "--check", report, "--public", key+publicSuffix)
	for _, says := range []string{"the signature is good, by ed25519:", "it attests of view departure of flights, " + r.Fingerprint, "on spark " + r.Roads[1].Version} {
		if !strings.Contains(out, says) {
			t.Errorf("the check does not say %q:\n%s", says, out)
		}
	}
}
