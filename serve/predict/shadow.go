package predict

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/value"
)

// shadowDeadline is how long a shadow may take for a request: nobody waits for it, but the next ones do. A test changes it.
var shadowDeadline = 5 * time.Second

// shadowJob is what shadows are asked of one request: a copy of its rows' values and of what was answered.
type shadowJob struct {
	endpoint *endpoint // held
	bound    *bound
	view     *feature.View
	when, at int64 // it was answered, and as of when
	values   [][]value.Value
	scores   [][]float64
	rows     []shadowed
}

// shadowed is what of a row is recorded beside its score.
type shadowed struct {
	id       string // of the prediction; "": it is not recorded
	statuses []serve.Status
	asked    []value.Value
}

// shadow has the shadows asked what a request was answered, some time, if there is room.
func (s *Server) shadow(c *call, view *feature.View, when int64) {
	job := &shadowJob{endpoint: c.endpoint, bound: c.bound, view: view, when: when, at: c.out.At}
	for i := range c.out.Rows {
		a := &c.out.Rows[i]
		if a.Problem != nil || a.Version == 0 {
			continue
		}
		job.values, job.scores = append(job.values, slices.Clone(a.Values)), append(job.scores, slices.Clone(a.Scores))
		row := shadowed{}
		if s.o.Recorder != nil && c.recorded(i) {
			row = shadowed{a.ID, slices.Clone(a.Statuses), slices.Clone(c.askedOf(i))}
		}
		job.rows = append(job.rows, row)
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
	defer func() { // of what is done with its answer; of its model and pipeline it is an error
		if x := recover(); x != nil {
			s.shadowDefect(name, v, len(job.values), defectOf(x))
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), shadowDeadline)
	defer cancel()
	w := v.workers.Get().(*worker)
	defer w.give()
	same, differs, failed, sum := 0, 0, 0, 0.0
	scores, err := w.answer(ctx, job.values, job.bound.at[v], nil)
	if d := (*defect)(nil); errors.As(err, &d) {
		s.shadowDefect(name, v, len(job.values), err)
		return
	} else if err != nil { // as a whole, for a row that it does not take is no less of a difference
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
	s.recordShadow(job, v, scores)
	s.metrics.shadowed(name, v.number, "same", same)
	s.metrics.shadowed(name, v.number, "differs", differs)
	s.metrics.shadowed(name, v.number, "failed", failed)
	s.metrics.differed(name, v.number, sum)
}

// shadowDefect logs and counts a panic of a shadow. Nobody waits for a shadow who would hear of it otherwise.
func (s *Server) shadowDefect(endpoint string, v *version, rows int, err error) {
	s.log.Error("a shadow could not answer", "endpoint", endpoint, "version", v.id().String(), "rows", rows, "error", err)
	s.metrics.shadowed(endpoint, v.number, "failed", rows)
}

// recordShadow hands what a shadow says to the recorder, under the names of the predictions that it was asked beside: what becomes of those is its truth
// too.
func (s *Server) recordShadow(job *shadowJob, v *version, scores []float64) {
	left := 0
	for _, row := range job.rows {
		if row.id != "" {
			left++
		}
	}
	if left == 0 {
		return
	}
	e := job.endpoint
	p := s.o.Recorder.Begin(e.def.Name, job.view, left)
	if p == nil {
		return
	}
	p.Endpoint, p.Model, p.View, p.Time, p.At = e.def.Name, e.def.Model.Name, job.view, job.when, job.at
	width := v.artifact.Answer.Width
	for i, row := range job.rows {
		if row.id == "" {
			continue
		}
		defaulted := share(row.statuses, job.bound.at[v])
		p.Add(Prediction{ID: row.id, Version: v.number, Scores: scores[i*width : (i+1)*width], Degraded: e.wants(defaulted), ShareDefaulted: defaulted, Asked: row.asked, Shadow: true})
	}
	s.o.Recorder.Record(p)
}
