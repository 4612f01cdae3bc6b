package http_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/http"
)

// Every number that requests have is provoked here or in the tests below, and is noted.
var provoked = map[string]bool{}

// rowOf is a request for one row.
func rowOf(fields string) string { return `{"rows": [{` + fields + `}]}` }

func TestRequestsThatCannotBeRead(t *testing.T) {
	s := newServed(t, http.Options{MaxBody: 4096, MaxRows: 3})
	const path = "/v1/features/departure"
	deep := strings.Repeat("[", 500) + strings.Repeat("]", 500)
	for _, c := range []struct {
		path, body   string
		status       int
		code, detail string
		field, near  string
	}{
		{"/v1/features/departur", "{}", 404, "BH100", `no view "departur" is served`, "view", "departure"},
		{path, ``, 400, "BH105", `an object is expected, {"rows": […]}, not the end`, "", ""},
		{path, `[]`, 400, "BH105", `an object is expected, {"rows": […]}, not "["`, "", ""},
		{path, `{}`, 400, "BH105", `"rows" is missing`, "", ""},
		{path, `{"rows": [] `, 400, "BH105", `"," or "}" is expected, not the end, at byte 13`, "", ""},
		{path, `{"rows": []} {}`, 400, "BH105", `more after the end: "{", at byte 14`, "", ""},
		{path, `{"rows": {}}`, 400, "BH105", `"rows" is a list of objects`, "", ""},
		{path, `{"rows": [1]}`, 400, "BH105", `a row is an object of keys and request fields, not "1"`, "", ""},
		{path, `{"row": []}`, 400, "BH105", `a request has no "row"`, "row", "rows"},
		{path, `{"rows": [], "rows": []}`, 400, "BH105", `"rows" is named twice`, "", ""},
		{path, `{"rows": [], "status": 1}`, 400, "BH105", `"status" is true or false`, "", ""},
		{path, `{"rows": [], "features": "far"}`, 400, "BH105", `"features" is a list of names or null`, "", ""},
		{path, `{"rows": [], "features": [1]}`, 400, "BH105", `"features" is a list of names or null`, "", ""},
		{path, `{"rows": [], "features": ["carrier__count"]}`, 400, "BH101", `view departure has no column "carrier__count"`, "features", "carrier__count_1d"},
		{path, `{"rows": [], "at": "yesterday"}`, 400, "BH104", `"at" is no timestamp: "yesterday"`, "at", ""},
		{path, `{"rows": [], "at": 1.5}`, 400, "BH104", `"at" is no timestamp: "1.5"`, "at", ""},
		{path, rowOf(`"carrier": "UA",`), 400, "BH105", `a comma before "}", at byte 28`, "", ""},
		{path, rowOf(`"carrier": "U` + "\x01" + `A"`), 400, "BH105", `a control character in a string, at byte 25`, "", ""},
		{path, rowOf(`"carrier": "\ud800"`), 400, "BH105", `half of a surrogate pair, at byte 30`, "", ""},
		{path, rowOf("\"carrier\": \"\xff\""), 400, "BH105", `a string that is not UTF-8, at byte 26`, "", ""},
		{path, rowOf(`"distance": 012`), 400, "BH105", `"," or "}" is expected, not "1", at byte 25`, "", ""},
		{path, rowOf(`"tags": ` + deep), 400, "BH105", `nested deeper than 64, at byte 81`, "", ""},
		{path, rowOf(`"x": ` + deep), 400, "BH105", `nested deeper than 64, at byte 78`, "", ""},
		{path, `{"rows": [{},{},{},{}]}`, 413, "BH109", `more than 3 rows`, "rows", ""},
		{path, `{"rows": [` + strings.Repeat(" ", 5000) + `]}`, 413, "BH109", `the body is longer than 4096 bytes`, "", ""},
		{"/v1/feature/departure", ``, 404, "BH116", `there is no "/v1/feature/departure"`, "", ""},
		{"/v1/events/flights", ``, 503, "BH115", "no stream runs in this process", "", ""},
	} {
		status, header, body := s.call(t, "POST", c.path, c.body)
		p := problem(t, body)
		near, _ := p["near"].([]any)
		got := fmt.Sprint(status, p["status"], p["code"], p["detail"], p["field"] == c.field || p["field"] == nil && c.field == "", c.near == "" || len(near) > 0 && near[0] == c.near, p["cure"] != nil, header.Get("Content-Type"))
		want := fmt.Sprint(c.status, c.status, c.code, c.detail, true, true, true, "application/problem+json")
		if got != want {
			t.Errorf("%.60s\n got %s\nwant %s\n     %s", c.body, got, want, body)
		}
		provoked[c.code] = true
	}
	if status, header, body := s.call(t, "GET", path, ""); status != 405 || header.Get("Allow") != "POST" || problem(t, body)["code"] != "BH116" {
		t.Errorf("GET: %d %v %s", status, header, body)
	}
}

