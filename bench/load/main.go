// Command load sends requests at a constant rate and reports latency from the moment each was due, so a server that stalls is charged for every
// request that should have been sent meanwhile (no coordinated omission).
//
//	go run ./bench/load -url http://127.0.0.1:6566/get-online-features -body body.json -rate 200 -for 10s
//	go run ./bench/load -url grpc://127.0.0.1:6567 -body body.json -rate 200      # the body is a GetFeaturesRequest as JSON
//	go run ./bench/load -url grpc://127.0.0.1:6567 -call predict -body body.json  # a PredictRequest
//	go run ./bench/load -url … -lines -body bodies.ndjson -rate 200                # a request in each line
//	go run ./bench/load -url … -body body.json -rate 0 -for 5s                    # as fast as -conns requests at a time go: saturation
//	go run ./bench/load -url … -body body.json -phases before=20s,fault=10s,after=30s -rate 200      # a report for each phase
//
// Each {{n}} in the body becomes a random number in [0, keys); requests are made before the clock starts, and drawn at random.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"
)

var (
	target   = flag.String("url", "", "where to POST (http), or to call (grpc); this machine only")
	rpc      = flag.String("call", "features", "over gRPC: features (GetFeatures) or predict (Predict) of bighead.v1, infer (ModelInfer) of the Open Inference Protocol")
	file     = flag.String("body", "", "file with the request body")
	lines    = flag.Bool("lines", false, "the file has a request in each line, which is sent as it is")
	rate     = flag.Float64("rate", 100, "requests a second; 0: as many as go")
	length   = flag.Duration("for", 10*time.Second, "how long to send; at most 5m")
	warm     = flag.Duration("warm", 2*time.Second, "unmeasured lead at the same rate")
	conns    = flag.Int("conns", 64, "requests in flight at most; the wait for a free one counts as latency")
	keys     = flag.Int("keys", 1000, "{{n}} is drawn from [0, keys)")
	phases   = flag.String("phases", "", "name=duration,…: report each stretch of time by itself, in place of -for")
	statuses = flag.Bool("statuses", false, "count the statuses in answers of POST /v1/features")
	late     = flag.Duration("late", 0, "count answers that came later than this")
	once     = flag.Bool("once", false, "send each request once, as fast as they go, {{n}} counting up to keys")
	save     = flag.String("save", "", "file for some of the answers, a line each")
	every    = flag.Int("every", 100, "with -save: one answer of so many")
)

func main() {
	flag.Parse()
	u, err := url.Parse(*target)
	check(err)
	if ip := net.ParseIP(u.Hostname()); u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		check(fmt.Errorf("%s is not this machine", u.Host))
	}
	body, err := os.ReadFile(*file)
	check(err)
	send, requests, text, err := dial(u, body)
	check(err)
	l := &load{send: send, requests: requests, rate: *rate}
	if *once {
		l.rate = 0
	}
	*length = min(*length, 5*time.Minute)
	enc := json.NewEncoder(os.Stdout)
	if *once {
		check(enc.Encode(l.run(0).report(0, 1)))
		return
	}
	if *phases == "" {
		l.run(*warm)
		s := l.run(*length)
		check(enc.Encode(s.report(0, 1)))
		check(s.saved(*save, text))
		return
	}
	names, total, err := parsePhases(*phases)
	check(err)
	l.run(*warm)
	fmt.Fprintln(os.Stderr, "begun") // so that who makes the faults knows when
	s := l.run(total)
	from := time.Duration(0)
	for _, p := range names {
		r := s.report(from.Seconds()/total.Seconds(), (from+p.length).Seconds()/total.Seconds())
		r.Phase = p.name
		check(enc.Encode(r))
		from += p.length
	}
	check(s.saved(*save, text))
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

// load is what is sent, and how.
type load struct {
	send     sender
	requests [][]byte
	rate     float64
}

// run sends for d: request i is due at i/rate whatever became of those before it. At rate 0 it is due when a request before it is answered.
func (l *load) run(d time.Duration) *shots {
	began, used := time.Now(), processorTime()
	s := &shots{rate: l.rate, handed: make([]time.Duration, 0, int(l.rate*d.Seconds()))}
	due := make(chan int, max(1, int(l.rate*d.Seconds())))
	var wg sync.WaitGroup
	var mu sync.Mutex
	for range *conns {
		wg.Go(func() {
			var mine []shot
			var memory []byte // of answers
			for i := range due {
				from := when(i, l.rate)
				if l.rate == 0 {
					from = time.Since(began)
				}
				request := l.requests[i%len(l.requests)]
				if !*once {
					request = l.requests[rand.IntN(len(l.requests))]
				}
				answer, err := l.send(request, memory)
				memory = answer[:0]
				x := shot{due: i, took: time.Since(began) - from, failed: err != nil, size: len(answer)}
				x.look(request, answer)
				mine = append(mine, x)
			}
			mu.Lock()
			defer mu.Unlock()
			s.all = append(s.all, mine...)
		})
	}
	for i := 0; l.more(i, d, began); i++ {
		if w := when(i, l.rate) - time.Since(began); w > 0 && l.rate > 0 {
			time.Sleep(w)
		}
		if l.rate > 0 {
			s.handed = append(s.handed, time.Since(began)-when(i, l.rate))
		}
		due <- i
	}
	close(due)
	wg.Wait()
	s.total, s.cpu = time.Since(began), processorTime()-used
	return s
}

// more reports whether request i is to be sent.
func (l *load) more(i int, d time.Duration, began time.Time) bool {
	switch {
	case *once:
		return i < len(l.requests)
	case l.rate == 0:
		return time.Since(began) < d
	}
	return i < int(l.rate*d.Seconds())
}

func when(i int, r float64) time.Duration {
	return time.Duration(float64(i) / r * float64(time.Second))
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
