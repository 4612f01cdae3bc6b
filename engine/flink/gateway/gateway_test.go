package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/bighead-ml/bighead/value"
)

// fake is a gateway: for each statement the pages it answers with, one a request. The last page is EOS.
type fake struct {
	pages    map[string][]string // of the statement: the JSON of each page's "results", or "NOT_READY"
	hanging  chan struct{}       // gets one when "hang" is asked for
	mu       sync.Mutex
	seen     []string // requests, in order
	operated string   // the statement of the operation
}

func (f *fake) log(r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen = append(f.seen, r.Method+" "+r.URL.Path)
}

func (f *fake) has(request string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.seen {
		if s == request {
			return true
		}
	}
	return false
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.log(r)
	switch path := strings.TrimPrefix(r.URL.Path, "/v3/sessions"); {
	case path == "":
		io.WriteString(w, `{"sessionHandle":"S"}`)
	case path == "/S/statements":
		var body struct{ Statement string }
		json.NewDecoder(r.Body).Decode(&body)
		f.operated = body.Statement
		if body.Statement == "bad" {
			w.WriteHeader(http.StatusInternalServerError)
			io.WriteString(w, `{"errors":["Internal server error.","<Exception on server side:\norg.apache.flink.table.gateway.api.utils.SqlGatewayException: Failed\n\tat a.B.c(B.java:1)\nCaused by: org.apache.calcite.runtime.CalciteContextException: From line 1\n\tat x.Y.z(Y.java:2)\nCaused by: org.apache.calcite.sql.validate.SqlValidatorException: Column 'nope' not found: in\nany table\n\tat p.Q.r(Q.java:3)\n\t... 36 more\n\nEnd of exception on server side>"]}`)
			return
		}
		io.WriteString(w, `{"operationHandle":"O"}`)
	case strings.HasPrefix(path, "/S/operations/O/result/"):
		if f.operated == "hang" {
			f.hanging <- struct{}{}
			<-r.Context().Done()
			return
		}
		var n int
		fmt.Sscanf(path, "/S/operations/O/result/%d", &n)
		pages := f.pages[f.operated]
		if pages[n] == "NOT_READY" {
			pages[n] = pages[n+1]
			copy(pages[n+1:], pages[n+2:])
			f.pages[f.operated] = pages[:len(pages)-1]
			io.WriteString(w, `{"resultType":"NOT_READY","nextResultUri":"/v3/sessions/S/operations/O/result/0?rowFormat=JSON"}`)
			return
		}
		if n == len(pages)-1 {
			fmt.Fprintf(w, `{"resultType":"EOS","results":%s}`, pages[n])
			return
		}
		fmt.Fprintf(w, `{"resultType":"PAYLOAD","jobID":"J","results":%s,"nextResultUri":"/v3/sessions/S/operations/O/result/%d?rowFormat=JSON"}`, pages[n], n+1)
	default:
		io.WriteString(w, `{"status":"CLOSED"}`)
	}
}

func open(t *testing.T, f *fake) *Session {
	t.Helper()
	srv := httptest.NewServer(f)
	t.Cleanup(srv.Close)
	s, err := Open(t.Context(), srv.URL+"/", map[string]string{"execution.runtime-mode": "batch"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if !f.has("DELETE /v3/sessions/S") {
			t.Error("the session was not closed")
		}
	})
	return s
}

const columns = `{"columns":[
	{"name":"b","logicalType":{"type":"BOOLEAN"}},{"name":"i","logicalType":{"type":"BIGINT"}},{"name":"f","logicalType":{"type":"DOUBLE"}},
	{"name":"s","logicalType":{"type":"VARCHAR","length":2147483647}},{"name":"raw","logicalType":{"type":"VARBINARY"}},
	{"name":"ts","logicalType":{"type":"TIMESTAMP_WITHOUT_TIME_ZONE","precision":6}},{"name":"lz","logicalType":{"type":"TIMESTAMP_WITH_LOCAL_TIME_ZONE","precision":3}},
	{"name":"d","logicalType":{"type":"DATE"}},{"name":"l","logicalType":{"type":"ARRAY","elementType":{"type":"DOUBLE"}}},
	{"name":"m","logicalType":{"type":"MAP","keyType":{"type":"VARCHAR"},"valueType":{"type":"INTEGER"}}},
	{"name":"st","logicalType":{"type":"ROW","fields":[{"name":"x","fieldType":{"type":"CHAR"}},{"name":"y","fieldType":{"type":"NULL"}}]}}],"data":[%s]}`

func page(rows ...string) string {
	for i, r := range rows {
		rows[i] = `{"kind":"INSERT","fields":` + r + `}`
	}
	return fmt.Sprintf(columns, strings.Join(rows, ","))
}