// A row that is wrong has its own answer, and the others have theirs.
func TestRowsThatAreWrong(t *testing.T) {
	s := newServed(t, http.Options{})
	for fields, want := range map[string]string{
		`"carrier": "UA"`:                                          `BH103 "distance" is absent`,
		`"distance": 1`:                                            `BH103 "carrier" is absent`,
		`"carier": "UA", "distance": 1`:                            `BH102 view departure takes no field "carier" near carrier`,
		`"carrier": 1, "distance": 1`:                              `BH104 "carrier" is no string: "1"`,
		`"carrier": ["UA"], "distance": 1`:                         `BH104 "carrier" is no string: "[\"UA\"]"`,
		`"carrier": "UA", "distance": 1.5`:                         `BH104 "distance" is no int: "1.5"`,
		`"carrier": "UA", "distance": 1e3`:                         `BH104 "distance" is no int: "1e3"`,
		`"carrier": "UA", "distance": 9223372036854775808`:         `BH104 "distance" is no int: "9223372036854775808"`,
		`"carrier": "UA", "distance": "far"`:                       `BH104 "distance" is no int: "far"`,
		`"carrier": "UA", "distance": true`:                        `BH104 "distance" is no int: "true"`,
		`"carrier": "UA", "distance": {"a": {}}`:                   `BH104 "distance" is no int: "{\"a\": {}}"`,
		`"carrier": "UA", "distance": 1, "distance": 2`:            `BH105 "distance" is named twice in a row`,
		`"carrier": "UA", "distance": 1, "sched": "today"`:         `BH104 "sched" is no timestamp: "today"`,
		`"carrier": "UA", "distance": 1, "sched": 1e300`:           `BH104 "sched" is no timestamp: "1e300"`,
		`"carrier": "UA", "distance": 1, "sched": 9e18`:            `BH104 "sched" is no timestamp: "9e18"`,
		`"carrier": "UA", "distance": 1, "sched": 900000000000000`: `BH104 "sched" is no timestamp: "900000000000000"`,
		`"carrier": "UA", "distance": 1, "share": 1e999`:           `BH104 "share" is no float: "1e999"`,
		`"carrier": "UA", "distance": 1, "share": "0.5"`:           `BH104 "share" is no float: "0.5"`,
		`"carrier": "UA", "distance": 1, "day": "2024-02-30"`:      `BH104 "day" is no date: "2024-02-30"`,
		`"carrier": "UA", "distance": 1, "day": 5`:                 `BH104 "day" is no date: "5"`,
		`"carrier": "UA", "distance": 1, "raw": "%%"`:              `BH104 "raw" is no bytes: "%%"`,
		`"carrier": "UA", "distance": 1, "wet": "true"`:            `BH104 "wet" is no bool: "true"`,
		`"carrier": "UA", "distance": 1, "tags": ["a", 1]`:         `BH104 "tags" is no list<string>: "[\"a\", 1]"`,
	} {
		status, _, body := s.call(t, "POST", "/v1/features/departure", `{"rows": [{`+fields+`}, {"carrier": "UA", "distance": 1}], "features": ["carrier__count_1d"]}`)
		var a struct {
			Rows []struct {
				Values []any
				Status any
				Error  *struct {
					Type, Title, Code, Detail, Field, Cure string
					Near                                   []string
				}
			}
		}
		if err := json.Unmarshal([]byte(body), &a); err != nil || status != 200 || len(a.Rows) != 2 || a.Rows[0].Error == nil {
			t.Errorf("%s: %d %v %s", fields, status, err, body)
			continue
		}
		e := a.Rows[0].Error
		got := e.Code + " " + e.Detail
		if len(e.Near) > 0 {
			got += " near " + e.Near[0]
		}
		provoked[e.Code] = true
		if got != want || e.Field == "" || e.Cure == "" || e.Title == "" || e.Type != "urn:bighead:problem:"+e.Code || fmt.Sprint(a.Rows[1].Values) != "[2]" {
			t.Errorf("%s:\n got %s\nwant %s\n     %s", fields, got, want, body)
		}
	}
}

