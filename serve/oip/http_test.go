package oip_test

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"compress/zlib"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/serve/oip"
)

func serveHTTP(t *testing.T, w *world, o oip.Options) *httptest.Server {
	t.Helper()
	o.Models, o.Version, o.Deadline = w, "1.2.3", cmp.Or(o.Deadline, time.Hour)
	s := httptest.NewServer(oip.New(o).Handler())
	t.Cleanup(func() {
		s.Close()
		if n := w.held.Load(); n != 0 {
			t.Errorf("%d models were not released", n)
		}
	})
	return s
}

// ask makes one call; headers are name, value ….
func ask(t *testing.T, s *httptest.Server, method, path string, body []byte, headers ...string) (int, http.Header, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	got, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	b, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	return got.StatusCode, got.Header, b
}

// TestCalls is every call with its answer, word for word.
func TestCalls(t *testing.T) {
	s := serveHTTP(t, newWorld(), oip.Options{})
	const numbers = `{"inputs":[{"name":"x","shape":[2],"datatype":"FP64","data":[1.5,null]},{"name":"n","shape":[2,1],"datatype":"INT64","data":[[1],[2]]},{"name":"wet","shape":[2],"datatype":"BOOL","data":[true,false]}]`
	for _, c := range []struct {
		call, body string
		status     int
		want       string
	}{
		{"GET /v2", "", 200, `{"extensions":["binary_tensor_data"],"name":"bighead","version":"1.2.3"}`},
		{"GET /v2/", "", 200, `{"extensions":["binary_tensor_data"],"name":"bighead","version":"1.2.3"}`},
		{"GET /v2/health/live", "", 200, `{"live":true}`},
		{"GET /v2/health/ready", "", 200, `{"ready":true}`},
		{"GET /v2/models/late", "", 200, `{"inputs":[{"name":"x","datatype":"FP64","shape":[-1]},{"name":"n","datatype":"INT64","shape":[-1]},{"name":"wet","datatype":"BOOL","shape":[-1]}],"name":"late",` +
			`"outputs":[{"name":"prediction","datatype":"FP64","shape":[-1]},{"name":"both","datatype":"FP64","shape":[-1,2]},{"name":"class","datatype":"INT64","shape":[-1]},{"name":"leaf","datatype":"INT64","shape":[-1,3]}],"platform":"fake","versions":["1","2"]}`},
		{"GET /v2/models/late/versions/1/ready", "", 200, `{"name":"late","ready":true}`},
		{"GET /v2/models/late/versions/3/ready", "", 404, `{"error":"BH122: no model \"late\", version \"3\""}`},
		{"GET /v2/models/broken/ready", "", 503, `{"error":"BH119: model broken is not ready"}`},
		{"POST /v2/repository/index", "", 200, `[{"name":"late","version":"1","state":"READY","reason":""},{"name":"late","version":"2","state":"READY","reason":""},{"name":"mixed names","version":"7","state":"READY","reason":""},{"name":"broken","version":"1","state":"UNAVAILABLE","reason":"the file was cut off"}]`},
		{"POST /v2/repository/index", `{"ready":true}`, 200, `[{"name":"late","version":"1","state":"READY","reason":""},{"name":"late","version":"2","state":"READY","reason":""},{"name":"mixed names","version":"7","state":"READY","reason":""}]`},
		{"POST /v2/models/late/versions/1/infer", numbers + `}`, 200, `{"model_name":"late","model_version":"1","outputs":[{"name":"prediction","datatype":"FP64","shape":[2],"data":[3.5,102.0]}]}`},
		{"POST /v2/models/late/infer", numbers + `,"id":"é 1","outputs":[{"name":"class"},{"name":"both"}]}`, 200,
			`{"id":"é 1","model_name":"late","model_version":"2","outputs":[{"name":"class","datatype":"INT64","shape":[2],"data":[3,102]},{"name":"both","datatype":"FP64","shape":[2,2],"data":[3.5,4.5,102.0,103.0]}]}`},
		{"POST /v2/models/late/versions/1/infer", `{"inputs":[{"name":"all","shape":[2,3],"datatype":"FP32","data":[[1.5,2,1],[3,4,0]]}]}`, 200, `{"model_name":"late","model_version":"1","outputs":[{"name":"prediction","datatype":"FP64","shape":[2],"data":[4.5,7.0]}]}`},
		{"POST /v2/models/mixed%20names/infer", `{"inputs":[{"name":"tags","shape":[1],"datatype":"BYTES","data":["[\"a\",\"b\"]"]},{"name":"x","shape":[1],"datatype":"INT32","data":[1]},{"name":"n","shape":[1],"datatype":"FP64","data":[2.0]},` +
			`{"name":"carrier","shape":[1],"datatype":"BYTES","data":["Ü"]},{"name":"at","shape":[1],"datatype":"INT64","data":[10]},{"name":"day","shape":[1],"datatype":"INT32","data":[20]}]}`, 200,
			`{"model_name":"mixed names","model_version":"7","outputs":[{"name":"prediction","datatype":"FP64","shape":[1],"data":[37.0]}]}`},
		{"POST /v2/models/late/infer", `{"inputs":[{"name":"all","shape":[0,3],"datatype":"FP32","data":[]}],"outputs":[{"name":"both"}]}`, 200, `{"model_name":"late","model_version":"2","outputs":[{"name":"both","datatype":"FP64","shape":[0,2],"data":[]}]}`},
		{"POST /v2/models/late/infer", `{"inputs":[{"name":"x","shape":[0],"datatype":"FP64","data":[]},{"name":"n","shape":[0,1],"datatype":"INT64","data":[]},{"name":"wet","shape":[0],"datatype":"BOOL","data":[]}]}`, 200,
			`{"model_name":"late","model_version":"2","outputs":[{"name":"prediction","datatype":"FP64","shape":[0],"data":[]},{"name":"both","datatype":"FP64","shape":[0,2],"data":[]},{"name":"class","datatype":"INT64","shape":[0],"data":[]}]}`},
		{"GET /v2/systemsharedmemory/status", "", 404, `{"error":"BH116: systemsharedmemory is not offered (send tensors in the request: no memory is shared with clients)"}`},
		{"GET /v2/models/late/stats", "", 404, `{"error":"BH116: stats is not offered (GET /metrics has counts and times)"}`},
		{"POST /v2/trace/setting", "{}", 404, `{"error":"BH116: trace is not offered ([trace] endpoint in bighead.toml sends OpenTelemetry traces)"}`},
		{"GET /v2/nothing", "", 404, `{"error":"BH116: there is no GET \"/v2/nothing\" in the Open Inference Protocol (GET /v2/models/MODEL, POST /v2/models/MODEL/infer)"}`},
		{"POST /v2/repository/models/late/unload", "", 200, `{}`},
		{"GET /v2/models/late/ready", "", 503, `{"error":"BH119: model late is not ready"}`},
		{"POST /v2/repository/models/late/load", "{}", 200, `{}`},
		{"GET /v2/models/late/ready", "", 200, `{"name":"late","ready":true}`},
		{"POST /v2/repository/models/late/load", `{"parameters":{"config":"{}"}}`, 400, `{"error":"BH105: load takes no \"config\": a version is loaded as it was trained and registered (train a version and deploy it, or leave it out)"}`},
		{"POST /v2/repository/models/late/load", `[]`, 400, `{"error":"BH105: the body is no JSON of a load (send nothing, or {})"}`},
		{"POST /v2/repository/models/none/load", "", 404, `{"error":"BH122: no model none"}`},
	} {
		method, path, _ := strings.Cut(c.call, " ")
		status, _, got := ask(t, s, method, path, []byte(c.body))
		if status != c.status || string(got) != c.want {
			t.Errorf("%s %s:\n got %d %s\nwant %d %s", c.call, c.body, status, got, c.status, c.want)
		}
	}
}

