package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	servers "github.com/bighead-ml/bighead/engine/enginetest/server"
)

const lossyFeatures = `import bighead as bh

e = bh.EventSource("e", path="lossy.csv", time="ts", id="id", where="x > 0")
g = bh.FeatureGroup("g", source=e, keys=["k"], features=[bh.sum("x * 4", name="much", windows=["1h"])])
`

// lossyReport has the tiles made of rows of which some are none, and wants each said, and what expressions made nulls of.
func lossyReport(t *testing.T, toml string) {
	t.Helper()
	dir := smallProject(t, lossyFeatures)
	for name, text := range map[string]string{
		"bighead.toml": toml,
		"lossy.csv": "id,k,ts,x\n1,a,2024-01-01T10:00:00Z,1\n1,a,2024-01-01T10:00:00Z,1\n2,a,,1\n3,,2024-01-01T10:00:00Z,1\n4,,2024-01-01T10:00:00Z,1\n" +
			"5,a,2024-01-01T10:00:00Z,-1\n6,a,2024-01-01T11:00:00Z,9223372036854775807\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	code, out, stderr := bighead(t, dir, "backfill")
	for _, want := range []string{
		"  left out 2 rows: without a key\n", "  left out 1 rows: where the condition is not true\n", "  left out 1 rows: copies\n", "  left out 1 rows: without a time\n",
		"  e by k: (x * 4) made 1 nulls: overflow\n",
	} {
		if strings.Count(out, want) != 1 {
			t.Errorf("backfill answers %d and does not say %q once\n%s%s", code, want, out, stderr)
		}
	}
}

// A backfill says which rows were none, and which nulls were made: as training sets do.
func TestABackfillSaysWhatIsLeftOut(t *testing.T) { lossyReport(t, "") }

// So does one of Spark's.
func TestABackfillOnSparkSaysWhatIsLeftOut(t *testing.T) {
	lossyReport(t, "[batch]\nengine = \"spark\"\nremote = \""+servers.SparkURL(t)+"\"\nstage = \"stage\"\n")
}