// What is sent as a value comes back as it.
func TestValuesComeBack(t *testing.T) {
	s := newServed(t, http.Options{})
	for sent, want := range map[string]string{
		`"distance": 0`: `0`, `"distance": -9223372036854775808`: `-9223372036854775808`, `"distance": "9223372036854775807"`: `9223372036854775807`,
		`"sched": "2024-01-31T06:00:00.5+01:00"`: `"2024-01-31T05:00:00.500Z"`, `"sched": -1`: `"1969-12-31T23:59:59.999Z"`, `"sched": 1706680800000`: `"2024-01-31T06:00:00Z"`,
		`"share": 0.1`: `0.1`, `"share": 5e-324`: `5e-324`, `"share": 1.7976931348623157e308`: `1.7976931348623157e+308`, `"share": 3`: `3.0`, `"share": -0.0`: `0.0`, `"share": "NaN"`: `null`,
		`"share": 123456789.123456789`: `123456789.12345679`, `"day": "2024-02-29"`: `"2024-02-29"`, `"raw": "AP8="`: `"AP8="`, `"wet": true`: `true`, `"wet": null`: `null`,
		`"tags": [ "a" , null, "\u00e9\ud83d\ude00\n\"\\\/" ]`: `["a",null,"é😀\n\"\\/"]`,
	} {
		name, _, _ := strings.Cut(sent[1:], `"`)
		fields := sent
		if name != "distance" {
			fields += `, "distance": null`
		}
		_, _, body := s.call(t, "POST", "/v1/features/departure", `{"features": ["`+name+`"], "status": false, "at": null, "rows": [{"carrier": "U\u0041", `+fields+`}]}`)
		if !strings.HasSuffix(body, `"rows":[{"values":[`+want+`]}]}`+"\n") {
			t.Errorf("%s: want %s\n got %s", sent, want, body)
		}
	}
}

// pusher takes what it is told to.
type pusher struct {
	got    string
	pushed []serve.Pushed
	err    error
}

func (p *pusher) Push(_ context.Context, e serve.Events) ([]serve.Pushed, error) {
	p.got = e.Name + " " + e.ContentType + " " + string(e.Body) + e.Key
	return p.pushed, p.err
}

func TestEvents(t *testing.T) {
	p := &pusher{pushed: []serve.Pushed{{Source: "flights", Accepted: 2, Duplicated: 1, NotYet: 3, Rejected: []serve.Rejected{{Line: 4, Reason: `"x" is no number`}}}, {Source: "arrivals"}}}
	s := newServed(t, http.Options{Pusher: p, MaxBody: 64})
	for kind, want := range map[string]string{"": "application/x-ndjson", "application/x-ndjson": "application/x-ndjson", "application/json; charset=utf-8": "application/json", "application/x-www-form-urlencoded": "application/x-ndjson"} {
		status, _, body := s.call(t, "POST", "/v1/events/dep%2Fartures", "{}\n{}", "Content-Type", kind)
		if status != 200 || p.got != "dep/artures "+want+" {}\n{}" {
			t.Errorf("%q: %d, pushed %q", kind, status, p.got)
		}
		if want := `{"sources":{"flights":{"accepted":2,"duplicated":1,"not_yet":3,"rejected":[{"line":4,"reason":"\"x\" is no number"}]},"arrivals":{"accepted":0,"duplicated":0,"not_yet":0,"rejected":[]}}}` + "\n"; body != want {
			t.Errorf("\n got %s\nwant %s", body, want)
		}
	}
	if status, _, body := s.call(t, "POST", "/v1/events/flights", "a,b", "Content-Type", "text/csv"); status != 400 || problem(t, body)["code"] != "BH105" {
		t.Errorf("%d %s", status, body)
	}
	key := strings.Repeat("k", serve.MaxKey)
	if status, _, body := s.call(t, "POST", "/v1/events/flights", "{}", "Idempotency-Key", key); status != 200 || p.got != "flights application/x-ndjson {}"+key {
		t.Errorf("%d %s, pushed %q", status, body, p.got)
	}
	for _, key := range []string{"", key + "k"} {
		if status, _, body := s.call(t, "POST", "/v1/events/flights", "{}", "Idempotency-Key", key); status != 400 || problem(t, body)["field"] != "Idempotency-Key" {
			t.Errorf("a key of %d bytes: %d %s", len(key), status, body)
		}
	}
	if status, _, body := s.call(t, "POST", "/v1/events/flights", strings.Repeat("x", 65)); status != 413 || problem(t, body)["code"] != "BH109" {
		t.Errorf("%d %s", status, body)
	}
	p.err = fmt.Errorf("push: %w", &serve.Problem{Code: feature.CodeUnknownSource, Detail: "no source", Near: []string{"flights"}})
	if status, _, body := s.call(t, "POST", "/v1/events/fligths", ""); status != 404 || problem(t, body)["near"].([]any)[0] != "flights" {
		t.Errorf("%d %s", status, body)
	}
	p.err = &serve.Problem{Code: feature.CodeNoStream, Detail: "the disk is full", After: 1500 * time.Millisecond}
	if status, header, body := s.call(t, "POST", "/v1/events/flights", ""); status != 503 || header.Get("Retry-After") != "2" {
		t.Errorf("%d %v %s", status, header, body)
	}
	p.err = errors.New("secret: password=hunter2")
	status, _, body := s.call(t, "POST", "/v1/events/flights", "")
	if d := problem(t, body); status != 500 || d["code"] != "BH117" || strings.Contains(body, "hunter2") || !strings.HasPrefix(fmt.Sprint(d["instance"]), "urn:bighead:request:") {
		t.Errorf("%d %s", status, body)
	}
	provoked["BH114"], provoked["BH117"] = true, true
}

