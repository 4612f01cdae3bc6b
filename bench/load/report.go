package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"math"
	"os"
	"slices"
	"syscall"
	"time"
)

// shot is what became of a request.
type shot struct {
	due    int
	took   time.Duration
	failed bool
	size   int
	counts map[string]int // values by status
	// request and answer are there where they are to be saved.
	request, answer []byte
}

// shots are those of a run.
type shots struct {
	all []shot
	// handed is for how long each request was due when this process came to hand it to a connection, or to those who wait for one: no server's part.
	handed []time.Duration
	rate   float64
	total  time.Duration
	cpu    time.Duration // of this process meanwhile
}

// processorTime is what this process has taken so far.
func processorTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // of oneself it does not fail
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

type report struct {
	Phase    string         `json:"phase,omitempty"`
	Rate     float64        `json:"rate"`
	Sent     int            `json:"sent"`
	Errors   int            `json:"errors"`
	Late     int            `json:"late"`     // later than -late
	Achieved float64        `json:"achieved"` // answers a second
	P50      float64        `json:"p50_ms"`
	P90      float64        `json:"p90_ms"`
	P99      float64        `json:"p99_ms"`
	P999     float64        `json:"p999_ms"`
	Max      float64        `json:"max_ms"`
	Own      float64        `json:"generator_ms"`   // of processor time, a request
	Handed   float64        `json:"handed_p99_ms"`  // for how long requests of the whole run were due before this process got to them
	Bytes    int            `json:"response_bytes"` // of one answer
	Statuses map[string]int `json:"statuses,omitempty"`
}

// look takes from an answer what the flags ask for.
func (x *shot) look(request, answer []byte) {
	if *save != "" && x.due%*every == 0 {
		x.request, x.answer = request, bytes.Clone(answer)
	}
	if !*statuses {
		return
	}
	x.counts = map[string]int{}
	for rest := answer; ; {
		// {"values":[…],"status":"present"} or {"values":[…],"status":["present",…]}, and no other field has that name
		_, after, ok := bytes.Cut(rest, []byte(`],"status":`))
		if !ok {
			break
		}
		end := bytes.IndexByte(after, '}')
		if end < 0 {
			break
		}
		for i, word := range bytes.Split(after[:end], []byte(`"`)) {
			if i%2 == 1 {
				x.counts[string(word)]++
			}
		}
		rest = after[end:]
	}
	if len(x.counts) == 0 {
		x.counts["no row"]++
	}
}

// report sums up the requests due in a stretch of the run, as shares of it.
func (s *shots) report(from, to float64) report {
	slices.SortFunc(s.all, func(a, b shot) int { return a.due - b.due })
	part := s.all[int(from*float64(len(s.all))):int(math.Round(to*float64(len(s.all))))]
	r := report{Rate: s.rate, Sent: len(part), Statuses: map[string]int{}}
	var took []time.Duration
	for i := range part {
		x := &part[i]
		took = append(took, x.took)
		if x.failed {
			r.Errors++
		}
		if *late > 0 && x.took > *late {
			r.Late++
		}
		r.Bytes = x.size
		for k, n := range x.counts {
			r.Statuses[k] += n
		}
	}
	slices.Sort(took)
	at := func(q float64) float64 {
		if len(took) == 0 {
			return 0
		}
		return float64(took[min(len(took)-1, int(q*float64(len(took))))].Microseconds()) / 1000
	}
	r.Own = float64(s.cpu.Microseconds()) / 1000 / max(1, float64(len(s.all)))
	r.Achieved = float64(r.Sent-r.Errors) / (s.total.Seconds() * (to - from))
	r.P50, r.P90, r.P99, r.P999, r.Max = at(.5), at(.9), at(.99), at(.999), at(1)
	took = slices.Sorted(slices.Values(s.handed))
	r.Handed = at(.99)
	return r
}

// saved writes the answers that were kept: when each was due, ms from the beginning, and request and answer as JSON, which text makes of them.
func (s *shots) saved(path string, text texts) error {
	if path == "" {
		return nil
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	enc := json.NewEncoder(w)
	for _, x := range s.all {
		if x.answer == nil || x.failed {
			continue
		}
		request, answer, err := text(x.request, x.answer)
		if err != nil {
			return err
		}
		if err := enc.Encode(map[string]any{"due": when(x.due, s.rate).Milliseconds(), "request": json.RawMessage(request), "answer": json.RawMessage(answer)}); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}
