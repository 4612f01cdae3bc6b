package http_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/http"
)

// TestTheDocumentIsTrue walks the document: each call is there and answers as it says, each body has the form it says.
func TestTheDocumentIsTrue(t *testing.T) {
	p := &pusher{pushed: []serve.Pushed{{Source: "flights", Accepted: 1, Rejected: []serve.Rejected{{Line: 1, Reason: "x"}}}}}
	s := predicting(t, http.Options{Pusher: p, Labels: &kept{}, Gate: tokens(t, "a "+hashOf("t")+" admin", "b "+hashOf("u")+" read limit=1"), MaxBody: 100_000})
	_, _, text := s.call(t, "GET", "/openapi.json", "", "Authorization", "Bearer t")
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("openapi.json", doc); err != nil {
		t.Fatal(err)
	}
	compile := func(pointer string) *jsonschema.Schema {
		sch, err := compiler.Compile("openapi.json#" + pointer)
		if err != nil {
			t.Fatalf("%s: %v", pointer, err)
		}
		return sch
	}
	escape := strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D")
	good := rowOf(`"carrier": "UA", "distance": "1400", "sched": 5, "tags": ["a"]`)
	seen := map[string]bool{}
	for _, c := range []struct {
		method, pattern, path, body string
		token, kind                 string
		status                      int
	}{
		{"post", "/v1/features/{view}", "/v1/features/departure", good, "t", "", 200},
		{"post", "/v1/features/{view}", "/v1/features/departure", `{"rows": [{"carrier": "ZZ", "distance": null}, {"carrier": "UA", "distanc": 1}], "status": true}`, "t", "", 200},
		{"post", "/v1/features/{view}", "/v1/features/departure", `{"rows": [{"carrier": "ZZ", "distance": null}], "status": false, "features": ["far"]}`, "t", "", 200},
		{"post", "/v1/features/{view}", "/v1/features/departure", `{"rows": 1}`, "t", "", 400},
		{"post", "/v1/features/{view}", "/v1/features/departure", `{"rows": []}`, "", "", 401},
		{"post", "/v1/features/{view}", "/v1/features/depart", `{"rows": []}`, "t", "", 404},
		{"post", "/v1/features/{view}", "/v1/features/departure", strings.Repeat(" ", 100_001), "t", "", 413},
		{"post", "/v1/predict/{endpoint}", "/v1/predict/late", `{"rows": [{` + predictRow + `}, {"carrier": "UA", "distanc": 1}]}`, "t", "", 200},
		{"post", "/v1/predict/{endpoint}", "/v1/predict/safe", `{"rows": [{` + predictRow + `}], "explain": true, "at": null}`, "t", "", 200},
		{"post", "/v1/predict/{endpoint}", "/v1/predict/late", `{"rows": [{` + predictRow + `}], "explain": true, "status": true}`, "t", "", 200},
		{"post", "/v1/predict/{endpoint}", "/v1/predict/broken", `{"rows": [{` + predictRow + `}]}`, "t", "", 200},
		{"post", "/v1/predict/{endpoint}", "/v1/predict/none", `{"rows": []}`, "t", "", 503},
		{"post", "/v1/predict/{endpoint}", "/v1/predict/lat", `{"rows": []}`, "t", "", 404},
		{"post", "/v1/predict/{endpoint}", "/v1/predict/late", `{"rows": []}`, "u", "", 403},
		{"post", "/v1/labels", "/v1/labels", `{"labels": [{"prediction_id": "` + anID + `", "label": 1}, {"prediction_id": "x", "label": 1}]}`, "t", "", 200},
		{"post", "/v1/labels", "/v1/labels", `{"labels": 1}`, "t", "", 400},
		{"post", "/v1/labels", "/v1/labels", `{"labels": []}`, "u", "", 403},
		{"post", "/v1/labels", "/v1/labels", `{"endpoint": "lat", "labels": []}`, "t", "", 404},
		{"post", "/v1/events/{name}", "/v1/events/flights", "{}", "t", "", 200},
		{"post", "/v1/events/{name}", "/v1/events/flights", "{}", "u", "", 403},
		{"post", "/v1/events/{name}", "/v1/events/flights", "{}", "t", "text/csv", 400},
		{"post", "/v1/features/join/{view}", "/v1/features/join/departure", `[{"carrier": "UA", "distance": 1}, {"carier": 1}]`, "t", "", 200},
		{"post", "/v1/features/join/{view}", "/v1/features/join/departure", `{}`, "t", "", 400},
		{"post", "/v1/features/join/{view}", "/v1/features/join/departur", `[]`, "t", "", 404},
		{"post", "/v1/features/groupby/{group}", "/v1/features/groupby/carrier", `[{"carrier": "UA"}]`, "t", "", 200},
		{"post", "/v1/features/groupby/{group}", "/v1/features/groupby/carrier", `[]`, "", "", 401},
		{"post", "/get-online-features", "/get-online-features", `{"features": ["carrier:count_1d"], "entities": {"carrier": ["UA", "ZZ", null]}}`, "t", "", 200},
		{"post", "/get-online-features", "/get-online-features", `{"feature_service": "departure", "entities": {"carrier": ["UA"], "distance": [1]}}`, "t", "", 200},
		{"post", "/get-online-features", "/get-online-features", `{"features": ["carrier:count_1d"], "entities": {"carrier": [1]}}`, "t", "", 400},
		{"post", "/get-online-features", "/get-online-features", `{"features": ["carier:count_1d"], "entities": {}}`, "t", "", 404},
		{"post", "/push", "/push", `{"push_source_name": "flights", "df": {}, "to": "offline"}`, "t", "", 400},
		{"post", "/push", "/push", `{"push_source_name": "flights", "df": {}}`, "u", "", 403},
		{"post", "/write-to-online-store", "/write-to-online-store", `{"feature_view_name": "carrier", "df": {}}`, "t", "", 400},
		{"post", "/write-to-online-store", "/write-to-online-store", `{}`, "u", "", 403},
		{"get", "/openapi.json", "/openapi.json", "", "t", "", 200},
		{"get", "/openapi.json", "/openapi.json", "", "", "", 401},
		{"get", "/healthz", "/healthz", "", "", "", 200},
		{"get", "/readyz", "/readyz", "", "", "", 200},
		{"get", "/metrics", "/metrics", "", "t", "", 200},
	} {
		status, header, body := s.call(t, strings.ToUpper(c.method), c.path, c.body, "Authorization", "Bearer "+c.token, "Content-Type", c.kind)
		if status != c.status {
			t.Errorf("%s %s: %d, want %d: %s", c.method, c.path, status, c.status, body)
			continue
		}
		seen[c.method+" "+c.pattern] = true
		kind, _, _ := strings.Cut(header.Get("Content-Type"), ";")
		at := "/paths/" + escape.Replace(c.pattern) + "/" + c.method + "/responses/" + fmt.Sprint(status) + "/content/" + escape.Replace(kind) + "/schema"
		value := any(body)
		if strings.HasSuffix(kind, "json") {
			if value, err = jsonschema.UnmarshalJSON(strings.NewReader(body)); err != nil {
				t.Errorf("%s: %v", at, err)
			}
		}
		if err := compile(at).Validate(value); err != nil {
			t.Errorf("%s: %v\n%s", at, err, body)
		}
	}
	// The form of a request takes what the server takes.
	form := compile("/components/schemas/Request_departure")
	for body, ok := range map[string]bool{good: true, `{"rows": [{"carrier": "UA"}]}`: false, `{"rows": [{"carrier": 1, "distance": 1}]}`: false, `{"row": []}`: false, `{"rows": [], "features": ["fa"]}`: false} {
		x, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		status, _, got := s.call(t, "POST", "/v1/features/departure", body, "Authorization", "Bearer t")
		if taken := status == 200 && !strings.Contains(got, `"error"`); (form.Validate(x) == nil) != ok || taken != ok {
			t.Errorf("%s: the document says %v, the server %d %s", body, form.Validate(x), status, got)
		}
	}
	predictForm := compile("/components/schemas/PredictRequest_late")
	for body, ok := range map[string]bool{`{"rows": [{` + predictRow + `}], "explain": true}`: true, `{"rows": [], "features": []}`: false, `{"rows": [{"carrier": "UA"}]}`: false} {
		x, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		status, _, got := s.call(t, "POST", "/v1/predict/late", body, "Authorization", "Bearer t")
		if taken := status == 200 && !strings.Contains(got, `"error"`); (predictForm.Validate(x) == nil) != ok || taken != ok {
			t.Errorf("%s: the document says %v, the server %d %s", body, predictForm.Validate(x), status, got)
		}
	}
	labelForm := compile("/components/schemas/Labels")
	for body, ok := range map[string]bool{`{"endpoint": null, "labels": [{"prediction_id": "` + anID + `", "label": 1, "at": "2024-01-01T00:00:00Z"}]}`: true,
		`{"labels": [{"prediction_id": "` + anID + `", "lable": 1}]}`: false, `{"labels": [{"prediction_id": "` + anID + `", "label": null}]}`: false} {
		x, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		status, _, got := s.call(t, "POST", "/v1/labels", body, "Authorization", "Bearer t")
		if taken := status == 200 && strings.Contains(got, `"rejected":[]`); (labelForm.Validate(x) == nil) != ok || taken != ok {
			t.Errorf("%s: the document says %v, the server %d %s", body, labelForm.Validate(x), status, got)
		}
	}
	var paths struct{ Paths map[string]map[string]any }
	if err := json.Unmarshal([]byte(text), &paths); err != nil {
		t.Fatal(err)
	}
	for path, methods := range paths.Paths {
		for method := range methods {
			if !seen[method+" "+path] {
				t.Errorf("%s %s is in the document, and was not tried", method, path)
			}
		}
	}
}
