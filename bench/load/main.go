// Load sends HTTP POSTs at a constant rate and reports latency from the moment each request was due, so a server that
// stalls is charged for every request that should have been sent meanwhile (no coordinated omission).
//
//	go run ./bench/load -url http://127.0.0.1:6566/get-online-features -body body.json -rate 200 -for 10s
//	go run ./bench/load -url … -body body.json -phases before=20s,fault=10s,after=30s -rate 200      # a report for each phase
//
// Each {{n}} in the body becomes a fresh random number in [0, keys).
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

type report struct {
	Phase    string  `json:"phase,omitempty"`
	Rate     float64 `json:"rate"`
	Sent     int     `json:"sent"`
	Errors   int     `json:"errors"`
	Achieved float64 `json:"achieved"` // answers a second
	P50      float64 `json:"p50_ms"`
	P90      float64 `json:"p90_ms"`
	P99      float64 `json:"p99_ms"`
	P999     float64 `json:"p999_ms"`
	Max      float64 `json:"max_ms"`
	Bytes    int     `json:"response_bytes"` // of the last answer
}

var (
	target = flag.String("url", "", "where to POST; this machine only")
	file   = flag.String("body", "", "file with the request body")
	rate   = flag.Float64("rate", 100, "requests a second")
	length = flag.Duration("for", 10*time.Second, "how long to send; at most 5m")
	warm   = flag.Duration("warm", 2*time.Second, "unmeasured lead at the same rate")
	conns  = flag.Int("conns", 64, "requests in flight at most; the wait for a free one counts as latency")
	keys   = flag.Int("keys", 1000, "{{n}} is drawn from [0, keys)")
	phases = flag.String("phases", "", "name=duration,…: report each stretch of time by itself, in place of -for")
	ctype  = flag.String("type", "application/json", "Content-Type")
)

func main() {
	flag.Parse()
	u, err := url.Parse(*target)
	check(err)
	if ip := net.ParseIP(u.Hostname()); u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		check(fmt.Errorf("%s is not this machine", u.Host))
	}
	raw, err := os.ReadFile(*file)
	check(err)
	parts := bytes.Split(raw, []byte("{{n}}"))
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConns: *conns, MaxIdleConnsPerHost: *conns}}
	*length = min(*length, 5*time.Minute)
	enc := json.NewEncoder(os.Stdout)
	if *phases == "" {
		run(client, parts, *rate, *warm)
		check(enc.Encode(run(client, parts, *rate, *length).report(*rate, 0, 1)))
		return
	}
	names, total, err := parsePhases(*phases)
	check(err)
	run(client, parts, *rate, *warm)
	fmt.Fprintln(os.Stderr, "begun") // so that who makes the faults knows when
	s := run(client, parts, *rate, total)
	from := time.Duration(0)
	for _, p := range names {
		r := s.report(*rate, from.Seconds()/total.Seconds(), (from+p.length).Seconds()/total.Seconds())
		r.Phase = p.name
		check(enc.Encode(r))
		from += p.length
	}
}

type phase struct {
	name   string
	length time.Duration
}

func parsePhases(text string) (out []phase, total time.Duration, err error) {
	for _, p := range strings.Split(text, ",") {
		name, length, _ := strings.Cut(p, "=")
		d, err := time.ParseDuration(length)
		if err != nil {
			return nil, 0, fmt.Errorf("-phases %s: %w", p, err)
		}
		out = append(out, phase{name, d})
		total += d
	}
	return out, min(total, 5*time.Minute), nil
}

// shot is what became of each request, in the order in which they were due.
type shot struct {
	took   []time.Duration
	failed []bool
	size   int64 // of the last answer
	total  time.Duration
}

// run sends for d at r requests a second: request i is due at i/r whatever became of those before it.
func run(client *http.Client, parts [][]byte, r float64, d time.Duration) *shot {
	n := int(r * d.Seconds())
	s := &shot{took: make([]time.Duration, n), failed: make([]bool, n)}
	var size atomic.Int64
	due := make(chan int, n)
	began := time.Now()
	var wg sync.WaitGroup
	for range *conns {
		wg.Go(func() {
			var b bytes.Buffer
			for i := range due {
				b.Reset()
				for j, p := range parts {
					if j > 0 {
						b.WriteString(strconv.Itoa(rand.IntN(*keys)))
					}
					b.Write(p)
				}
				n, err := post(client, b.Bytes())
				s.took[i] = time.Since(began) - when(i, r)
				s.failed[i] = err != nil
				size.Store(n)
			}
		})
	}
	for i := range n {
		if w := when(i, r) - time.Since(began); w > 0 {
			time.Sleep(w)
		}
		due <- i
	}
	close(due)
	wg.Wait()
	s.total, s.size = time.Since(began), size.Load()
	return s
}

// report sums up the requests due in a stretch of the run, as shares of it.
func (s *shot) report(rate, from, to float64) report {
	lo, hi := int(from*float64(len(s.took))), int(to*float64(len(s.took)))
	took := slices.Sorted(slices.Values(s.took[lo:hi]))
	n, failed := len(took), 0
	for _, f := range s.failed[lo:hi] {
		if f {
			failed++
		}
	}
	at := func(q float64) float64 {
		if n == 0 {
			return 0
		}
		return float64(took[min(n-1, int(q*float64(n)))].Microseconds()) / 1000
	}
	return report{Rate: rate, Sent: n, Errors: failed, Achieved: float64(n-failed) / (s.total.Seconds() * (to - from)),
		P50: at(.5), P90: at(.9), P99: at(.99), P999: at(.999), Max: at(1), Bytes: int(s.size)}
}

func when(i int, r float64) time.Duration {
	return time.Duration(float64(i) / r * float64(time.Second))
}

func post(client *http.Client, body []byte) (int64, error) {
	res, err := client.Post(*target, *ctype, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	n, err := io.Copy(io.Discard, res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s", res.Status)
	}
	return n, err
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
