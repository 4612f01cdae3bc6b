package oip_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/bighead-ml/bighead/engine/enginetest/fetch"
	"github.com/bighead-ml/bighead/serve/oip"
)

// serveGRPC serves the protocol's service at a free port of loopback.
func serveGRPC(t *testing.T, w *world, o oip.Options) string {
	t.Helper()
	o.Models, o.Version, o.Deadline = w, "1.2.3", cmp.Or(o.Deadline, time.Hour)
	server := grpc.NewServer(grpc.UnknownServiceHandler(func(_ any, s grpc.ServerStream) error {
		method, _ := grpc.MethodFromServerStream(s)
		return oip.Refuse(oip.Unknown(method[strings.LastIndexByte(method, '/')+1:]))
	}))
	oip.New(o).Register(server)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(ln) }()
	t.Cleanup(func() {
		server.Stop()
		if n := w.held.Load(); n != 0 {
			t.Errorf("%d models were not released", n)
		}
	})
	return ln.Addr().String()
}

// tritonClient is what somebody who has tritonclient runs, the same over HTTP and gRPC.
const tritonClient = `
import json, sys
import numpy as np
import tritonclient.grpc, tritonclient.http
from tritonclient.utils import InferenceServerException

def story(t, client, http):
    out = {}
    out["live"], out["ready"] = client.is_server_live(), client.is_server_ready()
    out["model"] = [client.is_model_ready("late"), client.is_model_ready("late", "1"), client.is_model_ready("late", "9"), client.is_model_ready("broken"), client.is_model_ready("mixed names")]
    plain = {} if http else {"as_json": True}
    server = client.get_server_metadata(**plain)
    out["server"] = [server["name"], server["version"], server["extensions"]]
    meta = client.get_model_metadata("late", "1", **plain)
    out["meta"] = [meta["name"], meta["platform"], meta["versions"], [[i["name"], i["datatype"], [int(d) for d in i["shape"]]] for i in meta["inputs"] + meta["outputs"]]]
    index = client.get_model_repository_index(**plain)
    index = index if http else index["models"]
    out["index"] = [[m["name"], m["version"], m["state"], m.get("reason", "")] for m in index]
    def inputs(binary):
        x, n, wet = t.InferInput("x", [2], "FP64"), t.InferInput("n", [2, 1], "INT64"), t.InferInput("wet", [2], "BOOL")
        more = {"binary_data": binary} if http else {}
        x.set_data_from_numpy(np.array([1.5, np.nan]), **more)
        n.set_data_from_numpy(np.array([[1], [2]], dtype=np.int64), **more)
        wet.set_data_from_numpy(np.array([True, False]), **more)
        return [x, n, wet]
    got = client.infer("late", inputs(True), model_version="1", request_id="7", timeout=60_000_000)
    response = got.get_response(**plain)
    out["binary"] = [got.as_numpy("prediction").tolist(), str(got.as_numpy("prediction").dtype), response["id"], response["model_version"]]
    wanted = [t.InferRequestedOutput("class"), t.InferRequestedOutput("both")]
    got = client.infer("late", inputs(True), outputs=wanted)
    out["outputs"] = [got.as_numpy("class").tolist(), str(got.as_numpy("class").dtype), got.as_numpy("both").tolist()]
    if http:
        wanted = [t.InferRequestedOutput("prediction", binary_data=False)]
        got = client.infer("late", [x for x in inputs(True)[:2]] + inputs(True)[2:], outputs=wanted)
        out["json"] = got.as_numpy("prediction").tolist()
        got = client.infer("late", inputs(True), request_compression_algorithm="gzip", response_compression_algorithm="deflate")
        out["packed"] = got.as_numpy("prediction").tolist()
    else:
        got = client.infer("late", inputs(True), compression_algorithm="gzip")
        out["packed"] = got.as_numpy("prediction").tolist()
    names = t.InferInput("carrier", [2], "BYTES")
    names.set_data_from_numpy(np.array(["UA", "Ü"], dtype=object))
    tags = t.InferInput("tags", [2], "BYTES")
    tags.set_data_from_numpy(np.array(['["a"]', "[]"], dtype=object))
    rest = []
    for name, kind, data in [("x", "FP32", np.float32([1, 2])), ("n", "INT32", np.int32([1, 2])), ("at", "INT64", np.int64([0, 0])), ("day", "INT32", np.int32([0, 0]))]:
        i = t.InferInput(name, [2], kind)
        i.set_data_from_numpy(data)
        rest.append(i)
    out["texts"] = client.infer("mixed names", rest + [names, tags]).as_numpy("prediction").tolist()
    def error(do):
        try:
            do()
            return None
        except InferenceServerException as e:
            return e.message()
    out["unknown"] = error(lambda: client.infer("laet", inputs(True)))
    out["absent"] = error(lambda: client.infer("late", inputs(True)[:1]))
    out["shared"] = error(lambda: client.get_system_shared_memory_status())
    out["stats"] = error(lambda: client.get_inference_statistics())
    out["configured"] = [error(lambda: client.load_model("late", config="{}")).partition(":")[0], error(lambda: client.load_model("late", config="{}", files={"file:1/model.onnx": b"abcd"})) is not None]
    client.unload_model("late")
    out["unloaded"] = client.is_model_ready("late")
    client.load_model("late")
    out["loaded"] = client.is_model_ready("late")
    client.close()
    return out

json.dump({"http": story(tritonclient.http, tritonclient.http.InferenceServerClient(sys.argv[1]), True),
    "grpc": story(tritonclient.grpc, tritonclient.grpc.InferenceServerClient(sys.argv[2]), False)}, sys.stdout)
`