func TestQueryReadsEveryTypeOverAllPages(t *testing.T) {
	nulls := `[` + strings.TrimSuffix(strings.Repeat("null,", 11), ",") + `]`
	f := &fake{pages: map[string][]string{"q": {
		"NOT_READY", page(),
		page(`[true,-9223372036854775808,4.9E-324,"\ud835\udcb3","AP8=","1969-12-31T23:59:59.9999","1970-01-01T00:00:00.5Z","1969-12-31",[1.0,null],{"b":2,"a":null},{"x":"y","y":null}]`, nulls),
		page(), page(`[false,9223372036854775807,-0.0,"","","2020-01-01T00:00:00","2020-01-01T00:00:00Z","0001-01-01",["NaN"],{},{}]`),
		page(),
	}}}
	res, err := open(t, f).Query(t.Context(), "q")
	if err != nil {
		t.Fatal(err)
	}
	var types []string
	for _, c := range res.Schema {
		types = append(types, c.Type.String())
	}
	if got, want := strings.Join(types, " "), "bool int float string bytes timestamp timestamp date list<float> map<string,int> struct<x:string,y:null>"; got != want {
		t.Errorf("types %s, want %s", got, want)
	}
	if got, want := strings.Join(res.Native, " "), "BOOLEAN BIGINT DOUBLE VARCHAR VARBINARY TIMESTAMP_WITHOUT_TIME_ZONE TIMESTAMP_WITH_LOCAL_TIME_ZONE DATE ARRAY<DOUBLE> MAP<VARCHAR,INTEGER> ROW<x CHAR,y NULL>"; got != want {
		t.Errorf("native types %s, want %s", got, want)
	}
	st := func(x value.Value) value.Value {
		return value.OfStruct([]value.Entry{{Key: "x", Value: x}, {Key: "y"}})
	}
	want := [][]value.Value{
		{value.OfBool(true), value.OfInt(math.MinInt64), value.OfFloat(math.SmallestNonzeroFloat64), value.OfString("𝒳"), value.OfBytes([]byte{0, 255}),
			value.OfTimestamp(-1), value.OfTimestamp(500), value.OfDate(-1), value.OfList([]value.Value{value.OfFloat(1), {}}),
			value.OfMap([]value.Entry{{Key: "a"}, {Key: "b", Value: value.OfInt(2)}}), st(value.OfString("y"))},
		make([]value.Value, 11),
		{value.OfBool(false), value.OfInt(math.MaxInt64), value.OfFloat(0), value.OfString(""), value.OfBytes(nil), value.OfTimestamp(1577836800000),
			value.OfTimestamp(1577836800000), value.OfDate(value.MinDate), value.OfList([]value.Value{{}}), value.OfMap(nil), st(value.Value{})},
	}
	if len(res.Rows) != len(want) {
		t.Fatalf("%d rows, want %d", len(res.Rows), len(want))
	}
	for i := range want {
		for c := range want[i] {
			if !value.Equal(res.Rows[i][c], want[i][c]) {
				t.Errorf("row %d, %s: %v, want %v", i, res.Schema[c].Name, res.Rows[i][c], want[i][c])
			}
		}
	}
	if len(res.Altered) != 2 || res.Altered[0] != (Cell{2, 2}) || res.Altered[1] != (Cell{2, 8}) {
		t.Errorf("altered %v, want −0.0 in (2, 2) and NaN in (2, 8)", res.Altered)
	}
	if !f.has("DELETE /v3/sessions/S/operations/O/close") || f.has("POST /v3/sessions/S/operations/O/cancel") {
		t.Errorf("a finished operation is closed and not cancelled: %v", f.seen)
	}
}

func TestErrorsAreTheLastCause(t *testing.T) {
	_, err := open(t, &fake{}).Query(t.Context(), "bad")
	var e *Error
	want := Error{Status: 500, Class: "org.apache.calcite.sql.validate.SqlValidatorException", Cause: "Column 'nope' not found: in\nany table"}
	if !errors.As(err, &e) || *e != want {
		t.Fatalf("got %#v, want %#v", err, want)
	}
	for body, want := range map[string]Error{
		`{"errors":["Not found: /v3/x"]}`: {Status: 404, Cause: "Not found: /v3/x"},
		"<html>gone</html>":               {Status: 404, Cause: "HTTP status 404: <html>gone</html>"},
		`{"errors":["x","<Exception on server side:\njava.lang.NullPointerException\n\tat a.B(B.java:1)\n"]}`:                        {Status: 404, Class: "java.lang.NullPointerException", Cause: "java.lang.NullPointerException"},
		`{"errors":["x","<Exception on server side:\njava.lang.IllegalStateException: a: b\n\tat a.B(B.java:1)\n"]}`:                 {Status: 404, Class: "java.lang.IllegalStateException", Cause: "a: b"},
		`{"errors":["x","<Exception on server side:\nCould not execute: it\n\tat a.B(B.java:1)\nCaused by: no class here: at all"]}`: {Status: 404, Cause: "no class here: at all"},
	} {
		if !errors.As(asError(404, []byte(body)), &e) || *e != want {
			t.Errorf("%s: got %#v, want %#v", body, e, want)
		}
	}
}

