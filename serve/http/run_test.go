package http_test

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	nethttp "net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/serve/gate"
	"github.com/bighead-ml/bighead/serve/http"
	"github.com/bighead-ml/bighead/store"
)

func hashOf(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}

func tokens(t testing.TB, lines ...string) *gate.Gate {
	t.Helper()
	all, err := gate.ParseTokens(strings.NewReader(strings.Join(lines, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return gate.New(all, 0)
}

func TestTokens(t *testing.T) {
	s := newServed(t, http.Options{Pusher: &pusher{}, Gate: tokens(t, "# who may what", "", "web "+hashOf("open sesame")+" read", "loader  "+hashOf("beam")+"\tpush", "ops "+hashOf("root")+" admin", "slow "+hashOf("drip")+" read limit=0.001")})
	const body = `{"rows": []}`
	for _, c := range []struct {
		method, path, header string
		status               int
		code                 string
	}{
		{"POST", "/v1/features/departure", "Bearer open sesame", 200, ""},
		{"POST", "/v1/features/departure", "bearer  root", 200, ""},
		{"POST", "/v1/features/departure", "", 401, "BH110"},
		{"POST", "/v1/features/departure", "Bearer open sesame!", 401, "BH110"},
		{"POST", "/v1/features/departure", "Basic open sesame", 401, "BH110"},
		{"POST", "/v1/features/departure", "Bearer " + hashOf("open sesame"), 401, "BH110"},
		{"POST", "/v1/features/departure", "Bearer beam", 403, "BH111"},
		{"POST", "/v1/features/departur", "", 401, "BH110"}, // names are not for everybody
		{"POST", "/v1/events/flights", "Bearer beam", 200, ""},
		{"POST", "/v1/events/flights", "Bearer open sesame", 403, "BH111"},
		{"GET", "/openapi.json", "Bearer open sesame", 200, ""},
		{"GET", "/openapi.json", "", 401, "BH110"},
		{"GET", "/metrics", "Bearer open sesame", 403, "BH111"},
		{"GET", "/metrics", "Bearer root", 200, ""},
		{"GET", "/healthz", "", 200, ""},
		{"GET", "/readyz", "", 200, ""},
	} {
		status, header, got := s.call(t, c.method, c.path, body, "Authorization", c.header)
		if status != c.status || c.code != "" && problem(t, got)["code"] != c.code || status == 401 && header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s %s as %q: %d %s", c.method, c.path, c.header, status, got)
		}
		provoked[c.code] = true
	}
	began := time.Now()
	for i := range 3 {
		status, header, got := s.call(t, "POST", "/v1/features/departure", body, "Authorization", "Bearer drip")
		if i == 0 && status != 200 || i > 0 && (status != 429 || problem(t, got)["code"] != "BH112") {
			t.Errorf("request %d of one in a thousand seconds: %d %v %s", i+1, status, header, got)
		}
		again, _ := strconv.Atoi(header.Get("Retry-After"))
		if least := 1000 - int(time.Since(began)/time.Second) - 1; i > 0 && (again < least || again > 1000) {
			t.Errorf("after %d s one may come again, where a thousand less %v have to pass", again, time.Since(began))
		}
	}
	provoked["BH112"] = true
	for line, want := range map[string]string{
		"web":                            `1: a line is a name, the SHA-256 of the token in hex, and scopes: read, push, predict, admin`,
		"web abc read":                   `1: the second word of "web" is no SHA-256 in hex: printf %s "$TOKEN" | sha256sum`,
		"web " + hashOf("") + " reed":    `1: "web" has no scope "reed": there are read, push, predict, admin; did you mean read?`,
		"web " + hashOf("") + " limit=0": `1: limit=0 of "web" is no number of requests a second`,
		"\nw " + hashOf("") + " read\nw " + hashOf("") + " push": `3: a second token called "w": each needs a name of its own`,
	} {
		if _, err := gate.ParseTokens(strings.NewReader(line)); err == nil || err.Error() != want {
			t.Errorf("%q: %v", line, err)
		}
	}
}

func TestTheHealthOfAServer(t *testing.T) {
	caught := false
	s := newServed(t, http.Options{CaughtUp: func() bool { return caught }, Degraded: func() []string { return []string{"source flights is 20s behind"} }})
	expect := func(path string, status int, want string) {
		t.Helper()
		if got, _, body := s.call(t, "GET", path, ""); got != status || strings.TrimSpace(body) != want {
			t.Errorf("%s: %d %s", path, got, body)
		}
	}
	expect("/healthz", 200, `{"status":"ok"}`)
	expect("/readyz", 503, `{"ready":false,"waiting":["the first catch-up of the stream"],"degraded":["source flights is 20s behind"]}`)
	caught = true
	s.store.SetFault(func(context.Context, []store.Range) error { return store.ErrUnavailable })
	for range 5 {
		s.call(t, "POST", "/v1/features/departure", rowOf(`"carrier": "UA", "distance": 1`))
	}
	expect("/readyz", 200, `{"ready":true,"waiting":[],"degraded":["store fake fails: answers are stale, stand-ins or failed","source flights is 20s behind"]}`)
}

func TestMetrics(t *testing.T) {
	s := newServed(t, http.Options{Version: "1.2.3"})
	s.call(t, "POST", "/v1/features/departure", rowOf(`"carrier": "UA", "distance": 1`))
	s.call(t, "POST", "/v1/features/nope", "")
	_, _, body := s.call(t, "GET", "/metrics", "")
	for _, want := range []string{
		`bighead_requests_total{code="200",view="departure"} 1`, `bighead_requests_total{code="404",view=""} 1`, `bighead_build_info{version="1.2.3"} 1`,
		`bighead_values_total{group="carrier",status="present"} 3`, `bighead_cache_total{level="l1",result="miss"} 1`, `bighead_breaker_state{store="fake"} 0`,
		`bighead_request_seconds_count{stage="parse",view="departure"} 1`, `bighead_request_seconds_count{stage="fetch",view="departure"} 1`, `bighead_request_seconds_count{stage="merge",view="departure"} 1`,
		`bighead_request_seconds_count{stage="derive",view="departure"} 1`, `bighead_request_seconds_count{stage="encode",view="departure"} 1`,
		`bighead_request_seconds_count{stage="whole",view="departure"} 1`,
	} {
		if !strings.Contains(body, want+"\n") {
			t.Errorf("no %s in\n%s", want, body)
		}
	}
	if strings.Contains(body, "UA") || strings.Contains(body, "nope") {
		t.Error("what a caller writes is a label")
	}
}

// As many requests as are allowed are at work; the next is told to come again, and is taken once one has ended.
func TestMoreThanTheServerTakes(t *testing.T) {
	s := newServed(t, http.Options{Gate: gate.New(nil, 2)})
	entered, release := make(chan struct{}), make(chan struct{})
	s.store.SetFault(func(context.Context, []store.Range) error { entered <- struct{}{}; <-release; return nil })
	var running sync.WaitGroup
	for range 2 {
		running.Go(func() {
			if status, _, body := s.call(t, "POST", "/v1/features/departure", rowOf(`"carrier": "UA", "distance": 1`)); status != 200 {
				t.Errorf("%d %s", status, body)
			}
		})
		<-entered
	}
	status, header, body := s.call(t, "POST", "/v1/features/departure", "not even looked at")
	if status != 503 || header.Get("Retry-After") != "1" || problem(t, body)["code"] != "BH113" {
		t.Errorf("%d %v %s", status, header, body)
	}
	if status, _, _ := s.call(t, "GET", "/healthz", ""); status != 200 {
		t.Error("a busy server is not healthy")
	}
	provoked["BH113"] = true
	close(release)
	running.Wait()
	s.store.SetFault(nil)
	if status, _, _ := s.call(t, "POST", "/v1/features/departure", `{"rows": []}`); status != 200 {
		t.Error("places are not given back")
	}
}

// slow is a body that comes when it is let.
type slow struct {
	asked, come chan struct{}
	rest        io.Reader
}

func (b *slow) Read(p []byte) (int, error) {
	if b.asked != nil {
		close(b.asked)
		<-b.come
		b.asked = nil
	}
	return b.rest.Read(p)
}

// A body that comes slowly takes no place, so one who sends it may find none when it is there.
func TestABodyThatComesSlowly(t *testing.T) {
	s := newServed(t, http.Options{Gate: gate.New(nil, 1)})
	body := &slow{asked: make(chan struct{}), come: make(chan struct{}), rest: strings.NewReader(`{"rows": []}`)}
	asked, status := body.asked, make(chan int)
	go func() {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "POST", "/v1/features/departure", body))
		status <- w.Code
	}()
	<-asked
	entered, release, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	s.store.SetFault(func(context.Context, []store.Range) error { close(entered); <-release; return nil })
	go func() {
		defer close(done)
		if status, _, body := s.call(t, "POST", "/v1/features/departure", rowOf(`"carrier": "UA", "distance": 1`)); status != 200 {
			t.Errorf("beside a slow body: %d %s", status, body)
		}
	}()
	<-entered
	close(body.come)
	if got := <-status; got != 503 {
		t.Errorf("%d, and the one place is taken", got)
	}
	close(release)
	<-done
}