// TestBadRequests names what is wrong with each.
func TestBadRequests(t *testing.T) {
	s := serveHTTP(t, newWorld(), oip.Options{MaxBody: 4096, MaxRows: 4})
	input := func(name, datatype, shape, data string) string {
		return fmt.Sprintf(`{"inputs":[{"name":%q,"shape":%s,"datatype":%q,"data":%s}]}`, name, shape, datatype, data)
	}
	for _, c := range []struct {
		body   string
		status int
		want   string
	}{
		{``, 400, "the body is no request"},
		{`{"parameters":{"timeout":"soon"},"inputs":[]}`, 400, `timeout is \"soon\" (give microseconds, or leave it out)`},
		{`{"parameters":{"timeout":-1},"inputs":[]}`, 400, "timeout is -1"},
		{`{"inputs":5}`, 400, "the body is no request"},
		{`{}`, 400, "inputs are absent: x, n, wet"},
		{input("y", "FP64", "[1]", "[1]"), 400, `the model has no input \"y\" (its inputs are: x, n, wet)`},
		{input("x", "FP65", "[1]", "[1]"), 400, `datatype \"FP65\" is none of the protocol's`},
		{input("x", "FP64", "[1,2]", "[1,2]"), 400, "shape [1 2]"},
		{input("x", "FP64", "[2]", "[1]"), 400, "1 elements where the shape has 2"},
		{input("x", "FP64", "[1]", "[1,2]"), 400, "more than the 1 elements"},
		{input("x", "FP64", "[-1]", "[]"), 400, "no dimension is below 0"},
		{input("x", "FP64", "[4294967296,4294967296]", "[]"), 400, "at most"},
		{input("x", "FP64", "[5]", "[1,2,3,4,5]"), 413, "5 rows are more than 4"},
		{input("all", "FP64", "[5,3]", "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]"), 413, "5 rows are more than 4"},
		{input("x", "FP64", "[1]", `["a"]`), 400, `element 0: the text \"a\" where FP64 is expected`},
		{input("x", "FP64", "[1]", `[1e400]`), 400, "beyond what a float holds"},
		{input("x", "FP64", "[1]", `{"a":1}`), 400, "data has an object"},
		{input("x", "FP64", "[1]", `1`), 400, "data is no array"},
		{input("n", "INT8", "[1]", `[128]`), 400, "128 is no INT8"},
		{input("n", "UINT8", "[1]", `[-1]`), 400, "-1 is no UINT8"},
		{input("n", "INT64", "[1]", `[9223372036854775808]`), 400, "is no INT64"},
		{input("n", "FP64", "[1]", `[1.5]`), 400, "row 0: 1.5 is no whole number"},
		{input("x", "INT64", "[1]", `[9007199254740993]`), 400, "more digits than a float"},
		{input("wet", "INT64", "[1]", `[2]`), 400, "2 is no bool"},
		{input("x", "BYTES", "[1]", `["y"]`), 400, "row 0:"},
		{input("all", "FP64", "[1,2]", "[1,2]"), 400, "the model has 3 columns"},
		{`{"inputs":[{"name":"x","shape":[1],"datatype":"FP64","data":[1]},{"name":"x","shape":[1],"datatype":"FP64","data":[1]}]}`, 400, "there twice"},
		{`{"inputs":[{"name":"x","shape":[1],"datatype":"FP64","data":[1]},{"name":"n","shape":[2],"datatype":"INT64","data":[1,2]}]}`, 400, "2 rows, where the inputs before it have 1"},
		{`{"inputs":[{"name":"x","shape":[1],"datatype":"FP64","parameters":{"shared_memory_region":"r"}}]}`, 404, "systemsharedmemory is not offered"},
		{`{"parameters":{"sequence_id":5},"inputs":[]}`, 400, "keep no state"},
		{`{"inputs":[{"name":"all","shape":[1,3],"datatype":"FP64","data":[1,2,1]}],"outputs":[{"name":"predictoin"}]}`, 400, `did you mean \"prediction\"?`},
		{`{"inputs":[{"name":"all","shape":[1,3],"datatype":"FP64","data":[1,2,1]}],"outputs":[{"name":"both"},{"name":"both"}]}`, 400, "asked for twice"},
		{`{"inputs":[{"name":"all","shape":[1,3],"datatype":"FP64","data":[1,2,1]}],"outputs":[{"name":"both","parameters":{"classification":2}}]}`, 400, "classification extension"},
		{`{"inputs":[{"name":"x","shape":[1],"datatype":"FP64","parameters":{"binary_data_size":8}}]}`, 400, "binary_data_size is 8, and 0 bytes are left"},
		{strings.Repeat(" ", 5000), 413, "longer than 4096 bytes"},
		{`{"inputs":` + strings.Repeat("[", 4000), 400, "the body is no request"},
	} {
		status, h, got := ask(t, s, "POST", "/v2/models/late/infer", []byte(c.body))
		if status != c.status || !strings.Contains(string(got), c.want) || h.Get("Content-Type") != "application/json" {
			t.Errorf("%.80s:\n got %d %s\nwant %d %s", c.body, status, got, c.status, c.want)
		}
		var e map[string]string
		if err := json.Unmarshal(got, &e); err != nil || e["error"] == "" {
			t.Errorf("%.80s: %s is not {\"error\": …}", c.body, got)
		}
	}
	if status, _, got := ask(t, s, "POST", "/v2/models/late/infer", []byte("x"), "Content-Encoding", "gzip"); status != 400 || !strings.Contains(string(got), "cannot be read") {
		t.Errorf("%d %s", status, got)
	}
	if status, _, got := ask(t, s, "POST", "/v2/models/late/infer", nil, "Inference-Header-Content-Length", "7"); status != 400 || !strings.Contains(string(got), "the body has 0 bytes") {
		t.Errorf("%d %s", status, got)
	}
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, _ = z.Write(make([]byte, 1<<20))
	_ = z.Close()
	if status, _, got := ask(t, s, "POST", "/v2/models/late/infer", bomb.Bytes(), "Content-Encoding", "gzip"); status != 413 {
		t.Errorf("%d %s", status, got)
	}
}

