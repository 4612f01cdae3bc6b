package remote_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/bighead-ml/bighead/engine/enginetest/proc"
	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/tensor/pb"
)

// liar is a server that says what it is rightly, and answers as infer does. What it says can be changed.
type liar struct {
	server, metadata string
	ready            func(http.ResponseWriter)
	infer            http.HandlerFunc
}

const (
	saidServer   = `{"name": "other", "version": "1", "extensions": ["binary_tensor_data"]}`
	saidMetadata = `{"name": "m", "platform": "p", "inputs": [{"name": "x", "datatype": "FP64", "shape": [-1, 2]}], "outputs": [{"name": "y", "datatype": "FP64", "shape": [-1, 1]}]}`
)

func (l *liar) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/v2":
		fmt.Fprint(w, l.server)
	case strings.HasSuffix(r.URL.Path, "/ready"):
		if l.ready != nil {
			l.ready(w)
		}
	case strings.HasSuffix(r.URL.Path, "/infer"):
		l.infer(w, r)
	default:
		fmt.Fprint(w, l.metadata)
	}
}

func (l *liar) start(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(l)
	t.Cleanup(s.Close)
	return s.URL + "/v2/models/m"
}

func says(status int, kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

func answers(outputs string) http.HandlerFunc {
	return says(200, "application/json", `{"model_name": "m", "outputs": [`+outputs+`]}`)
}

// TestWrongAnswers asks servers that hang, lie, break off, or are no servers of the protocol at all: each is an error that says what came, and
// model.ErrUnavailable alone where it may pass by itself.
func TestWrongAnswers(t *testing.T) {
	const good = `{"name": "y", "datatype": "FP64", "shape": [2, 1], "data": [0.5, 0.25]}`
	for _, c := range []struct {
		name    string
		infer   http.HandlerFunc
		want    string // "": none
		passing bool
	}{
		{"right", answers(good), "", false},
		{"right, flat", answers(`{"name": "y", "datatype": "FP64", "shape": [2], "data": [0.5, 0.25]}, {"name": "z", "datatype": "LIE", "shape": [7], "data": {}}`), "", false},
		{"fewer rows", answers(`{"name": "y", "datatype": "FP64", "shape": [1, 1], "data": [0.5]}`), "shape [1 1] for 2 rows of 1", false},
		{"wider", answers(`{"name": "y", "datatype": "FP64", "shape": [2, 2], "data": [1, 2, 3, 4]}`), "shape [2 2] for 2 rows of 1", false},
		{"turned", answers(`{"name": "y", "datatype": "FP64", "shape": [1, 2], "data": [1, 2]}`), "shape [1 2] for 2 rows of 1", false},
		{"no shape", answers(`{"name": "y", "datatype": "FP64", "data": [1, 2]}`), "shape [] for 2 rows", false},
		{"a shape of a billion", answers(`{"name": "y", "datatype": "FP64", "shape": [2, 1000000000], "data": [1, 2]}`), "shape [2 1000000000]", false},
		{"a shape below nothing", answers(`{"name": "y", "datatype": "FP64", "shape": [2, -1], "data": [1, 2]}`), "shape [2 -1]", false},
		{"too few numbers", answers(`{"name": "y", "datatype": "FP64", "shape": [2, 1], "data": [1]}`), "1 elements where the shape has 2", false},
		{"too many numbers", answers(`{"name": "y", "datatype": "FP64", "shape": [2, 1], "data": [1, 2, 3]}`), "more than the 2 elements", false},
		{"no data", answers(`{"name": "y", "datatype": "FP64", "shape": [2, 1]}`), "data is no JSON", false},
		{"another datatype", answers(`{"name": "y", "datatype": "INT64", "shape": [2, 1], "data": [1, 0]}`), `answers "INT64", and was to answer FP64`, false},
		{"null", answers(`{"name": "y", "datatype": "FP64", "shape": [2, 1], "data": [1, null]}`), "row 1: the server answers what is no number", false},
		{"NaN", answers(`{"name": "y", "datatype": "FP64", "shape": [2, 1], "data": [1, NaN]}`), "none of the Open Inference Protocol", false},
		{"texts", answers(`{"name": "y", "datatype": "FP64", "shape": [2, 1], "data": ["1", "2"]}`), `the text "1" where FP64 is expected`, false},
		{"another output", answers(`{"name": "z", "datatype": "FP64", "shape": [2, 1], "data": [1, 2]}`), `output "y": the server does not answer it, but 1 others`, false},
		{"twice", answers(good + "," + good), "answers it twice", false},
		{"an object", says(200, "application/json", `[]`), "none of the Open Inference Protocol", false},
		{"half a document", says(200, "application/json", `{"outputs": [`), "none of the Open Inference Protocol", false},
		{"HTML", says(200, "text/html", `<html>Welcome</html>`), "none of the Open Inference Protocol", false},
		{"an error in HTML", says(500, "text/html", `<html><h1>Oops</h1></html>`), "the server answers 500 Internal Server Error", false},
		{"its own error", says(400, "application/json", `{"error": "x has 3 columns"}`), "the server answers 400 Bad Request: x has 3 columns", false},
		{"FastAPI's error", says(422, "application/json", `{"detail": [{"msg": "field required"}]}`), `422 Unprocessable Entity: [{"msg": "field required"}]`, false},
		{"text", says(500, "text/plain", "Internal Server Error"), "500 Internal Server Error: Internal Server Error", false},
		{"busy", says(503, "application/json", `{"error": "later"}`), "503 Service Unavailable: later", true},
		{"too often", says(429, "text/plain", ""), "429 Too Many Requests", true},
		{"a gateway", says(502, "text/html", "<html>"), "502 Bad Gateway", true},
		{"elsewhere", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/v2/models/other/infer", http.StatusTemporaryRedirect)
		}, "307 Temporary Redirect", false},
		{"without end", func(w http.ResponseWriter, _ *http.Request) {
			for range 17 {
				_, _ = w.Write(make([]byte, 1<<20))
			}
		}, "longer than 16 MiB", false},
		{"dies half-way", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, `{"outputs": [`)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, "its answer ends half-way", true},
		{"dies at once", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF", true},
		{"a length that is too long", binary("1000", `{"outputs": []}`), `Inference-Header-Content-Length is "1000"`, false},
		{"binary that is too short", binary("", `{"outputs": [{"name": "y", "datatype": "FP64", "shape": [2, 1], "parameters": {"binary_data_size": 16}}]}`, 1), "binary_data_size is 16, and 8 bytes are left", false},
		{"binary of another size", binary("", `{"outputs": [{"name": "y", "datatype": "FP64", "shape": [2, 1], "parameters": {"binary_data_size": 8}}]}`, 1), "8 bytes for 2 elements", false},
		{"binary that goes on", binary("", `{"outputs": [{"name": "y", "datatype": "FP64", "shape": [2, 1], "parameters": {"binary_data_size": 16}}]}`, 1, 2, 3), "8 bytes follow", false},
		{"binary NaN", binary("", `{"outputs": [{"name": "y", "datatype": "FP64", "shape": [2, 1], "parameters": {"binary_data_size": 16}}]}`, 0x3ff0000000000000, 0x7ff8000000000001), "row 1: the server answers what is no number", false},
		{"binary infinity", binary("", `{"outputs": [{"name": "y", "datatype": "FP64", "shape": [2, 1], "parameters": {"binary_data_size": 16}}]}`, 0x7ff0000000000000, 0), "no number that a column holds", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := open(t, (&liar{server: saidServer, metadata: saidMetadata, infer: c.infer}).start(t))
			out := make([]float64, 2)
			err := m.Predict(t.Context(), &model.Batch{Rows: 2, Numbers: []float64{1, 2, 3, 4}}, [][]float64{out})
			if c.want == "" {
				if err != nil || out[0] != 0.5 || out[1] != 0.25 {
					t.Errorf("%v, %v", out, err)
				}
				return
			}
			has(t, err, c.want)
			has(t, err, "/v2/models/m")
			if errors.Is(err, model.ErrUnavailable) != c.passing {
				t.Errorf("%v: may pass by itself: %t", err, !c.passing)
			}
		})
	}
}

