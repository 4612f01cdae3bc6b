package main

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/engine/enginetest/fetch"
	"github.com/bighead-ml/bighead/model"
)

// asksUp is what somebody who has tritonclient asks of `bighead up`, the same over HTTP and gRPC.
const asksUp = `
import json, sys
import numpy as np
import tritonclient.grpc, tritonclient.http
from tritonclient.utils import InferenceServerException

sums, lasts, y = json.loads(sys.argv[3])

def story(t, client, http):
    out, plain = {}, {} if http else {"as_json": True}
    def error(do):
        try:
            do()
            return None
        except InferenceServerException as e:
            return e.message()
    out["ready"] = [client.is_server_live(), client.is_server_ready()] + [client.is_model_ready("m", v) for v in ("", "1", "2", "3", "4")] + [client.is_model_ready("late")]
    server = client.get_server_metadata(**plain)
    out["server"] = [server["name"], server["extensions"]]
    meta = client.get_model_metadata("m", "2", **plain)
    out["meta"] = [meta["name"], meta["platform"], meta["versions"], [[i["name"], i["datatype"], [int(d) for d in i["shape"]]] for i in meta["inputs"] + meta["outputs"]]]
    index = client.get_model_repository_index(**plain)
    out["index"] = [[m["name"], m["version"], m["state"], m.get("reason", "").split(": ")[0]] for m in (index if http else index["models"])]
    def inputs():
        made = []
        for name, kind, data in [("g__x_sum_1h", "INT64", np.int64(sums)), ("g__x_last", "INT64", np.int64(lasts)), ("y", "FP64", np.array([np.nan if v is None else v for v in y]))]:
            i = t.InferInput(name, [len(data)], kind)
            i.set_data_from_numpy(data)
            made.append(i)
        return made
    out["answers"] = {}
    for version in ("", "1", "2"):
        got = client.infer("m", inputs(), model_version=version, request_id="q7")
        response = got.get_response(**plain)
        out["answers"][version or response["model_version"] + " of itself"] = got.as_numpy("prediction").tolist()
        assert response["id"] == "q7" and str(got.as_numpy("prediction").dtype) == "float64", response
    refusals = {
        "unknown model": lambda: client.infer("n", inputs()), "unknown version": lambda: client.infer("m", inputs(), model_version="9"), "not there": lambda: client.infer("m", inputs(), model_version="3"),
        "absent": lambda: client.infer("m", inputs()[1:]), "unload": lambda: client.unload_model("m"), "unload another": lambda: client.unload_model("n"),
        "load": lambda: client.load_model("m"), "load another": lambda: client.load_model("n"), "stats": lambda: client.get_inference_statistics(), "config": lambda: client.get_model_config("m"),
    }
    out["said"] = {name: error(do) for name, do in refusals.items()}
    out["still"] = client.is_model_ready("m", "1")
    client.close()
    return out

json.dump({"http": story(tritonclient.http, tritonclient.http.InferenceServerClient(sys.argv[1], network_timeout=60.0, connection_timeout=60.0), True),
    "grpc": story(tritonclient.grpc, tritonclient.grpc.InferenceServerClient(sys.argv[2]), False)}, sys.stdout)
`