// TestBinary sends and gets tensors in binary, packed and not, of every datatype.
func TestBinary(t *testing.T) {
	s := serveHTTP(t, newWorld(), oip.Options{})
	le := binary.LittleEndian
	for datatype, raw := range map[string][]byte{
		"FP64": le.AppendUint64(le.AppendUint64(nil, math.Float64bits(2)), math.Float64bits(math.NaN())),
		"FP32": le.AppendUint32(le.AppendUint32(nil, math.Float32bits(2)), math.Float32bits(float32(math.NaN()))),
		"FP16": {0x00, 0x40, 0x00, 0x7e}, "BF16": {0x00, 0x40, 0xc0, 0x7f},
		"INT8": {2, 0x9c}, "INT16": {2, 0, 0x9c, 0xff}, "INT32": {2, 0, 0, 0, 0x9c, 0xff, 0xff, 0xff}, "INT64": {2, 0, 0, 0, 0, 0, 0, 0, 0x9c, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		"UINT8": {2, 100}, "UINT16": {2, 0, 100, 0}, "UINT32": {2, 0, 0, 0, 100, 0, 0, 0}, "UINT64": {2, 0, 0, 0, 0, 0, 0, 0, 100, 0, 0, 0, 0, 0, 0, 0},
	} {
		head := fmt.Sprintf(`{"parameters":{"binary_data_output":true},"inputs":[{"name":"x","shape":[2],"datatype":%q,"parameters":{"binary_data_size":%d}},`+
			`{"name":"n","shape":[2],"datatype":"INT64","data":[1,1]},{"name":"wet","shape":[2],"datatype":"BOOL","parameters":{"binary_data_size":2}}],`+
			`"outputs":[{"name":"prediction"},{"name":"class","parameters":{"binary_data":false}}]}`, datatype, len(raw))
		body := append([]byte(head), raw...)
		body = append(body, 1, 0)
		want := 101.0 // NaN is missing, 100 itself
		if strings.HasPrefix(datatype, "INT") {
			want = -99
		}
		for _, packed := range []string{"", "gzip", "deflate"} {
			sent := body
			var out bytes.Buffer
			switch packed {
			case "gzip":
				z := gzip.NewWriter(&out)
				_, _ = z.Write(body)
				_ = z.Close()
				sent = out.Bytes()
			case "deflate":
				z := zlib.NewWriter(&out)
				_, _ = z.Write(body)
				_ = z.Close()
				sent = out.Bytes()
			}
			status, h, got := ask(t, s, "POST", "/v2/models/late/infer", sent, "Inference-Header-Content-Length", strconv.Itoa(len(head)), "Content-Encoding", packed)
			n, err := strconv.Atoi(h.Get("Inference-Header-Content-Length"))
			if status != 200 || err != nil || len(got) != n+16 {
				t.Fatalf("%s %s: %d %q", datatype, packed, status, got)
			}
			if a, b := math.Float64frombits(le.Uint64(got[n:])), math.Float64frombits(le.Uint64(got[n+8:])); a != 4 || b != want {
				t.Errorf("%s %s: %v, %v", datatype, packed, a, b)
			}
			if !strings.Contains(string(got[:n]), fmt.Sprintf(`"datatype":"INT64","shape":[2],"data":[4,%v]`, want)) {
				t.Errorf("%s: %s", datatype, got[:n])
			}
		}
	}
}

// TestAnswersThatAreMissing: null as JSON, NaN in binary.
func TestAnswersThatAreMissing(t *testing.T) {
	s := serveHTTP(t, newWorld(), oip.Options{})
	const input = `"inputs":[{"name":"all","shape":[2,3],"datatype":"FP64","data":[-4096,1,0,1,1,0]}]}`
	if _, _, got := ask(t, s, "POST", "/v2/models/late/versions/1/infer", []byte("{"+input)); !strings.Contains(string(got), `"data":[null,2.0]`) {
		t.Errorf("%s", got)
	}
	_, h, got := ask(t, s, "POST", "/v2/models/late/versions/1/infer", []byte(`{"parameters":{"binary_data_output":true},`+input))
	n, err := strconv.Atoi(h.Get("Inference-Header-Content-Length"))
	if err != nil || len(got) != n+16 || !math.IsNaN(math.Float64frombits(binary.LittleEndian.Uint64(got[n:]))) || math.Float64frombits(binary.LittleEndian.Uint64(got[n+8:])) != 2 {
		t.Errorf("%v %q", err, got)
	}
}

// TestLongAnswersArePacked as the caller would have them.
func TestLongAnswersArePacked(t *testing.T) {
	s := serveHTTP(t, newWorld(), oip.Options{})
	var rows []string
	for range 500 {
		rows = append(rows, "[1,2,1]")
	}
	body := []byte(`{"inputs":[{"name":"all","shape":[500,3],"datatype":"FP64","data":[` + strings.Join(rows, ",") + `]}]}`)
	_, _, plain := ask(t, s, "POST", "/v2/models/late/versions/1/infer", body, "Accept-Encoding", "identity")
	for how, open := range map[string]func(io.Reader) (io.ReadCloser, error){
		"gzip": func(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) }, "deflate": zlib.NewReader,
	} {
		status, h, got := ask(t, s, "POST", "/v2/models/late/versions/1/infer", body, "Accept-Encoding", how)
		if status != 200 || h.Get("Content-Encoding") != how || len(got) > len(plain)/4 {
			t.Fatalf("%s: %d %v, %d bytes", how, status, h, len(got))
		}
		r, err := open(bytes.NewReader(got))
		if err != nil {
			t.Fatal(err)
		}
		if back, err := io.ReadAll(r); err != nil || !bytes.Equal(back, plain) {
			t.Errorf("%s: %v, %d bytes", how, err, len(back))
		}
	}
}

