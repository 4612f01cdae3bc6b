package predict

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/value"
)

// modelShare is the part of an endpoint's deadline that features leave to the model: a store that does not answer in time must not take from it
// the time to answer with stand-ins.
const modelShare = 0.2

// othersShare is the part of the time that is left which a version whose model is elsewhere leaves to those that can answer in its place. A test
// changes it.
var othersShare = modelShare

// Predict answers a request into out, which may hold an earlier answer. The error is a *serve.Problem where the request itself is wrong, or the
// endpoint has nothing to answer with, and the context's where that has ended; what is wrong with a row is the row's answer.
//
// Steps: take a state of the endpoint; have the view's columns; send each row to a version by its key, and the rows of a version together to
// its pipeline and model; what a version could not answer to the others, where the endpoint says so, and then to its fallback; note what was
// answered. One deadline is for all of it.
func (s *Server) Predict(ctx context.Context, r Request, out *Response) error {
	e, err := s.acquire(r.Endpoint)
	if err != nil {
		return err
	}
	defer e.release()
	view, err := s.features.View(e.def.Model.TrainingSet.View.Name)
	if err != nil {
		return err
	}
	if len(e.routes) == 0 && e.fallback == nil {
		return e.noVersion()
	}
	c := calls.Get().(*call)
	defer c.release()
	c.server, c.endpoint, c.bound, c.request, c.out = s, e, e.bind(view), r, out
	out.reset(e, len(r.Rows))
	if d := e.deadline(); d > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d)
		defer cancel()
	}
	if err := c.features(ctx, view); err != nil {
		return err
	}
	began := s.o.Now()
	c.route()
	c.answer(ctx)
	c.fallBack(ctx)
	out.ModelTime = s.o.Now().Sub(began)
	if err := context.Cause(ctx); errors.Is(err, context.Canceled) {
		return err
	}
	c.finish(view.Plan.View)
	return nil
}

// call is one request while it is answered. For one goroutine.
type call struct {
	server   *Server
	endpoint *endpoint
	bound    *bound
	request  Request
	out      *Response
	of       []int32  // the route of each row; answered, waiting
	keys     []uint64 // the hash of each row's key, where it decides something
	rows     []int32  // of one version, while it is asked
	values   [][]value.Value
	ids      []string // of what is going to be predicted
	asked    []value.Value
	key      []byte
	failed   []failedRow
}

// Rows that no version is asked for.
const (
	answered = -1 // with a problem, or by the fallback
	unrouted = -2 // no version can be asked
)

// failedRow is a row that its version could not answer.
type failedRow struct {
	row   int32
	by    *version // nil: there was none to ask
	why   string
	late  bool
	alone bool // it was not asked, since it does not answer
}

var calls = sync.Pool{New: func() any { return new(call) }}

// release gives the call back. What was made of the request is let go.
func (c *call) release() {
	clear(c.values[:cap(c.values)])
	clear(c.failed)
	clear(c.ids)
	clear(c.asked)
	*c = call{of: c.of[:0], keys: c.keys[:0], rows: c.rows[:0], values: c.values[:0], ids: c.ids[:0], asked: c.asked[:0], key: c.key[:0], failed: c.failed[:0]}
	calls.Put(c)
}

// features asks the view. Predictions have their names from here on, so that the record of the features has them.
func (c *call) features(ctx context.Context, view *serve.View) error {
	began := c.server.o.Now()
	for range c.request.Rows {
		c.ids = append(c.ids, uuid.Must(uuid.NewV7()).String()) // it fails only where the system has no randomness
	}
	fetching := ctx
	if d := c.endpoint.deadline(); d > 0 {
		var cancel context.CancelFunc
		fetching, cancel = context.WithTimeout(ctx, time.Duration(float64(d)*(1-modelShare)))
		defer cancel()
	}
	err := view.Answer(fetching, serve.Request{Rows: c.request.Rows, At: c.request.At, Features: c.bound.features, Predictions: c.ids}, &c.out.features)
	c.out.FeaturesTime = c.server.o.Now().Sub(began)
	c.out.At, c.out.Features = c.out.features.At, c.bound.names
	return err
}

