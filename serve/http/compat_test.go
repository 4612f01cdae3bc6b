package http_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/http"
	"github.com/bighead-ml/bighead/store"
)

func TestChrononsShape(t *testing.T) {
	s := newServed(t, http.Options{MaxRows: 4})
	for path, c := range map[string][2]string{
		"/v1/features/groupby/carrier": {`[{"carrier": "UA"}, {"carrier":null}, {"carier": "UA"}, {"carrier": 1}]`,
			`{"results":[{"status":"Success","entityKeys":{"carrier":"UA"},"features":{"dep_delay_avg_1h":15.0,"count_1d":2,"dep_delay_last":20.0}},` +
				`{"status":"Success","entityKeys":{"carrier":null},"features":{"dep_delay_avg_1h":null,"count_1d":0,"dep_delay_last":0.0}},` +
				`{"status":"Failure","entityKeys":{"carier":"UA"},"error":"BH102: view carrier takes no field \"carier\" (did you mean \"carrier\"?  a row has: carrier)"},` +
				`{"status":"Failure","entityKeys":{"carrier":1},"error":"BH104: \"carrier\" is no string: \"1\" (write a string of valid UTF-8)"}]}`},
		"/v1/features/join/departure": {`[{"carrier": "AA", "distance": "9007199254740993", "tags": ["a"]}]`,
			`{"results":[{"status":"Success","entityKeys":{"carrier":"AA","distance":"9007199254740993","tags":["a"]},"features":{"carrier__dep_delay_avg_1h":null,"carrier__count_1d":1,` +
				`"carrier__dep_delay_last":1.5,"distance":9007199254740993,"sched":null,"share":null,"day":null,"raw":null,"tags":["a"],"wet":null,"far":true}}]}`},
	} {
		if code, _, body := s.call(t, "POST", path, c[0]); code != 200 || strings.TrimSpace(body) != c[1] {
			t.Errorf("%s: %d\n got %s\nwant %s", path, code, body, c[1])
		}
	}
	for path, c := range map[string][3]string{
		"/v1/features/groupby/carier":   {`[]`, "404", `BH100: no group "carier" is served (did you mean "carrier"?  served views have: carrier)`},
		"/v1/features/join/departur":    {`[]`, "404", `BH100: no view "departur" is served`},
		"/v1/features/join/departure":   {`[{"carrier"1}]`, "400", `BH105: the body cannot be read`},
		"/v1/features/join/departure?a": {`{}`, "400", `BH105: the body is a JSON object`},
		"/v1/features/join/departure?b": {`[1]`, "400", `BH105: the body is a JSON number`},
		"/v1/features/join/departure?c": {`[{},{},{},{},{}]`, "413", `BH109: more than 4 rows`},
	} {
		code, _, body := s.call(t, "POST", path, c[0])
		errors, _ := problem(t, body)["errors"].([]any)
		if c[1][0] != byte('0'+code/100) || len(errors) != 1 || !strings.HasPrefix(errors[0].(string), c[2]) {
			t.Errorf("%s %s: %d %s", path, c[0], code, body)
		}
	}
	s.store.SetFault(func(context.Context, []store.Range) error { return store.ErrUnavailable })
	if _, _, body := s.call(t, "POST", "/v1/features/join/departure", `[{"carrier": "ZZ", "distance": 1}]`); !strings.Contains(body, `"carrier__count_1d_exception":"could not be had`) || strings.Contains(body, `"carrier__count_1d":`) {
		t.Errorf("what failed is a silent null: %s", body)
	}
}