// TestTritonsOwnClients asks with tritonclient, unchanged.
func TestTritonsOwnClients(t *testing.T) {
	if testing.Short() {
		t.Skip("tritonclient is left out with -short")
	}
	home, err := fetch.Triton(t.Context())
	if lacks := new(fetch.UnavailableError); errors.As(err, &lacks) && os.Getenv("BIGHEAD_REQUIRE_ENGINES") != "1" {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	script := filepath.Join(dir, "client.py")
	if err := os.WriteFile(script, []byte(tritonClient), 0o600); err != nil {
		t.Fatal(err)
	}
	h := serveHTTP(t, newWorld(), oip.Options{})
	cmd := exec.CommandContext(t.Context(), home.Python, script, strings.TrimPrefix(h.URL, "http://"), serveGRPC(t, newWorld(), oip.Options{}))
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "PYTHONPATH="+home.Dir)
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
	for name, want := range map[string]string{
		"live": `true`, "ready": `true`, "model": `[true, true, false, false, true]`,
		"server": `["bighead", "1.2.3", ["binary_tensor_data"]]`,
		"meta":   `["late", "fake", ["1", "2"], [["x", "FP64", [-1]], ["n", "INT64", [-1]], ["wet", "BOOL", [-1]], ["prediction", "FP64", [-1]]]]`,
		"index":  `[["late", "1", "READY", ""], ["late", "2", "READY", ""], ["mixed names", "7", "READY", ""], ["broken", "1", "UNAVAILABLE", "the file was cut off"]]`,
		"binary": `[[3.5, 102.0], "float64", "7", "1"]`, "outputs": `[[3, 102], "int64", [[3.5, 4.5], [102.0, 103.0]]]`, "packed": `[3.5, 102.0]`,
		"texts": `[5, 6]`, "unloaded": `false`, "loaded": `true`,
		"unknown":    `"BH122: no model \"laet\", version \"\""`,
		"absent":     `"BH105: inputs are absent: n, wet (send a tensor for each input; null or NaN where a value is missing)"`,
		"shared":     `"BH116: systemsharedmemory is not offered (send tensors in the request: no memory is shared with clients)"`,
		"configured": `["BH105", true]`,
		"stats":      `"BH116: stats is not offered (GET /metrics has counts and times)"`,
	} {
		var x any
		if err := json.Unmarshal([]byte(want), &x); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, road := range []string{"http", "grpc"} {
			if !reflect.DeepEqual(got[road][name], x) {
				t.Errorf("%s over %s:\n got %v\nwant %v", name, road, got[road][name], x)
			}
		}
	}
	if want := []any{3.5, 102.0}; !reflect.DeepEqual(got["http"]["json"], want) {
		t.Errorf("an output as JSON: %v", got["http"]["json"])
	}
}
