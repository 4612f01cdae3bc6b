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
	// The time of the body counts from the first byte, so that a head that comes late is read all the same, and what is behind it is late.
	hasty := run(t, s.Handler, http.Listen{Address: "127.0.0.1:0", HeaderTimeout: 200 * time.Millisecond})
	patient := run(t, s.Handler, http.Listen{Address: "127.0.0.1:0", ReadTimeout: 400 * time.Millisecond})
	const head = "POST /v1/features/departure HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
	for name, c := range map[string]struct {
		of   *running
		at   string // sent at once
		drop string // sent again and again
	}{
		"head":   {hasty, head, "X-Drop: 1\r\n"},
		"body":   {patient, head + "Content-Length: 1000000\r\n\r\n{\"rows\": [", " "},
		"chunks": {patient, head + "Transfer-Encoding: chunked\r\n\r\n", "1\r\n \r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", strings.TrimPrefix(c.of.api, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_, _ = io.WriteString(conn, c.at) // where this stands still, a head may be cut off already
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
			answered(t, c.of)
			if answer, _ := io.ReadAll(conn); len(answer) > 0 { // to the end; the machine may say that it came in the midst of a drop
				t.Errorf("half a request is answered with %q", answer)
			}
		})
	}
	answered(t, hasty)
	answered(t, patient)
	if _, _, metrics := s.call(t, "GET", "/metrics", ""); !strings.Contains(metrics, `bighead_requests_total{code="499",view=""} 2`+"\n") {
		t.Errorf("the two that had a head are not counted:\n%s", metrics)
	}
	if _, _, body := s.call(t, "POST", "/v1/features/departure", rowOf(`"carrier": "UA", "distance": 1`)); !strings.Contains(body, `"present"`) {
		t.Errorf("the one place is not free: %s", body)
	}
}

// answered asks for the health of a server until it has an answer: who asks may be too slow for it too, where the machine stands still.
func answered(t *testing.T, r *running) {
	t.Helper()
	for {
		resp, err := nethttp.Get(r.api + "/healthz")
		if err != nil && t.Context().Err() == nil {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if _ = resp.Body.Close(); resp.StatusCode != nethttp.StatusOK {
			t.Errorf("it answers nobody: %s", resp.Status)
		}
		return
	}
}