func TestFeastsShape(t *testing.T) {
	s := newServed(t, http.Options{MaxRows: 3})
	const path = "/get-online-features"
	for ask, want := range map[string]string{
		// Two views at once, of which one is a group; other members of Feast's are its own.
		`{"features": ["carrier:count_1d", "departure:far", "departure:sched", "carrier:dep_delay_avg_1h"], "entities": {"carrier": ["UA", "ZZ", null], "distance": [1400, 1, null], "sched": [1700000000, "2023-11-14T22:13:20.5Z", null]}, "allow": 1}`: `{"metadata":{"feature_names":["carrier","distance","sched","count_1d","far","sched","dep_delay_avg_1h"]},"results":[` +
			`{"values":["UA","ZZ",null],"statuses":["PRESENT","PRESENT","PRESENT"],"event_timestamps":["1970-01-01T00:00:00Z","1970-01-01T00:00:00Z","1970-01-01T00:00:00Z"]},` +
			`{"values":[1400,1,null],"statuses":["PRESENT","PRESENT","PRESENT"],"event_timestamps":["1970-01-01T00:00:00Z","1970-01-01T00:00:00Z","1970-01-01T00:00:00Z"]},` +
			`{"values":[1700000000,"2023-11-14T22:13:20.5Z",null],"statuses":["PRESENT","PRESENT","PRESENT"],"event_timestamps":["1970-01-01T00:00:00Z","1970-01-01T00:00:00Z","1970-01-01T00:00:00Z"]},` +
			`{"values":[2,0,0],"statuses":["PRESENT","PRESENT","PRESENT"],"event_timestamps":["2023-11-14T22:13:20Z","2023-11-14T22:13:20Z","2023-11-14T22:13:20Z"]},` +
			`{"values":[true,false,null],"statuses":["PRESENT","PRESENT","NULL_VALUE"],"event_timestamps":["2023-11-14T22:13:20Z","2023-11-14T22:13:20Z","2023-11-14T22:13:20Z"]},` +
			`{"values":[1700000000,1700000000.500,null],"statuses":["PRESENT","PRESENT","NULL_VALUE"],"event_timestamps":["2023-11-14T22:13:20Z","2023-11-14T22:13:20Z","2023-11-14T22:13:20Z"]},` +
			`{"values":[15.0,null,null],"statuses":["PRESENT","NOT_FOUND","NOT_FOUND"],"event_timestamps":["2023-11-14T22:13:20Z","1970-01-01T00:00:00Z","1970-01-01T00:00:00Z"]}]}`,
		`{"features": ["departure:carrier__count_1d", "carrier:count_1d"], "full_feature_names": true, "entities": {"carrier": ["UA"], "distance": [1]}}`: `{"metadata":{"feature_names":["carrier","distance","departure__carrier__count_1d","carrier__count_1d"]},"results":[` +
			`{"values":["UA"],"statuses":["PRESENT"],"event_timestamps":["1970-01-01T00:00:00Z"]},{"values":[1],"statuses":["PRESENT"],"event_timestamps":["1970-01-01T00:00:00Z"]},` +
			`{"values":[2],"statuses":["PRESENT"],"event_timestamps":["2023-11-14T22:13:20Z"]},{"values":[2],"statuses":["PRESENT"],"event_timestamps":["2023-11-14T22:13:20Z"]}]}`,
	} {
		if code, _, body := s.call(t, "POST", path, ask); code != 200 || strings.TrimSpace(body) != want {
			t.Errorf("%s: %d\n got %s\nwant %s", ask, code, body, want)
		}
	}
	for ask, want := range map[string]string{
		`{`:                               "BH105 the body cannot be read",
		`{"entities": []}`:                "BH105 entities is another thing than a JSON array",
		`{"entities": {"carrier": "UA"}}`: "BH105 entities is another thing than a JSON string",
		`{"entities": {}}`:                "BH105 neither features nor a feature service is named",
		`{"features": ["count_1d"], "entities": {}}`:                                                                  `BH105 "count_1d" is no feature of a view`,
		`{"features": ["carier:count_1d"], "entities": {}}`:                                                           `BH100 no view or group "carier" is served`,
		`{"features": ["carrier:count_2d"], "entities": {}}`:                                                          `BH101 view carrier has no column "count_2d"`,
		`{"features": ["departure:count_2d"], "entities": {"carrier": ["UA"], "distance": [1]}}`:                      `BH101 view departure has no column "count_2d"`,
		`{"features": ["carrier:count_1d", "carrier:count_1d"], "entities": {}}`:                                      `BH105 "count_1d" is asked twice`,
		`{"feature_service": "departur", "entities": {}}`:                                                             `BH100 no view "departur" is served`,
		`{"features": ["carrier:count_1d"], "entities": {"carrier": ["UA"], "distance": [1]}}`:                        `BH102 view carrier takes no field "distance"`,
		`{"features": ["carrier:count_1d", "departure:far"], "entities": {"carrier": ["UA", "AA"], "distance": [1]}}`: `BH105 "distance" has 1 values where "carrier" has 2`,
		`{"features": ["departure:far"], "entities": {"carrier": ["UA"]}}`:                                            `BH103 row 0: "distance" is absent`,
		`{"features": ["carrier:count_1d"], "entities": {"carrier": ["UA", 1]}}`:                                      `BH104 row 1: "carrier" is no string`,
		`{"features": ["carrier:count_1d"], "entities": {"carrier": ["", "", "", ""]}}`:                               `BH109 more than 3 rows`,
	} {
		code, _, body := s.call(t, "POST", path, ask)
		p := problem(t, body)
		if got := p["code"].(string) + " " + p["detail"].(string); code < 400 || code >= 500 || !strings.HasPrefix(got, want) {
			t.Errorf("%s: %d %s, want %s", ask, code, got, want)
		}
	}
	s.store.SetFault(func(context.Context, []store.Range) error { return store.ErrUnavailable })
	for carrier, want := range map[string]string{"UA": `{"values":[2],"statuses":["OUTSIDE_MAX_AGE"]`, "never asked": `{"values":[null],"statuses":["INVALID"]`} {
		if _, _, body := s.call(t, "POST", path, `{"features": ["departure:carrier__count_1d"], "entities": {"carrier": ["`+carrier+`"], "distance": [1]}}`); !strings.Contains(body, want) {
			t.Errorf("%s, and the store fails: %s", carrier, body)
		}
	}
}

