package predict

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bighead-ml/bighead/catalog"
)

// Rules are when a canary steps up, and when it is rolled back. Requests are counted by row. The zero value is the defaults.
type Rules struct {
	// Requests is how many a canary must have been asked at a step before it takes the next; 0: 500.
	Requests int
	// Least is how many either side must have been asked before they are compared, and must have answered before the canary takes the next step; 0: 100.
	Least int
	// Errors is by how much the canary's share of requests that failed may be greater than the others', where that is no chance, and so the share of
	// those that it refused; 0: 0.01.
	Errors float64
	// Slower is how many times the others' 99th percentile of time, and a millisecond, a call of the canary may take; more than one in a hundred
	// that take longer, where that is no chance, roll it back. 0: 2.
	Slower float64
	// Shift is the greatest distance between the two distributions of scores (Kolmogorov and Smirnov's) that is borne, where a greater one is no
	// chance; 0: 0.2.
	Shift float64
	// Blind is the distance between them that must be no chance for the canary to take the next step: where a greater one would be, the requests are
	// of so few keys that they say next to nothing. 0: 0.75, which is 9 keys beside many, or 18 on either side.
	Blind float64
	// Hold is how long a step lasts at least; 0: no time at all.
	Hold time.Duration
}

func (r Rules) filled() Rules {
	if r.Requests == 0 {
		r.Requests = 500
	}
	if r.Least == 0 {
		r.Least = 100
	}
	if r.Errors == 0 {
		r.Errors = 0.01
	}
	if r.Slower == 0 {
		r.Slower = 2
	}
	if r.Shift == 0 {
		r.Shift = 0.2
	}
	if r.Blind == 0 {
		r.Blind = 0.75
	}
	return r
}

// trial counts what a canary and the others do at one step. It is safe for concurrent use.
type trial struct {
	traffic *catalog.Traffic
	mu      sync.Mutex
	canary  side
	others  side
	said    atomic.Bool // that it waits for what may never come
}

// side is one side of a trial. Those of several processes add up; of one that runs an older bighead no sample comes, and nothing of what it refused and
// answered.
type side struct {
	Rows     int       `json:"rows"` // answered, refused or failed
	Failed   int       `json:"failed"`
	Refused  int       `json:"refused"`
	Answered int       `json:"answered"`
	Times    histogram `json:"times"` // of calls of the model, ns
	Calls    int       `json:"calls"`
	Sample   sample    `json:"sample"` // of the rows
}

func newSide() side { return side{Times: histogram{}} }

// add adds what another has counted.
func (d *side) add(o *side) {
	d.Rows, d.Failed, d.Refused, d.Answered, d.Calls = d.Rows+o.Rows, d.Failed+o.Failed, d.Refused+o.Refused, d.Answered+o.Answered, d.Calls+o.Calls
	for bin, n := range o.Times {
		d.Times[bin] += n
	}
	d.Sample.add(&o.Sample)
}

// histogram counts times in bins whose edges are a sixteenth of an octave apart or less.
type histogram map[int32]int

func binOf(ns float64) int32 {
	if !(ns > 0) {
		return 0
	}
	m, e := math.Frexp(ns) // m in [0.5, 1)
	return int32(min(max(e, -64), 64)+65)*16 + int32((m-0.5)*32)
}

func (h histogram) bins() []int32 {
	out := make([]int32, 0, len(h))
	for b := range h {
		out = append(out, b)
	}
	slices.Sort(out)
	return out
}

// trial finds the counts of a step of a canary, which are kept from state to state of an endpoint.
func (s *Server) trial(t *catalog.Traffic) *trial {
	if s.trials[t.ID] == nil {
		s.trials[t.ID] = &trial{traffic: t, canary: newSide(), others: newSide()}
	}
	return s.trials[t.ID]
}

// keepTrials lets go of steps that are over.
func (s *Server) keepTrials(next *table) {
	kept := map[int64]*trial{}
	for _, e := range next.endpoints {
		if e.trial != nil {
			kept[e.trial.traffic.ID] = e.trial
		}
	}
	s.trials = kept
}

