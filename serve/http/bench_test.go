package http_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	nethttp "net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/http"
	"github.com/bighead-ml/bighead/serve/servetest"
	"github.com/bighead-ml/bighead/store/pebble"
)

// BenchmarkServeHTTP is docs/performance.md P7 and P8 over HTTP and a pebble store: the handler alone, and a round trip over loopback whose
// CPU is the client's too.
func BenchmarkServeHTTP(b *testing.B) {
	st, err := pebble.Open(pebble.Options{Path: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	v := servetest.BenchView(b)
	servetest.BenchFill(b, st, v)
	var some []string
	for i, c := range v.Columns {
		if i%5 == 0 {
			some = append(some, `"`+c.Name+`"`)
		}
	}
	for name, cache := range map[string]int64{"read": 1, "known": 0} {
		registry := prometheus.NewRegistry()
		m := serve.NewMetrics(registry)
		server, err := serve.Open(context.Background(), []*feature.View{v}, serve.Watch(st), serve.Options{Clock: func() int64 { return servetest.BenchNow }, Deadline: time.Hour, Cache: cache, Metrics: m})
		if err != nil {
			b.Fatal(err)
		}
		h := http.New(http.Options{Server: server, Registry: registry, Metrics: m})
		p7, p8 := bodies(1, "null"), bodies(100, "["+strings.Join(some, ",")+"]")
		b.Run(name+"/handler/P7", func(b *testing.B) { benchHandler(b, h, p7) })
		b.Run(name+"/handler/P8", func(b *testing.B) { benchHandler(b, h, p8) })
		b.Run(name+"/loopback/P7", func(b *testing.B) { benchLoopback(b, h, p7) })
		b.Run(name+"/loopback/P8", func(b *testing.B) { benchLoopback(b, h, p8) })
		server.Close()
	}
}

// bodies are requests for other keys each.
func bodies(rows int, features string) [][]byte {
	var out [][]byte
	n := 0
	for range 64 {
		var b bytes.Buffer
		b.WriteString(`{"features":` + features + `,"rows":[`)
		for i := range rows {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteByte('{')
			for k := range 5 {
				if n++; k > 0 {
					b.WriteByte(',')
				}
				fmt.Fprintf(&b, `"k%d":%d`, k, n*7919%servetest.BenchKeys)
			}
			b.WriteByte('}')
		}
		b.WriteString("]}")
		out = append(out, b.Bytes())
	}
	return out
}

// sink is a response that is thrown away.
type sink struct {
	header nethttp.Header
	status int
	n      int
}

func (s *sink) Header() nethttp.Header          { return s.header }
func (s *sink) WriteHeader(status int)          { s.status = status }
func (s *sink) Write(b []byte) (n int, _ error) { s.n += len(b); return len(b), nil }

func measure(b *testing.B, body func(i int)) {
	b.Helper()
	b.ReportAllocs()
	before := servetest.CPU()
	i := 0
	for b.Loop() {
		body(i)
		i++
	}
	b.ReportMetric(float64(servetest.CPU()-before)/float64(b.N), "cpu-ns/op")
}

func benchHandler(b *testing.B, h *http.Handler, bodies [][]byte) {
	measure(b, func(i int) {
		r, err := nethttp.NewRequestWithContext(context.Background(), "POST", "/v1/features/v", bytes.NewReader(bodies[i%len(bodies)]))
		if err != nil {
			b.Fatal(err)
		}
		w := &sink{header: nethttp.Header{}, status: 200}
		h.ServeHTTP(w, r)
		if w.status != 200 || w.n < 1000 {
			b.Fatal(w.status, w.n)
		}
	})
}

func benchLoopback(b *testing.B, h *http.Handler, bodies [][]byte) {
	ctx, stop := context.WithCancel(context.Background())
	at, ended := make(chan net.Addr, 1), make(chan error, 1)
	go func() {
		ended <- h.Run(ctx, http.Listen{Address: "127.0.0.1:0", Ready: func(api, _ net.Addr) { at <- api }})
	}()
	url := "http://" + (<-at).String() + "/v1/features/v"
	measure(b, func(i int) {
		resp, err := nethttp.Post(url, "application/json", bytes.NewReader(bodies[i%len(bodies)]))
		if err != nil {
			b.Fatal(err)
		}
		n, err := io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if err != nil || n < 1000 || resp.StatusCode != nethttp.StatusOK {
			b.Fatal(resp.StatusCode, n, err)
		}
	})
	stop()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
}
