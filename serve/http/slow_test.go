package http_test

import (
	"io"
	"net"
	nethttp "net/http"
	"strings"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/serve/gate"
	"github.com/bighead-ml/bighead/serve/http"
)

// Callers that send their requests drop by drop, and never all of it, are cut off when their time is over, whether it is the head or the body that
// drips, and others are answered beside them. Were they not cut off, no end of the connection would come.
func TestSlowCallersAreCutOff(t *testing.T) {
	s := newServed(t, http.Options{Gate: gate.New(nil, 1)})
	r := run(t, s.Handler, http.Listen{Address: "127.0.0.1:0", HeaderTimeout: 200 * time.Millisecond, ReadTimeout: 400 * time.Millisecond})
	const head = "POST /v1/features/departure HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
	for name, c := range map[string]struct {
		at   string // sent at once
		drop string // sent again and again
	}{
		"head":   {head, "X-Drop: 1\r\n"},
		"body":   {head + "Content-Length: 1000000\r\n\r\n{\"rows\": [", " "},
		"chunks": {head + "Transfer-Encoding: chunked\r\n\r\n", "1\r\n \r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", strings.TrimPrefix(r.api, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := io.WriteString(conn, c.at); err != nil {
				t.Fatal(err)
			}
			cut := make(chan struct{})
			defer close(cut)
			go func() {
				for {
					select {
					case <-cut:
						return
					case <-time.After(20 * time.Millisecond): // the drops, not a wait for anything
					}
					if _, err := io.WriteString(conn, c.drop); err != nil {
						return
					}
				}
			}()
			if status, body := get(t, r.api+"/healthz"); status != nethttp.StatusOK {
				t.Errorf("beside it: %d %s", status, body)
			}
			if answer, _ := io.ReadAll(conn); len(answer) > 0 { // to the end; the machine may say that it came in the midst of a drop
				t.Errorf("half a request is answered with %q", answer)
			}
		})
	}
	if status, _ := get(t, r.api+"/healthz"); status != nethttp.StatusOK {
		t.Error("it answers nobody any more")
	}
	if _, metrics := get(t, r.api+"/metrics"); !strings.Contains(metrics, `bighead_requests_total{code="499",view=""} 2`+"\n") {
		t.Errorf("the two that had a head are not counted:\n%s", metrics)
	}
	if _, _, body := s.call(t, "POST", "/v1/features/departure", rowOf(`"carrier": "UA", "distance": 1`)); !strings.Contains(body, `"present"`) {
		t.Errorf("the one place is not free: %s", body)
	}
}