type running struct {
	api, admin string
	stop       context.CancelFunc
	ended      chan error
}

func run(t *testing.T, h *http.Handler, l http.Listen) *running {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	r := &running{stop: stop, ended: make(chan error, 1)}
	ready := make(chan struct{})
	// A machine that stands still is no slow caller, and nothing that has to be ended in a hurry.
	l.HeaderTimeout, l.ReadTimeout, l.Finish = cmp.Or(l.HeaderTimeout, time.Hour), cmp.Or(l.ReadTimeout, time.Hour), cmp.Or(l.Finish, time.Hour)
	l.Ready = func(api, admin net.Addr) {
		r.api, r.admin = "http://"+api.String(), "http://"+admin.String()
		close(ready)
	}
	go func() { r.ended <- h.Run(ctx, l) }()
	select {
	case <-ready:
	case err := <-r.ended:
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return r
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := nethttp.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestAddresses(t *testing.T) {
	s := newServed(t, http.Options{})
	r := run(t, s.Handler, http.Listen{Address: "127.0.0.1:0", Admin: "127.0.0.1:0"})
	for url, want := range map[string]int{r.api + "/healthz": 404, r.api + "/metrics": 404, r.api + "/openapi.json": 200, r.admin + "/healthz": 200, r.admin + "/metrics": 200, r.admin + "/openapi.json": 404} {
		if got, body := get(t, url); got != want {
			t.Errorf("%s: %d %s", url, got, body)
		}
	}
	r.stop()
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
	for _, l := range []http.Listen{{Address: "0.0.0.0:0"}, {Address: "127.0.0.1:0", Admin: "0.0.0.0:0"}, {Address: "[::]:0"}} {
		if err := s.Run(t.Context(), l); err == nil || !strings.Contains(err.Error(), "nobody is asked for a token: set [auth] tokens_file, listen on 127.0.0.1, or say --insecure") {
			t.Errorf("%+v: %v", l, err)
		}
	}
	if err := s.Run(t.Context(), http.Listen{Address: "nowhere:1:2"}); err == nil || !strings.Contains(err.Error(), "listen on nowhere:1:2") {
		t.Error(err)
	}
	var log strings.Builder
	s = newServed(t, http.Options{Log: slog.New(slog.NewJSONHandler(&log, nil))})
	r = run(t, s.Handler, http.Listen{Address: "0.0.0.0:0", Insecure: true})
	r.stop()
	if err := <-r.ended; err != nil || !strings.Contains(log.String(), "everybody who reaches this address may do everything") {
		t.Errorf("%v %s", err, log.String())
	}
	s = newServed(t, http.Options{Gate: tokens(t, "a "+hashOf("b")+" read")})
	r = run(t, s.Handler, http.Listen{Address: "0.0.0.0:0"})
	r.stop()
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
}

// A server that is told to stop is not ready, goes on answering, and finishes what runs.
func TestAServerThatStops(t *testing.T) {
	s := newServed(t, http.Options{})
	entered, release := make(chan struct{}), make(chan struct{})
	s.store.SetFault(func(context.Context, []store.Range) error { close(entered); <-release; return nil })
	hurry := make(chan struct{})
	r := run(t, s.Handler, http.Listen{Address: "127.0.0.1:0", Drain: time.Hour, Hurry: hurry, Finish: time.Hour})
	answered := make(chan string, 1)
	go func() {
		resp, err := nethttp.Post(r.api+"/v1/features/departure", "application/json", strings.NewReader(rowOf(`"carrier": "UA", "distance": 1`)))
		if err != nil {
			answered <- err.Error()
			return
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		answered <- fmt.Sprint(resp.StatusCode, err, strings.Contains(string(b), `"values":[15.0,2,20.0`))
	}()
	<-entered
	r.stop()
	for { // until the stop is seen
		if status, body := get(t, r.api+"/readyz"); status == 503 {
			if !strings.Contains(body, "the server is about to stop") {
				t.Error(body)
			}
			break
		}
	}
	if status, body := get(t, r.api+"/healthz"); status != 200 {
		t.Errorf("while it drains: %d %s", status, body)
	}
	close(hurry)
	for { // until nothing is accepted any more
		c, err := net.Dial("tcp", strings.TrimPrefix(r.api, "http://"))
		if err != nil {
			break
		}
		_ = c.Close()
	}
	select {
	case err := <-r.ended:
		t.Fatalf("ended before what runs: %v", err)
	default:
	}
	close(release)
	if got := <-answered; got != "200 <nil> true" {
		t.Errorf("what ran: %s", got)
	}
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
}

// Callers that send half of a request, or go away, harm nobody.
func TestHalfRequests(t *testing.T) {
	s := newServed(t, http.Options{Gate: gate.New(nil, 1)})
	r := run(t, s.Handler, http.Listen{Address: "127.0.0.1:0"})
	for _, sent := range []string{"POST /v1/features/departure HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"rows\":", "POST /v1/feat", "GET / HTTP/9.9\r\n\r\n", "\x16\x03\x01"} {
		c, err := net.Dial("tcp", strings.TrimPrefix(r.api, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, sent); err != nil {
			t.Fatal(err)
		}
		if err := c.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(c).ReadString('\n')
		if strings.Contains(line, "200") {
			t.Errorf("%q is answered: %s %v", sent, line, err)
		}
		_ = c.Close()
	}
	if status, _, _ := s.call(t, "POST", "/v1/features/departure", `{"rows": []}`); status != 200 {
		t.Error("a half request keeps its place")
	}
}