func TestAnEndedContextCancelsTheOperation(t *testing.T) {
	f := &fake{hanging: make(chan struct{}, 1)}
	s := open(t, f)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-f.hanging
		cancel()
	}()
	if _, err := s.Query(ctx, "hang"); !errors.Is(err, context.Canceled) {
		t.Fatalf("want the context's error, got %v", err)
	}
	if !f.has("POST /v3/sessions/S/operations/O/cancel") || !f.has("DELETE /v3/sessions/S/operations/O/close") {
		t.Fatalf("the operation was not cancelled and closed: %v", f.seen)
	}
}

func TestChangesAndUnknownTypesAreRefused(t *testing.T) {
	f := &fake{pages: map[string][]string{
		"change":   {`{"columns":[{"name":"n","logicalType":{"type":"BIGINT"}}],"data":[{"kind":"UPDATE_BEFORE","fields":[1]}]}`},
		"interval": {`{"columns":[{"name":"n","logicalType":{"type":"INTERVAL_DAY_TIME"}}],"data":[]}`},
		"keys":     {`{"columns":[{"name":"n","logicalType":{"type":"MAP","keyType":{"type":"BIGINT"},"valueType":{"type":"BIGINT"}}}],"data":[]}`},
		"shape":    {`{"columns":[{"name":"n","logicalType":{"type":"BIGINT"}}],"data":[{"kind":"INSERT","fields":["x"]}]}`},
	}}
	s := open(t, f)
	for sql, want := range map[string]string{"change": "batch", "interval": `column "n": INTERVAL_DAY_TIME`, "keys": "bigint keys", "shape": `column "n": unexpected JSON x`} {
		if _, err := s.Query(t.Context(), sql); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q in it", sql, err, want)
		}
	}
	if !f.has("POST /v3/sessions/S/operations/O/cancel") {
		t.Error("a result that is not read to its end is cancelled")
	}
}

func TestPagesNameTheJob(t *testing.T) {
	f := &fake{pages: map[string][]string{"q": {page(), page("[true,1,1.0,\"\",\"\",null,null,null,[],{},{}]"), page()}}}
	var rows int
	err := open(t, f).Pages(t.Context(), "q", func(p Page) error {
		rows += len(p.Rows)
		if p.Job != "J" || len(p.Columns) != 11 {
			t.Errorf("page of job %q with %d columns", p.Job, len(p.Columns))
		}
		return nil
	})
	if err != nil || rows != 1 {
		t.Fatalf("%d rows, %v", rows, err)
	}
}

func TestOpenRefusesWhatIsNoGateway(t *testing.T) {
	for _, base := range []string{"", "localhost:8083", "ftp://h"} {
		if _, err := Open(t.Context(), base, nil); err == nil || !strings.Contains(err.Error(), "http://host:port") {
			t.Errorf("%q: %v", base, err)
		}
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "{}") }))
	defer srv.Close()
	if _, err := Open(t.Context(), srv.URL, nil); err == nil || !strings.Contains(err.Error(), "is this a Flink SQL gateway") {
		t.Errorf("got %v", err)
	}
	const nobody = "http://127.0.0.1:1"
	if _, err := Open(t.Context(), nobody, nil); err == nil || !strings.Contains(err.Error(), nobody) {
		t.Errorf("got %v", err)
	}
}

// TestShown: an address that people see has no password, whatever else is wrong with it.
func TestShown(t *testing.T) {
	for at, want := range map[string]string{
		"http://host:8083": "http://host:8083", "https://us:hush@host:8083/path/": "https://host:8083/path/", "us:hush@host:8083": "host:8083", "http://us:hu/sh@host": "http://host", "http://us:hu@sh@host:1": "http://host:1",
		"http://us:hush%zz@host:1": "http://host:1", "": "",
	} {
		if got := Shown(at); got != want {
			t.Errorf("%s is shown as %s, want %s", at, got, want)
		}
	}
	for _, at := range []string{"http://us:hush@127.0.0.1:9", "http://us:hush@", "ftp://us:hush@h", "http://us:hush%zz@host:1"} {
		_, err := Open(t.Context(), at, nil)
		_, other := Access{}.Version(t.Context(), at)
		if err == nil || other == nil || strings.Contains(err.Error()+other.Error(), "hush") {
			t.Errorf("%s: %v, %v", at, err, other)
		}
	}
}
