package servetest

import (
	"context"
	"time"
)

// Told is a request's context whose time is over when the test says so, by closing Over, and not by the clock that its deadline names.
type Told struct {
	context.Context
	Over  chan struct{}
	Until time.Time
}

// NewTold makes one whose deadline, by the clock, is in an hour.
func NewTold(ctx context.Context) Told {
	return Told{ctx, make(chan struct{}), time.Now().Add(time.Hour)}
}

// Deadline is in an hour.
func (c Told) Deadline() (time.Time, bool) { return c.Until, true }

// Done is closed with Over.
func (c Told) Done() <-chan struct{} { return c.Over }

// Err is of a deadline, once it is over.
func (c Told) Err() error {
	select {
	case <-c.Over:
		return context.DeadlineExceeded
	default:
		return nil
	}
}