// note counts a call of one side for some rows, whose keys' hashes are keys.
func (t *trial) note(canary bool, rows []Answer, asked []int32, keys []uint64, failed int, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(asked) == 0 {
		return
	}
	d := t.met(canary, rows, asked, keys, failed)
	d.Times[binOf(float64(took))]++
	d.Calls++
}

// noteUnasked counts rows of a version that cannot be asked for them: they fail, and take no time.
func (t *trial) noteUnasked(canary bool, rows []Answer, asked []int32, keys []uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.met(canary, rows, asked, keys, len(asked))
}

// met counts rows of one side.
func (t *trial) met(canary bool, rows []Answer, asked []int32, keys []uint64, failed int) *side {
	d := &t.others
	if canary {
		d = &t.canary
	}
	d.Rows += len(asked)
	d.Failed += failed
	for _, i := range asked {
		a := &rows[i]
		switch answered := a.Scores != nil && a.Version != 0; {
		case a.Problem != nil:
			d.Refused++
			d.Sample.draw(keys[i], 0, false)
		case answered:
			d.Answered++
			d.Sample.draw(keys[i], scoreOf(a.Scores), true)
		default:
			d.Sample.draw(keys[i], 0, false)
		}
	}
	return d
}

// scoreOf is a number for an answer: itself, or of probabilities by class which is the greatest, and how great.
func scoreOf(scores []float64) float64 {
	if len(scores) == 1 {
		return scores[0]
	}
	best := 0
	for i, x := range scores {
		if x > scores[best] {
			best = i
		}
	}
	return float64(best) + scores[best]
}

// CanaryStatus is how a canary does at its step.
type CanaryStatus struct {
	Version       int64   `json:"version"`
	Share         float64 `json:"share"`
	Requests      int     `json:"requests"`
	Failed        int     `json:"failed"`
	Refused       int     `json:"refused"` // rows that it does not take
	Others        int     `json:"others"`
	OthersRefused int     `json:"others_refused"`
	Shift         float64 `json:"shift"` // distance of the scores' distributions
	// Waits is what the next step waits for; where it may wait for ever, with what to do.
	Waits string `json:"waits,omitempty"`
}

func (t *trial) status(r Rules, now time.Time) *CanaryStatus {
	t.mu.Lock()
	defer t.mu.Unlock()
	k, c, o := t.traffic.Canary, &t.canary, &t.others
	return &CanaryStatus{Version: k.Number, Share: t.share(), Requests: c.Rows, Failed: c.Failed, Refused: c.Refused, Others: o.Rows, OthersRefused: o.Refused,
		Shift: c.Sample.distance(&o.Sample), Waits: t.verdict(r, now).waits}
}

// share is the part of all requests that the canary should get.
func (t *trial) share() float64 { return t.traffic.Canary.Steps[t.traffic.Canary.Step] }

// slowest is the bin of the 99th percentile.
func (d *side) slowest() float64 {
	bins := d.Times.bins()
	rank, seen := d.Calls-d.Calls/100, 0
	i := sort.Search(len(bins), func(i int) bool {
		seen = 0
		for _, b := range bins[:i+1] {
			seen += d.Times[b]
		}
		return seen >= rank
	})
	return edgeOf(bins[min(i, len(bins)-1)])
}

// beyond is how many calls took longer than some nanoseconds.
func (d *side) beyond(bound float64) int {
	n := 0
	for bin, calls := range d.Times {
		if edgeOf(bin) > bound {
			n += calls
		}
	}
	return n
}

// least is a share less its standard errors.
func least(n, of int) float64 {
	share := part(n, of)
	return share - standardErrors*math.Sqrt(variance(share, float64(of)))
}

// edgeOf is the lower edge of a bin of numbers above zero.
func edgeOf(bin int32) float64 {
	if bin <= 0 {
		return 0
	}
	return math.Ldexp(0.5+float64(bin%16)/32, int(bin/16)-65)
}