// binary answers JSON and little-endian numbers behind it; length "" is the right one.
func binary(length, text string, numbers ...uint64) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if length == "" {
			length = fmt.Sprint(len(text))
		}
		w.Header().Set("Inference-Header-Content-Length", length)
		fmt.Fprint(w, text)
		for _, x := range numbers {
			for i := range 8 {
				_, _ = w.Write([]byte{byte(x >> (8 * i))})
			}
		}
	}
}

// An address with a version is answered by that version, or not at all.
func TestAnotherVersion(t *testing.T) {
	for said, right := range map[string]bool{`"3"`: true, `3`: true, `null`: true, `""`: true, `"4"`: false, `"33"`: false} {
		l := &liar{server: saidServer, metadata: saidMetadata, infer: says(200, "application/json", `{"model_version": `+said+`, "outputs": [{"name": "y", "datatype": "FP64", "shape": [1], "data": [0.5]}]}`)}
		at := l.start(t)
		for location, right := range map[string]bool{at + "/versions/3": right, at: true} {
			err := open(t, location).Predict(t.Context(), &model.Batch{Rows: 1, Numbers: []float64{1, 2}}, [][]float64{make([]float64, 1)})
			if (err == nil) != right || err != nil && !strings.Contains(err.Error(), `answers, where version "3" was asked`) {
				t.Errorf("%s answered by %s: %v", location, said, err)
			}
		}
	}
}