func TestRoundTripOfFloats(t *testing.T) {
	s := newServed(t, http.Options{})
	for _, f := range []float64{math.MaxFloat64, math.SmallestNonzeroFloat64, 0.1 + 0.2, 1e21, 1e-7, 9007199254740993} {
		text, _ := json.Marshal(f)
		_, _, body := s.call(t, "POST", "/v1/features/departure", `{"features": ["share"], "rows": [{"carrier": "UA", "distance": 1, "share": `+string(text)+`}]}`)
		var a struct{ Rows []struct{ Values []float64 } }
		if err := json.Unmarshal([]byte(body), &a); err != nil || a.Rows[0].Values[0] != f {
			t.Errorf("%v: %v %s", f, err, body)
		}
	}
}

// FuzzFeatures demands an answer of every body: 200 with as many rows as were sent, or a problem; always JSON, never 500.
func FuzzFeatures(f *testing.F) {
	s := newServed(f, http.Options{})
	for _, body := range []string{`{"rows": [{"carrier": "UA", "distance": 1400}], "features": null, "at": null, "status": true}`, rowOf(`"tags": ["a", {"b": [1.5e3]}]`), `{"rows": [{}`, `{"at": -1, "rows": []}`,
		rowOf(`"carrier": "\u00e9\ud83d\ude00", "sched": "2024-01-31T06:00:00Z", "raw": "AP8=", "day": "2024-01-31", "wet": false, "distance": "12"`)} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		status, _, got := s.call(t, "POST", "/v1/features/departure", body)
		if !json.Valid([]byte(got)) || status != 200 && status != 400 && status != 413 {
			t.Fatalf("%q: %d %s", body, status, got)
		}
		if status != 200 {
			return
		}
		var q struct{ Rows []json.RawMessage }
		var a struct{ Rows []map[string]any }
		if err := json.Unmarshal([]byte(body), &q); err != nil {
			t.Fatalf("%q is answered, and is no JSON: %v", body, err)
		}
		if err := json.Unmarshal([]byte(got), &a); err != nil || len(a.Rows) != len(q.Rows) {
			t.Fatalf("%q: %d rows where %d were sent: %s", body, len(a.Rows), len(q.Rows), got)
		}
	})
}

// The numbers that only rows of the core have are provoked in package serve, that of the Open Inference Protocol in package oip.
var provokedInCore = map[string]bool{"BH106": true, "BH107": true, "BH108": true, "BH122": true}

func TestEveryNumberOfRequestsIsProvoked(t *testing.T) {
	if len(provoked) < 5 {
		t.Skip("only with the whole suite")
	}
	for _, c := range feature.Codes() {
		if c.OfRequest() && !provoked[c.String()] && !provokedInCore[c.String()] {
			t.Errorf("%s (%s) is provoked by no test", c, c.Title())
		}
	}
}
