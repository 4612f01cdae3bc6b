package predict

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"

	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/serve/breaker"
)

// guard stands before a version whose model is elsewhere, so that one that hangs costs some requests their time, and not all of them. It is safe
// for concurrent use.
//
// What opens its breaker is that nothing comes: a model that cannot be reached (model.ErrUnavailable), or has not answered when the request's time
// is over and breaker.LateFor more. Whatever comes is an answer, a wrong one and an error too: they come at once, and may be one row's, which must
// not take the answer from all others.
type guard struct {
	*breaker.Breaker
	name string
	log  *slog.Logger
	late atomic.Int32 // calls that go on though nobody waits for them
	said atomic.Bool  // that it is left alone
}

// mostLate is how many calls of a version go on at a time after the request's time is over, to see whether it answers at all: as many as open the
// breaker. More would have a model that has too much to do answer nobody but those who are gone.
const mostLate = 5

// errLeftAlone is of a version that has not answered lately.
var errLeftAlone = errors.New("it does not answer, and is left alone but for a request a second that tries it")

// do has a call answered, within the context's time. left says that the call goes on: what it works in is its own from then on.
func (g *guard) do(ctx context.Context, v *version, call func(context.Context) error) (left bool, err error) {
	if !g.Allow() {
		return false, errLeftAlone
	}
	asking, stop := context.WithCancel(context.WithoutCancel(ctx))
	if until, ok := ctx.Deadline(); ok {
		asking, stop = context.WithDeadline(context.WithoutCancel(ctx), until.Add(breaker.LateFor))
	}
	v.retain() // so that it is not closed while it is asked
	done := make(chan error, 1)
	go func() {
		defer v.release()
		defer stop()
		done <- g.asked(ctx, asking, call)
	}()
	select {
	case err := <-done:
		return false, err
	case <-ctx.Done():
	}
	select {
	case err := <-done: // this moment
		return false, err
	default:
	}
	switch {
	case !errors.Is(ctx.Err(), context.DeadlineExceeded): // who asked has gone
		stop()
	case g.late.Add(1) > mostLate:
		g.late.Add(-1)
		stop()
	default:
		context.AfterFunc(asking, func() { g.late.Add(-1) })
	}
	return true, ctx.Err()
}

// asked makes the call and tells the breaker how it ended.
func (g *guard) asked(ctx, asking context.Context, call func(context.Context) error) (err error) {
	how := breaker.Succeeded
	defer func() {
		if x := recover(); x != nil {
			err = defectOf(x)
		}
		g.Done(how)
		if open := g.IsOpen(); g.said.CompareAndSwap(!open, open) {
			if open {
				g.log.WarnContext(ctx, "a version does not answer, and is left alone but for a request a second that tries it", "version", g.name, "error", err)
			} else {
				g.log.WarnContext(ctx, "a version that was left alone answers again", "version", g.name)
			}
		}
	}()
	err = call(asking)
	switch {
	case errors.Is(err, context.Canceled):
		how = breaker.GivenUp
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, model.ErrUnavailable):
		how = breaker.Failed
	}
	return err
}

// defect is a panic in a version: a mistake of ours, or of a library that runs a model. It fails the rows that it was met with, as any other error does;
// it ends no server, and takes the answer from no other request.
type defect struct {
	what  any
	stack []byte
}

func (d *defect) Error() string { return fmt.Sprintf("a defect of bighead: %v\n%s", d.what, d.stack) }

// defectOf is what was recovered from as an error.
func defectOf(x any) error { return &defect{x, debug.Stack()} }

// predict has the version's model answer a batch into scores. Where its model is elsewhere it may be left alone (errLeftAlone); left says that it goes on
// with batch, scores and scratch though it has not answered in time.
func (v *version) predict(ctx context.Context, in *model.Batch, scores []float64, scratch *model.Scratch) (left bool, err error) {
	a := v.artifact
	call := func(ctx context.Context) error { return a.Answer.Predict(ctx, a.Model, in, scores, scratch) }
	if v.guard == nil {
		return false, call(ctx)
	}
	return v.guard.do(ctx, v, call)
}

// leftAlone reports whether requests are not sent to the version now, but for those that try it.
func (v *version) leftAlone() bool { return v.guard != nil && v.guard.IsOpen() }