// TestFailures: a model that fails is the server's, and says nothing of it but a number; one that hangs ends with the deadline.
func TestFailures(t *testing.T) {
	w := newWorld()
	w.fails = errors.New("a secret")
	s := serveHTTP(t, w, oip.Options{})
	body := []byte(`{"inputs":[{"name":"all","shape":[1,3],"datatype":"FP64","data":[1,2,1]}]}`)
	if status, _, got := ask(t, s, "POST", "/v2/models/late/infer", body); status != 500 || strings.Contains(string(got), "secret") || !strings.Contains(string(got), "as request") {
		t.Errorf("%d %s", status, got)
	}
	w.fails = errors.New("hangs")
	impatient := []byte(`{"parameters":{"timeout":20000},` + string(body[1:]))
	if status, _, got := ask(t, s, "POST", "/v2/models/late/infer", impatient); status != 503 || !strings.Contains(string(got), "did not answer in time") {
		t.Errorf("%d %s", status, got)
	}
	s = serveHTTP(t, w, oip.Options{Deadline: 20 * time.Millisecond})
	if status, _, got := ask(t, s, "POST", "/v2/models/late/infer", body); status != 503 || !strings.Contains(string(got), "did not answer in time") {
		t.Errorf("%d %s", status, got)
	}
}

func FuzzInfer(f *testing.F) {
	f.Add([]byte(`{"inputs":[{"name":"all","shape":[1,3],"datatype":"FP64","data":[1,2,1]}]}`), -1)
	f.Add([]byte(`{"inputs":[{"name":"x","shape":[1],"datatype":"BYTES","parameters":{"binary_data_size":5}}]}`+"\x01\x00\x00\x00a"), 84)
	h := oip.New(oip.Options{Models: newWorld()}).Handler()
	f.Fuzz(func(t *testing.T, body []byte, head int) {
		r := httptest.NewRequest(http.MethodPost, "/v2/models/late/infer", bytes.NewReader(body))
		if head >= 0 {
			r.Header.Set("Inference-Header-Content-Length", strconv.Itoa(head))
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}