func part(n, of int) float64 {
	if of == 0 {
		return 0
	}
	return float64(n) / float64(of)
}

// Counted is what a process has counted of a canary's step, on its way to the process that decides.
type Counted struct {
	Traffic int64 `json:"traffic"` // the step, by the traffic's ID
	Canary  side  `json:"canary"`
	Others  side  `json:"others"`
}

// Count takes what was counted since it was taken last, for the process that decides (Add).
func (s *Server) Count() []Counted {
	var out []Counted
	for _, e := range s.table.Load().endpoints {
		if e.trial != nil {
			if c := e.trial.take(); c.Canary.Rows+c.Others.Rows > 0 {
				out = append(out, c)
			}
		}
	}
	return out
}

func (t *trial) take() Counted {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := Counted{t.traffic.ID, t.canary, t.others}
	t.canary, t.others = newSide(), newSide()
	return c
}

// Add adds what another process has counted. What is of a step that is over, or that this process has not heard of yet, is of no use: every step begins
// anew, and none has so few requests that these were missed.
func (s *Server) Add(counted []Counted) {
	for _, e := range s.table.Load().endpoints {
		for i := range counted {
			if c := &counted[i]; e.trial != nil && e.trial.traffic.ID == c.Traffic {
				e.trial.mu.Lock()
				e.trial.canary.add(&c.Canary)
				e.trial.others.add(&c.Others)
				e.trial.mu.Unlock()
			}
		}
	}
}

// Decide steps canaries up and rolls them back, by what this process has seen and was told of (Add), and writes that to the catalog, where all processes read
// it (Refresh). One process of a project does it at a time: whoever has its lease. It gives what was decided, in words.
func (s *Server) Decide(ctx context.Context, models catalog.Models, by string) (decided []string, err error) {
	t := s.table.Load()
	var errs []error
	for _, name := range t.names {
		e := t.endpoints[name]
		if e.trial == nil {
			continue
		}
		v := e.trial.judged(s.o.Canary, s.o.Now())
		if v.stuck && !e.trial.said.Swap(true) {
			s.log.WarnContext(ctx, "a canary waits for what may never come", "endpoint", name, "version", versionID{e.def.Model.Name, e.trial.traffic.Canary.Number}.String(), "waits", v.waits)
		}
		next := e.trial.next(v, s.o.Now())
		if next == nil {
			continue
		}
		next.By = by
		if err := models.SetTraffic(ctx, e.trial.traffic.ID, next); errors.Is(err, catalog.ErrStale) {
			continue // somebody has changed it meanwhile: what was counted is of what was
		} else if err != nil {
			errs = append(errs, fmt.Errorf("endpoint %s: %w", name, err))
			continue
		}
		decided = append(decided, "endpoint "+name+": "+next.Reason)
	}
	return decided, errors.Join(errs...)
}

// next is the traffic after a verdict; nil: all stays as it is.
func (t *trial) next(v verdict, now time.Time) *catalog.Traffic {
	if v.back == "" && !v.up {
		return nil
	}
	next, c := *t.traffic, *t.traffic.Canary
	next.ID, next.At, next.Canary, next.Rollback = 0, now, nil, nil
	switch {
	case v.back != "":
		next.Rollback = &catalog.Rollback{Versions: []int64{c.Number}}
		next.Reason = fmt.Sprintf("canary %s@%d rolled back: %s", next.Model, c.Number, v.back)
	case c.Step+1 >= len(c.Steps) || c.Steps[c.Step+1] >= 1:
		next.Routes = []catalog.Route{{Number: c.Number, Weight: 100}}
		next.Reason = fmt.Sprintf("canary %s@%d has all requests now", next.Model, c.Number)
	default:
		c.Step, c.Since = c.Step+1, now
		next.Canary = &c
		next.Reason = fmt.Sprintf("canary %s@%d stepped up to a share of %g", next.Model, c.Number, c.Steps[c.Step])
	}
	return &next
}
