package http_test

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
	"github.com/bighead-ml/bighead/serve/http"
)

// feastClient is what somebody who has Feast runs: the definitions of the feature views in a registry of its own, and the values from
// whatever stands at the address.
const feastClient = `
import json, sys
from datetime import timedelta
from feast import Entity, FeatureService, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from feast.types import Bool, Float64, Int64

config = RepoConfig(project="p", provider="local", registry=sys.argv[2] + "/registry.db", offline_store={"type": "file"},
    online_store={"type": "remote", "path": sys.argv[1]}, entity_key_serialization_version=3)
store = FeatureStore(config=config)
carrier = Entity(name="carrier", join_keys=["carrier"], value_type=ValueType.STRING)
stats = FeatureView(name="carrier", entities=[carrier], ttl=timedelta(days=1), source=FileSource(path="none.parquet", timestamp_field="ts"),
    schema=[Field(name="dep_delay_avg_1h", dtype=Float64), Field(name="count_1d", dtype=Int64), Field(name="dep_delay_last", dtype=Float64)])
service = FeatureService(name="departure", features=[stats])
store.registry.apply_entity(carrier, "p", commit=False)
store.registry.apply_feature_view(stats, "p", commit=False)
store.registry.apply_feature_service(service, "p", commit=True)

rows = [{"carrier": "UA"}, {"carrier": "AA"}, {"carrier": "ZZ"}]
refs = ["carrier:dep_delay_avg_1h", "carrier:count_1d", "carrier:dep_delay_last"]
out = {
    "refs": store.get_online_features(features=refs, entity_rows=rows).to_dict(),
    "full": store.get_online_features(features=refs, entity_rows=rows, full_feature_names=True).to_dict(),
    "service": store.get_online_features(features=store.get_feature_service("departure"), entity_rows=[{"carrier": "UA", "distance": 1400}]).to_dict(),
    "frame": store.get_online_features(features=refs, entity_rows=rows).to_df().astype(object).where(lambda d: d.notnull(), None).values.tolist(),
}
keys = [EntityKey(join_keys=["carrier"], entity_values=[Value(string_val=r["carrier"])]) for r in rows]
online = store._get_provider().online_store
out["read"] = [[str(at), {n: getattr(v, v.WhichOneof("val")) if v.WhichOneof("val") else None for n, v in values.items()}]
    for at, values in online.online_read(config, stats, keys, [f.name for f in stats.features])]
try:
    store.get_online_features(features=["carrier:count_1dd"], entity_rows=rows)
    out["error"] = None
except Exception as e:
    out["error"] = str(e)
json.dump(out, sys.stdout)
`

// TestFeastsOwnClient asks the server with the client of Feast, unchanged.
func TestFeastsOwnClient(t *testing.T) {
	if testing.Short() {
		t.Skip("Feast is left out with -short")
	}
	home, err := fetch.Feast(t.Context())
	if lacks := new(fetch.UnavailableError); errors.As(err, &lacks) && os.Getenv("BIGHEAD_REQUIRE_ENGINES") != "1" {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	s := newServed(t, http.Options{})
	r := run(t, s.Handler, http.Listen{Address: "127.0.0.1:0"})
	dir := t.TempDir()
	script := filepath.Join(dir, "client.py")
	if err := os.WriteFile(script, []byte(feastClient), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), home.Python, script, r.api, dir)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PYTHONPATH="+home.Dir, "FEAST_USAGE=False")
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
	for name, want := range map[string]string{
		"refs": `{"carrier": ["UA", "AA", "ZZ"], "dep_delay_avg_1h": [15.0, null, null], "count_1d": [2, 1, 0], "dep_delay_last": [20.0, 1.5, 0.0]}`,
		"full": `{"carrier": ["UA", "AA", "ZZ"], "carrier__dep_delay_avg_1h": [15.0, null, null], "carrier__count_1d": [2, 1, 0], "carrier__dep_delay_last": [20.0, 1.5, 0.0]}`,
		"service": `{"carrier": ["UA"], "distance": [1400], "carrier__dep_delay_avg_1h": [15.0], "carrier__count_1d": [2], "carrier__dep_delay_last": [20.0], "sched": [null], "share": [null],
			"day": [null], "raw": [null], "tags": [null], "wet": [null], "far": [true]}`,
		"frame": `[["UA", 15.0, 2, 20.0], ["AA", null, 1, 1.5], ["ZZ", null, 0, 0.0]]`,
		"read": `[["2023-11-14 22:13:20+00:00", {"dep_delay_avg_1h": 15.0, "count_1d": 2, "dep_delay_last": 20.0}], ["2023-11-14 22:13:20+00:00", {"dep_delay_avg_1h": null, "count_1d": 1, "dep_delay_last": 1.5}],
			["2023-11-14 22:13:20+00:00", {"dep_delay_avg_1h": null, "count_1d": 0, "dep_delay_last": 0.0}]]`,
	} {
		var x any
		if err := json.Unmarshal([]byte(want), &x); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got[name], x) {
			t.Errorf("%s:\n got %v\nwant %v", name, got[name], x)
		}
	}
	if e, _ := got["error"].(string); !strings.Contains(e, "BH101") || !strings.Contains(e, "count_1d") {
		t.Errorf("a feature that is not there: %v", got["error"])
	}
}