// Requests have as many rows as the address says, and each row goes once.
func TestRowsOfARequest(t *testing.T) {
	var shapes []string
	l := &liar{server: `{"name": "plain"}`, metadata: saidMetadata, infer: func(w http.ResponseWriter, r *http.Request) {
		var q struct {
			Inputs []struct {
				Shape []int
				Data  []float64
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
			t.Error(err)
		}
		shapes = append(shapes, fmt.Sprint(q.Inputs[0].Shape, len(q.Inputs[0].Data)))
		y := make([]float64, q.Inputs[0].Shape[0])
		for i := range y {
			y[i] = q.Inputs[0].Data[2*i]
		}
		text, _ := json.Marshal(y)
		answers(fmt.Sprintf(`{"name": "y", "datatype": "FP64", "shape": [%d], "data": %s}`, len(y), text))(w, r)
	}}
	in, out := &model.Batch{Rows: 8}, make([]float64, 8)
	for i := range 8 {
		in.Numbers = append(in.Numbers, float64(i), -1)
	}
	if err := open(t, l.start(t)+"?rows=3").Predict(t.Context(), in, [][]float64{out}); err != nil || !slices.Equal(out, []float64{0, 1, 2, 3, 4, 5, 6, 7}) {
		t.Errorf("%v, %v", out, err)
	}
	if got := strings.Join(shapes, ", "); got != "[3 2] 6, [3 2] 6, [2 2] 4" {
		t.Errorf("asked %s", got)
	}
}

// A server that hangs is waited for as long as the caller's context goes, and is told how long that is.
func TestHangs(t *testing.T) {
	release := make(chan struct{})
	told := make(chan string, 1)
	l := &liar{server: saidServer, metadata: saidMetadata, infer: func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		told <- string(body)
		<-release
	}}
	m := open(t, l.start(t))
	defer close(release)
	const long = time.Hour
	began := time.Now()
	ctx, body := &handDeadline{Context: t.Context(), at: began.Add(long), over: make(chan struct{})}, make(chan string, 1)
	go func() { body <- <-told; close(ctx.over) }() // the deadline comes once the server has the request
	err := m.Predict(ctx, &model.Batch{Rows: 1, Numbers: []float64{1, 2}}, [][]float64{make([]float64, 1)})
	if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, model.ErrUnavailable) {
		t.Error(err)
	}
	var timeout int64
	text := <-body
	if _, err := fmt.Sscanf(text[strings.Index(text, `"timeout":`):], `"timeout":%d`, &timeout); err != nil || timeout > long.Microseconds() || timeout < (long-time.Since(began)).Microseconds() {
		t.Errorf("timeout of %d µs, %v: %s", timeout, err, text)
	}
	ended, end := context.WithCancel(t.Context())
	go func() { <-told; end() }()
	if err := m.Predict(ended, &model.Batch{Rows: 1, Numbers: []float64{1, 2}}, [][]float64{make([]float64, 1)}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// handDeadline is a context whose deadline is at a time, and comes when the test says so.
type handDeadline struct {
	context.Context
	at   time.Time
	over chan struct{}
}

func (c *handDeadline) Deadline() (time.Time, bool) { return c.at, true }
func (c *handDeadline) Done() <-chan struct{}       { return c.over }

func (c *handDeadline) Err() error {
	select {
	case <-c.over:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// Over gRPC the deadline goes with the request.
func TestHangsOverGRPC(t *testing.T) {
	s := grpc.NewServer()
	hangs := make(chan struct{})
	pb.RegisterGRPCInferenceServiceServer(s, &rpcs{metadata: threeColumns, hangs: hangs})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = s.Serve(ln) }()
	t.Cleanup(s.Stop)
	t.Cleanup(func() { close(hangs) })
	m := open(t, "grpc://"+ln.Addr().String()+"/m")
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	err = m.Predict(ctx, &model.Batch{Rows: 1, Numbers: []float64{1, 2, 3}}, [][]float64{make([]float64, 1)})
	if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, model.ErrUnavailable) {
		t.Error(err)
	}
}

// TestOpen opens what is no model, or one that does not say what it is.
func TestOpen(t *testing.T) {
	in := func(inputs string) string {
		return `{"inputs": [` + inputs + `], "outputs": [{"name": "y", "datatype": "FP64", "shape": [-1]}]}`
	}
	out := func(outputs string) string {
		return `{"inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 3]}], "outputs": [` + outputs + `]}`
	}
	const y = `{"name": "y", "datatype": "FP64", "shape": [-1]}`
	for _, c := range []struct{ query, metadata, want string }{
		{"", in(`{"name": "x", "datatype": "FP64", "shape": [4]}`), `input "x": of shape [4], where the first dimension is to be the rows, -1`},
		{"", in(`{"name": "x", "datatype": "FP64", "shape": [-1, -1]}`), "does not say how many numbers a row has"},
		{"", in(`{"name": "x", "datatype": "FP64", "shape": [-1, 3, 224, 224]}`), "[-1 3 224 224]"},
		{"", in(`{"name": "x", "datatype": "FP64", "shape": [-1, 2, 2]}`), "where rows of columns have two dimensions"},
		{"", in(`{"name": "x", "datatype": "FP64", "shape": [-1, 65537]}`), "more than 65536"},
		{"", in(`{"name": "x", "datatype": "FP65", "shape": [-1]}`), `did you mean FP64?`},
		{"", in(`{"name": "x", "datatype": "FP16", "shape": [-1]}`), "FP32 and FP64 are"},
		{"", in(`{"name": "x", "datatype": "BYTES", "shape": [-1, 2]}`), "a tensor of several columns is of numbers"},
		{"", in(`{"name": "x", "datatype": "FP64", "shape": [-1, 2]}, {"name": "z", "datatype": "FP64", "shape": [-1]}`), "there are other inputs"},
		{"", in(`{"name": "x", "datatype": "FP64", "shape": [-1]}, {"name": "x", "datatype": "FP64", "shape": [-1]}`), `two inputs are called "x"`},
		{"", in(""), "the server does not say what the model takes; say it in the address, as one tensor for all columns (?input=NAME:FP64:-1,COLUMNS)"},
		{"", out(""), "the server does not say what the model answers; say it in the address: ?output=NAME:FP64:-1"},
		{"", out(`{"name": "y", "datatype": "BYTES", "shape": [-1]}, {"name": "z", "datatype": "FP32", "shape": [-1, -1]}`), "no output is a number or some numbers a row: y (of texts, and answers are numbers), z (of shape [-1 -1]"},
		{"", out(y + "," + y), `two outputs are called "y"`},
		{"?output=z", out(y), `the server says of no output "z" (of: y)`},
		{"?output=y:BYTES:-1", out(y), `output "y": of texts`},
		{"", "<html>", "is none of the Open Inference Protocol"},
		{"", `{"inputs": 3}`, "is none of the Open Inference Protocol"},
		// What the server does not say, or says wrongly, may stand in the address.
		{"?input=x:FP64:-1,2&output=z:FP32:-1,3", `{}`, ""},
		{"?output=y:INT64:-1", out(`{"name": "y", "datatype": "FP64", "shape": [2]}`), ""},
	} {
		location := (&liar{server: saidServer, metadata: c.metadata}).start(t) + c.query
		m, err := openRemote(t.Context(), location)
		if c.want == "" {
			if err != nil {
				t.Errorf("%s %s: %v", c.query, c.metadata, err)
			} else {
				_ = m.Close()
			}
			continue
		}
		if m != nil || errors.Is(err, model.ErrForeign) || errors.Is(err, model.ErrUnavailable) {
			t.Errorf("%v, %v", m, err)
		}
		has(t, err, c.want)
		has(t, err, location)
	}
	for _, c := range []struct {
		status  int
		passing bool
	}{{503, true}, {404, true}, {400, true}, {401, false}, {403, false}} {
		location := (&liar{server: saidServer, metadata: saidMetadata, ready: func(w http.ResponseWriter) { w.WriteHeader(c.status) }}).start(t)
		if _, err := openRemote(t.Context(), location); err == nil || errors.Is(err, model.ErrUnavailable) != c.passing || !strings.Contains(err.Error(), fmt.Sprint(c.status)) {
			t.Errorf("ready answers %d: %v", c.status, err)
		}
	}
	if _, err := openRemote(t.Context(), (&liar{server: "welcome", metadata: saidMetadata}).start(t)); err == nil || !strings.Contains(err.Error(), "does not speak the Open Inference Protocol") {
		t.Error(err)
	}
}

// A server that is gone is told from one that refuses, and is asked again when it is back, at the same address, without anything being opened anew.
func TestGoneAndBack(t *testing.T) {
	w := newWorld()
	h := overHTTP(t, w, false).Config.Handler
	ports, err := proc.FreePorts(2) // nobody else gets them while the servers are gone
	if err != nil {
		t.Fatal(err)
	}
	at := net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[0]))
	startHTTP := func(ln net.Listener) func() {
		s := &http.Server{Handler: h}
		go func() { _ = s.Serve(ln) }()
		return func() { _ = s.Close() }
	}
	m := goneAndBack(t, "http://"+at+"/v2/models/numbers", func() func() { return startHTTP(listen(t, at)) })
	if err := m.Health(t.Context()); err != nil {
		t.Error(err)
	}
	at = net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[1]))
	startGRPC := func(ln net.Listener) func() {
		s := grpc.NewServer()
		pb.RegisterGRPCInferenceServiceServer(s, &rpcs{answer: &pb.ModelInferResponse{Outputs: []*pb.ModelInferResponse_InferOutputTensor{
			{Name: "y", Datatype: "FP64", Shape: []int64{1}, Contents: &pb.InferTensorContents{Fp64Contents: []float64{0.003}}}}}, metadata: threeColumns})
		go func() { _ = s.Serve(ln) }()
		return s.Stop
	}
	goneAndBack(t, "grpc://"+at+"/m", func() func() { return startGRPC(listen(t, at)) })
	if _, err := openRemote(t.Context(), "grpc://"+at+"/m"); err != nil {
		t.Error(err)
	}
}

