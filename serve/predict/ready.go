package predict

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/serve"
)

// healthFor is how long what a model elsewhere says of its health is taken for true: however many ask, it is asked once in that time.
const healthFor = time.Second

// healthWithin is how long it may take to say so, whoever still waits. A test changes it.
var healthWithin = 2 * time.Second

// health is what a version's model has said of whether it could answer. It is safe for concurrent use.
type health struct {
	mu     sync.Mutex
	asking chan struct{} // closed when the model has said; nil: it is not being asked
	said   time.Time     // zero: never
	err    error
}

// ready is nil where a request of now could be answered. A model in this process always is; one elsewhere is asked, but not while it is left alone:
// then a request would be refused. One that a request is to try is asked too, for else who waits until it is ready, and nobody else, would wait for
// ever. Nothing of it is told to the breaker: a model can be well and answer nobody. No request waits for any of this. The version is held by the caller.
func (v *version) ready(ctx context.Context, now func() time.Time) error {
	if v.guard == nil {
		return v.artifact.Model.Health(ctx)
	}
	if !v.guard.Asks() {
		return errLeftAlone
	}
	h := &v.health
	h.mu.Lock()
	if h.asking == nil {
		if !h.said.IsZero() && now().Sub(h.said) < healthFor {
			defer h.mu.Unlock()
			return h.err
		}
		h.asking = make(chan struct{})
		v.retain() // so that it is not closed while it is asked
		go v.askHealth(now)
	}
	asking := h.asking
	h.mu.Unlock()
	select {
	case <-asking:
	case <-ctx.Done():
		return ctx.Err()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.err
}

// askHealth asks the model, for all who wait.
func (v *version) askHealth(now func() time.Time) {
	defer v.release()
	ctx, cancel := context.WithTimeout(context.Background(), healthWithin)
	defer cancel()
	err := healthOf(ctx, v.artifact.Model)
	h := &v.health
	h.mu.Lock()
	defer h.mu.Unlock()
	if turned := (err == nil) != (h.err == nil); turned && err != nil {
		v.guard.log.Warn("a version is not ready", "version", v.guard.name, "error", err)
	} else if turned {
		v.guard.log.Warn("a version is ready again", "version", v.guard.name)
	}
	h.said, h.err = now(), err
	close(h.asking)
	h.asking = nil
}

func healthOf(ctx context.Context, m model.Model) (err error) {
	defer func() {
		if x := recover(); x != nil {
			err = fmt.Errorf("a defect of bighead: %v\n%s", x, debug.Stack())
		}
	}()
	return m.Health(ctx)
}

// unreadiness says why a version is not ready, as callers are told; what exactly is wrong is the log's.
func unreadiness(err error) string {
	switch {
	case errors.Is(err, errLeftAlone):
		return errLeftAlone.Error()
	case errors.Is(err, model.ErrUnavailable):
		return "its model cannot be reached, or is being started"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return "its model does not say in time whether it is ready"
	}
	return "its model says that it is not ready"
}

// notReady is the problem of who asks whether a version is.
func notReady(v *version, err error) *serve.Problem {
	return &serve.Problem{Code: feature.CodeModelFailed, Detail: fmt.Sprintf("version %d of model %s is not ready: %s", v.number, v.model, unreadiness(err)),
		Cure: "come again shortly; the server's log says what is wrong", After: time.Second}
}
