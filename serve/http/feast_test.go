package http_test

import (
	"context"
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
	"github.com/bighead-ml/bighead/store"
)

// feastClient is what somebody who has Feast runs: the definitions of the feature views in a registry of its own, and the values from
// whatever stands at the address.
const feastClient = `
import json, sys
from datetime import datetime, timedelta, timezone
from feast import Entity, FeatureService, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.protos.feast.serving.ServingService_pb2 import FieldStatus
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
def statuses(s):
    p = s.get_online_features(features=refs, entity_rows=rows).proto
    return {n: [FieldStatus.Name(x) for x in r.statuses] for n, r in zip(p.metadata.feature_names.val, p.results)}
out["statuses"] = statuses(store)
at = datetime(2023, 11, 14, tzinfo=timezone.utc)
try:
    online.online_write_batch(config, stats, [(keys[0], {"count_1d": Value(int64_val=7)}, at, None)], None)
    out["written"] = "it was written"
except Exception as e:
    out["written"] = str(e)
failing = FeatureStore(config=RepoConfig(project="p", provider="local", registry=sys.argv[2] + "/registry.db", offline_store={"type": "file"},
    online_store={"type": "remote", "path": sys.argv[3]}, entity_key_serialization_version=3))
out["failing"] = statuses(failing)
out["failing read"] = [[str(at), {n: v.WhichOneof("val") for n, v in values.items()}] for at, values in failing._get_provider().online_store.online_read(failing.config, stats, keys[:1], [f.name for f in stats.features])]
out["failing values"] = failing.get_online_features(features=refs, entity_rows=rows).to_dict()
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
	failing := newServed(t, http.Options{})
	failing.store.SetFault(func(context.Context, []store.Range) error { return store.ErrUnavailable })
	failed := run(t, failing.Handler, http.Listen{Address: "127.0.0.1:0"})
	dir := t.TempDir()
	script := filepath.Join(dir, "client.py")
	if err := os.WriteFile(script, []byte(feastClient), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), home.Python, script, r.api, dir, failed.api)
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
		"statuses": `{"carrier": ["PRESENT", "PRESENT", "PRESENT"], "dep_delay_avg_1h": ["PRESENT", "NOT_FOUND", "NOT_FOUND"], "count_1d": ["PRESENT", "PRESENT", "PRESENT"], "dep_delay_last": ["PRESENT", "PRESENT", "PRESENT"]}`,
		// Where the store fails no value is taken for one that is not there.
		"failing":        `{"carrier": ["PRESENT", "PRESENT", "PRESENT"], "dep_delay_avg_1h": ["INVALID", "INVALID", "INVALID"], "count_1d": ["INVALID", "INVALID", "INVALID"], "dep_delay_last": ["INVALID", "INVALID", "INVALID"]}`,
		"failing values": `{"carrier": ["UA", "AA", "ZZ"], "dep_delay_avg_1h": [null, null, null], "count_1d": [null, null, null], "dep_delay_last": [null, null, null]}`,
		"failing read":   `[["2023-11-14 22:13:20+00:00", {"dep_delay_avg_1h": null, "count_1d": null, "dep_delay_last": null}]]`,
	} {
		var x any
		if err := json.Unmarshal([]byte(want), &x); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got[name], x) {
			t.Errorf("%s:\n got %v\nwant %v", name, got[name], x)
		}
	}
	if e, _ := got["written"].(string); !strings.Contains(e, "Error_code=400") || !strings.Contains(e, `values of \"carrier\" cannot be written`) || !strings.Contains(e, "/v1/events/") {
		t.Errorf("values that are written: %v", got["written"])
	}
	if e, _ := got["error"].(string); !strings.Contains(e, "BH101") || !strings.Contains(e, "count_1d") {
		t.Errorf("a feature that is not there: %v", got["error"])
	}
}