// TestTritonclientAgainstUp asks a server that runs, with trained versions, by tritonclient as it is: what it answers are the versions' own answers, what
// it does not offer it refuses with a reason, and what it says of itself is so.
func TestTritonclientAgainstUp(t *testing.T) {
	if testing.Short() {
		t.Skip("tritonclient is left out with -short")
	}
	home, err := fetch.Triton(t.Context())
	if lacks := new(fetch.UnavailableError); errors.As(err, &lacks) && os.Getenv("BIGHEAD_REQUIRE_ENGINES") != "1" {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	dir := smallProject(t, predictingFeatures)
	writeProject(t, dir, map[string]string{"bighead.toml": "[serve]\nlisten = \"127.0.0.1:0\"\ngrpc = \"127.0.0.1:0\"\ndeadline = \"30s\"\n"})
	mustRun(t, dir, "apply", "--yes")
	for _, fixture := range []string{"lgb_binary", "xgb_binary", "lgb_numeric"} {
		registerVersion(t, dir, fixture, nil)
	}
	mustRun(t, dir, "deploy", "m@1", "--to", "late")
	mustRun(t, dir, "deploy", "m@2", "--to", "late", "--weight", "30")
	mustRun(t, dir, "deploy", "m@3", "--to", "late", "--shadow")
	artifacts := artifactsOfVersions(t, dir, 3)
	if err := os.RemoveAll(filepath.Join(artifactsFolder(dir), artifacts[2])); err != nil {
		t.Fatal(err)
	}
	up := startUp(t, dir)

	sums, lasts, y := []int64{1, -7, 1 << 40}, []int64{0, 3, 12}, []*float64{new(float64), nil, new(float64)}
	*y[0], *y[2] = 1.5, -0.25
	args, err := json.Marshal([]any{sums, lasts, y})
	if err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(t.TempDir(), "client.py")
	if err := os.WriteFile(script, []byte(asksUp), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), home.Python, script, strings.TrimPrefix(up.url, "http://"), up.grpc(), string(args))
	cmd.Dir, cmd.Env = filepath.Dir(script), append(os.Environ(), "PYTHONPATH="+home.Dir)
	var said strings.Builder
	cmd.Stderr = &said
	text, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	var got map[string]map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	var rows []map[string]float64
	for i := range sums {
		row := map[string]float64{"g__x_sum_1h": float64(sums[i]), "g__x_last": float64(lasts[i]), "y": math.NaN()}
		if y[i] != nil {
			row["y"] = *y[i]
		}
		rows = append(rows, row)
	}
	first, second := ownAnswers(t, dir, artifacts[0], rows...), ownAnswers(t, dir, artifacts[1], rows...)
	for name, want := range map[string]any{
		"ready":  []any{true, true, true, true, true, false, false, false},
		"server": []any{"bighead", []string{"binary_tensor_data"}},
		"meta": []any{"m", "xgboost json 3.2.0", []string{"1", "2"}, []any{[]any{"g__x_sum_1h", "INT64", []int{-1}}, []any{"g__x_last", "INT64", []int{-1}}, []any{"y", "FP64", []int{-1}},
			[]any{"prediction", "FP64", []int{-1}}, []any{"margin", "FP64", []int{-1}}, []any{"class", "INT64", []int{-1}}, []any{"leaf", "INT64", []int{-1, 50}}}},
		"index":   []any{[]any{"m", "1", "READY", ""}, []any{"m", "2", "READY", ""}, []any{"m", "3", "UNAVAILABLE", "m@3 cannot be opened"}},
		"answers": map[string]any{"1 of itself": first, "1": first, "2": second},
		"still":   true,
	} {
		b, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var x any
		if err := json.Unmarshal(b, &x); err != nil {
			t.Fatal(err)
		}
		for road, all := range got {
			if !reflect.DeepEqual(all[name], x) {
				t.Errorf("%s over %s:\n got %v\nwant %v", name, road, all[name], x)
			}
		}
	}
	for name, want := range map[string]string{
		"unknown model":   `BH122: no model "n" is served`,
		"unknown version": `BH122: model m has no version "9" that an endpoint asks (bighead deploy m@VERSION --to ENDPOINT)`,
		"not there":       `BH119: version 3 of model m is not there: m@3 cannot be opened: `,
		"absent":          `BH105: inputs are absent: g__x_sum_1h (send a tensor for each input`,
		"unload":          `BH116: model m is what an endpoint answers with, and is not unloaded from here (bighead deploy sends the endpoint's requests elsewhere, and keeps who did it and why)`,
		"unload another":  `BH122: no model "n" is served`,
		"load":            ``, // it is there
		"load another":    `BH122: no model "n" is served (bighead deploy n --to ENDPOINT`,
		"stats":           `BH116: stats is not offered (GET /metrics has counts and times)`,
		"config":          `BH116: config is not offered (`,
	} {
		for road, all := range got {
			if text, _ := all["said"].(map[string]any)[name].(string); !strings.HasPrefix(text, want) || want == "" && text != "" {
				t.Errorf("%s over %s:\n got %s\nwant %s", name, road, text, want)
			}
		}
	}
}

// artifactsOfVersions are the artifacts of model "m", by version from 1 on.
func artifactsOfVersions(t *testing.T, dir string, n int) []string {
	t.Helper()
	cat, err := openCatalog(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer cat.Close()
	out := make([]string, n)
	for i := range out {
		v, err := cat.ModelVersion(t.Context(), "m", int64(i+1))
		if err != nil {
			t.Fatal(err)
		}
		out[i] = v.Artifact
	}
	return out
}

// ownAnswers are what an artifact's model says to rows of the view of predictingFeatures, asked without a server.
func ownAnswers(t *testing.T, dir, artifact string, rows ...map[string]float64) []float64 {
	t.Helper()
	p, err := (&cli{dir: dir}).open()
	if err != nil {
		t.Fatal(err)
	}
	a, err := model.OpenArtifact(t.Context(), filepath.Join(artifactsFolder(dir), artifact), modelRuntime(p))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	in := model.Batch{Rows: len(rows)}
	for _, row := range rows {
		for _, name := range a.Manifest.Inputs {
			in.Numbers = append(in.Numbers, row[name])
		}
	}
	out := make([]float64, in.Rows)
	if err := a.Answer.Predict(t.Context(), a.Model, &in, out, new(model.Scratch)); err != nil {
		t.Fatal(err)
	}
	return out
}
