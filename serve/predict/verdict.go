package predict

import (
	"fmt"
	"math"
	"time"
)

// verdict is what is to become of a canary: back, up, or neither.
type verdict struct {
	back  string // why; "": not back
	up    bool
	waits string // what the next step waits for; "": it goes back, or up
	stuck bool   // that may never come
}

func (t *trial) judged(r Rules, now time.Time) verdict {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.verdict(r, now)
}

func (t *trial) verdict(r Rules, now time.Time) verdict {
	if back := t.worse(r); back != "" {
		return verdict{back: back}
	}
	v := t.waits(r, now)
	v.up = v.waits == ""
	return v
}

// worse says in what the canary does worse than the others; "": in nothing that is known.
func (t *trial) worse(r Rules) string {
	c, o := &t.canary, &t.others
	if c.Rows < r.Least {
		return ""
	}
	share, other := part(c.Failed, c.Rows), part(o.Failed, o.Rows)
	if least(c.Failed, c.Rows) > other && share > other+r.Errors || c.Failed == c.Rows {
		return fmt.Sprintf("error share %.3g over %d requests, the others' %.3g over %d", share, c.Rows, other, o.Rows)
	}
	if o.Rows < r.Least {
		return ""
	}
	// A row that is refused may be the caller's mistake, and is as often one of the others' then. Callers who make it may have few keys: rows count by
	// what they are worth, on both sides.
	share, other = part(c.Refused, c.Rows), part(o.Refused, o.Rows)
	chance := standardErrors * math.Sqrt(variance(share, c.Sample.worth(false))+variance(other, o.Sample.worth(false)))
	if share-other > max(chance, r.Errors) {
		return fmt.Sprintf("refused share %.3g over %d requests, the others' %.3g over %d", share, c.Rows, other, o.Rows)
	}
	// Of few calls the 99th percentile is the slowest one: it is the share beyond the bound that must be no chance.
	if c.Calls > 0 && o.Calls > 0 {
		theirs := o.slowest()
		bound := theirs*r.Slower + float64(time.Millisecond)
		if slow := c.beyond(bound); least(slow, c.Calls) > 0.01 {
			return fmt.Sprintf("%d of %d calls took longer than %v, where the others' 99th percentile is %v", slow, c.Calls, time.Duration(bound).Round(time.Microsecond), time.Duration(theirs).Round(time.Microsecond))
		}
	}
	if d := c.Sample.distance(&o.Sample); d > r.Shift && d > c.Sample.chance(&o.Sample) {
		return fmt.Sprintf("scores shifted: the distributions are %.2f apart over %d and %d requests, %.2f is borne", d, c.Answered, o.Answered, r.Shift)
	}
	return ""
}

// waits is what a canary that does no worse waits for.
func (t *trial) waits(r Rules, now time.Time) verdict {
	c, o := &t.canary, &t.others
	blind := c.Sample.chance(&o.Sample) > r.Blind
	switch until := t.traffic.Canary.Since.Add(r.Hold); {
	// So far from its share it is by no chance, but where most requests are of few keys, and theirs is another version.
	case c.Rows < r.Requests && float64(c.Rows+o.Rows)*t.share() >= 2*float64(r.Requests):
		return t.fewKeys(fmt.Sprintf("it was asked %d of %d requests, where its share is %g", c.Rows, c.Rows+o.Rows, t.share()))
	case c.Rows < r.Requests:
		return verdict{waits: fmt.Sprintf("it was asked %d of the %d requests of a step", c.Rows, r.Requests)}
	case now.Before(until):
		return verdict{waits: "the step lasts until " + until.UTC().Format(time.RFC3339)}
	case o.Rows < r.Least:
		return t.fewKeys(fmt.Sprintf("the others were asked %d requests, and from %d on they can be compared", o.Rows, r.Least))
	case c.Answered < r.Least || o.Answered < r.Least:
		return verdict{stuck: true, waits: fmt.Sprintf("it has answered %d requests, the others %d, and from %d each they can be compared; what is refused or fails has no score; its problem, and the log, say why; "+
			"bighead deploy %s@%d --to %s sends it all requests without a comparison", c.Answered, o.Answered, r.Least, t.traffic.Model, t.traffic.Canary.Number, t.traffic.Endpoint)}
	case blind:
		return t.fewKeys(fmt.Sprintf("the %d requests that it answered are of so few keys that they say what %.0f would, the others' %d what %.0f would", c.Answered, c.Sample.worth(true), o.Answered, o.Sample.worth(true)))
	}
	return verdict{}
}

// fewKeys is the verdict where requests are of too few keys to compare versions by, with what to do.
func (t *trial) fewKeys(what string) verdict {
	return verdict{stuck: true, waits: fmt.Sprintf("%s: most requests are of few keys, each of which one version answers, so that the versions cannot be compared; give the endpoint a sticky= of which there are more, or end the canary "+
		"(bighead rollback %s) and have each version asked all (bighead deploy %s@%d --to %[2]s --shadow)", what, t.traffic.Endpoint, t.traffic.Model, t.traffic.Canary.Number)}
}

// standardErrors are so many as no chance is beyond.
const standardErrors = 3

// variance is that of a share of so many rows; of few it is known no better than that it may be anything.
func variance(share, of float64) float64 {
	of = max(of, 1)
	return max(share*(1-share), 0.25/of) / of
}
