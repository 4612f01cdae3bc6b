package predict

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/serve/breaker"
)

// batcher has rows of several requests answered in one call of a model, for models that cost more by the call than by the row. A row waits for
// others delay long at most, and fewer where max rows have come together. It is safe for concurrent use.
type batcher struct {
	v     *version
	max   int
	delay time.Duration

	mu   sync.Mutex
	next *together // nil: nobody waits
}

// together is a call that is being put together, and then its answer.
type together struct {
	batch  model.Batch
	parts  []int     // rows of each request
	until  time.Time // the latest of the requests' deadlines; zero: one has none
	scores []float64
	errs   []error // by request
	timer  *time.Timer
	done   chan struct{}
}

// predict answers a batch into scores. The batch is copied: the caller may go away and use it again.
func (b *batcher) predict(ctx context.Context, in *model.Batch, scores []float64) error {
	if b.v.guard != nil && b.v.guard.State() == breaker.Open { // and nobody is let try it yet: there is nothing to wait for
		return errLeftAlone
	}
	t, part, from := b.join(ctx, in)
	select {
	case <-t.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	if t.errs[part] != nil {
		return t.errs[part]
	}
	copy(scores, t.scores[from*b.v.artifact.Answer.Width:])
	return nil
}

// join puts a request's rows behind those that wait, and has them answered once there are enough.
func (b *batcher) join(ctx context.Context, in *model.Batch) (t *together, part, from int) {
	b.mu.Lock()
	t = b.next
	if t == nil {
		t = &together{done: make(chan struct{}), until: time.Unix(1, 0)}
		b.next = t
		t.timer = time.AfterFunc(b.delay, func() {
			if b.close(t) {
				b.run(t)
			}
		})
	}
	part, from = len(t.parts), t.batch.Rows
	t.batch.Rows += in.Rows
	t.batch.Numbers, t.batch.Texts, t.parts = append(t.batch.Numbers, in.Numbers...), append(t.batch.Texts, in.Texts...), append(t.parts, in.Rows)
	if until, ok := ctx.Deadline(); !ok {
		t.until = time.Time{}
	} else if !t.until.IsZero() && until.After(t.until) {
		t.until = until
	}
	full := t.batch.Rows >= b.max
	if full {
		b.next = nil
	}
	b.mu.Unlock()
	if full {
		t.timer.Stop()
		b.run(t)
	}
	return t, part, from
}

// close lets nobody join any more; false: it was closed before.
func (b *batcher) close(t *together) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next != t {
		return false
	}
	b.next = nil
	return true
}

// run asks the model for all, and where one of the rows is refused for each request by itself.
func (b *batcher) run(t *together) {
	defer close(t.done)
	ctx := context.Background()
	if !t.until.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, t.until)
		defer cancel()
	}
	a := b.v.artifact
	t.scores, t.errs = make([]float64, t.batch.Rows*a.Answer.Width), make([]error, len(t.parts))
	err := b.ask(ctx, &t.batch, t.scores)
	var row *model.RowError
	if !errors.As(err, &row) || len(t.parts) == 1 {
		for i := range t.errs {
			t.errs[i] = err
		}
		return
	}
	numbers, texts := a.Model.Info().Widths()
	from := 0
	for i, n := range t.parts {
		part := model.Batch{Rows: n, Numbers: t.batch.Numbers[from*numbers : (from+n)*numbers], Texts: t.batch.Texts[from*texts : (from+n)*texts]}
		t.errs[i] = b.ask(ctx, &part, t.scores[from*a.Answer.Width:(from+n)*a.Answer.Width])
		from += n
	}
}

// ask asks the model, on a goroutine that may be nobody's: a panic would end the server, and leave those waiting that joined.
func (b *batcher) ask(ctx context.Context, in *model.Batch, scores []float64) (err error) {
	defer func() {
		if x := recover(); x != nil {
			err = defectOf(x)
		}
	}()
	_, err = b.v.predict(ctx, in, scores, new(model.Scratch)) // nobody else has this memory
	return err
}