// route finds the version of each row. Rows without values have a problem, or, where it is no mistake of the caller's, are the fallback's.
func (c *call) route() {
	e := c.endpoint
	for i := range c.out.features.Rows {
		f, a := &c.out.features.Rows[i], &c.out.Rows[i]
		a.Values, a.Statuses = f.Values, f.Statuses
		at, key := int32(answered), uint64(0)
		switch p := f.Problem; {
		case p == nil && len(e.routes) == 0:
			at = unrouted
			c.failed = append(c.failed, failedRow{row: int32(i), why: "no version of the model is there"})
		case p == nil:
			if len(e.routes) > 1 || e.trial != nil {
				key, c.key = hashKey(e.seed, c.request.Rows[i].Values, c.bound.sticky, c.key)
			}
			at = int32(choose(e.routes, key))
		case e.fallback != nil && (p.Code == feature.CodeRequiredFailed || p.Code == feature.CodeRequiredNull):
			c.constant(a, p.Detail)
		default:
			a.Problem = p
		}
		c.of, c.keys = append(c.of, at), append(c.keys, key)
	}
}

// constant answers a row with the endpoint's fallback.
func (c *call) constant(a *Answer, why string) {
	a.Scores = c.out.take(len(c.endpoint.fallback))
	copy(a.Scores, c.endpoint.fallback)
	a.Version, a.Degraded, a.Reason, a.Problem = 0, true, why, nil
	if names := c.endpoint.classes; names != nil {
		a.Class, a.Classes = likeliest(names, a.Scores), names
	}
}

// answer has the versions answer their rows.
func (c *call) answer(ctx context.Context) {
	for k := range c.endpoint.routes {
		r := &c.endpoint.routes[k]
		c.rows = c.rows[:0]
		for i, of := range c.of {
			if of == int32(k) {
				c.rows = append(c.rows, int32(i))
			}
		}
		if len(c.rows) == 0 {
			continue
		}
		if why := c.bound.foreign[r.version]; why != "" {
			c.fail(r.version, c.rows, why, false)
			if t := c.endpoint.trial; t != nil {
				t.noteUnasked(r.canary, c.out.Rows, c.rows, c.keys)
			}
			continue
		}
		rows := c.stands(r.version, c.rows)
		before, began := len(c.failed), c.server.o.Now()
		c.ask(ctx, r.version, rows)
		if t := c.endpoint.trial; t != nil {
			t.note(r.canary, c.out.Rows, rows, c.keys, len(c.failed)-before, c.server.o.Now().Sub(began))
		}
	}
}

// stands notes of the rows of a version how many of their columns were had, and leaves out those that the fallback answers for want of them.
func (c *call) stands(v *version, rows []int32) []int32 {
	at, kept := c.bound.at[v], rows[:0]
	for _, i := range rows {
		a := &c.out.Rows[i]
		a.ShareDefaulted = share(a.Statuses, at)
		if a.Degraded = c.endpoint.wants(a.ShareDefaulted); a.Degraded {
			a.Reason = "too many of the columns could not be had"
		}
		if a.Degraded && c.endpoint.fallback != nil {
			c.constant(a, a.Reason)
			continue
		}
		kept = append(kept, i)
	}
	return kept
}

// ask has a version answer rows. Those that it does not take have a problem; those that it could not answer are noted as failed.
func (c *call) ask(ctx context.Context, v *version, rows []int32) {
	if len(rows) == 0 {
		return
	}
	w := v.workers.Get().(*worker)
	defer w.give()
	c.askWith(ctx, w, rows)
}

