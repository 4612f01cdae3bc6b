package local

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
)

// team runs n workers at once and waits for all of them. The first error ends the context that they are handed, and is returned. A
// panic becomes an error: it is a defect of ours, and must not end a user's program.
func team(ctx context.Context, n int, work func(ctx context.Context, worker int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	for w := range n {
		wg.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					cancel(fmt.Errorf("a defect of bighead: %v\n%s", p, debug.Stack()))
				}
			}()
			if err := work(ctx, w); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// each runs f for the tasks [0, n) on several workers, in about that order.
func each(ctx context.Context, workers, n int, f func(worker, task int) error) error {
	var mu sync.Mutex
	next := 0
	return team(ctx, min(workers, max(1, n)), func(ctx context.Context, worker int) error {
		for {
			mu.Lock()
			task := next
			next++
			mu.Unlock()
			if task >= n {
				return nil
			}
			if err := context.Cause(ctx); err != nil {
				return err
			}
			if err := f(worker, task); err != nil {
				return err
			}
		}
	})
}
