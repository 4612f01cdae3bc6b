package reader

import (
	"fmt"
	"time"

	"github.com/bighead-ml/bighead/plan"
)

// Status is how one space stands. It is a copy.
type Status struct {
	Group, Space, Topic string
	// Filling: it has yet to have all of its source once, or in this process all that is in its topic.
	Filling bool
	// Filled: it has had all of its source once.
	Filled bool
	Marks  plan.Marks
	// Lag is how many records of the source the job has yet to read, as of a moment ago; −1: not known.
	Lag    int64
	AsOf   int64 // the latest time as of which the job had all of its source; plan.MinTime: not known
	Newest int64 // an upper bound of the newest event; plan.MinTime: none yet
	Rolled int64
	Kept   int64
	Bytes  int64 // in memory
	Counts Counts
	// Held says why it is not read just now, Stopped why it is not read any more; "": it is. Problem is what was wrong last with what was read.
	Held, Stopped, Problem string
}

// Counts count since the process began. Records were read; of them Malformed are no parts, Regressed have fewer rows than what stands, Late
// are of days that are in base tiles already, Behind lie before the batch watermark, Applied changed a tile. Again is how often the
// topic was read from its start, since it is another.
type Counts struct{ Records, Malformed, Regressed, Late, Behind, Applied, Again int64 }

func (c *Counts) add(d *Counts) {
	c.Records += d.Records
	c.Malformed += d.Malformed
	c.Regressed += d.Regressed
	c.Late += d.Late
	c.Behind += d.Behind
	c.Applied += d.Applied
}

// hangsAfter is how long a write of the store may take until it is said.
const hangsAfter = 10 * time.Second

// publish shows how the space stands to others.
func (x *space) publish() {
	s := Status{Group: x.Group.Name, Space: x.ID, Topic: x.topic, Filling: !x.filled(), Filled: x.st.Next > 0, Marks: x.marks, Lag: x.lag, AsOf: x.asOf, Newest: x.st.Newest, Rolled: x.st.Rolled,
		Kept: x.st.Kept, Bytes: x.bytes, Counts: x.counts, Problem: x.problem}
	x.mu.Lock()
	x.shown = s
	x.mu.Unlock()
}

// Status is how the spaces stand now.
func (r *Reader) Status() []Status {
	var out []Status
	for _, x := range r.all() {
		out = append(out, x.status())
	}
	return out
}

func (x *space) status() Status {
	x.mu.Lock()
	defer x.mu.Unlock()
	s := x.shown
	switch since := x.writing.Load(); {
	case x.failed != nil:
		s.Stopped = x.failed.Error()
	case x.held != nil:
		s.Held = x.held.Error()
	case x.gone != nil:
		s.Held = x.gone.Error()
	case since != 0 && time.Since(time.Unix(0, since)) > hangsAfter:
		s.Held = fmt.Sprintf("the online store has been at a write for %v: its disk does not answer", time.Since(time.Unix(0, since)).Round(time.Second))
	}
	return s
}

// malformed notes a record that is no part.
func (x *space) malformed(partition int32, offset int64, err error) {
	x.problem = fmt.Sprintf("topic %q partition %d offset %d: %v", x.topic, partition, offset, err)
}