func (c *call) askWith(ctx context.Context, w *worker, rows []int32) {
	c.values = c.values[:0]
	for _, i := range rows {
		c.values = append(c.values, c.out.Rows[i].Values)
	}
	asking, done := c.leaving(ctx, w.v)
	scores, err := w.answer(asking, c.values, c.bound.at[w.v], c.endpoint.batchers[w.v])
	done()
	var wrong *rowRefused
	switch {
	case err == nil:
		c.fillIn(ctx, w, rows, scores)
	case errors.As(err, &wrong) && len(rows) == 1:
		c.out.Rows[rows[0]].Problem = refused(w.v, wrong.name, wrong.reason)
	case errors.As(err, &wrong): // in halves, so that many wrong rows cost no more than a few times the right ones
		c.askWith(ctx, w, rows[:len(rows)/2])
		c.askWith(ctx, w, rows[len(rows)/2:])
	case errors.Is(err, errLeftAlone):
		for _, i := range rows {
			c.failed = append(c.failed, failedRow{row: i, by: w.v, alone: true})
		}
	default:
		late := ctx.Err() != nil
		if !late {
			c.server.log.ErrorContext(ctx, "a version could not answer", "endpoint", c.endpoint.def.Name, "version", w.v.id().String(), "rows", len(rows), "error", err)
		}
		c.fail(w.v, rows, "", late)
	}
}

// leaving is the time that a version may take: all there is, but where its model is elsewhere and others can answer in its place all but othersShare of
// that, so that they have time left for what it could not.
func (c *call) leaving(ctx context.Context, v *version) (context.Context, context.CancelFunc) {
	until, ok := ctx.Deadline()
	if !ok || v.guard == nil || len(c.endpoint.others(v)) == 0 {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, until.Add(-time.Duration(othersShare*float64(time.Until(until)))))
}

func (c *call) fail(v *version, rows []int32, why string, late bool) {
	for _, i := range rows {
		c.failed = append(c.failed, failedRow{row: i, by: v, why: why, late: late})
	}
}

// fillIn takes the scores of a version's rows over.
func (c *call) fillIn(ctx context.Context, w *worker, rows []int32, scores []float64) {
	width := w.v.artifact.Answer.Width
	var added []float64
	var margins int
	var unexplained error
	if c.request.Explain {
		added, margins, unexplained = w.explain(ctx)
	}
	for k, i := range rows {
		a := &c.out.Rows[i]
		a.Scores = c.out.take(width)
		copy(a.Scores, scores[k*width:])
		a.Version = w.v.number
		if width > 1 {
			a.Class, a.Classes = likeliest(w.v.classes, a.Scores), w.v.classes
		}
		if !c.request.Explain {
			continue
		}
		if a.Inputs = w.inputs(k); unexplained != nil {
			a.Unexplained = unexplained.Error()
		} else {
			w.explained(a, k, added, margins)
		}
	}
}

// fallBack answers the rows whose version could not: by the others in their order, where the endpoint wants that, then by its constant.
func (c *call) fallBack(ctx context.Context) {
	if len(c.failed) == 0 {
		return
	}
	failed := c.failed
	c.failed = nil
	for len(failed) > 0 {
		first := failed[0] // and those that failed with it
		var rows []int32
		rest := failed[:0:0]
		for _, f := range failed {
			if f.by == first.by && f.alone == first.alone && f.late == first.late {
				rows = append(rows, f.row)
			} else {
				rest = append(rest, f)
			}
		}
		failed = rest
		c.askOthers(ctx, first, rows)
	}
	c.failed = c.failed[:0]
}