// listen listens at an address, also where a server listened before.
func listen(t *testing.T, at string) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

func goneAndBack(t *testing.T, location string, start func() (stop func())) model.Model {
	t.Helper()
	stop := start()
	m := open(t, location)
	out := make([]float64, 1)
	ask := func() error {
		return m.Predict(t.Context(), &model.Batch{Rows: 1, Numbers: []float64{1, 2, 0}}, [][]float64{out})
	}
	if err := ask(); err != nil || out[0] != 0.003 {
		t.Fatalf("%v, %v", out, err)
	}
	stop()
	if err := ask(); !errors.Is(err, model.ErrUnavailable) {
		t.Errorf("gone: %v", err)
	}
	if err := m.Health(t.Context()); !errors.Is(err, model.ErrUnavailable) {
		t.Errorf("health of one that is gone: %v", err)
	}
	if _, err := openRemote(t.Context(), location); !errors.Is(err, model.ErrUnavailable) || !strings.Contains(err.Error(), location) {
		t.Errorf("opened while it is gone: %v", err)
	}
	t.Cleanup(start())
	var err error
	for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline); { // gRPC waits a little before it looks again
		if err = ask(); err == nil || !errors.Is(err, model.ErrUnavailable) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err != nil || out[0] != 0.003 {
		t.Errorf("back: %v, %v", out, err)
	}
	return m
}