func TestFeastsPush(t *testing.T) {
	p := &pusher{pushed: []serve.Pushed{{Source: "flights", Accepted: 2}}}
	s := newServed(t, http.Options{Pusher: p})
	code, _, body := s.call(t, "POST", "/push", `{"push_source_name": "flights", "df": {"carrier": ["UA", null], "dep_delay": [1.50, {"a" : [1]}]}, "to": "online", "allow_registry_cache": true}`)
	if code != 200 || strings.TrimSpace(body) != "null" || p.got != `flights application/x-ndjson {"carrier":"UA","dep_delay":1.50}`+"\n"+`{"carrier":null,"dep_delay":{"a":[1]}}`+"\n" {
		t.Errorf("%d %s, pushed %s", code, body, p.got)
	}
	p.pushed[0].Rejected = []serve.Rejected{{Line: 2, Reason: "x is no number"}}
	for ask, want := range map[string]string{
		`{"push_source_name": "flights", "df": {}}`:                  "source flights: 1 events were refused, 2 accepted; row 1: x is no number",
		`{"push_source_name": "flights", "df": {"a": [1], "b": []}}`: `column "b" has 0 values where "a" has 1`,
		`{"push_source_name": "flights", "df": {}, "to": "offline"}`: `events cannot be pushed to "offline"`,
		`{"df": {}}`: `"push_source_name" is missing`,
		`{"push_source_name": "flights", "df": {"a": {"0": 1}}}`: "df is another thing than a JSON object",
	} {
		if code, _, body := s.call(t, "POST", "/push", ask); code != 400 || problem(t, body)["detail"] != want {
			t.Errorf("%s: %d %s", ask, code, body)
		}
	}
	if code, _, body := newServed(t, http.Options{}).call(t, "POST", "/push", `{}`); code != 503 || problem(t, body)["code"] != "BH115" {
		t.Errorf("%d %s", code, body)
	}
}

// FuzzShapes demands an answer of every body in the shapes of others: JSON, never 500; and of what is pushed so, lines of JSON.
func FuzzShapes(f *testing.F) {
	p := &pusher{pushed: []serve.Pushed{{Source: "flights", Accepted: 1}}}
	s := newServed(f, http.Options{Pusher: p})
	paths := []string{"/v1/features/groupby/carrier", "/v1/features/join/departure", "/get-online-features", "/push"}
	for i, body := range []string{`[{"carrier": "UA"}, {"carrier": null}, {"carrier": 1}]`, `[{"carrier": "UA", "distance": 1400, "tags": ["a"]}]`,
		`{"features": ["carrier:count_1d"], "entities": {"carrier": ["UA", "ZZ", null]}, "full_feature_names": true}`,
		`{"push_source_name": "flights", "df": {"carrier": ["UA", null], "dep_delay": [1.50, {"a" : [1]}]}, "to": "online"}`} {
		f.Add(uint8(i), body)
	}
	f.Add(uint8(2), `{"feature_service": "departure", "entities": {"carrier": ["UA"], "distance": [1]}, "request_context": {}}`)
	f.Fuzz(func(t *testing.T, at uint8, body string) {
		path := paths[int(at)%len(paths)]
		p.got = ""
		status, _, got := s.call(t, "POST", path, body)
		if !json.Valid([]byte(got)) || status != 200 && status != 400 && status != 404 && status != 413 {
			t.Fatalf("%s %q: %d %s", path, body, status, got)
		}
		_, lines, pushed := strings.Cut(p.got, " application/x-ndjson ")
		for line := range strings.Lines(lines) {
			if pushed && !json.Valid([]byte(line)) {
				t.Fatalf("%s %q pushes %q", path, body, line)
			}
		}
	})
}
