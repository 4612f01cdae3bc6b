package predict

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/bighead-ml/bighead/catalog"
)

// Rules are when a canary steps up, and when it is rolled back. Requests are counted by row. The zero value is the defaults.
type Rules struct {
	// Requests is how many a canary must have answered at a step before it takes the next; 0: 500.
	Requests int
	// Least is how many either side must have answered before they are compared; 0: 100.
	Least int
	// Errors is by how much the canary's share of requests that failed may be greater than the others', where that is no chance; 0: 0.01.
	Errors float64
	// Slower is how many times the others' 99th percentile of time, and a millisecond, a call of the canary may take; more than one in a hundred
	// that take longer, where that is no chance, roll it back. 0: 2.
	Slower float64
	// Shift is the greatest distance between the two distributions of scores (Kolmogorov and Smirnov's) that is borne, where a greater one is no
	// chance; 0: 0.2.
	Shift float64
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
	return r
}

// trial counts what a canary and the others do at one step. It is safe for concurrent use.
type trial struct {
	traffic *catalog.Traffic
	mu      sync.Mutex
	canary  side
	others  side
}

// side is one side of a trial. Those of several processes add up.
type side struct {
	Rows   int       `json:"rows"` // answered or failed
	Failed int       `json:"failed"`
	Times  histogram `json:"times"` // of calls of the model, ns
	Calls  int       `json:"calls"`
	Scores histogram `json:"scores"`
	Scored int       `json:"scored"`
}

func newSide() side { return side{Times: histogram{}, Scores: histogram{}} }

// add adds what another has counted.
func (d *side) add(o *side) {
	d.Rows, d.Failed, d.Calls, d.Scored = d.Rows+o.Rows, d.Failed+o.Failed, d.Calls+o.Calls, d.Scored+o.Scored
	for _, x := range []struct{ to, from histogram }{{d.Times, o.Times}, {d.Scores, o.Scores}} {
		for bin, n := range x.from {
			x.to[bin] += n
		}
	}
}

// histogram counts numbers in bins whose edges are a sixteenth of an octave apart or less, below and above zero.
type histogram map[int32]int

func binOf(x float64) int32 {
	if x == 0 || x != x {
		return 0
	}
	m, e := math.Frexp(math.Abs(x)) // m in [0.5, 1)
	bin := int32(min(max(e, -64), 64)+65)*16 + int32((m-0.5)*32)
	if x < 0 {
		return -bin
	}
	return bin
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

// note counts a call of one side for some rows.
func (t *trial) note(canary bool, rows []Answer, asked []int32, failed int, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	d := &t.others
	if canary {
		d = &t.canary
	}
	if len(asked) == 0 {
		return
	}
	d.Rows += len(asked)
	d.Failed += failed
	d.Times[binOf(float64(took))]++
	d.Calls++
	for _, i := range asked {
		if s := rows[i].Scores; s != nil && rows[i].Version != 0 {
			d.Scores[binOf(scoreOf(s))]++
			d.Scored++
		}
	}
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
	Version  int64   `json:"version"`
	Share    float64 `json:"share"`
	Requests int     `json:"requests"`
	Failed   int     `json:"failed"`
	Others   int     `json:"others"`
	Shift    float64 `json:"shift"` // distance of the scores' distributions
}

func (t *trial) status() *CanaryStatus {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.traffic.Canary
	return &CanaryStatus{Version: c.Number, Share: c.Steps[c.Step], Requests: t.canary.Rows, Failed: t.canary.Failed, Others: t.others.Rows, Shift: distance(&t.canary, &t.others)}
}

// distance is the greatest difference between the two distributions of scores.
func distance(a, b *side) float64 {
	if a.Scored == 0 || b.Scored == 0 {
		return 0
	}
	bins := append(a.Scores.bins(), b.Scores.bins()...)
	slices.Sort(bins)
	most, x, y := 0.0, 0, 0
	for _, bin := range slices.Compact(bins) {
		x, y = x+a.Scores[bin], y+b.Scores[bin]
		most = max(most, math.Abs(float64(x)/float64(a.Scored)-float64(y)/float64(b.Scored)))
	}
	return most
}

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

// least is a share less three standard errors.
func least(n, of int) float64 {
	share := part(n, of)
	return share - 3*math.Sqrt(max(share*(1-share), 0.25/float64(max(of, 1)))/float64(max(of, 1)))
}

// edgeOf is the lower edge of a bin of numbers above zero.
func edgeOf(bin int32) float64 {
	if bin <= 0 {
		return 0
	}
	return math.Ldexp(0.5+float64(bin%16)/32, int(bin/16)-65)
}

// verdict says what is to become of the canary: back with the reason, up, or neither.
func (t *trial) verdict(r Rules, now time.Time) (back string, up bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c, o := &t.canary, &t.others
	if c.Rows >= r.Least {
		share, other := part(c.Failed, c.Rows), part(o.Failed, o.Rows)
		if least(c.Failed, c.Rows) > other && share > other+r.Errors || c.Failed == c.Rows {
			return fmt.Sprintf("error share %.3g over %d requests, the others' %.3g over %d", share, c.Rows, other, o.Rows), false
		}
	}
	if c.Rows >= r.Least && o.Rows >= r.Least {
		// Of few calls the 99th percentile is the slowest one: it is the share beyond the bound that must be no chance.
		theirs := o.slowest()
		bound := theirs*r.Slower + float64(time.Millisecond)
		if slow := c.beyond(bound); least(slow, c.Calls) > 0.01 {
			return fmt.Sprintf("%d of %d calls took longer than %v, where the others' 99th percentile is %v", slow, c.Calls, time.Duration(bound).Round(time.Microsecond), time.Duration(theirs).Round(time.Microsecond)), false
		}
		// Beyond chance in one of 10,000 comparisons (Smirnov's bound).
		chance := math.Sqrt(-0.5*math.Log(0.5e-4)) * math.Sqrt(1/float64(max(c.Scored, 1))+1/float64(max(o.Scored, 1)))
		if d := distance(c, o); d > r.Shift && d > chance {
			return fmt.Sprintf("scores shifted: the distributions are %.2f apart over %d and %d requests, %.2f is borne", d, c.Scored, o.Scored, r.Shift), false
		}
	}
	return "", c.Rows >= r.Requests && now.Sub(t.traffic.Canary.Since) >= r.Hold
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
		next := e.trial.next(s.o.Canary, s.o.Now())
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
func (t *trial) next(r Rules, now time.Time) *catalog.Traffic {
	back, up := t.verdict(r, now)
	if back == "" && !up {
		return nil
	}
	next, c := *t.traffic, *t.traffic.Canary
	next.ID, next.At, next.Canary, next.Rollback = 0, now, nil, nil
	switch {
	case back != "":
		next.Rollback = &catalog.Rollback{Versions: []int64{c.Number}}
		next.Reason = fmt.Sprintf("canary %s@%d rolled back: %s", next.Model, c.Number, back)
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