// A connection that was kept and turns out to be closed costs nobody an answer: the request is sent again, and once alone.
func TestKeptConnectionIsClosed(t *testing.T) {
	var connections, asked atomic.Int64
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &liar{server: saidServer, metadata: saidMetadata, infer: func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == 2 { // on the connection of the request before
			panic(http.ErrAbortHandler)
		}
		answers(`{"name": "y", "datatype": "FP64", "shape": [1], "data": [0.5]}`)(w, r)
	}}
	s := &http.Server{Handler: l, ConnState: func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}}
	go func() { _ = s.Serve(ln) }()
	t.Cleanup(func() { _ = s.Close() })
	m := open(t, "http://"+ln.Addr().String()+"/v2/models/m")
	for i := range 20 {
		out := make([]float64, 1)
		if err := m.Predict(t.Context(), &model.Batch{Rows: 1, Numbers: []float64{1, 2}}, [][]float64{out}); err != nil || out[0] != 0.5 {
			t.Fatalf("request %d: %v, %v", i, out, err)
		}
	}
	if n := connections.Load(); n != 2 || asked.Load() != 21 {
		t.Errorf("%d connections for %d requests: one was closed, and all others are to share", n, asked.Load())
	}
}

// rpcs is a server over gRPC that answers what it is told to.
type rpcs struct {
	pb.UnimplementedGRPCInferenceServiceServer
	metadata *pb.ModelMetadataResponse
	hangs    chan struct{} // not nil: until it is closed
	mu       sync.Mutex
	answer   *pb.ModelInferResponse
	asked    *pb.ModelInferRequest
}

