package mlflow_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/engine/enginetest/fetch"
	"github.com/bighead-ml/bighead/serve/mlflow"
)

// mlflowClient is what somebody who has MLflow runs.
const mlflowClient = `
import json, sys
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

c = MlflowClient(sys.argv[1], sys.argv[1])
def version(v):
    return [v.name, v.version, v.current_stage, v.source, v.run_id, v.status, v.user_id, v.creation_timestamp, v.last_updated_timestamp, sorted(v.aliases), v.tags["bighead.view"]]
def error(do):
    try:
        do()
    except MlflowException as e:
        return [e.error_code, e.message]
out = {}
out["models"] = [[m.name, m.creation_timestamp, m.last_updated_timestamp, [v.version for v in m.latest_versions], m.aliases] for m in c.search_registered_models()]
out["like"] = [m.name for m in c.search_registered_models("name LIKE 'fa%'", order_by=["name DESC"])]
m = c.get_registered_model("delay")
out["model"] = [m.name, m.aliases, version(m.latest_versions[0])]
out["versions"] = [[v.name, v.version] for v in c.search_model_versions("name='delay'")]
page = c.search_model_versions(max_results=3)
out["pages"] = [[v.version for v in page], [v.version for v in c.search_model_versions(max_results=3, page_token=page.token)]]
out["version"] = version(c.get_model_version("delay", 1))
out["champion"] = version(c.get_model_version_by_alias("delay", "champion"))
out["uri"] = c.get_model_version_download_uri("delay", 2)
out["latest"] = [version(v)[:2] for v in c.get_latest_versions("delay")]
run = c.get_run("r1")
out["run"] = [run.info.run_id, run.info.status, run.info.end_time, run.data.metrics, run.data.params, run.data.tags["bighead.version"]]
out["missing"] = error(lambda: c.get_registered_model("dela"))
out["alias"] = error(lambda: c.get_model_version_by_alias("delay", "best"))
out["filter"] = error(lambda: c.search_model_versions("status = 'READY'"))
out["write"] = error(lambda: c.set_registered_model_alias("delay", "champion", "1"))
out["create"] = error(lambda: c.create_registered_model("new"))
json.dump(out, sys.stdout)
`

// TestMLflowsOwnClient asks with the client of MLflow, unchanged.
func TestMLflowsOwnClient(t *testing.T) {
	if testing.Short() {
		t.Skip("MLflow is left out with -short")
	}
	home, err := fetch.MLflow(t.Context())
	if lacks := new(fetch.UnavailableError); errors.As(err, &lacks) && os.Getenv("BIGHEAD_REQUIRE_ENGINES") != "1" {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	script := filepath.Join(dir, "client.py")
	if err := os.WriteFile(script, []byte(mlflowClient), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), home.Python, script, world(t, mlflow.Options{}).URL)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "PYTHONPATH="+home.Dir, "MLFLOW_DISABLE_TELEMETRY=true", "DO_NOT_TRACK=true", "MLFLOW_HTTP_REQUEST_MAX_RETRIES=0")
	var said strings.Builder
	cmd.Stderr = &said
	text, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	const second = `["delay", "2", "None", "s3://models/bb", "r2", "READY", "ada", 1700003600000, 1700003600000, ["challenger", "champion"], "departure"]`
	for name, want := range map[string]string{
		"models":   `[["delay", 1700000000000, 1700025200000, ["3"], {"challenger": "2", "champion": "2"}], ["fare", 1700007200000, 1700007200000, ["1"], {}]]`,
		"like":     `["fare"]`,
		"model":    `["delay", {"challenger": "2", "champion": "2"}, ["delay", "3", "None", "s3://models/dd", "r4", "READY", "ada", 1700010800000, 1700010800000, [], "departure"]]`,
		"versions": `[["delay", "3"], ["delay", "2"], ["delay", "1"]]`,
		"pages":    `[["3", "1", "2"], ["1"]]`,
		"version":  `["delay", "1", "None", "s3://models/aa", "r1", "READY", "ada", 1700000000000, 1700000000000, [], "departure"]`,
		"champion": second,
		"uri":      `"s3://models/bb"`,
		"latest":   `[["delay", "3"]]`,
		"run":      `["r1", "FINISHED", 1700000000000, {"test.auc": 0.7}, {"seed": "7", "leaves": "31", "kind": "gbdt", "deep": "{\"a\":null}"}, "1"]`,
		"missing":  `["RESOURCE_DOES_NOT_EXIST", "RESOURCE_DOES_NOT_EXIST: no version of model \"dela\" was trained; did you mean \"delay\"?"]`,
		"alias":    `["RESOURCE_DOES_NOT_EXIST", "RESOURCE_DOES_NOT_EXIST: no version of model delay is called \"best\"; names are: challenger, champion"]`,
		"filter": `["INVALID_PARAMETER_VALUE", "INVALID_PARAMETER_VALUE: filter: \"status\" is nothing that can be searched by: creation_timestamp, last_updated_timestamp, name, ` +
			`run_id, source_path, version_number, and tags.NAME are"]`,
		"write":  `["NOT_IMPLEMENTED", "NOT_IMPLEMENTED: registered-models/alias: this registry is read-only for MLflow's clients; bighead models alias MODEL ALIAS VERSION"]`,
		"create": `["NOT_IMPLEMENTED", "NOT_IMPLEMENTED: registered-models/create: this registry is read-only for MLflow's clients; bighead train MODEL makes the first version of a model"]`,
	} {
		var x any
		if err := json.Unmarshal([]byte(want), &x); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !reflect.DeepEqual(got[name], x) {
			t.Errorf("%s:\n got %v\nwant %v", name, got[name], x)
		}
	}
}