func (c *call) askOthers(ctx context.Context, f failedRow, rows []int32) {
	why := "no version of the model could answer"
	if f.by != nil {
		why = f.by.id().String() + " could not answer"
	}
	switch {
	case f.alone:
		why += ": " + errLeftAlone.Error()
	case f.why != "":
		why += ": " + f.why
	}
	if f.by != nil && !f.late {
		for _, v := range c.endpoint.others(f.by) {
			if c.bound.foreign[v] != "" || len(rows) == 0 {
				continue
			}
			c.failed = c.failed[:0]
			c.ask(ctx, v, rows)
			for _, i := range rows {
				c.out.Rows[i].Degraded, c.out.Rows[i].Reason = true, why
			}
			rows = rows[:0:0]
			for _, x := range c.failed {
				rows = append(rows, x.row)
			}
		}
	}
	for _, i := range rows {
		a := &c.out.Rows[i]
		switch {
		case c.endpoint.fallback != nil:
			c.constant(a, why)
		case f.alone:
			a.Problem = modelLeftAlone(f.by)
		case f.by != nil && f.why == "":
			a.Problem = modelFailed(f.by, f.late)
		default:
			a.Problem = c.endpoint.noVersion()
			a.Problem.Detail = "endpoint " + c.endpoint.def.Name + " has no version that can answer: " + why
		}
	}
}

// finish names the predictions, counts them, hands them to the recorder, and has the shadows asked.
func (c *call) finish(view *feature.View) {
	s, e := c.server, c.endpoint
	last, n := tally{}, 0
	for i := range c.out.Rows {
		a := &c.out.Rows[i]
		if t := (tally{a.Version, resultOf(a)}); t != last {
			s.metrics.predicted(e.def.Name, last, n)
			last, n = t, 0
		}
		n++
		if a.Problem != nil {
			a.Scores, a.Version, a.Degraded, a.Reason, a.Inputs, a.Bias, a.Unexplained = nil, 0, false, "", nil, nil, ""
			continue
		}
		a.ID = c.ids[i]
	}
	s.metrics.predicted(e.def.Name, last, n)
	when := time.Now().UnixMilli()
	c.record(view, when)
	s.features.ObserveModel(view.Name, c.out.ModelTime)
	if len(e.shadows) > 0 {
		s.shadow(c, view, when)
	}
}

// record hands the predictions to the recorder, those whose rows it keeps.
func (c *call) record(view *feature.View, when int64) {
	r, left := c.server.o.Recorder, 0
	if r == nil {
		return
	}
	for i := range c.out.Rows {
		if c.recorded(i) {
			left++
		}
	}
	if left == 0 {
		return
	}
	p := r.Begin(c.endpoint.def.Name, view, left)
	if p == nil {
		return
	}
	p.Endpoint, p.Model, p.View, p.Time, p.At = c.endpoint.def.Name, c.endpoint.def.Model.Name, view, when, c.out.At
	for i := range c.out.Rows {
		if a := &c.out.Rows[i]; c.recorded(i) {
			p.Add(Prediction{ID: a.ID, Version: a.Version, Scores: a.Scores, Degraded: a.Degraded, ShareDefaulted: a.ShareDefaulted, Asked: c.askedOf(i)})
		}
	}
	r.Record(p)
}

// recorded reports whether a row's prediction is recorded, where there is a recorder.
func (c *call) recorded(row int) bool {
	return c.out.Rows[row].Problem == nil && c.server.o.Recorder.Samples(c.out.features.Rows[row].KeyHash)
}

// askedOf is what is recorded of what a row was asked with; good until it is called again.
func (c *call) askedOf(row int) []value.Value {
	c.asked = c.asked[:0]
	for _, at := range c.bound.asked {
		c.asked = append(c.asked, c.request.Rows[row].Values[at])
	}
	return c.asked
}

// tally is what predictions are counted by.
type tally struct {
	version int64
	result  string
}

func resultOf(a *Answer) string {
	switch {
	case a.Problem != nil && a.Problem.Code == feature.CodeModelFailed, a.Problem != nil && a.Problem.Code == feature.CodeNoVersion:
		return "failed"
	case a.Problem != nil:
		return "refused"
	case a.Version == 0:
		return "fallback"
	case a.Degraded:
		return "degraded"
	}
	return "answered"
}
