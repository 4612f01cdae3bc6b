package predict

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/bighead-ml/bighead/value"
)

// shadowDeadline is how long a shadow may take for a request: nobody waits for it, but the next ones do.
const shadowDeadline = 5 * time.Second

// shadowJob is what shadows are asked of one request: a copy of its rows' values and of what was answered.
type shadowJob struct {
	endpoint *endpoint // held
	bound    *bound
	values   [][]value.Value
	scores   [][]float64
}

// shadow has the shadows asked what a request was answered, some time, if there is room.
func (s *Server) shadow(c *call) {
	job := &shadowJob{endpoint: c.endpoint, bound: c.bound}
	for i := range c.out.Rows {
		if a := &c.out.Rows[i]; a.Problem == nil && a.Version != 0 {
			job.values, job.scores = append(job.values, slices.Clone(a.Values)), append(job.scores, slices.Clone(a.Scores))
		}
	}
	if len(job.values) == 0 || !c.endpoint.acquire() { // it is held by the request, so there it is
		return
	}
	select {
	case s.shadows <- job:
	default:
		for _, v := range c.endpoint.shadows {
			s.metrics.shadowed(c.endpoint.def.Name, v.number, "dropped", len(job.values))
		}
		c.endpoint.release()
	}
}

// runShadows asks the shadows, request after request, until the server closes.
func (s *Server) runShadows() {
	for {
		select {
		case <-s.stopping:
			for {
				select {
				case job := <-s.shadows:
					job.endpoint.release()
				default:
					return
				}
			}
		case job := <-s.shadows:
			for _, v := range job.endpoint.shadows {
				s.askShadow(job, v)
			}
			job.endpoint.release()
		}
	}
}

// askShadow compares what a shadow answers with what was answered.
func (s *Server) askShadow(job *shadowJob, v *version) {
	name := job.endpoint.def.Name
	if job.bound.foreign[v] != "" {
		s.metrics.shadowed(name, v.number, "failed", len(job.values))
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), shadowDeadline)
	defer cancel()
	w := v.workers.Get().(*worker)
	defer w.give()
	same, differs, failed, sum := 0, 0, 0, 0.0
	scores, err := w.answer(ctx, job.values, job.bound.at[v], nil)
	if err != nil { // as a whole, for a row that it does not take is no less of a difference
		s.metrics.shadowed(name, v.number, "failed", len(job.values))
		return
	}
	width := v.artifact.Answer.Width
	for i, want := range job.scores {
		got := scores[i*width : (i+1)*width]
		switch {
		case len(got) != len(want):
			failed++
			continue
		case slices.Equal(got, want):
			same++
			continue
		}
		differs++
		for k := range got {
			sum += math.Abs(got[k]-want[k]) / float64(width)
		}
	}
	s.metrics.shadowed(name, v.number, "same", same)
	s.metrics.shadowed(name, v.number, "differs", differs)
	s.metrics.shadowed(name, v.number, "failed", failed)
	s.metrics.differed(name, v.number, sum)
}
