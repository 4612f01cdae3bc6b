// Package bighead_test holds the one test of the house: which room may import which.
package bighead_test

import (
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/bighead-ml/bighead/"

// floors is the table of docs/house.md. A room imports only lower floors, and itself.
var floors = map[string]int{
	"cmd": 9, "console": 8, "automate": 7, "audit": 6, "train": 6,
	"serve": 5, "engine": 5, "deploy": 5,
	"plan": 4, "project": 4, "catalog": 4,
	"feature": 3,
	"model":   2, "store": 2, "dataset": 2, "agg": 2,
	"expr": 1, "value": 0, "secure": 0,
	// The shelves: bench looks at the house from outside; sdk and examples are embedded files that import nothing.
	"bench": 10, "docs": 10, "sdk": 0, "examples": 0,
}

// implementations are folders that only cmd/bighead/wire.go (and their own tests) may import.
var implementations = []string{
	"engine/oracle", "engine/local", "engine/spark", "engine/flink",
	"catalog/sqlite", "catalog/postgres",
	"store/memory", "store/pebble", "store/redis",
	"dataset/parquet", "dataset/text", "dataset/arrow", "dataset/kafka", "dataset/hive", "dataset/iceberg",
	"model/tree", "model/onnx", "model/remote", "model/python", "model/s3",
}

// suites may name implementations: they run every road beside the oracle.
var suites = []string{"engine/enginetest", "store/storetest", "dataset/datasettest", "catalog/catalogtest", "model/modeltest"}

func room(path string) string {
	name, _, _ := strings.Cut(path, "/")
	return name
}

func under(path string, folders []string) string {
	for _, f := range folders {
		if path == f || strings.HasPrefix(path, f+"/") {
			return f
		}
	}
	return ""
}

func TestRoomsImportOnlyLowerFloors(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{$p := .ImportPath}}{{range .GoFiles}}{{end}}{{range .Imports}}{{$p}} {{.}}{{"\n"}}{{end}}`, "./...").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	edges := 0
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		from, to, ok := strings.Cut(line, " ")
		if !ok || !strings.HasPrefix(from, module) || !strings.HasPrefix(to, module) {
			continue
		}
		edges++
		from, to = strings.TrimPrefix(from, module), strings.TrimPrefix(to, module)
		a, b := room(from), room(to)
		fa, oka := floors[a]
		fb, okb := floors[b]
		switch {
		case !oka:
			t.Errorf("%s: room %q is not in docs/house.md", from, a)
		case !okb:
			t.Errorf("%s imports %s: room %q is not in docs/house.md", from, to, b)
		case a != b && fa <= fb:
			t.Errorf("%s (floor %d) imports %s (floor %d)", from, fa, to, fb)
		}
		if im := under(to, implementations); im != "" && under(from, implementations) != im && under(from, suites) == "" && from != "cmd/bighead" && room(from) != "bench" {
			t.Errorf("%s imports the implementation %s: only cmd/bighead/wire.go and contract suites name implementations", from, to)
		}
	}
	if edges == 0 && len(out) > 0 {
		t.Log("no imports between rooms yet")
	}
}

func TestOnlyWireNamesImplementations(t *testing.T) {
	out, err := exec.Command("grep", "-lE", `"`+module+`(`+strings.Join(implementations, "|")+`)"`, "-r", "cmd/bighead", "--include=*.go").Output()
	if err != nil && len(out) == 0 {
		return // nothing names one yet
	}
	for _, file := range strings.Fields(string(out)) {
		if file != "cmd/bighead/wire.go" && !strings.HasSuffix(file, "_test.go") {
			t.Errorf("%s names an implementation: that is wire.go's", file)
		}
	}
}