var threeColumns = &pb.ModelMetadataResponse{
	Inputs:  []*pb.ModelMetadataResponse_TensorMetadata{{Name: "x", Datatype: "FP32", Shape: []int64{-1, 3}}},
	Outputs: []*pb.ModelMetadataResponse_TensorMetadata{{Name: "y", Datatype: "FP64", Shape: []int64{-1}}},
}

func (s *rpcs) ModelReady(context.Context, *pb.ModelReadyRequest) (*pb.ModelReadyResponse, error) {
	return &pb.ModelReadyResponse{Ready: s.metadata != nil}, nil
}

func (s *rpcs) ModelMetadata(context.Context, *pb.ModelMetadataRequest) (*pb.ModelMetadataResponse, error) {
	return s.metadata, nil
}

func (s *rpcs) ModelInfer(ctx context.Context, q *pb.ModelInferRequest) (*pb.ModelInferResponse, error) {
	if s.hangs != nil {
		if _, ok := ctx.Deadline(); !ok {
			return nil, errors.New("the caller's deadline is not known")
		}
		<-s.hangs
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = q
	return s.answer, nil
}

// TestWrongMessages is what of wrong answers gRPC has of its own.
func TestWrongMessages(t *testing.T) {
	s := &rpcs{metadata: threeColumns}
	server := grpc.NewServer()
	pb.RegisterGRPCInferenceServiceServer(server, s)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(ln) }()
	t.Cleanup(server.Stop)
	m := open(t, "grpc://"+ln.Addr().String()+"/m/3")
	y := func(datatype string, shape ...int64) []*pb.ModelInferResponse_InferOutputTensor {
		return []*pb.ModelInferResponse_InferOutputTensor{{Name: "y", Datatype: datatype, Shape: shape}}
	}
	long := make([]byte, 17<<20)
	for _, c := range []struct {
		answer *pb.ModelInferResponse
		want   string
	}{
		{&pb.ModelInferResponse{Outputs: y("FP64", 1), RawOutputContents: [][]byte{{0, 0, 0, 0, 0, 0, 0xe0, 0x3f}}}, ""},
		{&pb.ModelInferResponse{ModelVersion: "3", Outputs: y("FP64", 1, 1), RawOutputContents: [][]byte{{0, 0, 0, 0, 0, 0, 0xe0, 0x3f}}}, ""},
		{&pb.ModelInferResponse{ModelVersion: "4", Outputs: y("FP64", 1), RawOutputContents: [][]byte{{0, 0, 0, 0, 0, 0, 0xe0, 0x3f}}}, `version "4" answers, where version "3" was asked`},
		{&pb.ModelInferResponse{Outputs: y("FP64", 1)}, "0 elements where the shape has 1"},
		{&pb.ModelInferResponse{Outputs: y("FP64", 1), RawOutputContents: [][]byte{{1}}}, "1 bytes for 1 elements"},
		{&pb.ModelInferResponse{Outputs: y("FP64", 1), RawOutputContents: [][]byte{{1}, {2}}}, "2 raw_output_contents for 1 outputs"},
		{&pb.ModelInferResponse{Outputs: y("FP32", 1), RawOutputContents: [][]byte{{0, 0, 0, 0}}}, `answers "FP32", and was to answer FP64`},
		{&pb.ModelInferResponse{Outputs: y("FP64", 2), RawOutputContents: [][]byte{make([]byte, 16)}}, "shape [2] for 1 rows"},
		{&pb.ModelInferResponse{Outputs: y("FP64", 1), RawOutputContents: [][]byte{long}}, "ResourceExhausted"},
		{&pb.ModelInferResponse{}, "does not answer it"},
	} {
		s.mu.Lock()
		s.answer = c.answer
		s.mu.Unlock()
		out := make([]float64, 1)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		err := m.Predict(ctx, &model.Batch{Rows: 1, Numbers: []float64{1, 2, 3}}, [][]float64{out})
		cancel()
		if c.want != "" {
			has(t, err, c.want)
		} else if err != nil || out[0] != 0.5 {
			t.Errorf("%v, %v", out, err)
		}
	}
	if q := s.asked; q.GetModelVersion() != "3" || len(q.GetRawInputContents()) != 1 || len(q.GetRawInputContents()[0]) != 12 || q.GetParameters()["timeout"].GetInt64Param() <= 0 || q.GetOutputs()[0].GetName() != "y" {
		t.Errorf("asked %v", q)
	}
}
